"""The number of corrections needed to teach a bot: `python -m agents teach-benchmark`.

A simulated teacher, the domain's expert, teaches from scratch and from the stories that come with the domain,
under both turn takings and three error rates.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from dialogue_gym import load_domain
from dialogue_gym.journal import Store
from dialogue_gym.nlu import builtin_path
from dialogue_gym.stories import own_stories
from dialogue_gym.teaching import Session, SimulatedTeacher, import_stories, teach
from dialogue_gym.utils import write_text, write_whole

UNSEEN = 500
ERROR_RATES = (0.0, 0.15, 0.3)
DOMAINS = ("restaurant", "concert")
"""The domains of the published figures with noise; those whose users search take minutes a session."""
SEARCHING = ("city", "hotel", "laptop")
TURN_TAKINGS = ("explicit", "auto")
FIGURES = ("corrections_to_flawless", "dialogues_to_flawless", "corrections", "success_rate_unseen")


@dataclass(frozen=True)
class TeachingTrial:
    """A teaching session of the benchmark: domain, start, settings and seed."""

    domain: str
    start: str
    turn_taking: str
    error_rate: float
    seed: int
    mistakes: float
    dialogues: int


def trials(
    seeds: int,
    dialogues: int,
    error_rates: Sequence[float] = ERROR_RATES,
    domains: Sequence[str] = DOMAINS,
    turn_takings: Sequence[str] = TURN_TAKINGS,
) -> list[TeachingTrial]:
    """Return all sessions of the benchmark; those with mistakes are of the restaurant."""
    cases = itertools.product(domains, ("scratch", "stories"), turn_takings, error_rates)
    every = [(*case, 0.0) for case in cases]
    every += [(name, "scratch", "explicit", 0.0, 0.05) for name in domains if name == "restaurant"]
    return [
        TeachingTrial(domain, start, turn_taking, rate, seed, mistakes, dialogues)
        for domain, start, turn_taking, rate, mistakes in every
        for seed in range(seeds)
    ]


def run(trial: TeachingTrial) -> dict[str, Any]:
    """Teach one session; return its figures, and the corrections of each dialogue."""
    domain = load_domain(trial.domain)
    journal = Store.in_memory()
    if trial.start == "stories":
        import_stories(journal, domain, own_stories(builtin_path(trial.domain)))
    session = Session(
        domain,
        journal,
        turn_taking=trial.turn_taking,
        settings={"semantic_error_rate": trial.error_rate},
        author="expert",
        seed=trial.seed * 10_000,
        asks_for_closing=False,
    )
    teacher = SimulatedTeacher(domain, trial.turn_taking, trial.mistakes, trial.seed)
    report = teach(session, teacher, trial.dialogues, UNSEEN)
    return report.to_json() | asdict(trial) | {"by_dialogue": list(report.corrections)}


def _groups(results: Iterable[dict[str, Any]]) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for result in results:
        key = tuple(result[name] for name in ("domain", "start", "turn_taking", "error_rate", "mistakes"))
        groups.setdefault(key, []).append(result)
    return groups


def table(results: Iterable[dict[str, Any]]) -> str:
    """Return the results as a Markdown table: medians over seeds, with the largest in brackets."""
    lines = [
        "| domain | begins with | turn taking | error rate | mistakes | corrections to flawless |"
        " dialogues to flawless | corrections in all | success, unseen |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for (domain, start, turn_taking, rate, mistakes), group in _groups(results).items():
        cells = [domain, start, turn_taking, f"{rate:.2f}", f"{mistakes:.2f}"]
        for figure in FIGURES:
            values = [result[figure] for result in group]
            if figure == "success_rate_unseen":
                cells.append(f"{np.mean(values):.1%}")
                continue
            in_order = sorted(math.inf if value is None else value for value in values)
            median, largest = np.median(in_order), in_order[-1]
            cells.append(f"{median:g} ({largest:g})".replace("inf", "never"))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def plot(path: Path, results: Iterable[dict[str, Any]]) -> None:
    """Draw the mean number of corrections over seeds, by dialogue."""
    results = list(results)
    domains = list(dict.fromkeys(result["domain"] for result in results))
    figure = Figure(figsize=(10, 3.5 * len(domains)), layout="constrained")
    axes = figure.subplots(len(domains), 2, sharex=True, sharey=True, squeeze=False)
    for (domain, start, turn_taking, rate, mistakes), group in _groups(results).items():
        if mistakes:
            continue
        axis = axes[domains.index(domain)][TURN_TAKINGS.index(turn_taking)]
        mean = np.mean([result["by_dialogue"][:40] for result in group], axis=0)
        style = "-" if start == "scratch" else "--"
        colour = f"C{ERROR_RATES.index(rate)}" if rate in ERROR_RATES else "C9"
        axis.plot(range(1, len(mean) + 1), mean, style, color=colour, label=f"{start}, error rate {rate:g}")
        axis.set(
            title=f"{domain}, {turn_taking} turn taking",
            xlabel="dialogue",
            ylabel="corrections",
            ylim=(0, None),
        )
    axes[0][0].legend()
    figure.savefig(path, format="png", dpi=100)


def write(folder: Path, results: list[dict[str, Any]]) -> None:
    """Write `teaching.json`, `teaching.md` and `teaching.png`."""
    text = json.dumps(results) + "\n"
    write_text(folder / "teaching.json", text)
    write_text(folder / "teaching.md", table(results))
    write_whole(folder / "teaching.png", lambda path: plot(path, results))
