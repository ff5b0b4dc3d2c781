"""Safe promotion against the exact truth."""

from __future__ import annotations

import pytest

from agents.promotion import BETTER, CASES, RATES, Trial, run, table


@pytest.mark.slow
def test_better_policy_takes_over_and_a_worse_one_does_not() -> None:
    results = [run(Trial("concert", 1, 2, 3200))]
    cases = results[0]["cases"]
    assert len(cases) == len(CASES) * len(RATES) * 2
    for case in cases:
        is_better = case["case"] == BETTER
        assert (case["gain"] > 0) == is_better
        if case["promoted"] is not None or case["rate"] == 0.1:
            assert (case["promoted"] is not None) == is_better
    assert "| better by about 1 | concert | 10% | 0.75 to 0.75 | 2 of 2 | 1,600 (1,600," in table(results)
