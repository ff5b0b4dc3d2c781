"""Evaluation of a policy over a fixed number of dialogues, and comparison of two on the same dialogues."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from dialogue_gym._intervals import half_of_mean
from dialogue_gym._text import counted, short_percent
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.envs.settings import MAX_DIALOGUES, whole_number
from dialogue_gym.envs.wrapping import horizon_of, unwrapped_dialogue
from dialogue_gym.policies.agent import Agent
from dialogue_gym.policies.base import as_trained, check_actions
from dialogue_gym.policies.mask import ActionMask
from dialogue_gym.training.environments import EVALUATION, stream
from dialogue_gym.vector.env import DialogueVectorEnv

_LANES = 100
_COMPARED = 1000
"""Lanes of a comparison: each plays one dialogue at a time."""
_Floats = npt.NDArray[np.float64]
Progressed = Callable[[int, float], object]
"""Called with the number of dialogues so far and their success rate."""


@dataclass(frozen=True)
class Evaluation:
    """Figures of a policy over a number of dialogues.

    The errors are standard errors of the means; one dialogue has none, and 0 stands for them.
    """

    success_rate: float
    mean_return: float
    mean_turns: float
    success_error: float
    return_error: float
    dialogues: int

    def half_interval(self, independent: int | None = None) -> float:
        """Return half of the 95% confidence interval of the mean return, Student's; 0 for one dialogue.

        Args:
            independent: the number of users, where several dialogues have the same one.
        """
        return half_of_mean(self.return_error, self.dialogues if independent is None else independent)

    def in_words(self, independent: int | None = None) -> str:
        """Return the figures in one line, with the 95% confidence interval of the mean return if it has one.

        The argument is that of `half_interval`.
        """
        half = f" ± {self.half_interval(independent):.2f}" if (independent or self.dialogues) > 1 else ""
        return (
            f"success {short_percent(self.success_rate)}, mean return {self.mean_return:.2f}{half},"
            f" {self.mean_turns:.1f} turns ({counted(self.dialogues, 'dialogue')})"
        )

    def __str__(self) -> str:
        """The figures in one line, with the 95% confidence interval of the mean return if it has one."""
        return self.in_words()


@dataclass(frozen=True)
class Comparison:
    """Two policies on the same dialogues, and the mean differences, dialogue by dialogue: first less second.

    The errors are standard errors of the mean differences.
    """

    first: Evaluation
    second: Evaluation
    success_difference: float
    return_difference: float
    success_error: float
    return_error: float

    def differences(self) -> dict[str, float]:
        """Return the mean differences and their errors, by the names of `Evaluation`'s fields."""
        return {
            "success_rate": self.success_difference,
            "mean_return": self.return_difference,
            "success_error": self.success_error,
            "return_error": self.return_error,
        }

    def __str__(self) -> str:
        """The differences in one line, with their 95% confidence intervals if they have them."""
        count = self.first.dialogues
        success, total = (half_of_mean(error, count) for error in (self.success_error, self.return_error))
        return (
            f"success {100 * self.success_difference:+.1f}"
            + (f" ± {100 * success:.1f}" if count > 1 else "")
            + f" points, mean return {self.return_difference:+.2f}"
            + (f" ± {total:.2f}" if count > 1 else "")
        )


