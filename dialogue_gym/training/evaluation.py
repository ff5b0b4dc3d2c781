"""Evaluation of a policy over a fixed number of dialogues."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from dialogue_gym._text import counted
from dialogue_gym.envs.dialogue import DialogueEnv, unwrapped_dialogue
from dialogue_gym.policies.agent import Agent
from dialogue_gym.policies.mask import ActionMask
from dialogue_gym.training.environments import EVALUATION, stream
from dialogue_gym.vector.env import DialogueVectorEnv

_LANES = 100


@dataclass(frozen=True)
class Evaluation:
    """Figures of a policy over a number of dialogues; the errors are standard errors of the means."""

    success_rate: float
    mean_return: float
    mean_turns: float
    success_error: float
    return_error: float
    dialogues: int

    def __str__(self) -> str:
        """The figures in one line, with the 95% confidence interval of the mean return."""
        return (
            f"success {self.success_rate:.1%}, mean return {self.mean_return:.2f}"
            f" ± {1.96 * self.return_error:.2f}, {self.mean_turns:.1f} turns"
            f" ({counted(self.dialogues, 'dialogue')})"
        )


def evaluate(
    env: gym.Env[Any, Any],
    policy: Any,
    dialogues: int = 1000,
    seed: int = 0,
    progress: Callable[[int, float], object] | None = None,
    uses_masks: bool = False,
) -> Evaluation:
    """Play dialogues with the deterministic choices of a policy.

    Every lane plays a fixed quota of dialogues: the first ones to finish would be biased towards short ones.
    The random stream is not that of training; each lane's first dialogue begins alike for every policy.
    Returns are without shaping.

    Args:
        env: a dialogue environment whose domain and settings are used; it is not stepped itself.
        policy: anything with the `predict` of Stable-Baselines3.
        dialogues: number of dialogues, at least 1.
        seed: seed of the run.
        progress: called with the number of dialogues so far and their success rate.
        uses_masks: give the policy the masks of its observations; otherwise it is left to itself.

    Raises:
        ImportError: Numba is not installed.
    """
    count = min(_LANES, dialogues)
    quota = np.full(count, dialogues // count) + (np.arange(count) < dialogues % count)
    lanes = _lanes(env, count)
    observations, _ = lanes.reset(seed=stream(seed, EVALUATION))
    returns = np.zeros(count)
    results: list[tuple[float, float, float]] = []
    mask = ActionMask(lanes.single) if uses_masks else None
    state: Any = None
    begins = np.ones(count, dtype=np.bool_)
    while quota.any():
        masks = {"action_masks": mask(lanes.single.codes(observations))} if mask else {}
        actions, state = policy.predict(
            observations, state=state, episode_start=begins, deterministic=True, **masks
        )
        seen = lanes.advance(actions)
        observations, begins = seen.observations, seen.ended
        returns += seen.rewards
        ended = np.flatnonzero(begins)
        if len(ended):
            turns = lanes.final(ended).turns
            for lane, its_turns in zip(ended.tolist(), turns.tolist(), strict=True):
                if quota[lane]:
                    results.append((float(seen.successes[lane]), returns[lane], its_turns))
                    quota[lane] -= 1
            if progress and results:
                progress(len(results), sum(success for success, *_ in results) / len(results))
            returns[ended] = 0.0
    lanes.close()
    table = np.array(results)
    success_rate, mean_return, mean_turns = (float(mean) for mean in table.mean(axis=0))
    success_error, return_error, _ = (float(error) for error in table.std(axis=0) / np.sqrt(len(table)))
    return Evaluation(success_rate, mean_return, mean_turns, success_error, return_error, len(table))


def evaluate_agent(
    agent: Agent,
    settings: Mapping[str, Any] | None = None,
    dialogues: int = 1000,
    seed: int = 0,
    progress: Callable[[int, float], object] | None = None,
) -> Evaluation:
    """Play dialogues with an agent as it talks to people: it takes the best possible action.

    Args:
        agent: an agent whose domain has a fake user of its own.
        settings: arguments of the environment, in the place of the agent's own.
        dialogues: number of dialogues, at least 1.
        seed: seed of the dialogues.
        progress: called with the number of dialogues so far and their success rate.

    Raises:
        ValueError: a setting is invalid, or changes the observations or actions that the agent knows.
        ImportError: Numba is not installed.
    """
    env = DialogueEnv(agent.env.domain, **agent.settings | dict(settings or {}))
    known = agent.env.observation_space, agent.env.action_space
    if (env.observation_space, env.action_space) != known:
        raise ValueError(f"{agent.name}: with these settings the agent has other observations or actions")
    return evaluate(env, agent.policy, dialogues, seed, progress, uses_masks=True)


def _lanes(env: gym.Env[Any, Any], count: int) -> DialogueVectorEnv:
    inner = unwrapped_dialogue(env)
    settings = dataclasses.asdict(inner.settings) | {"reward": dict(inner.settings.reward), "shaping": 0.0}
    try:
        return DialogueVectorEnv(
            count, autoreset_mode="SameStep", domain=inner.domain, max_history=inner.max_history,
            observation=inner.observation_form.name, **settings,
        )  # fmt: skip
    except gym.error.DependencyNotInstalled:
        raise ImportError(
            'evaluation needs numba: pip install "dialogue_gym[agents]"', name="numba"
        ) from None
