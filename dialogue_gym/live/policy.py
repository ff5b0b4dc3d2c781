"""The agent of a store, used without further learning."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dialogue_gym.conversation.conversation import with_user
from dialogue_gym.domain import Domain
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.live.checkpoints import checkpoints_of
from dialogue_gym.live.exploration import QPolicy
from dialogue_gym.live.migration import schema_of
from dialogue_gym.policies.agent import Agent, AgentError
from dialogue_gym.teaching.policy import taught_agent


def store_agent(folder: Path, domain: Domain, report: Callable[[str], None]) -> tuple[Domain, Agent]:
    """Return the agent of a store: the one learned live, or without one, the taught one.

    Args:
        folder: the folder of the store.
        domain: the domain as its file is now.
        report: called with one line for each damaged checkpoint.

    Returns:
        The domain with the additions in the store, and the agent.

    Raises:
        AgentError: the domain is not the one of the learning.
        StoreError: the store cannot be read.
        DomainError: the journal is of another domain.
    """
    newest = next(checkpoints_of(folder).readable(report), None)
    if newest is None:
        return taught_agent(folder, domain)
    with Store(folder, create=False, read_only=True) as store:
        domain = History(store.taught()).extended(domain)
    env = DialogueEnv(with_user(domain), turn_taking=newest.turn_taking)
    if newest.state["knows"] != schema_of(env):
        raise AgentError(
            f"{folder}: this was learned with another version of the domain {domain.name};"
            " `dialogue-gym live` carries it over if the domain has grown"
        )
    count = sum(name.startswith("network.") for name in newest.arrays)
    weights = [newest.arrays[f"network.{number}"] for number in range(count)]
    return domain, Agent(folder.name, env, QPolicy(env, weights, newest.state["learner"]["updates"]))
