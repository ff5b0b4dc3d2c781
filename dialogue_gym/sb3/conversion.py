"""Agents of Stable-Baselines3 as policies in NumPy, which need neither it nor PyTorch."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3 import DQN
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import FlattenExtractor
from stable_baselines3.common.vec_env import VecNormalize

from dialogue_gym.envs.wrapping import unwrapped_dialogue
from dialogue_gym.policies.network import Layer, NetworkPolicy
from dialogue_gym.sb3.masked_dqn import MaskedDQN

_ACTIVATIONS = {torch.nn.ReLU: "relu", torch.nn.Tanh: "tanh"}


def to_numpy(model: Any, env: gym.Env[Any, Any], seed: int | None = None) -> NetworkPolicy:
    """Return a copy of an agent's policy in NumPy: the best action of a DQN, the distribution of a PPO.

    The normalization of flat observations by a `VecNormalize` around the agent's environment becomes part of
    the first layer. (A file of an agent has none: load it with `env=`, or call `set_env` first.)

    Args:
        model: an agent of `DQN`, `MaskedDQN`, `PPO`, `A2C` or `MaskablePPO` with an `MlpPolicy`.
        env: a dialogue environment with the agent's observations and actions.
        seed: the seed of sampled choices.

    Raises:
        TypeError: the agent is of another kind, or its network is not a multilayer perceptron with
            rectifiers or tanh between its layers.
        ValueError: the agent is for other observations or actions.
    """
    form = unwrapped_dialogue(env).observation_form
    if not hasattr(model, "policy"):
        raise TypeError(f"{type(model).__name__}: an agent of Stable-Baselines3 is needed")
    spaces = model.observation_space, model.action_space
    if spaces != (env.observation_space, env.action_space):
        raise ValueError("the agent is for other actions or observations than the environment")
    if form.name == "belief":
        raise ValueError("agents that read observation='belief' cannot be saved, only 'fields' and 'flat'")
    policy = model.policy
    if isinstance(model, DQN):
        network, extractor = [*model.q_net.q_net], model.q_net.features_extractor
        is_masked = isinstance(model, MaskedDQN)
    elif hasattr(policy, "mlp_extractor") and not hasattr(policy, "lstm_actor"):  # that of RecurrentPPO
        network = [*policy.mlp_extractor.policy_net, policy.action_net]
        extractor = getattr(policy, "pi_features_extractor", policy.features_extractor)
        is_masked = not isinstance(policy, ActorCriticPolicy)  # MaskablePPO has a policy of its own
    else:
        raise TypeError(f"{type(model).__name__} cannot be saved, only DQN and PPO, with masks or without")
    if type(extractor) is not FlattenExtractor:
        raise TypeError(f"{type(extractor).__name__}: only agents that read flat observations can be saved")
    layers: list[Layer] = []
    activations = set()
    for module in network:
        if isinstance(module, torch.nn.Linear):
            weights, biases = (part.detach().cpu().numpy().copy() for part in (module.weight, module.bias))
            layers.append((weights, biases))
        elif type(module) in _ACTIVATIONS:
            activations.add(_ACTIVATIONS[type(module)])
        else:
            raise TypeError(f"{type(module).__name__}: only layers with ReLU or Tanh can be saved")
    if len(activations) > 1:
        raise TypeError("only networks with one kind of activation can be saved")
    if form.name == "flat" and (normalizer := model.get_vec_normalize_env()) is not None:
        layers[0] = _normalizing(layers[0], normalizer)
    return NetworkPolicy(
        env,
        layers,
        activations.pop() if activations else "relu",
        has_values=isinstance(model, DQN),
        is_masked=is_masked,
        seed=seed,
    )


def _normalizing(layer: Layer, normalizer: VecNormalize) -> Layer:
    """Return a first layer that takes one-hot inputs as they are, for one that takes them normalized.

    An input has two values, so that even one that is clipped is a linear function of it.
    """
    weights, biases = layer
    off, on = (
        np.asarray(normalizer.normalize_obs(np.full(weights.shape[1], value, np.float32)), np.float64)
        for value in (0, 1)
    )
    return (weights * (on - off)).astype(np.float32), (biases + weights @ off).astype(np.float32)
