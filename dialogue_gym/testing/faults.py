"""The faults of a bot in a dialogue that failed: the kind, for counting, and a sentence on this one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dialogue_gym._text import counted
from dialogue_gym.conversation.transcripts import shown_value
from dialogue_gym.domain import Domain
from dialogue_gym.domain.slot import DONT_CARE
from dialogue_gym.testing.dialogue import Round
from dialogue_gym.testing.reading import NOT_UNDERSTOOD, Deed
from dialogue_gym.text.tools import quoted_value


class Fault(NamedTuple):
    """A fault: its kind, in the same words for all of that kind, and a sentence."""

    kind: str
    sentence: str


SILENT = "the bot said nothing"
UNCLEAR = "a text could be two actions"
UNKNOWN = "a text is like none of the actions"
FORGOT = "the bot kept a wish that the user had changed"
WRONG = "the bot said a value that the user had not"
UNWANTED = "the bot offered something else than the user had said"
UNTOLD = "the bot did not tell what the user had asked for"
EARLY = "the bot acted before it knew enough"
AGAIN = "the bot repeated itself"
USELESS = "the bot did nothing that helped"
_GENERAL = (AGAIN, USELESS)
"""Kinds that explain little: another one counts twice as much."""


def diagnose(rounds: Sequence[Round], domain: Domain) -> Fault:
    """Return the fault that most of the useless turns had, if it explains something; of several the first.

    A bot is judged by what the user has told it: a value that they keep to themselves is nobody's fault.
    """
    found = list(_useless_turns(rounds, domain))
    if not found:
        last = rounds[-1].deeds[-1:] if rounds else ()
        return Fault(USELESS, f"{(last and last[0].action) or 'nothing'} was the last that the bot did")
    kinds = Counter(fault.kind for fault in found)
    kind = max(kinds, key=lambda kind: kinds[kind] * (1 if kind in _GENERAL else 2))
    count = kinds[kind]
    sentence = next(fault.sentence for fault in found if fault.kind == kind)
    return Fault(kind, sentence + (f" ({counted(count, 'time')})" if count > 1 else ""))


def _useless_turns(rounds: Sequence[Round], domain: Domain) -> Iterator[Fault]:
    """Yield the fault of each useless turn."""
    told: dict[str, list[str]] = {}
    done: Counter[str] = Counter()
    for round_ in rounds:
        for slot, value in round_.act.told.items():
            told.setdefault(slot, []).append(value)
        deeds = [deed for deed in round_.deeds if deed.action is not None]
        done.update(deed.action for deed in deeds[-1:] if deed.action)
        if round_.was_useless:
            yield _fault(round_, deeds, told, done, domain)


def _fault(
    round_: Round, deeds: Sequence[Deed], told: dict[str, list[str]], done: Counter[str], domain: Domain
) -> Fault:
    if not deeds:
        unclear = [deed for deed in round_.deeds if deed.fault]
        if not unclear:
            return Fault(SILENT, SILENT)
        if unclear[0].fault == NOT_UNDERSTOOD:
            return Fault(NOT_UNDERSTOOD, f"{NOT_UNDERSTOOD}, who said {quoted_value(round_.message)}")
        kind = UNCLEAR if any(deed.guesses for deed in unclear) else UNKNOWN
        return Fault(kind, str(unclear[0].fault))
    deed = deeds[-1]
    name = str(deed.action)
    for slot, value in deed.values.items():
        said = told.get(slot, [])
        if value is None or (said and str(value) == said[-1]):
            continue
        if str(value) in said:
            kept = shown_value(value)
            change = f"the user had changed it from {kept} to {said[-1]}"
            return Fault(FORGOT, f"{name} said {slot} {kept}; {change}")
        before = f"the user had said {said[-1]}" if said else "the user had said nothing of it"
        return Fault(WRONG, f"{name} said {slot} {shown_value(value)}; {before}")
    if round_.untold:
        return Fault(UNTOLD, f"{name} did not tell {', '.join(round_.untold)} as the database has it")
    if deed.venue is not None and domain.database is not None:
        cells = domain.database.details(domain.database.venue(deed.venue) or 0)
        for slot, said in told.items():
            if said[-1] not in (DONT_CARE, cells.get(slot)):
                offered = f"{name} offered {deed.venue}, with {slot} {cells.get(slot)}"
                return Fault(UNWANTED, f"{offered}; the user had said {said[-1]}")
    goal = dict(domain.fake_user.goal) if domain.fake_user else {}
    if domain.action_model(name).reaction == "judge" and (
        missing := [slot for slot in goal if slot not in told]
    ):
        return Fault(EARLY, f"{name} came before the bot knew {', '.join(missing)}")
    if done[name] > 1:
        return Fault(AGAIN, f"{name} was done again, and did not help")
    return Fault(USELESS, f"{name} did not help")
