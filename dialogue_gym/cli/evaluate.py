"""`dialogue-gym evaluate`: the success of an agent with the fake user of a domain."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from dialogue_gym._text import as_typed, counted, printable
from dialogue_gym.cli.endpoint import (
    AnswerTimeOption,
    BaseUrlOption,
    RequestOption,
    TokenLimitOption,
    chat_endpoint,
)
from dialogue_gym.cli.options import (
    TEXT,
    DomainName,
    Mode,
    SeedOption,
    SettingsArgument,
    TrustOption,
    note,
    one_of,
)
from dialogue_gym.cli.verdict import (
    ExactOption,
    HtmlOption,
    JsonOption,
    JUnitOption,
    MinSuccessOption,
    SecondsOption,
    check_targets,
    judge,
    judge_report,
    late_progress_bar,
    print_report,
    written,
)
from dialogue_gym.domain import load_domain
from dialogue_gym.domain.sources import builtin_names
from dialogue_gym.envs.settings import MAX_DIALOGUES
from dialogue_gym.exact.evaluation import SECONDS, evaluate_exactly
from dialogue_gym.exact.sample import evaluate_sample
from dialogue_gym.live.policy import find_agent
from dialogue_gym.policies.agent import Agent, distinct_names
from dialogue_gym.reports import Report
from dialogue_gym.reports.report import settings_note
from dialogue_gym.text.agents import ChatAgent, FieldAgent, TextAgent
from dialogue_gym.text.chat_endpoint import EndpointError
from dialogue_gym.text.dialogue import TEXT_SETTINGS, TextDialogue
from dialogue_gym.training.environments import check_user, parse_settings, parse_text_settings
from dialogue_gym.training.evaluation import compare_agents, evaluate_agent
from dialogue_gym.training.progress import progress_bar
from dialogue_gym.training.text_evaluation import evaluate_text

_ENDPOINT = "openai:"
_DIALOGUES, _USERS, _SAMPLED = 1000, 20, 10_000


def evaluate(
    source: DomainName,
    settings: SettingsArgument = None,
    *,
    agent: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|DIR",
            help="pretrained, expert, random, a folder written by train, teach or live, or openai:MODEL, a"
            " language model.",
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(metavar="NAME|DIR", help="Another agent, to be compared on the same dialogues."),
    ] = None,
    trust: TrustOption = False,
    dialogues: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=MAX_DIALOGUES,
            help=f"Number of dialogues; default: {_DIALOGUES}, with a language model {_USERS}, and where"
            f" --exact has to take a sample {_SAMPLED}.",
        ),
    ] = None,
    seed: SeedOption = 1,
    exact: ExactOption = False,
    seconds: SecondsOption = None,
    min_success: MinSuccessOption = None,
    junit: JUnitOption = None,
    html: HtmlOption = None,
    as_json: JsonOption = False,
    mode: Annotated[
        str | None,
        typer.Option(
            **one_of(Mode),
            help="Talk in text, and reply with names of actions, calls of tools or free sentences; default"
            " with a language model: tools.",
            rich_help_panel=TEXT,
        ),
    ] = None,
    tries: Annotated[
        int,
        typer.Option(
            min=1,
            max=100,
            help="Dialogues with each of the users, whose number is that of --dialogues; prints the chance"
            " that all of 1, 2 and so on succeed.",
            rich_help_panel=TEXT,
        ),
    ] = 1,
    base_url: BaseUrlOption = None,
    timeout: AnswerTimeOption = None,
    token_limit: TokenLimitOption = None,
    request: RequestOption = None,
) -> None:
    """Count how often an agent succeeds with the fake user of a domain, or compare two agents."""
    domain = load_domain(source)
    check_user(source, domain)
    model = agent.removeprefix(_ENDPOINT) if agent and agent.startswith(_ENDPOINT) else None
    is_text = model is not None or mode is not None
    words = settings or []
    keywords = parse_text_settings(words) if is_text else parse_settings(words, ("domain",))
    is_builtin = source in builtin_names()

    def found(name: str | None, settings: dict[str, Any]) -> Agent:
        _, one = find_agent(
            name, domain, note, is_builtin=is_builtin, seed=seed, settings=settings, trust=trust
        )
        if one is None:
            raise ValueError(
                f"{source}: no agent exists for this domain;"
                f" `dialogue-gym train {as_typed(source)}` trains one"
            )
        return one

    if model is None:
        given = {
            "--base-url": base_url,
            "--timeout": timeout,
            "--token-limit": token_limit,
            "--request": request or None,
        }
        for option in (option for option, value in given.items() if value is not None):
            raise ValueError(f"{option}: it is for a language model, as in --agent {_ENDPOINT}MODEL")
    reporting = {
        "--exact": exact,
        "--seconds": seconds is not None,
        "--junit": junit is not None,
        "--html": html is not None,
    }
    if is_text or against is not None:
        other = "--against" if against is not None else "dialogues in text"
        for option in (option for option, is_given in reporting.items() if is_given):
            raise ValueError(
                f"{option}: it is for one agent that chooses by the observation, not for {other}"
            )
    check_targets(junit, html)
    if is_text:
        if against is not None:
            raise ValueError(
                "--against: dialogues in text are not compared; evaluate one agent after the other"
            )
        way = str(mode or Mode.TOOLS)
        if model is None:
            fielded = found(agent, {})
            talker: TextAgent = FieldAgent(fielded)
            own = {name: value for name, value in fielded.settings.items() if name in TEXT_SETTINGS}
            keywords = own | keywords
        else:
            if not model.strip():
                raise ValueError(
                    f"--agent {_ENDPOINT}: the name of a model is missing, as in {_ENDPOINT}MODEL"
                )
            talker = ChatAgent(chat_endpoint(model, base_url, timeout, token_limit, request or []))
        success_rate = _evaluate_text(
            TextDialogue(domain, way, **keywords),
            talker,
            dialogues or (_DIALOGUES if model is None else _USERS),
            seed,
            tries,
            {"domain": domain.name, "agent": talker.name, "settings": keywords, "mode": way},
            as_json,
        )
        judge(success_rate, min_success)
        return
    if tries > 1:
        raise ValueError("--tries: it is for dialogues in text; add --mode tools")
    first = found(agent, keywords)
    if any(reporting.values()):
        report = _report(first, keywords, exact, seconds, dialogues, seed)
        with written(report, min_success, junit, html):
            print_report(report, as_json)
        judge_report(report, min_success)
        return
    dialogues = dialogues or _DIALOGUES
    about: dict[str, Any] = {"domain": domain.name, "agent": first.name}
    about["settings"] = chosen = first.settings | keywords
    if against is None:
        with progress_bar(f"{first.name} on {domain.name}", dialogues, "dialogues") as progress:
            figures = evaluate_agent(first, keywords, dialogues, seed, progress)
        about |= vars(figures)
        lines = [f"{first.name} on {domain.name}{settings_note(chosen)}: {figures}"]
    else:
        second = found(against, chosen)
        name, other = distinct_names((first, second), (agent, against))
        title = f"{name} and {other} on {domain.name}"
        with progress_bar(title, 2 * dialogues, "dialogues") as progress:
            comparison = compare_agents(first, second, keywords, dialogues, seed, progress)
        about |= vars(comparison.first) | {
            "agent": name,
            "against": {"agent": other} | vars(comparison.second),
            "differences": comparison.differences(),
        }
        lines = [f"{name} on {domain.name}{settings_note(chosen)}: {comparison.first}"]
        lines += [f"{other} on {domain.name}{settings_note(chosen)}: {comparison.second}"]
        lines += [f"{name} less {other}, on the same dialogues: {comparison}"]
    print(json.dumps(about | {"seed": seed}, indent=2) if as_json else "\n".join(lines))
    judge(about["success_rate"], min_success)


def _report(
    agent: Agent,
    settings: dict[str, Any],
    exact: bool,
    seconds: float | None,
    dialogues: int | None,
    seed: int,
) -> Report:
    """Return the report of an agent, exact if wanted."""
    if seconds and not exact:
        raise ValueError("--seconds: it is for --exact")
    most = dialogues or (_SAMPLED if exact else _DIALOGUES)
    with late_progress_bar(f"{agent.name} on {agent.env.domain.name}", most) as progress:
        if not exact:
            return evaluate_sample(agent, settings, dialogues=most, seed=seed, progress=progress)
        longest = seconds or SECONDS
        return evaluate_exactly(
            agent, settings, seconds=longest, dialogues=most, seed=seed, progress=progress
        )


def _evaluate_text(
    dialogue: TextDialogue,
    agent: TextAgent,
    users: int,
    seed: int,
    tries: int,
    about: dict[str, Any],
    as_json: bool,
) -> float:
    """Print the figures of dialogues in text, and return the success rate."""
    title = printable(f"{agent.name} on {dialogue.domain.name}")
    with progress_bar(title, users * tries, "dialogues") as progress:
        result = evaluate_text(dialogue, agent, users, seed, tries, progress)
    if as_json:
        print(json.dumps(about | result.as_dict() | {"seed": seed}, indent=2))
    else:
        print("\n".join([f"{title} ({dialogue.mode}): {result}", *result.lines()]))
    if result.fault:
        raise EndpointError(
            f"the figures are those of {counted(result.figures.dialogues, 'dialogue')}: {result.fault}"
        )
    return result.figures.success_rate
