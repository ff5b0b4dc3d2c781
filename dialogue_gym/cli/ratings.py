"""`dialogue-gym store ratings` and `raters`: review ratings, and report on the people who gave them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from dialogue_gym._text import counted, nearest, printable, quoted
from dialogue_gym.cli.logs import domain_of
from dialogue_gym.cli.options import PlaceArgument, PlaceOption
from dialogue_gym.cli.tables import table, when
from dialogue_gym.cli.verdict import JsonOption
from dialogue_gym.journal.activity import COMMAND_LINE, ActivityKind, ActivityLog
from dialogue_gym.journal.entry import BURST, Entry
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.live.moderation import ALL, BURSTS, approved, chosen, declined, waiting
from dialogue_gym.live.raters import OpinionLog
from dialogue_gym.raters import LEAST, RaterReport, RaterVerdict

_RATING_HEADINGS = ("rating", "when", "conversation", "about", "value", "")
_RATING_NUMBERS = ("rating", "about", "value")
_WHICH = f"ID|{ALL}|{BURSTS}"
_HEADINGS = ("rater", "rated", "checked", "contradicts", "against outcomes", "weight", "")


def review_ratings(
    *,
    place: PlaceOption,
    approve: Annotated[
        str | None,
        typer.Option(
            metavar=_WHICH,
            help="Approve one rating, all outside of bursts, or those of bursts.",
        ),
    ] = None,
    decline: Annotated[
        str | None, typer.Option(metavar=_WHICH, help="Reject one rating, or several, for good.")
    ] = None,
) -> None:
    """List visitors' ratings that await approval; approve them for the next start, or reject them."""
    if approve is None and decline is None:
        with Store(place, create=False, read_only=True) as opened:
            rows = [_rating_row(one) for one in waiting(opened.ratings())]
        for line in table(_RATING_HEADINGS, rows, _RATING_NUMBERS):
            print(line)
        return
    if approve == decline:
        raise ValueError(f"--decline {decline}: the same is to be approved; give one of the two")
    with Store(place, create=False) as opened:
        found = waiting(opened.ratings())
        taken = [] if approve is None else _chosen("--approve", approve, found)
        rejected = [] if decline is None else _chosen("--decline", decline, found)
        if both := {one.id for one in taken} & {one.id for one in rejected}:
            raise ValueError(f"--decline {decline}: the rating {min(both)} is to be approved as well")
        opened.append_all([*map(approved, taken), *map(declined, rejected)])
        log = ActivityLog(opened.data)
        for kind, ratings in ((ActivityKind.APPROVED, taken), (ActivityKind.REJECTED, rejected)):
            for one in ratings:
                log.record(COMMAND_LINE, kind, f"rating {one.id}")
    if approve is not None:
        print(counted(len(taken), "rating"), "approved")
    if decline is not None:
        print(counted(len(rejected), "rating"), "rejected")
    if rest := len(found) - len(taken) - len(rejected):
        print(f"({counted(rest, 'rating')} left to review)")


def _chosen(flag: str, which: str, ratings: list[Entry]) -> list[Entry]:
    found = chosen(ratings, which)
    if not found and which not in (ALL, BURSTS):
        known = nearest(which, (ALL, BURSTS, *(str(one.id) for one in ratings)))
        raise ValueError(f"{flag} {quoted(which)}: no such rating awaits approval; {known}")
    return found


def _rating_row(one: Entry) -> tuple[str, ...]:
    value, about = one.content["value"], one.content["about"]
    note = "burst" if one.content.get(BURST) else ""
    return str(one.id), when(one.time), one.conversation, str(about), f"{value:g}", note


def judge_store(
    place: PlaceArgument,
    *,
    as_json: JsonOption = False,
) -> None:
    """Report on the raters: their agreement, those who contradict others or outcomes, a weight for each."""
    with Store(place, create=False, read_only=True) as opened:
        log = OpinionLog(opened, History(opened.taught()).extended(domain_of(opened)))
        ratings = opened.ratings()
        log.add(ratings)
        report, pending = log.report(), len(waiting(ratings))
    if not report.verdicts:
        raise ValueError(f"{place}: nobody has rated anything yet that counts{_pending(pending)}")
    if as_json:
        print(json.dumps(_as_json(report, log.ratings, pending), indent=2))
        return
    print(f"{counted(log.ratings, 'rating')} by {counted(len(report.verdicts), 'rater')}{_pending(pending)}")
    for line in _shown(report):
        print(printable(line))


def _pending(number: int) -> str:
    return f"; {counted(number, 'rating')} to be reviewed" if number else ""


def _shown(report: RaterReport) -> Iterator[str]:
    found = report.agreement
    if found is None:
        yield f"agreement: unknown, as several rated fewer than {LEAST} things, or all said the same"
    else:
        yield (
            f"agreement on {counted(found.items, 'thing')} that several rated: alpha {found.alpha:.2f}"
            f" [{found.low:.2f}, {found.high:.2f}]"
        )
    if report.outcomes:
        verb = "contradicts" if report.against_outcomes == 1 else "contradict"
        yield (
            f"{counted(report.against_outcomes, 'opinion')} of {report.outcomes} on whole conversations"
            f" {verb} the outcome"
        )
    yield ""
    yield from table(_HEADINGS, map(_row, report.verdicts), numbers=_HEADINGS[1:-1])


def _row(one: RaterVerdict) -> tuple[str, ...]:
    return (
        name_of(one),
        str(one.opinions),
        str(one.checked),
        str(one.contradicted),
        f"{one.against_outcomes} of {one.outcomes}" if one.outcomes else "",
        f"{one.weight:.2f}",
        "contradicts the others" if one.is_contrary else "",
    )


def name_of(one: RaterVerdict) -> str:
    """Return the name of a rater, as it is shown."""
    return f"{one.rater.name} (teacher)" if one.rater.is_teacher else one.rater.name


def _as_json(report: RaterReport, ratings: int, pending: int) -> dict[str, Any]:
    return {
        "ratings": ratings,
        "waiting": pending,
        "agreement": report.agreement and dataclasses.asdict(report.agreement),
        "outcomes": report.outcomes,
        "against_outcomes": report.against_outcomes,
        "raters": [
            {"rater": one.rater.name, "is_teacher": one.rater.is_teacher}
            | {key: value for key, value in dataclasses.asdict(one).items() if key != "rater"}
            | {"is_contrary": one.is_contrary}
            for one in report.verdicts
        ],
    }
