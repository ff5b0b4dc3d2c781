"""`store evaluate` and `store export --minari`: figures and data of conversations with people."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from dialogue_gym._text import counted, percent, printable
from dialogue_gym.cli.options import PlaceArgument, SeedOption, TrustOption, note
from dialogue_gym.cli.verdict import JsonOption
from dialogue_gym.datasets import dataset_id, write_dataset
from dialogue_gym.domain import Domain
from dialogue_gym.domain.sources import builtin_names
from dialogue_gym.journal.history import History
from dialogue_gym.journal.identity import read_domain
from dialogue_gym.journal.place import StorePlace
from dialogue_gym.journal.store import Store, StoreError
from dialogue_gym.live.logs import StoredLogs, read_logs
from dialogue_gym.live.people_dataset import people_environment, people_episodes
from dialogue_gym.live.policy import find_agent
from dialogue_gym.off_policy import (
    ESTIMATORS,
    CannotSay,
    Estimate,
    OffPolicyComparison,
    OffPolicyReport,
    compare_by_logs,
    evaluate_logs,
)
from dialogue_gym.policies.agent import Agent, distinct_names


def evaluate_by_logs(
    place: PlaceArgument,
    *,
    agent: Annotated[
        str,
        typer.Option(
            metavar="NAME|DIR",
            help="pretrained, expert, random, or a folder written by train, teach or live.",
        ),
    ],
    against: Annotated[
        str | None, typer.Option(metavar="NAME|DIR", help="Another agent, to be compared by the same logs.")
    ] = None,
    trust: TrustOption = False,
    seed: SeedOption = 1,
    as_json: JsonOption = False,
) -> None:
    """Estimate how an agent would have done in logged conversations, before people meet it.

    Each figure has a 95% interval. Where the logs do not suffice, one sentence says why.
    """
    with Store(place, create=False, read_only=True) as opened:
        domain = History(opened.taught()).extended(domain_of(opened))
        names = [agent] if against is None else [agent, against]
        is_builtin = opened.domain is not None and opened.domain.source in builtin_names()
        agents = [_found(name, domain, is_builtin, seed, trust) for name in names]
        try:
            stored = read_logs(opened, domain, agents)
        except CannotSay as error:
            raise ValueError(f"{place}: these logs cannot say: {error}") from None
    reports: list[tuple[str, OffPolicyReport]] = []
    faults = []
    for name, target in zip(distinct_names(agents, names), stored.targets, strict=True):
        try:
            reports.append((name, evaluate_logs(stored.logs, target, stored.returns)))
        except CannotSay as error:
            faults.append(f"{place}: these logs cannot say how {name} would do: {error}")
    comparison = None
    if against is not None and not faults:
        (_, first), (_, second) = reports
        comparison = compare_by_logs(first, second, stored.returns)
    if reports and as_json:
        print(json.dumps(_as_json(stored, reports, comparison), indent=2))
    elif reports:
        for line in _shown(place, stored, reports, comparison):
            print(printable(line))
    if faults:
        raise ValueError(faults[0])


def export_dataset(opened: Store, name: str) -> None:
    """Write people's conversations of a store as a data set, and print its id and its folder."""
    domain = History(opened.taught()).extended(domain_of(opened))
    env = people_environment(opened, domain)
    dataset = dataset_id(env, name)
    try:
        episodes, stored = people_episodes(opened, domain, env)
    except CannotSay as error:
        raise ValueError(f"{opened.folder}: {error}") from None
    count = counted(len(episodes), "conversation")
    place = write_dataset(
        dataset,
        episodes,
        env,
        policies=["live"],
        description=f"{count} of people with a live bot of the domain {domain.name}.",
        is_recoverable=domain.fake_user is not None,
    )
    print(printable(f"{dataset}: {count} in {place}"))
    for line in stored.notes:
        print(printable(f"({line})"))


def domain_of(opened: Store) -> Domain:
    """Return the domain of a store, from the text of its file at the last use.

    Raises:
        StoreError: the store has none yet.
    """
    about = opened.domain
    if about is None:
        raise StoreError(f"{opened.place}: no domain is known here, since nothing was taught yet")
    return read_domain(about)


def _found(name: str, domain: Domain, is_builtin: bool, seed: int, trust: bool) -> Agent:
    _, found = find_agent(name, domain, note, is_builtin=is_builtin, seed=seed, trust=trust)
    assert found is not None  # it has a name
    return found


def _shown(
    place: StorePlace,
    stored: StoredLogs,
    reports: list[tuple[str, OffPolicyReport]],
    comparison: OffPolicyComparison | None,
) -> Iterator[str]:
    _, first = reports[0]
    versions = counted(stored.versions, "version")
    yield f"{place}: {counted(first.dialogues, 'conversation')} with {versions} of the bot"
    yield from _row("as logged", first.logged_success_rate, first.logged_return)
    for name, report in reports:
        yield ""
        yield (
            f"{name}: rests on {counted(report.followed, 'conversation')} that it could have led, worth"
            f" {report.effective_size:.0f} of its own"
        )
        if report.missing_share > 0:
            yield f"  in {percent(report.missing_share)} of its own it does something that was hardly tried"
        for way in ESTIMATORS:
            yield from _row(way, report.success_rate[way], report.mean_return[way])
    if comparison is not None:
        yield ""
        yield " less ".join(name for name, _ in reports) + ":"
        for way in ESTIMATORS:
            yield from _row(way, comparison.success_rate[way], comparison.mean_return[way])
    for line in stored.notes:
        yield f"({line})"


def _row(name: str, success: Estimate, mean_return: Estimate) -> Iterator[str]:
    rates = f"{100 * success.value:.1f}% [{100 * success.low:.1f}, {100 * success.high:.1f}]"
    returns = f"{mean_return.value:.2f} [{mean_return.low:.2f}, {mean_return.high:.2f}]"
    yield f"  {name:<42}  success {rates:<22}  return {returns}"


def _as_json(
    stored: StoredLogs,
    reports: list[tuple[str, OffPolicyReport]],
    comparison: OffPolicyComparison | None,
) -> dict[str, Any]:
    def figures(one: OffPolicyReport | OffPolicyComparison) -> dict[str, Any]:
        return {"success_rate": _estimates(one.success_rate), "mean_return": _estimates(one.mean_return)}

    _, first = reports[0]
    return {
        "dialogues": first.dialogues,
        "versions": stored.versions,
        "left_out": {"open": stored.open, "unknown_chances": stored.unknown, "taught": stored.taught},
        "logged": {
            "success_rate": dataclasses.asdict(first.logged_success_rate),
            "mean_return": dataclasses.asdict(first.logged_return),
        },
        "agents": [
            {
                "agent": name,
                "followed": report.followed,
                "effective_size": report.effective_size,
                "missing_share": report.missing_share,
            }
            | figures(report)
            for name, report in reports
        ],
        "differences": None if comparison is None else figures(comparison),
    }


def _estimates(found: Mapping[str, Estimate]) -> dict[str, Any]:
    return {name: dataclasses.asdict(one) for name, one in found.items()}
