"""How live learning begins: from an agent that is there, from what was taught, or from nothing."""

from __future__ import annotations

from dialogue_gym.live.learner import LiveLearner
from dialogue_gym.live.transitions import Transition
from dialogue_gym.policies import Policy
from dialogue_gym.trained import Agent, AgentError

STEPS, UPDATES, TAUGHT_UPDATES = 2000, 3000, 500
"""How many steps of an agent are studied, by how many updates; by how many with labels alone."""

_LAYERS = [64, 64]


def begin_with(learner: LiveLearner, agent: Agent | None, can_play: bool, seed: int = 0) -> None:
    """Let a learner begin where an agent is.

    A DQN's weights are taken as they are. Of any other policy its dialogues with the fake user are studied:
    what it does, and what comes of it. Without an agent the taught labels are all that there is.

    Args:
        learner: which has just begun.
        agent: where it begins.
        can_play: whether the domain has a fake user to play with.
        seed: of the dialogues.

    Raises:
        AgentError: the agent cannot go on learning here, or there is no fake user to study it with.
    """
    if agent is None:
        learner.study(TAUGHT_UPDATES)
        return
    check(agent, can_play)
    if isinstance(agent.policy, Policy):
        _study(learner, agent.policy, seed)
    else:
        learner.take_weights(agent.policy.q_net)


def check(agent: Agent, can_play: bool) -> None:
    """Say whether a learner can begin where an agent is.

    Args:
        agent: where it is to begin.
        can_play: whether the domain has a fake user to play with.

    Raises:
        AgentError: it cannot; one line says why.
    """
    if isinstance(agent.policy, Policy):
        if not can_play:
            raise AgentError(f"{agent.name}: without a fake user (the key 'fake_user') it cannot be studied")
        return
    network = getattr(agent.policy, "q_net", None)
    if network is None:
        raise AgentError(
            f"{agent.name}: PPO learns from its own newest dialogues alone, thousands at a time, not from one"
            " person's few; give an agent of masked_dqn or dqn"
        )
    if agent.env.max_history != 1:
        raise AgentError(
            f"{agent.name}: it sees the last {agent.env.max_history} observations (max_history), and live"
            " learning goes by one; train it with max_history=1"
        )
    if list(network.net_arch) != _LAYERS or network.activation_fn.__name__ != "ReLU":
        raise AgentError(
            f"{agent.name}: its network has other layers than live learning has, which are those that"
            " Stable-Baselines3 gives a DQN: two of 64 units with rectifiers"
        )


def _study(learner: LiveLearner, policy: Policy, seed: int) -> None:
    """Find out what a policy does and what comes of it. Its transitions stay in the buffer, as the oldest."""
    env = policy.env
    observation, info = env.reset(seed=seed)
    entry = -1  # no entry of a journal says so
    while entry >= -STEPS:
        action, _ = policy.predict(observation, deterministic=True, action_masks=info["action_mask"])
        following, reward, terminated, truncated, info = env.step(action)
        name = env.action_names[int(action)]
        learner.remember(Transition(entry, observation, name, float(reward), following, terminated, 0))
        entry -= 1
        observation = following
        if terminated or truncated:
            observation, info = env.reset()
    learner.study(UPDATES, margin_on_done=1.0)
