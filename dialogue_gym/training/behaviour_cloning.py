"""Behaviour cloning: fit an agent of Stable-Baselines3 to demonstrations, before or instead of rewards.

Sources: Pomerleau 1989, ALVINN (cloning); Hester et al. 2018, Deep Q-learning from demonstrations (the margin
by which right actions win, and demonstrations in the replay buffer).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sb3_contrib import MaskablePPO
from stable_baselines3 import DQN, PPO

from dialogue_gym.sb3.masked_dqn import margin_loss
from dialogue_gym.training.demonstrations import Demonstrations, Labels

_LEARNING_RATE = 3e-3
_BATCH = 256


def clone(agent: Any, demonstrations: Labels, updates: int) -> None:
    """Fit an agent's networks to the right actions, and to the returns if they are known.

    Args:
        agent: a DQN or PPO, with masks or without.
        demonstrations: labels from environments like the agent's, or whole dialogues.
        updates: number of batches to fit to.

    Raises:
        TypeError: the agent is neither a DQN nor a PPO.
    """
    network: torch.nn.Module
    loss_of: Callable[[Any], torch.Tensor]
    if isinstance(agent, DQN):
        network, loss_of = agent.q_net, _margin_loss(agent, demonstrations)
        if isinstance(demonstrations, Demonstrations):
            _remember(agent, demonstrations)
    elif isinstance(agent, PPO | MaskablePPO):
        network, loss_of = agent.policy, _likelihood_loss(agent, demonstrations)
    else:
        raise TypeError(f"{type(agent).__name__} cannot be fitted to demonstrations")
    optimizer = torch.optim.Adam(network.parameters(), lr=_LEARNING_RATE)
    random = np.random.default_rng(agent.seed)
    agent.policy.set_training_mode(True)
    for _ in range(updates):
        batch = random.integers(len(demonstrations.observations), size=_BATCH)
        optimizer.zero_grad()
        loss_of(batch).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    if isinstance(agent, DQN):
        agent.q_net_target.load_state_dict(agent.q_net.state_dict())
    agent.policy.set_training_mode(False)


def _returns(agent: Any, demonstrations: Labels) -> torch.Tensor | None:
    """Return the discounted return from each step on, if the demonstrations are whole dialogues."""
    if not isinstance(demonstrations, Demonstrations):
        return None
    return torch.as_tensor(demonstrations.returns(agent.gamma), dtype=torch.float32)


def _likelihood_loss(agent: Any, demonstrations: Labels) -> Callable[[Any], torch.Tensor]:
    """Return the loss of PPO: the negative log-likelihood of right actions, and the error of the values."""
    observations = agent.policy.obs_to_tensor(demonstrations.observations)[0]
    right = torch.as_tensor(demonstrations.right)
    returns = _returns(agent, demonstrations)
    is_masked = isinstance(agent, MaskablePPO)

    def loss(batch: Any) -> torch.Tensor:
        seen = observations[batch]
        masks = (demonstrations.masks[batch],) if is_masked else ()
        chances = agent.policy.get_distribution(seen, *masks).distribution.probs
        likelihood = (chances * right[batch]).sum(dim=1)
        result: torch.Tensor = -torch.log(likelihood + 1e-8).mean()
        if returns is not None:
            values = agent.policy.predict_values(seen).flatten()
            result = result + agent.vf_coef * torch.nn.functional.mse_loss(values, returns[batch])
        return result

    return loss


def _margin_loss(agent: DQN, demonstrations: Labels) -> Callable[[Any], torch.Tensor]:
    """Return the loss of DQN: the error of the values, and the amount by which wrong actions win."""
    observations = agent.policy.obs_to_tensor(demonstrations.observations)[0]
    right = torch.as_tensor(demonstrations.right)
    returns = _returns(agent, demonstrations)
    actions = torch.as_tensor(demonstrations.actions) if isinstance(demonstrations, Demonstrations) else None

    def loss(batch: Any) -> torch.Tensor:
        values = agent.q_net(observations[batch])
        margin = margin_loss(values, right[batch])
        if returns is None or actions is None:
            return margin
        done = values.gather(1, actions[batch, None]).flatten()
        return torch.nn.functional.smooth_l1_loss(done, returns[batch]) + margin

    return loss


def _remember(agent: DQN, demonstrations: Demonstrations) -> None:
    """Put the demonstrations into the replay buffer; steps left over after filling all lanes are dropped."""
    buffer = agent.replay_buffer
    assert buffer is not None
    lanes = agent.n_envs
    for first in range(0, len(demonstrations.actions) - lanes + 1, lanes):
        some = slice(first, first + lanes)
        buffer.add(
            demonstrations.observations[some],
            demonstrations.next_observations[some],
            demonstrations.actions[some],
            demonstrations.rewards[some],
            demonstrations.ended[some],
            [{"TimeLimit.truncated": bool(truncated)} for truncated in demonstrations.truncated[some]],
        )
