"""Agents ready for use: loaded by name or folder, they choose actions and rank them."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dialogue_gym._text import nearest, shorten
from dialogue_gym.conversation.conversation import Conversation, with_user
from dialogue_gym.domain import Domain
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.policies.base import ExpertPolicy, Policy, RandomPolicy
from dialogue_gym.policies.pretrained import PretrainedPolicy, pretrained_path

POLICIES: Mapping[str, type[Policy]] = {
    "pretrained": PretrainedPolicy,
    "expert": ExpertPolicy,
    "random": RandomPolicy,
}
ALGORITHMS: Mapping[str, tuple[str, str]] = {
    "dqn": ("stable_baselines3", "DQN"),
    "masked_dqn": ("dialogue_gym.sb3.masked_dqn", "MaskedDQN"),
    "maskable_ppo": ("sb3_contrib", "MaskablePPO"),
    "ppo": ("stable_baselines3", "PPO"),
}
"""The algorithms whose agents can be loaded: module and class, by the name in `metrics.json`."""
_UNUSED: Mapping[str, Any] = {"learning_rate": 0.0, "lr_schedule": 0.0, "clip_range": 0.0}
"""Settings of training that replace the schedules in an agent's file: an agent that only acts does not need
them, and their classes may belong to programs that are not installed."""


class AgentError(ValueError):
    """An agent cannot be used. The message is one line."""


@dataclass(frozen=True)
class ActionScore:
    """An agent's score of one action: its probability or, for agents without probabilities, its value."""

    action: str
    number: float
    is_possible: bool


class Agent:
    """A policy with the environment whose observations and actions it uses."""

    def __init__(self, name: str, env: DialogueEnv, policy: Any) -> None:
        """Join the two; the policy is any object with the `predict` of Stable-Baselines3."""
        self.name = name
        self.env = env
        self.policy = policy
        self.turn_taking = env.settings.turn_taking

    def choose(self, conversation: Conversation) -> tuple[str, float | None]:
        """Return the action for the next step of a conversation, with its probability or None."""
        observation, mask = self._look(conversation)
        is_masked = type(self.policy).__name__ == "MaskablePPO" or isinstance(self.policy, Policy)
        masks = {"action_masks": mask} if is_masked else {}
        chosen, _ = self.policy.predict(observation, deterministic=True, **masks)
        has_probabilities, numbers = self._numbers(observation, mask)
        return self.env.action_names[int(chosen)], float(numbers[int(chosen)]) if has_probabilities else None

    def rank_actions(self, conversation: Conversation) -> tuple[bool, list[ActionScore]]:
        """Return whether the numbers are probabilities, and the scores of all actions, the best first."""
        observation, mask = self._look(conversation)
        has_probabilities, numbers = self._numbers(observation, mask)
        scores = [
            ActionScore(name, float(number), bool(possible))
            for name, number, possible in zip(self.env.action_names, numbers, mask, strict=True)
        ]
        scores.sort(key=lambda score: (-score.is_possible, -score.number))
        return has_probabilities, scores

    def _look(self, conversation: Conversation) -> tuple[Any, Any]:
        observation = conversation.observation(self.turn_taking, self.env.max_history)
        return observation, conversation.action_mask(self.env.action_names)

    def _numbers(self, observation: Any, mask: Any) -> tuple[bool, Any]:
        if isinstance(self.policy, Policy):
            return self.policy.numbers(observation, mask)
        import torch

        with torch.no_grad():
            seen = self.policy.policy.obs_to_tensor(observation[None])[0]
            if hasattr(self.policy, "q_net"):
                return False, self.policy.q_net(seen)[0].cpu().numpy()
            masks = (mask[None],) if type(self.policy).__name__ == "MaskablePPO" else ()
            distribution = self.policy.policy.get_distribution(seen, *masks).distribution
            return True, distribution.probs[0].cpu().numpy()


def load_agent(name: str | None, domain: Domain, is_builtin: bool = False, seed: int = 0) -> Agent | None:
    """Return an agent for a domain, by its name or the folder that `python -m agents train` wrote.

    Without a name, this is the pretrained agent of a built-in domain, or the domain's expert. If there is
    neither, it is None, and the bot can only listen.

    Raises:
        AgentError: the agent does not exist, cannot be read, or is for another domain.
    """
    if name is None:
        has_one = is_builtin and pretrained_path(domain.name).is_file()
        name = "pretrained" if has_one else "expert" if domain.expert else None
    if name is None:
        return None
    folder = Path(name)
    if name not in POLICIES:
        if not folder.exists():
            raise AgentError(f"{shorten(name)} is neither an agent nor a folder; {nearest(name, POLICIES)}")
        return _load(folder, domain)
    env = DialogueEnv(with_user(domain))
    return Agent(name, env, POLICIES[name](env, seed))


def _load(folder: Path, domain: Domain) -> Agent:
    path, metrics_path = folder / "model.zip", folder / "metrics.json"
    try:
        metrics = json.loads(metrics_path.read_text(encoding="utf-8"))
        name, algorithm = str(metrics["agent"]), str(metrics["algorithm"])
        env = DialogueEnv(
            with_user(domain), **{k: v for k, v in metrics["settings"].items() if k != "domain"}
        )
    except OSError:
        raise AgentError(f"{folder}: not a trained agent (metrics.json cannot be read)") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AgentError(f"{metrics_path}: cannot be used ({type(error).__name__}: {error})") from None
    if algorithm not in ALGORITHMS:
        known = ", ".join(ALGORITHMS)
        raise AgentError(f"{folder}: agents of the kind {shorten(algorithm)} cannot be loaded, only {known}")
    module, class_name = ALGORITHMS[algorithm]
    try:
        model = getattr(importlib.import_module(module), class_name).load(
            path, device="cpu", custom_objects=_UNUSED
        )
    except ImportError as error:
        raise AgentError(f'{folder}: {error.name} is missing: pip install "dialogue_gym[agents]"') from None
    except OSError:
        raise AgentError(f"{folder}: not a trained agent (model.zip cannot be read)") from None
    except Exception as error:  # unpacking a broken file raises errors of many kinds
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise AgentError(f"{path}: not a model of {algorithm} ({reason})") from None
    if (model.observation_space, model.action_space) != (env.observation_space, env.action_space):
        raise AgentError(
            f"{folder}: this agent is for other actions or observations than those of {domain.name}"
        )
    return Agent(name, env, model)
