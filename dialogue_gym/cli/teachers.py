"""`dialogue-gym store invite`, `teachers` and `log`: teachers' accounts on the machine, and who did what."""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Annotated

import typer

from dialogue_gym._text import counted, printable, quoted
from dialogue_gym.cli.erasure import Yes
from dialogue_gym.cli.options import PlaceOption, one_of
from dialogue_gym.cli.tables import table, when
from dialogue_gym.cli.verdict import JsonOption
from dialogue_gym.journal.activity import COMMAND_LINE, ActivityKind, ActivityLog
from dialogue_gym.journal.data_folder import DataPath, data_folder
from dialogue_gym.journal.entry import StoreError
from dialogue_gym.journal.location import has_store
from dialogue_gym.journal.place import StorePlace
from dialogue_gym.web.accounts import INVITATION_DAYS, FirstAccountError, TeacherRole
from dialogue_gym.web.paths import JOIN_PATH, TEACH_PATH

_HEADINGS = ("name", "role", "since", "")
_LOG_HEADINGS = ("when", "who", "what", "about")


def invite(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the teacher.")],
    *,
    place: PlaceOption,
    role: Annotated[
        str | None,
        typer.Option(
            help="teach; approve: also ratings and conversations; administer: also files and teachers.",
            **one_of(TeacherRole),
        ),
    ] = None,
    url: Annotated[
        str, typer.Option(metavar="URL", help="The address under which people reach the server.")
    ] = "http://127.0.0.1:8080",
) -> None:
    """Print a link for a new teacher, or for another password; it works once. The server may be running."""
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"--url {quoted(url)}: expected an address such as https://bot.example.org")
    from dialogue_gym.web.account_file import AccountFile

    folder = _files(place)
    try:
        token, made = AccountFile(folder).invite(name, TeacherRole(role) if role else None, COMMAND_LINE)
    except FirstAccountError as error:
        raise ValueError(f"{error}: give --role {TeacherRole.ADMINISTER}") from None
    ActivityLog(folder).record(COMMAND_LINE, ActivityKind.INVITED, f"{made.name} ({made.role})")
    print(f"{url.rstrip('/')}{TEACH_PATH}{JOIN_PATH}{token}")
    within = counted(INVITATION_DAYS, "day")
    print(f"({printable(made.name)} chooses a password there, within {within}; the role is {made.role})")


def list_teachers(*, place: PlaceOption) -> None:
    """List the accounts of teachers with their roles, and open invitations."""
    from dialogue_gym.web.account_file import AccountFile

    accounts = AccountFile(_files(place))
    roster = accounts.roster
    rows = [(one.name, str(one.role), when(one.since), "") for one in roster.accounts.values()]
    rows += [
        (one.name, str(one.role), "", f"invited by {one.inviter} until {when(one.expires)}")
        for one in roster.open_invitations(accounts.now).values()
    ]
    for line in table(_HEADINGS, rows, ()):
        print(line)


def show_log(
    *,
    place: PlaceOption,
    most: Annotated[int, typer.Option("--last", min=1, help="The number of lines at most.")] = 100,
    as_json: JsonOption = False,
    prune_before: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="Remove the days before this one, in UTC, instead; as 2026-01-31."),
    ] = None,
    yes: Yes = False,
) -> None:
    """Show who did what on the server, the latest last; or remove old days. The server may be running."""
    log = ActivityLog(_files(place))
    if prune_before is not None:
        _prune(log, _day(prune_before), yes)
        return
    latest = list(itertools.islice(log.latest(), most))[::-1]
    if as_json:
        for one in latest:
            print(json.dumps(asdict(one)))
        return
    rows = ((when(one.time), one.who, one.what, one.about) for one in latest)
    for line in table(_LOG_HEADINGS, rows, ()):
        print(line)


def _day(text: str) -> date:
    """Return the day of a text.

    Raises:
        ValueError: it is none, or has not begun.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"--prune-before {quoted(text)}: expected a date such as 2026-01-31") from None
    if day > (today := datetime.now(UTC).date()):
        raise ValueError(f"--prune-before {day}: this day has not begun; today is {today}")
    return day


def _prune(log: ActivityLog, before: date, yes: bool) -> None:
    if not yes:
        typer.confirm(f"Remove the log of all days before {before} for good?", abort=True)
    print(counted(log.prune(before), "day"), "removed")


def _files(place: StorePlace) -> DataPath:
    """Return the folder of the files of a store.

    Raises:
        StoreError: there is no store.
    """
    if not has_store(place):
        raise StoreError(f"{place}: there is no store here")
    return data_folder(place)
