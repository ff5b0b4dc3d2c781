"""Off-policy evaluation against the exact truth."""

from __future__ import annotations

import numpy as np
import pytest

from agents.off_policy import Habit, Trial, run, table, truth
from dialogue_gym import DialogueEnv


def test_truth_with_noise_is_that_of_many_dialogues() -> None:
    """Hardly any noise changes hardly anything, but is not exact any more."""
    policy = Habit(DialogueEnv("concert"), 1, 0.2)
    assert truth(policy, 1e-9) == pytest.approx(truth(policy, 0.0), abs=0.1)


@pytest.mark.slow
def test_intervals_from_logs_cover_the_exact_figures() -> None:
    results = [run(Trial(domain, 1, 4, 300)) for domain in ("restaurant", "concert")]
    covered = []
    for result in results:
        for case in result["cases"]:
            if "refused" in case:
                assert case["target"] != "itself" or case["rate"] == 0.1
                continue
            for estimates in case["estimates"].values():
                for one, figure in zip(estimates, result["truths"][case["target"]], strict=True):
                    covered.append(one["low"] - 1e-9 <= figure <= one["high"] + 1e-9)
    assert np.mean(covered) >= 0.9 and len(covered) >= 100
    assert "| doubly robust |" in table(results)
