"""Pictures of how learning went."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

WINDOW = 100


@dataclass
class Curve:
    """The training dialogues in order: when each ended (in steps), its return, and 1 for success."""

    steps: list[int]
    returns: list[float]
    successes: list[float]


def learning_curve(path: Path, curve: Curve, bound: float | None, title: str) -> None:
    """Draw mean return and success rate over the last 100 training dialogues, and the bound."""
    figure = Figure(figsize=(7, 5.6), layout="constrained")
    above, below = figure.subplots(2, sharex=True)
    if bound is not None:
        above.axhline(bound, color="0.5", linestyle="--", label=f"bound ({bound:.2f})")
        above.legend(loc="lower right", frameon=False)
    if curve.steps:
        width = min(WINDOW, len(curve.steps))
        kernel = np.ones(width) / width
        steps = np.array(curve.steps)[width - 1 :]
        for axes, values in ((above, curve.returns), (below, curve.successes)):
            axes.plot(steps, np.convolve(values, kernel, "valid"))
    above.set_title(title)
    above.set_ylabel("mean return")
    below.set_ylabel("success rate")
    below.set_ylim(0, 1.05)
    below.set_xlabel(f"training steps (each point: the last {WINDOW} dialogues)")
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, format="png", dpi=120)
