"""Figures of finished cells: means over seeds with intervals, distances to bound and expert, aggregates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from agents.benchmark.grid import COST, LOGGED, Cell, Grid, Task, with_seed
from dialogue_gym.training import agent_config

Record = dict[str, Any]
MEASURES = ("success_rate", "mean_return", "objective")
"""Success, the environment's return, and 20 times success less the turns, as in PyDial's benchmark."""
MARKS = (1000, 4000, "end")
"""The marks that tables show, if the grid has them."""
EARLY_MARK = 400
"""A mark that tables show as well where it was taken: PyDial's figures have it."""
_RESAMPLES = 2000


def collect(grid: Grid, records: dict[str, Record]) -> Record:
    """Return the results of a grid as JSON-serializable values; only `made` depends on the machine.

    For an unfinished grid these are the results of the finished seeds of each task; `missing` names the tasks
    that have none, and the language models.

    Raises:
        ValueError: no seed is finished in any environment.
    """
    seeds = {task.key: finished_seeds(task, records) for task in grid.tasks}
    tasks = [_task(task, seeds[task.key], records) for task in grid.tasks if seeds[task.key]]
    missing = [key for key, count in seeds.items() if not count]
    missing += [
        f"{name} in {task.key}"
        for task in grid.tasks
        for name, model in task.models.items()
        if seeds[task.key] and not _model_evaluations(task, model, records)
    ]
    if not tasks:
        raise ValueError("no seed is finished in any environment yet: there is nothing to report")
    return {
        "protocol": grid.protocol(),
        "grid": grid.name,
        "title": grid.title,
        "dialogues": grid.dialogues,
        "tasks": tasks,
        "missing": missing,
        "aggregate": _aggregate(tasks),
        "made": _made([records[key] for key in _keys(grid) if key in records]),
    }


def _made(records: list[Record]) -> Record:
    """Return the versions that the records name, and the total time."""
    versions: dict[str, set[str]] = {}
    for record in records:
        for package, version in record["versions"].items():
            versions.setdefault(package, set()).add(version)
    return {
        "versions": {package: " and ".join(sorted(found)) for package, found in versions.items()},
        "core_seconds": round(sum(record["seconds"] for record in records), 1),
    }


def finished_seeds(task: Task, records: dict[str, Record]) -> int:
    """Return the number of seeds that are finished for every policy of a task, counted from the first."""
    if any(cell.fingerprint() not in records for cell in task.references.values()):
        return 0
    for seed in range(task.seeds):
        cells = [with_seed(learner, seed) for learner in task.learners.values()]
        if any(cell.fingerprint() not in records for cell in cells):
            return seed
    return task.seeds


def _keys(grid: Grid) -> list[str]:
    return [cell.fingerprint() for cell in grid.cells()]


def _task(task: Task, seeds: int, records: dict[str, Record]) -> Record:
    agents: dict[str, Record] = {}
    exact = None
    for name, cell in task.references.items():
        record = records[cell.fingerprint()]
        exact = exact or record["exact"]
        evaluations = [one for one in record["evaluations"] if one["seed"] < seeds]
        if evaluations:
            agents[name] = _agent(name, cell, evaluations, is_learner=False)
    for name, cell in task.learners.items():
        cells = [with_seed(cell, seed) for seed in range(seeds)]
        evaluations = [one for cell in cells for one in records[cell.fingerprint()]["evaluations"]]
        agents[name] = _agent(cell.agent, cell, evaluations, is_learner=True)
    if "expert" in agents:
        expert = agents["expert"]["figures"]["end"]["returns"]
        for name, agent in agents.items():
            if name != "expert" and "end" in agent["figures"]:
                figures = agent["figures"]["end"]
                figures["above_expert"] = paired_interval(figures["returns"], expert)
    if LOGGED in agents:
        logged = agents[LOGGED]["figures"]["end"]["returns"]
        for agent in agents.values():
            figures = agent["figures"]["end"]
            figures["above_logged"] = paired_interval(figures["returns"], logged)
    if exact:
        for agent in agents.values():
            for figures in agent["figures"].values():
                figures["below_bound"] = exact["bound"] - figures["mean_return"]["mean"]
    return {
        "task": task.key,
        "turn_taking": task.turn_taking,
        "environment": task.number,
        "env_id": task.env_id,
        "settings": task.settings,
        "has_mask": task.has_mask,
        "seeds": seeds,
        "seeds_planned": task.seeds,
        "exact": exact,
        "has_early_mark": any(EARLY_MARK in cell.marks for cell in task.learners.values()),
        "agents": agents,
        **_models(task, exact, records),
    }


