"""Taught conversations as stories, and their addition to the text of a story file."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from dialogue_gym._text import in_lines_of, printable, quoted, take_name, whole_characters
from dialogue_gym.conversation.conversation import Conversation, decisions
from dialogue_gym.conversation.events import ActionExecuted, SessionStarted, SlotSet, UserUttered, Value
from dialogue_gym.conversation.turns import is_users_turn
from dialogue_gym.domain import Domain
from dialogue_gym.domain.slot import FILLED
from dialogue_gym.domain.yaml_edit import InsertionError, insert
from dialogue_gym.journal.entry import LABEL, MEND, STORY, TEACHERS, USER, Entry
from dialogue_gym.journal.history import History
from dialogue_gym.stories import (
    Either,
    OtherEvent,
    Step,
    Story,
    StoryCheckpoint,
    StoryError,
    contradictions,
    dump,
    parse,
    replay,
    story_of,
)
from dialogue_gym.stories.rulebook import RuleBook
from dialogue_gym.stories.sentences import bare
from dialogue_gym.stories.yaml_writer import LARGEST_WHOLE
from dialogue_gym.teaching.export_examples import placed
from dialogue_gym.teaching.learner import right_actions
from dialogue_gym.teaching.mode import TURN_TAKINGS, turn_taking_in
from dialogue_gym.teaching.navigation import is_live, is_simulated
from dialogue_gym.teaching.story_import import imported_stories

_INTENTS = 4
"""The maximum number of intents in the name of a story."""
_CANNOT_STOP = (Either, OtherEvent, StoryCheckpoint)
Right = Mapping[bytes, tuple[str, ...]]
"""The right actions by observation."""
_NUMBERED = re.compile(r" \(\d+\)$")


def stories_of(history: History, domain: Domain) -> list[Story]:
    """Return the conversations with a user's message as stories, in the order of their beginnings.

    Imported stories are left out, unless a teacher continued them.

    Raises:
        StoreError: the content of an entry does not fit its kind.
        DomainError: an event names an action or a slot that the domain does not have.
    """
    return [
        story
        for conversation in history.conversations
        if not _is_a_story(history, conversation)
        and (story := _story(conversation, history.conversation(domain, conversation)))
    ]


def lessons_of(history: History, domain: Domain) -> list[Story]:
    """Return what was taught as stories that other learners can take as they are, without duplicates.

    They are the imported stories and rules as they were written, and the conversations in which a teacher
    answered. All but rules and stories with checkpoints or alternatives stop before the first turn that is
    unfinished, or has an action that a rule contradicts, or that a teacher called wrong later. Texts and
    values of the simulation are left out.

    Raises:
        StoreError: the content of an entry does not fit its kind.
        DomainError: an event names an action or a slot that the domain does not have.
    """
    mode = turn_taking_in(history)
    right = {mode: right_actions(history, domain, domain.actions, mode) for mode in TURN_TAKINGS}
    found: dict[tuple[bool, str], Story] = {}
    for story in [*_imported(history, domain, right[mode], mode), *_taught(history, domain, right, mode)]:
        found.setdefault((story.is_rule, repr(story.steps)), story)
    names: dict[bool, set[str]] = {True: set(), False: set()}
    return [_named(story, names[story.is_rule]) for story in found.values()]


def _imported(history: History, domain: Domain, right: Right, turn_taking: str) -> Iterator[Story]:
    for story in imported_stories(history):
        if story.is_rule or any(isinstance(one, _CANNOT_STOP) for one in story.steps):
            yield story
            continue
        record = replay(domain, story)
        kept = _whole_turns(record, right, turn_taking, is_whole=True)
        if len(kept) == len(record):
            yield story
        elif steps := story_of(kept, story.name).steps:
            yield Story(story.name, steps)


def _unruled(record: Conversation, rules: RuleBook) -> Conversation:
    """Return a conversation up to the first action that a rule contradicts."""
    for index, event in enumerate(record.events) if rules.rules else ():
        if isinstance(event, ActionExecuted):
            before = Conversation(record.domain, record.events[:index], record.sender_id)
            ruling = rules.decide(before)
            if ruling and ruling.rule and ruling.action != event.name:
                return before
    return record


def _taught(history: History, domain: Domain, right: Mapping[str, Right], mode: str) -> Iterator[Story]:
    rules = RuleBook(domain, imported_stories(history))
    for conversation in history.conversations:
        path = history.path(conversation)
        if _is_a_story(history, conversation) or not any(map(_is_lesson, path)):
            continue
        turn_taking = "auto" if is_live(history, conversation) else mode
        record = history.conversation(domain, conversation)
        is_whole = record.outcome == "success" or is_users_turn(record, turn_taking)
        record = _unruled(record, rules)
        is_whole &= len(record) == len(history.events(conversation))
        kept = _whole_turns(record, right[turn_taking], turn_taking, is_whole)
        story = _story(conversation, kept, tells_slots=True)
        if story:
            yield _without_simulation(story) if is_simulated(history, path[0].id) else story


def _is_lesson(entry: Entry) -> bool:
    return entry.kind == MEND or (entry.kind == LABEL and entry.content["by"] in TEACHERS)


def has_unknown_stories(history: History) -> bool:
    """Return whether stories were imported by version 0.1, which did not keep them as they were written."""
    return not imported_stories(history) and any(
        entry.author == STORY for name in history.conversations for entry in history.path(name)[:1]
    )


def _is_a_story(history: History, conversation: str) -> bool:
    return all(
        entry.author == STORY for entry in history.path(conversation) if entry.kind in (USER, LABEL, MEND)
    )


def _story(conversation: str, record: Conversation, *, tells_slots: bool = False) -> Story | None:
    """Return a conversation as a story; None without a message of the user."""
    story = story_of(record, conversation, tells_slots=tells_slots)
    intents = [step.intent for step in story.steps if isinstance(step, UserUttered)]
    if not intents:
        return None
    steps = list(map(_writable, story.steps))
    begins = isinstance(steps[0], SessionStarted)  # as every story does
    return Story(_name(conversation, intents), tuple(steps[begins:]))


def _writable(step: Step) -> Step:
    """Return a step that a file can hold, of a message with the places of its entities."""
    if isinstance(step, UserUttered):
        entities = tuple(dataclasses.replace(entity, value=_whole(entity.value)) for entity in step.entities)
        text = None if step.text is None else whole_characters(step.text)
        return placed(dataclasses.replace(step, text=text, entities=entities))
    return dataclasses.replace(step, value=_whole(step.value)) if isinstance(step, SlotSet) else step


def _whole(value: Value) -> Value:
    """Return a value that a file can hold: with whole characters, and with the longest numbers as texts."""
    if isinstance(value, str):
        return whole_characters(value)
    if isinstance(value, int) and abs(value) >= LARGEST_WHOLE:
        return str(value)
    if isinstance(value, dict):
        return {whole_characters(key): _whole(item) for key, item in value.items()}
    return [_whole(item) for item in value] if isinstance(value, list) else value


def _whole_turns(record: Conversation, right: Right, turn_taking: str, is_whole: bool) -> Conversation:
    """Return a conversation up to the first turn that is unfinished, or has an action that is wrong now.

    Args:
        record: the conversation.
        right: the right actions by observation.
        turn_taking: `"explicit"` or `"auto"`.
        is_whole: whether the last turn is finished.
    """
    kept = list(record.events)
    for decision in decisions(record, turn_taking, is_finished=False):
        if decision.action not in right.get(decision.observation.tobytes(), (decision.action,)):
            kept, is_whole = kept[: decision.event], False
            break
    if not is_whole:
        said = [place for place, event in enumerate(kept) if isinstance(event, UserUttered)]
        kept = kept[: said[-1]] if said else []
    return Conversation(record.domain, kept, record.sender_id)


def _without_simulation(story: Story) -> Story:
    """Return a story without the texts of a fake user, and without stand-ins for values of slots."""
    return Story(story.name, tuple(map(_of_rasa, story.steps)))


def _of_rasa(step: Step) -> Step:
    if isinstance(step, UserUttered):
        entities = tuple(dataclasses.replace(entity, start=None, end=None) for entity in step.entities)
        return dataclasses.replace(step, text=None, entities=entities)
    if isinstance(step, SlotSet) and step.value == [FILLED]:
        return SlotSet(step.name, FILLED, is_named_only=True)
    return step


def _name(conversation: str, intents: Iterable[str | None]) -> str:
    """Return a name that is valid in both formats: the conversation's, and the user's intents."""
    wanted = [intent or "?" for intent in intents]
    changes = [one for one, before in zip(wanted, [None, *wanted], strict=False) if one != before]
    words = [conversation, *changes[:_INTENTS], *(["and more"] if len(changes) > _INTENTS else [])]
    return re.sub(r"[^\w./+-]+", " ", " ".join(words)).strip() or "conversation"


def _named(story: Story, taken: set[str]) -> Story:
    """Return a story under a free name, which is taken from then on."""
    return dataclasses.replace(story, name=take_name(story.name, taken))


def with_stories(
    text: str | None,
    path: Path,
    stories: Iterable[Story],
    story_format: str,
    for_training: bool = False,
) -> str | None:
    """Return the text of a story file with new stories appended; None without any.

    Args:
        text: the text of the file; None if it does not exist yet.
        path: the file, for errors.
        stories: the stories; those that the file has already are not new.
        story_format: `"markdown"` or `"yaml"`.
        for_training: see `dump`.

    Raises:
        StoryError: a story cannot be written in this format, or added to the file.
    """
    known = parse(text, str(path), story_format) if text else []
    names = {story.name for story in known}
    existing = {_key(story, story.steps) for story in known}
    new = [
        _named(story, names)
        for story in stories
        if _key(story, _as_read(story, story_format)) not in existing
    ]
    if not new:
        return None
    if text is None:
        return dump(new, story_format, for_training=for_training)
    if story_format == "markdown":
        return text + in_lines_of(text, "\n" * (2 - text.endswith("\n")) + dump(new, story_format))
    parts = {"stories": [one for one in new if not one.is_rule], "rules": [one for one in new if one.is_rule]}
    blocks = {
        key: dump(some, story_format, for_training=for_training).partition(f"\n{key}:\n")[2]
        for key, some in parts.items()
        if some
    }
    try:
        return insert(text, blocks)
    except InsertionError as error:
        raise StoryError(f"{path}: cannot add stories: {error}") from None


def superseded(text: str | None, path: Path, stories: Sequence[Story], domain: Domain) -> list[str]:
    """Return a line for each story of a file that contradicts what was taught since.

    Args:
        text: the text of the file, in YAML; None if it does not exist yet.
        path: the file.
        stories: what is taught now.
        domain: the domain of the stories; a file that uses other names is not compared.
    """
    told = {_key(story, _as_read(story, "yaml")) for story in stories}
    file = str(path)
    known = parse(text, file, "yaml") if text else []
    old = [story for story in known if not story.is_rule and _key(story, story.steps) not in told]
    try:
        found = contradictions(domain, [*stories, *old]) if old else []
    except StoryError:
        return []
    lines = {
        one.second.place: f"{path.name}:{one.second.place.line}: {quoted(one.second.story)} has"
        f" {printable(one.second.action)} where {printable(one.first.action)} is right now; remove it"
        for one in reversed(found)
        if one.second.place.file == file != one.first.place.file
    }
    return [lines[place] for place in sorted(lines)]


def _key(story: Story, steps: tuple[Step, ...]) -> tuple[bool, str, str]:
    """Return the parts by which a story is found again in a file, where its name may have a number."""
    return story.is_rule, _NUMBERED.sub("", story.name), repr(tuple(map(bare, steps)))


def _as_read(story: Story, story_format: str) -> tuple[Step, ...]:
    """Return the steps of a story after a round trip: a format does not keep everything."""
    (read,) = parse(dump([story], story_format), format=story_format)
    return read.steps
