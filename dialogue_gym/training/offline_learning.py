"""Agents that learn from recorded dialogues alone: behaviour cloning, fitted Q and conservative Q-learning.

Each is a network over the one-hot observation. With masks, impossible actions are left out of choices and of
the best next action: the data never show them, so their values would be guesses.

Cloning does what was mostly done. Fitted Q finds the best of what was tried, but only where all actions were
tried (as by a random policy); where some were not, it takes them for better than they are. Conservative
Q-learning stays near what was recorded, and improves on it.

Sources: Pomerleau 1989, ALVINN (cloning); Ernst, Geurts and Wehenkel 2005, Tree-based batch mode
reinforcement learning, and Riedmiller 2005, Neural fitted Q iteration; Kumar et al. 2020, Conservative
Q-learning for offline reinforcement learning (equation 4, with discrete actions).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
import torch

from dialogue_gym.datasets.episode import Episode
from dialogue_gym.envs.wrapping import unwrapped_dialogue
from dialogue_gym.policies.mask import ActionMask, need_fields
from dialogue_gym.policies.network import NetworkPolicy, OneHotEncoding

Array = npt.NDArray[Any]
_SCALE = 10.0
"""Returns are divided by it, so that the networks learn values of about 1."""
Report = Callable[[int], object]
"""Called with the number of updates so far."""


class OfflineLearner:
    """A network that is fitted to recorded steps.

    Attributes:
        num_timesteps: the number of recorded steps.
        is_masked: whether impossible actions are left out.
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        episodes: Sequence[Episode],
        *,
        seed: int,
        values: bool,
        width: int = 64,
        batch_size: int = 1024,
        learning_rate: float = 1e-2,
        gamma: float = 0.97,
        refit_after: int = 20,
        conservatism: float = 0.0,
        use_mask: bool = True,
    ) -> None:
        """Begin with a random network.

        Args:
            env: the environment of the dialogues; it is not stepped.
            episodes: the dialogues.
            seed: seeds the network and the batches.
            values: learn the values of actions; otherwise the network imitates the recorded actions.
            width: hidden units of each of two layers.
            batch_size: distinct observations in a batch, each with all that was recorded there.
            learning_rate: initial step size of Adam; it falls to 0.
            gamma: the discount factor, from 0 to 1.
            refit_after: updates after which the values of next observations are taken anew.
            conservatism: weight of the penalty on values of actions that the data lack (alpha of conservative
                Q-learning, for returns divided by 10); 0 is fitted Q.
            use_mask: leave out impossible actions.

        Raises:
            TypeError: the environment is not a dialogue.
            ValueError: it does not show the codes of the fields, or there are no dialogues.
        """
        self.env = unwrapped_dialogue(env)
        need_fields(self.env, "learning from data")
        if not episodes:
            raise ValueError("there are no dialogues to learn from")
        self.num_timesteps = sum(map(len, episodes))
        self.is_masked, self._values = use_mask, values
        self._random = np.random.default_rng(seed)
        self._batch_size, self._learning_rate = batch_size, learning_rate
        self._refit_after, self._conservatism = refit_after, conservatism

        before = np.concatenate([one.observations[:-1] for one in episodes])
        after = np.concatenate([one.observations[1:] for one in episodes])
        # Dialogues pass the same situations again and again: each is encoded once, and the squared errors of
        # all steps from it with the same action are, but for a constant, that of their mean.
        distinct, places = np.unique(np.concatenate([before, after]), axis=0, return_inverse=True)
        start, self._after = np.split(places.reshape(-1), 2)
        self._shape = len(distinct), len(self.env.action_names)
        self._cells = start * self._shape[1] + np.concatenate([one.actions for one in episodes])
        self._counts = self._by_cell(np.ones(self.num_timesteps))
        encoding = OneHotEncoding([len(field.labels) for field in self.env.observation_fields])
        self._inputs = torch.from_numpy(encoding(distinct))
        self._impossible = ~torch.from_numpy(ActionMask(self.env)(distinct) | (not use_mask))
        self._impossible &= self._counts == 0  # a user's own policy may have tried them

        self._rewards = np.concatenate([one.rewards for one in episodes]) / _SCALE
        ends = np.cumsum([len(one) for one in episodes]) - 1
        self._worth = np.full(self.num_timesteps, gamma)
        self._worth[[end for end, one in zip(ends, episodes, strict=True) if not one.truncated]] = 0.0
        returns = _returns(self._rewards, set(ends.tolist()), gamma)
        self._range = float(returns.min()), float(returns.max())

        self._policy: NetworkPolicy | None = None
        self._layers = _layers((encoding.inputs, width, width, self._shape[1]), seed)
        first, second, last = self._layers
        self._network = torch.nn.Sequential(first, torch.nn.ReLU(), second, torch.nn.ReLU(), last)

    def learn(self, updates: int, report: Report = lambda done: None) -> None:
        """Fit the network.

        Args:
            updates: number of batches to fit to.
            report: called with the number of batches so far.
        """
        self._policy = None
        optimizer = torch.optim.Adam(self._network.parameters(), lr=self._learning_rate)
        targets = torch.zeros(self._shape)
        rows = np.arange(self._shape[0])
        for update in range(updates):
            if self._values and update % self._refit_after == 0:
                targets = self._targets()
            for group in optimizer.param_groups:
                group["lr"] = self._learning_rate * (1 - update / updates)
            if self._shape[0] > self._batch_size:
                rows = self._random.choice(self._shape[0], self._batch_size, replace=False)
            optimizer.zero_grad()
            self._loss(rows, targets[rows]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            report(update + 1)

    def policy(self) -> NetworkPolicy:
        """Return the policy, in NumPy."""
        layers = [
            (one.weight.detach().numpy().copy(), one.bias.detach().numpy().copy()) for one in self._layers
        ]
        return NetworkPolicy(self.env, layers, has_values=self._values, is_masked=self.is_masked)

    def predict(self, observation: Array, state: Any = None, *others: Any, **more: Any) -> tuple[Array, Any]:
        """Return what the `predict` of `policy` does."""
        self._policy = self._policy or self.policy()
        return self._policy.predict(observation, state, *others, **more)

    def _by_cell(self, steps: Array) -> torch.Tensor:
        """Return sums over the steps with the same observation and action, shape (observations, actions)."""
        sums = np.bincount(self._cells, steps, self._shape[0] * self._shape[1])
        return torch.from_numpy(sums.reshape(self._shape).astype(np.float32))

    def _outputs(self, rows: Array) -> torch.Tensor:
        """Return the outputs for distinct observations by their numbers, -inf for impossible actions."""
        outputs: torch.Tensor = self._network(self._inputs[rows])
        return outputs.masked_fill(self._impossible[rows], -torch.inf)

    @torch.no_grad()
    def _targets(self) -> torch.Tensor:
        """Return the mean of the rewards and the best values that follow, shape (observations, actions).

        Networks err upwards where there are no data, and the best of several such values would be taken again
        and again. So the best one is that of the actions that were recorded in the situation, and no value is
        above the best recorded return, or below the worst.
        """
        outputs = self._outputs(np.arange(self._shape[0]))
        lacks = (self._counts == 0) & (self._counts.sum(dim=1, keepdim=True) > 0)
        best = outputs.masked_fill(lacks, -torch.inf).amax(dim=1).clamp(*self._range).numpy()
        return self._by_cell(self._rewards + self._worth * best[self._after]) / self._counts.clamp(min=1)

    def _loss(self, rows: Array, targets: torch.Tensor) -> torch.Tensor:
        counts = self._counts[rows]
        outputs = self._outputs(rows)
        recorded = outputs.masked_fill(counts == 0, 0.0)
        steps = counts.sum()
        # The amount by which all actions together outweigh the recorded one: of logits, its negative
        # log-likelihood; of values, the penalty of conservative Q-learning.
        met = counts.sum(dim=1)
        excess = (met * outputs.logsumexp(dim=1) - (counts * recorded).sum(dim=1)).sum() / steps
        if not self._values:
            return excess
        errors = (counts * (recorded - targets) ** 2).sum() / steps
        return errors + self._conservatism * excess if self._conservatism else errors


def _returns(rewards: Array, ends: set[int], gamma: float) -> Array:
    """Return the discounted sum of rewards from each step to the end of its dialogue, shape (steps,)."""
    returns = np.zeros(len(rewards))
    total = 0.0
    for step in reversed(range(len(rewards))):
        total = rewards[step] + (0.0 if step in ends else gamma * total)
        returns[step] = total
    return returns


def _layers(sizes: Sequence[int], seed: int) -> list[torch.nn.Linear]:
    """Return linear layers with weights from a generator of their own."""
    generator = torch.Generator().manual_seed(seed)
    layers = [torch.nn.Linear(*pair) for pair in itertools.pairwise(sizes)]
    with torch.no_grad():
        for layer in layers:
            torch.nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=generator)
            layer.bias.zero_()
    return layers
