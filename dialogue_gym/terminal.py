"""Input at a prompt, from a person or a pipe."""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from dialogue_gym._text import printable

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

SCORES = "?"
"""A line, or at a terminal a key on an empty line: show the bot's scores."""

LOG = "DIALOGUE_GYM_LOG"
"""The environment variable with the file of the log."""


def divert_log() -> None:
    """Send the log and the warnings of actions, such as rasa_sdk's, to the file in `LOG`, or drop them.

    In the terminal they would stand in the middle of the dialogue.

    Raises:
        OSError: the file cannot be written.
    """
    file = os.environ.get(LOG)
    handler = logging.FileHandler(file, encoding="utf-8", errors="replace") if file else logging.NullHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.captureWarnings(True)
    logging.getLogger().addHandler(handler)


class Prompt:
    """Reader of lines, with editing and history at a terminal, echoed from a pipe."""

    def __init__(self) -> None:
        """Detect a terminal or a pipe."""
        self.session: PromptSession[str] | None = None
        if sys.stdin.isatty():
            from prompt_toolkit import PromptSession

            self.session = PromptSession()
        elif isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(errors="replace")

    def read(self, prompt: str, keys: KeyBindings | None = None) -> str | None:
        """Return the next line; None at the end: Ctrl-D or Ctrl-C at a terminal."""
        if self.session is None:
            line = sys.stdin.readline()
            if not line:
                return None
            text = line.rstrip("\n")
            print(f"{prompt}{printable(text)}", flush=True)
            return text
        from prompt_toolkit.patch_stdout import patch_stdout

        try:
            with patch_stdout():
                return self.session.prompt(prompt, key_bindings=keys)
        except (EOFError, KeyboardInterrupt):
            return None


def scores_key(prompt: Prompt, scores: Callable[[], list[str]]) -> KeyBindings | None:
    """Return a key binding that shows the bot's scores; None for a pipe."""
    if (session := prompt.session) is None:
        return None
    from prompt_toolkit.application import run_in_terminal
    from prompt_toolkit.filters import Condition
    from prompt_toolkit.key_binding import KeyBindings

    keys = KeyBindings()

    @keys.add(SCORES, filter=Condition(lambda: not session.default_buffer.text))
    def show(event: KeyPressEvent) -> None:
        run_in_terminal(lambda: print("\n".join(scores())))

    return keys
