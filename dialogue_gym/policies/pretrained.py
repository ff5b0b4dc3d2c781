"""Pretrained policies of the built-in domains, which need only NumPy."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from dialogue_gym.domain import DomainError
from dialogue_gym.domain.model import LISTEN
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.policies.base import Policy
from dialogue_gym.policies.mask import ActionMask
from dialogue_gym.policies.network import OneHotEncoding, OneHotMlp, masked_softmax
from dialogue_gym.rules.tables import LISTENING

Array = npt.NDArray[Any]


def pretrained_path(name: str) -> Path:
    """Return the path of a built-in domain's policy, whether the file exists or not."""
    return Path(str(resources.files("dialogue_gym.domains") / name / "policy.npz"))


def pretrained_names() -> list[str]:
    """Return the built-in domains that have a policy."""
    return sorted(path.parent.name for path in pretrained_path("").parent.glob("*/policy.npz"))


class PretrainedPolicy(Policy):
    """A small network: the one-hot observation, layers with tanh between them, a logit for each action.

    It reads only the newest observation. It was trained with automatic turn taking; with explicit turn
    taking it listens once it has spoken.
    """

    def __init__(
        self, env: gym.Env[Any, Any], seed: int | None = None, path: str | Path | None = None
    ) -> None:
        """Load the policy of the environment's domain, or from a file that `save_pretrained` wrote.

        Raises:
            DomainError: the policy does not exist, or is for other actions or observations.
        """
        super().__init__(env, seed)
        name = self.env.domain.name
        path = Path(path or pretrained_path(name))
        if not path.is_file():
            known = ", ".join(pretrained_names())
            raise DomainError(f"{name}: no pretrained policy exists for this domain, only for {known}")
        with np.load(path, allow_pickle=False) as archive:
            names, sizes, actions = (archive[key].tolist() for key in ("fields", "sizes", "actions"))
            layers = [
                (archive[f"weights_{layer}"], archive[f"biases_{layer}"])
                for layer in range(int(archive["layers"]))
            ]
        own = _names(self.env)
        if (names, sizes, actions) != own:
            raise DomainError(
                f"{path}: this policy is for other actions or observations than those of {name}"
            )
        self._network = OneHotMlp(OneHotEncoding(sizes), layers, np.tanh)
        self._mask = ActionMask(self.env)
        self._is_explicit = self.env.first_action == LISTENING

    def logits(self, observation: Array) -> npt.NDArray[np.float32]:
        """Return the logit of each action (except listening) for the newest observation."""
        return self._network(observation[-self._frame :])

    def choose(self, observation: Array, mask: Array | None, deterministic: bool) -> int:
        """Return the most probable possible action, or a sampled one unless it must be deterministic."""
        chances = self.probabilities(observation, mask)
        return int(chances.argmax() if deterministic else self._random.choice(len(chances), p=chances))

    def probabilities(self, observation: Array, mask: Array | None = None) -> npt.NDArray[np.float64]:
        """Return the probability of each action for one observation, shape (actions,)."""
        chances = np.zeros(len(self.env.action_names))
        if self._must_listen(observation[-self._frame :]):
            chances[LISTENING] = 1.0
            return chances
        possible = self._mask(observation[None])[0] if mask is None else np.asarray(mask) != 0
        logits = self.logits(observation)
        chances[self._is_explicit :] = masked_softmax(logits, possible[self._is_explicit :])
        return chances


def save_pretrained(path: str | Path, env: DialogueEnv, layers: list[tuple[Array, Array]]) -> None:
    """Write a network for an environment: weights, shape (outputs, inputs), and biases of each layer."""
    names, sizes, actions = _names(env)
    arrays: dict[str, Any] = {"fields": names, "sizes": sizes, "actions": actions, "layers": len(layers)}
    for number, (weights, biases) in enumerate(layers):
        arrays |= {f"weights_{number}": weights, f"biases_{number}": biases}
    with Path(path).open("wb") as file:
        np.savez_compressed(file, **arrays)


def _names(env: DialogueEnv) -> tuple[list[str], list[int], list[str]]:
    names = [field.name for field in env.fields]
    sizes = [len(field.labels) for field in env.fields]
    return names, sizes, [name for name in env.action_names if name != LISTEN]
