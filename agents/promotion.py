"""Safe promotion against the truth: `python -m agents.promotion`.

Pairs of policies whose exact returns differ by about 1: experts with fixed mistakes in more and in fewer
situations. One of a pair talks to the fake user and explores, as a live bot does; the other one waits to take
over. It should, soon, if it is the better one, and hardly ever if it is the worse one. So should one that is
worse by as little as can be found.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, cast

import numpy as np
import typer

from agents.benchmark.parallel import run_all
from agents.off_policy import DOMAINS, RATES, STEPS, Habit, simulate
from dialogue_gym import load_domain
from dialogue_gym.envs import DialogueEnv
from dialogue_gym.exact import evaluate_exactly
from dialogue_gym.live import Explorer, LiveReward, Promotion, StoredLogs, return_range
from dialogue_gym.utils import write_text

SHARES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4)
"""The shares of situations with a mistake that are looked at for pairs."""
GAIN, TINY = 1.0, 0.01
"""The wanted difference of a pair in return, and the smallest one that counts as a difference."""
BETTER, WORSE, HARDLY_WORSE = "better by about 1", "worse by about 1", "hardly worse"
CASES = (BETTER, WORSE, HARDLY_WORSE)


@dataclass(frozen=True)
class Trial:
    """Logs of one policy: `logs` of them for each case and exploration rate, of `dialogues` at most."""

    domain: str
    seed: int
    logs: int
    dialogues: int


@dataclass(frozen=True)
class _Pair:
    """The shares of mistakes of the policy in use and of the candidate, and the candidate's exact gain."""

    talking: float
    candidate: float
    gain: float


def _pairs(env: DialogueEnv, seed: int) -> dict[str, _Pair]:
    """Return the pair of each case; of each, the worse policy has further mistakes."""
    policies = [Habit(env, seed, share) for share in SHARES]
    returns = [evaluate_exactly(policy, failures=0).mean_return or 0.0 for policy in policies]
    found = [
        _Pair(SHARES[worse], SHARES[better], returns[better] - returns[worse])
        for better, worse in itertools.combinations(range(len(SHARES)), 2)
    ]
    found = [pair for pair in found if pair.gain > TINY]
    if not found:
        return {}
    large, small = (min(found, key=lambda pair: abs(pair.gain - wanted)) for wanted in (GAIN, TINY))
    turned = (_Pair(pair.candidate, pair.talking, -pair.gain) for pair in (large, small))
    return dict(zip(CASES, (large, *turned), strict=True))


def follow(
    env: DialogueEnv, seed: int, pair: _Pair, rate: float, dialogues: int, start: int
) -> dict[str, Any]:
    """Let a policy talk while another one waits to take over; return what the comparisons found.

    Args:
        env: the environment.
        seed: the seed of the mistakes.
        pair: the two policies.
        rate: the exploration rate.
        dialogues: the number of dialogues after which the waiting ends.
        start: the seed of the dialogues.
    """
    talking, candidate = (Habit(env, seed, share) for share in (pair.talking, pair.candidate))
    candidate.version = 1
    explorer = Explorer(cast(Any, talking), start, (rate, rate))
    explorer.candidate = cast(Any, candidate)
    returns = return_range(LiveReward.of(env.domain), STEPS)
    gate = Promotion.begin(cast(Any, talking), 0, 0.0).next(cast(Any, candidate), 0)
    spent, looks = 0, []
    while spent + gate.due <= dialogues:
        log = simulate(env, explorer, gate.due, start + spent)
        targets = candidate.target(log.observations), talking.target(log.observations)
        found = gate.with_ended(gate.due)
        comparison = found.judge(StoredLogs(log, targets, returns, 0, 0, 0, 0, 1), 0.0)
        spent += gate.due
        looks.append([spent, comparison.problem or asdict(comparison)["gain"]])
        if comparison.is_better:
            return {"promoted": spent, "looks": looks}
        gate = found.next(cast(Any, candidate), 0, comparison)
    return {"promoted": None, "looks": looks}


def run(trial: Trial) -> dict[str, Any]:
    """Run the cases of one policy."""
    env = DialogueEnv(load_domain(trial.domain))
    cases = []
    for (case, pair), rate, number in itertools.product(
        _pairs(env, trial.seed).items(), RATES, range(trial.logs)
    ):
        start = (1 + trial.seed * trial.logs + number) * 2 * trial.dialogues
        found = follow(env, trial.seed, pair, rate, trial.dialogues, start)
        cases.append({"case": case, "gain": pair.gain, "rate": rate} | found)
    return asdict(trial) | {"cases": cases}


def table(results: Iterable[dict[str, Any]]) -> str:
    """Return how often the candidates took over, and after how many dialogues, as a Markdown table."""
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for result in results:
        for one in result["cases"]:
            groups[one["case"], result["domain"], f"{one['rate']:.0%}"].append(one)
    lines = [
        "| candidate | people | exploration | gain in return | took over | after: median (quartiles) |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for key, group in sorted(groups.items(), key=lambda one: CASES.index(one[0][0])):
        after = [np.inf if one["promoted"] is None else one["promoted"] for one in group]
        quartiles = np.quantile(after, [0.5, 0.25, 0.75], method="inverted_cdf")
        shown = [f"{figure:,.0f}".replace("inf", "never") for figure in quartiles]
        gains = [one["gain"] for one in group]
        cells = [*key, f"{min(gains):.2f} to {max(gains):.2f}", f"{np.isfinite(after).sum()} of {len(group)}"]
        lines.append(f"| {' | '.join(cells)} | {shown[0]} ({shown[1]}, {shown[2]}) |")
    return "\n".join(lines) + "\n"


def trials(policies: int, logs: int, dialogues: int, first: int) -> Iterator[Trial]:
    """Yield the trials: so many policies for each domain, and logs for each case and exploration rate."""
    for domain, seed in itertools.product(DOMAINS, range(first, first + policies)):
        yield Trial(domain, seed, logs, dialogues)


def main(
    out: Annotated[Path, typer.Option(help="folder for promotion.json and promotion.md")],
    policies: Annotated[int, typer.Option(min=1, help="pairs of policies, for each domain")] = 10,
    logs: Annotated[int, typer.Option(min=1, help="logs for each case and exploration rate")] = 5,
    dialogues: Annotated[int, typer.Option(min=200, help="dialogues in each log")] = 500,
    first: Annotated[int, typer.Option(min=0, help="seed of the first policy")] = 0,
    jobs: Annotated[int, typer.Option(min=1, help="processes")] = 1,
) -> None:
    """Measure how often worse policies take over, and how soon better ones do."""
    out.mkdir(parents=True, exist_ok=True)
    tasks = list(trials(policies, logs, dialogues, first))

    def progress(done: int, count: int) -> None:
        print(f"{done} of {count}", file=sys.stderr, flush=True)

    results = run_all(run, tasks, jobs, progress)
    write_text(out / "promotion.json", json.dumps(results) + "\n")
    write_text(out / "promotion.md", table(results))
    print(table(results), end="")


if __name__ == "__main__":
    typer.run(main)
