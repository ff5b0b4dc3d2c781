"""The network over one-hot observations, against the same sums written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from dialogue_gym.policies.network import NetworkPolicy, OneHotEncoding, OneHotMlp, masked_softmax, relu
from tests.conftest import BUILT_IN, make

SIZES = [3, 2, 4]
OBSERVATIONS = np.array([[0, 1, 3], [2, 0, 0], [1, 1, 2]], np.uint8)


def layers(seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    random = np.random.default_rng(seed)
    shapes = [(5, sum(SIZES)), (4, 5), (2, 4)]
    return [
        (random.normal(size=shape).astype(np.float32), random.normal(size=shape[0]).astype(np.float32))
        for shape in shapes
    ]


def test_each_component_has_one_input() -> None:
    scale = np.array([1, 2, 3], np.float32)
    encoding = OneHotEncoding(SIZES, scale)
    assert encoding.inputs == 9
    assert encoding.places(OBSERVATIONS).tolist() == [[0, 4, 8], [2, 3, 5], [1, 4, 7]]
    assert encoding(OBSERVATIONS).tolist() == [
        [1, 0, 0, 0, 2, 0, 0, 0, 3],
        [0, 0, 1, 2, 0, 3, 0, 0, 0],
        [0, 1, 0, 0, 2, 0, 0, 3, 0],
    ]


@pytest.mark.parametrize("activation", [np.tanh, relu])
@pytest.mark.parametrize("scale", [None, np.array([0.5, 2, 3], np.float32)])
def test_outputs_are_those_of_matrix_products(activation: Any, scale: Any) -> None:
    encoding = OneHotEncoding(SIZES, scale)
    network = OneHotMlp(encoding, layers(), activation)
    expected = encoding(OBSERVATIONS).astype(np.float64)
    for number, (weights, biases) in enumerate(layers()):
        expected = (activation(expected) if number else expected) @ weights.T + biases
    single = np.array([network(observation) for observation in OBSERVATIONS])
    assert single.dtype == network.batch(OBSERVATIONS).dtype == np.float32
    np.testing.assert_allclose(single, expected, rtol=1e-5)
    np.testing.assert_allclose(network.batch(OBSERVATIONS), expected, rtol=1e-5)


def test_impossible_actions_have_no_probability() -> None:
    logits = np.array([1.0, 1000.0, 1.0, -2.0], np.float32)
    chances = masked_softmax(logits, np.array([True, False, True, True]))
    assert chances[1] == 0 and chances[0] == chances[2]
    assert chances.sum() == pytest.approx(1)
    assert chances[3] / chances[0] == pytest.approx(np.exp(-3))


@pytest.mark.parametrize("form", [torch.from_numpy, np.ndarray.tolist])
def test_layers_of_a_network_of_your_own_may_be_tensors_or_lists(form: Any) -> None:
    env: Any = make(BUILT_IN[0])
    inputs = sum(len(field.labels) for field in env.unwrapped.observation_fields)
    weights = np.random.default_rng(0).normal(size=(len(env.unwrapped.action_names), inputs))
    layer = weights.astype(np.float32), np.zeros(len(weights), np.float32)
    observation, _ = env.reset(seed=0)
    plain = NetworkPolicy(env, [layer])
    own = NetworkPolicy(env, [tuple(map(form, layer))])
    assert own.outputs(observation) == pytest.approx(plain.outputs(observation))
    assert (
        own.predict(observation, deterministic=True)[0] == plain.predict(observation, deterministic=True)[0]
    )
