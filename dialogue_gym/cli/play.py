"""`dialogue-gym play`: a person is the bot, in dialogues with the fake user."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from dialogue_gym._text import printable
from dialogue_gym.bounds.bounding import Bounding, BoundMethod
from dialogue_gym.cli.options import BOT, DomainName, SettingsArgument
from dialogue_gym.domain import load_domain
from dialogue_gym.factory import domain_notes
from dialogue_gym.play.dialog import PlayDialog
from dialogue_gym.play.game import Match, new_seed
from dialogue_gym.play.report import best, totals
from dialogue_gym.terminal import divert_log
from dialogue_gym.training.environments import check_user, environment_of, parse_settings


def play(
    source: DomainName,
    settings: SettingsArgument = None,
    *,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Seed of the first dialogue; default: a random one, which is shown.",
            rich_help_panel=BOT,
        ),
    ] = None,
    browser: Annotated[bool, typer.Option("--browser", help="Play in the browser.")] = False,
) -> None:
    """Play the bot yourself: choose its actions in dialogues with the fake user, against the expert."""
    keywords = parse_settings(settings or [], ("domain", "max_history", "shaping"))
    if browser:
        from dialogue_gym.web.play_page import run

        run(source, keywords, seed)
        return
    divert_log()
    domain = load_domain(source)
    check_user(source, domain)
    match = Match(domain, keywords, new_seed() if seed is None else seed)
    for note in domain_notes(source):
        print(f"({printable(note)})")
    # Other extras bring the command as well, but not these packages.
    from dialogue_gym.teaching.terminal.console import Leave, Terminal

    terminal = Terminal()
    env_id, own = environment_of(source)
    with Bounding(env_id, own | keywords, BoundMethod.AUTO, match.seed, lambda line: None) as bounding:

        def best_score() -> str:
            if sys.stdin.isatty() and not bounding.is_ready:  # a person is not kept waiting; a pipe has time
                return "(The best possible score is still being computed.)"
            try:
                return best(bounding.result())
            except ImportError as error:
                return f'({error.name} computes the best possible score: pip install "dialogue_gym[agents]")'

        try:
            terminal.run(PlayDialog(match, best_score).play(), "The game ends.")
        except Leave:
            print("\n".join(totals(match)))
