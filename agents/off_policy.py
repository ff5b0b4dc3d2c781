"""Off-policy evaluation against the truth: `python -m agents.off_policy`.

A policy with mistakes in some situations talks to the fake user and explores, as a live bot does. From each
log three other policies are judged: itself without exploring, itself with half of its mistakes corrected,
and the expert without mistakes. Their true figures are exact, those with noise the means of many dialogues.
The table counts how often a 95 % interval covers them, where the logs suffice.
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
import numpy.typing as npt
import typer

from agents.benchmark.parallel import run_all
from dialogue_gym import ExpertPolicy, load_domain
from dialogue_gym.envs import DialogueEnv
from dialogue_gym.exact import evaluate_exactly
from dialogue_gym.live import Explorer, LiveReward, return_range
from dialogue_gym.off_policy import ESTIMATORS, CannotSay, Logs, evaluate_logs
from dialogue_gym.policies import ActionMask, Policy
from dialogue_gym.reports import EXACT
from dialogue_gym.utils import write_text

DOMAINS, RATES = ("restaurant", "concert"), (0.02, 0.1)
TARGETS = {"itself": 1.0, "half the mistakes": 0.5, "no mistakes": 0.0}
"""The policies that are judged, with the share of the mistakes that they still make."""
MISTAKES = 0.2
_SAMPLE_SEED = 1 << 40
DIALOGUES, STEPS = 500, 50
SAMPLE = 10_000
"""The dialogues whose means count as the truth where users are misheard."""


class Habit(Policy):
    """An expert with a fixed mistake in some situations, drawn by their observation.

    Attributes:
        version: a number, for `Explorer`.
    """

    version = 0

    def __init__(self, env: DialogueEnv, seed: int, share: float) -> None:
        """Begin with the share of the situations in which it makes a mistake; larger shares have the same."""
        super().__init__(env)
        self._expert, self._mask = ExpertPolicy(env), ActionMask(env)
        self._seed, self._share = seed, share
        self._known: dict[bytes, int] = {}

    def choose(
        self, observation: npt.NDArray[Any], mask: npt.NDArray[Any] | None, deterministic: bool
    ) -> int:
        """Return the action, always the same in a situation."""
        key = observation.tobytes()
        if key not in self._known:
            random = np.random.default_rng([self._seed, *map(int, observation)])
            if random.random() < self._share:
                possible = np.flatnonzero(self._mask(observation[None])[0])
                self._known[key] = int(random.choice(possible))
            else:
                self._known[key] = self._expert.choose(observation, mask, True)
        return self._known[key]

    def target(self, observations: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Return the chance of each action in observations, shape (n, actions)."""
        return np.eye(len(self.env.action_names))[[self.choose(one, None, True) for one in observations]]


def simulate(env: DialogueEnv, explorer: Explorer, dialogues: int, seed: int) -> Logs:
    """Return the logs of dialogues with the fake user, in which a policy explores as a live bot does."""
    names = env.action_names
    observations, actions, chances, rewards, ends, successes = [], [], [], [], [], []
    for number in range(dialogues):
        observation, info = env.reset(seed=None if number else seed)
        is_over = False
        while not is_over:
            made = explorer.decide(observation, info["action_mask"] != 0)
            assert made.chances is not None
            action = names.index(made.action)
            observations.append(observation)
            actions.append(action)
            chances.append([made.chances.get(name, 0.0) for name in names])
            observation, reward, terminated, truncated, info = env.step(action)
            rewards.append(float(reward))
            is_over = terminated or truncated
        ends.append(len(actions))
        successes.append(bool(info["is_success"]))
    columns = map(np.array, (observations, actions, chances, rewards, ends, successes))
    return Logs(*columns)


@dataclass(frozen=True)
class Trial:
    """Logs of one policy: `logs` of them for each exploration rate."""

    domain: str
    seed: int
    logs: int
    dialogues: int
    noise: float = 0.0
    turn_taking: str = "auto"


def truth(policy: Policy, noise: float) -> tuple[float, float]:
    """Return the success rate and the mean return of a policy, exact unless there is noise."""
    if not noise:
        report = evaluate_exactly(policy, failures=0)
        if report.method != EXACT or report.mean_return is None:
            raise RuntimeError("the exact figures are out of reach")
        return report.success_rate, report.mean_return
    played = simulate(policy.env, Explorer(cast(Any, policy)), SAMPLE, _SAMPLE_SEED)
    return float(played.successes.mean()), float(played.returns.mean())


