"""The domain of a running server, to be looked at and edited by teachers. No page and no HTTP."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from dialogue_gym.domain import Domain
from dialogue_gym.domain.additions import Addition
from dialogue_gym.domain.slot import SLOT_TYPES
from dialogue_gym.journal.activity import ActivityKind, ActivityLog
from dialogue_gym.journal.entry import DOMAIN, Draft
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.live.handoff import Handoff
from dialogue_gym.nlu.examples import Example
from dialogue_gym.outline.names import spoken_name, written_name
from dialogue_gym.teaching.domain_edits import (
    SlotForm,
    annotated,
    edit_example,
    edit_response,
    edit_slot,
)
from dialogue_gym.teaching.taught_interpreter import TaughtInterpreter


class SlotBody(BaseModel):
    """The parts of a slot."""

    model_config = ConfigDict(strict=True)

    type: str = Field(description=f"one of {', '.join(SLOT_TYPES)}")
    values: list[str] = Field(default_factory=list, max_length=1000, description="of a categorical slot")
    entity: str | None = Field(None, description="the entity that fills it; null if none does")

    @property
    def form(self) -> SlotForm:
        """The parts for an edit."""
        return SlotForm(self.type, tuple(self.values), self.entity)


class TextEdit(BaseModel):
    """One text of a response, or one example of an intent, in the place of another."""

    model_config = ConfigDict(strict=True)

    kind: Literal["response", "example"]
    name: str = Field(description="the response or the intent, possibly a new one")
    was: str | None = Field(None, description="the text to change or remove; null to add one")
    now: str | None = Field(None, description="the new text, entities as [text](entity); null to remove one")


class SlotEdit(BaseModel):
    """The parts of a slot, in the place of others."""

    model_config = ConfigDict(strict=True)

    kind: Literal["slot"]
    name: str = Field(description="the slot, possibly a new one")
    was: SlotBody | None = Field(None, description="the parts before; null to add a slot")
    now: SlotBody


Edit = Annotated[TextEdit | SlotEdit, Field(discriminator="kind")]


@dataclass(frozen=True)
class DomainNow:
    """The domain and its examples at one moment."""

    domain: Domain
    examples: Sequence[Example]

    @property
    def responses(self) -> dict[str, tuple[str, ...]]:
        """The texts of each response, and those that the simulation declares for actions."""
        names = dict.fromkeys((*(one.name for one in self.domain.responses), *self.domain.actions))
        return {name: texts for name in names if (texts := self.domain.texts(name))}

    def examples_of(self, intent: str) -> list[str]:
        """Return the annotated examples of an intent."""
        return annotated(example for example in self.examples if example.intent == intent)

    @property
    def intents(self) -> dict[str, int]:
        """The number of examples of each intent; retrieval intents have their full names."""
        counts = dict.fromkeys(self.domain.intents, 0)
        for example in self.examples:
            if example.intent in counts or self.domain.intent_of(example.intent):
                counts[example.intent] = counts.get(example.intent, 0) + 1
        return counts


class DomainDesk:
    """Editor of the domain of a store, from which bots and interpreter go on at once. Thread-safe."""

    def __init__(
        self,
        domain: Domain,
        store: Store,
        interpreter: TaughtInterpreter,
        handoff: Handoff | None = None,
        log: ActivityLog | None = None,
    ) -> None:
        """Begin with a domain as its file has it.

        Args:
            domain: the domain.
            store: the store for the edits.
            interpreter: learns the examples.
            handoff: passes the domain on to the bot that visitors talk to, if there is one.
            log: the activity log; None for none.
        """
        self._original = domain
        self._store = store
        self._interpreter = interpreter
        self._handoff = handoff
        self._log = log
        self._lock = threading.Lock()
        self._history = History()
        self._seen = 0
        self._domain = domain

    @property
    def written(self) -> int:
        """The id of the last entry: it changes with every new one."""
        return self._store.last_id()

    def look(self) -> DomainNow:
        """Return the domain as it is now.

        Raises:
            StoreError: the store cannot be read.
        """
        with self._lock:
            return self._look()

    def _look(self) -> DomainNow:
        if self.written > self._seen:
            for entry in self._store.entries(after=self._seen):
                self._history.add(entry)
                self._seen = entry.id
            self._domain = self._history.extended(self._original)
        return DomainNow(self._domain, self._interpreter.all_examples)

    def edit(self, edit: TextEdit | SlotEdit, author: str) -> str:
        """Make an edit, and return the name that it is about; a new one is in snake case.

        Raises:
            EditError: it cannot be made, or is stale.
            StoreError: it cannot be written.
        """
        with self._lock:
            now = self._look()
            edit = edit.model_copy(update={"name": _written(now, edit)})
            additions = self._additions(now, edit)
            if not additions:
                return edit.name
            self._store.append_all(Draft("", DOMAIN, one.content(), None, author) for one in additions)
            domain = self._look().domain
            self._interpreter.learn(self._history, domain)
        if self._log:
            self._log.record(author, ActivityKind.EDITED, f"{edit.kind} {edit.name}")
        if self._handoff is not None and domain != now.domain:
            self._handoff.grow(domain)
        return edit.name

    def _additions(self, now: DomainNow, edit: TextEdit | SlotEdit) -> list[Addition]:
        if isinstance(edit, SlotEdit):
            was = edit.was.form if edit.was else None
            return edit_slot(now.domain, edit.name, was, edit.now.form)
        if edit.kind == "response":
            return edit_response(now.domain, edit.name, edit.was, edit.now)
        return edit_example(now.domain, now.examples, edit.name, edit.was, edit.now)


def _written(now: DomainNow, edit: TextEdit | SlotEdit) -> str:
    """Return the name that an edit is about, in the form that files can have if it is a new one."""
    domain = now.domain
    if edit.kind == "response":
        known = {*now.responses, *domain.actions}
        return spoken_name(written_name(edit.name, "response", known), known)
    if edit.kind == "slot":
        return written_name(edit.name, "slot", [slot.name for slot in domain.slots])
    return written_name(edit.name, "intent", now.intents)


def slot_parts(domain: Domain) -> dict[str, dict[str, Any]]:
    """Return the parts of each slot, as JSON-serializable values."""
    return {
        slot.name: {"type": slot.type, "values": list(slot.values), "entity": slot.entity}
        for slot in domain.slots
    }
