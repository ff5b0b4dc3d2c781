"""A search in a project for Rasa 3: its slots, responses and stories, and the code that runs it.

Rasa has no search of its own, and takes every action `utter_...` for a plain response. So an action searches
after each message (a custom slot mapping), and the offers and answers become actions of their own.
"""

from __future__ import annotations

import ast
import csv
import dataclasses
import functools
import inspect
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dialogue_gym._text import take_name
from dialogue_gym.actions import rasa_search
from dialogue_gym.actions.payloads import variation_json
from dialogue_gym.conversation.bot_state import BotState
from dialogue_gym.conversation.effects import service_texts
from dialogue_gym.conversation.events import (
    ActionExecuted,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUttered,
    Value,
)
from dialogue_gym.conversation.search_state import SERVICES
from dialogue_gym.domain import Domain
from dialogue_gym.domain.observation import SEARCH_FIELDS, describe, observation_fields
from dialogue_gym.domain.slot import DONT_CARE
from dialogue_gym.domain.venues import Database
from dialogue_gym.rules import bot, search, tables
from dialogue_gym.stories import Either, OtherEvent, Step, Story, StoryCheckpoint
from dialogue_gym.teaching.export_actions import CodedAction

Json = dict[str, Any]

SEARCH, RULES, NAMES, VENUES, ACTIONS = (
    "search.py", "search_rules.py", "search.json", "venues.csv", "search_actions.py",
)  # fmt: skip
"""The files of a search in the folder of actions."""
_UTTER, _ACTION, _AFTER_MESSAGE = "utter_", "action_", "action_search"


class SearchExport:
    """The search of a domain whose users search, under the names that it has in Rasa.

    Attributes:
        domain: the domain.
        actions: by service, the name of its action.
        after_message: the action that searches after each message.
        shown: by observed field of the search, the name of its slot.
        columns: the columns of the database that become slots when a venue is offered.
    """

    def __init__(self, domain: Domain) -> None:
        """Choose names that the domain does not have yet."""
        self.domain = domain
        taken = {*domain.actions, *(response.name for response in domain.responses)}
        services = [name for name in domain.actions if domain.action_model(name).reaction in SERVICES]
        self.actions = {
            name: take_name(_ACTION + name.removeprefix(_UTTER), taken, "{name}_{number}")
            if name.startswith(_UTTER)
            else name
            for name in services
        }
        self.after_message = take_name(_AFTER_MESSAGE, taken, "{name}_{number}")
        self._texts = {name: service_texts(name, domain) for name in services}
        self._responses = {
            name: {
                key: name
                if not key and name.startswith(_UTTER)
                else take_name(
                    _UTTER + "_".join(filter(None, (name.removeprefix(_UTTER), key))),
                    taken,
                    "{name}_{number}",
                )
                for key in self._texts[name]
            }
            for name in services
        }
        slots = {slot.name for slot in domain.slots}
        self.columns = [name for name in self._database.columns if name not in slots]
        used = {*slots, *self.columns}
        self.shown = {field: take_name(f"search_{field}", used, "{name}_{number}") for field in SEARCH_FIELDS}

    @property
    def _database(self) -> Database:
        assert self.domain.database is not None
        return self.domain.database

    # The domain file.

    def add_to(self, content: Json) -> None:
        """Add the search to the content of a domain file for Rasa, which has none."""
        domain, slots = self.domain, content.setdefault("slots", {})
        own = {slot.name for slot in domain.slots}
        mapping = [{"type": "custom", "action": self.after_message}]
        for slot in domain.slots:
            if slot.is_constraint:
                slots[slot.name]["values"] = [*slot.values, DONT_CARE]
                slots[slot.name]["mappings"] = mapping
        for field, name in self.shown.items():
            slots[name] = {
                "type": "categorical",
                "values": list(SEARCH_FIELDS[field]),
                "mappings": mapping,
            }
        for name in self.columns:
            if name not in own:
                slots[name] = {"type": "text", "influence_conversation": False, "mappings": mapping}
        content["entities"] = [
            one for one in content.get("entities", []) if one != self._database.name or one in domain.entities
        ]
        actions = [self.actions.get(one, one) if isinstance(one, str) else one for one in content["actions"]]
        content["actions"] = [*actions, self.after_message]
        responses = content.setdefault("responses", {})
        for service, named in self._responses.items():
            for key, name in named.items():
                responses.pop(f"{service}/{key}", None)
                if texts := self._texts[service][key]:  # an offer without one keeps what stands for it
                    responses[name] = [variation_json(one) for one in texts]

    # Stories.

    def story(self, story: Story) -> Story:
        """Return a story with the actions of the project, and the slots that the search has after each step.

        Stories with alternatives or checkpoints only get the actions.
        """
        if any(isinstance(step, (Either, OtherEvent, StoryCheckpoint)) for step in story.steps):
            return dataclasses.replace(story, steps=tuple(map(self._renamed, story.steps)))
        return dataclasses.replace(story, steps=tuple(self._steps(story)))

    def _renamed(self, step: Step) -> Step:
        if isinstance(step, ActionExecuted):
            return dataclasses.replace(step, name=self.actions.get(step.name, step.name))
        if isinstance(step, Either):
            options = tuple(tuple(map(self._renamed, option)) for option in step.options)
            return dataclasses.replace(step, options=options)  # type: ignore[arg-type]
        return step

    def _steps(self, story: Story) -> Iterator[Step]:
        state, known = BotState(self.domain), dict[str, Value]()
        for index, step in enumerate(story.steps):
            assert not isinstance(step, (Either, OtherEvent, StoryCheckpoint))
            following = story.steps[index + 1] if index + 1 < len(story.steps) else None
            state.apply(step)
            if isinstance(step, (Restarted, SessionStarted)):
                known = {}
            if not (isinstance(step, SlotSet) and self._is_constraint(step.name)):
                yield self._renamed(step)
            # A service and the venue that it offers are one action.
            if isinstance(following, SlotSet) and following.name == self._database.name:
                continue
            if isinstance(step, (UserUttered, SlotSet)) or self._is_service(step):
                now = self._values(state)
                yield from (SlotSet(name, value) for name, value in now.items() if known.get(name) != value)
                known = now

    def _is_constraint(self, slot: str) -> bool:
        return any(one.is_constraint for one in self.domain.slots if one.name == slot)

    def _is_service(self, step: Step) -> bool:
        return isinstance(step, ActionExecuted) and step.name in self.actions

    def _values(self, state: BotState) -> dict[str, Value]:
        seen = describe(observation_fields(self.domain), state.observation)
        slots = {slot.name: state.slots[slot.name] for slot in self.domain.slots if slot.is_constraint}
        return slots | {name: seen[field] for field, name in self.shown.items()}

    # The code.

    def files(self) -> dict[str, str]:
        """Return the texts of the files of the search in the folder of actions, by name."""
        venues = io.StringIO()
        writer = csv.writer(venues, lineterminator="\n")
        writer.writerow(self._database.columns)
        writer.writerows([cell or "" for cell in row] for row in self._database.rows)
        return {
            SEARCH: _search_code(),
            RULES: rules_code(),
            NAMES: json.dumps(self.names(), ensure_ascii=False, indent=1) + "\n",
            VENUES: venues.getvalue(),
            ACTIONS: self._classes(),
        }

    def names(self) -> Json:
        """Return the content of `search.json`: the names of the domain that the search needs."""
        domain, user = self.domain, self.domain.fake_user
        assert user is not None and user.search is not None
        shown = {"intent", "intent_confidence", "said", "spoken", "done", *SEARCH_FIELDS}
        slots = [slot for slot in domain.slots if slot.is_constraint]
        kept = [f"{kind}.{slot.name}" for slot in slots for kind in ("slot", "confidence", "second")]
        fields = [field for field in observation_fields(domain) if field.name in (*shown, *kept)]
        return {
            "venues": VENUES,
            "name": self._database.name,
            "columns": self.columns,
            "attributes": list(user.search.attributes),
            "constraints": [
                {"slot": slot.name, "entity": slot.entity, "values": [*slot.values, DONT_CARE]}
                for slot in slots
            ],
            "intents": list(domain.intents),
            "roles": dict(user.intents),
            "fields": [[field.name, list(field.labels)] for field in fields],
            "shown": self.shown,
            "actions": [self._action(name, {field.name for field in fields}) for name in domain.actions[2:]],
        }

    def _action(self, name: str, fields: set[str]) -> Json:
        model = self.domain.action_model(name)
        found: Json = {"name": self.actions.get(name, name), "speaks": model.speaks}
        if model.reaction in (*SERVICES, "confirm"):
            found["act"] = model.reaction
        if model.reaction == "confirm":
            found["about"] = model.slot
        if name in self.actions:
            needs = {field: list(labels) for field, labels in model.needs.clauses if field in fields}
            found |= {"needs": needs, "responses": self._responses[name]}
        return found

    @property
    def coded(self) -> list[CodedAction]:
        """The actions that the code has."""
        names = (self.after_message, *self.actions.values())
        return [CodedAction(name, Path(ACTIONS), "", is_sdk=True) for name in names]

    def _classes(self) -> str:
        parts = [_HEAD, _CLASS.format(cls="ActionSearch", name=self.after_message, does=_AFTER)]
        for number, name in enumerate(self.actions.values(), 1):
            does = "_SEARCH.serve(self.name(), dispatcher, tracker)"
            parts.append(_CLASS.format(cls=f"ActionServe{number}", name=name, does=does))
        return "\n\n".join(parts)


