"""Reader of stories in the YAML of Rasa 2 and 3 (https://rasa.com/docs/rasa/stories).

PyYAML composes a file as a whole, which takes a kilobyte for every entry. A large file is therefore read in
chunks; if one of them turns out not to be YAML, the file is read whole.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from dialogue_gym._files import FileError
from dialogue_gym._text import nearest, quoted
from dialogue_gym._yaml import YamlNode, parse_yaml
from dialogue_gym._yaml_errors import errors_of
from dialogue_gym.conversation.events import (
    ActiveLoop,
    BotUttered,
    Entity,
    Event,
    SlotSet,
    UserUttered,
    entities_from,
)
from dialogue_gym.domain.loader import IGNORED_KEYS, OWN_KEYS, RASA_KEYS
from dialogue_gym.domain.slot import FILLED
from dialogue_gym.stories import yaml_chunks
from dialogue_gym.stories.entity_markup import read_marked
from dialogue_gym.stories.model import (
    STORY_FILE,
    Either,
    Place,
    Step,
    Story,
    StoryCheckpoint,
    events_named,
)
from dialogue_gym.stories.sentences import read_sentences, with_sentences

# Rasa reads all of these from any file of its training data, and a domain's keys may stand there too.
_OWN_SECTIONS = ("stories", "rules")
OTHER_SECTIONS = tuple(
    key
    for key in (*RASA_KEYS, *IGNORED_KEYS, *OWN_KEYS, "flows", "language", "pipeline", "policies")
    if key not in _OWN_SECTIONS
)
STORY_KEYS = ("story", "steps", "metadata")
RULE_KEYS = ("rule", "steps", "condition", "wait_for_user_input", "conversation_start", "metadata")
STEP_KEYS = ("intent", "user", "or", "action", "bot", "checkpoint", "slot_was_set", "active_loop")
_BESIDE = {"user": ("intent", "entities"), "intent": ("entities",), "checkpoint": ("slot_was_set",)}
"""The keys that a step may have beside the key of its kind."""
_ENTITY_KEYS = {"entity", "value", "role", "group"}
"""The keys of an entity in Rasa's trackers, a form that can tell an entity named `role` from a role."""

_CHUNK = 50_000
_SMALL = 2_000_000
_FEW = 5_000
"""The characters of a chunk; those of a file that is read again as a whole if it cannot be cut; and the steps
that are cached before reuse decides: from then on, a step is cached as long as four of five are reused.
"""


def read(text: str, file: str) -> list[Story]:
    """Return the stories and rules of a YAML text; `file` stands for it in errors.

    Raises:
        StoryError: one sentence with file, line and key.
    """
    if len(text) <= _CHUNK or (sections := yaml_chunks.sections(text, file, OTHER_SECTIONS)) is None:
        return _read_whole(text, file)
    reader = _ChunkReader(file)
    try:
        for section in sections:
            reader.read(section)
    except FileError:
        if len(text) > _SMALL:
            raise
        return _read_whole(text, file)
    return reader.stories


def refuse_other_files(text: str, file: str) -> None:
    """Refuse a YAML text that has no key for stories, as it is probably another kind of file.

    Raises:
        StoryError: the file has neither the key `stories` nor the key `rules`.
    """
    keys = parse_yaml(text, file, STORY_FILE).mapping()
    if not keys.keys() & set(_OWN_SECTIONS):
        has = f"it has {', '.join(map(quoted, list(keys)[:8]))}" if keys else "it is empty"
        raise Place(file, 1).error(f"the file has neither 'stories' nor 'rules'; {has}")


