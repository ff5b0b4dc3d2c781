"""Raters who err or mean ill, without and with defences: `python -m agents.raters --out FOLDER`.

Simulated people talk to a bot that learns from their ratings, and rate single replies by the domain's expert
and whole dialogues by their outcome. Most are honest. Some err, few always say the opposite, and somebody
sends a burst of opposite ratings. The rest is a live server: limits, moderation, weights, learning.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer

from agents.benchmark.parallel import run_all
from dialogue_gym import Domain, ExpertPolicy, load_domain
from dialogue_gym.envs import DialogueEnv
from dialogue_gym.journal import Store
from dialogue_gym.live import (
    Limits,
    LiveBot,
    LiveReward,
    OpinionLog,
    RaterWeights,
    RegressionGuard,
    Sessions,
    SimulatedPerson,
    start_or_resume,
)
from dialogue_gym.nlu import FixedFormatInterpreter
from dialogue_gym.policies import load_agent
from dialogue_gym.utils import write_text

DOMAINS = ("restaurant", "concert")
PEOPLE, ERRING, LYING = 50, 0.2, 0.02
"""The number of people, and the shares of those who err and of those who always say the opposite."""
ERROR = 0.4
"""The chance that a rating of those who err is reversed."""
RATED = 0.3
"""The share of replies that people rate."""
BURST = 1000
"""The number of ratings of one more person, who says the opposite as fast as the server allows."""
TIMES = ("before", "before the burst", "right after it", "at the end")
KINDS = ("honest", "errs", "says the opposite", "sends the burst")
_DIALOGUE, _RATING = 120.0, 1.0
"""Seconds that pass with each dialogue, and with each rating of the burst."""
_STRANGER = "stranger"


@dataclass(frozen=True)
class Case:
    """People who rate, and the defences of the server."""

    name: str
    is_ill: bool = True
    limits_bursts: bool = False
    weighs: bool = False


CASES = (
    Case("honest people alone", is_ill=False),
    Case("no defence"),
    Case("bursts wait", limits_bursts=True),
    Case("weights", weighs=True),
    Case("bursts wait, and weights", limits_bursts=True, weighs=True),
)


@dataclass(frozen=True)
class Trial:
    """One run: so many dialogues with people, with the burst in the middle."""

    domain: str
    case: Case
    seed: int
    dialogues: int


class Crowd:
    """The people of one run, their conversations and their ratings."""

    def __init__(self, domain: Domain, live: LiveBot, person: SimulatedPerson, trial: Trial) -> None:
        """Begin before the first dialogue."""
        env = DialogueEnv(domain)
        self.seconds = 0.0
        self._expert, self._names = ExpertPolicy(env), env.action_names
        self._live, self._person = live, person
        self._random = np.random.default_rng(trial.seed)
        limits = Limits() if trial.case.limits_bursts else Limits(ratings=10**9)
        self._sessions = Sessions(live, limits, trusts_ratings=True, clock=lambda: self.seconds)
        erring, lying = (round(share * PEOPLE) if trial.case.is_ill else 0 for share in (ERRING, LYING))
        self._errors = np.array([1.0] * lying + [ERROR] * erring + [0.0] * (PEOPLE - lying - erring))

    def kind(self, name: str) -> str:
        """Return the kind of a person: one of `KINDS`."""
        if name == _STRANGER:
            return KINDS[3]
        error = self._errors[int(name.split()[1])]
        return KINDS[2] if error == 1 else KINDS[1] if error else KINDS[0]

    def talk(self) -> bool:
        """Let somebody have a dialogue and rate it; return whether it was a success."""
        number = int(self._random.integers(PEOPLE))
        is_success, ratings = self._talked(f"person {number}")
        self.seconds += _DIALOGUE
        for place, (about, is_good) in enumerate(ratings):
            is_end = place == len(ratings) - 1
            if is_end or self._random.random() < RATED:
                self._rate(
                    f"person {number}", about, is_good != (self._random.random() < self._errors[number])
                )
        return is_success

    def burst(self, ratings: int) -> None:
        """Let one more person have dialogues, and rate all the opposite, until they have rated so often."""
        given = 0
        while given < ratings:
            for about, is_good in self._talked(_STRANGER)[1][: ratings - given]:
                self.seconds += _RATING
                self._rate(_STRANGER, about, not is_good)
                given += 1

    def _talked(self, name: str) -> tuple[bool, list[tuple[int, bool]]]:
        """Return whether a dialogue was a success, and an honest view of its decisions and, last, its end."""
        is_success = self._person.talk(self._live, name)
        conversation = self._live.conversations.ended(name)
        assert conversation is not None
        trace = self._live.conversations.find(conversation)
        assert trace.end is not None
        views = [
            (about, self._is_right(situation, action)) for about, situation, action in trace.situations()
        ]
        return is_success, [*views, (trace.end.id, is_success)]

    def _is_right(self, observation: Any, action: str) -> bool:
        return self._names.index(action) in self._expert.right_actions(observation)

    def _rate(self, name: str, about: int, is_good: bool) -> None:
        conversation = self._live.conversations.ended(name)
        self._sessions.rate(name, 1.0 if is_good else -1.0, about, conversation=conversation)


def run(trial: Trial) -> dict[str, Any]:
    """Let people talk to a bot; return its success rates at the times of `TIMES`, and the raters' weights."""
    torch.set_num_threads(1)
    domain = load_domain(trial.domain)
    guard = RegressionGuard(DialogueEnv(domain))
    person = SimulatedPerson(domain, seed=trial.seed * 100_000, silent=1.0)
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder)) as store:
        reward = LiveReward.of(domain, weights=RaterWeights(store, domain) if trial.case.weighs else None)
        agent = load_agent("pretrained", domain)
        trainer, _ = start_or_resume(
            store, domain, agent, seed=trial.seed, every=10**9, explore="auto", reward=reward
        )
        interpreter = FixedFormatInterpreter(domain)
        live = LiveBot(
            domain, store, trainer.explorer, interpreter, person, on_transitions=trainer.submit, reward=reward
        )
        crowd = Crowd(domain, live, person, trial)

        def look() -> float:
            trainer.work()
            return guard.success_rate(trainer.explorer.actor)

        rates = [look()]
        for _ in range(trial.dialogues // 2):
            crowd.talk()
            trainer.work()
        rates.append(look())
        crowd.burst(BURST if trial.case.is_ill else 0)
        rates.append(look())
        for _ in range(trial.dialogues // 2):
            crowd.talk()
            trainer.work()
        rates.append(look())
        log = OpinionLog(store, domain)
        log.add(store.ratings())
        report = log.report()
    kinds: dict[str, list[float]] = {}
    for one in report.verdicts:
        kinds.setdefault(crowd.kind(one.rater.name), []).append(one.weight)
    return asdict(trial) | {
        "success_rates": rates,
        "weights": {kind: float(np.mean(some)) for kind, some in kinds.items()},
        "contrary": sorted(crowd.kind(one.rater.name) for one in report.contrary),
        "agreement": report.agreement and asdict(report.agreement),
    }


def table(results: Iterable[dict[str, Any]]) -> str:
    """Return the success rates, means over seeds with the lowest in brackets, as a Markdown table."""
    groups: dict[tuple[str, str], list[list[float]]] = {}
    for result in results:
        groups.setdefault((result["domain"], result["case"]["name"]), []).append(result["success_rates"])
    lines = [f"| people | defence | {' | '.join(TIMES)} |", f"| --- | --- |{' ---: |' * len(TIMES)}"]
    for key, rows in groups.items():
        rates = np.array(rows)
        pairs = zip(rates.mean(axis=0), rates.min(axis=0), strict=True)
        lines.append(f"| {' | '.join([*key, *(f'{mean:.1%} ({low:.0%})' for mean, low in pairs)])} |")
    return "\n".join(lines) + "\n"


def weight_table(results: Iterable[dict[str, Any]]) -> str:
    """Return the mean weight of each kind of people at the end, where all ratings counted."""
    kinds: dict[str, list[float]] = {kind: [] for kind in KINDS}
    found: dict[str, int] = dict.fromkeys(KINDS, 0)
    runs = 0
    for result in results:
        if result["case"]["is_ill"] and not result["case"]["limits_bursts"]:
            runs += 1
            for kind in KINDS:
                kinds[kind].append(result["weights"][kind])
                found[kind] += result["contrary"].count(kind)
    lines = [f"| rater | mean weight | named to teachers, in {runs} runs |", "| --- | ---: | ---: |"]
    lines += [f"| {kind} | {np.mean(some):.2f} | {found[kind]} |" for kind, some in kinds.items()]
    return "\n".join(lines) + "\n"


def main(
    out: Annotated[Path, typer.Option(help="folder for raters.json and raters.md")],
    seeds: Annotated[int, typer.Option(min=1, help="runs of each case")] = 3,
    dialogues: Annotated[int, typer.Option(min=2, help="dialogues with people in each run")] = 120,
    jobs: Annotated[int, typer.Option(min=1, help="processes")] = 1,
) -> None:
    """Measure the harm of raters who err or mean ill, without and with defences."""
    out.mkdir(parents=True, exist_ok=True)
    tasks = [
        Trial(domain, case, seed, dialogues) for seed in range(seeds) for domain in DOMAINS for case in CASES
    ]

    def progress(done: int, count: int) -> None:
        print(f"{done} of {count}", file=sys.stderr, flush=True)

    results = run_all(run, tasks, jobs, progress)
    text = f"{table(results)}\n{weight_table(results)}"
    write_text(out / "raters.json", json.dumps(results) + "\n")
    write_text(out / "raters.md", text)
    print(text, end="")


if __name__ == "__main__":
    typer.run(main)
