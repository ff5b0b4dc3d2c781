"""The table on learning from people who rate badly."""

from __future__ import annotations

from agents.benchmark.live import EVERY, table
from agents.benchmark.markdown import DASH


def test_a_shorter_run_has_no_figures_of_later_dialogues() -> None:
    rates = [0.0] + [0.5] * (200 // EVERY)
    found = table([{"domain": "restaurant", "start": "scratch", "success_rates": rates}], {"restaurant": 1.0})
    *_, after_100, after_200, after_300, _, _, _ = map(str.strip, found.splitlines()[-1].split("|"))
    assert after_100 == after_200 == "50.0% (50%)" and after_300 == DASH
