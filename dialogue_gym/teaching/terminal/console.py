"""The terminal, or a pipe in its place: shows the screens of a dialog and collects the answers."""

from __future__ import annotations

import io
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Protocol, TypeVar

from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.filters import Condition
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.shortcuts import CompleteStyle
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from dialogue_gym._text import printable
from dialogue_gym.teaching.terminal.screens import STOP, Dialog, Line, Screen, Table

_STYLES = {"": "", "strong": "bold", "faint": "dim", "good": "green", "bad": "red"}
_NARROW, _OTHER_COLUMNS = 20, 28
"""The least width of a table's names where the terminal has room; the width left to the other columns."""
_YES, _NO = ("y", "yes"), ("n", "no")
_ANSWERS = (*_YES, *_NO)
_ENTER_SECONDS = 1.0
"""An Enter that follows a key within this time belongs to the key."""

_Result = TypeVar("_Result")


KEPT = "Your answers are saved."
"""Shown on exit."""


class Leave(Exception):
    """The person leaves, or the input ends. The message is shown on exit."""


class Asker(Protocol):
    """A source of answers; `kept` is the message on exit."""

    kept: str

    def ask(self, prompt: str, keys: str, names: Sequence[str] = ()) -> str:
        """Return an answer: a line, or one of some keys, which need no Enter.

        Names may be completed.

        Raises:
            Leave: the input has ended, or the person leaves.
        """

    def interrupted(self) -> None:
        """Handle Ctrl-C that was pressed before the question.

        Raises:
            Leave: the person wants to leave.
        """


class Pipe:
    """Reader of answers from the lines of standard input; it prints them as if they were typed."""

    kept = KEPT

    def ask(self, prompt: str, keys: str, names: Sequence[str] = ()) -> str:
        """Return the next line."""
        line = sys.stdin.readline()
        if not line:
            raise Leave(self.kept)
        print(f"{prompt}{printable(line.rstrip(chr(10)))}", flush=True)
        return line.rstrip("\n")

    def interrupted(self) -> None:
        """Leave."""
        raise Leave(self.kept)


class Keyboard:
    """Reader of answers from a person at a terminal: lines, or keys that answer without Enter."""

    def __init__(self) -> None:
        """Prepare the prompts."""
        self.kept = KEPT
        self._lines: PromptSession[str] = PromptSession()
        self._keys: PromptSession[str] = PromptSession()
        self._is_after_key = False

    def ask(self, prompt: str, keys: str, names: Sequence[str] = ()) -> str:
        """Return the answer; Ctrl-C and Ctrl-D ask whether to leave, and a second one leaves."""
        while True:
            try:
                return self._prompt(prompt, keys, names)
            except (KeyboardInterrupt, EOFError):
                self.interrupted()

    def interrupted(self) -> None:
        """Ask whether to leave."""
        answer = ""
        while answer not in _ANSWERS:
            try:
                answer = self._prompt(f"Leave? {self.kept} (y/n) ", "").strip().lower()
            except (KeyboardInterrupt, EOFError):
                answer = "y"
        if answer in _YES:
            raise Leave(self.kept)

    def _prompt(self, prompt: str, keys: str, names: Sequence[str] = ()) -> str:
        if names:
            completer = WordCompleter(list(names), match_middle=True)
            style = CompleteStyle.READLINE_LIKE  # without rows for a menu below the prompt
            session: PromptSession[str] = PromptSession(completer=completer, complete_style=style)
        else:
            session = self._keys if keys else self._lines
        bindings = _bindings(keys, self._is_after_key)
        self._is_after_key = False
        answer = session.prompt(prompt, key_bindings=bindings)
        self._is_after_key = bool(keys) and answer in keys
        # Input in another encoding arrives as lone surrogates, which no file can hold.
        return answer.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _bindings(keys: str, is_after_key: bool) -> KeyBindings:
    """Return bindings by which some keys answer at once, where nothing is typed yet.

    Args:
        keys: the keys; with any of them, Enter alone does nothing.
        is_after_key: whether the last question was answered by such a key. People press Enter after it as
            well, which must not answer this question.
    """
    bindings = KeyBindings()
    is_empty = Condition(lambda: not get_app().current_buffer.text)
    begin = time.monotonic()

    def is_late() -> bool:
        return time.monotonic() - begin > _ENTER_SECONDS

    @bindings.add(
        "enter", filter=is_empty & Condition(lambda: bool(keys) or (is_after_key and not is_late()))
    )
    def ignore(event: KeyPressEvent) -> None:
        """Leave the line empty."""
        nonlocal is_after_key
        is_after_key = False

    def answer(event: KeyPressEvent) -> None:
        following = event.key_processor.input_queue
        if following and following[0].key == " ":  # a sentence such as "2 tickets", in one piece
            event.current_buffer.insert_text(event.data)
            return
        event.current_buffer.text = event.data
        event.app.exit(result=event.data)

    for key in keys:
        bindings.add(key, filter=is_empty)(answer)
    return bindings


