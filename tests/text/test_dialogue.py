"""Dialogues in text: the rewards of the environment, readable errors, the same texts for the same seed."""

from __future__ import annotations

import dataclasses
import json
import re
from functools import cache
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st

from dialogue_gym import DialogueEnv, DomainError, ExpertPolicy, load_domain
from dialogue_gym._text import printable
from dialogue_gym.domain.observation import SEARCH_FIELDS
from dialogue_gym.text import MODES, TextDialogue, TextDialogueEnv
from dialogue_gym.text.tools import tools_of
from tests.conftest import TEXT_IDS, domain_from

DOMAINS = ("restaurant", "concert", "city", "hotel", "laptop")
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
REPLIES = st.one_of(
    st.text(),
    st.dictionaries(st.sampled_from(["name", "arguments", "function", "tool_calls"]), ANY),
    st.builds(
        lambda name, arguments: json.dumps({"name": name, "arguments": arguments}),
        st.sampled_from(["action_suggest", "utter_ask_cuisine", "x"]),
        ANY,
    ),
    st.sampled_from(
        ["action_suggest", "utter_ask_price", "[" * 5000, "x" * 1_000_000, "\x1b[2J", "<b>", "\0", "\ud800"]
    ),
)


@cache
def pair(domain: str, mode: str, error: float = 0.0) -> tuple[TextDialogue, DialogueEnv]:
    """A dialogue in text, and the environment that it is compared with."""
    settings = {"semantic_error_rate": error}
    return TextDialogue(domain, mode, **settings), DialogueEnv(domain, **settings)


def same_dialogue(
    domain: str, mode: str, seed: int, error: float = 0.0
) -> tuple[TextDialogue, DialogueEnv, str]:
    text, env = pair(domain, mode, error)
    env.reset(seed=seed)
    return text, env, text.reset(seed=seed)


@pytest.mark.parametrize("error", [0.0, 0.3])
@pytest.mark.parametrize("domain", DOMAINS)
def test_names_have_the_rewards_of_the_environment(domain: str, error: float) -> None:
    for seed in range(15):
        text, env, _ = same_dialogue(domain, "names", seed, error)
        chance = np.random.default_rng(seed)
        while not text.is_over:
            action = int(chance.integers(env.action_space.n))
            _, reward, terminated, truncated, info = env.step(action)
            done = text.step(env.action_names[action])
            assert (done.reward, done.is_over) == (reward, terminated or truncated)
            assert (done.is_success, done.is_truncated) == (bool(info["is_success"]), truncated)
            assert done.action == env.action_names[action]


def test_what_a_call_says_is_what_the_user_judges() -> None:
    for seed in range(20):
        text, env, _ = same_dialogue("restaurant", "tools", seed)
        text.step({"name": "utter_goodbye"})  # the bot has asked for nothing
        assert text.step({"name": "action_suggest", "arguments": env.goal}).is_success
        text.reset(seed=seed)
        wrong = env.goal | {"people": "2" if env.goal["people"] != "2" else "3"}
        done = text.step(json.dumps({"name": "action_suggest", "arguments": wrong}))
        assert not done.is_success and done.action == "action_suggest"


