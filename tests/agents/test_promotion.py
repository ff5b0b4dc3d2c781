"""Safe promotion against the exact truth."""

from __future__ import annotations

import pytest

from agents.promotion import BETTER, CASES, RATES, Trial, run, table


@pytest.mark.slow
def test_better_policy_takes_over_and_a_worse_one_does_not() -> None:
    results = [run(Trial("concert", 1, 1, 6400))]
    cases = results[0]["cases"]
    assert len(cases) == len(CASES) * len(RATES)
    took_over = [case for case in cases if case["promoted"] is not None]
    assert took_over and all(case["case"] == BETTER and case["gain"] > 0 for case in took_over)
    assert all(case["gain"] < 0 for case in cases if case["case"] != BETTER)
    assert "| worse by about 1 | concert | 10% | -0.75 to -0.75 | 0 of 1 | never" in table(results)
