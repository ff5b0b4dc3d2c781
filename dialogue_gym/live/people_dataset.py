"""Logged conversations of people as the dialogues of a data set, without names and texts."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from dialogue_gym.conversation.bot_state import with_user
from dialogue_gym.datasets.collection import CHANCES, POLICY
from dialogue_gym.datasets.episode import Episode
from dialogue_gym.domain import Domain, load_domain
from dialogue_gym.domain.model import LISTEN
from dialogue_gym.domain.sources import builtin_names
from dialogue_gym.envs.wrapping import unwrapped_dialogue
from dialogue_gym.journal import entry as journal
from dialogue_gym.journal.store import Store
from dialogue_gym.live.logs import StoredLogs, read_logs
from dialogue_gym.policies.agent import Agent
from dialogue_gym.policies.base import RandomPolicy
from dialogue_gym.policies.mask import ActionMask
from dialogue_gym.training.environments import environment_of, make_env


def people_environment(store: Store, domain: Domain) -> gym.Env[Any, Any]:
    """Return the environment of the fake user that has the observations and actions of a store's live bot.

    Args:
        store: the store.
        domain: the domain, with the additions of the store. Without a fake user it gets one who says nothing.
    """
    name = domain.name
    if name in builtin_names() and load_domain(name) == domain:
        env_id, settings = environment_of(name)
    else:
        env_id, settings = "Dialogue-v0", {"domain": with_user(domain)}
    is_explicit = any(
        LISTEN in (one.content.get(journal.CHANCES) or ())
        for one in store.entries()
        if one.kind == journal.LABEL
    )
    return make_env(env_id, settings | {"turn_taking": "explicit" if is_explicit else "auto"})


def people_episodes(store: Store, domain: Domain, env: gym.Env[Any, Any]) -> tuple[list[Episode], StoredLogs]:
    """Return the conversations that `store evaluate` would use, and its reasons for leaving out others.

    Their `infos` are `action_mask`, `chances`, `policy` (always 0) and `is_success`, as those of `collect`;
    rewards are as in `read_logs`. A conversation that ended in silence is truncated.

    Args:
        store: the store.
        domain: the domain, with the additions of the store.
        env: the result of `people_environment`.

    Raises:
        CannotSay: no conversation can be used; the message gives the reason.
        StoreError: the journal cannot be read.
        DomainError: the journal is of another domain.
    """
    dialogue = unwrapped_dialogue(env)
    turn_taking = {"turn_taking": dialogue.settings.turn_taking}
    stored = read_logs(store, domain, [Agent("random", dialogue, RandomPolicy(dialogue), turn_taking)])
    logs, mask = stored.logs, ActionMask(dialogue)
    assert stored.last_observations is not None and stored.truncated is not None  # they come from a journal
    episodes = []
    for number, (start, end) in enumerate(zip(logs.starts, logs.ends, strict=True)):
        last = stored.last_observations[number]
        observations = np.concatenate([logs.observations[start:end], last[None]])
        rows = len(observations)
        infos = {
            "action_mask": mask(observations).astype(np.int8),
            CHANCES: np.concatenate([logs.chances[start:end], np.zeros((1, logs.chances.shape[1]))]),
            POLICY: np.zeros(rows, np.int64),
            "is_success": (np.arange(rows) == rows - 1) & logs.successes[number],
        }
        episodes.append(
            Episode(
                observations,
                logs.actions[start:end],
                logs.rewards[start:end],
                bool(stored.truncated[number]),
                infos,
            )
        )
    return episodes, stored
