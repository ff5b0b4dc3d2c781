"""Conversations of Rasa's tracker stores become conversations of a store, to correct and to teach from."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from dialogue_gym.conversation.events import ActionExecuted, Restarted, SlotSet, UserUttered
from dialogue_gym.domain import load_domain
from dialogue_gym.domain.loader import domain_text
from dialogue_gym.journal import History, Store
from dialogue_gym.teaching.pending import Proposal
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.tracker_import import import_trackers
from dialogue_gym.teaching.tracker_store import RasaTracker, TrackerError, read_trackers
from tests.commands import call
from tests.conftest import domain_from

DOMAIN = load_domain("restaurant")


def user(text: str, intent: str, **entities: Any) -> dict[str, Any]:
    found = [{"entity": name, "value": value} for name, value in entities.items()]
    parse = {"text": text, "intent": {"name": intent, "confidence": 0.9}, "entities": found}
    return {"event": "user", "text": text, "parse_data": parse, "input_channel": "rest"}


def act(name: str) -> dict[str, Any]:
    return {"event": "action", "name": name, "policy": "TEDPolicy", "confidence": 0.8}


LISTEN = act("action_listen")
STARTED = [act("action_session_start"), {"event": "session_started"}]
EVENTS = [
    *STARTED, LISTEN,
    user("hi", "greet"), {"event": "user_featurization", "use_text_for_featurization": False},
    act("utter_greet"), {"event": "bot", "text": "Hello!", "data": {}}, LISTEN,
    user("french food", "inform", cuisine="french"), {"event": "slot", "name": "cuisine", "value": "french"},
    act("action_pay"), {"event": "slot", "name": "paid", "value": True},
    {"event": "slot", "name": "requested_slot", "value": None}, LISTEN,
    user("oops", "deny"), {"event": "rewind"},
    user("pay again", "pay_again"), act("utter_on_it"), LISTEN,
    user("/restart", "restart"), act("action_restart"), {"event": "restart"}, LISTEN,
    *STARTED, {"event": "slot", "name": "price", "value": "cheap"}, LISTEN,
    user("bye", "goodbye"), {"event": "active_loop", "name": None}, act("utter_goodbye"), LISTEN,
    *STARTED, LISTEN,
]  # fmt: skip
EVENTS = [event | {"timestamp": 1000.0 + number} for number, event in enumerate(EVENTS)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as store:
        store.use_domain("restaurant", domain_text("restaurant"))
        yield store


def sqlite_file(path: Path) -> Path:
    """Write the events as Rasa's SQLTrackerStore does."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "CREATE TABLE events (id INTEGER PRIMARY KEY, sender_id VARCHAR(255), type_name VARCHAR(255),"
            " timestamp FLOAT, intent_name VARCHAR(255), action_name VARCHAR(255), data TEXT)"
        )
        for sender in ("anna", "bob"):
            for event in EVENTS:
                row = (sender, event["event"], event["timestamp"], json.dumps(event))
                columns = "INSERT INTO events (sender_id, type_name, timestamp, data)"
                connection.execute(f"{columns} VALUES (?, ?, ?, ?)", row)
    return path


def test_sessions_become_conversations(store: Store) -> None:
    count, notes = import_trackers(store, DOMAIN, [RasaTracker("anna", EVENTS)])
    assert count == 2
    assert notes == [
        "unknown action action_pay (1 time): added to the domain of the store",
        "unknown slot paid (1 time): added to the domain of the store",
        "unknown intent pay_again (1 time): added to the domain of the store",
        "events without a counterpart were left out: 1 user_featurization",
    ]
    history = History(store.entries())
    domain = history.extended(DOMAIN)
    first, second = (history.conversation(domain, name) for name in ("rasa1", "rasa2"))
    said = [event.text for event in first.events if isinstance(event, UserUttered)]
    assert said == ["hi", "french food", "pay again", "/restart"]
    done = [event.name for event in first.events if isinstance(event, ActionExecuted)]
    assert [name for name in done if name != "action_listen"] == [
        "utter_greet", "action_pay", "utter_on_it", "action_restart",
    ]  # fmt: skip
    assert SlotSet("paid", True) in first.events and Restarted() in first.events
    assert first.slots["cuisine"] is None and second.slots["price"] == "cheap"
    assert history.labels(domain, "explicit") == []  # nobody approved of them
    assert store.check() == []

    again = import_trackers(store, DOMAIN, [RasaTracker("anna", EVENTS), RasaTracker("bob", EVENTS[-12:])])
    assert again[0] == 1 and again[1][-1] == "2 conversations imported before: left out"


# Rasa 3.6.21, DialogueStateTracker.applied_events: the listening for a message goes with it.
def test_back_and_reset_slots_are_as_in_rasa(tmp_path: Path) -> None:
    domain = domain_from(
        """
        intents: [greet, inform]
        slots: {language: {type: text, initial_value: en}, size: {type: text}}
        actions: [utter_hi, utter_ask]
        """
    )
    asked = [*STARTED, LISTEN, user("hi", "greet"), act("utter_hi"), LISTEN]
    reset = [user("large", "inform", size="large"), act("utter_ask"), {"event": "reset_slots"}, LISTEN]
    back = [user("/back", "back"), act("action_back"), {"event": "rewind"}, {"event": "rewind"}, LISTEN]
    trackers = [RasaTracker("anna", [*asked, *reset]), RasaTracker("bob", [*asked, *reset, *back])]
    with Store(tmp_path / "store") as store:
        assert import_trackers(store, domain, trackers) == (2, [])  # Rasa's own actions are not unknown
        history = History(store.entries())
        anna, bob = (history.conversation(history.extended(domain), name) for name in ("rasa1", "rasa2"))
    assert anna.slots == {"language": "en", "size": None}
    done = [event.name for event in bob.events if isinstance(event, ActionExecuted)]
    assert done == ["action_listen", "utter_hi", "action_listen"] and bob.latest_message.text == "hi"


