"""`dialogue-gym web`: teach a bot in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dialogue_gym.cli.parts import ActionsOption, DomainName, NluOption
from dialogue_gym.cli.teach import TurnTaking, User


def web(
    source: DomainName = "restaurant",
    *,
    store: Annotated[
        Path | None, typer.Option(metavar="DIR", help="where all is kept; without it, NAME-teaching")
    ] = None,
    host: Annotated[
        str, typer.Option(help="where to listen; others than this machine need a password")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one")] = 8080,
    password_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="has the password; or set DIALOGUE_GYM_PASSWORD"),
    ] = None,
    name: Annotated[
        list[str] | None, typer.Option(metavar="HOST", help="another name under which this is reached")
    ] = None,
    pretrained: Annotated[
        bool, typer.Option("--pretrained", help="a new store begins with what the domain's own stories say")
    ] = False,
    stories: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="stories that a new store begins with")
    ] = None,
    nlu: NluOption = None,
    actions: ActionsOption = None,
    user: Annotated[
        User | None, typer.Option(help="who talks to the bot at first; without it, the fake user if it can")
    ] = None,
    turn_taking: Annotated[
        TurnTaking, typer.Option(help="with auto, speaking hands the turn over")
    ] = TurnTaking.EXPLICIT,
    seed: Annotated[int, typer.Option(min=0, help="of the fake users, and of texts")] = 0,
    opens: Annotated[bool, typer.Option("--open/--no-open", help="open the page in the browser")] = True,
) -> None:
    """Teach a bot in the browser: confirm or correct each thing it does; several teachers can."""
    try:
        from dialogue_gym.cli.webbing import Serving, hold
    except ImportError as error:
        if error.name and error.name.startswith("dialogue_gym"):
            raise
        raise ImportError(f'{error.name} is missing: pip install "dialogue_gym[web]" brings it') from None
    hold(
        Serving(
            source=source,
            store=store,
            host=host,
            port=port,
            password_file=password_file,
            names=tuple(name or ()),
            is_pretrained=pretrained,
            stories=tuple(stories or ()),
            nlu=tuple(nlu or ()),
            actions=tuple(actions or ()),
            user=user,
            turn_taking=turn_taking,
            seed=seed,
            opens=opens,
        )
    )
