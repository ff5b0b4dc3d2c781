r"""Regular expressions from users' files, matched by RE2 in time linear in the text.

RE2 has no lookarounds and no references to groups; see https://github.com/google/re2/wiki/Syntax. Its `\w`,
`\d` and `\b` are limited to ASCII, so that `\bвино\b` would never match, and it has no `\Z`. Python's meaning
is restored here.
"""

from __future__ import annotations

import re
from typing import Any

MAX_PATTERN = 500
"""The most characters of a pattern."""
MAX_PROGRAM = 100_000
"""The most instructions of all patterns together: each may run for every character of a text."""
_UNICODE = {
    r"\w": r"\p{L}\p{M}\p{N}_",
    r"\d": r"\p{Nd}",
    r"\s": r"\s\p{Z}",
}
# The same in a class, which RE2 cannot take out of another one. Of the connectors, `_` alone is in words.
_OTHERS = {
    r"\W": r"\p{S}\p{Z}\p{C}\p{Pd}\p{Ps}\p{Pe}\p{Pi}\p{Pf}\p{Po}"
    r"\x{203f}\x{2040}\x{2054}\x{fe33}\x{fe34}\x{fe4d}-\x{fe4f}\x{ff3f}",
    r"\D": r"\P{Nd}",
    r"\S": r"\p{L}\p{M}\p{N}\p{P}\p{S}\p{Cf}\p{Co}\x00-\x08\x0b\x0e-\x1f\x7f-\x{9f}",
}
# An escape, or a bracket: a class begins with `[`, and a `]` or a class like `[:alpha:]` may stand in it.
_TOKEN = re.compile(r"\\.|\[:\^?\w+:\]|\[\^?\]?|\]", re.DOTALL)


class Pattern:
    """A pattern that ignores case.

    Attributes:
        size: the number of instructions that RE2 may run for each character.
    """

    def __init__(self, compiled: Any, unbounded: Any | None) -> None:
        r"""Take the pattern as RE2 compiled it, and the same without `\b`, where it has any."""
        self._compiled = compiled
        self._unbounded = unbounded
        self.size: int = max(one.programsize for one in (compiled, unbounded) if one is not None)

    def match(self, text: str, start: int = 0) -> Any:
        r"""Return RE2's match that begins at `start`; None if there is none.

        RE2 takes a letter outside of ASCII for the end of a word. In a text with such letters `\b` is left
        out; the gazetteer matches from the beginning of a word to the end of one in any case.
        """
        chosen = self._compiled if self._unbounded is None or text.isascii() else self._unbounded
        return chosen.match(text, start)


def compile_pattern(pattern: str) -> Pattern:
    """Return the compiled form of a regular expression that ignores case.

    Raises:
        ValueError: RE2 does not accept it.
        ImportError: RE2 is missing; the message has the command that installs it.
    """
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"it is longer than {MAX_PATTERN} characters")
    bounded = _with_unicode(pattern, r"\b")
    unbounded = _with_unicode(pattern, "")
    return Pattern(_compile(bounded), _compile(unbounded) if unbounded != bounded else None)


def _with_unicode(pattern: str, boundary: str) -> str:
    r"""Return a pattern whose `\w`, `\d`, `\s` and opposites are Unicode's, and whose `\b` is `boundary`."""
    is_class = False

    def replaced(token: re.Match[str]) -> str:
        nonlocal is_class
        text = token[0]
        if text.startswith("[") and not text.startswith("[:"):
            text, is_class = (f"\\{text}" if is_class else text), True
        elif text == "]":
            is_class = False
        elif text in _UNICODE:
            return _UNICODE[text] if is_class else f"[{_UNICODE[text]}]"
        elif text in _OTHERS:
            return _OTHERS[text] if is_class else f"[^{_UNICODE[text.lower()]}]"
        elif text == r"\Z" and not is_class:
            return r"\z"
        elif text == r"\b" and not is_class:
            return f"(?:{boundary})"
        return text

    return _TOKEN.sub(replaced, pattern)


def _compile(pattern: str) -> Any:
    try:
        import re2
    except ModuleNotFoundError:
        raise ImportError('regular expressions need RE2: pip install "dialogue_gym[nlu]"') from None
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    try:
        pattern.encode()
    except UnicodeEncodeError:
        raise ValueError("it has half a character") from None
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        (reason,) = error.args
        raise ValueError(reason.decode("utf-8", "replace") if isinstance(reason, bytes) else reason) from None
