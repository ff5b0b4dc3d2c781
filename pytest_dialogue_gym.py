"""Plugin for pytest that shows the failed dialogues of a bot if an assertion about its success fails.

It is a module of its own, as pytest loads it in every project: to import the library would take a moment.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

_SHOWN = 6
"""The lines in the assertion's message, which pytest cuts after eight."""
_TITLE = "failed dialogues"
_explained = pytest.StashKey[list[str]]()


def pytest_assertrepr_compare(
    config: pytest.Config, op: str, left: object, right: object
) -> list[str] | None:
    """Explain a comparison with the success rate of a report."""
    for side in (left, right):
        if isinstance(side, float) and hasattr(side, "report") and hasattr(side, "explain"):
            lines: list[str] = side.explain()
            config.stash[_explained] = lines
            return [f"{left} {op} {right}", *lines[:_SHOWN]]
    return None


@pytest.hookimpl(hookwrapper=True)  # also known to older versions
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Generator[None, Any, None]:
    """Add the explanation of a failed test, which is longer than an assertion's message may be."""
    outcome = yield
    lines = item.config.stash.get(_explained, None)
    if lines is not None:
        del item.config.stash[_explained]
        if call.excinfo is not None:
            outcome.get_result().sections.append((_TITLE, "\n".join(lines)))
