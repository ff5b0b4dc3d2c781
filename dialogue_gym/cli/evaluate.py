"""`dialogue-gym evaluate`: the success of an agent with the simulated user of a domain."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from dialogue_gym._text import printable
from dialogue_gym.cli.options import AgentOption, DomainName, SeedOption, SettingsArgument, TrustOption
from dialogue_gym.domain import load_domain
from dialogue_gym.domain.sources import builtin_names
from dialogue_gym.live.policy import find_agent
from dialogue_gym.training.environments import check_user, parse_settings
from dialogue_gym.training.evaluation import evaluate_agent
from dialogue_gym.training.progress import progress_bar


def evaluate(
    source: DomainName,
    settings: SettingsArgument = None,
    *,
    agent: AgentOption = None,
    trust: TrustOption = False,
    dialogues: Annotated[int, typer.Option(min=1, help="Number of dialogues.")] = 1000,
    seed: SeedOption = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Count how often an agent succeeds with the simulated user of a domain."""
    domain = load_domain(source)
    check_user(source, domain)
    keywords = parse_settings(settings or [], ("domain",))
    _, found = find_agent(
        agent,
        domain,
        _report,
        is_builtin=source in builtin_names(),
        seed=seed,
        settings=keywords,
        trust=trust,
    )
    if found is None:
        raise ValueError(
            f"{source}: no agent exists for this domain; `dialogue-gym train {source}` trains one"
        )
    with progress_bar(f"{found.name} on {domain.name}", dialogues, "dialogues") as progress:
        figures = evaluate_agent(found, keywords, dialogues, seed, progress)
    if as_json:
        about = {"domain": domain.name, "agent": found.name, "settings": found.settings | keywords}
        print(json.dumps(about | vars(figures) | {"seed": seed}, indent=2))
    else:
        print(f"{found.name} on {domain.name}: {figures}")


def _report(note: str) -> None:
    print(f"({printable(note)})", file=sys.stderr)