def test_an_offer_searches_for_what_the_call_says_alone() -> None:
    text = TextDialogue("city", "tools")
    text.reset(seed=1)
    told = text.step({"name": "utter_ask_kind"}).message
    assert "old town" in told and "cheap" in told
    without = text.step({"name": "utter_offer", "arguments": {}})
    assert "utter_offer was not possible" in without.message
    offered = text.step({"name": "utter_offer", "arguments": {"area": "old town", "price": "cheap"}})
    assert "(you said: How about " in offered.message


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_expert_succeeds_by_calls_that_repeat_what_it_knows(domain: str) -> None:
    successes = 0
    for seed in range(20):
        text, env, _ = same_dialogue(domain, "tools", seed)
        policy = ExpertPolicy(env, seed)
        observation, _ = env.reset(seed=seed)
        arguments = {
            tool["function"]["name"]: list(tool["function"]["parameters"]["properties"])
            for tool in text.tools
        }
        while not text.is_over:
            action = env.action_names[int(policy.predict(observation)[0])]
            known = env.conversation.slots
            said = {name: known[name] for name in arguments[action] if known[name] is not None}
            observation, reward, *_ = env.step(env.action_names.index(action))
            done = text.step({"name": action, "arguments": said})
            assert done.reward == reward
        successes += done.is_success
    assert successes >= 19


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=80)
@given(replies=st.lists(REPLIES, min_size=1, max_size=6))
def test_no_reply_raises_an_error(mode: str, replies: list[Any]) -> None:
    text, env, _ = same_dialogue("restaurant", mode, 5)
    names = {*env.action_names}
    for reply in replies:
        if text.is_over:
            break
        done = text.step(reply)
        assert done.reward == -1.0 or done.is_success
        assert len(done.message) < 1000
        assert all(printable(line) == line for line in done.message.split("\n"))
        if done.action is None:
            assert done.message.startswith("(not understood: ")
        else:
            assert done.action in names


@pytest.mark.parametrize(
    ("mode", "reply", "error"),
    [
        ("names", "utter_ask_cusine", "unknown action 'utter_ask_cusine'; did you mean 'utter_ask_cuisine'?"),
        ("names", "日本\x1b[2J\ud800", r"unknown action '日本\x1b[2J\ud800'; valid: "),
        ("names", "a" * 100, f"unknown action '{'a' * 59}…'; valid: "),
        ("names", " ", "the reply is empty"),
        ("names", "<think>utter_greet</think>", "the reply is empty"),
        ("names", "a" * 1_000_000, "the reply has more than 10,000 characters"),
        ("names", {"name": "utter_greet"}, "expected a text, not an object"),
        ("tools", "hello", 'expected a call such as {"name": "ACTION"}: not valid JSON'),
        ("tools", "[1]", "expected an object with the name of an action, not a list"),
        ("tools", {"name": "utter_greet", "arguments": [1]}, "expected an object with arguments, not a list"),
        (
            "tools",
            {"name": "action_suggest", "arguments": "not json"},
            "action_suggest: the arguments cannot be read: not valid JSON",
        ),
        ("tools", {"role": "assistant", "content": None, "tool_calls": None}, "the message calls no action"),
        (
            "tools",
            {"role": "assistant", "tool_calls": [{}, {}]},
            "the message calls 2 actions; reply with one",
        ),
        ("tools", {"role": "assistant", "tool_calls": 3}, '"tool_calls" must be a list of calls'),
        ("tools", "{}", 'a call has a "name", the name of an action'),
        ("tools", {"name": "utter_gret"}, "unknown action 'utter_gret'; did you mean 'utter_greet'?"),
        (
            "tools",
            {"name": "action_suggest", "arguments": {"cuisine": "french"}},
            "action_suggest: the argument 'people' is missing",
        ),
        (
            "tools",
            {"name": "action_suggest", "arguments": {"cuisin": "french"}},
            "action_suggest: unknown argument 'cuisin'; did you mean 'cuisine'?",
        ),
        ("tools", {"name": "utter_greet", "arguments": {"x": 1}}, "utter_greet: unknown argument 'x'"),
    ],
)
def test_an_error_names_its_reason(mode: str, reply: Any, error: str) -> None:
    text, _, _ = same_dialogue("restaurant", mode, 3)
    done = text.step(reply)
    assert done.action is None and error in done.message.splitlines()[0]
    assert (done.reward, done.is_over) == (-1.0, False)
    assert done.message.splitlines()[1] in ("No.", "No, that is not it.")  # nothing is told for it


@pytest.mark.parametrize("around", ["{}", "```json\n{}\n```", "```{}```", " <tool_call>\n{}\n</tool_call>\n"])
def test_a_call_in_a_text_is_read_as_models_write_it(around: str) -> None:
    text, env, _ = same_dialogue("restaurant", "tools", 3)
    call = json.dumps({"name": "action_suggest", "arguments": env.goal}, indent=1)
    assert text.step(around.replace("{}", call)).is_success


