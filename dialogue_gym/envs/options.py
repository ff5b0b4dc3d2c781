"""The options of a reset, a chosen goal and a chosen user; and seeds of any size."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from dialogue_gym import rules
from dialogue_gym._text import nearest
from dialogue_gym.domain import Domain
from dialogue_gym.domain.observation import slot_codes
from dialogue_gym.rules import Row, Settings, Tables
from dialogue_gym.rules.chance import MASK
from dialogue_gym.rules.user import Draw

KEYS = ("goal", "user")


class ResetOptions(NamedTuple):
    """A checked choice: the codes of wishes by the slot's index, and the name of the user, or None."""

    goal: Mapping[int, int]
    user: str | None


NO_CHOICE = ResetOptions({}, None)


def read_options(options: Any, domain: Domain, known: Sequence[str] = KEYS) -> ResetOptions:
    """Check the options of a reset.

    Args:
        options: a mapping or None; `goal` maps slots to values, of which the rest, also a value of None, is
            drawn, and `user` names a profile of the domain.
        domain: one with a fake user.
        known: the keys that are supported.

    Raises:
        TypeError: the options, or the goal, are not a mapping.
        ValueError: one sentence that names the key, the problem and the nearest valid name.
    """
    if options is None:
        return NO_CHOICE
    if not isinstance(options, Mapping):
        raise TypeError(f"options={options!r}: must be a mapping or None")
    for key in options:
        if key not in known:
            raise ValueError(f"options: unknown key {key!r}; {nearest(str(key), known)}")
    user = options.get("user")
    assert domain.fake_user is not None
    if user is not None:
        domain.fake_user.profile(user)
    return ResetOptions(_goal(options.get("goal"), domain), user)


def _goal(wishes: Any, domain: Domain) -> dict[int, int]:
    assert domain.fake_user is not None
    valid = dict(domain.fake_user.goal)
    wishes = {} if wishes is None else wishes
    if not isinstance(wishes, Mapping):
        raise TypeError(f"options['goal']={wishes!r}: must be a mapping of slots to values")
    wishes = {slot: value for slot, value in wishes.items() if value is not None}  # as tables fill columns
    if wishes and not valid:
        raise ValueError(f"options['goal']: the user of {domain.name!r} has an agenda and no goal")
    codes = {code.slot.name: (index, code) for index, code in enumerate(slot_codes(domain))}
    goal = {}
    for slot, value in wishes.items():
        if slot not in valid:
            raise ValueError(f"options['goal']: unknown slot {slot!r}; {nearest(str(slot), valid)}")
        index, code = codes[slot]
        number = code.encode(value)
        if not 1 <= number <= len(valid[slot]) + code.slot.is_constraint:  # it may not matter
            listed = nearest(str(value), valid[slot])
            raise ValueError(f"options['goal']: {slot!r} cannot be {value!r}; {listed}")
        goal[index] = number
    return goal


def tables_for(user: str | None, domain: Domain, settings: Settings) -> Tables:
    """Return the tables of the rules with a chosen user; None is the one of the settings."""
    return rules.build_tables(domain, settings if user is None else dataclasses.replace(settings, user=user))


def begin(row: Row, tables: Tables, goal: Mapping[int, int]) -> None:
    """Begin a dialogue in which parts of the goal are chosen.

    They take the place of outcomes that are drawn all the same, so everything else happens as it would with
    another goal.
    """
    if not goal:
        rules.begin(row, tables, rules.draw)
        return
    if tables.is_search:
        rules.meet(row, tables, rules.draw)
        for slot, value in goal.items():
            row[tables.goal + slot] = value
        rules.open_dialogue(row, tables, rules.draw)
        return
    wishes = iter([goal.get(slot) for slot in range(tables.slots) if tables.goal_draw[slot]])

    def draw(row: Row, tables: Tables, table: int) -> int:
        outcome = rules.draw(row, tables, table)
        chosen = next(wishes, None)  # a user's first draws are of the goal, slot by slot
        return outcome if chosen is None else chosen - 1

    choose: Draw = draw
    rules.begin(row, tables, choose)


def read_seed(given: Any) -> int:
    """Return a seed.

    Raises:
        TypeError: it is not an integer.
        ValueError: it is negative.
    """
    try:
        seed = operator.index(given)
    except TypeError:
        raise TypeError(f"seed: {given!r} is not an integer") from None
    if seed < 0:
        raise ValueError(f"seed: {seed} is negative")
    return seed


def fold(seed: int) -> int:
    """Return a seed of any size as 63 bits: itself where it fits, else a mix of all of its bits.

    It must not be negative.
    """
    limbs = [seed & MASK]
    while seed := seed >> 63:
        limbs.append(seed & MASK)
    folded = limbs.pop()
    while limbs:
        folded = limbs.pop() ^ rules.mix(folded)
    return folded
