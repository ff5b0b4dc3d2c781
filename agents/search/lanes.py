"""Dialogues of many policies at a time, on compiled lanes: the same users for each policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from dialogue_gym import Domain
from dialogue_gym.vector import DialogueVectorEnv

Codes = npt.NDArray[np.integer[Any]]
Numbers = npt.NDArray[np.int64]
_MOST_LANES = 16_384
_STEPS = 25
"""The limit of the built-in domains with a database."""


class Policies(Protocol):
    """A number of policies that choose actions side by side."""

    count: int

    def choose(self, observations: Codes, masks: npt.NDArray[np.int8], which: Numbers, turn: int) -> Numbers:
        """Return an action for each lane.

        Args:
            observations: shape (lanes, components).
            masks: shape (lanes, actions).
            which: by lane, the number of its policy.
            turn: how many actions each lane's dialogue has had.
        """


@dataclass(frozen=True)
class Score:
    """Figures of one policy; the errors are standard errors of the means."""

    success: float
    total: float
    turns: float
    truncated: float
    """The share of dialogues that reach the limit of steps."""
    shortest: int
    """The turns of the shortest dialogue."""
    success_error: float
    return_error: float
    dialogues: int


def play_all(
    domain: str | Domain, settings: Mapping[str, Any], policies: Policies, dialogues: int, seed: int
) -> list[Score]:
    """Play dialogues with each policy, and return a score for each.

    Dialogue i has seed + i for every policy, so that all meet the same users with the same first words.
    """
    per_chunk = max(1, min(policies.count, _MOST_LANES // dialogues))  # policies at a time
    chunk = min(dialogues, _MOST_LANES)
    lanes = DialogueVectorEnv(
        per_chunk * chunk, autoreset_mode="SameStep", copy=False, domain=domain,
        **({"max_episode_steps": _STEPS} | dict(settings)),
    )  # fmt: skip
    scores = []
    for first in range(0, policies.count, per_chunk):
        which = np.minimum(first + np.repeat(np.arange(per_chunk), chunk), policies.count - 1)
        parts = [
            _play(lanes, policies, which, np.tile(np.arange(chunk) + seed + start, per_chunk))
            for start in range(0, dialogues, chunk)
        ]
        # (parts, kinds, policies, dialogues of a part)
        table = np.array(parts).reshape(len(parts), 4, per_chunk, chunk)
        for place in range(min(per_chunk, policies.count - first)):
            scores.append(_score(table[:, :, place].swapaxes(0, 1).reshape(4, -1)[:, :dialogues]))
    lanes.close()
    return scores


def _play(
    lanes: DialogueVectorEnv, policies: Policies, which: Numbers, seeds: Numbers
) -> npt.NDArray[np.float64]:
    """Play one dialogue in each lane; return successes, returns, turns and truncations."""
    observations, info = lanes.reset(seed=seeds.tolist())
    masks = info["action_mask"]
    result = np.zeros((4, len(which)))
    actions = np.zeros(len(which), np.int64)
    going = np.arange(len(which))
    turn = 0
    while len(going):
        actions[going] = policies.choose(observations[going], masks[going], which[going], turn)
        seen = lanes.advance(actions)
        turn += 1
        result[1, going] += seen.rewards[going]
        has_ended = seen.ended[going]
        ended, going = going[has_ended], going[~has_ended]
        result[0, ended] = seen.successes[ended]
        result[2, ended] = turn
        result[3, ended] = seen.truncated[ended]
        observations, masks = seen.observations, seen.masks
    return result


def _score(table: npt.NDArray[np.float64]) -> Score:
    success, total, turns, truncated = table.mean(axis=1).tolist()
    count = table.shape[1]
    errors = table[:2].std(axis=1) / np.sqrt(count)
    return Score(
        success, total, turns, truncated, int(table[2].min()), float(errors[0]), float(errors[1]), count
    )
