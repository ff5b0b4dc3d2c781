"""A small neural network over one-hot observations, and its policy, in NumPy: acting needs no PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from dialogue_gym._text import counted
from dialogue_gym.policies.base import Policy
from dialogue_gym.policies.mask import ActionMask

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]
Layer = tuple[Floats, Floats]
"""Weights, shape (outputs, inputs), and biases, shape (outputs,)."""


def relu(values: Floats) -> Floats:
    """Return the values, with 0 for negative ones."""
    return np.asarray(np.maximum(values, 0))


ACTIVATIONS: Mapping[str, Callable[[Floats], Floats]] = {"relu": relu, "tanh": np.tanh}
"""Functions between the layers, by the names that files of agents use."""


class OneHotEncoding:
    """The one-hot encoding of observations: one input for each value of each component.

    Attributes:
        inputs: number of inputs.
    """

    def __init__(self, sizes: Sequence[int], scale: Floats | None = None) -> None:
        """Lay out the components one after another.

        Args:
            sizes: number of values of each component.
            scale: the input for the value that a component has, shape (components,); 1 by default.
        """
        self.inputs = sum(sizes)
        self.scale = np.ones(len(sizes), np.float32) if scale is None else scale
        self._first = np.cumsum([0, *sizes[:-1]])

    def places(self, observations: Array) -> npt.NDArray[np.int64]:
        """Return the inputs that are not 0, one for each component; the shape is that of the argument."""
        return np.asarray(self._first + observations)

    def __call__(self, observations: Array) -> Floats:
        """Return the inputs for a batch: shape (n, components) to (n, inputs)."""
        inputs = np.zeros((len(observations), self.inputs), np.float32)
        inputs[np.arange(len(observations))[:, None], self.places(observations)] = self.scale
        return inputs


class OneHotMlp:
    """A multilayer perceptron over one-hot observations."""

    def __init__(
        self, encoding: OneHotEncoding, layers: Sequence[Layer], activation: Callable[[Floats], Floats]
    ) -> None:
        """Set up the network.

        Args:
            encoding: the encoding of the observations.
            layers: weights and biases, from the first layer on.
            activation: applied between the layers.
        """
        self._encoding = encoding
        self._layers = tuple(layers)
        self._activation = activation

    def __call__(self, observation: Array) -> Floats:
        """Return the outputs (logits or Q-values) for one observation: shape (components,) to (outputs,)."""
        (weights, biases), *others = self._layers
        # Nearly all inputs are 0: a few columns are added up instead of multiplying by the whole matrix.
        columns = weights[:, self._encoding.places(observation)] * self._encoding.scale
        values = columns.sum(axis=1) + biases
        for weights, biases in others:
            values = weights @ self._activation(values) + biases
        return np.asarray(values, np.float32)

    def batch(self, observations: Array) -> Floats:
        """Return the outputs for a batch: shape (n, components) to (n, outputs).

        They may differ from those of single calls in the last bit, since the sums are in another order.
        """
        (weights, biases), *others = self._layers
        values = self._encoding(observations) @ weights.T + biases
        for weights, biases in others:
            values = self._activation(values) @ weights.T + biases
        return np.asarray(values, np.float32)


def masked_softmax(logits: Floats, possible: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Return the probabilities of actions from their logits, float64; impossible ones get 0."""
    # In float32 they sum up to 1 only within 1e-7, with which NumPy refuses to draw.
    logits = np.where(possible, logits, -np.inf).astype(np.float64)
    exponentials = np.exp(logits - logits.max())
    return np.asarray(exponentials / exponentials.sum())


class NetworkPolicy(Policy):
    """A multilayer perceptron whose outputs are the logits of the actions, or their values.

    Attributes:
        layers: weights and biases, from the first layer on.
        activation: the name of the function between the layers.
        has_values: whether the outputs are values (Q-values) rather than logits.
        is_masked: whether the mask derived from the observation holds where none is given.
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        layers: Sequence[Layer],
        activation: str = "relu",
        *,
        has_values: bool = False,
        is_masked: bool = True,
        seed: int | None = None,
    ) -> None:
        """Set up the network for a dialogue environment.

        Raises:
            ValueError: the activation is unknown, or the layers do not fit each other or the environment.
        """
        super().__init__(env, seed)
        if activation not in ACTIVATIONS:
            raise ValueError(f"unknown activation {activation!r}; valid: {', '.join(ACTIVATIONS)}")
        self.layers = tuple((np.asarray(weights), np.asarray(biases)) for weights, biases in layers)
        self.activation = activation
        self.has_values, self.is_masked = has_values, is_masked
        encoding = OneHotEncoding([len(field.labels) for field in self.env.observation_fields])
        _check_layers(self.layers, encoding.inputs, len(self.env.action_names))
        self._network = OneHotMlp(encoding, self.layers, ACTIVATIONS[activation])
        self._mask = ActionMask(self.env)

    def outputs(self, observation: Array) -> Floats:
        """Return the output for each action, shape (actions,), possible or not."""
        return self._network(observation)

    def choose(self, observation: Array, mask: Array | None, deterministic: bool) -> int:
        """Return the best possible action; logits are sampled unless the choice must be deterministic."""
        if deterministic or self.has_values:
            possible = self._possible(observation, mask)
            return int(np.where(possible, self.outputs(observation), -np.inf).argmax())
        chances = self.probabilities(observation, mask)
        return int(self._random.choice(len(chances), p=chances))

    def probabilities(self, observation: Array, mask: Array | None = None) -> npt.NDArray[np.float64]:
        """Return how probable each action is, shape (actions,); of values, the best one is certain."""
        if self.has_values:
            return super().probabilities(observation, mask)
        logits, possible = self.outputs(observation), self._possible(observation, mask)
        return masked_softmax(logits, possible)

    def numbers(self, observation: Array, mask: Array | None = None) -> tuple[bool, Array]:
        """Return whether the numbers are probabilities, and the probability or value of each action."""
        if self.has_values:
            return False, self.outputs(observation)
        return True, self.probabilities(observation, mask)

    def _possible(self, observation: Array, mask: Array | None) -> npt.NDArray[np.bool_]:
        if mask is not None:
            return np.asarray(np.asarray(mask) != 0)
        if self.is_masked:
            return np.asarray(self._mask(observation[None])[0])
        return np.ones(self._mask.actions, np.bool_)


def _check_layers(layers: Sequence[Layer], inputs: int, outputs: int) -> None:
    width = inputs
    for number, (weights, biases) in enumerate(layers):
        if weights.ndim != 2 or weights.shape[1] != width or biases.shape != weights.shape[:1]:
            raise ValueError(f"layer {number} has weights of shape {weights.shape}, for {width} inputs")
        if weights.dtype.kind != "f" or biases.dtype.kind != "f":
            raise ValueError(f"layer {number} has weights of type {weights.dtype}, not floating-point")
        width = len(biases)
    if width != outputs:
        raise ValueError(f"the last layer has {counted(width, 'output')}, for {counted(outputs, 'action')}")
