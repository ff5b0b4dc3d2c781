"""Fitted users against the true ones: `python -m agents.fitting`.

Users are drawn at random. Each talks to a bot with mistakes that explores, as a live bot does, and a fake
user is fitted to what the journal would say of it. The tables count how often a 95 % interval covers the
true figure, and compare policies that were made for the fitted user with those for the true one.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, cast

import numpy as np
import numpy.typing as npt
import typer

from agents.benchmark.parallel import run_all
from agents.off_policy import MISTAKES, Habit
from dialogue_gym import Domain, load_domain
from dialogue_gym.domain import Noise, Profile, domain_text
from dialogue_gym.envs import DialogueEnv
from dialogue_gym.exact import SolverPolicy, evaluate_exactly, solve
from dialogue_gym.fitting import (
    FittedUser,
    LoggedBot,
    LoggedDialogue,
    distances,
    fit_user,
    fitted_text,
    simulated_dialogues,
)
from dialogue_gym.live import Explorer
from dialogue_gym.utils import counted, write_text

DOMAINS = ("restaurant", "concert")
RATE = 0.1
"""The exploration of the bot that people talk to."""


@dataclass(frozen=True)
class FittingTrial:
    """One user: the domain, the seed, the number of logged dialogues, and whether policies are made."""

    domain: str
    seed: int
    dialogues: int
    makes_policies: bool


def draw_user(domain: Domain, random: np.random.Generator) -> Domain:
    """Return a domain with another fake user; one in four is always understood."""
    user = domain.fake_user
    assert user is not None
    profile = Profile(
        int(random.integers(2, 9)),
        float(random.uniform(0.3, 2.5)),
        float(random.uniform(0.0, 0.1)),
        float(random.uniform(0.1, 0.9)),
    )
    if user.kind == "agenda":
        profile = dataclasses.replace(user.profile("standard"), patience=profile.patience)
    noise = Noise(
        0.0 if random.random() < 0.25 else float(random.uniform(0.05, 0.3)),
        _shares(random, (12, 6, 2)),
        _shares(random, (2, 5, 12)),
        _shares(random, (4, 12, 4)),
    )
    chances = _agenda_chances(domain, random)
    agendas = tuple(
        dataclasses.replace(agenda, chance=chance)
        for agenda, chance in zip(user.agendas, chances, strict=True)
    )
    drawn = dataclasses.replace(user, profiles=(("standard", profile),), noise=noise, agendas=agendas)
    return dataclasses.replace(domain, fake_user=drawn)


def _shares(random: np.random.Generator, like: tuple[float, ...]) -> tuple[float, float, float]:
    first, second, third = map(float, random.dirichlet(like))
    return first, second, third


def _agenda_chances(domain: Domain, random: np.random.Generator) -> list[float]:
    assert domain.fake_user is not None
    ways = [agenda.way for agenda in domain.fake_user.agendas]
    parts = [random.dirichlet([4.0] * (max(taken) + 1)) for taken in zip(*ways, strict=True)]
    return [float(np.prod([part[choice] for part, choice in zip(parts, way, strict=True)])) for way in ways]


def true_figure(domain: Domain, name: str, part: str) -> float:
    """Return a figure of the user of a domain."""
    user = domain.fake_user
    assert user is not None
    profile = user.profile("standard")
    if name.startswith("agenda["):
        place, choice = int(name[len("agenda[") : -1]), int(part) - 1
        return sum(agenda.chance for agenda in user.agendas if agenda.way[place] == choice)
    if name in ("right", "wrong", "faults"):
        labels = ("intent", "value", "lost") if name == "faults" else ("high", "medium", "low")
        return float(getattr(user.noise, name)[labels.index(part)])
    if name == "error_rate":
        return user.noise.error_rate
    return float(getattr(profile, "correction_rate" if name == "corrects" else name))


def talk(domain: Domain, seed: int, dialogues: int) -> list[LoggedDialogue]:
    """Return the dialogues of the user with a bot that makes mistakes and explores."""
    env = DialogueEnv(domain)
    explorer = Explorer(cast(Any, Habit(env, seed, MISTAKES)), seed, (RATE, RATE))

    def choose(observation: npt.NDArray[Any], mask: npt.NDArray[Any]) -> int:
        return env.action_names.index(explorer.decide(observation, mask != 0).action)

    return simulated_dialogues(env, choose, dialogues, seed * dialogues)


def run(trial: FittingTrial) -> dict[str, Any]:
    """Fit a user, and compare it with the true one."""
    known = load_domain(trial.domain)
    true = draw_user(known, np.random.default_rng([trial.seed, DOMAINS.index(trial.domain)]))
    logged = talk(true, trial.seed + 1, trial.dialogues)
    fitted = fit_user(known, logged)
    text = fitted_text(domain_text(trial.domain), trial.domain, trial.domain, fitted.figures, {}, "Fitted.")
    with TemporaryDirectory() as folder:
        write_text(Path(folder) / "fitted.yml", text)
        domain = load_domain(Path(folder) / "fitted.yml")
    figures = [
        dataclasses.asdict(one)
        | {"true": true_figure(true, one.name, one.part), "is_identified": one.is_identified}
        for one in fitted.figures
    ]
    result = dataclasses.asdict(trial) | {"figures": figures, "cut": fitted.cut, "left_out": fitted.left_out}
    for name, user in (("fitted", domain), ("before", known)):
        result[f"distances_{name}"] = _distances(user, logged, fitted, trial.seed)
    if trial.makes_policies:
        result["policies"] = _policies(true, {"true": true, "fitted": domain, "before": known})
    return result


def _distances(
    domain: Domain, logged: list[LoggedDialogue], fitted: FittedUser, seed: int
) -> list[dict[str, Any]]:
    env = DialogueEnv(domain, turn_taking=fitted.turn_taking)
    simulated = simulated_dialogues(env, LoggedBot(env, logged, seed), len(logged), seed + 1)
    return [dataclasses.asdict(one) for one in distances(domain, logged, simulated, seed)]


def _policies(true: Domain, made_for: dict[str, Domain]) -> dict[str, Any]:
    """Return the exact figures, with the true user, of the policies that the solver makes for others."""
    env = DialogueEnv(true)
    found = {}
    for name, domain in made_for.items():
        report = evaluate_exactly(SolverPolicy(env, solve(DialogueEnv(domain))), failures=0)
        found[name] = [report.success_rate, report.mean_return, report.method]
    return found


def tables(results: Iterable[dict[str, Any]]) -> str:
    """Return the shares of the intervals that cover the truth, distances and policies, in Markdown."""
    results = list(results)
    covered: dict[str, list[bool]] = defaultdict(list)
    identified: dict[str, list[bool]] = defaultdict(list)
    widths: dict[str, list[float]] = defaultdict(list)
    for one in (one for result in results for one in result["figures"]):
        name = f"{one['name'].partition('[')[0]} {one['part'] if one['name'][0] != 'a' else ''}".strip()
        covered[name].append(one["low"] - 1e-9 <= one["true"] <= one["high"] + 1e-9)
        identified[name].append(one["is_identified"])
        if one["is_identified"]:
            widths[name].append((one["high"] - one["low"]) / 2)
    lines = ["| figure | identified | covered | ± at the median |", "| --- | ---: | ---: | ---: |"]
    for name, hits in covered.items():
        half = f"{np.median(widths[name]):.3g}" if widths[name] else ""
        lines.append(f"| {name} | {_of(identified[name])} | {_of(hits)} ({np.mean(hits):.0%}) | {half} |")
    lines += ["", "| distance | fitted | by chance | before |", "| --- | ---: | ---: | ---: |"]
    for place, behaviour in enumerate(one["behaviour"] for one in results[0]["distances_fitted"]):
        pairs = [(one["distances_fitted"][place], one["distances_before"][place]) for one in results]
        cells = [np.median([fitted["value"] for fitted, _ in pairs])]
        cells += [np.median([fitted["by_chance"] for fitted, _ in pairs])]
        cells += [np.median([before["value"] for _, before in pairs])]
        lines.append(f"| {behaviour} | {' | '.join(f'{cell:.1%}' for cell in cells)} |")
    made = [result["policies"] for result in results if "policies" in result]
    if made:
        lines += [
            "",
            f"{counted(len(made), 'user')}:",
            "",
            "| policy made for | worst loss of return | mean | of success |",
        ]
        lines += ["| --- | ---: | ---: | ---: |"]
        for name in ("fitted", "before"):
            losses = [(one["true"][1] - one[name][1]) / abs(one["true"][1]) for one in made]
            success = [one["true"][0] - one[name][0] for one in made]
            lines.append(
                f"| the {name} user | {max(losses):.2%} | {np.mean(losses):.2%} | {max(success):.2%} |"
            )
    return "\n".join(lines) + "\n"


def _of(hits: list[bool]) -> str:
    return f"{sum(hits)} of {len(hits)}"


def trials(users: int, dialogues: int, policies: int) -> Iterator[FittingTrial]:
    """Yield the trials: as many users of each domain, with policies for the first ones."""
    for seed, domain in itertools.product(range(-(-users // len(DOMAINS))), DOMAINS):
        yield FittingTrial(domain, seed, dialogues, seed < policies)


def main(
    out: Annotated[Path, typer.Option(help="folder for fitting.json and fitting.md")],
    users: Annotated[int, typer.Option(min=2, help="users, half of them of each domain")] = 50,
    dialogues: Annotated[int, typer.Option(min=20, help="logged dialogues of each")] = 500,
    policies: Annotated[int, typer.Option(min=0, help="users of each domain for whom policies are made")] = 5,
    jobs: Annotated[int, typer.Option(min=1, help="processes")] = 1,
) -> None:
    """Measure how close fitted users come to the true ones."""
    out.mkdir(parents=True, exist_ok=True)
    tasks = list(trials(users, dialogues, policies))

    def progress(done: int, count: int) -> None:
        print(f"{done} of {count}", file=sys.stderr, flush=True)

    results = run_all(run, tasks, jobs, progress)
    write_text(out / "fitting.json", json.dumps(results) + "\n")
    write_text(out / "fitting.md", tables(results))
    print(tables(results), end="")


if __name__ == "__main__":
    typer.run(main)
