"""Learning to succeed: in seconds with our configurations, in minutes (marked slow) with SB3's defaults."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.conftest import BUILT_IN, make

SEEDS = (0, 2, 1)
"""That with which DQN takes longest is the last one."""
ENOUGH = 0.95


def success_rate(algorithm: str, env_id: str, seed: int, steps: int = 100_000) -> float:
    """Train with all defaults until the agent succeeds; return the success rate over 500 dialogues."""
    import stable_baselines3
    from stable_baselines3.common.callbacks import BaseCallback, EveryNTimesteps

    from dialogue_gym.training.evaluation import evaluate

    class Success(BaseCallback):
        rate = 0.0

        def _on_step(self) -> bool:
            self.rate = evaluate(make(env_id), self.model, 500, seed).success_rate
            return self.rate < ENOUGH

    success = Success()
    agent = getattr(stable_baselines3, algorithm)("MlpPolicy", make(env_id), seed=seed, device="cpu")
    agent.learn(steps, EveryNTimesteps(steps // 100, success))  # cheaper than more steps
    return success.rate


@pytest.mark.slow
@pytest.mark.parametrize(
    ("algorithm", "env_id", "at_once"),
    [("DQN", BUILT_IN[0], 2), ("PPO", BUILT_IN[0], 1), ("PPO", BUILT_IN[1], 1)],
)
def test_defaults_learn(algorithm: str, env_id: str, at_once: int) -> None:
    """PPO learned on every seed so far, so one is enough; if it fails, the others decide."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, context) as cores:

        def learn(seeds: Sequence[int]) -> list[float]:
            return list(cores.map(success_rate, [algorithm] * len(seeds), [env_id] * len(seeds), seeds))

        rates = learn(SEEDS[:at_once])
        if min(rates) < ENOUGH:  # otherwise the others take minutes for nothing
            rates += learn(SEEDS[at_once:])
    print(f"{algorithm} on {env_id}: {rates}")
    assert sum(rate >= ENOUGH for rate in rates) >= min(2, len(rates)), rates


@pytest.mark.parametrize(
    ("agent_name", "env_id", "steps"),
    [
        ("ppo", BUILT_IN[0], 50_000),
        ("maskable_ppo", BUILT_IN[0], 50_000),
        ("q_table", BUILT_IN[1], 60_000),
    ],
)
def test_the_shipped_configurations_learn_in_seconds(agent_name: str, env_id: str, steps: int) -> None:
    from dialogue_gym.training.evaluation import evaluate
    from dialogue_gym.training.run import Run, train

    run = Run(env_id, {}, agent_name, seed=0, steps=steps)
    agent, curve, _ = train(run, lambda steps, success: None)
    assert len(curve.steps) == len(curve.returns) == len(curve.successes) > 500
    assert sum(curve.successes[:200]) < 40  # it did not succeed from the start
    assert evaluate(run.make_env(), agent, 300).success_rate >= 0.98
