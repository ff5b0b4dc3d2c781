"""The questions about a new bot, at a terminal or a pipe. No input or output."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from dialogue_gym._text import as_typed, visible
from dialogue_gym.outline.interview import LINES, PICK, STEPS, Interview, Question
from dialogue_gym.outline.model import Outline, OutlineError
from dialogue_gym.outline.summary import summary
from dialogue_gym.teaching.terminal.screens import Dialog, Line, Screen

BACK, HELP, QUIT = ":back", "?", ":q"
_NAMES = 28
"""The width of the column of names in the summary at most."""
_HELP = (
    Line(f"{BACK}  take the last answer back, as often as you like", indent=2),
    Line(f"{QUIT}  leave; nothing is written", indent=2),
    Line(f"{HELP}  help", indent=2),
    Line("A list ends with an empty line. Enter alone takes the answer in brackets.", indent=2),
)


class _Back(Exception):
    """The person takes the last answer back."""


class _Quit(Exception):
    """The person leaves."""


def new_bot(file: str) -> Dialog[Outline | None]:
    """Ask for the parts of a bot, one after the other; None if the person leaves."""
    interview = Interview()
    notes: tuple[Line, ...] = (
        Line(f"A new bot, in a few questions; {visible(file)} is written at the end.", "strong"),
        Line(f"{BACK} takes an answer back, {QUIT} leaves, {HELP} shows help.", "faint"),
    )
    step = -1
    kept: list[str] = []
    while (question := interview.question) is not None:
        title: tuple[Line, ...] = ()
        if question.step != step:
            step = question.step
            title = (Line(""), Line(f"{step + 1} of {len(STEPS)}: {STEPS[step]}", "strong"))
        if step == len(STEPS) - 1:
            title += tuple(_summary_lines(interview.outline))
        try:
            answer = yield from _ask(question, (*notes, *title), kept)
            kept = answer.split("\n") if question.kind == LINES and answer else []
            interview, notes, kept = interview.answered(answer), (), []
        except _Back:
            notes = () if interview.answers else (Line("(this is the first question)", "bad"),)
            interview = interview.back()
            kept = interview.withdrawn.split("\n") if interview.withdrawn else []
        except _Quit:
            return None
        except OutlineError as error:
            notes = (Line(f"({error})", "bad"),)
    return interview.outline


def should_teach(file: str) -> Dialog[bool]:
    """Ask whether to teach the new bot at once."""
    question = Question(0, "Teach it now?", kind=PICK, choices=("teach it now, in this terminal", "later"))
    shown = (
        Line(f"Wrote {visible(file)}.", "good"),
        Line(f"dialogue-gym teach {as_typed(file)}  teaches it here", indent=2),
        Line(f"dialogue-gym serve {as_typed(file)}  teaches it in the browser", indent=2),
    )
    while True:
        try:
            if (answer := (yield from _ask(question, shown)).strip()) in ("1", "2"):
                return answer == "1"
        except (_Back, _Quit):
            return False


def _summary_lines(outline: Outline) -> Iterator[Line]:
    """Yield the bot so far, a line for each of its parts."""
    for title, parts in summary(outline):
        yield Line(title, "strong", 2)
        width = min(_NAMES, max(len(name) for name, _ in parts))
        for name, about in parts:
            yield Line(f"{visible(name):{width}}  {visible(about)}", indent=4)
    yield Line("")


def _ask(question: Question, before: tuple[Line, ...], kept: Sequence[str] = ()) -> Dialog[str]:
    """Return the answer to a question; a list is asked for line by line, after those that it has already."""
    shown = [*before, Line(question.text)]
    example = " / ".join(question.example.split("\n"))
    if question.default is not None:
        shown.append(Line(f"[{' / '.join(question.default.split(chr(10)))}]", "faint", 2))
    elif example:
        shown.append(Line(f"for example: {example}", "faint", 2))
    if question.skip:
        shown.append(Line(f"Enter alone: {question.skip}", "faint", 2))
    if question.kind == PICK:
        shown += [Line(f"{number}  {choice}", indent=2) for number, choice in enumerate(question.choices, 1)]
        keys = "".join(str(number) for number in range(1, len(question.choices) + 1))
        return (yield from _typed(Screen(tuple(shown), "answer > ", keys)))
    if question.kind != LINES:
        return (yield from _typed(Screen(tuple(shown), "answer > ")))
    lines = list(kept)
    shown += [Line(f"{number}  {visible(line, 60)}", indent=2) for number, line in enumerate(lines, 1)]
    screen = Screen(tuple(shown), f"{len(lines) + 1} > ")
    while True:
        try:
            line = yield from _typed(screen)
        except _Back:
            if not lines:
                raise
            taken = lines.pop()
            screen = Screen((Line(f"(taken back: {visible(taken, 60)})", "faint"),), f"{len(lines) + 1} > ")
            continue
        if not line.strip():
            return "\n".join(lines)
        lines.append(line)
        screen = Screen((), f"{len(lines) + 1} > ")


def _typed(screen: Screen) -> Dialog[str]:
    """Return a typed line that is not a command."""
    now = screen
    while True:
        answer = yield now
        command = answer.strip().lower()
        if command in (HELP, ":help"):
            now = Screen((*_HELP, *screen.shown), screen.prompt, screen.keys)
        elif command in (BACK, ":b", ":u"):
            raise _Back
        elif command in (QUIT, ":quit"):
            raise _Quit
        elif re.fullmatch(":[a-z]+", command):
            problem = Line(f"(unknown command {visible(command, 40)})", "bad")
            now = Screen((problem, *_HELP), screen.prompt, screen.keys)
        else:
            return answer
