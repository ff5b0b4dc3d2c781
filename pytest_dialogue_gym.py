"""Plugin for pytest that shows the failed dialogues of a bot if an assertion about its success fails.

It is a module of its own, as pytest loads it in every project: to import the library would take a moment.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest

_SHOWN = 6
"""The lines in an assertion's message, which pytest cuts after eight, but not on a server and with -vv."""
_TITLE = "failed dialogues"
_hidden = pytest.StashKey[list[str]]()


def pytest_assertrepr_compare(
    config: pytest.Config, op: str, left: object, right: object
) -> list[str] | None:
    """Explain a comparison with the success rate of a report."""
    for side in (left, right):
        if isinstance(side, float) and hasattr(side, "report") and hasattr(side, "explain"):
            lines: list[str] = side.explain()
            is_whole = config.option.verbose >= 2 or not {"CI", "BUILD_NUMBER"}.isdisjoint(os.environ)
            config.stash[_hidden] = [] if is_whole else lines
            return [f"{left} {op} {right}", *(lines if is_whole else lines[:_SHOWN])]
    return None


@pytest.hookimpl(hookwrapper=True)  # also known to older versions
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Generator[None, Any, None]:
    """Add the failed dialogues to the report of a test whose assertion could not show them."""
    outcome = yield
    lines = item.config.stash.get(_hidden, [])
    item.config.stash[_hidden] = []
    if lines and call.excinfo is not None:
        outcome.get_result().sections.append((_TITLE, "\n".join(lines)))
