"""A fake user who speaks in sentences, and the bot's understanding of them."""

from __future__ import annotations

import re
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import FlattenObservation
from hypothesis import given
from hypothesis import strategies as st
from stable_baselines3.common.env_checker import check_env as sb3_check

from dialogue_gym import ExpertPolicy, PretrainedPolicy, load_domain
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import Entity, UserUttered
from dialogue_gym.nlu.encoders import HashedNgrams
from dialogue_gym.nlu.examples import builtin_path, parse_example, read_examples
from dialogue_gym.nlu.interpreter import FixedFormatInterpreter
from dialogue_gym.nlu.phrasebook import Phrasebook
from dialogue_gym.nlu.trained import TrainedInterpreter
from dialogue_gym.wrappers.spoken_user import SpokenUser
from dialogue_gym.wrappers.text_observation import TextObservation
from tests import ROOT
from tests.conftest import BUILT_IN, play
from tests.envs.test_properties import ROUNDS

RESULTS = (ROOT / "docs/results.md").read_text(encoding="utf-8").partition("## Understanding")[2]
EXAMPLES = [
    parse_example(text, intent)
    for intent, texts in {
        "greet": ["hi", "hello there"],
        "inform": [
            "[french](cuisine) food",
            "in [paris](location)",
            '[two]{"entity": "people", "value": "2"} of us',
        ],
    }.items()
    for text in texts
]  # fmt: skip
WISHES = {
    "cuisine": ["french", "indian"], "location": ["paris", "san francisco"], "people": ["2", "6"],
}  # fmt: skip


class FixedBook(Phrasebook):
    """Sentences that are acts in the fixed format."""

    def check(self, intent: str) -> None:
        pass

    def say(self, intent: str, entities: Any = ()) -> str:
        return "/" + UserUttered(None, intent, tuple(entities)).act


def play_all(env: Any, policy: Any, dialogues: int) -> tuple[list[bool], list[float]]:
    successes, returns = [], []
    observation, _ = env.reset(seed=0)
    for _ in range(dialogues):
        total, info = play(env, policy, observation)
        successes.append(info["is_success"])
        returns.append(total)
        observation, _ = env.reset()
    return successes, returns


@ROUNDS
@given(st.dictionaries(st.sampled_from(sorted(WISHES)), st.integers(0, 1), min_size=1), st.integers(0, 99))
def test_a_sentence_says_every_value_once(wishes: dict[str, int], seed: int) -> None:
    entities = [Entity(name, WISHES[name][index]) for name, index in wishes.items()]
    sentence = Phrasebook(EXAMPLES, seed).say("inform", entities)
    for name, index in wishes.items():
        value = WISHES[name][index]
        assert sentence.count("two" if value == "2" else value) == 1
        assert WISHES[name][1 - index] not in sentence
    assert Phrasebook(EXAMPLES, seed).say("inform", entities) == sentence


def test_phrases_without_an_example_are_refused() -> None:
    with pytest.raises(ValueError, match="no example has the intent 'gret'; did you mean 'greet'"):
        Phrasebook(EXAMPLES).say("gret")
    with pytest.raises(ValueError, match="no example of 'greet' has the entity cuisine"):
        Phrasebook(EXAMPLES).say("greet", [Entity("cuisine", "french")])


@pytest.mark.parametrize("max_history", [1, 3])
@pytest.mark.parametrize("env_id", BUILT_IN)
def test_correct_interpretation_changes_nothing(env_id: str, max_history: int) -> None:
    plain = gym.make(env_id, max_history=max_history)
    domain = plain.unwrapped.domain  # type: ignore[attr-defined]
    spoken = SpokenUser(
        gym.make(env_id, max_history=max_history), FixedBook([]), FixedFormatInterpreter(domain)
    )
    random = np.random.default_rng(0)
    for seed in range(20):
        observation, info = plain.reset(seed=seed)
        other, its_info = spoken.reset(seed=seed)
        is_over = False
        while not is_over:
            assert observation.tolist() == other.tolist()
            assert info["action_mask"].tolist() == its_info["action_mask"].tolist()
            action = random.integers(plain.action_space.n)  # type: ignore[attr-defined]
            observation, reward, terminated, truncated, info = plain.step(action)
            other, its_reward, *ended, its_info = spoken.step(action)
            assert (reward, [terminated, truncated]) == (its_reward, ended)
            is_over = terminated or truncated


