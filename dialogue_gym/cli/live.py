"""`dialogue-gym live`: talk to a bot that learns from it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dialogue_gym.cli.parts import ActionsOption, DomainName, NluOption


def live(
    source: DomainName,
    *,
    folder: Annotated[
        Path | None,
        typer.Option("--store", metavar="DIR", help="where all is kept; without it DOMAIN-live"),
    ] = None,
    agent: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|DIR",
            help="where a new learner begins: pretrained, expert, or the folder of a trained DQN",
        ),
    ] = None,
    nlu: NluOption = None,
    actions: ActionsOption = None,
    silence: Annotated[
        float, typer.Option(min=0, help="minutes after which someone who says nothing has left; 0 for never")
    ] = 30,
    kept: Annotated[int, typer.Option("--checkpoints", min=1, help="how many are kept")] = 7,
    fall: Annotated[
        float,
        typer.Option(min=0, max=1, help="how far success with the fake user may fall before it is reported"),
    ] = 0.1,
    rolls_back: Annotated[
        bool, typer.Option("--roll-back", help="a fall brings the best checkpoint back")
    ] = False,
    counts_outcome: Annotated[
        bool, typer.Option("--count-outcomes", help="an end that nobody rates counts by its outcome")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="of what is tried, and the choice among texts")] = 0,
    http: Annotated[
        bool,
        typer.Option("--http", help="let others talk to it, in the browser or by Rasa's front ends"),
    ] = False,
    host: Annotated[
        str, typer.Option(help="with --http: where to listen; others than this machine need a password")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="with --http: 0 takes a free one")] = 5005,
    password_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="with --http: of those who teach; or set DIALOGUE_GYM_PASSWORD"),
    ] = None,
    name: Annotated[
        list[str] | None, typer.Option(metavar="HOST", help="with --http: another name of this server")
    ] = None,
    origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL", help="with --http: a site whose pages may talk to it, https://example.org"
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="with --http: who may be a channel, a line 'NAME TOKEN' each"),
    ] = None,
    trusts_ratings: Annotated[
        bool, typer.Option("--trust-ratings", help="with --http: ratings count before a teacher approves")
    ] = False,
) -> None:
    """Talk to a bot and rate it; it learns between turns, and goes on the next time where it was."""
    from dialogue_gym.cli.living import Living, hold  # torch loads here alone

    living = Living(
        source=source,
        folder=folder,
        agent=agent,
        nlu=tuple(nlu or ()),
        actions=tuple(actions or ()),
        silence=silence * 60 or None,
        kept=kept,
        fall=fall,
        rolls_back=rolls_back,
        counts_outcome=counts_outcome,
        seed=seed,
    )
    if not http:
        hold(living)
        return
    from dialogue_gym.cli.receiving import Receiving, receive

    receive(
        Receiving(
            living,
            host=host,
            port=port,
            password_file=password_file,
            names=tuple(name or ()),
            origins=tuple(origin or ()),
            token_file=token_file,
            trusts_ratings=trusts_ratings,
        )
    )
