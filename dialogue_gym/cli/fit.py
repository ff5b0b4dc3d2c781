"""`dialogue-gym store fit`: a fake user like the people who talked to a bot."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dialogue_gym._files import OutputKind, bears, check_target, write_text
from dialogue_gym._text import as_typed, counted, percent, printable
from dialogue_gym._yaml import parse_yaml
from dialogue_gym.cli.logs import domain_of
from dialogue_gym.cli.options import PlaceArgument, SeedOption
from dialogue_gym.cli.verdict import JsonOption
from dialogue_gym.domain import Domain
from dialogue_gym.domain.loader import parse_domain
from dialogue_gym.domain.model import DOMAIN_FILE
from dialogue_gym.domain.writer import extended_text
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store

if TYPE_CHECKING:
    from dialogue_gym.fitting import BehaviourDistance, Figure, FittedUser, JournalDialogues
    from dialogue_gym.journal.place import StorePlace

_FITTED = "The fake user is fitted to"
_FITTED_DOMAIN = OutputKind("a fitted domain", bears(_FITTED))
SIMULATED = 1000
"""Dialogues that are simulated to compare them with those of people."""


def fit(
    place: PlaceArgument,
    *,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The domain file to write.")],
    seed: SeedOption = 1,
    as_json: JsonOption = False,
) -> None:
    """Fit the fake user to the people who talked to a bot, and write it as a domain file to train on.

    Each figure has a 95% interval. Figures that the conversations do not say keep their values.
    """
    from dialogue_gym import fitting

    check_target(out, _FITTED_DOMAIN)
    with Store(place, create=False, read_only=True) as opened:
        history = History(opened.entries())
        about = opened.domain
        domain = history.extended(domain_of(opened))
        assert about is not None
        logged = fitting.journal_dialogues(history, domain)
        text = extended_text(about.text, about.source, domain.name, history.extended)
    try:
        fitted = fitting.fit_user(domain, logged.dialogues)
    except fitting.CannotFit as error:
        raise ValueError(f"{place}: {error}") from None
    phrases = fitting.phrases_of(domain, logged.messages)
    heading = f"{_FITTED} {counted(fitted.dialogues, 'conversation')} with people."
    written = fitting.fitted_text(
        text,
        about.source,
        domain.name,
        fitted.figures,
        fitting.fitted_phrases(domain, phrases) if phrases else {},
        heading,
    )
    after = parse_domain(parse_yaml(written, str(out), DOMAIN_FILE), domain.name)
    near = _distances(after, logged, fitted, seed)
    far = _distances(domain, logged, fitted, seed)
    write_text(out, written)
    if as_json:
        print(json.dumps(_as_json(logged, fitted, phrases, near, far), indent=2))
        return
    for line in _shown(place, out, logged, fitted, phrases, near, far):
        print(printable(line))


def _distances(
    domain: Domain, logged: JournalDialogues, fitted: FittedUser, seed: int
) -> Sequence[BehaviourDistance]:
    """Return the distances of a user who talks to the same bot."""
    from dialogue_gym import fitting

    env = DialogueEnv(domain, turn_taking=fitted.turn_taking)
    alike = [one for one in logged.dialogues if fitting.turn_taking_of(one) == fitted.turn_taking]
    bot = fitting.LoggedBot(env, alike, seed)
    simulated = fitting.simulated_dialogues(env, bot, SIMULATED, seed)
    return fitting.distances(domain, alike, simulated, seed)


def _shown(
    place: StorePlace,
    out: Path,
    logged: JournalDialogues,
    fitted: FittedUser,
    phrases: dict[str, list[str]],
    near: Sequence[BehaviourDistance],
    far: Sequence[BehaviourDistance],
) -> Iterator[str]:
    yield f"{place}: fitted to {counted(fitted.dialogues, 'conversation')} with people"
    for one in fitted.figures:
        if one.is_identified:
            yield f"  {_name(one):<20} {one.value:<8.4g} {_interval(one)}"
    for name, texts in phrases.items():
        yield f"  {'phrases of ' + name:<20} {len(texts)}"
    unknown = [one for one in fitted.figures if not one.is_identified]
    if unknown:
        yield ""
        yield "not identified, left as they are:"
    for one in unknown:
        yield f"  {_name(one):<20} {one.value:<8.4g} {one.reason}"
    yield ""
    yield f"{'distance from people':<22} {'fitted':>8} {'by chance':>10} {'before':>8}"
    for fitted_one, before in zip(near, far, strict=True):
        cells = (percent(one) for one in (fitted_one.value, fitted_one.by_chance, before.value))
        yield "  {:<20} {:>8} {:>10} {:>8}".format(fitted_one.behaviour, *cells)
    for distance in near:
        if distance.value > distance.by_chance:
            shares = f"{percent(distance.simulated)}, not {percent(distance.logged)}"
            yield f"({distance.behaviour}: the largest difference is {distance.item!r}, {shares})"
    further = [one.behaviour for one, other in zip(near, far, strict=True) if _is_further(one, other)]
    if further:
        yield f"(further from people than before: {', '.join(further)}; look at these before you train on it)"
    yield from (f"({note})" for note in _notes(logged, fitted))
    yield f"{out} written; train on it: dialogue-gym train {as_typed(out)}"


def _is_further(fitted: BehaviourDistance, before: BehaviourDistance) -> bool:
    """Return whether a fitted user is further from people than the one before, and than chance makes it."""
    return fitted.value > max(before.value, fitted.by_chance)


def _name(figure: Figure) -> str:
    return f"{figure.name} {figure.part}".strip()


def _interval(figure: Figure) -> str:
    high = "open" if math.isinf(figure.high) else f"{figure.high:.4g}"
    return f"[{figure.low:.4g}, {high}]"


def _notes(logged: JournalDialogues, fitted: FittedUser) -> Iterator[str]:
    if logged.taught and logged.live:
        yield f"{counted(logged.taught, 'conversation')} of these with a teacher as the user"
    if fitted.cut:
        what = f"{counted(fitted.cut, 'conversation')} counted up to a message that the fake user never says"
        yield f"{what} there"
    if fitted.left_out:
        what = f"{counted(fitted.left_out, 'conversation')} not counted"
        yield f"{what}: the first message is one that the fake user never says"
    silent = sum(one.outcome is None for one in logged.dialogues)
    if silent:
        yield f"{counted(silent, 'conversation')} without a known end, which say nothing on when people leave"


def _as_json(
    logged: JournalDialogues,
    fitted: FittedUser,
    phrases: dict[str, list[str]],
    near: Sequence[BehaviourDistance],
    far: Sequence[BehaviourDistance],
) -> dict[str, Any]:
    def figure(one: Figure) -> dict[str, Any]:
        high = None if math.isinf(one.high) else one.high
        return dataclasses.asdict(one) | {"high": high, "is_identified": one.is_identified}

    return {
        "dialogues": fitted.dialogues,
        "cut": fitted.cut,
        "left_out": fitted.left_out,
        "live": logged.live,
        "taught": logged.taught,
        "figures": [figure(one) for one in fitted.figures],
        "phrases": phrases,
        "distances": [
            dataclasses.asdict(one) | {"before": before.value} for one, before in zip(near, far, strict=True)
        ],
    }
