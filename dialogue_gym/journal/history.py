"""The entries in effect: heads, paths, forks, and the labels to learn from.

Nothing in a journal is changed. An undo moves the head of its conversation to an earlier entry, a redo moves
it back, and the path from the beginning to the head is in effect. No input or output.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field

from dialogue_gym._text import nearest, quoted
from dialogue_gym.conversation.bot_state import BotState
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import WRITER, Event, Json
from dialogue_gym.domain import Domain
from dialogue_gym.domain.additions import SLOT, TYPE, VALUES, Addition
from dialogue_gym.domain.default_names import FALLBACK_ACTION
from dialogue_gym.domain.model import LISTEN
from dialogue_gym.journal.additions import extend_domain
from dialogue_gym.journal.entry import (
    BOT,
    DOMAIN,
    END,
    EVENT,
    FAKE_USER,
    HEAD,
    LABEL,
    MEND,
    NOTE,
    PENDING,
    RATING,
    RENAME,
    STEPS,
    STORY,
    USER,
    Entry,
    StoreError,
    in_words,
    shape_fault,
)
from dialogue_gym.journal.labels import Label, PathLabels, without_listening

_NOT_IN_PERSON = (BOT, FAKE_USER, STORY)


@dataclass
class _Thread:
    """One conversation: its head, and the heads that were undone since the last addition to it."""

    head: int | None = None
    undone: list[int] = field(default_factory=list)
    forks: dict[str, None] = field(default_factory=dict)
    labels: PathLabels | None = None


class History:
    """The entries of a journal, and which of them are in effect."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        """Add entries, in their order.

        Raises:
            StoreError: see `add`.
        """
        self._entries: dict[int, Entry] = {}
        self._threads: dict[str, _Thread] = {}
        self._additions: list[Entry] = []
        self._written: list[Entry] = []
        self._ratings: dict[int, Entry] = {}
        self._latest_conversation: str | None = None
        for entry in entries:
            self.add(entry)

    def add(self, entry: Entry) -> None:
        """Add an entry. Those of one conversation come in their order, other ones in any.

        Raises:
            StoreError: the entry follows an unknown one, was added already, or its content does not fit its
                kind.
        """
        if reason := shape_fault(entry.kind, entry.content):
            raise StoreError(f"entry {entry.id}: {reason}")
        followed = entry.content.get("to") if entry.kind == HEAD else entry.parent
        if followed is not None and followed not in self._entries:
            raise StoreError(f"entry {entry.id}: it follows entry {followed}, which is not there")
        if entry in self:
            raise StoreError(f"entry {entry.id} is already there")
        self._entries[entry.id] = entry
        writer = (entry.content.get("data") or {}).get(WRITER) if entry.kind == EVENT else None
        if writer not in (None, FALLBACK_ACTION):
            self._written.append(entry)
        if entry.kind == DOMAIN:
            self._additions.append(entry)
        if entry.kind == RATING and not entry.content.get(PENDING):
            about = entry.content["about"]
            self._ratings[about] = max(entry, self._ratings.get(about, entry), key=lambda one: one.id)
        elif entry.kind in (HEAD, *STEPS) or (entry.kind == DOMAIN and entry.conversation):
            self._move(entry, followed)

    def __contains__(self, entry: Entry) -> bool:
        """Return whether an entry was added."""
        return self.knows(entry.id)

    def knows(self, entry: int) -> bool:
        """Return whether an entry was added, by its id."""
        return entry in self._entries

    def _move(self, entry: Entry, followed: int | None) -> None:
        self._latest_conversation = entry.conversation
        thread = self._threads.setdefault(entry.conversation, _Thread())
        origin = None if followed is None else self._entries[followed].conversation
        if origin != entry.conversation and origin in self._threads:
            self._threads[origin].forks[entry.conversation] = None
        if entry.kind != HEAD:
            thread.head, thread.undone = entry.id, []
        elif thread.undone and thread.undone[-1] == followed:
            thread.head = thread.undone.pop()
        else:
            if thread.head is not None and self._is_before(followed, thread.head):
                thread.undone.append(thread.head)
            else:
                thread.undone = []
            thread.head = followed

    def _is_before(self, earlier: int | None, entry: int) -> bool:
        """Return whether an entry, or the beginning, is an ancestor of another entry."""
        if earlier is None:
            return True
        step = self._entries[entry].parent
        while step is not None and step > earlier:
            step = self._entries[step].parent
        return step == earlier

    @property
    def conversations(self) -> tuple[str, ...]:
        """All conversations, in the order in which they began."""
        return tuple(self._threads)

    def entry(self, id: int) -> Entry:
        """Return an entry by its id.

        Raises:
            StoreError: the entry does not exist.
        """
        if id not in self._entries:
            raise StoreError(f"unknown entry {id}")
        return self._entries[id]

    def _thread(self, conversation: str) -> _Thread:
        if conversation not in self._threads:
            valid = nearest(conversation, self._threads)
            raise StoreError(f"unknown conversation {quoted(conversation)}; {valid}")
        return self._threads[conversation]

    def head(self, conversation: str) -> int | None:
        """Return the id of the entry that the next one follows; None at the beginning.

        Raises:
            StoreError: the conversation does not exist; all methods that take one raise it.
        """
        return self._thread(conversation).head

    def before(self, entry: int) -> int | None:
        """Return the step before an entry and its additions to the domain; None without any.

        Raises:
            StoreError: the entry does not exist.
        """
        steps = self._to_beginning(self.entry(entry).parent)
        return next((step.id for step in steps if step.kind != DOMAIN), None)

    def beginning(self, entry: int) -> Entry:
        """Return the first ancestor of an entry, in another conversation if this one is a fork.

        Raises:
            StoreError: the entry does not exist.
        """
        *_, first = self._to_beginning(self.entry(entry).id)
        return first

    def _to_beginning(self, step: int | None) -> Iterator[Entry]:
        """Yield a step and its ancestors, including additions to the domain."""
        while step is not None:
            entry = self._entries[step]
            yield entry
            step = entry.parent

    def _backwards(self, conversation: str) -> Iterator[Entry]:
        return (entry for entry in self._to_beginning(self.head(conversation)) if entry.kind != DOMAIN)

    def path(self, conversation: str) -> list[Entry]:
        """Return the steps in effect, from the beginning to the head, including those that a fork shares."""
        return list(self._backwards(conversation))[::-1]

    def steps_after(self, conversation: str, entry: int | None) -> list[Entry] | None:
        """Return the steps in effect after an entry; None if that is not on the path to the head.

        Args:
            conversation: whose steps.
            entry: after which they come; None for the beginning.
        """
        steps: list[Entry] = []
        for step in self._to_beginning(self.head(conversation)):
            if entry is not None and step.id <= entry:
                return steps[::-1] if step.id == entry else None
            if step.kind != DOMAIN:
                steps.append(step)
        return steps[::-1] if entry is None else None

    def forks(self, conversation: str) -> tuple[str, ...]:
        """Return the conversations that branch off from this one."""
        return tuple(self._thread(conversation).forks)

    def _last_act(self, conversation: str) -> Entry | None:
        return next(filter(_is_in_person, self._backwards(conversation)), None)

    def can_undo(self, conversation: str) -> bool:
        """Return whether there is a decision or message of a person, or of the expert in their place."""
        return self._last_act(conversation) is not None

    def undo_target(self, conversation: str) -> int | None:
        """Return the target of the head in an undo: before the last decision or message of a person.

        Its additions to the domain are undone as well. None is the beginning; without anything to undo (see
        `can_undo`) the target is the head itself.
        """
        last = self._last_act(conversation)
        return self.head(conversation) if last is None else self.before(last.id)

    def redo_target(self, conversation: str) -> int | None:
        """Return the target of the head in a redo: its place before the undo; None without one.

        A new step after an undo leaves nothing to redo.
        """
        undone = self._thread(conversation).undone
        return undone[-1] if undone else None

    @property
    def latest(self) -> str | None:
        """The conversation that was last added to, or whose head moved last."""
        return self._latest_conversation

    def has_ended(self, conversation: str) -> bool:
        """Return whether a conversation has ended, with any outcome."""
        last = next(self._backwards(conversation), None)
        return last is not None and last.kind == END

    def outcome(self, conversation: str) -> str | None:
        """Return the outcome of a conversation; None if it has not ended, or without one."""
        last = next(self._backwards(conversation), None)
        return last.content["outcome"] if last and last.kind == END else None

    def pending_result(self, conversation: str) -> Entry | None:
        """Return the decision at the head if it has no result: the process ended in between.

        Nobody can know whether the action was run, so a person has to decide. Listening needs no result.
        """
        last = next(self._backwards(conversation), None)
        is_open = last is not None and last.kind == LABEL and last.content["action"] != LISTEN
        return last if is_open else None

    def events(self, conversation: str) -> list[Event]:
        """Return the events in effect, with corrected messages in the place of the original ones.

        Decisions between a message and its correction stay.

        Raises:
            StoreError: the content of an entry does not fit its kind.
        """
        return [event for _, event in in_words(self.path(conversation))]

    def conversation(self, domain: Domain, conversation: str) -> Conversation:
        """Return a conversation with the events in effect.

        Raises:
            StoreError: the content of an entry does not fit its kind.
            DomainError: an event names an action or a slot that the domain does not have.
        """
        record = Conversation(domain, self.events(conversation), conversation)
        record.outcome = self.outcome(conversation)
        return record

    def extended(self, domain: Domain) -> Domain:
        """Return a domain with its additions; those for answers count if they are in effect.

        See `extend_domain`.

        Raises:
            DomainError: something cannot be added.
        """
        return extend_domain(domain, self._additions, self._in_effect())

    @property
    def written(self) -> tuple[Entry, ...]:
        """The entries with messages to people that a teacher wrote in the place of the bot."""
        return tuple(self._written)

    def additions(self, conversations: Container[str]) -> list[Addition]:
        """Return the additions to the domain in some conversations that are in effect."""
        return [
            Addition.read(entry.content)
            for entry in self._in_effect()
            if entry.kind == DOMAIN and entry.conversation in conversations
        ]

    def edits(self, add: str) -> dict[int, Addition]:
        """Return the edits of one kind, by the id of their entry; see `additions.EDITS`."""
        return {one.id: Addition.read(one.content) for one in self._additions if one.content["add"] == add}

    @property
    def added_names(self) -> frozenset[tuple[str, str]]:
        """Everything that was ever added to the domain: pairs of action, intent or slot, and the name."""
        return frozenset((one.content["add"], one.content["name"]) for one in self._additions)

    @property
    def own_names(self) -> frozenset[tuple[str, str]]:
        """Everything that was ever added to the domain, and the slots whose labels were edited."""
        slots = (SLOT, TYPE), (SLOT, VALUES)
        edited = {(kind, one.name) for kind, add in slots for one in self.edits(add).values()}
        return self.added_names | edited

    def _in_effect(self) -> list[Entry]:
        """Return the ancestors of all heads, in their order."""
        found: dict[int, Entry] = {}
        for thread in self._threads.values():
            for entry in self._to_beginning(thread.head):
                if entry.id in found:
                    break
                found[entry.id] = entry
        return [found[id] for id in sorted(found)]

    def notes(self, key: str) -> list[Json]:
        """Return the contents of all notes with a key, in their order."""
        return [one.content for one in self.noted(key)]

    def noted(self, key: str) -> list[Entry]:
        """Return all notes with a key, in their order."""
        return [one for one in self._entries.values() if one.kind == NOTE and key in one.content]

    def renames_since(self, entry: int) -> list[tuple[str, str]]:
        """Return the old and the new names of the actions that were renamed after an entry, in their order.

        A store gives entries the new names by itself, but for texts in notes.
        """
        found = (one for one in self._entries.values() if one.kind == RENAME and one.id > entry)
        return [(one.content["action"], one.content["to"]) for one in found]

    def rating(self, entry: int) -> float | None:
        """Return the last rating of an entry; None without any."""
        rating = self._ratings.get(entry)
        return None if rating is None else float(rating.content["value"])

    def labels(self, domain: Domain, turn_taking: str = "auto") -> list[Label]:
        """Return the labels of teachers, in the order in which they were given.

        Those in effect count, and those that several forks share count once. With automatic turn taking
        `action_listen` is left out.

        Raises:
            StoreError: the content of an entry does not fit its kind.
            DomainError: an event names an action or a slot that the domain does not have.
        """
        found: dict[int, Label] = {}
        for conversation in reversed(self._threads):  # the first conversation's reading of shared steps holds
            found |= self._labels(conversation, domain)
        in_order = (found[entry] for entry in sorted(found))
        if turn_taking == "explicit":
            return list(in_order)
        return [label for label in map(without_listening, in_order) if label.right]

    def _labels(self, conversation: str, domain: Domain) -> dict[int, Label]:
        thread = self._threads[conversation]
        known, steps = thread.labels, None
        if known is not None and (known.domain is domain or known.domain == domain):
            if known.head == thread.head:
                return known.found
            steps = self.steps_after(conversation, known.head)
        # A corrected message changes an earlier event, so that all is read anew.
        if known is None or known.state is None or steps is None or any(one.kind == MEND for one in steps):
            known, steps = PathLabels(domain, None, BotState(domain)), self.path(conversation)
        thread.labels = None  # an error below leaves the state between two steps
        known.read(steps, thread.head, self.has_ended(conversation))
        thread.labels = known
        return known.found


def _is_in_person(entry: Entry) -> bool:
    """Return whether an entry is a decision or message of a person, or of the expert in their place."""
    if entry.kind == LABEL:
        return entry.content["by"] not in _NOT_IN_PERSON
    return entry.kind in (USER, MEND, EVENT) and entry.author not in _NOT_IN_PERSON
