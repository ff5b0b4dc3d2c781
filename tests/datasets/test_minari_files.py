"""Data sets of Minari: read without the library, played again, written whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import gymnasium as gym
import minari
import numpy as np
import pytest

import dialogue_gym
from dialogue_gym.datasets import (
    BehaviourPolicy,
    Episode,
    PolicyMixture,
    collect,
    dataset_id,
    dataset_name,
    find_behaviours,
    read_dataset,
    write_dataset,
)
from dialogue_gym.domain.sources import domain_path
from tests import ROOT
from tests.agents.commands import agents
from tests.conftest import BUILT_IN

LOADED_ALONE = """
import sys
sys.modules["dialogue_gym"] = None  # an import fails from now on, wherever it is installed
import minari, gymnasium
dataset = minari.load_dataset(sys.argv[1])
assert type(dataset.observation_space) is gymnasium.spaces.MultiDiscrete
assert type(dataset.action_space) is gymnasium.spaces.Discrete
words = dataset.storage.metadata
assert len(words["action_names"]) == dataset.action_space.n
assert [len(labels) for _, labels in words["observation_fields"]] == dataset.observation_space.nvec.tolist()
for episode in dataset:
    assert all(one in dataset.observation_space for one in episode.observations)
    masks, chances = episode.infos["action_mask"][:-1], episode.infos["chances"][:-1]
    assert abs(chances.sum(axis=1) - 1).max() < 1e-12 and not chances[masks == 0].any()
    assert all(chances[step, action] > 0 for step, action in enumerate(episode.actions))
assert not [name for name in sys.modules if name.startswith("dialogue_gym.")]
print(len(dataset), dataset.total_steps, sum(episode.rewards.sum() for episode in dataset))
"""
PLAYED_AGAIN = """
import sys
import minari, numpy
dataset = minari.load_dataset(sys.argv[1])
env = dataset.recover_environment()
assert (env.observation_space, env.action_space) == (dataset.observation_space, dataset.action_space)
seeds = [one["seed"] for one in dataset.storage.get_episode_metadata(dataset.episode_indices)]
for seed, episode in zip(seeds, dataset, strict=True):
    observation, info = env.reset(seed=seed)
    seen, infos, rewards = [observation], [info], []
    for action in episode.actions:
        observation, reward, terminated, truncated, info = env.step(action)
        seen.append(observation); infos.append(info); rewards.append(reward)
    assert (numpy.array(seen) == episode.observations).all() and rewards == episode.rewards.tolist()
    assert (terminated, truncated) == (episode.terminations[-1], episode.truncations[-1])
    for name in info:
        assert (numpy.array([one[name] for one in infos]) == episode.infos[name]).all(), name
