"""A small neural network over one-hot observations, in NumPy: no PyTorch is needed to act."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Layer = tuple[Floats, Floats]
"""Weights, shape (outputs, inputs), and biases, shape (outputs,)."""


def relu(values: Floats) -> Floats:
    """Return the values, with 0 for negative ones."""
    return np.asarray(np.maximum(values, 0))


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

    def places(self, observations: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """Return the inputs that are not 0, one for each component; the shape is that of the argument."""
        return np.asarray(self._first + observations)

    def __call__(self, observations: npt.NDArray[Any]) -> Floats:
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

    def __call__(self, observation: npt.NDArray[Any]) -> Floats:
        """Return the outputs (logits or Q-values) for one observation: shape (components,) to (outputs,)."""
        (weights, biases), *others = self._layers
        # Nearly all inputs are 0: a few columns are added up instead of multiplying by the whole matrix.
        columns = weights[:, self._encoding.places(observation)] * self._encoding.scale
        values = columns.sum(axis=1) + biases
        for weights, biases in others:
            values = weights @ self._activation(values) + biases
        return np.asarray(values, np.float32)

    def batch(self, observations: npt.NDArray[Any]) -> Floats:
        """Return the outputs for a batch: shape (n, components) to (n, outputs).

        They may differ from those of single calls in the last bit, since the sums are in another order.
        """
        (weights, biases), *others = self._layers
        values = self._encoding(observations) @ weights.T + biases
        for weights, biases in others:
            values = self._activation(values) @ weights.T + biases
        return np.asarray(values, np.float32)


def masked_softmax(logits: Floats, possible: npt.NDArray[np.bool_]) -> Floats:
    """Return the probabilities of actions from their logits; impossible ones get 0."""
    logits = np.where(possible, logits, -np.inf)
    exponentials = np.exp(logits - logits.max())
    return np.asarray(exponentials / exponentials.sum())