@pytest.mark.parametrize(
    ("mode", "reply"),
    [
        ("names", "utter_ask_price"),
        ("tools", '{"name": "utter_ask_price"}'),
        ("free", "In what price range?"),
    ],
)
def test_thoughts_before_a_reply_are_not_part_of_it(mode: str, reply: str) -> None:
    text, _, _ = same_dialogue("restaurant", mode, 3)
    assert text.step(f"<think>{'utter_greet? ' * 1000}</think>\n{reply}").action == "utter_ask_price"


def test_a_whole_message_is_read_as_its_call() -> None:
    text, env, _ = same_dialogue("restaurant", "tools", 3)
    function = {"name": "action_suggest", "arguments": json.dumps(env.goal)}
    call = {"id": "call1", "type": "function", "function": function}
    assert text.step({"role": "assistant", "content": None, "tool_calls": [call]}).is_success
    text, _, _ = same_dialogue("restaurant", "tools", 3)
    said = {"role": "assistant", "content": '{"name": "utter_ask_price"}', "tool_calls": None}
    assert text.step(said).action == "utter_ask_price"


def test_errors_use_up_patience() -> None:
    text = TextDialogue("restaurant", patience=3)
    text.reset(seed=0)
    last = [text.step("nonsense") for _ in range(3)][-1]
    assert last.is_over and not last.is_success and last.message.endswith("(the user has hung up)")
    with pytest.raises(RuntimeError, match="call reset"):
        text.step("utter_greet")


@pytest.mark.parametrize("domain", DOMAINS)
def test_sentences_are_the_same_in_every_mode_and_run(domain: str) -> None:
    def transcript(mode: str) -> list[str]:
        text = TextDialogue(domain, mode)
        lines = [text.reset(seed=11)]
        speaking = [name for name in text.domain.actions[2:] if name.startswith("utter_ask")]
        for number in range(8):
            if text.is_over:
                break
            name = speaking[number % len(speaking)] if speaking else "utter_default"
            lines.append(text.step(name if mode == "names" else {"name": name}).message)
        return lines

    assert transcript("names") == transcript("names") == transcript("tools")


@pytest.mark.parametrize("mode", ["names", "tools"])
@pytest.mark.parametrize("env_id", TEXT_IDS)
def test_gymnasiums_checker_passes(env_id: str, mode: str) -> None:
    domain = {"domain": "concert"} if env_id.startswith("Dialogue") else {}
    env = gym.make(env_id, mode=mode, render_mode="ansi", **domain)
    check_env(env.unwrapped)
    observation, info = env.reset(seed=0)
    assert info["instructions"] == env.unwrapped.instructions
    is_over = False
    while not is_over:
        observation, _, terminated, is_over, _ = env.step("→ \U0001f600 " * 500)
        assert observation in env.observation_space
        is_over |= terminated
    assert "user: (not understood: " in env.render()


def test_the_step_limit_is_that_of_the_id() -> None:
    env = gym.make("FakeUserCityText-v0", patience=100)
    env.reset(seed=0)
    ends = [env.step("nonsense")[2:4] for _ in range(25)]
    assert ends[:-1] == [(False, False)] * 24 and ends[-1] == (False, True)
    own = TextDialogue("city", patience=100, max_episode_steps=3)
    own.reset(seed=0)
    last = [own.step("nonsense") for _ in range(3)][-1]
    assert last.is_truncated and last.is_over and last.message.endswith("(the dialogue was cut off)")


def test_a_dialogue_that_ends_at_its_limit_has_ended_as_in_the_environment() -> None:
    env, text = (kind("restaurant", max_episode_steps=3) for kind in (DialogueEnv, TextDialogueEnv))
    expert, ends = ExpertPolicy(env), []
    for seed in range(20):
        observation, _ = env.reset(seed=seed)
        text.reset(seed=seed)
        is_over = False
        while not is_over:
            action = int(expert.predict(observation, deterministic=True)[0])
            observation, reward, *ending, info = env.step(action)
            assert text.step(env.action_names[action])[1:4] == (reward, *ending)
            is_over = any(ending)
        ends.append((*ending, bool(info["is_success"])))
    assert {(True, True, True), (False, True, False)} <= {*ends}


