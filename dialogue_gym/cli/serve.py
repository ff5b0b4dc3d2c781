"""`dialogue-gym web`: teach a bot in the browser."""

from __future__ import annotations

from typing import Annotated

import typer

from dialogue_gym.cli.options import (
    ActionsOption,
    DomainName,
    HostOption,
    LiveBeginningOption,
    LiveCheckpointsOption,
    LiveCountOutcomesOption,
    LiveFallOption,
    LiveOriginsOption,
    LiveRollBackOption,
    LiveSilenceOption,
    LiveTokenFileOption,
    LiveTrustRatingsOption,
    NamesOption,
    NluOption,
    PasswordFileOption,
    PortOption,
    PretrainedOption,
    SeedOption,
    StoreOption,
    StoriesOption,
    TurnTaking,
    TurnTakingOption,
    UserOption,
)


def web(
    source: DomainName = "restaurant",
    *,
    store: StoreOption = None,
    host: HostOption = "127.0.0.1",
    port: PortOption = 8080,
    password_file: PasswordFileOption = None,
    name: NamesOption = None,
    pretrained: PretrainedOption = False,
    stories: StoriesOption = None,
    nlu: NluOption = None,
    actions: ActionsOption = None,
    user: UserOption = None,
    turn_taking: TurnTakingOption = TurnTaking.EXPLICIT,
    seed: SeedOption = 0,
    opens: Annotated[bool, typer.Option("--open/--no-open", help="open the page in the browser")] = True,
    live: Annotated[
        bool,
        typer.Option("--live", help="let others talk to the bot, at a page of their own; it learns"),
    ] = False,
    agent: LiveBeginningOption = None,
    silence: LiveSilenceOption = 30,
    checkpoints: LiveCheckpointsOption = 7,
    fall: LiveFallOption = 0.1,
    roll_back: LiveRollBackOption = False,
    count_outcomes: LiveCountOutcomesOption = False,
    origin: LiveOriginsOption = None,
    token_file: LiveTokenFileOption = None,
    trust_ratings: LiveTrustRatingsOption = False,
) -> None:
    """Teach a bot in the browser: confirm or correct each thing it does; several teachers can."""
    try:
        from dialogue_gym.web.run import ServeOptions, TalkOptions, hold
    except ImportError as error:
        if error.name and error.name.startswith("dialogue_gym"):
            raise
        raise ImportError(f'{error.name} is missing: pip install "dialogue_gym[web]" brings it') from None
    opened_to = TalkOptions(
        agent=agent,
        silence=silence * 60 or None,
        kept=checkpoints,
        fall=fall,
        rolls_back=roll_back,
        counts_outcome=count_outcomes,
        origins=tuple(origin or ()),
        token_file=token_file,
        trusts_ratings=trust_ratings,
    )
    hold(
        ServeOptions(
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
            live=opened_to if live else None,
        )
    )
