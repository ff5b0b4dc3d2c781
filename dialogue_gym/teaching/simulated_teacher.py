"""A simulated teacher for measurements: the domain's expert answers a session as a person would."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dialogue_gym.domain import Domain
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.policies.base import ExpertPolicy
from dialogue_gym.policies.evaluation import success_rate
from dialogue_gym.teaching.pending import NEW, PendingContradiction, Proposal
from dialogue_gym.teaching.session import Session

CLEAN = 50
"""The number of dialogues without a correction after which the bot counts as flawless."""
_UNSEEN = 1_000_000
"""The first seed of the dialogues that are played without learning."""


@dataclass(frozen=True)
class TeachingReport:
    """The effort and result of teaching.

    Attributes:
        corrections: the number of corrections in each dialogue.
        distinct_observations: the number of different observations with a label.
        update_ms: for each answer, the milliseconds until the next proposal.
        success_rate_unseen: the success rate in dialogues played without learning.
    """

    corrections: tuple[int, ...]
    distinct_observations: int
    update_ms: tuple[float, ...]
    success_rate_unseen: float

    @property
    def dialogues_to_flawless(self) -> int | None:
        """Dialogues up to the last correction before the first 50 clean ones; None if there are none."""
        clean = 0
        for number, corrections in enumerate(self.corrections, 1):
            clean = 0 if corrections else clean + 1
            if clean == CLEAN:
                return number - CLEAN
        return None

    @property
    def corrections_to_flawless(self) -> int | None:
        """Corrections in those dialogues; None if it never became flawless."""
        dialogues = self.dialogues_to_flawless
        return None if dialogues is None else sum(self.corrections[:dialogues])

    def to_json(self) -> dict[str, float | int | None]:
        """Return the figures by name."""
        return {
            "corrections": sum(self.corrections),
            "dialogues": len(self.corrections),
            "corrections_to_flawless": self.corrections_to_flawless,
            "dialogues_to_flawless": self.dialogues_to_flawless,
            "success_rate_unseen": self.success_rate_unseen,
            "distinct_observations": self.distinct_observations,
            "update_ms_median": float(np.median(self.update_ms)),
            "update_ms_p95": float(np.percentile(self.update_ms, 95)),
        }


class SimulatedTeacher:
    """A teacher who confirms any action that the expert allows, corrects all others, and makes mistakes."""

    def __init__(self, domain: Domain, turn_taking: str, mistakes: float = 0.0, seed: int = 0) -> None:
        """Set up the domain's expert; `mistakes` is the share of random answers, from 0 to 1.

        Raises:
            DomainError: the domain has no expert, or no fake user.
        """
        self._env = DialogueEnv(domain, turn_taking=turn_taking)
        self._expert = ExpertPolicy(self._env, seed)
        self._mistakes = mistakes
        self._random = np.random.default_rng(seed)

    def answer(self, session: Session) -> bool:
        """Answer the pending question; return whether that was a correction."""
        if isinstance(session.pending, PendingContradiction):
            session.resolve(NEW)
            return False
        assert isinstance(session.pending, Proposal)
        observation = session.conversation.observation()
        right = [self._env.action_names[action] for action in self._expert.right_actions(observation)]
        if self._random.random() < self._mistakes:
            right = [str(self._random.choice(self._env.action_names))]
        if session.pending.best.action in right:
            session.confirm()
            return False
        session.correct(str(self._random.choice(right)))
        return True


def teach(session: Session, teacher: SimulatedTeacher, dialogues: int, unseen: int = 500) -> TeachingReport:
    """Teach for some dialogues, then play others without learning."""
    corrections, milliseconds = [], []
    for _ in range(dialogues):
        count, conversation = 0, session.id
        while session.id == conversation:
            begin = time.perf_counter()
            count += teacher.answer(session)
            milliseconds.append(1000 * (time.perf_counter() - begin))
        corrections.append(count)
    return TeachingReport(
        tuple(corrections), session.distinct_observations, tuple(milliseconds), play(session, unseen)
    )


def play(session: Session, dialogues: int) -> float:
    """Return the success rate of a taught bot in dialogues with new fake users."""
    return unseen_success_rate(session.environment(), session.proposed, dialogues)


def unseen_success_rate(
    env: DialogueEnv, choose: Callable[[npt.NDArray[Any], list[bool]], str], dialogues: int
) -> float:
    """Return the success rate in dialogues with unseen fake users, from 0 to 1.

    `choose` returns an action for an observation and, for each action, whether it is possible.
    """

    def index(observation: npt.NDArray[Any], mask: npt.NDArray[np.int8]) -> int:
        return env.action_names.index(choose(observation, (mask != 0).tolist()))

    return success_rate(env, index, range(_UNSEEN, _UNSEEN + dialogues))
