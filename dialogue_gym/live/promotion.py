"""Safe promotion: newer weights take over from those in use only once the logs show that they are better.

The weights in use talk to people and explore; the learner goes on learning from that. A copy of its weights,
the candidate, is set aside. It is compared with those in use by conversations that began afterwards, so that
these are independent of it, as the test set is in Thomas, Theocharous and Ghavamzadeh 2015, High confidence
policy improvement. As many of them are awaited as there were before. Then a newer copy takes its place.

Each comparison may err. All of a store together let a version take over that is not better with a chance of
`BUDGET` at most: the k-th one spends the share 6 / (pi k)^2 of it, and these shares sum to one. (Spending the
error over looks is due to Lan and DeMets 1983, Discrete sequential boundaries for clinical trials; these
shares need no planned number of looks.) No input or output.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dialogue_gym._text import counted
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.live.exploration import Labels, QPolicy
from dialogue_gym.live.logs import StoredLogs
from dialogue_gym.live.migration import OTHER_WEIGHTS
from dialogue_gym.off_policy import ROBUST, CannotSay, Estimate, compare_by_logs, evaluate_logs
from dialogue_gym.policies.agent import Agent

BUDGET = 0.05
"""The chance that any comparison of a store lets a version take over that is not better."""
FEWEST = 100
"""The number of conversations that are awaited before the first comparison."""

_TALKING, _CANDIDATE = OTHER_WEIGHTS


def error_of(number: int) -> float:
    """Return the chance of an error that a comparison may have, by its number in the store, from 1."""
    return BUDGET * 6 / (math.pi * number) ** 2


class LabelledQPolicy(QPolicy):
    """Weights with the labels of teachers before them: a correction holds at once, whatever talks."""

    def __init__(self, weights: QPolicy, labels: Labels) -> None:
        """Take the weights of a policy, and the right actions by observation in bytes."""
        super().__init__(weights.env, weights.weights, weights.version)
        self._labels = labels

    def choose(
        self, observation: npt.NDArray[Any], mask: npt.NDArray[Any] | None, deterministic: bool
    ) -> int:
        """Return the best of the right actions that are possible; without any, the best possible one."""
        possible = self._possible(observation, mask)
        if right := self._labels.get(observation.tobytes()):
            is_right = possible & np.array([name in right for name in self.env.action_names])
            possible = is_right if is_right.any() else possible
        return super().choose(observation, possible, deterministic)


@dataclass(frozen=True)
class VersionComparison:
    """A comparison of a newer version with the one in use.

    Attributes:
        number: its number in the store, from 1.
        version: the newer version.
        time: the time of the comparison, in seconds since 1970.
        conversations: the number of conversations that it rests on.
        gain: the mean return of the newer version less that of the one in use; the interval is as wide as
            the error that was left allows. None if the logs cannot say.
        problem: the reason that they cannot; empty otherwise.
    """

    number: int
    version: int
    time: float
    conversations: int
    gain: Estimate | None = None
    problem: str = ""

    @property
    def is_better(self) -> bool:
        """Whether the newer version may take over."""
        return self.gain is not None and self.gain.low > 0


def compare(stored: StoredLogs, number: int) -> Estimate:
    """Return the mean return of the first agent of some logs less that of the second.

    The lower end of its interval is above the true difference with the chance `error_of(number)` at most.

    Raises:
        CannotSay: the logs do not suffice.
    """
    new, old = (evaluate_logs(stored.logs, target, stored.returns) for target in stored.targets)
    level = 1 - 2 * error_of(number)  # of the two sides only the lower one counts
    return compare_by_logs(new, old, stored.returns, level).mean_return[ROBUST]


@dataclass(frozen=True, eq=False)
class Promotion:
    """The weights in use, and the candidate that may take over from them. Each step makes a new one.

    Attributes:
        talking: the weights in use.
        since: the time at which they took over, in seconds since 1970.
        reason: the reason, as a part of a sentence.
        candidate: newer weights that were set aside.
        after: the id of the last entry that the candidate has learned from.
        due: the number of conversations that it waits for.
        ended: the number of conversations that have ended since.
        before: the number of conversations that ended before, since the weights in use took over.
        looks: the number of comparisons in the store so far.
        last: the last comparison; None before the first.
    """

    talking: QPolicy
    since: float
    reason: str
    candidate: QPolicy
    after: int
    due: int = FEWEST
    ended: int = 0
    before: int = 0
    looks: int = 0
    last: VersionComparison | None = None

    @classmethod
    def begin(cls, newest: QPolicy, last_entry: int, now: float) -> Promotion:
        """Return the beginning, with the newest weights in use."""
        return cls(newest, now, "it was in use when safe promotion began", newest, last_entry)

    def with_ended(self, count: int = 1) -> Promotion:
        """Return it after more conversations have ended."""
        return dataclasses.replace(self, ended=self.ended + count)

    @property
    def is_due(self) -> bool:
        """Whether it is time for a comparison."""
        return self.ended >= self.due

    def agents(self, labels: Labels) -> list[Agent]:
        """Return the candidate, and the weights in use, as agents that follow labels."""
        pair = {_CANDIDATE: self.candidate, _TALKING: self.talking}
        return [Agent(name, one.env, LabelledQPolicy(one, labels)) for name, one in pair.items()]

    def judge(self, stored: StoredLogs, now: float) -> VersionComparison:
        """Return the comparison by the logs since the candidate was set aside; see `agents`."""
        number, count = self.looks + 1, len(stored.logs)
        try:
            return VersionComparison(number, self.candidate.version, now, count, compare(stored, number))
        except CannotSay as error:
            return self.cannot_say(str(error), now, count)

    def cannot_say(self, problem: str, now: float, conversations: int = 0) -> VersionComparison:
        """Return a comparison that the logs do not suffice for."""
        return VersionComparison(self.looks + 1, self.candidate.version, now, conversations, None, problem)

    @property
    def is_same(self) -> bool:
        """Whether the candidate is the version in use, so that there is nothing to compare."""
        return self.candidate.version == self.talking.version

    def next(
        self, newest: QPolicy, last_entry: int, comparison: VersionComparison | None = None
    ) -> Promotion:
        """Return it with a new candidate, after a comparison if there was one.

        Args:
            newest: the newest weights.
            last_entry: the id of the last entry that they have learned from.
            comparison: the comparison of the candidate so far.
        """
        ended = self.before + self.ended
        changed: dict[str, Any] = {"before": ended}
        if comparison is not None:
            changed |= {"looks": comparison.number, "last": comparison}
            if comparison.is_better:
                ended = 0
                changed |= {"talking": self.candidate, "since": comparison.time, "before": 0}
                changed |= {"reason": _reason(comparison, self.talking.version)}
        changed |= {"candidate": newest, "after": last_entry, "ended": 0, "due": max(ended, FEWEST)}
        return dataclasses.replace(self, **changed)

    def grown(
        self,
        env: DialogueEnv,
        weights: Mapping[str, Sequence[npt.NDArray[Any]]],
        newest: QPolicy,
        last_entry: int,
    ) -> Promotion:
        """Return it for a domain that has grown: the weights in use carried over, and a new candidate.

        Args:
            env: the environment of the learner as it is now.
            weights: the weights as the domain needs them: see `weights_in`.
            newest: the newest weights.
            last_entry: the id of the last entry that they have learned from.
        """
        talking = QPolicy(env, list(weights[_TALKING]), self.talking.version)
        return dataclasses.replace(self.next(newest, last_entry), talking=talking)

    def lines(self, newest: int) -> list[str]:
        """Return sentences for people on the version in use, and on the next one.

        Args:
            newest: the newest version.
        """
        lines = [f"Version {self.talking.version} answers, since {_date(self.since)}: {self.reason}."]
        if newest != self.talking.version:
            lines.append(
                f"The bot goes on learning (version {newest}). A newer version answers once the conversations"
                " show that it is better."
            )
        if self.last is not None and self.last.version != self.talking.version:
            lines.append(_shown(self.last))
        lines.append(f"Next comparison: after {counted(max(self.due - self.ended, 1), 'more conversation')}.")
        return lines

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays for a checkpoint."""
        pair = {_TALKING: self.talking, _CANDIDATE: self.candidate}
        return {
            f"{name}.{number}": part for name, one in pair.items() for number, part in enumerate(one.weights)
        }

    def state(self) -> dict[str, Any]:
        """Return everything else for a checkpoint, as JSON-serializable values."""
        policies = {name: getattr(self, name).version for name in (_TALKING, _CANDIDATE)}
        others = (field.name for field in dataclasses.fields(self) if field.name not in policies)
        last = None if self.last is None else dataclasses.asdict(self.last)
        return {name: getattr(self, name) for name in others} | policies | {"last": last}

    @classmethod
    def load(
        cls, env: DialogueEnv, weights: Mapping[str, Sequence[npt.NDArray[Any]]], state: Mapping[str, Any]
    ) -> Promotion:
        """Return what a checkpoint has.

        Args:
            env: the environment of the learner.
            weights: the weights of each version that is kept: see `weights_in`.
            state: what `state` returned.

        Raises:
            KeyError, TypeError, ValueError: it is not from such a state.
        """
        policies = {name: QPolicy(env, list(weights[name]), state[name]) for name in (_TALKING, _CANDIDATE)}
        last = state["last"]
        if last is not None:
            gain = None if last["gain"] is None else Estimate(**last["gain"])
            last = VersionComparison(**{**last, "gain": gain})
        return cls(**{**state, **policies, "last": last})