class _ChunkReader:
    """Reader of sections, a few stories at a time, with a cache of their steps, since most of them recur."""

    def __init__(self, file: str) -> None:
        self.stories: list[Story] = []
        self._file = file
        self._known: dict[str, tuple[tuple[Step, ...], int]] = {}
        self._found = 0

    def read(self, section: yaml_chunks.Chunk) -> None:
        waiting: list[str] = []
        size = first = 0
        for item in section.items():
            story = self._simple(item, section.kind == "rules")
            if story is None:
                first = first if waiting else item.first
                waiting += item.lines
                size += sum(map(len, item.lines))
            if waiting and (story or size > _CHUNK):
                self._read_chunk(yaml_chunks.Chunk(section.kind, first, waiting))
                waiting, size = [], 0
            if story:
                self.stories.append(story)
        self._read_chunk(yaml_chunks.Chunk(section.kind, first, waiting))

    def _read_chunk(self, part: yaml_chunks.Chunk) -> None:
        if not part.has_content:
            return
        try:
            self.stories += _stories(parse_yaml(part.text, self._file, STORY_FILE), part.kind, part.first)
        except FileError:
            # Parse again after as many empty lines as come before, for the error to name the right line.
            _stories(parse_yaml("\n" * part.first + part.text, self._file, STORY_FILE), part.kind, 0)
            raise

    def _simple(self, item: yaml_chunks.Chunk, is_rule: bool) -> Story | None:
        """Return a story that has only a plain name and valid steps; None for any other."""
        if len(self._known) > _FEW + self._found / 5:
            return None  # few steps recur: reading them together is faster
        if (cut := item.named_steps("rule" if is_rule else "story")) is None:
            return None
        name, parts = cut
        steps: list[Step] = []
        places: list[Place] = []
        for part in parts:
            text = part.text
            if (known := self._known.get(text)) is None:
                try:
                    (entry,) = parse_yaml(text, self._file, STORY_FILE).items()
                    known = (_step(entry), entry.line)
                except ValueError:
                    return None
                self._known[text] = known
            found, line = known
            self._found += 1
            steps += found
            places += [Place(self._file, part.first + line)] * len(found)
        return Story(name, tuple(steps), self._file, item.first + 1, tuple(places), is_rule)


def errors(text: str, file: str) -> list[FileError]:
    """Return all errors of a YAML text that can be told apart; `read` raises the first."""
    try:
        root = parse_yaml(text, file, STORY_FILE)
    except FileError as error:
        return [error]
    return errors_of(root, _all_stories)


def _read_whole(text: str, file: str) -> list[Story]:
    return _all_stories(parse_yaml(text, file, STORY_FILE))


def _all_stories(root: YamlNode) -> list[Story]:
    sections = root.mapping((*_OWN_SECTIONS, *OTHER_SECTIONS))
    return [
        story
        for kind, section in sections.items()
        if kind in ("stories", "rules")
        for story in _stories(section, kind, 0)
    ]


def _stories(section: YamlNode, kind: str, before: int) -> list[Story]:
    """Read a list of stories that has `before` lines of the file in front of it."""
    items = section.items()
    return [
        _story(YamlNode(item.node, item.file, "", kind=STORY_FILE), kind == "rules", before) for item in items
    ]


def _story(entry: YamlNode, is_rule: bool, before: int) -> Story:
    title = "rule" if is_rule else "story"
    keys = entry.mapping(RULE_KEYS if is_rule else STORY_KEYS)
    if title not in keys:
        raise entry.error(f"a {title} needs its name under {title!r}")
    name = keys[title]
    conditions = 0
    steps: list[Step] = []
    places: list[Place] = []
    for key in ("condition", "steps"):
        for item in keys[key].items() if key in keys else ():
            found = _step(item)
            steps += found
            places += [Place(entry.file, item.line + before)] * len(found)
            conditions += len(found) if key == "condition" else 0
    if "metadata" in keys:
        steps = with_sentences(steps, read_sentences(keys["metadata"]))
    return Story(
        "" if name.is_null else name.text("name"),
        tuple(steps),
        entry.file,
        name.line + before,
        tuple(places),
        is_rule,
        conditions,
        "conversation_start" in keys and keys["conversation_start"].flag(),
        "wait_for_user_input" not in keys or keys["wait_for_user_input"].flag(),
    )


