"""Acting while the learner learns: a copy of its weights in NumPy, and exploration."""

from __future__ import annotations

import threading
from collections.abc import Container, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.live.decision import LiveDecision
from dialogue_gym.live.options import NEVER
from dialogue_gym.policies.network import NetworkPolicy

NEWEST = 0.1
"""The weight of the newest dialogue in the running mean of satisfaction."""


OF_CANDIDATE = 0.5
"""The share of the explored actions that are the choice of a candidate, if there is one."""
LEAST = 0.5
"""The share of the other explored actions that are the least chosen ones; the rest are any."""

Labels = Mapping[bytes, Sequence[str]]
"""The right actions, by observation in bytes."""


class QPolicy(NetworkPolicy):
    """The greedy policy of a Q-network: one-hot observation, layers with rectifiers between them.

    Attributes:
        version: the version of the weights.
    """

    def __init__(self, env: DialogueEnv, weights: list[npt.NDArray[np.float32]], version: int) -> None:
        """Take weights, shape (outputs, inputs), and biases in turns, from the first layer on."""
        super().__init__(env, list(zip(weights[::2], weights[1::2], strict=True)), has_values=True)
        self.version = version

    @property
    def weights(self) -> list[npt.NDArray[np.float32]]:
        """Weights and biases in turns, from the first layer on."""
        return [part for layer in self.layers for part in layer]


class Explorer:
    """The choice of actions by the newest weights, with exploration: more of it where people are not content.

    So it explores again when people change after months, unlike a schedule that runs down. (As in Tokic 2010,
    Adaptive epsilon-greedy exploration in reinforcement learning based on value differences, with
    satisfaction in the place of those.) Half of the time it explores the action that was chosen least in the
    same situation: where one of many actions is right, chance alone would choose the same wrong ones again.
    Otherwise it explores any, so that none has the chance 0 and the logs can judge other policies. It never
    explores an action that the domain marks as unsafe, nor a situation that a teacher has settled. Half of
    what is explored is the choice of newer weights that wait to take over, so that logs soon speak of them.

    Attributes:
        actor: the policy of the newest weights.
        satisfaction: a running mean over the latest dialogues, from 0 to 1.
        random: the generator of the exploration.
        visits: the counts of chosen actions, whether explored or best.
        candidate: newer weights that wait to take over; None without any.
        taught: the situations with a label, as the bytes of their observations.
    """

    def __init__(
        self,
        actor: QPolicy,
        seed: int = 0,
        rates: tuple[float, float] = NEVER,
        satisfaction: float = 1.0,
    ) -> None:
        """Begin to act.

        Args:
            actor: the policy of the newest weights.
            seed: the seed of the exploration.
            rates: the exploration rates when everybody is content, and when nobody is.
            satisfaction: the initial mean satisfaction, from 0 to 1.
        """
        self.actor = actor
        self.satisfaction = satisfaction
        self.random = np.random.default_rng(seed)
        self.visits = VisitCounts(len(actor.env.action_names))
        self.candidate: QPolicy | None = None
        self.taught: Container[bytes] = ()
        self._least, self._most = rates
        self._is_safe = _is_safe(actor)
        self._lock = threading.Lock()  # one thread decides while another one writes a checkpoint

    def use_actor(self, actor: QPolicy, has_grown: bool) -> None:
        """Act by the weights for a domain as it is now; counts of other observations are forgotten."""
        with self._lock:
            self.actor = actor
            self._is_safe = _is_safe(actor)
            if has_grown:
                self.visits = VisitCounts(len(actor.env.action_names))

    @property
    def chance(self) -> float:
        """The exploration rate now; a few wrong ratings hardly raise it."""
        return self._least + (self._most - self._least) * (1 - self.satisfaction) ** 2

    def add_satisfaction(self, satisfaction: float) -> None:
        """Take in the satisfaction of a person at the end of a dialogue, from 0 to 1."""
        self.satisfaction += NEWEST * (satisfaction - self.satisfaction)

    def decide(self, observation: npt.NDArray[Any], possible: npt.NDArray[np.bool_]) -> LiveDecision:
        """Return the choice of an action, with the exact chance of each possible one.

        Args:
            observation: shape (components,).
            possible: shape (actions,).
        """
        actor = self.actor  # another thread may put a newer one here
        with self._lock:
            chances = self._chances(actor, observation, possible)
            # One number is drawn at each decision: labels and marks do not shift the draws of later ones.
            chosen = int(self.random.choice(len(chances), p=chances))
            self.visits.add(observation, chosen)
        names = actor.env.action_names
        known = {names[action]: float(chances[action]) for action in np.flatnonzero(possible)}
        return LiveDecision(names[chosen], actor.version, known)

    def chances(
        self, observation: npt.NDArray[Any], possible: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.float64]:
        """Return the chance of each action at the next decision, shape (actions,).

        Args:
            observation: shape (components,).
            possible: shape (actions,).
        """
        with self._lock:
            return self._chances(self.actor, observation, possible)

    def _chances(
        self, actor: QPolicy, observation: npt.NDArray[Any], possible: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.float64]:
        chances = np.zeros(len(possible))
        chances[actor.choose(observation, possible, True)] = 1.0
        safe = np.flatnonzero(possible & self._is_safe)
        if not len(safe) or not (rate := self.chance) or observation.tobytes() in self.taught:
            return chances
        counts = self.visits.counts(observation)[safe]
        least = safe[counts == counts.min()]
        chances *= 1 - rate
        if self.candidate is not None:
            wanted = self.candidate.choose(observation, possible, True)
            if wanted in safe:
                chances[wanted] += rate * OF_CANDIDATE
                rate *= 1 - OF_CANDIDATE
        chances[safe] += rate * (1 - LEAST) / len(safe)
        chances[least] += rate * LEAST / len(least)
        return np.minimum(chances, 1.0)  # rounding can lead above it

    def state(self) -> dict[str, Any]:
        """Return the satisfaction, the counts and the random state, as JSON-serializable values."""
        with self._lock:
            return {
                "satisfaction": self.satisfaction,
                "random": self.random.bit_generator.state,
                "tries": self.visits.state(),
            }

    def load(self, state: Mapping[str, Any], has_grown: bool = False) -> None:
        """Continue from a `state`.

        Args:
            state: a state that `state` returned; that of an earlier version has no counts.
            has_grown: whether the domain has grown since, so that its observations differ. The counts are
                then forgotten.
        """
        with self._lock:
            self.satisfaction = float(state["satisfaction"])
            self.random.bit_generator.state = state["random"]
            self.visits.load({} if has_grown else state.get("tries", {}))


