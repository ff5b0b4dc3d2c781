"""Every command in the docs is one that exists: its options, their values and its extras."""

from __future__ import annotations

import asyncio
import configparser
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer.main

from agents.cli import app as agents
from dialogue_gym.cli.app import app
from dialogue_gym.policies import load_agent
from dialogue_gym.text import FieldAgent, TextDialogue
from tests import ROOT
from tests.pages import block_with, blocks

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md"))]
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg", encoding="utf-8")
PROGRAMS: dict[tuple[str, ...], typer.Typer] = {("dialogue-gym",): app, ("python", "-m", "agents"): agents}
SHOWN = ("sh", "console", "text")
"""The languages of blocks with commands; in the last two a command begins with a dollar."""
OTHERS = {
    "cd",
    "cp",
    "createdb",
    "curl",
    "docker",
    "echo",
    "export",
    "git",
    "make",
    "mkdir",
    "openssl",
    "python3",
}
"""Programs of others. `test_consoles.py` and `tests/web` run those that are there."""


def commands(page: Path) -> Iterator[str]:
    """Yield the commands in the blocks of a page, and those between the words of its text."""
    text = page.read_text(encoding="utf-8")
    for block in blocks(str(page.relative_to(ROOT)), *SHOWN):
        for line in block.text.replace("\\\n", " ").splitlines():
            if block.language == "sh" or line.startswith("$ "):
                yield line.removeprefix("$ ")
    prose = re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)
    for span in re.findall(r"`([^`]+)`", prose):
        if re.match(r"(dialogue-gym|python -m agents) [a-z]", span):
            yield " ".join(span.split())


def parse(words: list[str]) -> None:
    """Let the program read the words of one of its commands, without doing anything."""
    for program, application in PROGRAMS.items():
        if tuple(words[: len(program)]) == program:
            found: Any = typer.main.get_command(application)
            rest = words[len(program) :]
            while rest and (inner := getattr(found, "commands", {})):
                assert rest[0] in inner, f"there is no {rest[0]}"
                found = inner[rest.pop(0)]
            if not hasattr(found, "commands"):
                found.make_context(program[-1], rest)
            return
    assert words[:2] == ["python", "-m"], words
    module = (ROOT / words[2].replace(".", "/")).with_suffix(".py").read_text(encoding="utf-8")
    for option in (word for word in words[3:] if word.startswith("--")):
        assert f'"{option}"' in module, option


@pytest.mark.parametrize("page", [page for page in PAGES if any(commands(page))], ids=lambda page: page.name)
def test_the_commands_of_a_page_exist(page: Path) -> None:
    """Tests of the pages run those of `sh`, and `test_consoles.py` those of `console`; this reads all."""
    for command in commands(page):
        words = shlex.split(command, comments=True)
        if words[:2] == ["pip", "install"]:
            for extras in re.findall(r"(?:dialogue_gym|\.)\[([\w,]+)\]", command):
                assert {*extras.split(",")} <= {*SETUP["options.extras_require"]}, command
        elif words and words[0] not in OTHERS and "=" not in words[0]:
            try:
                parse(words)
            except Exception as error:
                is_name = type(error).__name__ == "MissingParameter" and f"`{command}" in page.read_text(
                    "utf-8"
                )
                assert is_name, f"{command}: {getattr(error, 'message', error)}"


def test_a_page_says_that_the_programs_of_research_need_a_checkout() -> None:
    for page in ROOT.glob("docs/*.md"):
        text = page.read_text(encoding="utf-8")
        assert "python -m agents" not in text or "checkout" in text, page.name


def test_a_command_that_does_not_exist_is_noticed() -> None:
    for wrong in (
        "dialogue-gym chatt restaurant",
        "dialogue-gym chat restaurant --agnet expert",
        "dialogue-gym train restaurant --bound smple",
        "python -m agents.language.grpo --epoch 3",
    ):
        with pytest.raises(Exception, match=r"chatt|agnet|smple|epoch"):
            parse(shlex.split(wrong))


# Code for libraries that are not installed here: `tests/libraries` runs TRL and OpenEnv as they are.


