"""Entries in effect: undo, redo, forks and corrections, against a conversation without them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialogue_gym import DialogueEnv, Domain
from dialogue_gym.conversation.conversation import decisions
from dialogue_gym.conversation.events import (
    ActionExecuted,
    Event,
    Restarted,
    SlotSet,
    UserUttered,
    entities_from,
    to_json,
)
from dialogue_gym.journal.entry import BOT, FAKE_USER, Entry, StoreError
from dialogue_gym.journal.history import History
from tests.conftest import domain_from, examples
from tests.envs.test_properties import ROUNDS, SEEDS, SOURCES
from tests.strategies import SETTINGS

SHIRT = domain_from(
    """
    intents: [inform, deny]
    entities: [size]
    slots:
      size: {type: categorical, values: [small, large]}
      price: {type: float}
    actions: [ask_size, order]
    """
)
Act = tuple[str, Any]
ACTS = st.one_of(
    st.tuples(st.sampled_from(["say", "fake", "mend"]), st.sampled_from(["small", "large"])),
    st.tuples(
        st.sampled_from(["answer", "watch", "run"]), st.sampled_from(["ask_size", "order", "action_listen"])
    ),
    st.tuples(st.just("restart"), st.none()),
)
IN_PERSON = ("say", "mend", "answer", "restart")
ROUNDS_HERE = settings(max_examples=examples(120))


class InMemoryJournal:
    """Entries written as a session writes them, without a file."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.history = History()

    def write(self, conversation: str, kind: str, content: dict[str, Any], author: str = "") -> Entry:
        parent = self.history.head(conversation) if conversation in self.history.conversations else None
        entry = Entry(len(self.entries) + 1, conversation, parent, kind, content, author)
        self.entries.append(entry)
        self.history.add(entry)
        return entry

    def act(self, conversation: str, act: Act) -> None:
        kind, value = act
        if kind in ("say", "fake", "mend"):
            said = to_json(UserUttered(value, "inform", entities_from({"size": value})))
            if kind != "mend":
                self.write(conversation, "user", said, FAKE_USER if kind == "fake" else "Ann")
            elif any(isinstance(event, UserUttered) for event in self.events(conversation)):
                self.write(conversation, "mend", {"message": said})
        elif kind == "restart":
            self.write(conversation, "event", to_json(Restarted()))
        else:
            by = "person" if kind == "answer" else BOT
            self.label(conversation, value, [] if by == BOT else [value], by)
            self.write(conversation, "result", {"events": [to_json(SlotSet("price", 0.3))]})

    def label(self, conversation: str, action: str, right: list[str], by: str = "person") -> Entry:
        content = {"action": action, "right": right, "by": by, "proposal": None, "probability": 0.5}
        return self.write(conversation, "label", content)

    def move(self, conversation: str, to: int | None) -> None:
        self.write(conversation, "head", {"to": to})

    def events(self, conversation: str) -> list[Event]:
        is_known = conversation in self.history.conversations
        return self.history.events(conversation) if is_known else []


def in_effect(history: History, conversation: str) -> Any:
    return history.events(conversation), learned(history, conversation)


def learned(history: History, conversation: str | None = None) -> list[tuple[bytes, tuple[str, ...], int]]:
    return [
        (label.observation.tobytes(), label.right, label.entry)
        for label in history.labels(SHIRT, "explicit")
        if conversation in (None, label.conversation)
    ]


def played(acts: Iterable[tuple[str, Act]]) -> InMemoryJournal:
    journal = InMemoryJournal()
    for conversation, act in acts:
        journal.act(conversation, act)
    return journal


@ROUNDS_HERE
@given(st.lists(ACTS, max_size=12), st.integers(0, 12), ACTS)
def test_undone_entries_leave_no_trace(acts: list[Act], steps: int, other: Act) -> None:
    journal = InMemoryJournal()
    journal.act("a", ("fake", "small"))
    history = journal.history
    before = []  # the path before each message and decision of a person
    for act in acts:
        written = len(journal.entries)
        was = in_effect(history, "a")
        journal.act("a", act)
        if act[0] in IN_PERSON and len(journal.entries) > written:
            before.append(was)
    at_the_end = in_effect(history, "a")
    undone = []
    for expected in before[::-1][:steps]:
        assert history.can_undo("a")
        undone.append(in_effect(history, "a"))
        journal.move("a", history.undo_target("a"))
        assert in_effect(history, "a") == expected
    assert history.can_undo("a") == (steps < len(before))
    for expected in undone[::-1]:
        journal.move("a", history.redo_target("a"))
        assert in_effect(history, "a") == expected
    assert history.redo_target("a") is None and in_effect(history, "a") == at_the_end
    if before:
        journal.move("a", history.undo_target("a"))
        journal.act("a", other)
        has_added = journal.entries[-1].kind != "head"
        assert (history.redo_target("a") is None) == has_added
    again = History(journal.entries)
    assert in_effect(again, "a") == in_effect(history, "a")
    assert again.redo_target("a") == history.redo_target("a")