def _is_safe(actor: QPolicy) -> npt.NDArray[np.bool_]:
    unsafe = actor.env.domain.unsafe
    return np.array([name not in unsafe for name in actor.env.action_names])


SITUATIONS = 5000
"""Situations that are kept; after that, the one that was not seen for longest is forgotten."""
MOST_VISITS = 30.0
"""At this count of an action, all counts of its situation are halved: people change, and the best action of
months would otherwise be explored last for as long again."""


class VisitCounts:
    """Counts of the actions that were lately chosen in each situation, that is, at each observation."""

    def __init__(self, actions: int, situations: int = SITUATIONS) -> None:
        """Begin with all counts 0.

        Args:
            actions: the number of actions.
            situations: the number of situations that are kept.
        """
        self._actions = actions
        self._capacity = situations
        self._counts: dict[bytes, npt.NDArray[np.float64]] = {}  # the latest at the end

    def __len__(self) -> int:
        """Return the number of known situations."""
        return len(self._counts)

    def counts(self, observation: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Return the count of each action here, shape (actions,)."""
        known = self._counts.get(observation.tobytes())
        return np.zeros(self._actions) if known is None else known.copy()

    def add(self, observation: npt.NDArray[Any], action: int) -> None:
        """Count a choice of an action."""
        counts = self.counts(observation)
        counts[action] += 1
        if counts[action] >= MOST_VISITS:
            counts /= 2
        key = observation.tobytes()
        self._counts.pop(key, None)
        self._counts[key] = counts
        if len(self._counts) > self._capacity:
            del self._counts[next(iter(self._counts))]

    def state(self) -> dict[str, list[float]]:
        """Return the counts by observation, in hexadecimal digits, as JSON-serializable values."""
        return {key.hex(): counts.tolist() for key, counts in self._counts.items()}

    def load(self, state: Mapping[str, list[float]]) -> None:
        """Continue from a `state`."""
        self._counts = {bytes.fromhex(key): np.array(counts, np.float64) for key, counts in state.items()}
