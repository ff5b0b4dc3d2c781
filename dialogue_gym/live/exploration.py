"""Who acts while the learner learns: a copy of its weights, in NumPy, that nobody has to wait for."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.policies.base import Policy
from dialogue_gym.policies.mask import ActionMask
from dialogue_gym.policies.network import OneHotEncoding, OneHotMlp, relu

LEAST, MOST = 0.02, 0.5
"""The chance to try something else where all people are content, and where none is."""
NEWEST = 0.1
"""What the newest dialogue weighs among those of late."""


class QPolicy(Policy):
    """The greedy policy of a Q-network: one-hot observation, layers with rectifiers between them.

    Attributes:
        version: of the weights.
    """

    def __init__(self, env: DialogueEnv, weights: list[npt.NDArray[np.float32]], version: int) -> None:
        """Take weights, shape (outputs, inputs), and biases in turns, from the first layer on."""
        super().__init__(env)
        self.weights = weights
        self.version = version
        sizes = [len(field.labels) for field in env.fields]
        layers = list(zip(weights[::2], weights[1::2], strict=True))
        self._network = OneHotMlp(OneHotEncoding(sizes), layers, relu)
        self._mask = ActionMask(env)

    def values(self, observation: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return what each action is worth, shape (actions,), possible or not."""
        return self._network(observation)

    def numbers(
        self, observation: npt.NDArray[Any], mask: npt.NDArray[Any] | None = None
    ) -> tuple[bool, npt.NDArray[Any]]:
        """Return that these are no probabilities, and what each action is worth."""
        return False, self.values(observation)

    def choose(
        self, observation: npt.NDArray[Any], mask: npt.NDArray[Any] | None, deterministic: bool
    ) -> int:
        """Return the action that is worth most among the possible ones."""
        possible = self._mask(observation[None])[0] if mask is None else np.asarray(mask) != 0
        return int(np.where(possible, self.values(observation), -np.inf).argmax())


class Explorer:
    """Acts by the newest weights, and now and then tries something else: more where people are not content.

    So it explores again when people change after months, which no schedule that runs down would do. (As in
    Tokic 2010, Adaptive epsilon-greedy exploration in reinforcement learning based on value differences, with
    satisfaction in the place of those.) What it tries is what was tried least in the very same situation:
    where one of many actions is right, chance alone would try the same wrong ones again.

    Attributes:
        actor: who knows best at the moment.
        satisfaction: how content people were of late, from 0 to 1.
        random: what is drawn from.
        tries: what was tried, by it or because it is best.
    """

    def __init__(
        self,
        actor: QPolicy,
        seed: int = 0,
        least: float = LEAST,
        most: float = MOST,
        satisfaction: float = 1.0,
    ) -> None:
        """Begin to act.

        Args:
            actor: who knows best.
            seed: of the exploration.
            least: the chance to try something else where people are content.
            most: the chance to try something else where nobody is.
            satisfaction: how content people are taken to be at first.
        """
        self.actor = actor
        self.satisfaction = satisfaction
        self.random = np.random.default_rng(seed)
        self.visits = VisitCounts(len(actor.env.action_names))
        self._least, self._most = least, most
        self._lock = threading.Lock()  # one thread decides while another one writes a checkpoint

    @property
    def chance(self) -> float:
        """The chance to try something else now; wrong ratings now and then hardly raise it."""
        return self._least + (self._most - self._least) * (1 - self.satisfaction) ** 2

    def add_satisfaction(self, satisfaction: float) -> None:
        """Take in how content somebody was in the end, from 0 to 1."""
        self.satisfaction += NEWEST * (satisfaction - self.satisfaction)

    def decide(self, observation: npt.NDArray[Any], possible: npt.NDArray[np.bool_]) -> tuple[str, int]:
        """Return an action, and the version of the weights that it was decided by.

        Args:
            observation: shape (components,).
            possible: shape (actions,).
        """
        actor = self.actor  # another thread may put a newer one here
        with self._lock:
            if self.random.random() < self.chance:
                chosen = self._least_tried(observation, possible)
            else:
                chosen = actor.choose(observation, possible, True)
            self.visits.add(observation, chosen)
        return actor.env.action_names[chosen], actor.version

    def _least_tried(self, observation: npt.NDArray[Any], possible: npt.NDArray[np.bool_]) -> int:
        actions = np.flatnonzero(possible)
        counts = self.visits.counts(observation)[actions]
        return int(self.random.choice(actions[counts == counts.min()]))

    def state(self) -> dict[str, Any]:
        """Return what it is like, what was tried, and the random state, as JSON has them."""
        with self._lock:
            return {
                "satisfaction": self.satisfaction,
                "random": self.random.bit_generator.state,
                "tries": self.visits.state(),
            }

    def load(self, state: Mapping[str, Any], has_grown: bool = False) -> None:
        """Go on where `state` was.

        Args:
            state: of it; one of an earlier version does not say what was tried.
            has_grown: whether the domain has grown since, so that its situations look otherwise. What was
                tried is then forgotten.
        """
        with self._lock:
            self.satisfaction = float(state["satisfaction"])
            self.random.bit_generator.state = state["random"]
            self.visits.load({} if has_grown else state.get("tries", {}))


SITUATIONS = 5000
"""How many situations are kept; then the one goes that did not come up for longest."""
MOST_VISITS = 30.0
"""Where an action was tried so often, all counts of its situation are halved: people change, and what was
best for months would otherwise be tried last for as long again."""


class VisitCounts:
    """How often each action was tried of late in each situation, which is an observation."""

    def __init__(self, actions: int, situations: int = SITUATIONS) -> None:
        """Begin with nothing tried.

        Args:
            actions: how many there are.
            situations: how many are kept.
        """
        self._actions = actions
        self._capacity = situations
        self._counts: dict[bytes, npt.NDArray[np.float64]] = {}  # the latest at the end

    def __len__(self) -> int:
        """How many situations are known."""
        return len(self._counts)

    def counts(self, observation: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Return how often each action was tried here, shape (actions,)."""
        known = self._counts.get(observation.tobytes())
        return np.zeros(self._actions) if known is None else known.copy()

    def add(self, observation: npt.NDArray[Any], action: int) -> None:
        """Count that an action is tried."""
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
        """Return the counts by observation, in hexadecimal digits, as JSON has them."""
        return {key.hex(): counts.tolist() for key, counts in self._counts.items()}

    def load(self, state: Mapping[str, list[float]]) -> None:
        """Go on where `state` was."""
        self._counts = {bytes.fromhex(key): np.array(counts, np.float64) for key, counts in state.items()}
