r"""Regular expressions from users' files, matched by RE2 in time linear in the text.

RE2 has no lookarounds and no references to groups. Its `\w`, `\d` and `\b` are limited to ASCII; `\pL` is any
letter. See https://github.com/google/re2/wiki/Syntax.
"""

from __future__ import annotations

from typing import Any

MAX_PATTERN = 500
"""The most characters of a pattern."""
MAX_PROGRAM = 100_000
"""The most instructions of all patterns together: each may run for every character of a text."""


def compile_pattern(pattern: str) -> Any:
    """Return the compiled form of a regular expression that ignores case.

    Raises:
        ValueError: RE2 does not accept it.
        ImportError: RE2 is missing; the message has the command that installs it.
    """
    try:
        import re2
    except ModuleNotFoundError:
        raise ImportError('regular expressions need RE2: pip install "dialogue_gym[nlu]"') from None
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"it is longer than {MAX_PATTERN} characters")
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
