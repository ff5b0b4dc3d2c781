"""The environment whose user is a person, with somebody at the other end of the channel."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as gymnasium_check
from stable_baselines3.common.env_checker import check_env as sb3_check

from dialogue_gym import DialogueEnv, DomainError, ExpertPolicy, load_domain
from dialogue_gym.actions import ActionResult, ActionRunner
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import UserUttered
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.live.env import DialogueLiveEnv, PersonLeft, TerminalChannel
from dialogue_gym.live.reward import LiveReward
from dialogue_gym.live.trace import trace_of
from dialogue_gym.nlu.examples import builtin_path, read_examples
from dialogue_gym.nlu.trained import TrainedInterpreter
from dialogue_gym.sb3.masked_dqn import MaskedDQN
from dialogue_gym.teaching.export import stories_of
from tests.conftest import LIVE, TURN_TAKINGS, domain_from

PLAIN = """
    intents: [greet]
    responses: {utter_greet: [{text: "Hello\\nyou"}]}
    actions: [utter_greet, action_look]
"""


class Person(ActionRunner):
    """The fake user of an environment; it types acts in the fixed format.

    The bot's actions take effect in that environment, so this is their runner too.
    """

    def __init__(self, env: DialogueEnv, seed: int = 0) -> None:
        super().__init__(env.domain)
        self.env = env
        self.seed: int | None = seed
        self.said: list[str | None] = []
        self.seen: Any = None

    def __call__(self, told: list[str]) -> str | None:
        if not self.said:
            self.seen = self.env.reset(seed=self.seed)
            self.seed = None
            self.speak()
        return self.said.pop(0)

    def speak(self) -> None:
        message = self.env.conversation.latest_message
        assert message is not None
        intent, brace, entities = message.act.partition("{")
        self.said.append(f"/{intent}@{message.confidence}{brace}{entities}")

    def run(self, name: str, conversation: Conversation) -> ActionResult:
        before = len(self.env.conversation)
        self.seen = self.env.step(self.env.action_names.index(name))
        events = self.env.conversation.events[before + 1 :]
        if self.env.conversation.outcome == "failure":
            self.said.append(None)  # they hang up
        elif any(isinstance(event, UserUttered) for event in events):
            self.speak()
        return ActionResult(tuple(event for event in events if not isinstance(event, UserUttered)))


def with_person(name: str, seed: int = 0, **keywords: Any) -> tuple[DialogueLiveEnv, Person]:
    person = Person(DialogueEnv(name, **keywords), seed)
    return DialogueLiveEnv(name, person, runner=person, **keywords), person


def typing(*texts: str | None) -> Callable[[list[str]], str | None]:
    """Return a person who types these texts, one after the other, and then leaves."""
    left = iter(texts)
    return lambda told: next(left, None)


def step_by(env: DialogueLiveEnv, name: str) -> tuple[Any, float, bool, bool, dict[str, Any]]:
    return env.step(env.action_names.index(name))


def endless(told: list[str]) -> str:
    return '/inform{"cuisine": "french"}'


@pytest.mark.parametrize("turn_taking", TURN_TAKINGS)
def test_both_checkers_pass_without_a_warning(turn_taking: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for history in (1, 2):
            made = gym.make(
                LIVE, domain="restaurant", channel=endless, turn_taking=turn_taking, max_history=history
            )
            gymnasium_check(made.unwrapped)
            sb3_check(made)


@pytest.mark.parametrize("steps", [None, 7, 60])
def test_a_conversation_ends_at_the_horizon(steps: int | None) -> None:
    keywords = {} if steps is None else {"max_episode_steps": steps}
    env = gym.make(LIVE, domain="restaurant", channel=endless, **keywords)
    env.reset()
    most = steps or 50
    assert env.spec is not None and env.spec.max_episode_steps == most
    assert [env.step(1)[3] for _ in range(most)] == [False] * (most - 1) + [True]


@pytest.mark.parametrize("history", [1, 2])
@pytest.mark.parametrize("turn_taking", TURN_TAKINGS)
@pytest.mark.parametrize("name", ["restaurant", "concert"])
def test_fake_user_as_person_equals_the_simulated_environment(
    name: str, turn_taking: str, history: int
) -> None:
    weights = {"failure": -3.0, "invalid": -0.5, "turn": 0.25, "action_restart": -0.1}
    env, person = with_person(name, turn_taking=turn_taking, max_history=history, reward=weights)
    expert = ExpertPolicy(person.env)
    random = np.random.default_rng(0)
    assert (env.observation_space, env.action_space) == (
        person.env.observation_space,
        person.env.action_space,
    )
    endings: set[str] = set()
    for dialogue in range(30):
        observation, info = env.reset()
        is_over, wild = False, (0.1, 0.5, 1.0)[dialogue % 3]
        assert observation.tolist() == person.seen[0].tolist()
        assert info["action_mask"].tolist() == person.seen[1]["action_mask"].tolist()
        while not is_over:
            frame = observation[-len(env.fields) :]
            action = (
                random.integers(env.action_space.n) if random.random() < wild else expert.predict(frame)[0]
            )
            observation, reward, terminated, truncated, info = env.step(action)
            wanted, *others = person.seen
            # (A dialogue can end at its last step in both ways; a conversation has one outcome.)
            assert [reward, terminated, truncated] == [*others[:2], others[2] and not terminated]
            assert dict(info["reward_terms"]) == dict(others[3]["reward_terms"])
            assert info["is_success"] == others[3]["is_success"]
            is_over = terminated or truncated
            if not (is_over and person.env.conversation.outcome == "failure"):
                # (Who hangs up says nothing more, and a fake user has said their last words by then.)
                assert observation.tolist() == wanted.tolist()
                assert info["action_mask"].tolist() == others[3]["action_mask"].tolist()
                assert info["turns"] == others[3]["turns"]
        assert env.conversation.outcome == person.env.conversation.outcome
        endings.add(str(env.conversation.outcome))
    assert {"success", "failure"} <= endings


def test_a_conversation_is_truncated_and_the_next_one_begins() -> None:
    env, person = with_person("restaurant", patience=100, max_episode_steps=7)
    for _ in range(2):
        env.reset()
        steps = [step_by(env, "action_search_restaurants") for _ in range(7)]
        assert [step[3] for step in steps] == [False] * 6 + [True]
        assert not steps[-1][4]["is_success"]
        with pytest.raises(gym.error.ResetNeeded):
            env.step(0)
    assert person.env.conversation.outcome == "truncated"


def test_agent_of_the_fake_user_serves_people_until_they_leave(tmp_path: Path) -> None:
    model = MaskedDQN(
        "MlpPolicy", gym.make("FakeUserRestaurant-v0"), learning_starts=50, seed=0, device="cpu"
    )
    model.learn(150)
    simulated = model.replay_buffer.size()
    person = Person(DialogueEnv("restaurant"), seed=5)
    calls = 0

    def someone(told: list[str]) -> str | None:
        nonlocal calls
        calls += 1
        return person(told) if calls <= 40 else None

    with Store(tmp_path) as store:
        live = gym.make(LIVE, domain="restaurant", channel=someone, runner=person, journal=store)
        model.set_env(live)
        with pytest.raises(PersonLeft):
            model.learn(10_000, reset_num_timesteps=False)
        entries = list(store.entries())
    decisions = sum(entry.kind == "label" for entry in entries)
    assert model.replay_buffer.size() == simulated + decisions  # the step that they left at is among them
    assert model.replay_buffer.dones[simulated + decisions - 1]
    other, _ = with_person("restaurant", seed=9)
    observation, _ = other.reset()
    for _ in range(3):
        action, _ = model.predict(observation, deterministic=True)
        assert other.action_masks()[action]
        observation, *_ = other.step(action)


def test_leaving_or_restarting_is_failure() -> None:
    env = DialogueLiveEnv("restaurant", typing("/restart", "/greet", "/restart", "/deny", None, "/greet"))
    for _ in range(2):
        env.reset()
        *_, terminated, truncated, info = step_by(env, "utter_ask_cuisine")
        assert (terminated, truncated, info["is_success"]) == (True, False, False)
        assert env.conversation.outcome == "failure"
    env.reset()
    assert env.conversation.latest_message.intent == "greet"  # somebody is there again
    step_by(env, "utter_ask_cuisine")
    observation, _ = env.reset()
    assert env.observation_space.contains(observation)
    for _ in range(2):
        with pytest.raises(PersonLeft):
            step_by(env, "utter_ask_cuisine")


def test_misunderstood_text_is_asked_again_without_penalty() -> None:
    told: list[list[str]] = []
    texts = iter(["hello there!", "/grete", "/greet", "/inform{", '/inform{"price": "cheap"}'])

    def someone(lines: list[str]) -> str | None:
        told.append(lines)
        return next(texts, None)

    env = DialogueLiveEnv("restaurant", someone)
    env.reset()
    assert told[0] == [] and "there!" in told[1][0] and "did you mean 'greet'?" in told[2][0]
    _, reward, *_, info = step_by(env, "utter_ask_price")
    assert reward == -1 and info["turns"] == 2 and len(told) == 5
    assert not told[3][0].startswith("(") and told[4][0].startswith("(")
    assert env.conversation.slots["price"] == "cheap"


def test_plain_text_is_read_by_an_interpreter() -> None:
    interpreter = TrainedInterpreter(
        load_domain("restaurant"), read_examples([builtin_path("restaurant", "nlu.yml")])
    )
    env = DialogueLiveEnv("restaurant", typing("in paris please"), interpreter=interpreter)
    env.reset()
    assert env.conversation.slots["location"] == "paris"


def test_a_domain_without_a_fake_user_ends_when_the_person_leaves() -> None:
    domain = domain_from(PLAIN)
    with pytest.raises(DomainError, match="fake user"):
        DialogueEnv(domain)
    told: list[list[str]] = []
    texts = iter(["/greet"] * 3)

    def someone(lines: list[str]) -> str | None:
        told.append(lines)
        return next(texts, None)

    env = DialogueLiveEnv(domain, someone, max_episode_steps=5)
    env.reset()
    ended = [step_by(env, name)[2] for name in ("utter_greet", "action_look", "utter_greet")]
    assert ended == [False, False, True] and env.conversation.outcome == "failure"
    assert told == [[], ["Hello", "you"], [], ["Hello", "you"]]
    env = DialogueLiveEnv(domain, lambda told: "/greet", max_episode_steps=5)
    env.reset()
    assert [step_by(env, "utter_greet")[3] for _ in range(5)] == [False] * 4 + [True]


def test_message_is_in_the_journal_before_it_is_answered(tmp_path: Path) -> None:
    domain = domain_from(PLAIN)
    written: list[list[str]] = []
    texts = iter(["/greet", "/greet", None, "/greet"])
    with Store(tmp_path) as store:

        def someone(told: list[str]) -> str | None:
            written.append([entry.kind for entry in store.entries()])
            return next(texts, None)

        env = DialogueLiveEnv(domain, someone, journal=store)
        env.reset()
        step_by(env, "utter_greet")
        first = env.conversation
        assert written[1] == ["event", "user", "label", "result"]
        step_by(env, "utter_greet")
        env.reset()
        env.reset()  # nobody: nothing is written, and the one before is cut off
        entries = {name: list(store.entries(name)) for name in ("live1", "live2", "live3")}
        assert [entry.content["outcome"] for found in entries.values() for entry in found[-1:]] == [
            "failure", "truncated"
        ]  # fmt: skip
        trace = trace_of(env.domain, "live1", LiveReward.of(domain), entries["live1"])
        assert trace.conversation.events == first.events
        names = [story.name for story in stories_of(History(store.entries()), domain)]
        assert names == ["live1 greet", "live2 greet"]
        again = DialogueLiveEnv(domain, typing("/greet"), journal=store)
        again.reset()
        assert again.conversation.sender_id == "live3"


def test_names_of_conversations_in_a_journal_are_used_once(tmp_path: Path) -> None:
    domain = domain_from(PLAIN)
    with Store(tmp_path) as store:
        envs = [DialogueLiveEnv(domain, typing(*["/greet"] * 3), journal=store) for _ in range(2)]
        for env in envs:
            env.reset()
        assert [env.conversation.sender_id for env in envs] == ["live1", "live2"]
        for env in envs:
            env.close()
        store.forget("live2")
        third = DialogueLiveEnv(domain, typing("/greet"), journal=store)
        third.reset()
        assert third.conversation.sender_id == "live3" and store.check() == []


def test_terminal_reads_and_prints_messages(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = iter(["hm", "/greet"])

    def at_the_prompt(prompt: str) -> str:
        for text in typed:
            return text
        raise EOFError

    monkeypatch.setattr("builtins.input", at_the_prompt)
    domain = domain_from(PLAIN)
    env = DialogueLiveEnv(domain)
    assert isinstance(env._channel, TerminalChannel)
    env.reset()
    assert step_by(env, "utter_greet")[2]
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("(unknown intent 'hm'") and shown[1:] == ["bot   Hello", "bot   you"]


def test_ansi_rendering_shows_the_dialogue() -> None:
    env = DialogueLiveEnv(domain_from(PLAIN), typing("/greet"), render_mode="ansi")
    env.reset()
    step_by(env, "utter_greet")
    assert str(env.render()).splitlines()[-1] == "--- the user hangs up after 1 step ---"


@pytest.mark.parametrize("channel", [3, 0, "terminal"])
def test_a_channel_of_another_kind_is_refused(channel: object) -> None:
    with pytest.raises(TypeError, match=rf"channel={channel!r}: must be a Channel, or a function"):
        gym.make(LIVE, domain="restaurant", channel=channel)
