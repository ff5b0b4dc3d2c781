"""The domain page: texts of responses, examples of intents, and slots, each to be edited."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any

from nicegui.element import Element
from nicegui.events import GenericEventArguments
from pydantic import TypeAdapter, ValidationError

from dialogue_gym._files import FileError
from dialogue_gym._text import counted, visible
from dialogue_gym.conversation.wording import ATTACHMENTS
from dialogue_gym.domain.doubts import place_faults
from dialogue_gym.domain.edits import has_plain_mapping
from dialogue_gym.domain.model import Variation
from dialogue_gym.domain.slot import (
    FROM_ENTITY,
    FROM_INTENT,
    FROM_TEXT,
    FROM_TRIGGER_INTENT,
    SLOT_TYPES,
    Slot,
    SlotMapping,
)
from dialogue_gym.teaching.domain_edits import EditError
from dialogue_gym.web.domain_desk import DomainDesk, DomainNow, Edit, slot_parts
from dialogue_gym.web.pages.refreshing import keep_fresh
from dialogue_gym.web.pages.teach import PARTS, Watchers
from dialogue_gym.web.view import Json
from dialogue_gym.web.workspace import Workspace

_EVERY = 2.0
"""Seconds between two checks for new entries."""
_MOST = 500
"""The number of examples of an intent that are shown at most."""
_READER: TypeAdapter[Any] = TypeAdapter(Edit)


class DomainView(Element, component="domain.js", esm=PARTS):
    """The domain in the browser."""

    def show(self, shown: Json) -> None:
        """Show the current content."""
        self._props["shown"] = shown
        self.update()


class DomainEditor:
    """The state of one open page, and the edits of its teacher."""

    def __init__(self, desk: DomainDesk, teacher: str) -> None:
        """Begin without anything selected."""
        self._desk = desk
        self._teacher = teacher
        self._open = ("", "")
        self._answer: Json | None = None
        self._seen = -1

    def has_news(self) -> bool:
        """Return whether there are entries newer than the content."""
        return self._seen != self._desk.written

    def look(self) -> Json:
        """Return the content; this may take a while."""
        self._seen = self._desk.written
        now = self._desk.look()
        return {
            "responses": [[name, visible(texts[0], 80)] for name, texts in now.responses.items()],
            "intents": [[name, counted(count, "example")] for name, count in now.intents.items()],
            "slots": [[slot.name, _about(slot)] for slot in now.domain.slots],
            "types": SLOT_TYPES,
            "entities": now.domain.known_entities,
            "open": self._opened(now),
            "answer": self._answer,
        }

    def _opened(self, now: DomainNow) -> Json | None:
        kind, name = self._open
        if kind == "responses" and name in now.responses:
            texts = now.responses[name]
            about = [_sent_with(now.domain.variations(name), text) for text in texts]
            items = list(map(_sendable, texts))
            return {"kind": kind, "name": name, "items": items, "about": about, "rest": 0}
        if kind == "intents" and name in now.intents:
            found = now.examples_of(name)
            return {"kind": kind, "name": name, "items": found[:_MOST], "rest": max(0, len(found) - _MOST)}
        if kind == "slots" and name in (parts := slot_parts(now.domain)):
            slot = now.domain.slot(name)
            filled = "" if has_plain_mapping(slot) else "; ".join(map(_filling, slot.mappings))
            return {"kind": kind, "name": name, "form": parts[name], "filled": visible(filled, 500)}
        return None

    def open(self, given: Any) -> None:
        """Select a response, an intent or a slot. A browser may send anything."""
        if isinstance(given, dict):
            self._open = (str(given.get("kind")), str(given.get("name")))

    def edit(self, given: Any) -> None:
        """Make an edit, and keep the answer to it."""
        content = given if isinstance(given, dict) else {}
        self._answer = {"id": content.get("id"), "error": "", "field": "", "is_stale": False, "notes": []}
        try:
            edit = _READER.validate_python(content.get("edit"))
            name = self._desk.edit(edit, self._teacher)
        except EditError as error:
            self._answer |= {
                "error": visible(str(error), 600),
                "field": error.field,
                "is_stale": error.is_stale,
            }
        except ValidationError:
            self._answer |= {"error": "this edit is not complete", "field": "text"}
        except FileError as error:
            self._answer |= {"error": visible(str(error), 600), "field": "text"}
        else:
            kinds = {"response": "responses", "example": "intents", "slot": "slots"}
            self._open = (kinds[edit.kind], name)
            if edit.kind == "response":
                slots = [slot.name for slot in self._desk.look().domain.slots]
                self._answer["notes"] = [
                    f"But: {visible(one, 300)}." for one in place_faults(edit.now or "", slots)
                ]


def _sent_with(variations: Iterable[Variation], text: str) -> str:
    """Return a phrase for what goes with a text of a response, and for when it is said; empty if nothing."""
    phrases = []
    for one in variations:
        if one.text != text:
            continue
        titles = [str(item.get("title")) for item in one.content.get("buttons") or ()]
        phrases += [f"with the buttons {', '.join(titles)}"] if titles else []
        others = [key for key in ATTACHMENTS if key != "buttons" and one.content.get(key)]
        phrases += [f"with {', '.join(others)}"] if others else []
        phrases += [f"if {name} is {value}" for name, value in one.condition or ()]
        phrases += [f"in the channel {one.channel}"] if one.channel else []
    return visible("; ".join(phrases), 300)


def _about(slot: Slot) -> str:
    """Return the type of a slot, with its values."""
    return visible(f"{slot.type}: {', '.join(slot.values)}" if slot.values else slot.type, 80)


def _filling(mapping: SlotMapping) -> str:
    """Return a phrase for the messages that a mapping takes: `affirm: true, in delivery_form`."""
    intents = " or ".join(mapping.intents)
    if mapping.type == FROM_ENTITY:
        marks = (mapping.entity, *(f"as {mark}" for mark in (mapping.role, mapping.group) if mark))
        filled = f"{' '.join(map(str, marks))}{f' in {intents}' if intents else ''}"
    elif mapping.type == FROM_TEXT:
        filled = f"the text of {intents or 'a message'}"
    elif mapping.type in (FROM_INTENT, FROM_TRIGGER_INTENT):
        filled = f"{intents or 'any intent'}: {json.dumps(mapping.value, ensure_ascii=False)}"
    else:
        filled = mapping.action or "an action"
    loops = dict.fromkeys(one.active_loop or "no form" for one in mapping.conditions)
    return f"{filled}, in {' or '.join(loops)}" if loops else filled


def _sendable(text: str) -> str:
    """Return a text as it is; with lone surrogates, which JSON cannot carry to a browser, as it is shown."""
    try:
        text.encode()
    except UnicodeError:
        return visible(text)
    return text


async def domain_page(workspace: Workspace, watchers: Watchers) -> None:
    """Build the page."""
    page, editor = DomainView(), DomainEditor(workspace.shared.desk, workspace.teacher)

    async def look() -> None:
        page.show(await asyncio.to_thread(editor.look))

    async def read(event: GenericEventArguments) -> None:
        editor.open(event.args)
        await look()

    async def edit(event: GenericEventArguments) -> None:
        await asyncio.to_thread(editor.edit, event.args)
        await look()
        await watchers.update_others()

    async def refresh() -> None:
        if await asyncio.to_thread(editor.has_news):
            await look()

    page.on("read", read)
    page.on("edit", edit)
    await keep_fresh(look, refresh, _EVERY)
