"""Bootstrapped DQN for few dialogues: an ensemble of networks, one of which decides in each dialogue.

The networks begin differently and learn from other batches, so that they disagree where little is known.
A dialogue follows one of them throughout, and so tries one opinion to its end (Thompson sampling), or the
mean of all, as the agent does in the end. Steps are learned from many times, and if wanted the newest more
often, and each time with some fields hidden: with few dialogues, the networks would otherwise learn by heart
which fields came together.

Sources: Osband et al. 2016, Deep exploration via bootstrapped DQN; van Hasselt, Guez and Silver 2016, Deep
reinforcement learning with double Q-learning; Sutton and Barto 2018, Reinforcement Learning, section 12.10;
Srivastava et al. 2014, Dropout; Zhang and Sutton 2017, A deeper look at experience replay.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import numpy.typing as npt
import torch

from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.envs.wrapping import unwrapped_dialogue
from dialogue_gym.policies.mask import ActionMask, need_fields
from dialogue_gym.policies.network import NetworkPolicy, OneHotEncoding, OneHotMlp, relu
from dialogue_gym.training.slot_network import SlotLayout, SlotNetworks, mean_of

Array = npt.NDArray[Any]
_SCALE = 10.0
"""Returns are divided by it, so that the networks learn values of about 1."""
_IMPOSSIBLE = -1e6
_OF_RECENT = 4
"""One of so many windows in a batch is among the recent steps."""
_STEADIER = 5
"""The agent's own values are averages over so many times as many batches as those of the next steps."""