@ROUNDS_HERE
@given(st.lists(st.tuples(st.sampled_from("abc"), ACTS), min_size=1, max_size=15))
def test_conversations_are_independent(acts: list[tuple[str, Act]]) -> None:
    together = played(acts).history
    for name in together.conversations:
        alone = played(act for act in acts if act[0] == name).history
        assert alone.events(name) == together.events(name)
        apart = [(what, right) for what, right, _ in learned(alone)]
        assert apart == [(what, right) for what, right, _ in learned(together, name)]


@ROUNDS_HERE
@given(
    st.lists(ACTS, min_size=1, max_size=8), st.lists(ACTS, max_size=5), st.lists(ACTS, max_size=5), st.data()
)
def test_fork_leaves_the_original_unchanged(
    first: list[Act], here: list[Act], there: list[Act], data: st.DataObject
) -> None:
    journal = InMemoryJournal()
    for act in [("fake", "small"), *first]:
        journal.act("a", act)
    history = journal.history
    path = history.path("a")
    shared = path[: data.draw(st.integers(1, len(path)))]
    journal.move("b", shared[-1].id)
    assert history.forks("a") == ("b",) and history.path("b") == shared
    only_a, only_b = played([]), played([])
    for entry in (*path, *shared):
        target = only_a if len(only_a.entries) < len(path) else only_b
        target.write("a", entry.kind, entry.content, entry.author)
    for act in there:
        journal.act("b", act)
        only_b.act("a", act)
    for act in here:
        journal.act("a", act)
        only_a.act("a", act)
    assert history.events("a") == only_a.history.events("a")
    assert history.events("b") == only_b.history.events("a")
    in_a, in_b = ({e.id for e in history.path(name) if e.kind == "label"} for name in "ab")
    taught = {id for id in in_a | in_b if history.entry(id).content["by"] == "person"}
    assert [entry for _, _, entry in learned(history)] == sorted(taught)  # shared entries count once


@ROUNDS
@given(SOURCES, SETTINGS, SEEDS)
def test_labels_match_the_decisions_of_the_environment(
    source: Domain | str, keywords: dict[str, Any], seed: int
) -> None:
    env = DialogueEnv(source, **keywords)
    random = np.random.default_rng(seed)
    env.reset(seed=seed)
    for _ in range(8):
        _, _, terminated, truncated, _ = env.step(int(random.integers(len(env.action_names))))
        if terminated or truncated:
            break
    journal = InMemoryJournal()
    for event in env.conversation.events:
        if isinstance(event, ActionExecuted):
            journal.label("a", event.name, [event.name], "expert")
        elif isinstance(event, UserUttered):
            journal.write("a", "user", to_json(event), FAKE_USER)
        else:
            journal.write("a", "result", {"events": [to_json(event)]})
    journal.write("a", "end", {"outcome": env.conversation.outcome})
    record = journal.history.conversation(env.domain, "a")
    words = [
        dataclasses.replace(event, confidence=None) if isinstance(event, ActionExecuted) else event
        for event in record.events
    ]
    assert words == list(env.conversation.events)
    assert record.outcome == env.conversation.outcome and record.sender_id == "a"
    for turn_taking in ("auto", "explicit"):
        made = [
            (decision.observation.tolist(), (decision.action,))
            for decision in decisions(env.conversation, turn_taking, is_finished=False)
            if decision.event < len(words) and isinstance(words[decision.event], ActionExecuted)
        ]
        labels = journal.history.labels(env.domain, turn_taking)
        assert [(label.observation.tolist(), label.right) for label in labels] == made


def test_only_an_undo_can_be_redone() -> None:
    journal = played([("a", ("say", "small")), ("a", ("answer", "order"))])
    last = journal.history.head("a")
    journal.move("a", journal.history.undo_target("a"))
    assert journal.history.redo_target("a") == last
    journal.move("b", 1)
    journal.act("b", ("answer", "order"))
    journal.move("a", journal.history.head("b"))  # to somewhere else
    assert journal.history.redo_target("a") is None


