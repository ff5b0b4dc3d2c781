"""`dialogue-gym teach`: teach a bot in the terminal by confirming or correcting what it does."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from dialogue_gym.cli.options import (
    ActionsOption,
    DomainName,
    NluOption,
    PretrainedOption,
    SeedOption,
    StoreOption,
    StoriesOption,
    TurnTaking,
    TurnTakingOption,
    User,
    UserOption,
)


class Teacher(StrEnum):
    """Who teaches."""

    ME = "me"
    EXPERT = "expert"


def teach(
    source: DomainName,
    *,
    scratch: Annotated[bool, typer.Option("--scratch", help="begin with a bot that knows nothing")] = False,
    pretrained: PretrainedOption = False,
    stories: StoriesOption = None,
    nlu: NluOption = None,
    actions: ActionsOption = None,
    user: UserOption = None,
    store: StoreOption = None,
    turn_taking: TurnTakingOption = TurnTaking.EXPLICIT,
    wizard: Annotated[
        bool, typer.Option("--wizard", help="pick every action yourself; the bot only learns")
    ] = False,
    seed: SeedOption = 0,
    teacher: Annotated[
        Teacher, typer.Option(help="expert: the domain's expert teaches the fake user's bot, for measuring")
    ] = Teacher.ME,
    mistakes: Annotated[float, typer.Option(min=0, max=1, help="how often that teacher errs")] = 0.0,
    dialogues: Annotated[int, typer.Option(min=1, help="for how many dialogues that teacher teaches")] = 60,
    as_json: Annotated[bool, typer.Option("--json", help="print what that took as JSON")] = False,
) -> None:
    """Teach a bot by talking to it, or by watching it talk: confirm or correct each thing it does."""
    if scratch and pretrained:
        raise ValueError("--scratch, --pretrained: give one of the two")
    if teacher == Teacher.EXPERT and user == User.ME:
        raise ValueError("--teacher expert: it teaches in the fake user's dialogues, so --user is fake")
    # All that a terminal needs loads here alone.
    from dialogue_gym.teaching.terminal.run import TeachOptions, hold

    hold(
        TeachOptions(
            source=source,
            is_scratch=scratch,
            is_pretrained=pretrained,
            stories=tuple(stories or ()),
            nlu=tuple(nlu or ()),
            actions=tuple(actions or ()),
            user=user,
            store=store,
            turn_taking=turn_taking,
            is_wizard=wizard,
            seed=seed,
            is_simulated=teacher == Teacher.EXPERT,
            mistakes=mistakes,
            dialogues=dialogues,
            as_json=as_json,
        )
    )
