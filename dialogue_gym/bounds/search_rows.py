"""Dialogues with users who search a database, as transitions between rows, with equivalent rows merged.

The rules are those of the library, called with a source of chance that takes each outcome in turn. Rows are
equivalent if they differ only in what no rule reads any more, or by an exchange of attributes: all of them
are alike, since a user draws which ones to ask for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dialogue_gym import rules
from dialogue_gym.bounds.enumeration import Chance, Consequence, RowKey
from dialogue_gym.rules import (
    AGENDA,
    HEARD_CONFIDENCE,
    HEARD_INTENT,
    POSITION,
    RANDOM,
    SAID_INTENT,
    STEPS,
    TRUNCATED,
    TURNS,
    Tables,
)
from dialogue_gym.rules.tables import (
    ASKED,
    CONCERNED,
    CONFIRM,
    GIVEN,
    HEARD_ATTRIBUTES,
    REPEAT,
    SAID_ATTRIBUTES,
    WANTED,
    WISHES,
)


class SearchRows:
    """The rows of dialogues under some tables, and what follows from them."""

    def __init__(
        self,
        tables: Tables,
        actions: Sequence[int],
        ignored: Sequence[int] = (),
        chance: Chance | None = None,
    ) -> None:
        """Find out which parts of a row matter.

        Args:
            tables: the tables of users who search.
            actions: the actions that the caller asks for.
            ignored: places in a row that make no difference to the caller, though rules may read them.
            chance: the source of chance, by default a new one.
        """
        self.tables = tables
        self._chance = chance or Chance(tables)
        read = {tables.matches, tables.left, tables.offer, tables.said, *tables.clause_field}
        scratch = {at for at in range(tables.values) if at not in read}
        scratch |= {RANDOM, STEPS, TURNS, AGENDA, POSITION, HEARD_INTENT, HEARD_CONFIDENCE}
        scratch |= {HEARD_ATTRIBUTES, CONCERNED, *ignored}
        scratch |= set(range(tables.heard, tables.others + tables.slots))
        self._attributes = [WISHES, WANTED, tables.search + ASKED, tables.search + GIVEN]
        if any(tables.reaction[action] == REPEAT for action in actions):
            self._attributes.append(SAID_ATTRIBUTES)
        else:  # no message is said again
            scratch |= {SAID_INTENT, SAID_ATTRIBUTES, *range(tables.told, tables.told + tables.slots)}
        self._scratch = tuple(scratch)
        self._keeps_said = tables.said in tables.clause_field
        self._known: dict[tuple[RowKey, int], list[Consequence]] = {}

    @property
    def steps(self) -> int:
        """The number of pairs of a row and an action that were gone through and not forgotten."""
        return len(self._known)

    def forget(self) -> None:
        """Forget what follows from rows, to spare memory."""
        self._known.clear()

    def openings(self, user: Sequence[int]) -> dict[RowKey, float]:
        """Return the rows after the first message of a user who has just been met, with their chances."""
        row: list[int] = []

        def run() -> int:
            row[:] = user
            rules.open_dialogue(row, self.tables, self._chance.draw)
            return 0

        found: dict[RowKey, float] = {}
        for chance, _ in self._chance.outcomes(run):
            key = self.key(row)
            found[key] = found.get(key, 0.0) + chance
        return found

    def key(self, row: Sequence[int]) -> RowKey:
        """Return the row that represents all rows equivalent to this one."""
        tables = self.tables
        like = list(row)
        for at in self._scratch:
            like[at] = 0
        if not self._keeps_said and tables.reaction[like[tables.said]] != CONFIRM:
            like[tables.said] = 0
        sets = [like[at] for at in self._attributes]
        if any(sets):
            attributes = range(tables.attribute_count)
            ranked = sorted((tuple(word >> one & 1 for word in sets) for one in attributes), reverse=True)
            for at, bits in zip(self._attributes, zip(*ranked, strict=True), strict=True):
                like[at] = sum(bit << one for one, bit in enumerate(bits))
        return tuple(like)

    def transitions(self, key: RowKey, action: int) -> list[Consequence]:
        """Return the possible results of an action, an index in the domain's actions, without truncation."""
        known = self._known.get((key, action))
        if known is None:
            known = self._known[key, action] = self._enumerate(key, action)
        return known

    def paths(self, key: RowKey, action: int) -> Iterator[tuple[float, int, RowKey]]:
        """Yield the chance, the events and the next row of every path through the draws of a step."""
        row: list[int] = []

        def run() -> int:
            row[:] = key
            return rules.step(row, self.tables, action, self._chance.draw) & ~TRUNCATED

        for chance, events in self._chance.outcomes(run):
            yield chance, events, self.key(row)

    def _enumerate(self, key: RowKey, action: int) -> list[Consequence]:
        found: dict[tuple[int, RowKey], float] = {}
        for chance, events, row in self.paths(key, action):
            found[events, row] = found.get((events, row), 0.0) + chance
        return [Consequence(chance, events, 0, row) for (events, row), chance in found.items()]