def test_user_reacts_to_misunderstandings() -> None:
    domain = load_domain("restaurant")

    class Deaf(FixedFormatInterpreter):
        def parse(self, text: str) -> Any:
            return super().parse(text.replace('"french"', '"indian"'))

    env = SpokenUser(gym.make("FakeUserRestaurant-v0", indecisiveness=0), FixedBook([]), Deaf(domain))
    successes, _ = play_all(env, ExpertPolicy(env), 60)
    wanted_french = 0
    assert 0 < successes.count(False) < 30  # those who want french food, a fifth, never get it
    for seed in range(5):
        env.reset(seed=seed)
        conversation: Conversation = env.unwrapped.conversation  # type: ignore[attr-defined]
        message = conversation.latest_message
        assert message is not None and message.meant is not None
        wanted_french += message.meant != message.act
        assert "french" not in str(conversation.slots.values())
    with pytest.raises(ValueError, match="semantic_error_rate"):
        SpokenUser(gym.make("FakeUserRestaurant-v0", semantic_error_rate=0.1), FixedBook([]))


def test_observations_are_changed_around_it_and_not_in_it() -> None:
    env = gym.make("FakeUserRestaurant-v0")
    flat = FlattenObservation(SpokenUser(env, FixedBook([])))
    assert flat.reset(seed=0)[0] in flat.observation_space
    with pytest.raises(ValueError, match="must be around SpokenUser, not in it"):
        SpokenUser(FlattenObservation(env), FixedBook([]))
    with pytest.raises(ValueError, match="must be around TextObservation, not in it"):
        TextObservation(FlattenObservation(env), HashedNgrams(["hello", "goodbye"]))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["restaurant", "concert"])
def test_held_out_sentences_cost_little(name: str) -> None:
    domain = load_domain(name)
    interpreter = TrainedInterpreter(domain, read_examples(builtin_path(name)))
    held_out = read_examples(builtin_path(name, "nlu_test.yml")).examples
    env_id = f"FakeUser{name.title()}-v0"
    results = {}
    for kind, understands in (("fixed", None), ("words", interpreter)):
        env = SpokenUser(gym.make(env_id), Phrasebook(held_out), understands)
        results[kind] = play_all(env, PretrainedPolicy(env), 200)
    success, total = ([np.mean(results[kind][part]) for kind in ("words", "fixed")] for part in (0, 1))
    assert min(success) >= 0.98
    assert total[0] >= total[1] - 0.3
    shown = re.search(rf"^\| {name} \| .* \| (.*) \| (.*) \|$", RESULTS, re.MULTILINE)
    assert shown
    assert shown[1] == f"{success[0]:.1%} ({success[1]:.1%})".replace("%", " %")
    assert shown[2] == f"{total[0]:.2f} ({total[1]:.2f})"


@pytest.mark.filterwarnings("ignore:.*is different from the unwrapped version")
@pytest.mark.parametrize("env_id", BUILT_IN)
def test_text_observation_passes_both_checkers(env_id: str) -> None:
    encoder = HashedNgrams([example.text for example in EXAMPLES], dimensions=3)
    env = TextObservation(gym.make(env_id), encoder)
    check_env(env, skip_render_check=True)
    sb3_check(env)
    observation, _ = env.reset(seed=0)
    conversation = env.unwrapped.conversation  # type: ignore[attr-defined]
    assert observation[:3].tolist() == encoder(conversation.latest_message.text).clip(-5, 5).tolist()
    fields = [f for f in env.unwrapped.fields if not f.name.startswith("intent")]  # type: ignore[attr-defined]
    assert observation[3:].sum() == len(fields) and set(observation[3:]) == {0, 1}
    assert len(observation) == 3 + sum(len(field.labels) for field in fields)


def test_any_sentence_encoder_is_accepted() -> None:
    env = TextObservation(gym.make("FakeUserConcert-v0"), lambda sentence: np.array([len(sentence)]), 99)
    observation, _ = env.reset(seed=0)
    assert observation[0] == len(env.unwrapped.conversation.latest_message.text)  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="max_history"):
        TextObservation(gym.make("FakeUserConcert-v0", max_history=2), lambda sentence: np.zeros(1))
