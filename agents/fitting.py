"""Fitted users against the true ones: `python -m agents.fitting`.

Users are drawn at random. Each talks to a bot with mistakes that explores, as a live bot does, and a fake
user is fitted to what the journal would say of it. The tables count how often a 95 % interval covers the
true figure, and compare policies that were made for the fitted user with those for the true one. Finished
trials are kept in `trials.jsonl`: the same command goes on where it was stopped.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, cast

import numpy as np
import numpy.typing as npt
import typer

from agents.benchmark.record import Journal
from agents.benchmark.workers import WorkerDied, on_cores
from agents.exact.table_ascent import improved
from agents.off_policy import MISTAKES, Habit
from dialogue_gym import Domain, fitting, load_domain, rules
from dialogue_gym.bounds import TooLarge
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
from dialogue_gym.reports import EXACT
from dialogue_gym.utils import counted, nearest, write_text

DOMAINS = ("restaurant", "concert")
RATE = 0.1
"""The exploration of the bot that people talk to."""


FIGURES, POLICIES = "figures", "policies"
"""What a trial compares with the true user."""
CLOSE = 0.01
"""A policy is as good as another if it loses at most this share of the return."""


@dataclass(frozen=True)
class FittingTrial:
    """One user: the domain, the seed, the number of logged dialogues, and what is compared."""

    domain: str
    seed: int
    dialogues: int
    compares: str

    @property
    def name(self) -> str:
        """The trial in one line of text."""
        return f"{self.compares} of user {self.seed} of {self.domain}"

    def fingerprint(self) -> str:
        """Return a hash of the trial, the domain, the rules and the fit.

        The code of the study is not part of it: after changing it, delete its trials.
        """
        content = [repr(self), domain_text(self.domain), rules.sources().hex()]
        content += [path.read_text() for path in sorted(Path(fitting.__file__).parent.glob("*.py"))]
        return hashlib.sha256("\n".join(content).encode()).hexdigest()


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
    result = {"fingerprint": trial.fingerprint()} | dataclasses.asdict(trial)
    if trial.compares == POLICIES:
        return result | {"policies": _policies(true, {"true": true, "fitted": domain, "before": known})}
    figures = [
        dataclasses.asdict(one)
        | {"true": true_figure(true, one.name, one.part), "is_identified": one.is_identified}
        for one in fitted.figures
    ]
    result |= {"figures": figures, "cut": fitted.cut, "left_out": fitted.left_out}
    for name, user in (("fitted", domain), ("before", known)):
        result[f"distances_{name}"] = _distances(user, logged, fitted, trial.seed)
    return result


def _distances(
    domain: Domain, logged: list[LoggedDialogue], fitted: FittedUser, seed: int
) -> list[dict[str, Any]]:
    env = DialogueEnv(domain, turn_taking=fitted.turn_taking)
    simulated = simulated_dialogues(env, LoggedBot(env, logged, seed), len(logged), seed + 1)
    return [dataclasses.asdict(one) for one in distances(domain, logged, simulated, seed)]


def _policies(true: Domain, made_for: dict[str, Domain]) -> dict[str, Any]:
    """Return the figures, with the true user, of policies that are made for others.

    They are the solver's tables, where possible improved until no other action is better: the solver's choice
    alone changes by leaps with the figures of a user, and judges itself rather than the fit.
    """
    env = DialogueEnv(true)
    found = {}
    for name, domain in made_for.items():
        own = DialogueEnv(domain)
        solution = solve(own)
        with contextlib.suppress(TooLarge):
            solution = improved(own, solution)
        report = evaluate_exactly(SolverPolicy(env, solution), failures=0)
        found[name] = [report.success_rate, report.mean_return, report.method]
    return found


def tables(results: Sequence[dict[str, Any]]) -> str:
    """Return the shares of the intervals that cover the truth, distances and policies, in Markdown."""
    fits = [result for result in results if result["compares"] == FIGURES]
    lines = [*_coverage(fits), "", *_distance_table(fits)] if fits else []
    made = [result for result in results if result["compares"] == POLICIES]
    return "\n".join([*lines, "", *_policy_table(made)] if made else lines) + "\n"


def _coverage(fits: Sequence[dict[str, Any]]) -> Iterator[str]:
    covered: dict[str, list[bool]] = defaultdict(list)
    identified: dict[str, list[bool]] = defaultdict(list)
    widths: dict[str, list[float]] = defaultdict(list)
    for one in (one for result in fits for one in result["figures"]):
        name = f"{one['name'].partition('[')[0]} {one['part'] if one['name'][0] != 'a' else ''}".strip()
        covered[name].append(one["low"] - 1e-9 <= one["true"] <= one["high"] + 1e-9)
        identified[name].append(one["is_identified"])
        if one["is_identified"]:
            widths[name].append((one["high"] - one["low"]) / 2)
    yield f"{counted(len(fits), 'user')}:"
    yield from ("", "| figure | identified | covered | ± at the median |", "| --- | ---: | ---: | ---: |")
    for name, hits in covered.items():
        half = f"{np.median(widths[name]):.3g}" if widths[name] else ""
        yield f"| {name} | {_of(identified[name])} | {_of(hits)} ({np.mean(hits):.0%}) | {half} |"


def _distance_table(fits: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield from ("| distance | fitted | by chance | before |", "| --- | ---: | ---: | ---: |")
    for place, behaviour in enumerate(one["behaviour"] for one in fits[0]["distances_fitted"]):
        pairs = [(one["distances_fitted"][place], one["distances_before"][place]) for one in fits]
        cells = [np.median([fitted["value"] for fitted, _ in pairs])]
        cells += [np.median([fitted["by_chance"] for fitted, _ in pairs])]
        cells += [np.median([before["value"] for _, before in pairs])]
        yield f"| {behaviour} | {' | '.join(f'{cell:.1%}' for cell in cells)} |"


def _policy_table(made: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield the lines of the losses of return and success, with the true user, by domain."""
    yield "| people | policy made for | within 1 % | worst loss of return | mean | of success |"
    yield "| --- | --- | ---: | ---: | ---: | ---: |"
    for domain in dict.fromkeys(one["domain"] for one in made):
        its = [one["policies"] for one in made if one["domain"] == domain]
        is_exact = all(one["true"][2] == EXACT for one in its)
        people = domain if is_exact else f"{domain} (in samples)"
        for name in ("fitted", "before"):
            losses = [(one["true"][1] - one[name][1]) / abs(one["true"][1]) for one in its]
            success = [one["true"][0] - one[name][0] for one in its]
            cells = [_of([loss <= CLOSE for loss in losses])]
            cells += [f"{one:.2%}" for one in (max(losses), np.mean(losses), max(success))]
            yield f"| {people} | the {name} user | {' | '.join(cells)} |"