def test_settings_are_those_of_the_environment() -> None:
    with pytest.raises(ValueError, match="unknown setting 'patienc'; did you mean 'patience'"):
        TextDialogue("restaurant", patienc=3)
    with pytest.raises(ValueError, match="mode='tool': unknown mode; did you mean 'tools'"):
        TextDialogue("restaurant", "tool")


@pytest.mark.parametrize(
    ("sentence", "action"),
    [
        ("Which cuisine do you fancy?", "utter_ask_cuisine"),
        ("  which CUISINE do you   fancy", "utter_ask_cuisine"),
        ("and for how many people shall it be", "utter_ask_numpeople"),
        ("which location", "utter_ask_location"),
    ],
)
def test_sentences_are_understood_by_the_texts_of_the_domain(sentence: str, action: str) -> None:
    text, _, _ = same_dialogue("restaurant", "free", 3)
    assert text.step(sentence).action == action


def test_what_a_sentence_says_is_what_the_user_judges() -> None:
    text, env, _ = same_dialogue("restaurant", "free", 3)
    goal = env.goal
    said = "How about this {price} {cuisine} restaurant in {location}, for {people} people?"
    assert goal["price"] != "cheap"
    done = text.step(said.format(**goal | {"price": "cheap"}))
    assert done.action == "action_suggest" and not done.is_success
    assert text.step(said.format(**goal)).is_success


def test_a_sentence_that_could_be_two_actions_is_refused() -> None:
    domain = domain_from("""
        intents: [inform, affirm, deny]
        entities: [size]
        slots:
          size: {type: categorical, values: [small, large]}
        actions: [ask_size, wonder, order]
        responses:
          ask_size: [{text: "Which size?"}]
          wonder: [{text: "Which size?"}]
          order: [{text: "A {size} one?"}]
        fake_user:
          goal: {size: [small, large]}
          actions:
            ask_size: {user: {inform: size}}
            order: {user: judge, needs: {slots: {size: filled}}}
    """)
    text = TextDialogue(domain, "free")
    text.reset(seed=0)
    assert "'which size' could be ask_size or wonder" in text.step("which size").message
    assert "'size' cannot be 'huge'; valid: large, small" in text.step("A huge one?").message
    assert "'zzz' is like none of" in text.step("zzz").message
    one = TextDialogue("city", "free")
    one.reset(seed=0)
    assert one.step("Which part of the city?").action == "utter_ask_area"


@pytest.mark.parametrize("domain", ["city", "hotel", "laptop"])
def test_a_search_needs_nothing_that_a_reader_of_texts_does_not_see(domain: str) -> None:
    needs = " ".join(tool.description.partition("Needs: ")[2] for tool in tools_of(load_domain(domain)))
    assert "a question of the user without an answer, an offer that" in needs
    assert not re.search(rf"\b(second\.|({'|'.join(SEARCH_FIELDS)}) (yes|one|made|accepted))", needs)


def test_descriptions_of_the_domain_file_are_part_of_the_instructions() -> None:
    domain = domain_from("""
        intents: [inform, affirm, deny]
        description: |
          It sells
          coffee.
        slots:
          size: {type: categorical, values: [small, large]}
        actions: [ask_size, order]
        fake_user:
          goal: {size: [small, large]}
          actions:
            ask_size: {user: {inform: size}, description: Asks for the size of the cup.}
            order: {user: judge, says: "A {size} one?"}
    """)
    text = TextDialogue(domain, "tools")
    assert 'a service called "test". It sells coffee. Find out' in text.instructions
    assert "- ask_size: Asks for the size of the cup.\n" in text.instructions
    assert text.tools[1]["function"]["description"] == "Asks for the size of the cup."
    assert repr(domain) == repr(dataclasses.replace(domain, description=""))  # simulations are the same
    with pytest.raises(DomainError, match="description"):
        domain_from("intents: [inform]\ndescription: [1]")
