"""A person's reward in the place of an environment's, around environments of ours and of others."""

from __future__ import annotations

import copy
import io
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import TimeLimit
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.env_checker import check_env as sb3_check
from stable_baselines3.common.monitor import Monitor

from dialogue_gym import ExpertPolicy, HumanReward, load_domain
from dialogue_gym.journal.entry import LABEL, NOTE, RATING
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.teaching.export import stories_of
from dialogue_gym.wrappers.credit import Credit
from dialogue_gym.wrappers.feedback import Step, TerminalFeedback
from dialogue_gym.wrappers.reward_model import RewardModel
from tests.terminals import Window
from tests.wrappers.human_reward import play

ENVIRONMENTS = ("FakeUserRestaurant-v0", "CartPole-v1", "Taxi-v4")
each_environment = pytest.mark.parametrize("env_id", ENVIRONMENTS)


def odd_steps(step: Step) -> float | None:
    """A person who likes odd steps, and says nothing of every third one."""
    return None if step.number % 3 == 0 else float(step.number % 2)


class Still(gym.Env[Any, Any]):
    """An environment in which nothing happens, with observations of a space."""

    def __init__(self, space: gym.Space[Any]) -> None:
        self.observation_space, self.action_space = space, spaces.Discrete(2)
        self._observation = space.sample()

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return self._observation, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self._observation, 0.0, False, False, {}


# Rewards and information.


@each_environment
def test_reward_is_the_rating(env_id: str) -> None:
    plain = play(gym.make(env_id), 300)
    env = HumanReward(gym.make(env_id), odd_steps, scale=3, mix=0.5)
    number, given, own, ends = 0, [], 0.0, 0
    for theirs, ours in zip(plain, play(env, 300), strict=True):
        number += 1
        said = None if number % 3 == 0 else number % 2
        given.append(said)
        own += float(theirs[1])
        assert ours[1] == pytest.approx(3 * (said or 0) + 0.5 * float(theirs[1]))
        assert np.array_equal(ours[0], theirs[0]) and ours[2:4] == theirs[2:4]
        info = ours[4]
        assert (info["human_reward"], info["environment_reward"]) == (said, theirs[1])
        assert "predicted_reward" not in info and set(theirs[4]) <= set(info)
        assert ("human_return" in info) == (ours[2] or ours[3])
        if ours[2] or ours[3]:
            spoken = [one for one in given if one is not None]
            assert (info["human_return"], info["human_ratings"]) == (sum(spoken), len(spoken))
            assert info["environment_return"] == pytest.approx(own)
            number, given, own, ends = 0, [], 0.0, ends + 1
    assert ends


@each_environment
def test_rating_is_asked_only_at_the_end(env_id: str) -> None:
    asked = []

    def rate(step: Step) -> float:
        assert step.every == "dialogue" and (step.terminated or step.truncated)
        asked.append(step.episode)
        return float(step.number)

    made = play(HumanReward(gym.make(env_id), rate, every="dialogue"), 500)
    ends = [is_over for _, _, *over, _ in made for is_over in [any(over)]]
    assert asked == list(range(1, sum(ends) + 1)) and asked
    assert [reward != 0 for _, reward, *_ in made] == ends
    assert sum(reward for _, reward, *_ in made) == 1 + max(i for i, is_over in enumerate(ends) if is_over)


def test_dialogue_is_readable() -> None:
    said = []

    def read(step: Step) -> None:
        assert step.conversation is not None
        said.append(step.conversation.latest_action)

    env = HumanReward(gym.make("FakeUserRestaurant-v0"), read)
    play(env, 5)
    assert len(said) == 5 and all(said)
    assert Step(0, 0, 0.0, 0, False, False, {}, 1, 1, "step", gym.make("CartPole-v1")).conversation is None


# Other people's tools.


