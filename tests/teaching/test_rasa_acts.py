"""Acts in a project for Rasa: intents without texts, and slots that its reader cannot fill."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from dialogue_gym.conversation.events import UserUttered, entities_from
from dialogue_gym.domain import load_domain
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.nlu.examples import read_examples
from dialogue_gym.stories import load, parse
from dialogue_gym.teaching.export_stories import lessons_of
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.story_import import import_stories
from tests.teaching.booking import booked
from tests.teaching.exports import exported, simulated


def test_a_simulation_leaves_no_text_or_value_in_a_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert simulated("restaurant").notes == []
    stories = Path("restaurant/data/stories.yml").read_text()
    assert "user:" not in stories and "filled" not in stories and "- restaurants\n" in stories
    assert {path.name for path in Path("restaurant/actions").iterdir()} == {
        "__init__.py", "actions.py", "restaurant_actions.py", "restaurants.yml",
    }  # fmt: skip
    read = load("restaurant/data/stories.yml")
    with Store.in_memory() as store:
        domain = load_domain("restaurant/domain.yml")
        import_stories(store, domain, read)
        assert lessons_of(History(store.entries()), domain) == read


def test_rasa_gets_acts_as_intents_and_slots_that_its_reader_cannot_fill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Store(Path("store")) as store:
        session = booked(store)
        exported(session)
        taught = [(one.observation.tobytes(), one.right) for one in session.history.labels(session.domain)]
    (story,) = [
        one
        for one in yaml.safe_load(Path("out/data/stories.yml").read_text())["stories"]
        if one["story"].startswith("c1")
    ]
    heard = [one for one in story["steps"] if "action" not in one and "active_loop" not in one]
    heard = [one for one in heard if "requested_slot" not in str(one)]
    assert heard == [
        {"intent": "greet"},
        {"intent": "book"},
        {"intent": "chitchat"},
        {"intent": "inform", "entities": [{"cuisine": "italian"}]},
        {"intent": "inform"},
        {"slot_was_set": [{"people": "four or so"}]},
        {"intent": "deny"},
        {"slot_was_set": [{"inside": False}]},
        {"intent": "inform", "entities": [{"cuisine": "thai"}, {"cuisine": "greek"}]},
        {"intent": "chitchat", "entities": [{"cuisine": 'a "b{c}"'}]},
    ]
    assert {"inform": "four or so"} in story["metadata"]["sentences"]
    heard = [one for one in load("out/data/stories.yml")[0].steps if isinstance(one, UserUttered)]
    assert [one.text for one in heard if one.text] == ["four or so"]  # for our own reader
    with Store.in_memory() as store:  # what was taught can be imported again
        domain = load_domain("out/domain.yml")
        import_stories(store, domain, load("out/data/stories.yml"))
        known = {one.observation.tobytes(): one.right for one in History(store.entries()).labels(domain)}
    assert all(set(right) & set(known[seen]) for seen, right in taught)


def test_messages_train_by_their_intents_also_where_none_was_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = """
version: "3.1"
intents: [deny, inform]
entities: [size]
slots:
  size: {type: text, mappings: [{type: from_entity, entity: size}]}
  wish: {type: bool, mappings: [{type: from_intent, intent: deny, value: false}]}
  note: {type: text, mappings: [{type: from_text, intent: inform}]}
responses: {utter_ok: [{text: OK}]}
"""
    Path("notes.yml").write_text(text)
    with Store(Path("store")) as store:
        store.use_domain("notes.yml", text)
        session = Session(load_domain("notes.yml"), store)
        entities = entities_from({"size": "large"})
        for message in (
            UserUttered("no", "deny"), UserUttered("a large one", "inform", entities), UserUttered("hm"),
        ):  # fmt: skip
            session.say(message)
            session.correct("utter_ok")
            session.correct("action_listen")
        exported(session)
        exported(session)
    (story,) = yaml.safe_load(Path("out/data/stories.yml").read_text())["stories"]
    assert story["steps"] == [
        {"intent": "deny"},
        {"slot_was_set": [{"wish": False}]},
        {"action": "utter_ok"},
        {"intent": "inform", "entities": [{"size": "large"}]},
        {"slot_was_set": [{"note": "a large one"}]},
        {"action": "utter_ok"},
        {"intent": "nlu_fallback"},
        {"action": "utter_ok"},
    ]
    said = [("no", "deny"), ("a large one", "inform")]
    assert [(one.text, one.intent) for one in read_examples("out/data/nlu.yml").examples] == said
    (read,) = load("out/data/stories.yml")
    told = [step for step in read.steps if isinstance(step, UserUttered)]
    assert [(one.text, one.intent) for one in told] == [*said, ("hm", "nlu_fallback")]
    assert [(one.name, one.start, one.end) for one in told[1].entities] == [("size", 2, 7)]
    changed = Path("out/data/stories.yml").read_text().replace("  - intent: deny\n", "")
    assert all(step.text is None for step in parse(changed)[0].steps if isinstance(step, UserUttered))
