"""`dialogue-gym test`: the success of any bot, which the fake user of a domain talks to."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from dialogue_gym._text import counted, printable, without_password
from dialogue_gym.cli.options import SeedOption, SettingsArgument, complete_domain, one_of, tell_namesakes
from dialogue_gym.cli.verdict import (
    HtmlOption,
    JsonOption,
    JUnitOption,
    MinSuccessOption,
    check_targets,
    judge,
    late_progress_bar,
    print_report,
    written,
)
from dialogue_gym.domain import load_domain
from dialogue_gym.envs.settings import MAX_DIALOGUES
from dialogue_gym.stories import load
from dialogue_gym.testing.bots import ForeignBot
from dialogue_gym.testing.replay import replay_stories
from dialogue_gym.testing.runner import play
from dialogue_gym.testing.trial import make_bot, run, shortened
from dialogue_gym.training.environments import check_user, parse_settings

TOKEN_VARIABLE = "DIALOGUE_GYM_TOKEN"
"""The environment variable with a token for the bot's server."""


class MessageFormat(StrEnum):
    """The form of the user's messages."""

    SENTENCES = "sentences"
    FIXED = "fixed"


def test(
    bot: Annotated[
        str,
        typer.Argument(
            metavar="URL|DIR",
            help="Address of a server with Rasa's REST channel, or of a store's database; or the folder of a"
            " store or an agent.",
        ),
    ],
    settings: SettingsArgument = None,
    *,
    source: Annotated[
        str,
        typer.Option(
            "--domain",
            metavar="DOMAIN",
            help="The bot's domain with its fake user: a file, a folder or a built-in one.",
            autocompletion=complete_domain,
            callback=tell_namesakes,
        ),
    ],
    dialogues: Annotated[int, typer.Option(min=1, max=MAX_DIALOGUES, help="Number of dialogues.")] = 1000,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, max=1000, help="Conversations at the same time; default: 16 with a URL, else 1."),
    ] = None,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            **one_of(MessageFormat),
            help='Sentences, or acts such as /inform{"cuisine": "french"}.',
        ),
    ] = MessageFormat.SENTENCES,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds that an answer may take.")] = 10.0,
    seed: SeedOption = 1,
    tries: Annotated[
        int,
        typer.Option(
            min=1,
            max=100,
            help="Dialogues with each of the users, whose number is that of --dialogues; prints the chance"
            " that all of 1, 2 and so on succeed.",
        ),
    ] = 1,
    replay: Annotated[
        str | None,
        typer.Option(
            metavar="SEED|FILE",
            help="Play one dialogue again, by the seed that the report gives, or say the user's turns of a"
            " file of stories.",
        ),
    ] = None,
    min_success: MinSuccessOption = None,
    as_json: JsonOption = False,
    junit: JUnitOption = None,
    html: HtmlOption = None,
) -> None:
    """Let the fake user of a domain talk to a bot, and report how often it succeeds and where it fails.

    DIALOGUE_GYM_TOKEN is sent to a URL as a bearer token.
    """
    domain = load_domain(source)
    keywords = parse_settings(settings or [], ("domain", "max_history", "shaping"))
    token = os.environ.get(TOKEN_VARIABLE) or None

    def made() -> ForeignBot:
        return make_bot(bot, source, domain, timeout=timeout, token=token, jobs=jobs)

    if replay is not None:
        verdict = {"--min-success": min_success, "--json": as_json or None, "--junit": junit, "--html": html}
        for option in (option for option, value in verdict.items() if value is not None):
            raise ValueError(f"{option}: it is for a report on many dialogues, and not with --replay")
    if replay is not None and not replay.isdecimal():
        _replay_stories(made(), Path(replay), source)
        return
    check_user(source, domain)
    if replay is not None:
        (result,) = play(made(), domain, [int(replay)], 1, form, keywords)
        print("\n".join(result.lines()))
        if not result.is_success:
            raise typer.Exit(1)
        return
    check_targets(junit, html)
    with late_progress_bar(printable(without_password(bot).partition("?")[0]), dialogues * tries) as progress:
        report = run(
            made(),
            domain,
            dialogues,
            seed=seed,
            tries=tries,
            jobs=jobs,
            format=form,
            progress=progress,
            **keywords,
        )
    with written(report, min_success, junit, html):
        print_report(report if as_json else shortened(report), as_json)
    judge(report.success_rate, min_success)


def _replay_stories(bot: ForeignBot, path: Path, source: str) -> None:
    replayed = replay_stories(bot, load_domain(source), load(path))
    for one in replayed:
        print("\n".join([*one.lines(), ""]))
    different = sum(one.difference is not None for one in replayed)
    print(f"{counted(len(replayed), 'story', 'stories')}, {different} with a difference")
    if different:
        raise typer.Exit(1)
