"""The learner of live conversations: a masked DQN that takes transitions one at a time, for months.

A fixed number of updates follows each transition, so that the result depends on the transitions alone, not on
interruptions. No schedule depends on the duration of the learning.

Sources: Mnih et al. 2015, Human-level control through deep reinforcement learning; van Hasselt et al. 2016,
Deep reinforcement learning with double Q-learning; Kumar et al. 2020, Conservative Q-learning for offline
reinforcement learning; Hester et al. 2018, Deep Q-learning from demonstrations (labels keep their share of
each batch).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from stable_baselines3.common.torch_layers import FlattenExtractor
from torch.optim.adam import adam

from dialogue_gym.domain import Domain
from dialogue_gym.domain.observation import observation_dtype
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.live.exploration import QPolicy
from dialogue_gym.live.replay_buffer import Arrays, ReplayBuffer
from dialogue_gym.live.transitions import Transition
from dialogue_gym.policies.mask import ActionMask
from dialogue_gym.sb3.masked_dqn import MaskedQNetwork, margin_loss

_MAX_GRADIENT = 10.0
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


@dataclass(frozen=True)
class LearnerSettings:
    """Settings of the learning.

    Attributes:
        learning_rate: the learning rate of Adam.
        discount: the weight of the next step's value.
        updates: the number of updates after each transition.
        batch: the number of transitions in each update.
        target_every: updates after which the target network is renewed.
        capacity: transitions that are kept.
        recent: the number of the newest transitions that count as recent.
        recent_share: the share of each batch that is recent. The rest is drawn among all.
        labels: taught labels in each batch.
        label_weight: the weight of the labels' loss, against that of the transitions.
        conservatism: the weight that pulls the values of untried actions below those of tried ones. Without
            it the former grow without bound, as nobody tries them.
    """

    learning_rate: float = 1e-3
    discount: float = 0.99
    updates: int = 4
    batch: int = 64
    target_every: int = 100
    capacity: int = 100_000
    recent: int = 1000
    recent_share: float = 0.5
    labels: int = 32
    label_weight: float = 1.0
    conservatism: float = 0.1


def _network(env: DialogueEnv) -> MaskedQNetwork:
    extractor = FlattenExtractor(env.observation_space)
    return MaskedQNetwork(
        env.observation_space,
        env.action_space,
        features_extractor=extractor,
        features_dim=extractor.features_dim,
        mask=ActionMask(env),
    )


def _no_moments(weight: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return the state of Adam before the first step."""
    return dict(
        zip(_MOMENTS, (torch.tensor(0.0), torch.zeros_like(weight), torch.zeros_like(weight)), strict=True)
    )