class BootstrappedDQN:
    """An agent that learns from few dialogues.

    Attributes:
        num_timesteps: the number of steps learned from.
        is_masked: whether impossible actions are left out.
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        *,
        seed: int,
        heads: int = 6,
        width: int = 24,
        common_width: int = 32,
        updates: int = 8,
        batch_size: int = 64,
        learning_rate: float = 1e-3,
        slow_down: int = 400,
        window: int = 8,
        trace: float = 0.9,
        agreement: float = 0.5,
        exploration: float = 0.15,
        dropout: float = 0.0,
        recent: int = 0,
        gamma: float = 0.97,
        averaging: float = 0.02,
        random_dialogues: int = 5,
        use_mask: bool = True,
    ) -> None:
        """Begin with random networks.

        Args:
            env: a dialogue environment.
            seed: seeds the environment, the networks and the exploration.
            heads: number of networks.
            width: hidden units of a network for each slot.
            common_width: its other hidden units.
            updates: batches to learn from after the first dialogue.
            batch_size: steps in the batch of a network.
            learning_rate: initial step size of Adam.
            slow_down: dialogues after which there are half as many batches, half the step size, half the
                exploration and half the dropout; all fall on like 1 / (`slow_down` + dialogues).
            window: consecutive steps that are learned from together; `batch_size` is a multiple of it.
            trace: share of the rewards that followed in a step's target; the rest are values of the networks.
            agreement: chance that a dialogue follows the mean values of all networks instead of those of one.
            exploration: initial chance of a random action; it falls like the step size.
            dropout: initial chance that a field of an observation is hidden in an update, from 0 to below 1;
                it falls like the step size.
            recent: the number of recent steps, which mostly show the mistakes that are made now; a quarter of
                each batch is taken from them; 0 for none.
            gamma: the discount factor, from 0 to 1.
            averaging: share of the newest weights in the average that values the next steps.
            random_dialogues: dialogues with random actions in the beginning.
            use_mask: leave out impossible actions, instead of learning that they fail.

        Raises:
            TypeError: the environment is not a dialogue.
            ValueError: it does not show the codes of the fields, or hyperparameters do not fit each other.
        """
        if batch_size % window:
            raise ValueError(f"batch_size: must be a multiple of the window, {window}, not {batch_size}")
        if 0 < recent < window:
            raise ValueError(f"recent: must be 0 or at least the window, {window}, not {recent}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout: must be at least 0 and below 1, not {dropout}")
        self._played = env
        self.env: DialogueEnv = unwrapped_dialogue(env)
        need_fields(self.env, type(self).__name__)
        self.num_timesteps, self._dialogues, self.is_masked = 0, 0, use_mask
        self._mean: OneHotMlp | None = None
        self._seed, self._random = seed, np.random.default_rng(seed)
        layout = SlotLayout.of(self.env)
        generator = torch.Generator().manual_seed(seed)
        self._networks, self._average, self._steady = (
            SlotNetworks(layout, heads, width, common_width, generator) for _ in range(3)
        )
        for one in (self._average, self._steady):
            one.load_state_dict(self._networks.state_dict())
        self._optimizer = torch.optim.Adam(self._networks.parameters(), lr=learning_rate, fused=True)
        self._updates, self._batch_size, self._learning_rate = updates, batch_size, learning_rate
        self._slow_down, self._window, self._recent = slow_down, window, recent
        self._trace, self._gamma = trace, gamma
        self._agreement, self._exploration, self._dropout = agreement, exploration, dropout
        self._averaging, self._random_dialogues = averaging, random_dialogues
        self._mask = ActionMask(self.env)
        sizes = [len(field.labels) for field in self.env.observation_fields]
        self._encoding = OneHotEncoding(sizes)
        self._memory = _Memory(len(sizes), self._mask.actions)

    def learn(self, steps: int, on_dialogue: Callable[[int, float, bool], object]) -> None:
        """Play `steps` steps, and learn after each dialogue from random steps of all so far.

        A further call goes on where the last one ended: with other dialogues, and the same fall of the step
        size and the exploration.

        Args:
            steps: the number of steps to play.
            on_dialogue: called after each dialogue as `on_dialogue(steps, return_, is_success)`; the return
                is without shaping.
        """
        last = self.num_timesteps + steps
        while self.num_timesteps < last:
            observation, _ = self._played.reset(seed=None if self._dialogues else self._seed)
            share = self._slow_down / (self._slow_down + self._dialogues)
            self._dialogues += 1
            is_random = self._dialogues <= self._random_dialogues
            choose = self._chooser(1.0 if is_random else share * self._exploration)
            dialogue: list[tuple[Array, int, float, Array, bool]] = []
            plain, is_over = 0.0, False
            info: dict[str, Any] = {}
            while not is_over and self.num_timesteps < last:
                action = choose(observation)
                following, reward, terminated, truncated, info = self._played.step(action)
                dialogue.append((observation, action, float(reward), following, terminated))
                plain += float(reward)
                if self.env.settings.shaping:
                    plain -= float(info["reward_terms"]["shaping"])
                observation, is_over = following, terminated or truncated
                self.num_timesteps += 1
            self._remember(dialogue)
            self._study(share)
            if is_over:
                on_dialogue(self.num_timesteps, plain, info["is_success"])

    def policy(self) -> NetworkPolicy:
        """Return the policy of the mean values, in NumPy."""
        return NetworkPolicy(
            self.env, mean_of(self._steady.layers()), has_values=True, is_masked=self.is_masked
        )

    def predict(
        self,
        observation: Array,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = False,
        action_masks: Array | None = None,
    ) -> tuple[Array, Any]:
        """Return the best actions for one observation or a batch of them, and the state unchanged.

        Args:
            observation: shape `(components,)` or `(n, components)`.
            state: not used.
            episode_start: not used.
            deterministic: not used: choices always are.
            action_masks: shape `(actions,)` or `(n, actions)`, in place of the mask of the observation.
        """
        if self._mean is None:
            self._mean = OneHotMlp(self._encoding, mean_of(self._steady.layers()), relu)
        batch = np.atleast_2d(observation)
        possible = self._possible(batch) if action_masks is None else np.atleast_2d(action_masks) != 0
        actions = np.where(possible, self._mean.batch(batch), -np.inf).argmax(axis=1)
        return (actions if np.ndim(observation) > 1 else actions[0]), state

    def _chooser(self, exploration: float) -> Callable[[Array], int]:
        """Return the choice of actions for one dialogue: by the values of one network, or the mean of all."""
        networks = self._steady.layers()
        if self._random.random() >= self._agreement:  # else the mistakes of the mean would never be made
            networks = [self._average.layers()[self._random.integers(len(networks))]]
        network = OneHotMlp(self._encoding, mean_of(networks), relu)

        def choose(observation: Array) -> int:
            possible = self._possible(observation[None])[0]
            if self._random.random() < exploration:
                return int(self._random.choice(np.flatnonzero(possible)))
            return int(np.where(possible, network(observation), -np.inf).argmax())

        return choose

    def _possible(self, observations: Array) -> npt.NDArray[np.bool_]:
        return np.asarray(self._mask(observations) | (not self.is_masked))

    def _remember(self, dialogue: list[tuple[Array, int, float, Array, bool]]) -> None:
        for number, (observation, action, reward, following, terminated) in enumerate(dialogue, 1):
            worth = 0.0 if terminated else self._gamma
            possible, is_last = self._possible(following[None])[0], number == len(dialogue)
            self._memory.add(observation, following, action, reward / _SCALE, worth, is_last, possible)

    def _study(self, share: float) -> None:
        """Learn from as many batches as the share says, with a step size that it makes smaller too."""
        self._mean = None
        if self._memory.size < self._window:
            return
        for group in self._optimizer.param_groups:
            group["lr"] = share * self._learning_rate
        for _ in range(max(1, round(share * self._updates))):
            rows = self._rows()
            step = self._memory.batch(rows, self._encoding, self._shown(rows.shape, share * self._dropout))
            weights = self._networks.expanded()
            with torch.no_grad():
                # One network picks the best next action, its average values it: a single one would pick the
                # action that it overestimates most.
                best = self._networks(step.after, weights).masked_fill(~step.possible, _IMPOSSIBLE).argmax(2)
                then = self._average(step.after).gather(2, best[..., None])[..., 0]
            targets = torch.from_numpy(self._targets(step, best.numpy(), then.numpy()))
            estimates = self._networks(step.before, weights).gather(2, step.actions[..., None])[..., 0]
            errors = torch.nn.functional.smooth_l1_loss(estimates, targets, reduction="none")
            self._optimizer.zero_grad()
            errors.mean(dim=1).sum().backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()
            self._keep(self._average, self._averaging)
            self._keep(self._steady, self._averaging / _STEADIER)

    def _rows(self) -> npt.NDArray[np.int64]:
        """Return the steps of a batch, whole windows of them, shape `(heads, steps)`."""
        heads, windows = self._networks.heads, self._batch_size // self._window
        last = self._memory.size - self._window
        first = self._random.integers(last + 1, size=(heads, windows))
        count = windows // _OF_RECENT if self._recent else 0
        oldest = max(0, self._memory.size - self._recent)
        first[:, :count] = self._random.integers(oldest, last + 1, size=(heads, count))
        return (first[..., None] + np.arange(self._window)).reshape(heads, -1)

    def _shown(self, shape: tuple[int, ...], dropout: float) -> torch.Tensor:
        """Return the inputs of fields in an update: 0 if hidden, and the others larger to make up for it."""
        if not dropout:
            return torch.ones(*shape, len(self._encoding.scale))
        is_shown = self._random.random((*shape, len(self._encoding.scale)), np.float32) >= dropout
        return torch.from_numpy(is_shown / np.float32(1 - dropout))

    @torch.no_grad()
    def _keep(self, average: SlotNetworks, share: float) -> None:
        for kept, new in zip(average.parameters(), self._networks.parameters(), strict=True):
            kept.lerp_(new, share)

    def _targets(self, step: _Batch, best: Array, then: Array) -> Array:
        """Return what the values of steps should be, from rewards and the values of the next observations.

        The rewards that followed in a dialogue count as long as its actions are the best ones by now (the
        Q(lambda) of Watkins): an old mistake says nothing about what came before it.
        """
        shape = len(best), -1, self._window
        best, then, actions = (part.reshape(shape) for part in (best, then, step.actions.numpy()))
        rewards, worth, ended = (part.reshape(shape) for part in (step.rewards, step.worth, step.ended))
        targets = rewards + worth * then
        for place in reversed(range(self._window - 1)):
            goes_on = ~ended[..., place] & (actions[..., place + 1] == best[..., place])
            rest = targets[..., place + 1] - then[..., place]
            targets[..., place] += np.where(goes_on, self._trace * worth[..., place] * rest, 0)
        return np.asarray(targets.reshape(len(best), -1))


class _Batch(NamedTuple):
    """Parts of steps: the first axes are heads and steps."""

    before: torch.Tensor
    """The observation, one-hot, with some fields hidden."""
    after: torch.Tensor
    """The next observation, one-hot."""
    actions: torch.Tensor
    rewards: Array
    worth: Array
    """The discount of the values that follow, 0 after the end."""
    ended: Array
    """Whether it was the last step of its dialogue."""
    possible: torch.Tensor
    """The actions that are possible next."""


class _Memory:
    """All steps so far, in arrays that grow."""

    def __init__(self, components: int, actions: int) -> None:
        self.size = 0
        self._arrays: list[Array] = [
            np.zeros((1024, components), np.int16),
            np.zeros((1024, components), np.int16),
            np.zeros(1024, np.int64),
            np.zeros(1024, np.float32),
            np.zeros(1024, np.float32),
            np.zeros(1024, np.bool_),
            np.zeros((1024, actions), np.bool_),
        ]

    def add(self, *step: Any) -> None:
        """Add a step, in parts: those of a batch, but with the codes of observations."""
        if self.size == len(self._arrays[0]):
            self._arrays = [np.concatenate([array, np.zeros_like(array)]) for array in self._arrays]
        for array, part in zip(self._arrays, step, strict=True):
            array[self.size] = part
        self.size += 1

    def batch(self, rows: npt.NDArray[np.int64], encoding: OneHotEncoding, shown: torch.Tensor) -> _Batch:
        """Return the steps of some rows, shape `(heads, steps)`.

        Args:
            rows: the rows.
            encoding: the inputs of the networks.
            shown: the inputs of the fields before the step, instead of 1, shape `(heads, steps, fields)`.
        """
        before, after, actions, rewards, worth, ended, possible = (array[rows] for array in self._arrays)
        zeros = torch.zeros(*rows.shape, encoding.inputs)
        seen = zeros.scatter(2, torch.from_numpy(encoding.places(before)), shown)
        then = zeros.scatter(2, torch.from_numpy(encoding.places(after)), 1.0)
        return _Batch(
            seen, then, torch.from_numpy(actions), rewards, worth, ended, torch.from_numpy(possible)
        )
