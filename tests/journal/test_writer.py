"""Conversations become drafts in one place, whoever had them."""

from __future__ import annotations

import re

from dialogue_gym.conversation.events import (
    ActionExecuted,
    BotUttered,
    Event,
    SessionStarted,
    SlotSet,
    UserUttered,
    to_json,
)
from dialogue_gym.domain.additions import INTENT, Addition
from dialogue_gym.domain.model import LISTEN
from dialogue_gym.journal.entry import BOT, EVENT, LABEL, PERSON, RESULT, USER
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.journal.writer import ConversationWriter
from tests import ROOT

EVENTS: list[Event] = [
    UserUttered("hi", "greet"),
    ActionExecuted("utter_greet"),
    BotUttered("Hello"),
    SlotSet("size", "large"),
    ActionExecuted("action_store"),
    UserUttered("bye", "goodbye"),
]
CHOSEN = {1: "utter_greet", 4: "action_store", 5: LISTEN, 6: LISTEN}


def test_each_draft_follows_the_one_before() -> None:
    with Store.in_memory() as store:
        writer = ConversationWriter("c1", author="Ann")
        writer.begin({"seed": 3}, BOT)
        writer.addition(Addition(INTENT, "new"))
        writer.message(UserUttered(None, "new"))
        writer.corrected_message(UserUttered(None, "greet"))
        entries = store.append_all(writer.take())
        assert [entry.parent for entry in entries] == [None, *(entry.id for entry in entries[:-1])]
        assert [entry.author for entry in entries] == [BOT, "Ann", "Ann", "Ann"]
        assert entries[0].content["seed"] == 3 and writer.drafts == []
        later = ConversationWriter("c1", entries[-1].id)
        later.decision("utter_greet", PERSON, ["utter_greet", "utter_hi"], "Ann", {"proposal": None})
        later.result([BotUttered("Hello")])
        later.end("success")
        label, result, _ = store.append_all(later.take())
        assert label.content == {
            "action": "utter_greet", "right": ["utter_greet", "utter_hi"], "by": "person", "proposal": None,
        }  # fmt: skip
        assert (label.parent, result.author) == (entries[-1].id, BOT)
        assert History(store.entries()).outcome("c1") == "success" and store.check() == []


def test_finished_conversation_is_read_again_as_it_was() -> None:
    with Store.in_memory() as store:
        writer = ConversationWriter("c1")
        writer.begin()
        writer.events(EVENTS, CHOSEN, by=BOT, user="Ann")
        entries = store.append_all(writer.take())
        kinds = [EVENT, USER, LABEL, RESULT, LABEL, RESULT, LABEL, RESULT, USER, LABEL, RESULT]
        assert [entry.kind for entry in entries] == kinds
        assert {entry.author for entry in entries if entry.kind == USER} == {"Ann"}
        read = [event for event in History(entries).events("c1") if event != ActionExecuted(LISTEN)]
        assert read == [SessionStarted(), *EVENTS]


def test_effects_before_any_decision_are_events() -> None:
    writer = ConversationWriter("c1")
    writer.events([SlotSet("size", "large"), UserUttered("hi", "greet")], {}, by=BOT, user=PERSON)
    assert [draft.kind for draft in writer.drafts] == [EVENT, USER]
    assert writer.drafts[0].content == to_json(SlotSet("size", "large"))


def test_only_the_writer_makes_drafts_of_steps() -> None:
    """Teaching, live bots, imports and feedback had four copies of their form."""
    step = re.compile(r"Draft\([^)]*\b(LABEL|RESULT|USER|MEND)\b")
    sources = (ROOT / "dialogue_gym").rglob("*.py")
    assert [path.name for path in sources if step.search(path.read_text())] == []
