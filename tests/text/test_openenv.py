"""Sessions of OpenEnv: the rewards of the environment, and one sentence for everything that is refused."""

from __future__ import annotations

import json
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dialogue_gym
from dialogue_gym.text.openenv import MAX_REQUEST, OpenEnvError, OpenEnvSession, read_request, schemas
from dialogue_gym.text.replies import MAX_REPLY

RESTAURANT = dialogue_gym.load_domain("restaurant")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)
KEYS = (
    "seed",
    "episode_id",
    "mode",
    "goal",
    "user",
    "patience",
    "reward",
    "semantic_error_rate",
    "max_episode_steps",
    "message",
)


def ask(session: OpenEnvSession, kind: str, **data: Any) -> dict[str, Any]:
    """Return what a session answers to a message, as it goes through a socket."""
    request = read_request(json.dumps({"type": kind, "data": data}))
    answer: dict[str, Any] = json.loads(json.dumps(session.respond(request), allow_nan=False))
    return answer["data"]  # type: ignore[no-any-return]


def test_episodes_have_the_rewards_of_the_environment() -> None:
    session = OpenEnvSession(RESTAURANT, settings={"patience": 3})
    for chosen in ({}, {"semantic_error_rate": 0.3}):
        env = gym.make("FakeUserRestaurant-v0", patience=3, **chosen)
        names = env.unwrapped.action_names  # type: ignore[attr-defined]
        for seed in range(500):
            env.reset(seed=seed)
            done = ask(session, "reset", seed=seed, **chosen)["done"]
            chance = np.random.default_rng(seed)
            while not done:
                action = int(chance.integers(len(names)))
                _, reward, terminated, truncated, info = env.step(action)
                result = ask(session, "step", message=names[action])
                assert (result["reward"], result["done"]) == (reward, terminated or truncated)
                assert result["metadata"]["is_success"] == info["is_success"]
                done = result["done"]


def test_a_call_is_an_action_on_its_own_and_in_a_message() -> None:
    session = OpenEnvSession(RESTAURANT, "tools")
    goal = {"cuisine": "french", "location": "paris", "people": "2", "price": "cheap"}
    call = {"name": "action_suggest", "arguments": goal}
    for action in (call, {"message": call}, {"message": json.dumps(call)}, call | {"metadata": {"n": 1}}):
        start = ask(session, "reset", seed=1, goal=goal, episode_id="first")
        assert start["observation"]["tools"][7]["function"]["name"] == "action_suggest"
        assert ask(session, "step", **action)["metadata"]["is_success"]
        assert ask(session, "state") == {
            "episode_id": "first", "step_count": 1, "is_over": True, "is_success": True,
        }  # fmt: skip


def test_a_refused_reset_changes_nothing() -> None:
    session = OpenEnvSession(RESTAURANT)
    ask(session, "reset", seed=4)
    before = ask(session, "step", message="utter_ask_price"), ask(session, "state")
    ask(session, "reset", seed=4)
    for wrong in ({"seed": 1, "goal": {"cuisine": "x"}}, {"seed": 1, "user": "x"}, {"seed": 1, "reward": 1}):
        with pytest.raises(OpenEnvError):
            ask(session, "reset", **wrong)
    episode = before[1] | {"episode_id": ask(session, "state")["episode_id"]}
    assert (ask(session, "step", message="utter_ask_price"), ask(session, "state")) == (before[0], episode)


@pytest.mark.parametrize(
    ("message", "code", "line"),
    [
        ("{", "INVALID_JSON", "the message cannot be read: not valid JSON"),
        ("[" * 9_000, "INVALID_JSON", "the message cannot be read: nested too deeply"),
        ("[]", "UNKNOWN_TYPE", "the message has no type; valid: close, reset, state, step"),
        ('{"type": "rest"}', "UNKNOWN_TYPE", "unknown type 'rest'; did you mean 'reset'?"),
        ('{"type": "reset", "data": 1}', "VALIDATION_ERROR", 'reset: "data" must be an object'),
        ('{"type": "reset", "data": {"sed": 1}}', "VALIDATION_ERROR", "reset: unknown key 'sed'; did you"),
        ('{"type": "reset", "data": {"seed": true}}', "VALIDATION_ERROR", 'reset: "seed" must be a whole'),
        ('{"type": "reset", "data": {"mode": "tool"}}', "VALIDATION_ERROR", "reset: mode='tool': unknown"),
        ('{"type": "step"}', "VALIDATION_ERROR", 'step: "data" must be an object'),
        ('{"type": "step", "data": {"action": "x"}}', "VALIDATION_ERROR", 'step: an action needs a "messa'),
        ('{"type": "step", "data": {"message": 1}}', "VALIDATION_ERROR", 'step: "message" must be a text'),
        ('{"type": "step", "data": {"message": "x"}}', "EXECUTION_ERROR", "no dialogue has begun"),
        (json.dumps({"type": "x" * MAX_REQUEST}), "VALIDATION_ERROR", "the message has more than 131,072"),
    ],
)  # fmt: skip
def test_messages_are_refused_in_one_line(message: str, code: str, line: str) -> None:
    with pytest.raises(OpenEnvError) as refused:
        OpenEnvSession(RESTAURANT).respond(read_request(message))
    data = refused.value.as_message()["data"]
    assert data["code"] == code and data["message"].startswith(line) and "\n" not in data["message"]


def test_the_longest_reply_that_is_read_fits_into_a_message() -> None:
    action = {"message": "\N{GRINNING FACE}" * MAX_REPLY, "metadata": {}}
    assert read_request(json.dumps({"type": "step", "data": action})).data == action


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["reset", "step"]), st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=3))
def test_nothing_that_a_client_sends_breaks_a_session(kind: str, data: dict[str, Any]) -> None:
    session = OpenEnvSession(RESTAURANT)
    ask(session, "reset", seed=1)
    try:
        ask(session, kind, **data)
    except OpenEnvError as error:
        json.dumps(error.as_message()).encode("ascii")
    ask(session, "reset", seed=1)
    assert ask(session, "step", message="utter_ask_price")["reward"] == -1


def test_schemas_have_one_required_text_for_the_action() -> None:
    names = schemas(RESTAURANT, "names")["action"]
    assert names["required"] == ["message"] and "utter_ask_price" in names["properties"]["message"]["enum"]
    for mode in ("tools", "free"):
        assert schemas(RESTAURANT, mode)["action"]["required"] == ["message"]
    # Clients of environments with tools of MCP take these titles for such.
    assert names["title"] not in ("Action", "CallToolAction", "ListToolsAction")
