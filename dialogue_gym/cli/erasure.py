"""`dialogue-gym store forget` and `prune`: conversations erased for good, and old checkpoints removed."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Annotated

import typer

from dialogue_gym._text import counted, nearest, printable, quoted
from dialogue_gym.cli.options import PlaceOption
from dialogue_gym.journal.activity import COMMAND_LINE, ActivityKind, ActivityLog
from dialogue_gym.journal.data_folder import DataPath, data_folder
from dialogue_gym.journal.entry import LIVE
from dialogue_gym.journal.place import StorePlace
from dialogue_gym.journal.store import Store
from dialogue_gym.live.checkpoints import checkpoints_of
from dialogue_gym.live.checkpoints import forget as forget_learned

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]


def forget(
    conversation: Annotated[
        str | None, typer.Argument(metavar="CONVERSATION", help="A name shown by `list`.")
    ] = None,
    *,
    place: PlaceOption,
    person: Annotated[
        str | None, typer.Option("--person", metavar="SENDER", help="Erase all conversations with a person.")
    ] = None,
    with_forks: Annotated[bool, typer.Option("--with-forks", help="Erase its forks as well.")] = False,
    yes: Yes = False,
) -> None:
    """Erase a conversation for good, for example because it holds personal data."""
    if (conversation is None) == (person is None):
        raise ValueError("give either a conversation, or --person and the name of a sender")
    with Store(place, create=False) as opened:
        names = [str(conversation)] if person is None else _conversations_with(opened, person)
        is_known = {summary.id for summary in opened.conversations()}.issuperset(names)
        forks = [fork for name in names for fork in opened.branches(name)]
        if not yes and is_known and (with_forks or not forks):
            what = ", ".join(map(printable, [*names, *forks]))
            typer.confirm(f"Erase {what} for good?", abort=True)
        if forks and not with_forks:  # before anything is gone for good
            opened.forget(next(name for name in names if opened.branches(name)))
        erased: list[str] = []
        removed: list[DataPath] = []
        try:
            for name in names:
                gone, checkpoints = forget_learned(opened, name, with_forks)
                erased += gone
                removed += checkpoints
        finally:  # a reader may still use the next one, and then these are gone all the same
            _tell_erased(place, erased, removed)


def _tell_erased(place: StorePlace, erased: Sequence[str], removed: Sequence[DataPath]) -> None:
    """Write down and print what is gone."""
    _record_erased(place, erased)
    for name in erased:
        print(f"{printable(name)} erased")
    if removed:
        what = "it" if len(erased) == 1 else "them"
        print(f"{counted(len(removed), 'checkpoint')} removed that may have learned from {what};", end=" ")
        print("the next start learns anew from the rest")


def prune(
    *,
    place: PlaceOption,
    checkpoints: Annotated[int, typer.Option(min=1, help="Number of newest checkpoints to keep.")] = 7,
    conversations: Annotated[
        int | None,
        typer.Option(
            min=0, help="Number of newest live conversations that have ended to keep; without it, all."
        ),
    ] = None,
    yes: Yes = False,
) -> None:
    """Remove old checkpoints, and erase old live conversations without corrections."""
    with Store(place, create=False) as opened:
        if conversations is not None:
            if not yes:
                what = f"all live conversations that have ended, but the newest {conversations} of them,"
                typer.confirm(f"Erase {what} for good?", abort=True)
            erased = opened.prune(LIVE, conversations)
            _record_erased(place, erased)
            kept = len(opened.unfinished(LIVE))
            print(counted(len(erased), "conversation"), "erased" + f"; {kept} still open" * bool(kept))
        print(counted(len(checkpoints_of(place).prune(checkpoints)), "checkpoint"), "removed")


def _record_erased(place: StorePlace, conversations: Iterable[str]) -> None:
    log = ActivityLog(data_folder(place))
    for name in conversations:
        log.record(COMMAND_LINE, ActivityKind.ERASED, name)


def _conversations_with(opened: Store, person: str) -> list[str]:
    """Return the conversations with a person.

    Raises:
        ValueError: there are none.
    """
    people = opened.begun(LIVE, sys.maxsize)
    found = [name for name, who in people.items() if who == person]
    if not found:
        known = nearest(person, sorted(set(people.values())))
        raise ValueError(f"--person {quoted(person)}: nobody of this name has written; {known}")
    return found
