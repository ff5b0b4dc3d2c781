"""Stories in the Markdown of Rasa Core 0.8 to Rasa 2, read and written line by line.

The grammar is that of https://legacy-docs-v1.rasa.com/core/stories/. Names that it cannot express are written
in the general form of Rasa's events: `- action{"name": "…"}`, `- user{…}`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable

from dialogue_gym._files import FileError, check_characters
from dialogue_gym._markdown import lines
from dialogue_gym._text import quoted
from dialogue_gym.conversation.events import (
    ActionExecuted,
    ActionExecutionRejected,
    ActiveLoop,
    BotUttered,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUttered,
    Value,
    entities_from,
    entity_values,
)
from dialogue_gym.stories.entity_markup import decode_object, read_marked
from dialogue_gym.stories.model import (
    STORY_FILE,
    Either,
    OtherEvent,
    Place,
    Step,
    Story,
    StoryCheckpoint,
    StoryError,
    events_named,
    message_parameters,
)

_COMMENT = "<!--"
_NLU = ("intent:", "synonym:", "regex:", "lookup:")
_NAME_END = re.compile(r"\{|\sOR\s|:(?=\s|$)|$")
_OR = re.compile(r"\s*OR\s+")
_SAID = re.compile(r"\s*:(.*)", re.DOTALL)
_CONFIDENCE = re.compile(r"@[0-9]+(\.[0-9]+)?$")
# The record that a form keeps of its own dialogue: Rasa does not learn from it either.
_OF_A_FORM = re.compile(r"[*-]\s+form:\s")
_RULER = re.compile(r"(-{2,}|={2,}|`{3,}.*)$")
_DOTS = re.compile(r"-\s*\.\.\.")
# Unescaped, these would end a value. They only occur within strings, so JSON can escape them.
_UNSAFE = re.compile(r"<(?=!--)|(?<= )O(?=R )|`")
_MAX_KEPT = 100_000


def errors(text: str, file: str) -> list[FileError]:
    """Return the errors of all lines of a Markdown text; `read` raises the first."""
    found: list[FileError] = []
    try:
        read(text, file, found.append)
    except FileError as error:  # beyond it, nothing can be read
        found.append(error)
    return found


def _raise(error: FileError) -> None:
    raise error from None


def read(text: str, file: str, refuse: Callable[[FileError], object] = _raise) -> list[Story]:
    """Return the stories of a Markdown text; `file` stands for it in errors.

    Args:
        text: the text.
        file: stands for it in errors.
        refuse: gets the error of a line, without which reading may go on.

    Raises:
        StoryError: one sentence with file and line.
    """
    check_characters(text, file, STORY_FILE)
    stories: list[Story] = []
    known: dict[str, tuple[Step, ...]] = {}
    heading: tuple[str, int, bool] | None = None
    steps: list[Step] = []
    places: list[Place] = []
    dots: list[int] = []

    def finish() -> None:
        if heading:
            name, begin, is_rule = heading
            # In a rule, anything may come where the dots are: after its condition, and after its end.
            conditions = dots[0] if dots and is_rule else 0
            waits = not (is_rule and steps and dots and dots[-1] == len(steps))
            stories.append(
                Story(
                    name,
                    tuple(steps),
                    file,
                    begin,
                    tuple(places),
                    is_rule,
                    conditions,
                    wait_for_user_input=waits,
                )
            )

    for number, line in lines(text, file, STORY_FILE):
        if line.startswith(("#", ">>")):
            finish()
            heading, steps, places, dots = _heading(line, Place(file, number)), [], [], []
            continue
        if _OF_A_FORM.match(line) or _RULER.match(line):
            continue
        if heading is None:
            if line.startswith(("*", "-", ">")):
                raise Place(file, number).error("a story must begin with its name, '## name'")
            continue  # a preface
        if _DOTS.fullmatch(line):
            dots.append(len(steps))
            continue
        if (found := known.get(line)) is None:
            try:
                found = read_line(line)
            except ValueError as error:
                refuse(Place(file, number).error(f"{quoted(line)}: {error}"))
                continue
            if len(known) < _MAX_KEPT:  # most lines recur, but a file of unique ones must not fill the memory
                known[line] = found
        steps += found
        places += [Place(file, number)] * len(found)
    finish()
    return stories


def _heading(line: str, place: Place) -> tuple[str, int, bool]:
    name = line.lstrip(line[0]).strip(" \t#")
    if name.startswith(_NLU):
        raise place.error(f"{quoted(name)} is a section of NLU data, not a story")
    return name, place.line, line[0] == ">"


def read_line(line: str) -> tuple[Step, ...]:
    """Return the steps of one line of a story.

    Raises:
        ValueError: the line cannot be read.
    """
    kind, rest = line[0], line[1:].strip()
    if kind == "*":
        messages = _messages(rest)
        return messages if len(messages) == 1 else (Either(tuple((message,) for message in messages)),)
    if kind not in ("-", ">"):
        raise ValueError("a line of a story must begin with '*' (the user), '-' (the bot), '>' or '##'")
    name, brace, after = rest.partition("{")
    parameters: dict[str, Value] = {}
    if brace:
        parameters, end = decode_object(brace + after)
        if after[end - 1 :].strip():
            raise ValueError("nothing can follow the closing brace")
    name = name.strip()
    if not name:
        raise ValueError(f"expected a name after {kind!r}")
    return (StoryCheckpoint(name, parameters),) if kind == ">" else events_named(name, parameters)


def _messages(text: str) -> tuple[UserUttered, ...]:
    """Return the messages of a user's line, several of them if it has an OR."""
    found: list[UserUttered] = []
    at = 0
    while True:
        end = _NAME_END.search(text, at)
        begin, at = at, end.start() if end else len(text)
        name = _CONFIDENCE.sub("", text[begin:at].strip()).removeprefix("/")
        values: dict[str, Value] = {}
        if text.startswith("{", at):
            values, at = decode_object(text, at)
        if not name:
            raise ValueError("expected an intent")
        message = UserUttered(None, name, entities_from(values))
        if said := _SAID.match(text, at):
            words, entities = read_marked(said[1].strip())
            return (*found, UserUttered(words, name, entities or message.entities))
        found.append(message)
        if at == len(text):
            return tuple(found)
        if not (other := _OR.match(text, at)):
            raise ValueError("only ' OR ' and another intent can follow an act")
        at = other.end()


