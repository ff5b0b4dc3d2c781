"""Bootstrapped DQN: the weights that slots share, what it remembers, and that it learns."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from dialogue_gym.policies import NetworkPolicy, load_agent
from dialogue_gym.training import Run, evaluate, save_trained
from dialogue_gym.training.bootstrapped_dqn import BootstrappedDQN
from dialogue_gym.training.slot_network import SlotLayout, SlotNetworks, mean_of
from tests.conftest import BUILT_IN, SEARCHING, TINY, domain_from, make

SMALL: dict[str, Any] = {"heads": 3, "width": 8, "common_width": 12, "updates": 4}


def learned(env: gym.Env[Any, Any], steps: int, seed: int = 0, **arguments: Any) -> BootstrappedDQN:
    agent = BootstrappedDQN(env, seed=seed, **SMALL | arguments)
    agent.learn(steps, lambda *_: None)
    return agent


def one_hot(env: Any, observations: Any) -> torch.Tensor:
    sizes = [len(field.labels) for field in env.observation_fields]
    first = np.cumsum([0, *sizes[:-1]])
    inputs = torch.zeros(len(observations), sum(sizes))
    return inputs.scatter(1, torch.as_tensor(first + observations), 1.0)


def random_observations(env: Any, count: int) -> Any:
    sizes = [len(field.labels) for field in env.observation_fields]
    return np.random.default_rng(0).integers(0, sizes, (count, len(sizes)))


def test_inputs_and_actions_belong_to_slots() -> None:
    env: Any = make(SEARCHING[0]).unwrapped
    layout = SlotLayout.of(env)
    assert layout.slots == ("kind", "area", "price", "seating", "atmosphere")
    labels = [(field.name, label) for field in env.observation_fields for label in field.labels]
    inputs = dict(zip(labels, layout.inputs, strict=True))
    assert inputs["confidence.area", "low"] == (1, ("confidence", "low"))
    assert inputs["said", "utter_confirm_price"] == (2, ("said", "confirm"))
    assert inputs["said", "utter_offer"] == (None, ("said", "utter_offer"))
    assert inputs["matches", "few"] == (None, ("matches", "few"))
    actions = dict(zip(env.action_names, layout.actions, strict=True))
    assert actions["utter_ask_kind"] == (0, "request") and actions["utter_bye"] == (None, "utter_bye")


@pytest.mark.parametrize("env_id", [SEARCHING[0], *BUILT_IN])  # the concert has no action about a slot
def test_the_networks_are_ordinary_ones(env_id: str) -> None:
    env: Any = make(env_id).unwrapped
    networks = SlotNetworks(SlotLayout.of(env), 3, 8, 12, torch.Generator().manual_seed(0))
    observations = random_observations(env, 20)
    values = networks(one_hot(env, observations).expand(3, -1, -1)).detach().numpy()
    for layers, expected in zip(networks.layers(), values, strict=True):
        assert NetworkPolicy(env, layers)._network.batch(observations) == pytest.approx(expected, abs=1e-5)
    mean = NetworkPolicy(env, mean_of(networks.layers()))._network.batch(observations)
    assert mean == pytest.approx(values.mean(axis=0), abs=1e-5) and values.std() > 0.1


def test_a_lesson_about_one_slot_is_one_about_all() -> None:
    """Without biases of their own, slots that change places change the values of their actions."""
    env: Any = make(SEARCHING[0]).unwrapped
    networks = SlotNetworks(SlotLayout.of(env), 1, 8, 12, torch.Generator().manual_seed(0))
    with torch.no_grad():
        networks.shared_bias[:] = 0.0
        networks.common[:] = 0.0
    names = [field.name for field in env.observation_fields]
    observations = random_observations(env, 10)
    observations[:, [names.index("said"), names.index("done")]] = 0
    others = observations.copy()
    for field in ("slot", "confidence", "second"):
        one, other = names.index(f"{field}.area"), names.index(f"{field}.price")
        others[:, [one, other]] = observations[:, [other, one]]
    before, after = (
        networks(one_hot(env, some)[None])[0].detach().numpy() for some in (observations, others)
    )
    actions = list(env.action_names)
    exchanged = [name.replace("area", "PRICE").replace("price", "area").lower() for name in actions]
    assert after[:, [actions.index(name) for name in exchanged]] == pytest.approx(before, abs=1e-5)
    assert np.abs(before - after).max() > 0.01


def test_rewards_count_as_long_as_the_actions_are_the_best_ones_by_now() -> None:
    agent = BootstrappedDQN(make(BUILT_IN[1]), seed=0, window=4, trace=0.5, gamma=1.0, **SMALL)
    seen = [np.full(len(agent.env.observation_fields), number, np.int16) for number in range(2)]
    agent._remember(
        [
            (seen[0], 0, -10.0, seen[1], False),
            (seen[1], 1, -20.0, seen[0], False),
            (seen[0], 2, 50.0, seen[1], True),
        ]
    )
    agent._remember([(seen[1], 3, -10.0, seen[0], False)])  # cut off, though it could have gone on
    step = agent._memory.batch(np.arange(4)[None], agent._encoding, torch.ones(1, 4, len(seen[0])))
    for part, expected in ((step.before, (0, 1, 0, 1)), (step.after, (1, 0, 1, 0))):
        assert torch.equal(part[0], one_hot(agent.env, np.array([seen[number] for number in expected])))
    then = np.array([[4.0, 3.0, 9.0, 2.0]], np.float32)  # the values after them; rewards are divided by 10

    def targets(*best: int) -> list[float]:
        result: list[float] = agent._targets(step, np.array([best]), then)[0].tolist()
        return result

    cut_off = -1.0 + 2.0
    second = -2.0 + (3.0 + 5.0) / 2
    assert targets(1, 2, 3, 0) == pytest.approx([-1.0 + (4.0 + second) / 2, second, 5.0, cut_off])
    assert targets(0, 2, 3, 0) == pytest.approx([-1.0 + 4.0, second, 5.0, cut_off])  # action 1 was a mistake
    assert targets(1, 0, 3, 0) == pytest.approx([-1.0 + (4.0 - 2.0 + 3.0) / 2, -2.0 + 3.0, 5.0, cut_off])


def test_a_quarter_of_a_batch_is_recent_and_some_fields_are_hidden() -> None:
    agent = learned(make(BUILT_IN[1]), 1500, updates=1, random_dialogues=1000, recent=40)
    batches = np.array([agent._rows() for _ in range(200)]).reshape(200, 3, 8, 8)
    assert (np.diff(batches) == 1).all() and batches.min() < 20 and batches.max() == 1499
    assert batches[:, :, :2].min() == 1460 and (batches[:, :, 2:] < 1460).mean() > 0.95
    assert torch.equal(agent._shown((2, 3), 0.0), torch.ones(2, 3, len(agent.env.observation_fields)))
    shown = agent._shown((3, 4000), 0.25)
    fields = len(agent.env.observation_fields)
    assert shown.shape == (3, 4000, fields) and set(shown.unique().tolist()) == {0.0, np.float32(4 / 3)}
    assert (shown == 0).float().mean(dim=(0, 1)).numpy() == pytest.approx(np.full(fields, 0.25), abs=0.02)
    seen = np.zeros((1, fields), np.int16)
    agent._remember([(seen[0], 0, 0.0, seen[0], True)])
    step = agent._memory.batch(np.array([[1500]]), agent._encoding, shown[:1, :1])
    assert torch.equal(step.after[0], one_hot(agent.env, seen))
    assert (
        torch.equal(step.before[0][step.after[0] == 1], shown[0, 0])
        and step.before.sum() == shown[0, 0].sum()
    )


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({"batch_size": 60}, "batch_size: must be a multiple of the window, 8, not 60"),
        ({"recent": 7}, "recent: must be 0 or at least the window, 8, not 7"),
        ({"dropout": 1.0}, "dropout: must be at least 0 and below 1, not 1.0"),
    ],
)
def test_hyperparameters_that_do_not_fit(wrong: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        BootstrappedDQN(make(BUILT_IN[0]), seed=0, **wrong)


def test_memory_grows() -> None:
    agent = learned(make(BUILT_IN[1]), 1500, updates=1, heads=1, random_dialogues=1000)
    assert agent._memory.size == 1500 == agent.num_timesteps
    for some in (slice(0, 100), slice(1400, 1500)):
        assert len({row.tobytes() for row in agent._memory._arrays[0][some]}) > 10


def test_a_seed_decides_everything() -> None:
    def weights(seed: int) -> list[Any]:
        env = make(SEARCHING[0], semantic_error_rate=0.3)
        return [part for layer in learned(env, 120, seed).policy().layers for part in layer]

    first, again, other = weights(1), weights(1), weights(2)
    assert all(np.array_equal(one, same) for one, same in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


@pytest.mark.parametrize("use_mask", [True, False])
def test_it_plays_possible_actions_only_if_it_has_a_mask(use_mask: bool) -> None:
    class Watched(gym.Wrapper[Any, Any, Any, Any]):
        impossible = 0

        def step(self, action: Any) -> Any:
            self.impossible += not self.env.unwrapped.action_masks()[action]  # type: ignore[attr-defined]
            return super().step(action)

    env = Watched(make(SEARCHING[0]))
    agent = learned(env, 400, use_mask=use_mask)
    assert (env.impossible == 0) == use_mask == agent.policy().is_masked


def test_it_learns_a_small_domain_in_few_dialogues_and_is_saved(tmp_path: Path) -> None:
    (tmp_path / "shop.yml").write_text(textwrap.dedent(TINY))
    settings = {"domain": str(tmp_path / "shop.yml"), "semantic_error_rate": 0.15}
    run = Run("Dialogue-v0", settings, "masked_bootstrapped_dqn", 0, 600)
    agent = BootstrappedDQN(run.make_env(), seed=3, heads=3, updates=8)
    dialogues: list[tuple[int, float, bool]] = []
    agent.learn(run.steps, lambda *dialogue: dialogues.append(dialogue))
    assert len(dialogues) < 500 and np.mean([success for _, _, success in dialogues[-50:]]) > 0.8
    result = evaluate(run.make_env(), agent, 300)
    assert result.success_rate > 0.95 and result.mean_return > 16
    save_trained(tmp_path, run, agent)
    env: Any = run.make_env().unwrapped
    loaded = load_agent(str(tmp_path), env.domain)
    assert loaded is not None and evaluate(run.make_env(), loaded.policy, 300) == result


def test_it_needs_fields() -> None:
    with pytest.raises(ValueError, match="observation: must be 'fields' for BootstrappedDQN"):
        BootstrappedDQN(make(BUILT_IN[0], observation="flat"), seed=0)


def test_progress_in_training_is_reported_without_shaping() -> None:
    domain = domain_from(TINY)
    returns = []
    agent = BootstrappedDQN(make("Dialogue-v0", domain=domain, shaping=1.0), seed=0, **SMALL)
    agent.learn(300, lambda _, total, success: returns.append((total, success)))
    assert {total for total, success in returns if success} <= {20.0 - steps for steps in range(30)}