@pytest.mark.filterwarnings("ignore:.*is different from the unwrapped version")
@pytest.mark.filterwarnings("ignore:.*A Box observation space m")  # of CartPole
@pytest.mark.parametrize(
    "options", [{}, {"every": "dialogue"}, {"model": True}], ids=["step", "dialogue", "model"]
)
@each_environment
def test_both_checkers_pass(env_id: str, options: dict[str, Any]) -> None:
    env = gym.make(env_id)
    source = odd_steps
    if "model" in options:  # one that goes on learning would give other rewards the next time
        source, options = (lambda step: None), {"model": RewardModel(env)}  # type: ignore[assignment]
    human = HumanReward(env, source, **options)
    check_env(human, skip_render_check=True)
    sb3_check(human)


@each_environment
def test_wrapper_can_be_respecified_and_pickled(env_id: str) -> None:
    human = HumanReward(gym.make(env_id), odd_steps, "step", scale=2, model=RewardModel(gym.make(env_id)))
    assert human.spec is not None
    again = gym.make(human.spec)
    assert isinstance(again, HumanReward) and again.model is human.model
    thawed = pickle.loads(pickle.dumps(human))
    for ours, theirs in zip(play(human, 50), play(thawed, 50), strict=True):
        assert ours[1:4] == theirs[1:4] and ours[4]["human_reward"] == theirs[4]["human_reward"]


def test_silence_passes_through_vector_environments() -> None:
    def silent_at_first(step: Step) -> float | None:
        return None if step.number == 1 else 5.0

    lanes = gym.vector.SyncVectorEnv([lambda: HumanReward(gym.make("CartPole-v1"), silent_at_first)] * 2)
    lanes.reset(seed=0)
    rewards = [lanes.step(np.array([0, 1])) for _ in range(2)]
    assert rewards[0][1].tolist() == [0, 0] and rewards[1][1].tolist() == [5, 5]
    assert list(rewards[0][4]["human_reward"]) == [None, None]
    assert list(rewards[1][4]["human_reward"]) == [5, 5]


LEARNERS = {"PPO": (PPO, {"n_steps": 64}), "A2C": (A2C, {}), "DQN": (DQN, {"learning_starts": 50})}


@pytest.mark.parametrize("name", LEARNERS)
@each_environment
def test_stable_baselines3_learns_unmodified(env_id: str, name: str) -> None:
    keys = ("human_return", "human_ratings", "environment_return")
    env = Monitor(HumanReward(gym.make(env_id), odd_steps), info_keywords=keys)
    learner, options = LEARNERS[name]
    agent = learner("MlpPolicy", env, seed=0, device="cpu", **options)
    agent.learn(500)
    assert agent.ep_info_buffer
    for episode in agent.ep_info_buffer:
        assert episode["r"] == pytest.approx(episode["human_return"])
        assert episode["human_ratings"] == episode["l"] - episode["l"] // 3


# The terminal.

TYPED = "+\n-\n0\n 2.5 \n\nwhat\nnan\n1e999\n-3\n"
GIVEN = [1, -1, 0, 2.5, None, -3, None, None]


@pytest.mark.parametrize("env_id", [*ENVIRONMENTS, "Taxi-v4 as text"])
def test_typed_rating_is_the_reward(env_id: str) -> None:
    mode = {"render_mode": "ansi"} if "text" in env_id else {}
    sink = io.StringIO()
    env = HumanReward(gym.make(env_id.split()[0], **mode), TerminalFeedback(io.StringIO(TYPED), sink))
    assert [info["human_reward"] for *_, info in play(env, len(GIVEN))] == GIVEN
    shown = sink.getvalue()
    assert shown.count(" is not a reward; type +, -, a finite number, or just Enter\n") == 3
    assert shown.count("the input has ended") == 1
    assert shown.count("reward for this step > ") == 6 + 3 + 1
    if env_id == "FakeUserRestaurant-v0":
        conversation = env.unwrapped.conversation  # type: ignore[attr-defined]
        assert shown.splitlines()[0].startswith("user ")
        assert shown.count("\nbot ") >= 6 and str(conversation.latest_message.text)
    elif mode:
        assert shown.count("+---------+") >= 12
    else:
        assert "step 1: action " in shown and "observation " in shown


