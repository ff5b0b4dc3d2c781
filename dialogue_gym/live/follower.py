"""The journal as a learner follows it: the transitions of all conversations, whichever process wrote them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from dialogue_gym.domain import Domain
from dialogue_gym.journal.entry import BOT, DOMAIN, END, HEAD, LABEL, LIVE, MEND, Entry
from dialogue_gym.journal.store import Store
from dialogue_gym.live.conversations import AT_HAND
from dialogue_gym.live.reward import LiveReward
from dialogue_gym.live.trace import Trace, take_entry
from dialogue_gym.live.transitions import Transition


@dataclass(frozen=True, eq=False)
class JournalNews:
    """The consequences of the entries up to one.

    Attributes:
        entry: the id of the last of these entries.
        transitions: the transitions that can be learned now and could not before.
        is_boundary: whether a conversation ended with that entry.
    """

    entry: int
    transitions: tuple[Transition, ...]
    is_boundary: bool


class JournalFollower:
    """Reader of a journal that grows, in the order of its entries. Not thread-safe.

    Ids grow in the order in which entries become visible, so it misses none. The conversations that went on
    last are at hand; others are read again when they go on.

    Attributes:
        taught: the id of the last entry that was read and that labels, additions to the domain, rules or
            examples may follow from; 0 before the first.
    """

    def __init__(
        self, store: Store, domain: Domain, reward: LiveReward, after: int, at_hand: int = AT_HAND
    ) -> None:
        """Begin after an entry.

        Args:
            store: the store with the journal.
            domain: the domain, with the additions of the store.
            reward: the reward of the steps.
            after: the id of the last entry whose consequences are known.
            at_hand: the number of conversations that are kept in memory.
        """
        self.taught = 0
        self._store = store
        self._reward = reward
        self._at_hand = at_hand
        self._traces: OrderedDict[str, Trace | None] = OrderedDict()
        """Conversations, the last used at the end; None for those without a person."""
        self.use_domain(domain, after)

    def use_domain(self, domain: Domain, after: int) -> None:
        """Go on with a domain that has grown, again from an entry on."""
        self._domain = domain
        self._after = after
        self._has_begun = False
        self.forget()

    def forget(self) -> None:
        """Let go of the conversations at hand, which are read again when they go on."""
        self._traces.clear()

    def news(self) -> Iterator[JournalNews]:
        """Yield the consequences of all that was written since the last call.

        Entries without any are part of the news of a later one, the last of all news at the latest.

        Raises:
            StoreError: the journal cannot be read.
            DomainError: the journal is of another domain.
        """
        told = self._after
        weights = self._reward.weights
        if weights is not None and not self._has_begun:
            weights.use_domain(self._domain)
            if amended := weights.begin(told, self._reward):
                yield JournalNews(told, tuple(amended), False)
        self._has_begun = True
        for entry in self._store.entries(after=told):
            trace = self._trace_before(entry)
            found = take_entry(trace, entry, self._reward) if trace is not None else []
            is_end = trace is not None and entry.kind == END
            self._after = entry.id
            if _teaches(entry, is_talk=trace is not None):
                self.taught = entry.id
            if found or is_end:
                told = entry.id
                yield JournalNews(told, tuple(found), is_end)
        if self._after > told:
            yield JournalNews(self._after, (), False)

    def _trace_before(self, entry: Entry) -> Trace | None:
        """Return the conversation of an entry as it was before it; None if no person talks there."""
        name = entry.conversation
        if name not in self._traces:
            is_new = LIVE in entry.content
            trace = Trace(self._domain, name, self._reward) if is_new else self._read(name, entry.id)
            self._traces[name] = trace
            if len(self._traces) > self._at_hand:
                self._traces.popitem(last=False)
        self._traces.move_to_end(name)
        return self._traces[name]

    def _read(self, name: str, before: int) -> Trace | None:
        trace: Trace | None = None
        for entry in self._store.entries(name) if name else ():
            if entry.id >= before:
                break
            if trace is None and LIVE not in entry.content:
                break
            trace = trace or Trace(self._domain, name, self._reward)
            trace.take(entry)
        return trace


def _teaches(entry: Entry, is_talk: bool) -> bool:
    """Return whether labels, domain, rules or examples may differ after an entry, perhaps of a talk."""
    if is_talk and entry.kind == LABEL:
        return bool(entry.content["by"] != BOT)
    return not is_talk or entry.kind in (DOMAIN, HEAD, MEND)


def unlearned(
    store: Store, domain: Domain, reward: LiveReward, after: int
) -> Iterator[tuple[int, tuple[Transition, ...]]]:
    """Yield the transitions that follow from the entries after a given one, as they were found one by one.

    Each time with the id of their entry; entries without a transition are left out.

    Raises:
        StoreError: the journal cannot be read.
        DomainError: the journal is of another domain.
    """
    for news in JournalFollower(store, domain, reward, after).news():
        if news.transitions:
            yield news.entry, news.transitions
