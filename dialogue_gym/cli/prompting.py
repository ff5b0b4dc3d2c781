"""What a person types at a prompt, or a pipe in their place."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

from dialogue_gym.domain.reader import printable

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.key_binding import KeyBindings


class Prompt:
    """Reads lines: with editing and history at a terminal, echoed from a pipe."""

    def __init__(self) -> None:
        """Find out which it is."""
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
