"""Regular expressions of a person's own, kept to those that cannot run for ages."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Iterable, Iterator
from re import _parser  # type: ignore[attr-defined]
from typing import Any

MAX_PATTERN = 500
MAX_WIDTH = 64
"""Characters of a text that a pattern is matched on."""
MAX_STEPS = 1_000_000
"""Of all patterns together, which are tried one after another; so many take some milliseconds."""
_GROUP_STEPS = 8
"""What beginning a group once more takes."""
_RANGE_PER_STEP = 4
"""Characters of a range in the time of a step: when a pattern is compiled, all are gone through."""
_CHARACTERS = ("LITERAL", "NOT_LITERAL", "ANY", "IN")


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return a regular expression for use, which takes no notice of case.

    Raises:
        ValueError: it is none.
    """
    with _faults():
        return re.compile(pattern, re.IGNORECASE)


def count_steps(pattern: str) -> int:
    """Return how many steps matching a pattern takes at most, on a text of `MAX_WIDTH` characters.

    Python's matcher backtracks: it tries one way after another to divide the text among the parts of a
    pattern. These ways are counted, as if every character fitted everywhere.

    Raises:
        ValueError: this is no pattern, it takes more than `MAX_STEPS`, or nobody knows how many.
    """
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"it is longer than {MAX_PATTERN} characters")
    steps = _Steps()
    with _faults():
        steps.through(_parser.parse(pattern, re.IGNORECASE), [1] + [0] * MAX_WIDTH)
        re.compile(pattern, re.IGNORECASE)  # which finds more faults
    return steps.count


@contextlib.contextmanager
def _faults() -> Iterator[None]:
    """Turn the faults of a pattern into ValueError; what Python may read otherwise some day is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except (re.error, OverflowError) as error:
            raise ValueError(str(error)) from None
        except RecursionError:
            raise ValueError("it is nested too deep") from None


class _Steps:
    """Walks through a parsed pattern, and counts the steps of all ways to match it.

    `reached` has for each number of characters in how many ways they may have been matched so far.
    """

    def __init__(self) -> None:
        self.count = 0

    def through(self, items: Iterable[tuple[Any, Any]], reached: list[int]) -> list[int]:
        """Return what is reached after a sequence of parts."""
        for operation, argument in items:
            if not any(reached):
                break
            self._add(sum(reached))
            reached = self._after(str(operation), argument, reached)
        return reached

    def _add(self, steps: int) -> None:
        self.count += steps
        if self.count > MAX_STEPS:
            raise ValueError("it can match in so many ways that it can take for ever")

    def _after(self, operation: str, argument: Any, reached: list[int]) -> list[int]:
        match operation:
            case "LITERAL" | "NOT_LITERAL" | "ANY":
                return [0, *reached[:-1]]
            case "IN":
                ranges = [bounds for kind, bounds in argument if str(kind) == "RANGE"]
                self._add(sum(last - first for first, last in ranges) // _RANGE_PER_STEP)
                return [0, *reached[:-1]]
            case "AT":
                return reached
            case "SUBPATTERN":
                return self.through(argument[-1], reached)
            case "ATOMIC_GROUP":
                return self.through(argument, reached)
            case "BRANCH":
                return _sum(*(self.through(branch, reached) for branch in argument[1]))
            case "ASSERT" | "ASSERT_NOT":
                direction, condition = argument
                self.through(condition, reached if direction > 0 else [sum(reached)] + [0] * MAX_WIDTH)
                return reached
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                least, most, body = argument
                return self._repeated(least, most, body, reached)
            case "GROUPREF" | "GROUPREF_EXISTS":
                raise ValueError("it refers back to a group")
        raise ValueError(f"how long it takes is not known: it has {operation}")

    def _repeated(self, least: int, most: int, body: Any, reached: list[int]) -> list[int]:
        is_character = [str(operation) in _CHARACTERS for operation, _ in body] == [True]
        most = least + min(most - least, MAX_WIDTH)  # then the matcher ends a repeat that matches nothing
        ended = [0] * len(reached)
        for times in range(most + 1):
            if times >= least:
                ended = _sum(ended, reached)
            if times == most or not any(reached):
                break
            self._add(0 if is_character else _GROUP_STEPS * sum(reached))
            reached = self.through(body, reached)
        return ended


def _sum(*many: list[int]) -> list[int]:
    return [sum(ways) for ways in zip(*many, strict=True)]
