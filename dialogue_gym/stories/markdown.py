"""Stories in Markdown, as Rasa Core 0.8 to Rasa 2 have them: read and written line by line.

The grammar is that of https://legacy-docs-v1.rasa.com/core/stories/; with any name that it cannot say
plainly, the general form of Rasa's events is written: `- action{"name": "…"}`, `- user{…}`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from dialogue_gym.domain.reader import check_characters, shorten
from dialogue_gym.events import (
    ActionExecuted,
    BotUttered,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUttered,
    Value,
    entities_from,
    entity_values,
)
from dialogue_gym.stories.annotations import decode_object, read_marked
from dialogue_gym.stories.model import (
    STORY_FILE,
    Checkpoint,
    Either,
    OtherEvent,
    Place,
    Step,
    Story,
    StoryError,
    events_named,
    message_parameters,
)

_OPEN, _CLOSE = "<!--", "-->"
_NLU = ("intent:", "synonym:", "regex:", "lookup:")
_NAME_END = re.compile(r"\{|\sOR\s|:(?=\s|$)")
# What a form has written of its own dialogue: Rasa does not learn from it either.
_OF_A_FORM = re.compile(r"[*-]\s+form:\s")
_RULER = re.compile(r"(-{2,}|={2,}|`{3,}.*)$")
# Written as they are, these would end a value: they can only stand within strings, so JSON can escape them.
_UNSAFE = re.compile(r"<(?=!--)|(?<= )O(?=R )|`")
_MAX_KEPT = 100_000


def read(text: str, file: str) -> list[Story]:
    """Return the stories of a Markdown text; `file` stands for it in errors.

    Raises:
        StoryError: one sentence with file and line.
    """
    check_characters(text, file, STORY_FILE)
    stories: list[Story] = []
    known: dict[str, tuple[Step, ...]] = {}
    heading: tuple[str, int, bool] | None = None
    steps: list[Step] = []
    places: list[Place] = []

    def finish() -> None:
        if heading:
            name, begin, is_rule = heading
            stories.append(Story(name, tuple(steps), file, begin, tuple(places), is_rule))

    for number, line in _without_comments(text, file):
        if line.startswith(("#", ">>")):
            finish()
            heading, steps, places = _heading(line, Place(file, number)), [], []
            continue
        if _OF_A_FORM.match(line) or _RULER.match(line):
            continue
        if heading is None:
            if line.startswith(("*", "-", ">")):
                raise Place(file, number).error("a story begins with its name, '## name'")
            continue  # a preface
        if (found := known.get(line)) is None:
            try:
                found = read_line(line)
            except ValueError as error:
                raise Place(file, number).error(f"{shorten(line)}: {error}") from None
            if len(known) < _MAX_KEPT:
                known[line] = found
        steps += found
        places += [Place(file, number)] * len(found)
    finish()
    return stories


def _without_comments(text: str, file: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that say something, with their numbers."""
    begun = 0
    for number, line in enumerate(text.split("\n"), 1):
        if begun or _OPEN in line:
            kept = []
            while line:
                before, mark, line = line.partition(_CLOSE if begun else _OPEN)
                if not begun:
                    kept.append(before)
                if mark:
                    begun = 0 if begun else number
            line = "".join(kept)
        if line := line.strip():
            yield number, line
    if begun:
        raise Place(file, begun).error("a comment begins here that never ends")


def _heading(line: str, place: Place) -> tuple[str, int, bool]:
    name = line.lstrip(line[0]).strip(" \t#")
    if name.startswith(_NLU):
        raise place.error(f"{shorten(name)} is training data for language, not a story")
    return name, place.line, line[0] == ">"


def read_line(line: str) -> tuple[Step, ...]:
    """Return the steps that one line of a story stands for.

    Raises:
        ValueError: it stands for none.
    """
    kind, rest = line[0], line[1:].strip()
    if kind == "*":
        messages = _messages(rest)
        return messages if len(messages) == 1 else (Either(tuple((message,) for message in messages)),)
    if kind not in ("-", ">"):
        raise ValueError("a line of a story begins with '*' (the user), '-' (the bot), '>' or '##'")
    name, brace, after = rest.partition("{")
    parameters: dict[str, Value] = {}
    if brace:
        parameters, end = decode_object(brace + after)
        if after[end - 1 :].strip():
            raise ValueError("nothing can follow the closing brace")
    name = name.strip()
    if not name:
        raise ValueError(f"a name is expected after {kind!r}")
    return (Checkpoint(name, parameters),) if kind == ">" else events_named(name, parameters)


