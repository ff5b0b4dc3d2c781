"""The dialog of `dialogue-gym play`: numbers, names, hints and endings, at a pipe and at a terminal."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dialogue_gym import load_domain
from dialogue_gym.bounds import Bound
from dialogue_gym.play import Match
from dialogue_gym.play.dialog import PlayDialog
from dialogue_gym.play.report import best
from tests import ROOT
from tests.commands import call
from tests.teaching.terminal.dialogs import played
from tests.terminals import Window

PAGE = ROOT / "docs/play.md"


def screens(*answers: str, name: str = "restaurant", seed: int = 7, **user: object) -> list[str]:
    match = Match(load_domain(name), user, seed)
    return list(played(PlayDialog(match, lambda: best(Bound(16.08))).play(), answers))


def test_numbers_names_and_parts_of_names_choose_an_action() -> None:
    first, by_number, by_name, by_part, *_ = screens("5", "utter_ask_numpeople", "ask_pri")
    assert "user  French food, please." in first and "action_suggest" not in first
    assert by_number.startswith("bot   Where should it be?\nuser  A place in london, please.")
    assert "people: 2" in by_name and "score -2 points" in by_name
    assert "price: expensive" in by_part and "action_suggest How about this" in by_part


def test_answers_that_name_no_action_cost_nothing() -> None:
    answers = {
        "": "(no answer; type the number of an action)",
        "8": "(action_suggest is not possible now: it needs cuisine filled, people filled, location filled,"
        " price filled)",
        "99": "(there is no number 99; the last one is 16)",
        "utter_gret": "(unknown action utter_gret; did you mean 'utter_greet'?)",
        "ask": "(ask is part of 7 names: utter_ask_howcanhelp,",
        "?": "number  do this action",
        "h": "The expert would choose 7 utter_ask_numpeople or 5 utter_ask_location or 6 utter_ask_price.",
    }
    found = screens(*answers)[1:]
    for shown, expected in zip(found, answers.values(), strict=True):
        assert expected in shown
    assert "score -1 point\n" in screens(*answers, "5")[-1]


def test_the_end_compares_with_the_expert_and_the_bound() -> None:
    right = ["5", "7", "6", "8"]
    end, again = screens("3", *right)[-1], screens("3", *right, "")[-1]
    assert "Success: the user has what they wanted.\nYou: 15 points, success after 5 steps." in end
    assert "The expert, with the same user: 16 points, success after 4 steps. You are 1 point behind." in end
    assert "The user wanted: french food, a table for 2," in end and "all users: 16.08." in end
    assert again.startswith("\nAgain? (y yes, n no, e see how the expert did it)")
    more = screens("3", *right, "", "x", "e", "y", "q")
    assert "(unknown answer x; y yes, n no, e see" in more[-4]
    assert "bot   How about this expensive french restaurant in london, for 2 people?" in more[-3]
    assert "Dialogue 2 (seed 8)" in more[-2]
    assert more[-1] == "1 of 1 dialogue with success.\n"


def test_a_search_shows_venues_and_offers() -> None:
    shown = "\n".join(screens("h", "2", "3", name="hotel", seed=1))
    assert re.search(r"found: \d+ of \d+", shown) and "The expert would choose" in shown


@pytest.mark.slow  # it computes the bound
def test_the_page_shows_a_match(tmp_path: Path) -> None:
    commands = re.findall(
        r"```sh\n(dialogue-gym play .*)\n```\n\n```text\n(.*?)```",
        PAGE.read_text(encoding="utf-8"),
        re.DOTALL,
    )
    assert commands
    for command, shown in commands:
        prompts = re.findall(r"^(?:action >|Again\? \(.*?\)) (.*)$", shown, re.MULTILINE)
        done = call(*command.split()[1:], typed="".join(f"{line}\n" for line in prompts), cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        printed = "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())
        for part in shown.split("...\n"):  # left out
            assert part in printed


@pytest.mark.slow
def test_without_scipy_only_the_best_score_is_missing(tmp_path: Path) -> None:
    (tmp_path / "scipy").mkdir()
    missing = 'raise ModuleNotFoundError("none here", name="scipy")'
    (tmp_path / "scipy/__init__.py").write_text(missing)
    done = subprocess.run(
        [sys.executable, "-m", "dialogue_gym", "play", "restaurant", "--seed", "7"], input="5\n7\n6\n8\nn\n",
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}, cwd=tmp_path, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    assert '(scipy computes the best possible score: pip install "dialogue_gym[agents]")' in done.stdout
    assert done.stdout.endswith("1 of 1 dialogue with success.\n") and done.stderr == ""


def test_the_python_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(code, str(PAGE), "exec"), {})
    assert capsys.readouterr().out.startswith("GameResult(outcome=")


def test_errors_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "mute.yml").write_text("intents: [greet]\n")
    for words, error in {
        "restaurent": "error: 'restaurent' is neither a file nor a built-in domain; did you mean",
        "mute.yml": "error: mute.yml: there is nobody to play with, since the domain has no fake user",
        "restaurant usr=unfriendly": "error: unknown setting 'usr'; did you mean 'user'?",
        "restaurant user=unfrendly": "error: unknown user 'unfrendly'; did you mean 'unfriendly'?",
    }.items():
        done = call("play", *words.split(), cwd=tmp_path)
        assert done.returncode == 2 and done.stderr.startswith(error), done.stderr
        assert done.stderr.count("\n") == 1 and done.stdout == ""


def test_at_a_terminal_tab_completes_and_leaving_shows_the_score(tmp_path: Path) -> None:
    window = Window("play", "concert", "--seed", "3", cwd=tmp_path, columns=80, NO_COLOR="1")
    try:
        window.type("", "Dialogue 1 (seed 3)", "action >")
        window.type("utter_gre\t", "utter_greet")
        window.type("\r", "bot   Hey there!", "action >")
        window.type("\x03", "Leave? The game ends.")
        window.type("n\r", "action >")
        window.type("q\r", "No dialogue was finished.")
        assert window.process.wait(30) == 0
    finally:
        window.close()
    assert not list(tmp_path.iterdir())