def test_a_form_goes_on_where_an_imported_conversation_is_forked(tmp_path: Path) -> None:
    mappings = "[{type: from_text, conditions: [{active_loop: trip, requested_slot: %s}]}]"
    domain = domain_from(
        f"""
        version: "3.1"
        intents: [book, say]
        slots:
          name: {{type: text, mappings: {mappings % "name"}}}
          town: {{type: text, mappings: {mappings % "town"}}}
        forms: {{trip: {{required_slots: [name, town]}}}}
        responses: {{utter_ask_name: [text: "Name?"], utter_ask_town: [text: "Town?"]}}
        """
    )
    asked = [act("trip"), {"event": "active_loop", "name": "trip"}, _slot("requested_slot", "name"), LISTEN]
    answered = [
        user("Bob", "say"),
        _slot("name", "Bob"),
        act("trip"),
        _slot("requested_slot", "town"),
        LISTEN,
    ]
    events = [*STARTED, LISTEN, user("a trip", "book"), *asked, *answered]
    with Store(tmp_path / "store") as store:
        assert import_trackers(store, domain, [RasaTracker("anna", events)]) == (1, [])
        session = Session(domain, store)
        *_, last, _ = session.history.path("rasa1")
        session.fork(last.id)
        session.say(UserUttered("Rome", "say"))
        assert session.conversation.slots == {"name": "Bob", "town": "Rome"}
        assert isinstance(session.pending, Proposal) and session.pending.best.ruling == "the form goes on"


def _slot(name: str, value: Any) -> dict[str, Any]:
    return {"event": "slot", "name": name, "value": value}


def test_a_conversation_that_went_on_comes_again_as_a_whole(store: Store) -> None:
    import_trackers(store, DOMAIN, [RasaTracker("anna", EVENTS[:8])])
    count, notes = import_trackers(store, DOMAIN, [RasaTracker("anna", EVENTS[:15])])
    assert (count, notes[-1]) == (1, "1 conversation went on since: imported again as a whole")


def test_an_imported_conversation_is_corrected(store: Store) -> None:
    import_trackers(store, DOMAIN, [RasaTracker("anna", EVENTS)])
    session = Session(DOMAIN, store)
    assert session.id == "c1"  # none of them is resumed
    path = session.history.path("rasa1")
    said = next(entry for entry in path if entry.kind == "user" and entry.content["text"] == "french food")
    session.fork(said.id)
    session.correct("utter_ask_price")
    (label,) = session.history.labels(session.domain, "explicit")
    assert label.right == ("utter_ask_price",)


def test_trackers_are_read_from_files_and_by_the_command(tmp_path: Path) -> None:
    database = sqlite_file(tmp_path / "rasa.db")
    trackers = [RasaTracker("anna", EVENTS), RasaTracker("bob", EVENTS)]
    assert read_trackers(str(database)) == read_trackers(f"sqlite:///{database}") == trackers
    texts = {
        "one": json.dumps({"sender_id": "anna", "slots": {}, "events": EVENTS}),
        "list": json.dumps([{"sender_id": one.sender, "events": one.events} for one in trackers]),
        "lines": "\n".join(json.dumps({"sender_id": one.sender, "events": one.events}) for one in trackers),
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        assert read_trackers(str(tmp_path / name)) == trackers[: 1 if name == "one" else 2]
    odd = json.dumps({"sender_id": "a\u2028b", "events": EVENTS}, ensure_ascii=False)
    (tmp_path / "odd").write_text(f"{odd}\n{odd}\n", encoding="utf-8")
    assert [one.sender for one in read_trackers(str(tmp_path / "odd"))] == ["a\u2028b"] * 2
    folder = tmp_path / "store"
    words = ["store", "import-tracker", str(database), "--store", str(folder)]
    done = call(*words)
    assert done.returncode == 2 and "there is no store here" in done.stderr
    done = call(*words, "--domain", "restaurant")
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == "4 conversations imported"
    assert "utter_greet" in call("store", "show", "rasa1", "--store", str(folder)).stdout
    assert call(*words).stdout.splitlines()[-1] == "0 conversations imported"


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"{", "not a SQLite database, and not JSON"),
        (b"[{}]", "item 1 has no list 'events'"),
        (b'{"events": [3]}', "the event '3' is not a JSON object"),
        (b"SQLite format 3\x00" + bytes(100), "not a tracker store of Rasa"),
    ],
)
def test_other_files_are_refused_in_one_line(content: bytes, fault: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(TrackerError, match=fault) as error:
        read_trackers(str(path))
    assert "\n" not in str(error.value) and str(path) in str(error.value)


def test_addresses_without_a_reader_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrackerError, match="expected a file, postgresql:// or sqlite:///"):
        read_trackers("mongodb://localhost")
    with pytest.raises(
        (ImportError, TrackerError), match=r"pip install psycopg|not a tracker store"
    ) as error:
        read_trackers("postgresql://me:secret@127.0.0.1:1/rasa?connect_timeout=1")
    assert "secret" not in str(error.value)
