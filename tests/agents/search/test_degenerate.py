"""Degenerate policies: none gets far with users who search, and none further than it has been published."""

from __future__ import annotations

import functools
import json
from typing import Any

import pytest

from agents.search.degenerate import Battery, play_battery
from agents.search.report import ENVIRONMENTS
from tests import ROOT

PUBLISHED: dict[str, Any] = json.loads((ROOT / "docs/search/search.json").read_text(encoding="utf-8"))
TOLERANCE = 0.05
PATIENCE = {"1": 4, "6": 4}
"""The least patience of the users."""
CELLS = [(domain, number) for domain in ("city", "hotel", "laptop") for number in PATIENCE]


@functools.cache
def battery(domain: str, number: str) -> Battery:
    return play_battery(domain, ENVIRONMENTS[number], 1000, 60, seed=0)


@pytest.mark.parametrize(("domain", "number"), CELLS)
def test_no_constant_policy_succeeds_or_ends_before_patience_does(domain: str, number: str) -> None:
    for score in battery(domain, number).constants:  # a goodbye at once is one of them
        assert score.success == 0
        assert score.shortest >= PATIENCE[number]


@pytest.mark.parametrize(("domain", "number"), CELLS)
def test_degenerate_policies_rarely_succeed(domain: str, number: str) -> None:
    scores = battery(domain, number).scores
    expert = PUBLISHED[f"expert {domain} {number}"]["scores"]["all acts"]
    for name, score in scores.items():
        assert score.total < expert["total"] - 1, name
        if "ask" not in name:
            assert score.success <= 0.4, name
    assert scores["two actions in turn"].success <= 0.3
    assert scores["random"].success <= 0.03
    assert scores["masked random"].success <= 0.1
    assert scores["ask until 1 known, offer, serve"].success <= 0.75


@pytest.mark.parametrize(("domain", "number"), CELLS)
def test_no_change_of_the_rules_opens_a_way_for_them(domain: str, number: str) -> None:
    published = PUBLISHED[f"degenerate {domain} {number}"]["scores"]
    scores = battery(domain, number).scores
    assert list(scores) == list(published)
    for name, score in scores.items():
        assert score.success <= published[name]["success"] + TOLERANCE, name
