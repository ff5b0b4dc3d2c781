"""Examples in docstrings give what they say."""

from __future__ import annotations

import doctest
import importlib

import pytest

from tests import ROOT

WITH_EXAMPLES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for folder in ("dialogue_gym", "agents")
    for path in (ROOT / folder).rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_of_a_module_hold(name: str) -> None:
    if name.startswith("dialogue_gym.web."):
        pytest.importorskip("nicegui", reason="the extra web is missing")
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted and not found.failed