def run(trial: Trial) -> dict[str, Any]:
    """Judge policies by logs; return the true figures, and each log's intervals or its refusal."""
    domain = load_domain(trial.domain)
    env = DialogueEnv(domain, semantic_error_rate=trial.noise, turn_taking=trial.turn_taking)
    actor = Habit(env, trial.seed, MISTAKES)
    targets = {name: Habit(env, trial.seed, MISTAKES * share) for name, share in TARGETS.items()}
    truths = {name: truth(target, trial.noise) for name, target in targets.items()}
    returns = return_range(LiveReward.of(domain), STEPS)
    found = []
    for number, rate in itertools.product(range(trial.logs), RATES):
        start = 1 + trial.seed * trial.logs + number
        explorer = Explorer(cast(Any, actor), start, (rate, rate))
        log = simulate(env, explorer, trial.dialogues, start * trial.dialogues)
        for name, target in targets.items():
            case: dict[str, Any] = {"rate": rate, "target": name}
            try:
                report = evaluate_logs(log, target.target(log.observations), returns)
            except CannotSay as error:
                found.append(case | {"refused": str(error)})
                continue
            estimates = {
                estimator: [asdict(report.success_rate[estimator]), asdict(report.mean_return[estimator])]
                for estimator in ESTIMATORS
            }
            size = {"effective_size": report.effective_size, "missing_share": report.missing_share}
            found.append(case | size | {"estimates": estimates})
    return asdict(trial) | {"truths": truths, "cases": found}


def table(results: Iterable[dict[str, Any]]) -> str:
    """Return the share of the intervals that cover the truth, as a Markdown table."""
    said: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0, 0])
    hits: dict[tuple[Any, ...], list[bool]] = defaultdict(list)
    widths: dict[tuple[Any, ...], list[float]] = defaultdict(list)
    for result in results:
        for case in result["cases"]:
            key = (result["domain"], f"{case['rate']:.0%}", case["target"])
            said[key][1] += 1
            if "refused" in case:
                continue
            said[key][0] += 1
            for estimator, both in case["estimates"].items():
                for kind, (one, truth) in enumerate(zip(both, result["truths"][case["target"]], strict=True)):
                    hits[estimator, kind].append(one["low"] - 1e-9 <= truth <= one["high"] + 1e-9)
                    widths[estimator, kind].append((one["high"] - one["low"]) / 2)
    lines = ["| people | exploration | judged policy | logs that suffice |", "| --- | ---: | --- | ---: |"]
    lines += [f"| {' | '.join(key)} | {some} of {all_} |" for key, (some, all_) in said.items()]
    lines += ["", "| estimator | success covered | ± at the median | return covered | ± at the median |"]
    lines += ["| --- | ---: | ---: | ---: | ---: |"]
    for estimator in ESTIMATORS:
        cells = [estimator]
        for kind, shown in ((0, "{:.1%}"), (1, "{:.2f}")):
            if not hits[estimator, kind]:
                cells += ["", ""]
                continue
            cells += [
                f"{np.mean(hits[estimator, kind]):.1%}",
                shown.format(np.median(widths[estimator, kind])),
            ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def trials(seeds: Iterable[int], *others: Any) -> Iterator[Trial]:
    """Yield the trials: a policy for each domain and seed; the others are the fields of `Trial`."""
    for domain, seed in itertools.product(DOMAINS, seeds):
        yield Trial(domain, seed, *others)


def main(
    out: Annotated[Path, typer.Option(help="folder for off-policy.json and off-policy.md")],
    policies: Annotated[int, typer.Option(min=1, help="policies that make logs, for each domain")] = 10,
    logs: Annotated[int, typer.Option(min=1, help="logs of each at each exploration rate")] = 5,
    dialogues: Annotated[int, typer.Option(min=1, help="dialogues in each log")] = DIALOGUES,
    first: Annotated[int, typer.Option(min=0, help="seed of the first policy")] = 0,
    noise: Annotated[float, typer.Option(min=0, max=1, help="rate of misheard acts")] = 0.0,
    turn_taking: Annotated[str, typer.Option(help="auto or explicit")] = "auto",
    jobs: Annotated[int, typer.Option(min=1, help="processes")] = 1,
) -> None:
    """Measure how often intervals from logs cover the truth."""
    out.mkdir(parents=True, exist_ok=True)
    tasks = list(trials(range(first, first + policies), logs, dialogues, noise, turn_taking))

    def progress(done: int, count: int) -> None:
        print(f"{done} of {count}", file=sys.stderr, flush=True)

    results = run_all(run, tasks, jobs, progress)
    write_text(out / "off-policy.json", json.dumps(results) + "\n")
    write_text(out / "off-policy.md", table(results))
    print(table(results), end="")


if __name__ == "__main__":
    typer.run(main)
