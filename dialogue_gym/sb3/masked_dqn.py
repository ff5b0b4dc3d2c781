"""The DQN of Stable-Baselines3 with action masks."""

from __future__ import annotations

import contextlib
import sys
import types
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from stable_baselines3 import DQN
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.dqn.policies import DQNPolicy, QNetwork

from dialogue_gym.policies.mask import ActionMask, need_fields
from dialogue_gym.sb3.schedules import Linear
from dialogue_gym.sb3.vec_env import dialogue_of

Array = npt.NDArray[Any]
IMPOSSIBLE = -1e6
"""The value of an impossible action: below the return of any dialogue."""
MARGIN = 1.0
"""The margin by which right actions should win: the cost of one step."""


def margin_loss(values: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Return the mean amount by which the best right action fails to beat wrong ones by `MARGIN`.

    Source: Hester et al. 2018, Deep Q-learning from demonstrations.

    Args:
        values: Q-values, shape `(n, actions)`.
        right: whether each action is right, shape `(n, actions)`, bool.
    """
    best_wrong = values.masked_fill(right, -torch.inf).amax(dim=1)
    best_right = values.masked_fill(~right, -torch.inf).amax(dim=1)
    return torch.relu(best_wrong + MARGIN - best_right).mean()


class MaskedQNetwork(QNetwork):
    """A Q-network that values impossible actions below all others.

    The mask is a function of the observation, so it is part of the network and applies wherever the network
    is evaluated: for the best action, and for the best next one in the target.
    """

    def __init__(self, *args: Any, mask: ActionMask, **kwargs: Any) -> None:
        """Build the network; the other arguments are those of `QNetwork`."""
        super().__init__(*args, **kwargs)
        self.mask = mask
        for number, (_, blocked) in enumerate(mask.blocked):
            self.register_buffer(f"blocked_{number}", torch.tensor(blocked), persistent=False)

        sizes = torch.as_tensor(self.observation_space.nvec.flatten())  # type: ignore[attr-defined]
        self.register_buffer("first_input", sizes.cumsum(0) - sizes, persistent=False)
        self._inputs = int(sizes.sum())

    def extract_features(self, obs: Any, features_extractor: Any) -> torch.Tensor:
        """Return observations one-hot, in one operation: a loop over components is several times slower."""
        inputs = torch.zeros(len(obs), self._inputs, device=obs.device)
        return inputs.scatter_(1, obs.long() + self.first_input, 1.0)

    def forward(self, obs: Any) -> torch.Tensor:
        """Return the Q-values of observations: shape `(n, components)` to `(n, actions)`, float32."""
        values: torch.Tensor = super().forward(obs)
        blocked = torch.zeros_like(values, dtype=torch.bool)
        for number, (component, _) in enumerate(self.mask.blocked):
            blocked |= getattr(self, f"blocked_{number}")[obs[:, component].long()]
        return values.masked_fill(blocked, IMPOSSIBLE)

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return super()._get_constructor_parameters() | {"mask": self.mask}


class MaskedDQNPolicy(DQNPolicy):
    """The policy of `MaskedDQN`."""

    def __init__(self, *args: Any, mask: ActionMask, **kwargs: Any) -> None:
        """Build the policy; the other arguments are those of `DQNPolicy`."""
        self.mask = mask
        super().__init__(*args, **kwargs)

    def make_q_net(self) -> QNetwork:
        """Return a new network."""
        arguments = self._update_features_extractor(self.net_args, features_extractor=None)
        return MaskedQNetwork(**arguments, mask=self.mask).to(self.device)

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return super()._get_constructor_parameters() | {"mask": self.mask}


class MaskedDQN(DQN):
    """DQN that explores, chooses and looks ahead only among possible actions.

    It takes all arguments of Stable-Baselines3's `DQN`, and a dialogue environment: one of Gymnasium, a
    `VecEnv` of them, or a `DialogueVecEnv`. Each lane explores on its own. Transitions with an impossible
    action have no effect.

    Source: Mnih et al. 2015, Human-level control through deep reinforcement learning; masks as in Huang and
    Ontañón 2022, A closer look at invalid action masking in policy gradient algorithms, carried over to
    Q-values.
    """

    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {"MlpPolicy": MaskedDQNPolicy}

    def __init__(
        self,
        policy: str | type[DQNPolicy],
        env: Any,
        **arguments: Any,
    ) -> None:
        """Set up the agent; the arguments are those of `DQN`, by name.

        Raises:
            TypeError: the environment is not a dialogue.
            ValueError: it shows flat observations.
        """
        if env is not None:
            need_fields(dialogue_of(env), "MaskedDQN")
            mask = ActionMask(dialogue_of(env))
            arguments["policy_kwargs"] = {"mask": mask} | (arguments.get("policy_kwargs") or {})
        super().__init__(policy, env, **arguments)

    @classmethod
    def load(cls, *arguments: Any, **keywords: Any) -> MaskedDQN:
        """Load an agent from a file, also of earlier versions; the arguments are those of `DQN.load`."""
        with former_modules():
            return super().load(*arguments, **keywords)

    def predict(  # type: ignore[override]
        self,
        observation: Array,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = False,
        action_masks: Array | None = None,
    ) -> tuple[Array, Any]:
        """Return the actions for one observation or a batch of them, and the state unchanged.

        Args:
            observation: shape `(components,)` or `(n, components)`.
            state: not used.
            episode_start: not used.
            deterministic: do not explore.
            action_masks: shape `(actions,)` or `(n, actions)`, in place of the mask derived from the
                observation.
        """
        batch = np.atleast_2d(observation)
        possible = self._possible(batch) if action_masks is None else np.atleast_2d(action_masks) != 0
        with torch.no_grad():
            values = self.q_net(self.policy.obs_to_tensor(batch)[0]).cpu().numpy()
        actions = np.where(possible, values, -np.inf).argmax(axis=1)
        if not deterministic:
            explores = self._generator.random(len(batch)) < self.exploration_rate
            actions = np.where(explores, self._any(possible), actions)
        return (actions if np.ndim(observation) > 1 else actions[0]), state

    def _sample_action(
        self, learning_starts: int, action_noise: Any = None, n_envs: int = 1
    ) -> tuple[Array, Array]:
        if self.num_timesteps < learning_starts:
            actions = self._any(self._possible(self._last_obs))  # type: ignore[arg-type]
        else:
            actions, _ = self.predict(self._last_obs)  # type: ignore[arg-type]
        return actions, actions

    @property
    def _generator(self) -> np.random.Generator:
        return self.action_space.np_random

    def _possible(self, observations: Array) -> npt.NDArray[np.bool_]:
        mask: ActionMask = self.policy_kwargs["mask"]
        return mask(observations)

    def _any(self, possible: Array) -> Array:
        """Return a random possible action for each row, all equally likely."""
        chances = np.where(possible, self._generator.random(possible.shape), -1.0)
        return np.asarray(chances.argmax(axis=1))


FORMER_MODULES: dict[str, dict[str, type]] = {
    "agents": {},
    "agents.training": {"Linear": Linear},
    "dialogue_gym.masked_dqn": {"MaskedDQNPolicy": MaskedDQNPolicy},
    "dialogue_gym.masks": {"ObservationMask": ActionMask},
}
"""Modules and classes that agents saved by earlier versions name: their files hold pickled objects."""


@contextlib.contextmanager
def former_modules() -> Iterator[None]:
    """Let unpickling find classes by their former names."""
    hidden = {name: sys.modules[name] for name in FORMER_MODULES if name in sys.modules}
    for name, classes in FORMER_MODULES.items():
        module = types.ModuleType(name)
        vars(module).update(classes)
        sys.modules[name] = module
    try:
        yield
    finally:  # nothing else may import them
        for name in FORMER_MODULES:
            sys.modules.pop(name, None)
        sys.modules.update(hidden)