print(env.unwrapped.domain.name, env.unwrapped.settings.semantic_error_rate, len(dataset))
"""


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    return tmp_path / "minari"


def apart(code: str, dataset: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, dataset], cwd=folder, capture_output=True, text=True,
        check=False, timeout=120, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_data_set_loads_without_the_library_and_plays_again_with_it(tmp_path: Path) -> None:
    words = [BUILT_IN[0], "semantic_error_rate=0.3", "--policies", "random,expert:0.2", "--dialogues", "12"]
    done = agents("dataset", *words)
    assert done.returncode == 0, done.stderr
    name = "dialogue-gym/restaurant/noisy-v0"
    assert done.stdout == f"{name}: 12 dialogues in {tmp_path / 'minari' / name}\n"
    found = minari.load_dataset(name)
    total = sum(float(one.rewards.sum()) for one in found)
    assert apart(LOADED_ALONE, name, tmp_path) == f"12 {found.total_steps} {total}\n"
    assert apart(PLAYED_AGAIN, name, tmp_path) == "restaurant 0.3 12\n"
    assert [int(one.infos["policy"][0]) for one in found] == [0, 1] * 6
    assert found.storage.metadata["policies"] == ["random", "expert:0.2"]


def test_a_domain_of_ones_own_travels_with_its_data(tmp_path: Path) -> None:
    file = tmp_path / "mine.yml"
    file.write_text(domain_path("concert").read_text(encoding="utf-8"), encoding="utf-8")
    done = agents("dataset", "Dialogue-v0", f"domain={file}", "--policies", "expert", "--dialogues", "3")
    assert done.returncode == 0, done.stderr
    file.unlink()
    name = done.stdout.partition(":")[0]
    assert name.startswith("dialogue-gym/") and name.endswith("/expert-v0")
    assert apart(PLAYED_AGAIN, name, tmp_path).endswith(" 0.0 3\n")


def test_chances_are_those_of_the_policy_and_of_its_exploration() -> None:
    env = gym.make(BUILT_IN[1])
    (expert, half, anyone) = find_behaviours(["expert", "expert:0.5", "random"], env)
    observation, info = env.reset(seed=3)
    mask = info["action_mask"]
    np.testing.assert_allclose(anyone.chances(observation, mask), mask / mask.sum())
    mean = (expert.chances(observation, mask) + anyone.chances(observation, mask)) / 2
    np.testing.assert_allclose(half.chances(observation, mask), mean)
    # The mean inverse chance of the chosen actions is the number of possible ones.
    inverse, possible = [], []
    for one in collect(env, [half], 400, 5):
        taken = one.infos["chances"][np.arange(len(one)), one.actions]
        inverse += [1 / taken]
        possible += [one.infos["action_mask"][:-1].sum(axis=1)]
    ratios = np.concatenate(inverse) - np.concatenate(possible)
    assert abs(ratios.mean()) < 4 * ratios.std() / np.sqrt(len(ratios))


def test_a_mixture_keeps_its_policy_through_a_dialogue() -> None:
    env = gym.make(BUILT_IN[0])
    mixture = PolicyMixture(find_behaviours(["random", "expert"], env), env)
    batch = np.stack([env.reset(seed=seed)[0] for seed in range(30)])
    _, first = mixture.predict(batch)
    assert set(first) == {0, 1}
    _, again = mixture.predict(batch, first)
    assert np.array_equal(again, first)
    _, anew = mixture.predict(batch, first, np.arange(30) < 20)
    assert np.array_equal(anew[20:], first[20:]) and not np.array_equal(anew, first)


def test_what_was_written_is_read_again() -> None:
    env = gym.make(BUILT_IN[0])
    recorded = list(collect(env, find_behaviours(["random"], env), 5, 0))
    name = dataset_id(env, "mine")
    folder = write_dataset(name, recorded, env, policies="random", description="")
    assert minari.load_dataset(name).storage.metadata["policies"] == ["random"] and folder.is_dir()
    assert dataset_name(env, "random") == find_behaviours("random", env)[0].name == "random"
    for place in (name, str(folder)):
        for one, other in zip(read_dataset(place, env), recorded, strict=True):
            assert all(
                np.array_equal(getattr(one, part), getattr(other, part))
                for part in ("observations", "actions", "rewards", "truncated", "seed")
            )
            assert all(np.array_equal(one.infos[key], value) for key, value in other.infos.items())
    with pytest.raises(ValueError, match=r"for other actions or observations than those of concert"):
        read_dataset(name, gym.make(BUILT_IN[1]))
    with pytest.raises(
        ValueError, match=r"unknown data set .*; did you mean 'dialogue-gym/restaurant/mine-v0'"
    ):
        read_dataset("dialogue-gym/restaurant/mina-v0", env)
    with pytest.raises(ValueError, match=r"mine-v0 exists already: "):
        dataset_id(env, "mine")
    with pytest.raises(ValueError, match=r"mine-v0 exists already: "):
        write_dataset(name, recorded, env, policies=["random"], description="")


@pytest.mark.parametrize("name", ["my data", "dialogue-gym/concert/mine", "../mine-v0", ""])
def test_a_wrong_id_hides_no_other_data_sets(name: str) -> None:
    env = gym.make(BUILT_IN[0])
    recorded = list(collect(env, find_behaviours(["random"], env), 1, 0))
    write_dataset("good-v0", recorded, env, policies=["random"], description="")
    with pytest.raises(ValueError, match="the id of a data set has letters, digits"):
        write_dataset(name, recorded, env, policies=["random"], description="")
    assert list(minari.list_local_datasets()) == ["good-v0"]


def test_statistics_of_a_wrapper_are_left_out() -> None:
    env = gym.make(BUILT_IN[0])
    wrapped = gym.wrappers.RecordEpisodeStatistics(env)  # tells them at the end of an episode alone
    (one,) = collect(wrapped, find_behaviours(["random"], wrapped), 1, 0)
    (other,) = collect(env, find_behaviours(["random"], env), 1, 0)
    assert one.infos.keys() == other.infos.keys() and np.array_equal(one.actions, other.actions)


def test_the_folder_of_an_agent_may_have_a_colon_in_its_name(tmp_path: Path) -> None:
    from dialogue_gym.policies import QTable, save_agent

    env = gym.make(BUILT_IN[0])
    folder = tmp_path / "2026-11-30T22:30:00"
    folder.mkdir()
    save_agent(folder, QTable(env), name="mine")
    one, half = find_behaviours([str(folder), f"{folder}:0.5"], env)
    assert (one.name, one.exploration, half.exploration) == (str(folder), 0.0, 0.5)


def test_a_data_set_of_nothing_is_not_written(root: Path) -> None:
    env = gym.make(BUILT_IN[0])
    with pytest.raises(ValueError, match=r"^episodes: at least one dialogue is needed$"):
        write_dataset(dataset_id(env, "mine"), [], env, policies=["random"], description="")
    assert not list(root.rglob("data"))


def test_a_run_that_fails_leaves_nothing(root: Path) -> None:
    env = gym.make(BUILT_IN[0])

    def failing() -> Iterator[Episode]:
        yield from collect(env, find_behaviours(["expert"], env), 2, 0)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_dataset(dataset_id(env, "mine"), failing(), env, policies=["expert"], description="")
    assert not list(root.rglob("*"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--policies", "exprt"], "'exprt' is neither an agent nor a folder; did you mean 'expert'?"),
        (
            ["--policies", "expert:2"],
            "'expert:2': after the colon stands the share of random steps, from 0 to 1",
        ),
        (["--policies", "random,"], "'': a policy is needed, such as random or expert:0.5"),
        (
            ["--name", "a.b"],
            "'dialogue-gym/concert/a.b-v0': the id of a data set has letters, digits, - and _ only, as in"
            " dialogue-gym/pizza/mixed-v0",
        ),
    ],
)
def test_bad_words_are_one_sentence(words: list[str], message: str, root: Path) -> None:
    done = agents("dataset", BUILT_IN[1], *words)
    assert (done.returncode, done.stderr) == (2, f"error: {message}\n")
    assert not list(root.rglob("*"))


def test_an_agent_for_other_observations_is_refused(tmp_path: Path) -> None:
    from dialogue_gym.policies import QTable, save_agent

    save_agent(tmp_path, QTable(gym.make(BUILT_IN[0])), name="mine")
    (found,) = find_behaviours([f"{tmp_path}:0.1"], gym.make(BUILT_IN[0]))
    assert isinstance(found, BehaviourPolicy) and found.exploration == 0.1
    with pytest.raises(ValueError, match=r"trained on other observations or actions"):
        find_behaviours([str(tmp_path)], gym.make("Dialogue-v0", domain="restaurant", max_history=2))
    assert isinstance(found.policy, dialogue_gym.policies.QTable)