def test_each_dialogue_is_shown_once_from_its_beginning() -> None:
    sink = io.StringIO()
    env = HumanReward(
        gym.make("FakeUserRestaurant-v0"), TerminalFeedback(io.StringIO("\n" * 500), sink), "dialogue"
    )
    play(env, 200)
    shown = sink.getvalue()
    dialogues = shown.count("reward for this dialogue > ")
    assert dialogues > 3 and shown.count("\n--- ") == dialogues


SCRIPT = """
import gymnasium
from dialogue_gym import HumanReward
env = HumanReward(gymnasium.make("FakeUserRestaurant-v0"), "terminal")
env.reset(seed=0)
print("GIVEN", [env.step(0)[4]["human_reward"] for _ in range(4)])
"""


def test_ratings_are_read_through_a_pipe() -> None:
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT], input=b"+\n\xff\n-2\n", capture_output=True, check=True
    )
    assert b"GIVEN [1.0, -2.0, None, None]" in result.stdout and result.stderr == b""
    assert "'\ufffd' is not a reward".encode() in result.stdout


def test_ratings_are_typed_at_a_terminal(tmp_path: Path) -> None:
    prompt = "reward for this step > "
    window = Window(cwd=tmp_path, columns=100, code=SCRIPT)
    try:
        window.type("", prompt)
        window.type("+\n", prompt)
        window.type("much\n", "'much' is not a reward", prompt)
        window.type("-0.5\n", prompt)
        window.type("\x04", "the input has ended", "GIVEN [1.0, -0.5, None, None]")
        assert window.process.wait(30) == 0
    finally:
        window.close()


# The store.


def test_a_rated_dialogue_is_kept_and_becomes_a_story(tmp_path: Path) -> None:
    with Store(tmp_path / "store") as store:
        env = gym.make("FakeUserRestaurant-v0", semantic_error_rate=0.2)
        known = 0

        class Watched(RewardModel):
            def learn(self, *arguments: Any) -> None:
                nonlocal known
                known += 1
                assert sum(entry.kind == RATING for entry in store.entries()) == known
                super().learn(*arguments)

        human = HumanReward(env, odd_steps, model=Watched(env), store=store)
        domain = load_domain("restaurant")
        expert = ExpertPolicy(env, 0)
        expected: dict[int, float] = {}
        for seed in range(4):
            observation, _ = human.reset(seed=seed)
            is_over, number = False, 0
            while not is_over and not (seed == 2 and number == 2):  # which is left in the middle
                number += 1
                action, _ = expert.predict(observation)
                observation, _, terminated, truncated, info = human.step(int(action))
                is_over = terminated or truncated
                if info["human_reward"] is not None:
                    (rating,) = [entry for entry in store.entries() if entry.kind == RATING][known - 1 :]
                    about = store.entry(rating.content["about"])
                    assert about.kind == LABEL and about.content["by"] == "bot"
                    assert about.content["action"] == env.unwrapped.action_names[int(action)]  # type: ignore
                    expected[about.id] = info["human_reward"]
            if seed == 3:
                said = env.unwrapped.conversation  # type: ignore[attr-defined]
        human.close()
        history = History(store.entries())
        assert len(history.conversations) == 4 and store.check() == []
        last = history.conversation(domain, history.conversations[-1])
        assert last.events[1:] == said.events and last.outcome == said.outcome
        outcomes = [history.outcome(name) for name in history.conversations]
        assert outcomes[2] is None and all(history.has_ended(name) for name in history.conversations)
        assert {entry: history.rating(entry) for entry in expected} == expected
        assert history.labels(domain) == []  # nobody said that anything was right
        assert len(stories_of(history, domain)) == 4