class Base:
    """A stand-in for a class of a library, which takes what the library's own would."""

    def __init__(self, *args: Any, **keywords: Any) -> None:
        self.args, self.session_state = args, {}
        vars(self).update(keywords)

    def __class_getitem__(cls, item: Any) -> type:
        return cls


PAGE = "docs/language-models.md"


def best(dialogue: TextDialogue) -> Iterator[str]:
    """Yield the replies of the expert to a dialogue in the mode `names` or `tools`."""
    agent = FieldAgent(load_agent("expert", dialogue.domain))  # type: ignore[arg-type]
    agent.begin(dialogue)
    while not dialogue.is_over:
        yield agent.reply("")


def expected(mode: str) -> float:
    """Return the return of the expert in the dialogue of seed 3."""
    dialogue, total = TextDialogue("restaurant", mode), 0.0
    dialogue.reset(3)
    for reply in best(dialogue):
        total += dialogue.step(reply).reward
    assert total > 10
    return total


def test_the_user_for_skyrl_plays_a_dialogue() -> None:
    names: dict[str, Any] = {"TextDialogue": TextDialogue, "BaseTextEnv": Base, "BaseTextEnvStepOutput": Base}
    registered: dict[str, Any] = {}
    names["skyrl_gym"] = SimpleNamespace(register=registered.__setitem__)
    exec(block_with(PAGE, "skyrl_gym"), names)
    env = registered["restaurant"](extras={"seed": 3})
    prompt, _ = env.init([{"role": "system", "content": "x"}])
    assert [message["role"] for message in prompt] == ["system", "user"]
    total = 0.0
    for reply in best(env.dialogue):
        out = env.step(reply)
        total += out.reward
    assert out.done and out.metadata == {"is_success": True} and total == expected("tools")


def test_the_user_for_nemo_gym_plays_a_dialogue(monkeypatch: pytest.MonkeyPatch) -> None:
    server = SimpleNamespace(GymnasiumServer=Base, extract_text=lambda action: action["text"])
    monkeypatch.setitem(sys.modules, "resources_servers", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "resources_servers.gymnasium", server)
    names: dict[str, Any] = {"TextDialogue": TextDialogue, "__name__": "app"}
    exec(block_with(PAGE, "GymnasiumServer"), names)
    user = names["FakeUser"]()

    async def play() -> float:
        message, _ = await user.reset({"seed": 3}, session_id="a")
        assert message
        total = 0.0
        for reply in best(user.session_state["a"]):
            _, reward, is_over, _, info = await user.step({"text": reply}, {}, session_id="a")
            total += reward
        assert is_over and info["is_success"]
        return total

    assert asyncio.run(play()) == expected("names")


def test_the_taskset_for_verifiers_plays_a_dialogue(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = ("EnvConfig", "AgentConfig", "Env", "Taskset", "Task", "TasksetConfig", "TaskData")
    v1 = SimpleNamespace(**{kind: type(kind, (Base,), {}) for kind in kinds})
    monkeypatch.setitem(sys.modules, "verifiers", SimpleNamespace(v1=v1))
    monkeypatch.setitem(sys.modules, "verifiers.v1", v1)
    made: list[TextDialogue] = []
    rewards: dict[str, float] = {}

    def dialogue(*words: str) -> TextDialogue:
        made.append(TextDialogue(*words))
        return made[-1]

    class Interaction:
        trace = SimpleNamespace(record_reward=rewards.__setitem__)

        async def __aenter__(self) -> Interaction:
            self.replies = best(made[-1])
            return self

        async def __aexit__(self, *_: object) -> None:
            pass

        async def turn(self, message: str) -> Any:
            return SimpleNamespace(terminated=False, last_reply=next(self.replies))

    names: dict[str, Any] = {"TextDialogue": dialogue, "__name__": "fake_user"}
    exec(block_with(PAGE, "verifiers"), names)
    tasks = names["FakeUserTaskset"](config=SimpleNamespace(task=None)).load()
    task = SimpleNamespace(data=tasks[3].args[0])
    agents = SimpleNamespace(bot=SimpleNamespace(interaction=lambda task: Interaction()))
    asyncio.run(names["FakeUserEnv"]().run(task, agents))
    assert rewards == {"return": expected("names")} and len(tasks) == 1000
