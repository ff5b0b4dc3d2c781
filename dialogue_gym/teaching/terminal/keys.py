"""Keys and commands at the prompts of teaching. No input or output."""

from __future__ import annotations

import re

from dialogue_gym.teaching.terminal.screens import Line

HELP, QUIT, GOAL = "?", "q", "goal"
KEYS = (
    ("u", "undo"),
    ("r", "redo"),
    ("f", "fork from an earlier point"),
    ("n", "start a new conversation"),
    ("g", "let the bot continue until it is unsure"),
    ("t", "set the confidence that it needs for that"),
    ("m", "correct the meaning of the last message"),
    ("p", "stop picking every action (with --wizard)"),
    ("s", "statistics"),
    (f":{GOAL}", "what the user wants, and how far the lesson is"),
    (HELP, "help, at every prompt"),
    ("0", "export and quit"),
    (QUIT, "quit, at every prompt"),
)
"""The commands, with their effects."""
COMMANDS = "".join(key for key, _ in KEYS if len(key) == 1)
_WITH_COLON = re.compile(rf"\s*:({GOAL}|[a-z0-9?])\s*")
_WORD = re.compile(r"\s*:[a-z]{2,}\s*")


class KeyCommand(Exception):
    """The answer to a question was a command."""

    def __init__(self, key: str) -> None:
        """Store the key of the command."""
        super().__init__(key)
        self.key = key


def text_command(answer: str) -> str | None:
    """Return the command in the answer to a question for text; None for text.

    >>> text_command(":u"), text_command(":goal"), text_command("q"), text_command("u"), text_command("go on")
    ('u', 'goal', 'q', None, None)
    >>> text_command(":help"), text_command(":wizard")
    ('?', ':wizard')
    """
    if found := _WITH_COLON.fullmatch(answer):
        return found[1]
    if _WORD.fullmatch(answer):
        word = answer.strip()
        return {":help": HELP, ":quit": QUIT}.get(word, word)
    return answer.strip() if answer.strip() in (HELP, QUIT) else None


def key_command(answer: str) -> str | None:
    """Return the command in the answer to a question with numbered answers, colon or not; None for others.

    >>> key_command(":u"), key_command("u"), key_command("2"), key_command("undo")
    ('u', 'u', None, None)
    """
    if found := _WITH_COLON.fullmatch(answer):
        return found[1]
    letter = answer.strip().lower()
    return letter if len(letter) == 1 and letter in COMMANDS and not letter.isdigit() else None


def help_lines() -> tuple[Line, ...]:
    """Return the meanings of the keys."""
    hint = "A number answers at once. Letters need Enter. At a prompt for text, put a colon first: :u"
    return (
        Line(hint, "faint"),
        *(Line(f"{key}  {effect}", indent=2) for key, effect in KEYS),
        Line(""),
    )