def test_decision_without_a_result_is_found() -> None:
    journal = played([("a", ("say", "small"))])
    assert journal.history.pending_result("a") is None
    label = journal.label("a", "order", ["order"])
    assert History(journal.entries).pending_result("a") == label
    journal.write("a", "rating", {"value": 1, "about": label.id})  # which changes nothing in effect
    assert journal.history.pending_result("a") == label and journal.history.rating(label.id) == 1
    journal.write("a", "rating", {"value": -1, "about": label.id})
    assert journal.history.rating(label.id) == -1
    journal.write("a", "result", {"events": []})
    assert journal.history.pending_result("a") is None
    journal.label("a", "action_listen", ["action_listen"])
    assert journal.history.pending_result("a") is None
    journal.write("a", "end", {"outcome": "success"})
    assert journal.history.conversation(SHIRT, "a").outcome == "success"
    journal.move("a", journal.history.undo_target("a"))
    assert journal.history.outcome("a") is None


def test_corrected_message_replaces_the_original_one() -> None:
    journal = played([("a", act) for act in (("fake", "small"), ("mend", "large"), ("answer", "order"))])
    record = journal.history.conversation(SHIRT, "a")
    assert [type(event) for event in record.events] == [UserUttered, ActionExecuted, SlotSet]
    assert record.slots == {"size": "large", "price": 0.3}
    large = played([("a", ("fake", "large"))]).history.conversation(SHIRT, "a")
    assert learned(journal.history)[0][0] == large.observation().tobytes()
    journal.move("b", 3)
    journal.act("b", ("mend", "small"))  # shared entries have the texts of the first one
    assert learned(journal.history)[0][0] == large.observation().tobytes()
    with pytest.raises(StoreError, match="entry 1: it has no message before it"):
        History([dataclasses.replace(journal.entries[1], id=1, parent=None)]).events("a")


def test_listening_is_left_out_with_automatic_turn_taking() -> None:
    journal = played([("a", ("say", "small")), ("a", ("answer", "action_listen"))])
    journal.label("a", "order", ["order", "action_listen"])
    labels = journal.history.labels(SHIRT)
    assert [label.right for label in labels] == [("order",)]
    explicit = journal.history.labels(SHIRT, "explicit")
    assert [label.right for label in explicit] == [("action_listen",), ("order", "action_listen")]


def test_additions_that_the_file_has_meanwhile_are_skipped() -> None:
    journal = InMemoryJournal()
    for content in (
        {"add": "action", "name": "utter_bye", "texts": ["Bye!"]},
        {"add": "intent", "name": "inform"},
        {"add": "intent", "name": "thank"},
        {"add": "slot", "name": "colour", "type": "categorical", "values": ["red", "blue"]},
    ):
        journal.write("", "domain", content)
    grown = journal.history.extended(SHIRT)
    assert grown.actions == (*SHIRT.actions, "utter_bye") and grown.texts("utter_bye") == ("Bye!",)
    assert grown.intents == ("inform", "deny", "thank")
    assert grown.slot("colour").values == ("red", "blue")
    assert journal.history.extended(grown) == grown and journal.history.conversations == ()


def test_additions_are_undone_with_their_answer_and_other_entries_stay_readable() -> None:
    journal = played([("a", ("say", "small"))])
    history = journal.history
    journal.write("a", "domain", {"add": "action", "name": "wave", "texts": ["Hi!"]}, "Ann")
    journal.write("a", "domain", {"add": "slot", "name": "colour"}, "Ann")
    journal.label("a", "wave", ["wave"])
    grown = history.extended(SHIRT)
    assert grown.texts("wave") == ("Hi!",) and grown.slots[-1].name == "colour"
    assert [growth.name for growth in history.additions("a")] == ["wave", "colour"]
    journal.move("a", history.undo_target("a"))
    assert history.extended(SHIRT) == SHIRT and history.head("a") == 1 and history.additions("a") == []
    journal.move("a", history.redo_target("a"))
    assert history.extended(SHIRT) == grown
    journal.write("b", "result", {"events": [to_json(SlotSet("colour", "red"))]})
    journal.label("b", "wave", ["order"])
    journal.move("a", history.undo_target("a"))
    assert set(history.extended(SHIRT).actions) == set(grown.actions)
    assert history.extended(SHIRT).texts("wave") == ("Hi!",)
    assert history.conversation(history.extended(SHIRT), "b").slots["colour"] == "red"


def test_inconsistent_entries_are_reported() -> None:
    entry = Entry(5, "a", 3, "note", {})
    with pytest.raises(StoreError, match="entry 5: it follows entry 3, which is not there"):
        History([entry])
    with pytest.raises(StoreError, match="entry 5 is already there"):
        History([dataclasses.replace(entry, parent=None)] * 2)
    with pytest.raises(StoreError, match="entry 5: its content has no 'by'"):
        History([Entry(5, "a", None, "label", {"action": "x", "right": []})])
    journal = played([("concert", ("say", "small"))])
    with pytest.raises(StoreError, match="unknown conversation 'consert'; did you mean 'concert'"):
        journal.history.head("consert")
