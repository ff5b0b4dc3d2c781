"""Agents ready for use: loaded by name or folder, they choose actions and rank them."""

from __future__ import annotations

import importlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dialogue_gym._files import AGENT_FILE, read_bytes
from dialogue_gym._text import nearest, quoted, visible, without_password
from dialogue_gym.conversation.bot_state import with_user
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.domain import Domain, load_domain
from dialogue_gym.domain.sources import Source
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.policies.base import ExpertPolicy, Policy, RandomPolicy
from dialogue_gym.policies.pretrained import PretrainedPolicy, pretrained_path
from dialogue_gym.policies.saved import (
    AgentError,
    first_line,
    is_agent,
    load_policy,
    read_agent,
    read_table,
)
from dialogue_gym.stories.rulebook import RuleBook

POLICIES: Mapping[str, type[Policy]] = {
    "pretrained": PretrainedPolicy,
    "expert": ExpertPolicy,
    "random": RandomPolicy,
}


@dataclass(frozen=True)
class ActionScore:
    """An agent's score of one action: its probability or, for agents without probabilities, its value."""

    action: str
    number: float
    is_possible: bool


class Agent:
    """A policy with the environment whose observations and actions it uses.

    Attributes:
        name: the name of the agent.
        env: the environment, whose domain has a fake user (see `with_user`).
        policy: the policy.
        settings: the arguments of the environment, without the domain.
        turn_taking: `"auto"` or `"explicit"`.
        rules: the rules that hold before the policy; None without any.
    """

    def __init__(
        self,
        name: str,
        env: DialogueEnv,
        policy: Policy,
        settings: Mapping[str, Any] | None = None,
        rules: RuleBook | None = None,
    ) -> None:
        """Join the two; without `settings` the environment's turn taking is its only one."""
        self.rules = rules
        self.name = name
        self.env = env
        self.policy = policy
        self.turn_taking = env.settings.turn_taking
        self.settings = {"turn_taking": self.turn_taking} if settings is None else dict(settings)

    def choose(self, conversation: Conversation) -> tuple[str, float | None]:
        """Return the action for the next step of a conversation, with its probability or None."""
        if self.rules and (ruling := self.rules.decide(conversation)):
            return ruling.action, 1.0
        codes, mask = self._look(conversation)
        chosen = self.policy.choose(codes, mask, True)
        has_probabilities, numbers = self.policy.numbers(codes, mask)
        return self.env.action_names[chosen], float(numbers[chosen]) if has_probabilities else None

    def rank_actions(self, conversation: Conversation) -> tuple[bool, list[ActionScore]]:
        """Return whether the numbers are probabilities, and the scores of all actions, the best first."""
        codes, mask = self._look(conversation)
        if self.rules and (ruling := self.rules.decide(conversation)):
            others = [name for name in self.env.action_names if name != ruling.action]
            possible = dict(zip(self.env.action_names, map(bool, mask), strict=True))
            ruled = [ActionScore(name, 0.0, possible[name]) for name in others]
            return True, [ActionScore(ruling.action, 1.0, True), *ruled]
        has_probabilities, numbers = self.policy.numbers(codes, mask)
        scores = [
            ActionScore(name, float(number), bool(possible))
            for name, number, possible in zip(self.env.action_names, numbers, mask, strict=True)
        ]
        scores.sort(key=lambda score: (-score.is_possible, -score.number))
        return has_probabilities, scores

    def _look(self, conversation: Conversation) -> tuple[Any, Any]:
        """Return the codes of the observation, whatever form the environment gives, and the action mask."""
        codes = conversation.observation(self.turn_taking, self.env.max_history)
        return codes, conversation.action_mask(self.env.action_names)


def distinct_names(agents: Sequence[Agent], given: Sequence[str | None]) -> list[str]:
    """Return the names of agents, each with the text that it was given by if another has the same name.

    Two agents that were trained in one way have one name, that of the configuration.

    Args:
        agents: the agents.
        given: the name, folder or store of each; None for a default.
    """
    counts = Counter(agent.name for agent in agents)
    return [
        f"{agent.name} ({without_password(text)})"
        if counts[agent.name] > 1 and text and text != agent.name
        else agent.name
        for agent, text in zip(agents, given, strict=True)
    ]


