"""The help of every command, its version, and completion in a real shell."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from dialogue_gym import __version__
from dialogue_gym.cli.app import app
from tests import ROOT
from tests.commands import call, run

COMMANDS = {
    (): "Play, check, train, teach, serve and talk to dialogue bots.",
    ("play",): "Play the bot yourself",
    ("chat",): "Talk to a trained agent",
    ("check",): "Check domain, story and NLU files",
    ("train",): "Train an agent with the fake user of a domain",
    ("evaluate",): "Count how often an agent succeeds",
    ("test",): "Let the fake user of a domain talk to a bot",
    ("new",): "Make a new bot",
    ("paraphrase",): "Collect more sentences for users",
    ("import",): "Make a domain of an ontology and its database.",
    ("import", "pydial"): "Make a domain of PyDial's files",
    ("import", "multiwoz"): "Make a domain of MultiWOZ's files",
    ("teach",): "Teach a bot in the terminal",
    ("live",): "Talk to a bot in the terminal and rate it",
    ("serve",): "Serve a bot in the browser",
    ("stories",): "Convert, join and inspect stories.",
    ("stories", "convert"): "Convert stories to the other format",
    ("stories", "join"): "Join short stories into longer dialogues",
    ("stories", "stats"): "Count the contents of stories.",
    ("stories", "graph"): "Draw stories as one Mermaid graph.",
    ("store",): "Inspect, export, prune and erase conversations; invite teachers.",
    ("store", "list"): "List conversations",
    ("store", "show"): "Show a conversation as a chat",
    ("store", "evaluate"): "Estimate how an agent would have done in logged conversations",
    ("store", "fit"): "Fit the fake user to the people who talked to a bot",
    ("store", "export"): "Write what was taught as a project for Rasa",
    ("store", "import-tracker"): "Import conversations with a Rasa bot",
    ("store", "copy"): "Copy a store to a new folder or database",
    ("store", "adopt"): "Use a store with another domain",
    ("store", "rename-action"): "Rename an action",
    ("store", "forget"): "Erase a conversation for good",
    ("store", "ratings"): "List visitors' ratings",
    ("store", "raters"): "Report on the raters",
    ("store", "rollback"): "Go back to an earlier checkpoint",
    ("store", "prune"): "Remove old checkpoints",
    ("store", "check"): "Check a store",
    ("store", "invite"): "Print a link for a new teacher",
    ("store", "teachers"): "List the accounts of teachers",
    ("store", "log"): "Show who did what on the server",
    ("hub",): "Share agents and domains on the Hugging Face Hub.",
    ("hub", "push"): "Write an agent or a domain to a repository",
    ("hub", "pull"): "Copy an agent or a domain from a repository",
}


def test_every_command_is_listed_here() -> None:
    group = typer.main.get_command(app)
    names = {()} | {(name,) for name in group.commands}  # type: ignore[attr-defined]
    for name in ("import", "stories", "store", "hub"):
        names |= {(name, sub) for sub in group.commands[name].commands}  # type: ignore[attr-defined]
    assert names == set(COMMANDS)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_fits_80_columns_and_begins_with_a_sentence(words: tuple[str, ...]) -> None:
    result = call(*words, "--help")
    assert result.returncode == 0 and result.stderr == ""
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert "\u2026" not in result.stdout  # nothing is cut off
    (usage,) = (number for number, line in enumerate(lines) if line.startswith(" Usage:"))
    described = [line.strip() for line in lines[usage + 2 :]]
    assert described[0].startswith(COMMANDS[words])


def test_options_are_grouped() -> None:
    shown = call("serve", "--help").stdout
    groups = [line.split()[1] for line in shown.splitlines() if line.startswith("\u256d")]
    assert groups[:4] == ["Arguments", "Options", "Serving", "Bot"]
    assert groups[4:] == ["Teaching", "Learning", "Visitors", "OpenEnv,"]


CHOICES = {
    "evaluate restaurant --mode tool": "--mode: unknown mode 'tool'; did you mean 'tools'?",
    "serve restaurant --mode tool": "--mode: unknown mode 'tool'; did you mean 'tools'?",
    "teach restaurant --user fak": "--user: unknown user 'fak'; did you mean 'fake'?",
    "teach restaurant --turn-taking atuo": "--turn-taking: unknown turn taking 'atuo'; did you mean 'auto'?",
    "teach restaurant --teacher you": "--teacher: unknown teacher 'you'; valid: expert, me",
    "train restaurant --bound smple": "--bound: unknown bound 'smple'; did you mean 'sample'?",
    "test DIR --domain restaurant --format fix": "--format: unknown form 'fix'; did you mean 'fixed'?",
}


def test_an_unknown_name_is_reported_as_everywhere_else() -> None:
    for words, error in CHOICES.items():
        done = call(*words.split())
        assert (done.returncode, done.stderr, done.stdout) == (2, f"error: {error}\n", "")
    for words in COMMANDS:  # typer's own choices show brackets, and would use other words
        shown = call(*words, "--help").stdout
        assert not re.search(r"[<\[]\w+\|", shown), words
        assert "<Any>" not in shown, words


def test_the_version_is_shown(tmp_path: Path) -> None:
    shown = run([sys.executable, "-m", "dialogue_gym", "--version"], tmp_path)
    assert shown.stdout == f"dialogue-gym {__version__}\n"


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is missing")
def test_bash_completes_commands_domains_and_options(tmp_path: Path) -> None:
    program = tmp_path / "dialogue-gym"
    program.write_text(f"#!{sys.executable}\nfrom dialogue_gym.cli import main\nmain()\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "reception.yml").write_text("intents: [greet]\n")
    (tmp_path / "readme.txt").write_text("")
    script = """
eval "$(dialogue-gym --show-completion bash)"
complete_words() {
  COMP_WORDS=(dialogue-gym "$@"); COMP_CWORD=$#; COMPREPLY=()
  $(complete -p dialogue-gym | sed 's/.*-F \\([^ ]*\\) .*/\\1/') dialogue-gym
  echo ${COMPREPLY[@]}
}
complete_words se
complete_words serve re
complete_words serve restaurant --pass
"""
    result = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False,
        env=os.environ | {
            "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT),
            "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
        },
    )  # fmt: skip
    assert result.stderr == ""
    assert result.stdout.splitlines() == ["serve", "restaurant reception.yml", "--password-file"]