def lines_of_name(name: str, width: int) -> list[str]:
    """Return a name in lines of at most `width` characters, broken inside a word only if it is longer.

    >>> lines_of_name("action_search_concerts", 16)
    ['action_search_', 'concerts']
    """
    lines = [""]
    for word in re.findall(r"[^_\W]*[_\W]*", name):
        if lines[-1] and len(lines[-1]) + len(word) > width:
            lines.append("")
        lines[-1] += word
    return [line[start : start + width] for line in lines for start in range(0, len(line), width)]


class Terminal:
    """Runner of dialogs: it shows their screens and sends them the answers."""

    def __init__(self) -> None:
        """Use standard input and output: a terminal, or a pipe of answers."""
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(errors="replace")  # bytes that are not UTF-8 must not end the session
        self._console = Console(markup=False, highlight=False, emoji=False)
        self._is_terminal = sys.stdin.isatty() and sys.stdout.isatty()
        self._asker: Asker = Keyboard() if self._is_terminal else Pipe()
        self._interrupted = threading.Event()

    def run(self, dialog: Dialog[_Result], kept: str = KEPT) -> _Result:
        """Run a dialog to its end, and return its result; `kept` is shown on exit.

        Raises:
            Leave: the person left before the end.
        """
        self._asker.kept = kept
        with self._interrupts():
            try:
                screen = next(dialog)
                while True:
                    screen = dialog.send(self._answer(screen))
            except StopIteration as end:
                result: _Result = end.value
                return result
            finally:
                dialog.close()

    def _answer(self, screen: Screen) -> str:
        for part in screen.shown:
            self._show(part)
        was_interrupted = self._interrupted.is_set()
        self._interrupted.clear()
        if screen.prompt is None:
            return STOP if was_interrupted else ""
        if was_interrupted:
            self._asker.interrupted()
        return self._asker.ask(screen.prompt, screen.keys, screen.names)

    @contextmanager
    def _interrupts(self) -> Iterator[None]:
        """Let Ctrl-C stop a running bot between two steps, so that none is half done."""
        if not self._is_terminal:
            try:
                yield
            except KeyboardInterrupt:
                raise Leave(self._asker.kept) from None
            return

        def interrupt(number: int, frame: FrameType | None) -> None:
            self._interrupted.set()

        before = signal.signal(signal.SIGINT, interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _show(self, part: Line | Table) -> None:
        if isinstance(part, Line):
            text = Text(part.text, _STYLES[part.style])
            self._console.print(Padding(text, (0, 0, 0, part.indent), expand=False) if part.indent else text)
            return
        grid = Grid(box=None, padding=(0, 1), header_style="bold", pad_edge=False)
        if part.numbers:
            grid.add_column("", justify="right", no_wrap=True)
        widest = max(_NARROW, self._console.width - _OTHER_COLUMNS)
        names = ["\n".join(lines_of_name(printable(row.name), widest)) for row in part.rows]
        longest = max((len(line) for name in names for line in name.split("\n")), default=0)
        for place, title in enumerate(part.titles):
            if place == 0:
                grid.add_column(Text(title), min_width=longest, no_wrap=True)  # it is wrapped already
            else:
                grid.add_column(Text(title), overflow="fold", min_width=min(_NARROW, len(title)))
        for index, row in enumerate(part.rows):
            cells = [Text(names[index]), *map(Text, row.cells)]
            number = [Text(str(part.numbers[index]))] if part.numbers else []
            grid.add_row(*number, *cells, style="dim" if row.is_faint else "")
        self._console.print(grid)
