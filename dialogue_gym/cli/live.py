"""`dialogue-gym live`: talk to a bot that learns from it."""

from __future__ import annotations

from typing import Annotated

import typer

from dialogue_gym.cli.options import (
    ActionsOption,
    BeginningOption,
    CheckpointsOption,
    CountOutcomesOption,
    DomainName,
    FallOption,
    HttpHostOption,
    HttpNamesOption,
    HttpOriginsOption,
    HttpPasswordFileOption,
    HttpPortOption,
    HttpTokenFileOption,
    HttpTrustRatingsOption,
    NluOption,
    RollBackOption,
    SeedOption,
    SilenceOption,
    StoreOption,
)


def live(
    source: DomainName,
    *,
    store: StoreOption = None,
    agent: BeginningOption = None,
    nlu: NluOption = None,
    actions: ActionsOption = None,
    silence: SilenceOption = 30,
    checkpoints: CheckpointsOption = 7,
    fall: FallOption = 0.1,
    roll_back: RollBackOption = False,
    count_outcomes: CountOutcomesOption = False,
    seed: SeedOption = 0,
    http: Annotated[
        bool,
        typer.Option("--http", help="let others talk to it, in the browser or by Rasa's front ends"),
    ] = False,
    host: HttpHostOption = "127.0.0.1",
    port: HttpPortOption = 5005,
    password_file: HttpPasswordFileOption = None,
    name: HttpNamesOption = None,
    origin: HttpOriginsOption = None,
    token_file: HttpTokenFileOption = None,
    trust_ratings: HttpTrustRatingsOption = False,
) -> None:
    """Talk to a bot and rate it; it learns between turns, and goes on the next time where it was."""
    from dialogue_gym.live.run import LiveOptions, hold

    living = LiveOptions(
        source=source,
        folder=store,
        agent=agent,
        nlu=tuple(nlu or ()),
        actions=tuple(actions or ()),
        silence=silence * 60 or None,
        kept=checkpoints,
        fall=fall,
        rolls_back=roll_back,
        counts_outcome=count_outcomes,
        seed=seed,
    )
    if not http:
        hold(living)
        return
    from dialogue_gym.web.run import ReceiveOptions, receive

    receive(
        ReceiveOptions(
            living,
            host=host,
            port=port,
            password_file=password_file,
            names=tuple(name or ()),
            origins=tuple(origin or ()),
            token_file=token_file,
            trusts_ratings=trust_ratings,
        )
    )