def _of(hits: list[bool]) -> str:
    return f"{sum(hits)} of {len(hits)}"


def trials(domains: Sequence[str], users: int, dialogues: int, policies: int) -> list[FittingTrial]:
    """Return the trials: figures of as many users of each domain, then policies for the first ones."""
    each = range(-(-users // len(domains)))
    found = [FittingTrial(domain, seed, dialogues, FIGURES) for seed in each for domain in domains]
    # Those of the restaurant take minutes each.
    first = sorted(domains), each[:policies]
    return found + [FittingTrial(domain, seed, dialogues, POLICIES) for domain, seed in product(*first)]


def study(tasks: Sequence[FittingTrial], out: Path, jobs: int) -> str:
    """Run the trials that are not finished; return the tables, which are written after each.

    Raises:
        WorkerDied: a worker died repeatedly; finished trials are kept.
        ValueError: the finished trials cannot be read.
    """
    journal = Journal(out / "trials.jsonl", "trial", {"domain", "seed", "compares"})
    journal.repair()

    def write(name: str) -> str:
        done = [journal.records[mark] for task in tasks if (mark := task.fingerprint()) in journal.records]
        print(f"{len(done)} of {len(tasks)} {name}".strip(), file=sys.stderr, flush=True)
        text = tables(done)
        write_text(out / "fitting.md", text)
        return text

    text = write("")
    left = [task for task in tasks if task.fingerprint() not in journal.records]
    names = {task.fingerprint(): task.name for task in left}
    for record in on_cores(run, left, jobs):
        journal.add(record)
        text = write(names[record["fingerprint"]])
    return text


def main(
    out: Annotated[Path, typer.Option(help="folder for trials.jsonl and fitting.md")],
    domain: Annotated[list[str], typer.Option(help="restaurant or concert")] = list(DOMAINS),  # noqa: B006
    users: Annotated[int, typer.Option(min=1, help="users, as many of each domain")] = 50,
    dialogues: Annotated[int, typer.Option(min=20, help="logged dialogues of each")] = 500,
    policies: Annotated[int, typer.Option(min=0, help="users of each domain for whom policies are made")] = 5,
    jobs: Annotated[int, typer.Option(min=1, help="processes")] = 1,
) -> None:
    """Measure how close fitted users come to the true ones, from where it was stopped."""
    try:
        if unknown := [name for name in domain if name not in DOMAINS]:
            raise ValueError(f"unknown domain {unknown[0]!r}; {nearest(unknown[0], DOMAINS)}")
        out.mkdir(parents=True, exist_ok=True)
        domains = list(dict.fromkeys(domain))
        print(study(trials(domains, users, dialogues, policies), out, jobs), end="")
    except (ValueError, WorkerDied) as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(2) from None


if __name__ == "__main__":
    typer.run(main)