def test_ratings_of_dialogues_and_other_environments_are_kept(tmp_path: Path) -> None:
    with Store(tmp_path / "store") as store:
        dialogues = HumanReward(
            gym.make("FakeUserRestaurant-v0"),
            lambda step: 5 if step.episode == 2 else None,
            "dialogue",
            store=store,
        )
        made = play(dialogues, 150)
        assert sum("human_return" in info for *_, info in made) > 2
        history = History(store.entries())
        (conversation,) = history.conversations  # of the others nothing was said
        end = history.path(conversation)[-1]
        assert end.kind == "end" and history.rating(end.id) == 5
        play(HumanReward(gym.make("CartPole-v1"), odd_steps, store=store), 2, seed=1)
        notes = [entry for entry in store.entries() if entry.kind == NOTE]
        env = gym.make("CartPole-v1")
        observation, _ = env.reset(seed=1)
        content = notes[0].content
        np.testing.assert_allclose(content.pop("observation"), observation)
        assert content.pop("action") in (0, 1)
        assert content == {"rating": 1, "every": "step", "environment": "CartPole-v1", "step": 1}
        assert [note.content["rating"] for note in notes] == [1, 0] and store.check() == []


def test_copies_and_specifications_of_an_environment_share_its_store(tmp_path: Path) -> None:
    with Store(tmp_path / "store") as store:
        human = HumanReward(gym.make("FakeUserRestaurant-v0"), odd_steps, store=store)
        spec = TimeLimit(human, 5).spec
        assert spec is not None and spec.max_episode_steps == 5
        for env in (gym.make(spec), copy.deepcopy(human)):
            before = sum(entry.kind == RATING for entry in store.entries())
            env.reset(seed=0)
            env.step(3)
            assert sum(entry.kind == RATING for entry in store.entries()) == before + 1
        assert store.check() == []


def test_composite_observations_are_shown_and_kept(tmp_path: Path) -> None:
    parts = {"color": spaces.Discrete(3), "place": spaces.Box(0, 1, (2,))}
    for space, shown in (
        (spaces.Dict(parts), "observation {"),
        (spaces.Tuple(parts.values()), "observation ("),
    ):
        env, sink = Still(space), io.StringIO()
        with Store(tmp_path / type(space).__name__) as store:
            human = HumanReward(env, TerminalFeedback(io.StringIO("+\n"), sink), store=store)
            observation, _ = human.reset(seed=0)
            assert human.step(1)[1] == 1 and shown in sink.getvalue()
            (note,) = store.entries()
        kept = note.content["observation"]
        color, place = kept.values() if isinstance(kept, dict) else kept
        own = [*(observation.values() if isinstance(observation, dict) else observation)]
        assert color == own[0] and place == pytest.approx(own[1])


# Bad arguments.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"source": "keyboard"}, "source='keyboard': must be 'terminal' or a callable"),
        ({"every": "turn"}, "every='turn': must be 'step' or 'dialogue'"),
        ({"scale": float("nan")}, "scale=nan: must be a finite number"),
        ({"mix": True}, "mix=True: must be a finite number"),
        ({"credit": Credit(steps=(1,))}, "credit: needs a reward model"),
        ({"ask_above": 0.5}, "ask_above: needs a reward model"),
    ],
)
def test_invalid_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        HumanReward(gym.make("CartPole-v1"), **arguments)


def test_credit_needs_ratings_of_steps() -> None:
    env = gym.make("CartPole-v1")
    with pytest.raises(ValueError, match="credit: needs every='step'"):
        HumanReward(env, every="dialogue", model=RewardModel(env), credit=Credit(steps=(1,)))


@pytest.mark.parametrize("answer", ["good", True, float("inf")])
def test_invalid_answer_is_refused(answer: Any) -> None:
    env = HumanReward(gym.make("CartPole-v1"), lambda step: answer)
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"source: returned .*; must be a finite number, or None"):
        env.step(0)
