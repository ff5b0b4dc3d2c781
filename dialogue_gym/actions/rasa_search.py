"""The search of a bot for Rasa's action server: venues found, offers, and answers.

A project exported for Rasa has a copy of this file, `search_rules.py` with the rules, `search.json` with the
names of the domain, and the venues. They need Python 3.8 and nothing else.
"""

from __future__ import annotations

import csv
import json
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from dialogue_gym.rules import bot, search, tables

Json = Any  # an object; Python 3.8 has no dict[str, Any] here

_LOG = logging.getLogger(__name__)
_TAKEN = ("text", "image", "json_message", "template", "response", "attachment", "buttons", "elements")
"""Arguments of `utter_message`, which columns of the same name do not fill."""


def read_search(folder: Path) -> Search:
    """Return the search that `search.json` in a folder describes, with the venues in its file."""
    names = json.loads((folder / "search.json").read_text("utf-8"))
    with (folder / names["venues"]).open(encoding="utf-8", newline="") as file:
        venues = [{column: cell or None for column, cell in row.items()} for row in csv.DictReader(file)]
    return Search(names, venues)


class Search:
    """Search of the venues in a conversation, which is played again for each answer.

    Attributes:
        venues: the venues, their cells by column; None stands for a value that is not known.
        tables: the rules in numbers, with the names of `dialogue_gym.rules.Tables`.
    """

    def __init__(self, names: Json, venues: list[dict[str, str | None]]) -> None:
        """Prepare a search.

        Args:
            names: the content of `search.json`.
            venues: the venues.
        """
        self.venues = venues
        self._names = names
        self._slots = names["constraints"]
        self._actions: list[Json] = [{}, {}, *names["actions"]]
        self._code = {action["name"]: code for code, action in enumerate(names["actions"], 2)}
        self._labels = dict(names["fields"])
        self._at = {name: place for place, (name, _) in enumerate(names["fields"])}
        self._venue = {venue[names["name"]]: number for number, venue in enumerate(venues)}
        self.tables = self._tables()

    def _tables(self) -> Any:
        names, slots = self._names, range(len(self._slots))
        words = (len(self.venues) + tables.WORD - 1) // tables.WORD
        everything = self._set_of(range(len(self.venues)), words)
        found: Json = {}
        place = len(self._at)
        sizes = dict.fromkeys(("values", "scores", "seconds", "second_scores", "heard", "others"), len(slots))
        sizes.update(found=words, turned_down=words, search=tables.SEARCH_FIGURES)
        for name, size in sizes.items():
            found[name], place = place, place + size
        venues_with: list[int] = []
        match_at = []
        for slot in self._slots:
            match_at.append(len(venues_with))
            codes = [self._encode(slot, venue[slot["slot"]]) for venue in self.venues]
            venues_with += everything
            for value in range(1, len(slot["values"])):  # the last one does not matter
                venues_with += self._set_of((n for n, code in enumerate(codes) if code == value), words)
            venues_with += everything + [0] * words
        acts = {
            "confirm": tables.CONFIRM,
            "offer": tables.OFFER,
            "alternative": tables.ALTERNATIVE,
            "answer": tables.ANSWER,
        }
        order = [slot["slot"] for slot in self._slots]
        roles = {role: names["intents"].index(name) + 1 for role, name in names["roles"].items()}
        return SimpleNamespace(
            **found,
            **roles,
            **{
                name: self._at[name]
                for name in ("intent", "intent_confidence", "said", "spoken", "done", *names["shown"])
            },
            size=place - min(tables.FIRST_VENUE, tables.HEARD_ATTRIBUTES),
            is_search=True,
            words=words,
            all_venues=everything,
            venues_with=venues_with,
            match_at=match_at,
            constraints=[*slots],
            plain_slots=(),
            is_constraint=[True for _ in slots],
            slot_at=[self._at.get("slot." + slot["slot"], -1) for slot in self._slots],
            seen=[[0, *[1] * (len(slot["values"]) - 1), 2, 1] for slot in self._slots],
            reaction=[acts.get(action.get("act", ""), 0) for action in self._actions],
            about=[order.index(one["about"]) if one.get("about") else -1 for one in self._actions],
            speaks=[action.get("speaks", False) for action in self._actions],
        )

    @staticmethod
    def _set_of(venues: Any, words: int) -> list[int]:
        """Return a set of venues as words."""
        result = [0] * words
        for venue in venues:
            result[venue // tables.WORD] |= 1 << venue % tables.WORD
        return result

    @staticmethod
    def _encode(slot: Json, value: Any) -> int:
        """Return the code of a value: 0 for none, and one more than there are for an unlisted one."""
        if value is None:
            return 0
        known = [one.lower() for one in slot["values"]]
        text = str(value).lower()
        return 1 + (known.index(text) if text in known else len(known))

    # The state of a conversation.

    def slots_after_message(self, tracker: Any) -> list[Json]:
        """Return the events that set the slots of the search after the user's last message."""
        return self._news(_State(self, tracker.events), tracker, [])

    def serve(self, action: str, dispatcher: Any, tracker: Any) -> list[Json]:
        """Offer a venue or answer what was asked, and return the events that set the slots."""
        state = _State(self, tracker.events)
        if not state.allows(self._code[action]):
            _LOG.warning("%s is not possible now: %s", action, self._actions[self._code[action]]["needs"])
            return []
        asked = state.asked
        state.did(action)
        responses = self._actions[self._code[action]]["responses"]
        row, venue = state.row, state.venue
        if self.tables.reaction[self._code[action]] == tables.ANSWER:
            keys = asked
        elif venue:
            keys = [""]
        else:
            keys = ["no_match" if row[self.tables.offer] == tables.NO_MATCH else "no_other"]
        cells = {name: venue.get(name) for name in [*self._names["columns"], *venue]}
        for key in keys:
            if responses.get(key):
                fills = {name: cell or "?" for name, cell in cells.items() if name not in _TAKEN}
                dispatcher.utter_message(response=responses[key], **fills)
        return self._news(state, tracker, self._names["columns"])

    def _news(self, state: _State, tracker: Any, columns: list[str]) -> list[Json]:
        """Return events for the slots that are to change."""
        wanted: Json = dict(state.values)
        for field, slot in self._names["shown"].items():
            wanted[slot] = self._labels[field][state.row[self._at[field]]]
        for column in columns:
            wanted[column] = state.venue.get(column)
        return [
            {"event": "slot", "timestamp": None, "name": name, "value": value}
            for name, value in wanted.items()
            if tracker.get_slot(name) != value
        ]


class _State:
    """The bot's half of a row after some events of a Rasa tracker."""

    def __init__(self, of: Search, events: list[Json]) -> None:
        self._search = of
        self._names = of._names
        self._filled: Json = {}
        self.values: Json = {}
        self.row = [0] * of.tables.size
        self._forget()
        for event in _applied(events):
            kind = event.get("event")
            if kind == "user":
                self._hear(event.get("parse_data") or {})
            elif kind == "action":
                self.did(event["name"])
            elif kind == "slot":
                self._set(event["name"], event.get("value"))

    def _forget(self) -> None:
        self.row = [0] * self._search.tables.size
        self.values = {slot["slot"]: None for slot in self._search._slots}
        search.find_venues(self.row, self._search.tables)

    @property
    def venue(self) -> dict[str, str | None]:
        """The venue that was offered last; empty if there is none."""
        number = self.row[self._search.tables.search + tables.ON_OFFER]
        return self._search.venues[number - 1] if number else {}

    @property
    def asked(self) -> list[str]:
        """The attributes that the user has asked for and not been told."""
        bits = self.row[self._search.tables.search + tables.ASKED]
        return [name for bit, name in enumerate(self._names["attributes"]) if bits >> bit & 1]

    def allows(self, code: int) -> bool:
        """Return whether the precondition of an action holds."""
        labels, at = self._search._labels, self._search._at
        needs = self._search._actions[code].get("needs", {})
        return all(labels[field][self.row[at[field]]] in allowed for field, allowed in needs.items())

    def did(self, name: str) -> None:
        """Take note of an action, with what it does for the user."""
        if name == "action_listen":
            return
        self._filled = {}
        if (code := self._search._code.get(name)) is not None:
            can_serve = self.allows(code)
            bot.did(self.row, self._search.tables, code)
            if can_serve:
                search.serve(self.row, self._search.tables, code)

    def _hear(self, message: Json) -> None:
        row, t = self.row, self._search.tables
        intent = message.get("intent") or {}
        entities = message.get("entities") or []
        sure = [intent.get("confidence"), *(one.get("confidence_entity") for one in entities)]
        self._filled = {}
        for place, slot in enumerate(self._search._slots):
            found = [one.get("value") for one in entities if one.get("entity") == slot["entity"]]
            if found:
                self._filled[slot["slot"]] = found[-1]
            row[t.heard + place] = self._search._encode(slot, found[-1]) if found else 0
            row[t.others + place] = 0
        asked = [one.get("value") for one in entities if one.get("entity") == "attribute"]
        row[tables.HEARD_ATTRIBUTES] = sum(
            1 << bit for bit, name in enumerate(self._names["attributes"]) if name in asked
        )
        name = str(intent.get("name") or "").partition("/")[0]
        code = self._names["intents"].index(name) + 1 if name in self._names["intents"] else 0
        score = round(100 * min([1.0, *(one for one in sure if one is not None)]))
        search.hear_search(row, t, code, score, 0)
        self.values.update(self._filled)
        self._believe()

    def _believe(self) -> None:
        """Give each slot its likelier value."""
        for place, slot in enumerate(self._search._slots):
            code = self.row[self._search.tables.values + place]
            if self._search._encode(slot, self.values[slot["slot"]]) != code:
                known = slot["values"]
                self.values[slot["slot"]] = None if not code else [*known, "other"][code - 1]

    def _set(self, name: str, value: Any) -> None:
        t = self._search.tables
        if name == self._names["name"]:
            self.row[t.search + tables.ON_OFFER] = 1 + self._search._venue.get(value, -1)
        # What the search itself has set is no news; another action may set more.
        if name in self.values and value != self.values[name] and self._filled.get(name, ...) != value:
            place = [slot["slot"] for slot in self._search._slots].index(name)
            self.values[name] = value
            code = self._search._encode(self._search._slots[place], value)
            search.store(self.row, t, place, code, tables.CERTAIN_SCORE)


def _applied(events: list[Json]) -> list[Json]:
    """Return the events still in effect."""
    kept: list[Json] = []
    for event in events:
        kind = event.get("event")
        if kind in ("restart", "session_started") or event.get("name") == "action_restart":
            kept = []
        elif kind in ("rewind", "undo"):
            last = "user" if kind == "rewind" else "action"
            while kept and kept.pop().get("event") != last:
                pass
        else:
            kept.append(event)
    return kept