def evaluate(
    env: gym.Env[Any, Any],
    policy: Any,
    dialogues: int = 1000,
    seed: int = 0,
    progress: Progressed | None = None,
    uses_masks: bool = False,
) -> Evaluation:
    """Play dialogues with the deterministic choices of a policy.

    Every lane plays a fixed quota of dialogues: the first ones to finish would be biased towards short ones.
    The random stream is not that of training; each lane's first dialogue begins alike for every policy.
    Returns are without shaping.

    Args:
        env: a dialogue environment whose domain, settings and steps are used. It is not stepped itself, and
            its other wrappers, such as a `SpokenUser`, play no part.
        policy: anything with the `predict` of Stable-Baselines3; of an agent with a `VecNormalize` around its
            environment, the observations are normalized.
        dialogues: number of dialogues, 1 to 10,000,000.
        seed: seed of the run.
        progress: called with the number of dialogues so far and their success rate.
        uses_masks: give the policy the masks of its observations; otherwise it is left to itself.

    Raises:
        ValueError: the number of dialogues is not one, or the policy is for other actions.
        ImportError: Numba is not installed.
    """
    dialogues = whole_number("dialogues", dialogues, 1, MAX_DIALOGUES)
    count = min(_LANES, dialogues)
    quota = np.full(count, dialogues // count) + (np.arange(count) < dialogues % count)
    lanes = _lanes(env, count)
    played = _Played(progress)
    played.add(lanes, policy, quota, first_seed(seed), uses_masks)
    lanes.close()
    return figures_of(played.table())


def compare(
    env: gym.Env[Any, Any],
    first: Any,
    second: Any,
    dialogues: int = 1000,
    seed: int = 0,
    progress: Progressed | None = None,
    uses_masks: bool = False,
) -> Comparison:
    """Play the same dialogues with the deterministic choices of two policies.

    Each dialogue has its own chance: both policies meet the same user with the same first words, and the same
    answers until their choices differ. The difference of policies that mostly agree is therefore known far
    better than their means. The arguments are those of `evaluate`; `progress` counts the dialogues of both.

    Raises:
        ImportError: Numba is not installed.
    """
    played = _Played(progress)
    one, other = (_each(env, policy, dialogues, seed, played, uses_masks) for policy in (first, second))
    (success, total), (success_error, return_error) = _means((one - other)[:, 1:3])
    return Comparison(figures_of(one), figures_of(other), success, total, success_error, return_error)


def play_each(
    env: gym.Env[Any, Any],
    policy: Any,
    dialogues: int,
    seed: int = 0,
    progress: Progressed | None = None,
    uses_masks: bool = False,
) -> _Floats:
    """Play dialogues that have a seed each, `first_seed(seed)` and those after it.

    The arguments, and the errors, are those of `evaluate`.

    Returns:
        One row for each dialogue: its number, its success (0 or 1), its return, its turns, and whether it
        was truncated (0 or 1).
    """
    return _each(env, policy, dialogues, seed, _Played(progress), uses_masks)


def first_seed(seed: int) -> int:
    """Return the seed of the first dialogue of a run."""
    return stream(seed, EVALUATION)


def _each(
    env: gym.Env[Any, Any], policy: Any, dialogues: int, seed: int, played: _Played, uses_masks: bool
) -> _Floats:
    dialogues = whole_number("dialogues", dialogues, 1, MAX_DIALOGUES)
    count = min(_COMPARED, dialogues)
    lanes = _lanes(env, count)
    for start in range(0, dialogues, count):
        quota = (np.arange(count) < dialogues - start).astype(np.int64)
        played.add(lanes, policy, quota, first_seed(seed) + start, uses_masks, start)
    lanes.close()
    table = played.table()
    played.results.clear()
    return table[np.argsort(table[:, 0], kind="stable")]


class _Played:
    """Finished dialogues: number, success, return, turns and whether it was truncated, of each."""

    def __init__(self, progress: Progressed | None) -> None:
        self.results: list[tuple[int, float, float, int, float]] = []
        self._progress = progress
        self._count, self._successes = 0, 0.0

    def add(
        self,
        lanes: DialogueVectorEnv,
        policy: Any,
        quota: npt.NDArray[np.int64],
        seed: int,
        uses_masks: bool,
        first: int = 0,
    ) -> None:
        """Play each lane's quota of dialogues; a lane's number, plus `first`, is that of its dialogues."""
        check_actions(policy, lanes.single)
        quota = quota.copy()
        observations, _ = lanes.reset(seed=seed)
        returns = np.zeros(len(quota))
        mask = ActionMask(lanes.single) if uses_masks else None
        state: Any = None
        begins = np.ones(len(quota), dtype=np.bool_)
        while quota.any():
            masks = {"action_masks": mask(lanes.single.codes(observations))} if mask else {}
            actions, state = policy.predict(
                as_trained(policy, observations),
                state=state,
                episode_start=begins,
                deterministic=True,
                **masks,
            )
            seen = lanes.advance(actions)
            observations, begins = seen.observations, seen.ended
            returns += seen.rewards
            ended = np.flatnonzero(begins)
            if len(ended):
                turns = lanes.final(ended).turns
                for lane, its_turns in zip(ended.tolist(), turns.tolist(), strict=True):
                    if quota[lane]:
                        success = float(seen.successes[lane])
                        truncated = float(seen.truncated[lane] and not seen.terminated[lane])
                        self.results.append((first + lane, success, returns[lane], its_turns, truncated))
                        quota[lane] -= 1
                        self._count += 1
                        self._successes += success
                if self._progress and self._count:
                    self._progress(self._count, self._successes / self._count)
                returns[ended] = 0.0

    def table(self) -> _Floats:
        """Return the dialogues as rows."""
        return np.array(self.results, dtype=np.float64)


def figures_of(table: _Floats) -> Evaluation:
    """Return the figures of dialogues, one a row: its number, its success (0 or 1), its return, its turns.

    Further columns are left out.
    """
    (success_rate, mean_return, mean_turns), (success_error, return_error, _) = _means(table[:, 1:4])
    return Evaluation(success_rate, mean_return, mean_turns, success_error, return_error, len(table))


def _means(table: _Floats) -> tuple[list[float], list[float]]:
    """Return the means of columns, and the standard errors of these means, 0 for a single row."""
    spread = table.std(axis=0, ddof=1 if len(table) > 1 else 0)
    return table.mean(axis=0).tolist(), (spread / np.sqrt(len(table))).tolist()


def evaluate_agent(
    agent: Agent,
    settings: Mapping[str, Any] | None = None,
    dialogues: int = 1000,
    seed: int = 0,
    progress: Progressed | None = None,
) -> Evaluation:
    """Play dialogues with an agent as it talks to people: it takes the best possible action.

    Args:
        agent: an agent whose domain has a fake user of its own.
        settings: arguments of the environment, in the place of the agent's own.
        dialogues: number of dialogues, 1 to 10,000,000.
        seed: seed of the dialogues.
        progress: called with the number of dialogues so far and their success rate.

    Raises:
        ValueError: a setting is invalid, or changes the observations or actions that the agent knows.
        ImportError: Numba is not installed.
    """
    env = agent_env(agent, agent.settings | dict(settings or {}))
    return evaluate(env, agent.policy, dialogues, seed, progress, uses_masks=True)


def compare_agents(
    first: Agent,
    second: Agent,
    settings: Mapping[str, Any] | None = None,
    dialogues: int = 1000,
    seed: int = 0,
    progress: Progressed | None = None,
) -> Comparison:
    """Play the same dialogues with two agents of a domain, under the settings of the first one.

    The other arguments, and the errors, are those of `evaluate_agent`; `progress` counts the dialogues of
    both.
    """
    chosen = first.settings | dict(settings or {})
    env = agent_env(first, chosen)
    agent_env(second, chosen)
    return compare(env, first.policy, second.policy, dialogues, seed, progress, uses_masks=True)


def agent_env(agent: Agent, settings: dict[str, Any]) -> DialogueEnv:
    """Return an environment; raise `ValueError` if its observations or actions are not those of the agent."""
    return alike_env(agent.env, settings, agent.name)


def alike_env(known: DialogueEnv, settings: Mapping[str, Any], name: str) -> DialogueEnv:
    """Return an environment with other settings for the policy, of some name, of a known one.

    Raises:
        ValueError: a setting is invalid, or changes the observations or actions that the policy knows.
    """
    env = DialogueEnv(known.domain, **settings)
    spaces = known.observation_space, known.action_space
    if (env.observation_space, env.action_space) != spaces:
        raise ValueError(f"{name}: with these settings the agent has other observations or actions")
    return env


def _lanes(env: gym.Env[Any, Any], count: int) -> DialogueVectorEnv:
    inner = unwrapped_dialogue(env)
    ours = {"reward": dict(inner.settings.reward), "shaping": 0.0, "max_episode_steps": horizon_of(env)}
    settings = dataclasses.asdict(inner.settings) | ours
    try:
        return DialogueVectorEnv(
            count, autoreset_mode="SameStep", domain=inner.domain, max_history=inner.max_history,
            observation=inner.observation_form.name, **settings,
        )  # fmt: skip
    except gym.error.DependencyNotInstalled:
        raise ImportError(
            'evaluation needs numba: pip install "dialogue_gym[agents]"', name="numba"
        ) from None