class LiveLearner:
    """Learner from transitions, in the order in which they come.

    Attributes:
        env: the environment that defines observations and actions; no dialogue is played in it.
        settings: the settings of the learner.
        replay: the transitions that it has.
        transitions: the number of different ones so far.
        updates: the number of those made: the version of the weights.
        owed: the number of updates still to be made.
    """

    def __init__(
        self, domain: Domain, turn_taking: str, settings: LearnerSettings | None = None, seed: int = 0
    ) -> None:
        """Begin with random weights.

        Args:
            domain: the domain of the conversations, with a fake user (see `with_user`).
            turn_taking: `"auto"` or `"explicit"`.
            settings: the settings of the learner.
            seed: the seed of the weights and the batches.
        """
        self.env = DialogueEnv(domain, turn_taking=turn_taking)
        self.settings = settings or LearnerSettings()
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            self.network, self.target = _network(self.env), _network(self.env)
        self.target.load_state_dict(self.network.state_dict())
        self._weights = list(self.network.parameters())
        self._moments = [_no_moments(weight) for weight in self._weights]
        self._dtype = observation_dtype(self.env.fields)
        self.replay = ReplayBuffer(self.settings.capacity, len(self.env.fields), self._dtype)
        self.random = np.random.default_rng(seed)
        self.transitions = self.updates = self.owed = 0
        self._index = {name: i for i, name in enumerate(self.env.action_names)}
        self._labels: tuple[torch.Tensor, torch.Tensor] | None = None

    def teach(self, labels: Mapping[bytes, Iterable[str]]) -> None:
        """Take the labels of teachers, in the place of those before.

        Args:
            labels: the right actions, by observation in bytes (`Learner.memory` has them).
        """
        if not labels:
            self._labels = None
            return
        observations = np.array([np.frombuffer(key, self._dtype) for key in labels], np.int64)
        right = np.array([[name in names for name in self._index] for names in labels.values()])
        self._labels = torch.as_tensor(observations), torch.as_tensor(right)

    def add(self, transitions: Iterable[Transition]) -> None:
        """Add transitions; updates are owed for each new one, and a known one is amended."""
        for one in transitions:
            if self.remember(one):
                self.transitions += 1
                self.owed += self.settings.updates

    def remember(self, one: Transition) -> bool:
        """Add a transition without learning from it now; return whether it is new."""
        if one.only_amends and one.entry not in self.replay:
            return False
        following, action = one.next_observation, self._index[one.action]
        return self.replay.add(one.entry, one.observation, action, one.reward, following, one.terminated)

    def learn(self, most: int | None = None) -> int:
        """Make the updates that are owed, `most` of them at most; return how many were made."""
        count = self.owed if most is None else min(most, self.owed)
        if not len(self.replay):
            self.owed = count = 0
        for _ in range(count):
            self.update()
            self.owed -= 1
        return count

    def update(self, margin_on_done: float = 0.0) -> None:
        """Make one update.

        Args:
            margin_on_done: the weight with which the actions of the transitions count as right, as in a
                demonstration.
        """
        loss = torch.zeros(())
        if len(self.replay):
            loss = loss + self._loss_of_transitions(margin_on_done)
        if self._labels is not None:
            some = torch.as_tensor(self.random.integers(len(self._labels[0]), size=self.settings.labels))
            taught, right = (column[some] for column in self._labels)
            loss = loss + self.settings.label_weight * margin_loss(self.network(taught), right)
        if loss.requires_grad:
            self._follow(loss)
        self.updates += 1
        if self.updates % self.settings.target_every == 0:
            self.target.load_state_dict(self.network.state_dict())

    def _follow(self, loss: torch.Tensor) -> None:
        """Make one step of Adam."""
        for weight in self._weights:
            weight.grad = None
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._weights, _MAX_GRADIENT)
        steps, means, squares = ([moments[name] for moments in self._moments] for name in _MOMENTS)
        with torch.no_grad():
            adam(  # torch.optim.Adam, when one is made, imports a compiler: a second or two at every start
                cast(list[torch.Tensor], self._weights),
                [weight.grad for weight in self._weights if weight.grad is not None],
                means,
                squares,
                [],
                steps,
                foreach=False,
                amsgrad=False,
                beta1=0.9,
                beta2=0.999,
                lr=self.settings.learning_rate,
                weight_decay=0.0,
                eps=1e-8,
                maximize=False,
            )

    def _loss_of_transitions(self, margin_on_done: float) -> torch.Tensor:
        loss: torch.Tensor
        settings = self.settings
        batch = self.replay.sample(self.random, settings.batch, settings.recent, settings.recent_share)
        following = torch.as_tensor(batch["next_observations"])
        actions = torch.as_tensor(batch["actions"])[:, None]
        with torch.no_grad():
            best = self.network(following).argmax(dim=1, keepdim=True)
            ahead = self.target(following).gather(1, best).flatten()
            ahead[torch.as_tensor(batch["terminated"])] = 0.0
            wanted = torch.as_tensor(batch["rewards"]) + settings.discount * ahead
        values = self.network(torch.as_tensor(batch["observations"]))
        done = values.gather(1, actions).flatten()
        loss = torch.nn.functional.smooth_l1_loss(done, wanted)
        loss = loss + settings.conservatism * (values.logsumexp(dim=1) - done).mean()
        if not margin_on_done:
            return loss
        right = torch.zeros_like(values, dtype=torch.bool).scatter_(1, actions, True)
        return loss + margin_on_done * margin_loss(values, right)

    def study(self, updates: int, margin_on_done: float = 0.0) -> None:
        """Make updates before the first conversation, on labels and remembered transitions. Uncounted."""
        for _ in range(updates):
            self.update(margin_on_done)
        self.target.load_state_dict(self.network.state_dict())
        self.updates = 0

    def take_weights(self, weights: Iterable[npt.NDArray[np.float32]]) -> None:
        """Begin with weights and biases, in turns, of a network for the same observations and actions."""
        with torch.no_grad():
            for own, other in zip(self.network.parameters(), weights, strict=True):
                own.copy_(torch.as_tensor(other))
        self.target.load_state_dict(self.network.state_dict())

    def actor(self) -> QPolicy:
        """Return a policy with a copy of the current weights."""
        return QPolicy(self.env, [p.detach().numpy().copy() for p in self.network.parameters()], self.updates)

    def arrays(self) -> Arrays:
        """Return copies of the learner's arrays, without its labels and `state`."""
        arrays = {f"replay.{name}": column for name, column in self.replay.arrays().items()}
        for number, (weight, target, moments) in enumerate(
            zip(self._weights, self.target.parameters(), self._moments, strict=True)
        ):
            parts = {"network": weight, "target": target} | moments
            arrays |= {f"{name}.{number}": part.detach().numpy().copy() for name, part in parts.items()}
        return arrays

    def state(self) -> dict[str, Any]:
        """Return the counters and the random state, as JSON-serializable values."""
        return {
            "transitions": self.transitions,
            "updates": self.updates,
            "owed": self.owed,
            "random": self.random.bit_generator.state,
        }

    def load(self, arrays: Mapping[str, npt.NDArray[Any]], state: Mapping[str, Any]) -> None:
        """Restore the `arrays` and `state` of a learner of the same domain.

        Raises:
            KeyError, ValueError, TypeError: they are not from such a learner; this one is as it was.
        """
        counters = {name: int(state[name]) for name in ("transitions", "updates", "owed")}
        random = np.random.default_rng(0)
        random.bit_generator.state = state["random"]
        self._check(arrays)
        prefix = "replay."
        self.replay.load({name.removeprefix(prefix): a for name, a in arrays.items() if prefix in name})
        for number, (weight, target, moments) in enumerate(
            zip(self._weights, self.target.parameters(), self._moments, strict=True)
        ):
            for name, part in ({"network": weight, "target": target} | moments).items():
                with torch.no_grad():
                    part.copy_(torch.as_tensor(arrays[f"{name}.{number}"]))
        self.transitions, self.updates, self.owed = counters.values()
        self.random = random

    def _check(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        rows = len(arrays["replay.entries"])
        for name, own in self.arrays().items():
            shape = (rows, *own.shape[1:]) if name.startswith("replay.") else own.shape
            if arrays[name].shape != shape:
                raise ValueError(f"{name} has the shape {arrays[name].shape}, not {shape}")