def _models(task: Task, exact: Record | None, records: dict[str, Record]) -> Record:
    """Return the figures of language models over their own finished seeds, if the task has any."""
    models = {}
    for name, cell in task.models.items():
        assert cell.chat is not None
        if not (evaluations := _model_evaluations(task, cell, records)):
            continue
        figures = {
            measure: interval([one[measure] for one in evaluations])
            for measure in (*MEASURES, "mean_turns", *COST)
        }
        models[name] = {
            "agent": cell.agent,
            "mode": cell.chat["mode"],
            "seeds": len(evaluations),
            "dialogues": cell.dialogues,
            "is_estimated": any(one["is_estimated"] for one in evaluations),
            "figures": figures,
            "below_bound": exact["bound"] - figures["mean_return"]["mean"] if exact else None,
        }
    return {"models": models} if models else {}


def _model_evaluations(task: Task, cell: Cell, records: dict[str, Record]) -> list[Record]:
    """Return the evaluations of the finished seeds of a language model."""
    cells = [with_seed(cell, seed).fingerprint() for seed in range(task.seeds)]
    return [one for key in cells if key in records for one in records[key]["evaluations"]]


def _agent(name: str, cell: Cell, evaluations: list[Record], *, is_learner: bool) -> Record:
    marks = list(dict.fromkeys(one["mark"] for one in evaluations))
    seeds = {one["seed"] for one in evaluations}
    figures: Record = {}
    for mark in sorted(marks, key=lambda mark: (mark == "end", 0 if mark == "end" else mark)):
        some = [one for one in evaluations if one["mark"] == mark]
        if len(some) < len(seeds):
            continue  # not every seed reached this mark
        ordered = sorted(some, key=lambda one: int(one["seed"]))
        figures[str(mark)] = {
            **{measure: interval([one[measure] for one in ordered]) for measure in MEASURES},
            "dialogues": float(np.mean([one["dialogues"] for one in ordered])),
            "returns": [one["mean_return"] for one in ordered],
        }
    return {
        "agent": name,
        "is_learner": is_learner,
        "steps": cell.steps,
        "demonstrations": _demonstrations(cell) if is_learner else 0,
        "figures": figures,
    }


def _demonstrations(cell: Cell) -> int:
    """Return the number of expert dialogues that a learner starts with."""
    config = agent_config(cell.agent, cell.env_id, cell.settings)
    return int(config["warm_start"].get("dialogues", 0))


def interval(values: Sequence[float]) -> Record:
    """Return the mean over seeds and Student's 95 % interval, which holds also for few seeds.

    A single seed has no interval: it is the mean itself.
    """
    sample = np.array(values)
    mean, count = float(sample.mean()), len(sample)
    half = 0.0
    if count > 1:
        half = float(stats.t.ppf(0.975, count - 1) * sample.std(ddof=1) / np.sqrt(count))
    return {"mean": mean, "low": mean - half, "high": mean + half}


def paired_interval(values: Sequence[float], others: Sequence[float]) -> Record:
    """Return the mean difference, seed by seed, and its interval, that of a paired t-test.

    The dialogues of a seed begin alike for all policies, so chance that both share cancels out.
    """
    return interval(np.subtract(values, others).tolist())


def _aggregate(tasks: list[Record]) -> Record:
    """Return for each turn taking and learner the interquartile mean of its normalised returns.

    It is over the tasks whose bound assumes no more than full knowledge of the user's goal. A return is
    normalised so that the random policy has 0 and the bound has 1; seeds are resampled within each task.
    Source: Agarwal et al. 2021, Deep reinforcement learning at the edge of the statistical precipice.
    """
    result: Record = {}
    for turn_taking in dict.fromkeys(task["turn_taking"] for task in tasks):
        some = [
            task
            for task in tasks
            if task["turn_taking"] == turn_taking
            and task["exact"]
            and not task["exact"].get("assumes")
            and "random" in task["agents"]
        ]
        if not some:
            continue
        result[turn_taking] = {}
        for name in some[0]["agents"]:
            for mark in map(str, MARKS):
                if not all(mark in task["agents"].get(name, {}).get("figures", ()) for task in some):
                    continue
                samples = [_normalised(task, name, mark) for task in some]
                low, high = _bootstrap(samples, _interquartile_mean)
                mean = float(stats.trim_mean(np.concatenate(samples), 0.25))
                result[turn_taking].setdefault(name, {})[mark] = {"iqm": mean, "low": low, "high": high}
    return result


def _normalised(task: Record, name: str, mark: str) -> npt.NDArray[np.float64]:
    worst = task["agents"]["random"]["figures"]["end"]["mean_return"]["mean"]
    returns = np.array(task["agents"][name]["figures"][mark]["returns"])
    normalised: npt.NDArray[np.float64] = (returns - worst) / (task["exact"]["bound"] - worst)
    return normalised


def _bootstrap(samples: list[npt.NDArray[np.float64]], statistic: Any) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval; each sample is resampled by itself."""
    random = np.random.default_rng(0)
    again = [random.choice(sample, (_RESAMPLES, len(sample))) for sample in samples]
    low, high = np.percentile(statistic(*again), [2.5, 97.5])
    return float(low), float(high)


def _interquartile_mean(*samples: npt.NDArray[np.float64], axis: int = -1) -> Any:
    return stats.trim_mean(np.concatenate(samples, axis=axis), 0.25, axis=axis)
