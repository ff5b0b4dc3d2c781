"""Agents for conversations without further learning: by name, of a folder, or of a store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dialogue_gym.conversation.bot_state import with_user
from dialogue_gym.domain import Domain
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.journal.history import History
from dialogue_gym.journal.location import store_named
from dialogue_gym.journal.place import StorePlace
from dialogue_gym.journal.store import Store
from dialogue_gym.live.checkpoints import checkpoints_of
from dialogue_gym.live.exploration import QPolicy
from dialogue_gym.live.migration import schema_of
from dialogue_gym.live.promotion import LabelledQPolicy, Promotion, weights_in
from dialogue_gym.policies.agent import Agent, load_agent
from dialogue_gym.policies.saved import AgentError
from dialogue_gym.teaching.learner import right_actions, rule_book
from dialogue_gym.teaching.policy import taught_agent


def find_agent(
    name: str | None,
    domain: Domain,
    report: Callable[[str], None],
    *,
    is_builtin: bool = False,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    trust: bool = False,
) -> tuple[Domain, Agent | None]:
    """Return the agent by a name, or of the folder of training or of a store, and its domain.

    The domain has the additions of a store. Without a name the agent is that of `load_agent`.

    Args:
        name: the name, the folder, or the address of a store's database.
        domain: the domain as its file is now.
        report: called with one line for each damaged checkpoint.
        is_builtin: whether the domain is a built-in one, which may have a pretrained agent.
        seed: the seed of a policy that is random.
        settings: arguments of the environment of an agent by name, or of one that was trained.
        trust: unpickle the `model.zip` of an agent of earlier versions, which can run code.

    Raises:
        ValueError: the agent cannot be used (see `load_agent` and `store_agent`).
    """
    if (place := store_named(name)) is not None:
        return store_agent(place, domain, report)
    return domain, load_agent(name, domain, is_builtin, seed, settings, trust)


def store_agent(place: StorePlace, domain: Domain, report: Callable[[str], None]) -> tuple[Domain, Agent]:
    """Return the agent of a store: the one learned live, or without one, the taught one.

    Its weights are those that talk to people: with safe promotion newer ones wait until they are surely
    better.

    Args:
        place: the place of the store.
        domain: the domain as its file is now.
        report: called with one line for each damaged checkpoint.

    Returns:
        The domain with the additions in the store, and the agent.

    Raises:
        AgentError: the domain is not the one of the learning.
        StoreError: the store cannot be read, or nothing was taught or learned there.
        DomainError: the journal is of another domain.
    """
    newest = next(checkpoints_of(place).readable(report), None)
    if newest is None:
        return taught_agent(place, domain)
    with Store(place, create=False, read_only=True) as store:
        history, about = History(store.taught()), store.domain
    domain = history.extended(domain)
    env = DialogueEnv(with_user(domain), turn_taking=newest.turn_taking)
    if newest.state["knows"] != schema_of(env):
        if about is not None and (learned := Path(about.source).stem) != domain.name:
            raise AgentError(f"{place}: this was learned with another domain, {learned}, not {domain.name}")
        raise AgentError(
            f"{place}: this was learned with another version of the domain {domain.name};"
            " `dialogue-gym live` carries it over if the domain has grown"
        )
    rules = rule_book(history, domain, env.action_names, newest.turn_taking)
    if (promoted := newest.state.get("promotion")) is not None:
        talking = Promotion.load(env, weights_in(newest.arrays), promoted).talking
        labels = right_actions(history, domain, env.action_names, newest.turn_taking)
        return domain, Agent(place.name, env, LabelledQPolicy(talking, labels), rules=rules)
    count = sum(name.startswith("network.") for name in newest.arrays)
    weights = [newest.arrays[f"network.{number}"] for number in range(count)]
    policy = QPolicy(env, weights, newest.state["learner"]["updates"])
    return domain, Agent(place.name, env, policy, rules=rules)