def weights_in(arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, list[npt.NDArray[Any]]]:
    """Return the weights and biases of the versions in the arrays of a checkpoint, by their part in it."""
    found: dict[str, list[npt.NDArray[Any]]] = {}
    for name in (_TALKING, _CANDIDATE):
        count = sum(key.startswith(f"{name}.") for key in arrays)
        found[name] = [arrays[f"{name}.{number}"] for number in range(count)]
    return found


def _date(seconds: float) -> str:
    return time.strftime("%d %b %Y, %H:%M", time.localtime(seconds))


def _reason(comparison: VersionComparison, before: int) -> str:
    gain = comparison.gain
    assert gain is not None  # it was better
    rests = f"{counted(comparison.conversations, 'conversation')} show that it does better"
    points = f"{gain.value:.1f} points of reward in each, at least {gain.low:.1f}"
    return f"{rests} than version {before}, by {points}"


def _shown(comparison: VersionComparison) -> str:
    version = f"version {comparison.version}"
    begins = f"Last comparison, {_date(comparison.time)}: "
    gain = comparison.gain
    if gain is None:
        return (
            f"{begins}the conversations cannot say yet whether {version} is better. Too few of them went as"
            " with its answers."
        )
    interval = f"between {gain.low:+.1f} and {gain.high:+.1f} points of reward in a conversation"
    return f"{begins}{version} is not surely better. The difference is {interval}."
