"""Figures of PyDial beside those of the domains that are closest to PyDial's.

Measured in November 2026 with pydial3 (2021), a fork of PyDial for Python 3, and its own configurations
of the benchmark: 500 dialogues each, one seed, 20 for success and -1 for each turn. Its hand-crafted policy
uses no masks, so environments 2 and 4 are 1 and 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from agents.benchmark.markdown import DASH, mean, share, table

Record = dict[str, Any]


class Figures(NamedTuple):
    """A success rate from 0 to 1, and a mean reward."""

    success: float
    reward: float

    def __str__(self) -> str:
        """Both in the form of the tables."""
        return f"{self.success:.1%}, {self.reward:.2f}"


class Counterpart(NamedTuple):
    """A domain of PyDial, and the figures of its hand-crafted policy by environment."""

    name: str
    hand_crafted: Mapping[str, Figures]


def _counterpart(name: str, one: Figures, three: Figures, five: Figures, six: Figures) -> Counterpart:
    return Counterpart(name, {"1": one, "2": one, "3": three, "4": three, "5": five, "6": six})


COUNTERPARTS: Mapping[str, Counterpart] = {
    "FakeUserCity-v0": _counterpart(
        "CamRestaurants", Figures(1.0, 14.04), Figures(0.952, 10.35), Figures(0.944, 8.85),
        Figures(0.906, 9.22),
    ),
    "FakeUserHotel-v0": _counterpart(
        "SFRestaurants", Figures(0.966, 12.09), Figures(0.92, 9.03), Figures(0.848, 5.81),
        Figures(0.77, 5.58),
    ),
    "FakeUserLaptop-v0": _counterpart(
        "Laptops11", Figures(0.98, 12.03), Figures(0.898, 8.32), Figures(0.876, 6.04), Figures(0.758, 5.42),
    ),
}  # fmt: skip
"""By the id of the domain that is closest in size."""
GP_SARSA: Mapping[tuple[str, str, str], Figures] = {
    ("CamRestaurants", "1", "400"): Figures(0.976, 12.39),
    ("CamRestaurants", "1", "1000"): Figures(0.982, 12.65),
    ("CamRestaurants", "3", "400"): Figures(0.916, 10.63),
}
"""By domain, environment and training dialogues."""
CAVEAT = (
    "Each domain stands beside the one of PyDial's that is closest in size. Users, noise and the counting of "
    "turns differ: the figures show that the tasks are about as hard, and rank no policy of one above a "
    "policy of the other."
)
_SOURCE = (
    "PyDial's figures were measured in November 2026 with pydial3 (2021), a fork for Python 3, and its own "
    "configurations of the benchmark ([Casanueva et al. 2017](https://arxiv.org/abs/1711.11023)): one seed, "
    "500 dialogues each, 20 for success and -1 for each turn. GP-SARSA was measured on CamRestaurants alone."
)
_MARKS = ("400", "1000")


def section(tasks: list[Record]) -> list[str]:
    """Return the paragraphs of the report on PyDial; none without a domain that has one beside it."""
    rows = [
        _row(task, COUNTERPARTS[task["env_id"]], mark)
        for task in tasks
        if task["env_id"] in COUNTERPARTS and task["turn_taking"] == "auto"
        for mark in _MARKS
        if mark == _MARKS[0] or (COUNTERPARTS[task["env_id"]].name, task["environment"], mark) in GP_SARSA
    ]
    if not rows:
        return []
    header = ["domain", "environment", "its expert", "PyDial's domain", "its hand-crafted policy"]
    header += ["training dialogues", "best learner from rewards alone", "PyDial's GP-SARSA"]
    return ["## Beside PyDial", f"{CAVEAT} {_SOURCE}", table(header, rows, left=2)]


def _row(task: Record, counterpart: Counterpart, mark: str) -> list[str]:
    expert = task["agents"].get("expert")
    figures = expert["figures"]["end"] if expert else None
    learners = {
        name: agent["figures"][mark]
        for name, agent in task["agents"].items()
        if agent["is_learner"] and not agent["demonstrations"] and mark in agent["figures"]
    }
    best = max(learners, key=lambda name: float(learners[name]["mean_return"]["mean"]), default=None)
    learned = f"{best} {_both(learners[best])}" if best else DASH
    return [
        task["env_id"].removeprefix("FakeUser").removesuffix("-v0").lower(),
        task["environment"],
        _both(figures) if figures else DASH,
        counterpart.name,
        str(counterpart.hand_crafted[task["environment"]]),
        f"{int(mark):,}",
        learned,
        str(GP_SARSA.get((counterpart.name, task["environment"], mark), DASH)),
    ]


def _both(figures: Record) -> str:
    return f"{share(figures['success_rate'])}, {mean(figures['mean_return'])}"
