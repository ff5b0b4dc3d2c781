"""`dialogue-gym store fit`: from a real store to a domain file that can be trained on at once."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from dialogue_gym import DialogueEnv, ExpertPolicy, load_domain
from dialogue_gym.actions import ActionRunner
from dialogue_gym.conversation.events import UserUttered
from dialogue_gym.domain import domain_text
from dialogue_gym.fitting import journal_dialogues, phrases_of
from dialogue_gym.fitting.dialogues import turn_taking_of
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.live.bot import LiveBot
from dialogue_gym.live.exploration import Explorer
from dialogue_gym.live.simulated_person import SimulatedPerson
from dialogue_gym.nlu.interpreter import FixedFormatInterpreter
from dialogue_gym.teaching.session import Session
from tests import ROOT
from tests.commands import call, dialogue_gym, run

PAGE = (ROOT / "docs" / "fitting.md").read_text("utf-8")
COMMANDS = [line for line in PAGE.split("```sh\n")[1].split("```")[0].splitlines() if line]


class Trying(ExpertPolicy):
    """An expert behind the exploration of a live bot."""

    version = 7


def live(folder: Path, name: str, people: int, **settings: Any) -> None:
    domain = load_domain(name)
    with Store(folder) as store:
        store.use_domain(name, domain_text(name))
        person = SimulatedPerson(domain, silent=1.0, settings=settings)
        decider = Explorer(cast(Any, Trying(DialogueEnv(domain))), 3, (0.2, 0.2))
        bot = LiveBot(domain, store, decider, FixedFormatInterpreter(domain), person)
        for _ in range(people):
            person.talk(bot)


@pytest.mark.slow
def test_the_commands_of_the_page_lead_from_people_to_a_trained_bot(tmp_path: Path) -> None:
    settings = {"patience": 3, "informativeness": 1.6, "correction_rate": 0.8}
    live(tmp_path / "restaurant-live", "restaurant", 150, **settings)
    fit, check, train = (shlex.split(line)[1:] for line in COMMANDS)
    shown = dialogue_gym(*fit, cwd=tmp_path)
    assert "fitted to 150 conversations with people" in shown and "fitted.yml written" in shown
    assert "0 errors, 0 warnings" in dialogue_gym(*check, cwd=tmp_path)
    dialogue_gym(*train, "--steps", "300", "--dialogues", "20", "--bound", "none", cwd=tmp_path)
    assert (tmp_path / "out" / "fitted").is_dir()
    words = ["train", "Dialogue-v0", "domain=fitted.yml", "--agent", "masked_q_table", "--steps", "300"]
    run([sys.executable, "-m", "agents", *words, "--out", "out/agents"], tmp_path)

    found = json.loads(dialogue_gym(*fit, "--json", cwd=tmp_path))
    figures = {f"{one['name']} {one['part']}".strip(): one for one in found["figures"]}
    assert (found["dialogues"], found["live"], found["taught"]) == (150, 150, 0)
    user = load_domain(tmp_path / "fitted.yml").fake_user
    assert user is not None
    profile = user.profile("standard")
    for name, value in (
        ("patience", profile.patience),
        ("informativeness", profile.informativeness),
        ("corrects", profile.correction_rate),
    ):
        one = figures[name]
        assert value == pytest.approx(one["value"], abs=1e-5)
        if one["is_identified"]:
            assert abs(one["value"] - settings[name.replace("corrects", "correction_rate")]) < 2 * (
                (one["high"] or 100) - one["low"] + 0.01
            )
    assert figures["patience"]["value"] == 3 and figures["error_rate"]["value"] == 0
    acts, *_ = found["distances"]
    assert acts["behaviour"] == "user acts" and acts["value"] < acts["before"]


def test_refusals_are_one_sentence_and_write_nothing(tmp_path: Path) -> None:
    live(tmp_path / "few", "concert", 3)
    out = tmp_path / "fitted.yml"
    for place, target, sentence in (
        ("nowhere", out, "nowhere"),
        ("few", out, "few: 3 conversations with people: it takes 20 at least"),
        ("few", tmp_path, "this is a directory"),
        (
            "few",
            tmp_path / "few/journal.sqlite",
            "journal.sqlite: this file exists, and is not a fitted domain; remove it",
        ),
        ("postgresql://ann:secret@localhost:1/x", out, "no server answers there"),
    ):
        where = place if "://" in place else str(tmp_path / place)
        done = call("store", "fit", where, "--out", str(target))
        assert done.returncode == 2 and sentence in done.stderr.replace("\n", " "), done.stderr
        assert (
            "Traceback" not in done.stderr
            and "secret" not in done.stderr
            and len(done.stderr.splitlines()) == 1
        )
    assert not out.exists()
    assert call("store", "check", str(tmp_path / "few")).returncode == 0  # nothing was written over it


def test_a_phrase_of_one_person_is_none_in_however_many_conversations(tmp_path: Path) -> None:
    domain = load_domain("concert")
    with Store(tmp_path / "said") as store:
        store.use_domain("concert", domain_text("concert"))
        decider = Explorer(cast(Any, Trying(DialogueEnv(domain))), 3)
        bot = LiveBot(domain, store, decider, FixedFormatInterpreter(domain), ActionRunner(domain))
        for person, text in (("ann", "It is Ann"), ("ann", "It is Ann"), ("ann", "Hey"), ("bob", "Hey")):
            bot.take(bot.begin(person), UserUttered(text, "greet"))
        for _ in range(2):
            session = Session(domain, store, is_mine=lambda conversation: False)  # a new conversation
            session.say(UserUttered("Here is your teacher", "greet"))
        messages = journal_dialogues(History(store.entries()), domain).messages
    assert phrases_of(domain, messages) == {"greet": ["Hey"]}


def test_teachers_say_what_was_meant(tmp_path: Path) -> None:
    domain = load_domain("concert")
    with Store(tmp_path / "taught") as store:
        store.use_domain("concert", domain_text("concert"))
        session = Session(domain, store)
        session.say(UserUttered("Hello", "goodbye"))
        session.correct_message(UserUttered("Hello", "greet"))
        session.correct("utter_greet")
        session.correct("action_listen")
        session.say(UserUttered("Find concerts", "search_concerts"))
        Session(domain, store, settings={}, is_mine=lambda conversation: False)  # its fake user is nobody
        found = journal_dialogues(History(store.entries()), domain)
    assert (len(found.dialogues), found.live, found.taught) == (1, 0, 1)
    (dialogue,) = found.dialogues
    greet, goodbye, search = (
        domain.intents.index(one) + 1 for one in ("greet", "goodbye", "search_concerts")
    )
    assert dialogue.opening[0] == goodbye and dialogue.opening_meant == (greet, (0, 0))
    _, step = dialogue.steps
    assert turn_taking_of(dialogue) == "explicit"
    assert step.heard is not None and step.heard[0] == search and step.meant == (search, (0, 0))
    assert dialogue.outcome is None
    assert [(one.text, one.intent) for one in found.messages] == [
        ("Hello", "greet"),
        ("Find concerts", "search_concerts"),
    ]