def write(stories: Iterable[Story]) -> str:
    """Return stories as Markdown, which has no place for the user's text.

    Raises:
        StoryError: the format has no way to write something.
    """
    return "\n".join(_story(story) for story in stories)


def _story(story: Story) -> str:
    mark = ">>" if story.is_rule else "##"
    heading = f"{mark} {story.name}"
    is_readable = heading.isprintable() and _COMMENT not in heading and not story.name.startswith(_NLU)
    if not is_readable or _heading(heading.strip(), story.place)[0] != story.name:
        raise story.place.error(f"the name {quoted(story.name)} cannot be written in Markdown")
    if story.conditions or story.conversation_start or not story.wait_for_user_input:
        raise story.place.error(
            f"Markdown cannot express that the rule {quoted(story.name)} has a condition, applies only at "
            "the start of a dialogue, or does not wait for the user"
        )
    written = [heading]
    for index, step in enumerate(story.steps):
        try:
            written.append(_line(step))
        except (ValueError, TypeError, RecursionError) as error:
            raise story.place_of(index).error(f"{quoted(story.name)}: {error}") from None
    return "\n".join(written) + "\n"


def _line(step: Step) -> str:
    if isinstance(step, UserUttered):
        return _first(step, f"* {_act(step)}", f"- user{_json(message_parameters(step))}")
    if isinstance(step, ActionExecuted):
        return _first(step, f"  - {step.name}", f"  - action{_json({'name': step.name})}")
    if isinstance(step, SlotSet):
        return f"  - slot{_json({step.name: step.value})}"
    if isinstance(step, ActiveLoop):
        return f"  - form{_json({'name': step.name})}"  # its name in all versions that read Markdown
    if isinstance(step, BotUttered):
        return _first(BotUttered(step.text), f"  - bot{_json({'text': step.text})}")
    if isinstance(step, (Restarted, SessionStarted)):
        return "  - restart" if isinstance(step, Restarted) else "  - session_started"
    if isinstance(step, OtherEvent):
        return f"  - {step.name}{_json(step.parameters) if step.parameters else ''}"
    if isinstance(step, StoryCheckpoint):
        return _first(step, f"> {step.name}{_json(step.slots) if step.slots else ''}")
    if isinstance(step, ActionExecutionRejected):
        raise StoryError(f"a story has no declined actions such as {step.name}")
    if not all(isinstance(event, UserUttered) for option in step.options for event in option):
        raise StoryError("Markdown cannot have slots as alternatives")
    acts = [_act(event) for option in step.options for event in option if isinstance(event, UserUttered)]
    return _first(step, f"* {' OR '.join(acts)}")


def _act(message: UserUttered) -> str:
    values = entity_values(message.entities)
    return (message.intent or "") + (_json(values) if values else "")


def _first(step: Step, *ways: str) -> str:
    """Return the first of several lines that reads as the same step."""
    for line in ways:
        if not line.isprintable() or _COMMENT in line or _RULER.match(line.strip()):
            continue
        if "`" in line or "@" in line.partition("{")[0]:
            continue  # to Rasa, a variable and a confidence
        try:
            if _meaning(read_line(line.strip())) == _meaning((step,)) and not _OF_A_FORM.match(line.strip()):
                return line
        except ValueError:
            continue
    raise StoryError(f"{quoted(ways[0])} cannot be written in Markdown")


def _meaning(steps: tuple[Step, ...]) -> str:
    """Return the parts of steps that have to survive, as text, since 1 == True; not the user's text."""
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
