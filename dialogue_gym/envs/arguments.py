"""Keyword arguments of environments, with the nearest name for a misspelt one."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec

from dialogue_gym._text import nearest

_Arguments = ParamSpec("_Arguments")
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def keywords_of(made: type) -> list[str]:
    """Return the names of the keyword arguments that a class is made with, except those behind `**`."""
    return [name for name, given in inspect.signature(made).parameters.items() if given.kind in _NAMED]


def checked_keywords(
    *passed_on: str,
) -> Callable[[Callable[_Arguments, None]], Callable[_Arguments, None]]:
    """Return a decorator of an `__init__`: an unknown keyword raises a TypeError that names the nearest one.

    The signature stays the same, for editors, type checkers and `inspect.signature`.

    Args:
        passed_on: the keywords that the `__init__` takes with `**` and passes on.
    """

    def decorate(init: Callable[_Arguments, None]) -> Callable[_Arguments, None]:
        given = inspect.signature(init).parameters.values()
        known = {*passed_on, *(one.name for one in given if one.kind in _NAMED)} - {"self"}

        @functools.wraps(init)
        def checked(*args: _Arguments.args, **keywords: _Arguments.kwargs) -> None:
            for name in keywords:
                if name not in known:
                    made = type(args[0])  # a class that inherits may have arguments of its own
                    valid = known.union(keywords_of(made))
                    # Python's words: TorchRL looks for them, and leaves the argument out then.
                    wrong = f"{made.__name__}.__init__() got an unexpected keyword argument {name!r}"
                    raise TypeError(f"{wrong}; {nearest(name, valid)}")
            init(*args, **keywords)

        return checked

    return decorate
