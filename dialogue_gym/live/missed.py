"""What a journal holds that nobody has learned from yet."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from dialogue_gym.domain import Domain
from dialogue_gym.entries import LIVE
from dialogue_gym.live.transitions import LiveReward, Trace, Transition
from dialogue_gym.store import Store


def missed(
    store: Store, domain: Domain, reward: LiveReward, after: int
) -> Iterator[tuple[int, list[Transition]]]:
    """Yield the transitions of all that was written down after an entry, as they were found one by one.

    Each time with the id of the entry that they are of; those of which nothing is learned are left out.

    Raises:
        StoreError: the journal cannot be read.
        DomainError: it is of another domain.
    """
    names = dict.fromkeys(entry.conversation for entry in store.entries(after=after) if entry.conversation)
    # All of it in one go, if all of it is to be read anyway.
    streams = [store.entries(name) for name in names] if after else [store.entries()]
    traces: dict[str, Trace] = {}
    for entry in heapq.merge(*streams, key=lambda entry: entry.id):
        name = entry.conversation
        if name not in traces and LIVE in entry.content:
            traces[name] = Trace(domain, name, reward)
        if name in traces:
            found = traces[name].take(entry)
            if found and entry.id > after:
                yield entry.id, found