def load_agent(
    name: str | Path | None,
    domain: Domain | Source,
    is_builtin: bool = False,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    trust: bool = False,
) -> Agent | None:
    """Return an agent for a domain, by its name or the folder that training wrote.

    Without a name, this is the pretrained agent of a built-in domain, or the domain's expert. If there is
    neither, it is None, and the bot can only listen.

    Args:
        name: `"pretrained"`, `"expert"`, `"random"`, or a folder.
        domain: the domain of the conversations, or its file or name.
        is_builtin: whether the domain is a built-in one, which may have a pretrained agent.
        seed: the seed of a policy that is random.
        settings: arguments of the environment, in the place of those that the agent was trained with.
        trust: unpickle the `model.zip` of an agent of earlier versions, which can run code.

    Raises:
        AgentError: the agent does not exist, cannot be read, or is for another domain.
        DomainError: the domain cannot be used.
        ValueError: a setting is invalid.
    """
    domain = load_domain(domain)
    if name is None:
        has_one = is_builtin and pretrained_path(domain.name).is_file()
        name = "pretrained" if has_one else "expert" if domain.expert else None
    if name is None:
        return None
    name, folder = str(name), Path(name)
    given = dict(settings or {})
    if name in POLICIES:
        env = DialogueEnv(with_user(domain), **given)
        return Agent(name, env, POLICIES[name](env, seed), given)
    if not folder.exists():
        raise AgentError(
            f"{quoted(without_password(name))} is neither an agent nor a folder; {nearest(name, POLICIES)}"
        )
    if not is_agent(folder) and (folder / _MODEL_FILE).is_file():
        return _load_former(folder, domain, given, trust)
    saved = read_agent(folder)
    for key, default in _OBSERVING.items():
        trained = saved.settings.get(key, default)
        if given.get(key, trained) != trained:
            raise AgentError(f"{folder}: {key} cannot be changed: the agent was trained with {key}={trained}")
    arguments = _arguments(saved.settings, given)
    env = _environment(folder / AGENT_FILE, domain, arguments)
    name = visible(saved.agent)  # it may be a stranger's, and is printed
    return Agent(name, env, load_policy(folder, saved, env), arguments)


_OBSERVING = {"max_history": 1, "turn_taking": "auto"}
"""The settings that decide what an agent observes and does, with their defaults."""
_METRICS_FILE, _MODEL_FILE = "metrics.json", "model.zip"
"""The files of an agent of earlier versions."""
_TABLE = "q_table"


def _load_former(folder: Path, domain: Domain, given: Mapping[str, Any], trust: bool) -> Agent:
    """Return an agent of an earlier version: settings in `metrics.json`, and a pickled model."""
    path, metrics_path = folder / _MODEL_FILE, folder / _METRICS_FILE
    try:
        metrics = json.loads(read_bytes(metrics_path))
        name, algorithm, settings = str(metrics["agent"]), str(metrics["algorithm"]), metrics["settings"]
        arguments = _arguments(settings, given)
    except OSError:
        raise AgentError(f"{folder}: not a trained agent ({_METRICS_FILE} cannot be read)") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AgentError(f"{metrics_path}: cannot be used ({first_line(error)})") from None
    env = _environment(metrics_path, domain, arguments)
    if algorithm == _TABLE:
        return Agent(name, env, read_table(path, env), arguments)
    if not trust:
        raise AgentError(
            f"{folder}: this agent is in the format of an earlier version, which can run code when it is"
            " loaded; train it again, or add --trust if you know who made it"
        )
    try:
        module = importlib.import_module("dialogue_gym.sb3.model_zip")
    except ImportError as error:
        raise AgentError(f'{folder}: {error.name} is missing: pip install "dialogue_gym[agents]"') from None
    return Agent(name, env, module.load_model_zip(path, algorithm, env), arguments)


def _arguments(trained: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in trained.items() if key != "domain"} | dict(given)


def _environment(path: Path, domain: Domain, arguments: Mapping[str, Any]) -> DialogueEnv:
    try:
        return DialogueEnv(with_user(domain), **arguments)
    except (ValueError, TypeError) as error:
        raise AgentError(f"{path}: settings: {error}") from None
