"""Learning from people who rate badly: `python -m agents live-benchmark`.

An agent trained on the fake user meets people who react to other actions or expect other answers, so it
nearly always fails at first. Its only feedback is a rating at the end of a dialogue, which is often
wrong or missing. The benchmark measures how soon it succeeds again.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from agents.benchmark.markdown import DASH
from dialogue_gym import Domain, load_domain
from dialogue_gym.envs import DialogueEnv
from dialogue_gym.exact import solve
from dialogue_gym.journal import Store
from dialogue_gym.live import LiveBot, RegressionGuard, SimulatedPerson, start_or_resume
from dialogue_gym.nlu import FixedFormatInterpreter
from dialogue_gym.policies import load_agent
from dialogue_gym.utils import write_text, write_whole

DOMAINS = ("restaurant", "concert")
STARTS = ("pretrained", "scratch")
WRONG, SILENT = 0.2, 0.1
EVERY = 25
"""Dialogues between two evaluations."""
RECOVERED = 0.95


def with_changed_users(domain: Domain) -> Domain:
    """Return the domain with users who behave differently from its fake user.

    People who book a restaurant say yes or no once their reservation is acknowledged, and no to any
    suggestion. People who ask for concerts expect a goodbye when they say thanks, and "you're welcome" when
    they leave.
    """
    user = domain.fake_user
    assert user is not None
    if user.kind == "goal":
        names = {"action_suggest": "utter_ack_makereservation"}
        suggest = domain.action_model("action_suggest")
        actions = tuple(
            dataclasses.replace(model, reaction="deny") if model.name == suggest.name else model
            for model in user.actions
            if model.name not in names.values()
        )
        judged = dataclasses.replace(suggest, name="utter_ack_makereservation", sets=(), says=())
        return dataclasses.replace(domain, fake_user=dataclasses.replace(user, actions=(*actions, judged)))
    swapped = {"thankyou": ("utter_goodbye",), "goodbye": ("utter_youarewelcome",)}
    agendas = tuple(
        dataclasses.replace(
            agenda,
            items=tuple(
                dataclasses.replace(item, answers=swapped.get(item.intent, item.answers))
                for item in agenda.items
            ),
        )
        for agenda in user.agendas
    )
    return dataclasses.replace(domain, fake_user=dataclasses.replace(user, agendas=agendas))


@dataclass(frozen=True)
class Trial:
    """One run of the benchmark: domain, start and seed."""

    domain: str
    start: str
    seed: int
    dialogues: int


def trials(seeds: int, dialogues: int, starts: Iterable[str] = STARTS) -> list[Trial]:
    """Return all trials of the benchmark."""
    return [Trial(*case, dialogues) for case in itertools.product(DOMAINS, starts, range(seeds))]


def run(trial: Trial) -> dict[str, Any]:
    """Run simulated people against an agent; return its success rates before, during and after that."""
    torch.set_num_threads(1)
    known = load_domain(trial.domain)
    domain = with_changed_users(known)
    agent = load_agent("pretrained", known) if trial.start == "pretrained" else None
    guard = RegressionGuard(DialogueEnv(domain))
    person = SimulatedPerson(domain, seed=trial.seed * 100_000, wrong=WRONG, silent=SILENT)
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder)) as store:
        trainer, _ = start_or_resume(
            store, known, agent, seed=trial.seed, every=trial.dialogues * 100, explore="auto"
        )
        live = LiveBot(
            domain,
            store,
            trainer.explorer,
            FixedFormatInterpreter(domain),
            person,
            on_transitions=trainer.submit,
        )
        rates = [guard.success_rate(trainer.explorer.actor)]
        successes = []
        for number in range(1, trial.dialogues + 1):
            successes.append(person.talk(live))
            trainer.work()
            if number % EVERY == 0:
                rates.append(guard.success_rate(trainer.explorer.actor))
    return asdict(trial) | {"success_rates": rates, "successes": successes}


def optimum(domain: str) -> float:
    """Return the exact success rate of the best policy on observations with the changed people."""
    return solve(DialogueEnv(with_changed_users(load_domain(domain)))).lower.success_rate


def _recovered_after(rates: list[float]) -> float:
    """Return the number of dialogues until success stays at `RECOVERED` or above; infinite if never."""
    below = [number for number, rate in enumerate(rates) if rate < RECOVERED]
    first = below[-1] + 1 if below else 0
    return first * EVERY if first < len(rates) else np.inf


def _groups(results: Iterable[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for result in results:
        groups.setdefault((result["domain"], result["start"]), []).append(result)
    return groups


def table(results: Iterable[dict[str, Any]], optima: dict[str, float]) -> str:
    """Return the results as a Markdown table: means over seeds, with the lowest in brackets."""
    lines = [
        "| people | begins | success at first | after 100 dialogues | after 200 | after 300 |"
        " at 95 % for good after (the latest seed) | optimum |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for (domain, start), group in _groups(results).items():
        rates = np.array([result["success_rates"] for result in group])
        cells = [f"{domain}, changed", start]
        for dialogues in (0, 100, 200, 300):
            column = rates[:, dialogues // EVERY : dialogues // EVERY + 1]
            cells.append(f"{column.mean():.1%} ({column.min():.0%})" if column.size else DASH)
        after = sorted(_recovered_after(result["success_rates"]) for result in group)
        cells.append(f"{np.median(after):g} ({after[-1]:g})".replace("inf", "never"))
        lines.append(f"| {' | '.join(cells)} | {optima[domain]:.1%} |")
    return "\n".join(lines) + "\n"


def plot(path: Path, results: Iterable[dict[str, Any]]) -> None:
    """Draw the success rate over dialogues: thin lines for seeds, a thick one for their mean."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    axes = figure.subplots(1, len(DOMAINS), sharey=True)
    for (domain, start), group in _groups(results).items():
        axis = axes[DOMAINS.index(domain)]
        rates = np.array([result["success_rates"] for result in group])
        dialogues = np.arange(rates.shape[1]) * EVERY
        colour = f"C{STARTS.index(start)}"
        axis.plot(dialogues, rates.T, color=colour, alpha=0.25, linewidth=0.8)
        axis.plot(dialogues, rates.mean(axis=0), color=colour, linewidth=2, label=start)
        axis.axhline(RECOVERED, color="0.6", linestyle=":", linewidth=1)
        axis.set(title=f"{domain}, changed people", xlabel="dialogues with them", ylim=(-0.02, 1.02))
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(loc="lower right", frameon=False)
    axes[0].set_ylabel("success rate, without exploring")
    figure.savefig(path, format="png", dpi=100)


def write(folder: Path, results: list[dict[str, Any]]) -> str:
    """Write `live.json`, `live.md` and `live.png`; return the table."""
    text = json.dumps(results) + "\n"
    shown = table(results, {domain: optimum(domain) for domain in DOMAINS})
    write_text(folder / "live.json", text)
    write_text(folder / "live.md", shown)
    write_whole(folder / "live.png", lambda path: plot(path, results))
    return shown