def _messages(text: str) -> tuple[UserUttered, ...]:
    """Return the messages of a user's line: several if there is an OR."""
    found: list[UserUttered] = []
    while True:
        end = _NAME_END.search(text)
        name = text[: end.start()] if end else text
        rest = text[end.start() :] if end else ""
        values: dict[str, Value] = {}
        if rest.startswith("{"):
            values, length = decode_object(rest)
            rest = rest[length:]
        name, rest = name.strip().removeprefix("/"), rest.strip()
        if not name:
            raise ValueError("an intent is expected here")
        message = UserUttered(None, name, entities_from(values))
        if rest.startswith(":"):
            said, entities = read_marked(rest[1:].strip())
            message, rest = UserUttered(said, name, entities or message.entities), ""
        found.append(message)
        if not rest:
            return tuple(found)
        if not re.match(r"OR\s", rest):
            raise ValueError("only ' OR ' and another intent can follow an act")
        text = rest[2:].strip()


def write(stories: Iterable[Story]) -> str:
    """Return stories as Markdown, which has no place for the words that a user said.

    Raises:
        StoryError: something cannot be said in this format.
    """
    return "\n".join(_story(story) for story in stories)


def _story(story: Story) -> str:
    mark = ">>" if story.is_rule else "##"
    heading = f"{mark} {story.name}"
    try:
        is_readable = heading.isprintable() and _OPEN not in heading
        if not is_readable or _heading(heading.strip(), story.place)[0] != story.name:
            raise StoryError(f"the name {shorten(story.name)} cannot be written in Markdown")
    except StoryError as error:
        raise StoryError(f"{story.place}: {error}") from None
    lines = [heading]
    for index, step in enumerate(story.steps):
        try:
            lines.append(_line(step))
        except (ValueError, TypeError, RecursionError) as error:
            raise story.place_of(index).error(f"{shorten(story.name)}: {error}") from None
    return "\n".join(lines) + "\n"


def _line(step: Step) -> str:
    if isinstance(step, UserUttered):
        return _first(step, f"* {_act(step)}", f"- user{_json(message_parameters(step))}")
    if isinstance(step, ActionExecuted):
        return _first(step, f"  - {step.name}", f"  - action{_json({'name': step.name})}")
    if isinstance(step, SlotSet):
        return f"  - slot{_json({step.name: step.value})}"
    if isinstance(step, BotUttered):
        return _first(BotUttered(step.text), f"  - bot{_json({'text': step.text})}")
    if isinstance(step, (Restarted, SessionStarted)):
        return "  - restart" if isinstance(step, Restarted) else "  - session_started"
    if isinstance(step, OtherEvent):
        return f"  - {step.name}{_json(step.parameters) if step.parameters else ''}"
    if isinstance(step, Checkpoint):
        return _first(step, f"> {step.name}{_json(step.slots) if step.slots else ''}")
    if not all(isinstance(event, UserUttered) for option in step.options for event in option):
        raise StoryError("a choice of slots cannot be written in Markdown")
    acts = [_act(event) for option in step.options for event in option if isinstance(event, UserUttered)]
    return _first(step, f"* {' OR '.join(acts)}")


def _act(message: UserUttered) -> str:
    values = entity_values(message.entities)
    return (message.intent or "") + (_json(values) if values else "")


def _first(step: Step, *lines: str) -> str:
    """Return the first of the lines from which the step can be read again."""
    for line in lines:
        if not line.isprintable() or _OPEN in line or _RULER.match(line.strip()):
            continue
        if "`" in line or "@" in line.partition("{")[0]:
            continue  # to Rasa, a variable and a confidence
        try:
            if _meaning(read_line(line.strip())) == _meaning((step,)) and not _OF_A_FORM.match(line.strip()):
                return line
        except ValueError:
            continue
    raise StoryError(f"{shorten(lines[0])} cannot be written in Markdown")


def _meaning(steps: tuple[Step, ...]) -> str:
    """Return what has to survive of steps, as a text since 1 is not true: not the user's words."""
    if len(steps) == 1 and isinstance(steps[0], Either):
        return repr([_meaning(option) for option in steps[0].options])
    return repr(
        [
            (step.intent or None, entity_values(step.entities)) if isinstance(step, UserUttered) else step
            for step in steps
        ]
    )


def _json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if not text.isprintable():
        text = json.dumps(value, allow_nan=False)
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
