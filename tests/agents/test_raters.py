"""The study of ill-meant ratings runs, in small, and its tables are made of the results."""

from __future__ import annotations

import pytest

from agents import raters


@pytest.mark.slow
def test_a_burst_is_met_by_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raters, "BURST", 150)
    case = next(one for one in raters.CASES if one.weighs and not one.limits_bursts)
    result = raters.run(raters.Trial("concert", case, seed=0, dialogues=30))
    assert len(result["success_rates"]) == len(raters.TIMES) and min(result["success_rates"]) > 0.9
    assert result["weights"]["sends the burst"] < 0.3 and result["weights"]["honest"] > 0.95
    assert "honest" not in result["contrary"] and "sends the burst" in result["contrary"]
    assert f"| concert | weights | {result['success_rates'][0]:.1%}" in raters.table([result])
    assert "| honest | 1.00 | 0 |" in raters.weight_table([result])