def _step(entry: YamlNode) -> tuple[Step, ...]:
    if not entry.is_mapping:
        if entry.text("step") == "...":
            return ()  # in a rule: anything may come before
        raise entry.error(f"a step is a key such as 'intent' or 'action', not {quoted(entry.text())}")
    keys = entry.mapping()
    kind = next((key for key in ("user", "intent", "or", "checkpoint", *STEP_KEYS) if key in keys), None)
    for key in keys:
        if key not in (kind, "metadata", *_BESIDE.get(kind or "", ())):
            if kind and key in STEP_KEYS:
                raise entry.error(f"a step cannot be both {kind!r} and {key!r}")
            raise keys[key].error(
                f"unknown key in a step; {nearest(key, (*STEP_KEYS, 'entities', 'metadata'))}"
            )
    if kind in ("user", "intent"):
        return (_message(keys),)
    if kind == "or":
        return (_either(keys["or"]),)
    if kind == "checkpoint":
        slots = _slots_set(keys["slot_was_set"]) if "slot_was_set" in keys else ()
        values = {event.name: event.value for event in slots}
        return (StoryCheckpoint(_text(keys["checkpoint"]), values),)
    if kind == "slot_was_set":
        return _slots_set(keys["slot_was_set"])
    return _of_the_bot(kind, keys[kind]) if kind else ()


def _of_the_bot(kind: str, entry: YamlNode) -> tuple[Step, ...]:
    if kind == "active_loop":
        return (ActiveLoop(None if entry.is_null else entry.text("name")),)
    if kind == "bot":
        return (BotUttered(entry.text()),)
    name = _text(entry)
    try:
        return events_named(name, {})
    except ValueError as error:
        raise entry.error(str(error)) from None


def _text(entry: YamlNode) -> str:
    text = entry.text("name")
    if not text:
        raise entry.error("expected a name, not an empty text")
    return text


def _message(keys: dict[str, YamlNode]) -> UserUttered:
    intent = _text(keys["intent"]).removeprefix("/") if "intent" in keys else None
    said, entities = read_marked(keys["user"].text().strip()) if "user" in keys else (None, ())
    if "entities" in keys:
        listed = _entities(keys["entities"])
        bare = [(entity.name, repr(entity.value)) for entity in listed]
        if bare != [(entity.name, repr(entity.value)) for entity in entities]:
            entities = listed
    return UserUttered(said, intent or None, entities)


def _entities(entry: YamlNode) -> tuple[Entity, ...]:
    if entry.is_mapping:
        return entities_from({name: value.value() for name, value in entry.mapping().items()})
    found: list[Entity] = []
    for item in entry.items():
        if not item.is_mapping:
            found.append(Entity(item.text("entity"), ""))  # only its name: with any value
            continue
        keys = item.mapping()
        if {"entity", "value"} <= keys.keys() <= _ENTITY_KEYS:
            found.append(Entity(_text(keys["entity"]), keys["value"].value(), **_options(keys)))
            continue
        options = _options(keys) if len(keys) > 1 else {}
        values = {name: value.value() for name, value in keys.items() if name not in options}
        found += (dataclasses.replace(entity, **options) for entity in entities_from(values))
    return tuple(found)


def _options(keys: Mapping[str, YamlNode]) -> dict[str, Any]:
    return {key: keys[key].text() for key in ("role", "group") if key in keys}


def _either(entry: YamlNode) -> Either:
    options: list[tuple[Event, ...]] = []
    for item in entry.items():
        keys = item.mapping(("intent", "user", "entities", "slot_was_set", "metadata"))
        if "slot_was_set" in keys:
            options.append(_slots_set(keys["slot_was_set"]))
        elif "intent" in keys or "user" in keys:
            options.append((_message(keys),))
        else:
            raise item.error("each part of an 'or' needs an 'intent' or 'slot_was_set'")
    if not all(options):
        raise entry.error("each part of an 'or' needs at least one slot")
    if not options:
        raise entry.error("an 'or' needs at least one part")
    return Either(tuple(options))


def _slots_set(entry: YamlNode) -> tuple[SlotSet, ...]:
    """Return slots with their values; one that is only named is filled, if its type allows that."""
    if entry.is_mapping:
        return tuple(SlotSet(name, value.value()) for name, value in entry.mapping().items())
    return tuple(
        event
        for item in entry.items()
        for event in (
            _slots_set(item) if item.is_mapping else [SlotSet(_text(item), FILLED, is_named_only=True)]
        )
    )
