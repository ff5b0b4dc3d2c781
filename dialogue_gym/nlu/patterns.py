"""Regular expressions of a person's own, kept to those that cannot run for ages."""

from __future__ import annotations

import re

MAX_PATTERN = 500
MAX_REPEATS = 4
MAX_TIMES = 10
"""How often a group with several ways to match may be repeated."""

_CLASS = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_TIMES = re.compile(r"\{(\d*)(,?)(\d*)\}")


def pattern_fault(pattern: str) -> str | None:
    """Say why a regular expression cannot be used; None if it can.

    Python's matcher backtracks, so a group that can match in several ways and is repeated may take time
    exponential in the text, and every further repeat makes it one power slower.
    """
    if len(pattern) > MAX_PATTERN:
        return f"it is longer than {MAX_PATTERN} characters"
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return str(error)
    return _slowness(pattern)


def _slowness(pattern: str) -> str | None:
    varies = [False]  # for each open group: whether it can match in several ways
    repeats = position = 0
    while position < len(pattern):
        char = pattern[position]
        end = position + 1
        inner = False
        if char == "\\":
            if pattern[end : end + 1].isdigit() and pattern[end] != "0":
                return "it refers back to a group"
            end += 1
        elif char == "[" and (found := _CLASS.match(pattern, position)):
            end = found.end()
        elif char == "(":
            if pattern.startswith("(?P=", position) or pattern.startswith("(?(", position):
                return "it refers back to a group"
            varies.append(False)
            position = end + 1 if pattern.startswith("?", end) else end  # no quantifier, but `(?:`
            continue
        elif char == ")":
            inner = varies.pop()
        elif char == "|":
            varies[-1] = True
        least, most, end = _times(pattern, end)
        if inner and most > MAX_TIMES:
            return "it repeats a group that can match in several ways, which can take for ever"
        if most != least and most > 1:
            repeats += 1
        varies[-1] |= inner or least != most
        position = end
    return f"it has more than {MAX_REPEATS} repeats" if repeats > MAX_REPEATS else None


def _times(pattern: str, position: int) -> tuple[int, float, int]:
    """Return how often what ends at a position is matched, at least and at most, and where that ends."""
    char = pattern[position : position + 1]
    bounds = {"*": (0, float("inf")), "+": (1, float("inf")), "?": (0, 1.0)}.get(char)
    end = position + 1
    if bounds is None:
        found = _TIMES.match(pattern, position)
        if not found or found[0] in ("{}", "{,}"):
            return 1, 1, position
        least = int(found[1] or 0)
        most = float(found[3]) if found[3] else float("inf") if found[2] else float(least)
        bounds, end = (least, most), found.end()
    if pattern[end : end + 1] in ("?", "+"):  # lazy or possessive
        end += 1
    return *bounds, end
