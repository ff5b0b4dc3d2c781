"""The study of fitted users against the true ones."""

from __future__ import annotations

import numpy as np
import pytest

from agents.fitting import FittingTrial, run, tables


@pytest.mark.slow
def test_intervals_cover_the_true_figures_and_policies_are_as_good() -> None:
    result = run(FittingTrial("concert", 1, 300, True))
    figures = [one for one in result["figures"] if one["is_identified"]]
    covered = [one["low"] - 1e-9 <= one["true"] <= one["high"] + 1e-9 for one in figures]
    assert len(figures) >= 8 and np.mean(covered) >= 0.75
    policies = result["policies"]
    assert policies["true"][2] == "exact"
    assert policies["fitted"][1] >= 0.98 * policies["true"][1]
    shown = tables([result])
    assert "| patience | 1 of 1 |" in shown and "| the fitted user |" in shown