_AFTER = "_SEARCH.slots_after_message(tracker)"
_HEAD = '''"""The search as actions of the bot, for Rasa's action server."""

from pathlib import Path

from rasa_sdk import Action

from .search import read_search

_SEARCH = read_search(Path(__file__).parent)
'''
_CLASS = """class {cls}(Action):
    def name(self):
        return "{name}"

    def run(self, dispatcher, tracker, domain):
        return {does}
"""


@functools.cache
def _search_code() -> str:
    """Return the code of the search, which imports the rules beside it."""
    code = inspect.getsource(rasa_search)
    modules = "".join(f"from . import search_rules as {name}\n" for name in ("bot", "search", "tables"))
    changed = code.replace("from dialogue_gym.rules import bot, search, tables\n", modules)
    assert changed != code
    return changed


@functools.cache
def rules_code() -> str:
    """Return the rules of the search as one module that imports nothing: constants, then functions."""
    functions = []
    for module in (bot, search):
        source = inspect.getsource(module)
        body = [node for node in ast.parse(source).body if not isinstance(node, (ast.Import, ast.ImportFrom))]
        start = body[1].lineno  # after the docstring
        functions.append("\n".join(source.splitlines()[start - 1 :]))
    used = {*re.findall(r"\b[A-Z][A-Z_]+\b", " ".join([*functions, inspect.getsource(rasa_search)]))}
    constants = {name: vars(tables)[name] for name in vars(tables) if name in used}
    parts = [
        '"""The rules of the search, as dialogue-gym has them: made by it, not to be edited."""',
        "from __future__ import annotations",
        "\n".join(f"{name} = {value}" for name, value in constants.items()),
    ]
    return "\n\n".join([*parts, *functions]) + "\n"
