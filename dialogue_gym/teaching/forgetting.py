"""Erasing conversations from a store of what was taught."""

from __future__ import annotations

from dialogue_gym.entries import DOMAIN, Draft
from dialogue_gym.history import History
from dialogue_gym.store import Store


def forget(store: Store, conversation: str, with_forks: bool = False) -> list[str]:
    """Erase a conversation as `Store.forget` does; what the domain grew by in it stays, for the others.

    Returns:
        The conversations that were erased.

    Raises:
        StoreError: see `Store.forget`.
    """
    forks = store.branches(conversation)
    if with_forks or not forks:
        growth = History(store.entries()).growth([conversation, *forks])
        store.append_all(Draft("", DOMAIN, one.content()) for one in growth)
    return store.forget(conversation, with_forks)
