"""`dialogue-gym evaluate`: the success of an agent with the fake user of a domain."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from dialogue_gym.cli.options import AgentOption, DomainName, SeedOption, SettingsArgument, TrustOption, note
from dialogue_gym.domain import load_domain
from dialogue_gym.domain.sources import builtin_names
from dialogue_gym.live.policy import find_agent
from dialogue_gym.policies.agent import Agent
from dialogue_gym.training.environments import check_user, parse_settings
from dialogue_gym.training.evaluation import compare_agents, evaluate_agent
from dialogue_gym.training.progress import progress_bar


def evaluate(
    source: DomainName,
    settings: SettingsArgument = None,
    *,
    agent: AgentOption = None,
    against: Annotated[
        str | None,
        typer.Option(metavar="NAME|DIR", help="Another agent, to be compared on the same dialogues."),
    ] = None,
    trust: TrustOption = False,
    dialogues: Annotated[int, typer.Option(min=1, help="Number of dialogues.")] = 1000,
    seed: SeedOption = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Count how often an agent succeeds with the fake user of a domain, or compare two agents."""
    domain = load_domain(source)
    check_user(source, domain)
    keywords = parse_settings(settings or [], ("domain",))
    is_builtin = source in builtin_names()

    def found(name: str | None, settings: dict[str, Any]) -> Agent:
        _, one = find_agent(
            name, domain, note, is_builtin=is_builtin, seed=seed, settings=settings, trust=trust
        )
        if one is None:
            raise ValueError(
                f"{source}: no agent exists for this domain; `dialogue-gym train {source}` trains one"
            )
        return one

    first = found(agent, keywords)
    about: dict[str, Any] = {"domain": domain.name, "agent": first.name}
    about["settings"] = chosen = first.settings | keywords
    if against is None:
        with progress_bar(f"{first.name} on {domain.name}", dialogues, "dialogues") as progress:
            figures = evaluate_agent(first, keywords, dialogues, seed, progress)
        about |= vars(figures)
        lines = [f"{first.name} on {domain.name}: {figures}"]
    else:
        second = found(against, chosen)
        title = f"{first.name} and {second.name} on {domain.name}"
        with progress_bar(title, 2 * dialogues, "dialogues") as progress:
            comparison = compare_agents(first, second, keywords, dialogues, seed, progress)
        about |= vars(comparison.first) | {
            "against": {"agent": second.name} | vars(comparison.second),
            "differences": comparison.differences(),
        }
        lines = [f"{first.name} on {domain.name}: {comparison.first}"]
        lines += [f"{second.name} on {domain.name}: {comparison.second}"]
        lines += [f"{first.name} less {second.name}, on the same dialogues: {comparison}"]
    print(json.dumps(about | {"seed": seed}, indent=2) if as_json else "\n".join(lines))
