"""Files of a training run for researchers: the metrics with the bound, and the learning curve."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from dialogue_gym.bounds import Bound
from dialogue_gym.policies import NetworkPolicy, QTable, load_agent
from dialogue_gym.training import Curve, Evaluation, Run, agent_config, save_metrics
from dialogue_gym.utils import write_whole


def load(folder: Path, trust: bool = False) -> tuple[Run, NetworkPolicy | QTable, dict[str, Any]]:
    """Return the run, policy and metrics in a folder that `train` wrote.

    Args:
        folder: the folder.
        trust: unpickle the model of an agent of earlier versions, which can run code.

    Raises:
        ValueError: the folder has no finished run, or one that cannot be read.
    """
    try:
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        run = Run(**{key: metrics[key] for key in ("env_id", "settings", "agent", "seed", "steps")})
        env: Any = run.make_env()
        agent_config(run.agent, run.env_id, run.settings)
        metrics["bound_return"]
    except FileNotFoundError:
        raise ValueError(f"{folder}: not a trained agent (metrics.json is missing)") from None
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ValueError(f"{folder}: metrics.json cannot be used ({reason})") from None
    agent = load_agent(os.path.join(folder, ""), env.unwrapped.domain, trust=trust)
    assert agent is not None and isinstance(agent.policy, NetworkPolicy | QTable)
    return run, agent.policy, metrics


def save_results(
    folder: Path, run: Run, curve: Curve, steps: int, seconds: float, evaluation: Evaluation,
    bound: Bound | None,
) -> dict[str, Any]:  # fmt: skip
    """Write `learning_curve.png` and `metrics.json`; return the metrics.

    `bound` is None if it is not known.
    """
    title = f"{run.agent.upper()} on {run.env_id}"
    write_whole(folder / "learning_curve.png", lambda path: learning_curve(path, curve, bound, title))
    value, interval = (bound.value, bound.interval) if bound else (None, None)
    return save_metrics(folder, run, steps, seconds, evaluation, value, interval)


WINDOW = 100


def learning_curve(path: Path, curve: Curve, bound: Bound | None, title: str) -> None:
    """Draw mean return and success rate over the last 100 training dialogues, and the bound."""
    from matplotlib.figure import Figure  # slow to load, and most programs here draw nothing

    figure = Figure(figsize=(7, 5.6), layout="constrained")
    above, below = figure.subplots(2, sharex=True)
    if bound is not None:
        above.axhline(bound.value, color="0.5", linestyle="--", label=f"bound ({bound})")
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
