"""Guides do what they say: the start page, and those whose commands need files of their own."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from dialogue_gym import DialogueEnv, load_domain
from dialogue_gym.journal import Store
from dialogue_gym.policies import ExpertPolicy, load_agent
from dialogue_gym.training import evaluate
from tests import ROOT
from tests.commands import dialogue_gym as run
from tests.pages import texts

GUIDE, TEACHERS, START = "docs/your-domain.md", "docs/teachers.md", "docs/index.md"


def test_the_start_page_prints_the_shown_dialogue(capsys: pytest.CaptureFixture[str]) -> None:
    (code,), (shown,) = texts(START, "python"), texts(START, "text")
    exec(compile(code, "index.md", "exec"), {})
    assert capsys.readouterr().out == shown


def test_the_commands_of_the_start_page_run(tmp_path: Path) -> None:
    install, play = "".join(texts(START, "sh")).splitlines()
    assert install == 'pip install ".[agents,teach,nlu]"'
    assert "q quit" in run(*shlex.split(play)[1:], "--seed", "7", cwd=tmp_path, typed="q\n")
    typed = "I would like french food in london\n?\n"
    assert "location: london" in run(*shlex.split("chat restaurant"), cwd=tmp_path, typed=typed)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the file that the guide writes in three parts."""
    folder = tmp_path_factory.mktemp("guide")
    (folder / "bikes.yml").write_text("\n".join(texts(GUIDE, "yaml")), encoding="utf-8")
    return folder


def test_the_bot_of_the_guide_talks_as_shown(folder: Path) -> None:
    (shown,) = texts(GUIDE, "text")
    command, _, shown = shown.partition("\n")
    typed = "".join(f"{line}\n" for line in re.findall(r"^you > (.*)$", shown, re.MULTILINE))
    assert run(*shlex.split(command)[2:], cwd=folder, typed=typed) == shown


def test_the_code_of_the_guide_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    (code,) = texts(GUIDE, "python")
    exec(compile(code, "your-domain.md", "exec"), {})


def merged(old: Any, new: Any) -> Any:
    """Return YAML with additions under its keys; those of a list come first."""
    if isinstance(old, dict) and isinstance(new, dict):
        return old | {key: merged(old[key], value) if key in old else value for key, value in new.items()}
    return new + old if isinstance(old, list) else new


def test_the_question_of_yes_or_no_is_asked_and_answered(folder: Path, tmp_path: Path) -> None:
    domain, lines = (folder / "bikes.yml").read_text(encoding="utf-8"), texts(GUIDE, "yml")[0]
    text = yaml.safe_dump(merged(yaml.safe_load(domain), yaml.safe_load(lines)))
    (tmp_path / "bikes.yml").write_text(text, encoding="utf-8")
    assert run("check", "bikes.yml", cwd=tmp_path) == "0 errors, 0 warnings\n"
    env = DialogueEnv(tmp_path / "bikes.yml")
    assert evaluate(env, ExpertPolicy(env), dialogues=200).success_rate == 1
    for answer, value in (("without", "without a helmet"), ("with a helmet, please", "with a helmet")):
        typed = f"{answer}\na city bike\n2 days\n?\n"
        said = run("chat", "bikes.yml", cwd=tmp_path, typed=typed)
        assert f"helmet: {value}" in said, said


RENTS = """
intents: [rent, affirm]
entities: [helmet]
slots:
  helmet:
    type: categorical
    values: [with a helmet, without a helmet]
    mappings: [{type: from_entity, entity: helmet}, MAPPING]
forms: {rent_form: {required_slots: [helmet]}}
responses: {utter_ask_helmet: [text: "With a helmet?"], utter_done: [text: "A bicycle {helmet}."]}
rules:
- {rule: Begin, steps: [{intent: rent}, {action: rent_form}, {active_loop: rent_form}]}
- rule: End
  condition: [{active_loop: rent_form}]
  steps: [{action: rent_form}, {active_loop: null}, {action: utter_done}]
"""


def test_a_form_understands_yes_as_the_guide_says(tmp_path: Path) -> None:
    (mapping,) = re.findall(r"`(\{type: from_intent.*?\})`", (ROOT / GUIDE).read_text(encoding="utf-8"))
    (tmp_path / "rent.yml").write_text(RENTS.replace("MAPPING", mapping), encoding="utf-8")
    said = run("chat", ".", cwd=tmp_path, typed="/affirm\n/rent\n/affirm\n")
    assert "With a helmet?\nbot   A bicycle with a helmet." in re.sub(r"you > .*\n", "", said)


@pytest.mark.slow
def test_the_commands_of_the_guide_train_what_they_promise(folder: Path) -> None:
    for line in "".join(texts(GUIDE, "sh")).splitlines():
        run(*shlex.split(line)[1:], cwd=folder)
    domain = load_domain(folder / "bikes.yml")
    env = DialogueEnv(domain, semantic_error_rate=0.3)
    plain, noisy = (
        evaluate(env, load_agent(str(folder / "out" / name), domain).policy, dialogues=1000).success_rate
        for name in ("bikes", "noisy")
    )
    assert noisy > 0.98 and 0.9 < plain < 0.97


def test_the_commands_about_teachers_run(tmp_path: Path) -> None:
    Store(tmp_path / "restaurant-teaching").close()
    said = [
        run(*shlex.split(line)[1:], cwd=tmp_path)
        for block in texts(TEACHERS, "sh")
        for line in block.splitlines()
    ]
    invited, again, listed, log, as_json, pruned = said
    assert "http://127.0.0.1:8080/teach/join/" in invited and "https://bot.example.org/teach/join/" in again
    assert "anna" in listed and "invited by command line" in listed
    assert log.count("anna (administer)") == as_json.count('"anna (administer)"') == 2
    assert pruned == "0 days removed\n"
