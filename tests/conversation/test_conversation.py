"""A dialogue in words is the environment's dialogue: replayed, it shows the same."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given

from dialogue_gym import DialogueEnv, Domain, DomainError
from dialogue_gym._text import printable, quoted, visible
from dialogue_gym.conversation.conversation import Conversation, decisions
from dialogue_gym.conversation.events import (
    ActionExecuted,
    ActionExecutionRejected,
    BotUttered,
    Entity,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUttered,
    entities_from,
    entity_values,
    from_json,
    to_json,
)
from dialogue_gym.conversation.transcripts import bubbles, message_lines, transcript
from tests.conftest import domain_from
from tests.envs.test_properties import ROUNDS, SEEDS, SOURCES
from tests.strategies import SETTINGS

SHIRT = """
    intents: [inform]
    entities: [size, colour]
    slots:
      size: {type: categorical, values: [small, large]}
      colour: {type: list}
      price: {type: float, initial_value: 0.1}
    actions: [ask_size, order]
"""


@ROUNDS
@given(SOURCES, SETTINGS, SEEDS)
def test_every_prefix_has_the_environments_observation(
    source: Domain | str, keywords: dict[str, Any], seed: int
) -> None:
    env = DialogueEnv(source, **keywords)
    random = np.random.default_rng(seed)
    seen = []
    observation, info = env.reset(seed=seed)
    is_over = False
    while not is_over:
        seen.append((len(env.conversation), observation, info["action_mask"].tolist()))
        action = int(random.integers(len(env.action_names)))
        observation, _, terminated, truncated, info = env.step(action)
        is_over = terminated or truncated
    conversation = env.conversation
    chosen = list(decisions(conversation, keywords["turn_taking"]))
    assert len(chosen) >= len(seen)
    for count, expected, mask in seen:
        prefix = Conversation(env.domain, conversation.events[:count])
        shown = prefix.observation(keywords["turn_taking"], keywords["max_history"])
        assert shown.tolist() == expected.tolist() and shown.dtype == expected.dtype
        assert prefix.action_mask(env.action_names).tolist() == [bool(m) for m in mask]
        assert [prefix.is_possible(name) for name in env.action_names] == [bool(m) for m in mask]
    for decision, (_, expected, _) in zip(chosen, seen, strict=False):
        assert decision.observation.tolist() == expected[-len(env.fields) :].tolist()


@ROUNDS
@given(SOURCES, SETTINGS, SEEDS)
def test_events_survive_their_json(source: Domain | str, keywords: dict[str, Any], seed: int) -> None:
    env = DialogueEnv(source, **keywords)
    env.reset(seed=seed)
    for _ in range(5):
        _, _, terminated, truncated, _ = env.step(seed % len(env.action_names))
        if terminated or truncated:
            break
    for event in (*env.conversation.events, Restarted(), SessionStarted()):
        assert from_json(json.loads(json.dumps(to_json(event)))) == event


def test_recording_does_not_depend_on_when_it_is_read() -> None:
    asked, unasked = (gym.make("FakeUserRestaurant-v0").unwrapped for _ in range(2))
    for env in (asked, unasked):
        assert isinstance(env, DialogueEnv)
        with pytest.raises(gym.error.ResetNeeded):
            _ = env.conversation
        env.reset(seed=5)
        for action in (3, 4, 5, 6, 7):
            env.step(action)
            if env is asked:
                assert env.conversation.latest_action == env.action_names[action]
    assert asked.conversation == unasked.conversation  # type: ignore[attr-defined]
    first = asked.conversation  # type: ignore[attr-defined]
    asked.reset()
    assert first.outcome == "success" and asked.conversation.outcome is None  # type: ignore[attr-defined]


def test_a_plain_domain_needs_no_fake_user() -> None:
    domain = domain_from(SHIRT)
    conversation = Conversation(domain, [UserUttered("large, red and blue", "inform")])
    assert conversation.slots == {"size": None, "colour": None, "price": 0.1}
    message = UserUttered(None, "inform", entities_from({"size": "Large", "colour": ["red", "blue"]}), 0.6)
    conversation.append(message)
    assert conversation.slots == {"size": "Large", "colour": ["red", "blue"], "price": 0.1}
    assert conversation.latest_message == message
    assert message.act == 'inform{"size": "Large", "colour": ["red", "blue"]}'
    before = conversation.observation()
    conversation.append(SlotSet("size", "Large"))  # Rasa repeats the slots that a message filled
    assert conversation.observation().tolist() == before.tolist()
    conversation.append(SlotSet("size", "small"))
    conversation.append(SlotSet("size", "Large"))  # and this is not a repetition
    assert conversation.slots["size"] == "Large"
    conversation.append(ActionExecuted("order", 0.9))
    conversation.append(SlotSet("price", 0.5))
    conversation.append(SlotSet("colour", []))
    assert conversation.slots == {"size": "Large", "colour": [], "price": 0.5}
    conversation.extend([ActionExecuted("action_restart"), Restarted()])
    assert conversation.slots == {"size": None, "colour": None, "price": 0.1}
    with_action = Conversation(domain, [ActionExecuted("action_restart")])
    assert conversation.observation().tolist() == with_action.observation().tolist()


def test_a_value_is_as_sure_as_its_extraction() -> None:
    domain = domain_from(SHIRT)
    sure, unsure = (
        Conversation(domain, [UserUttered("", "inform", (Entity("size", "small", confidence=c),), 0.9)])
        for c in (0.9, 0.4)
    )
    assert sure.observation()[1] == 3 and unsure.observation()[1] == 1


def test_listens_are_put_in_where_stories_leave_them_out() -> None:
    domain = domain_from(SHIRT)
    events = [
        UserUttered("", "inform"),
        ActionExecuted("ask_size"),
        BotUttered("Which size?"),
        UserUttered("", "inform", (Entity("size", "small"),)),
        ActionExecuted("order"),
        ActionExecuted("action_listen"),
    ]
    conversation = Conversation(domain, events)
    explicit = [decision.action for decision in decisions(conversation, "explicit")]
    assert explicit == ["ask_size", "action_listen", "order", "action_listen"]
    assert [decision.action for decision in decisions(conversation)] == ["ask_size", "order"]


def test_unknown_names_are_errors() -> None:
    conversation = Conversation(domain_from(SHIRT))
    with pytest.raises(DomainError, match="unknown action 'ask_sizes'; did you mean 'ask_size'"):
        conversation.append(ActionExecuted("ask_sizes"))
    with pytest.raises(DomainError, match="unknown slot 'colou'; did you mean 'colour'"):
        conversation.append(SlotSet("colou", 1))
    assert len(conversation) == 0 and conversation.last_action is None
    for ask in (conversation.is_possible, lambda name: conversation.action_mask([name])):
        with pytest.raises(DomainError, match="unknown action 'ask_sizes'; did you mean 'ask_size'"):
            ask("ask_sizes")
    assert conversation.action_mask(["action_default_fallback"]).tolist() == [True]  # one of Rasa's own
    with pytest.raises(ValueError, match="unknown event 'reminder'"):
        from_json({"event": "reminder"})


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_copy_grows_alone(copied: Callable[[Conversation], Conversation]) -> None:
    conversation = Conversation(domain_from(SHIRT), [ActionExecuted("ask_size")], "ann")
    conversation.outcome = "truncated"
    other = copied(conversation)
    assert (other, other.sender_id, other.outcome) == (conversation, "ann", "truncated")
    other.append(SlotSet("size", "small"))
    assert (len(conversation), conversation.slots["size"], other.slots["size"]) == (1, None, "small")


def test_several_values_of_one_entity_are_a_list() -> None:
    values = {"size": "small", "colour": ["red", "blue", "green"]}
    assert entity_values(entities_from(values)) == values


FAMILY, PERSIAN, NEW_EMOJI = "\U0001f468\u200d\U0001f469\u200d\U0001f467", "می\u200cخواهم", "\U0001fae9"


@pytest.mark.parametrize("text", [FAMILY, PERSIAN, NEW_EMOJI, "caf\u0065\u0301\u00a0\u3000", "\u200fשלום"])
def test_text_is_shown_as_typed(text: str) -> None:
    assert printable(text) == visible(text) == text and quoted(text) == f"'{text}'"
    (bubble,) = bubbles([UserUttered(text, "greet")])
    assert bubble.texts == [text] and message_lines(BotUttered(f"{text}\n\n{text}")) == [text, "", text]


def test_only_controls_overrides_and_lone_surrogates_are_escaped() -> None:
    text = "a\x1b[2J\u202eb\u2066c\ud800d\u2028e"
    assert printable(text) == r"a\x1b[2J\u202eb\u2066c\ud800d\u2028e"
    assert quoted("a'\u200d\x07\\") == '"a\'\u200d\\x07\\\\"'
    (bubble,) = bubbles([UserUttered("one\ntwo\x07", "greet")])
    assert bubble.texts == ["one", r"two\x07"]


@pytest.mark.parametrize("has_action", [False, True])  # Rasa's trackers have no action that declined
def test_a_chat_leaves_out_what_declined_and_nothing_else(has_action: bool) -> None:
    said, answer = UserUttered("nice weather", "chat"), (ActionExecuted("utter_chat"), BotUttered("Indeed."))
    declined = (*[ActionExecuted("trip")][:has_action], ActionExecutionRejected("trip"))
    assert [one.texts for one in bubbles([said, *declined, *answer])] == [["nice weather"], ["Indeed."]]
    assert [one.texts for one in bubbles([said, *answer, *declined])] == [["nice weather"], ["Indeed."]]
    domain = domain_from("intents: [chat]\nactions: [trip, utter_chat]")
    lines = transcript(Conversation(domain, [said, *declined, *answer]))
    assert [line.endswith("trip (declined)") for line in lines] == [False, *[True][:has_action], False]
