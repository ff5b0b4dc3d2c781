"""Plots of a benchmark: learning curves and the aggregate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from agents.benchmark.grid import REFERENCES
from dialogue_gym.utils import write_whole

Record = dict[str, Any]


def draw(results: Record, folder: Path) -> list[Path]:
    """Draw learning curves (one file for each kind of turn taking) and the aggregate; return their paths."""
    learned = [
        task for task in results["tasks"] if any(agent["is_learner"] for agent in task["agents"].values())
    ]
    pictures = {
        f"learning_{turn_taking}.png": _learning(
            [task for task in learned if task["turn_taking"] == turn_taking], turn_taking
        )
        for turn_taking in dict.fromkeys(task["turn_taking"] for task in learned)
    }
    if results["aggregate"]:
        pictures["aggregate.png"] = _aggregate(results["aggregate"])
    for name, figure in pictures.items():
        write_whole(folder / name, lambda path, figure=figure: figure.savefig(path, format="png", dpi=110))  # type: ignore[misc]
    return [folder / name for name in pictures]


def _learning(tasks: list[Record], turn_taking: str) -> Figure:
    """Draw mean returns of learners with their intervals over seeds, the bound and the expert."""
    agents = {name: agent for task in tasks for name, agent in task["agents"].items()}
    colours = {name: f"C{i}" for i, name in enumerate(n for n in agents if agents[n]["is_learner"])}
    rows = list(dict.fromkeys(task["env_id"] for task in tasks))
    columns = list(dict.fromkeys(task["environment"] for task in tasks))
    figure = Figure(figsize=(1 + 2.9 * len(columns), 0.9 + 2.6 * len(rows)), layout="constrained")
    axes = figure.subplots(len(rows), len(columns), sharex=True, sharey="row", squeeze=False)
    for plot in axes.flat:
        plot.set_visible(False)
    for task in tasks:
        plot = axes[rows.index(task["env_id"])][columns.index(task["environment"])]
        plot.set_visible(True)
        for name in (name for name in task["agents"] if name in colours):
            figures = list(task["agents"][name]["figures"].values())
            dialogues = [max(1.0, each["dialogues"]) for each in figures]
            means, lows, highs = (
                [each["mean_return"][key] for each in figures] for key in ("mean", "low", "high")
            )
            plot.plot(dialogues, means, color=colours[name], label=name, marker="o", markersize=2.5)
            plot.fill_between(dialogues, lows, highs, color=colours[name], alpha=0.2, linewidth=0)
        if "expert" in task["agents"]:
            expert = task["agents"]["expert"]["figures"]["end"]["mean_return"]["mean"]
            plot.axhline(expert, color="0.35", linestyle=":", label="expert")
        if task["exact"]:
            bound = task["exact"]["bound"]
            plot.axhline(bound, color="0.2", linestyle="--", label="bound")
            plot.set_ylim(-20, bound + 2)
        plot.set_xscale("log")
        mask = "mask" if task["has_mask"] else "no mask"
        noise = task["settings"].get("semantic_error_rate", 0.0)
        user = ", unfriendly" if task["settings"].get("user") == "unfriendly" else ""
        plot.set_title(f"{task['environment']}: error rate {noise:.2f}, {mask}{user}", fontsize=9)
        plot.spines[["top", "right"]].set_visible(False)
    for row, env_id in zip(axes, rows, strict=True):
        row[0].set_ylabel(f"{env_id}\nmean return", fontsize=9)
    for plot in axes[-1]:
        plot.set_xlabel("training dialogues", fontsize=9)
    shown: dict[str, Any] = {}
    for plot in axes.flat:
        for handle, label in zip(*plot.get_legend_handles_labels(), strict=True):
            shown.setdefault(label, handle)
    figure.legend(
        shown.values(), shown.keys(), loc="outside lower center", ncols=8, frameon=False, fontsize=9
    )
    figure.suptitle(f"{turn_taking} turn taking: mean and 95 % interval over seeds", fontsize=10)
    return figure


def _aggregate(aggregate: Record) -> Figure:
    """Draw interquartile means with their intervals; the bound is at 1."""
    figure = Figure(figsize=(8, 0.9 + 2.9 * len(aggregate)), layout="constrained")
    axes = figure.subplots(len(aggregate), 1, squeeze=False, sharex=True)[:, 0]
    for plot, (turn_taking, agents) in zip(axes, aggregate.items(), strict=True):
        names = [name for name in agents if name != "random"]
        for row, name in enumerate(reversed(names)):
            for offset, (mark, colour) in zip(
                (-0.22, 0.0, 0.22), (("end", "C0"), ("4000", "C1"), ("1000", "C2")), strict=True
            ):
                if mark in agents[name]:
                    values = agents[name][mark]
                    plot.plot(
                        [values["low"], values["high"]],
                        [row + offset] * 2,
                        color=colour,
                        linewidth=5,
                        alpha=0.4,
                    )
                    plot.plot(values["iqm"], row + offset, "|", color="0.2" if name in REFERENCES else colour)
        plot.axvline(1, color="0.2", linestyle="--")
        plot.set_yticks(range(len(names)), list(reversed(names)), fontsize=9)
        plot.set_title(f"{turn_taking} turn taking", fontsize=10)
        plot.spines[["top", "right"]].set_visible(False)
    axes[-1].set_xlabel(
        "interquartile mean of the return; the random policy has 0, the bound 1\n"
        "green: after 1,000 training dialogues, orange: 4,000, blue: in the end", fontsize=9
    )  # fmt: skip
    return figure
