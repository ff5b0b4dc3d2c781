"""The bot's knowledge of a search: the venues found, the one on offer, and requests without an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dialogue_gym import rules
from dialogue_gym.domain import Domain
from dialogue_gym.domain.observation import SEARCH_FIELDS, slot_codes
from dialogue_gym.domain.venues import Database
from dialogue_gym.rules import Tables
from dialogue_gym.rules.tables import ACCEPTED, ASKED, MADE, NO_MATCH, NO_OTHER, ON_OFFER, WORD

SERVICES = ("offer", "alternative", "answer")
"""The acts that are services."""
_WIDTH = 64
"""Characters of a line of a venue's details: with a title it fits a terminal of 80."""


@dataclass(frozen=True)
class Service:
    """A service to a user who searches: an offer, or an answer.

    Attributes:
        is_offer: whether a venue is offered.
        venue: the venue on offer, its cells by column; empty if there is none.
        asked: the attributes that are told.
        has_matches: whether the search found any venue.
    """

    is_offer: bool
    venue: dict[str, str | None]
    asked: tuple[str, ...]
    has_matches: bool


@dataclass(frozen=True)
class SearchState:
    """The bot's knowledge of a search at one point of a conversation.

    Attributes:
        venues: the number of venues in the database.
        matches: the number of venues that have all likelier values.
        left: the number of those that are not turned down.
        venue: the venue that was offered last, its cells by column; empty if there is none.
        name_column: the column with the names of venues.
        offer: the label of the observed field `offer`.
        status: what has become of the offer, in words.
        asked: the attributes that the user has asked for and not been told.
        doubts: for each slot with a second hypothesis, both values with their scores in percent.
    """

    venues: int
    matches: int
    left: int
    venue: dict[str, str | None]
    name_column: str
    offer: str
    status: str
    asked: tuple[str, ...]
    doubts: dict[str, tuple[tuple[str, int], tuple[str, int]]] = field(default_factory=dict)

    def lines(self) -> list[tuple[str, str]]:
        """Return the search as pairs of a title and a text, for people to read.

        The details of the venue are several lines, of which those after the first have no title.
        """
        lines = [("found", self.counts)]
        if self.name is not None or self.offer != SEARCH_FIELDS["offer"][0]:
            lines.append(("offer", self.status if self.name is None else f"{self.name} ({self.status})"))
        cells = [f"{name}: {'?' if cell is None else cell}" for name, cell in self.details.items()]
        lines += [("" if number else "venue", text) for number, text in enumerate(_rows(cells))]
        if self.asked:
            lines.append(("asked for", ", ".join(self.asked)))
        for slot, both in self.doubts.items():
            lines.append(("doubt", f"{slot}: " + " or ".join(f"{value} ({score}%)" for value, score in both)))
        return lines

    @property
    def name(self) -> str | None:
        """The name of the venue; None if there is none."""
        return self.venue.get(self.name_column)

    @property
    def details(self) -> dict[str, str | None]:
        """The cells of the venue by column, but for its name."""
        return {column: cell for column, cell in self.venue.items() if column != self.name_column}

    @property
    def counts(self) -> str:
        """The numbers of venues: `3 of 110`, and `3 of 110, 2 left` if some were turned down."""
        left = "" if self.left == self.matches else f", {self.left or 'none'} left"
        return f"{self.matches} of {self.venues}{left}"


def _rows(cells: Sequence[str]) -> list[str]:
    """Return cells as lines of at most `_WIDTH` characters, unless a cell is longer itself."""
    rows: list[str] = []
    for cell in cells:
        if rows and len(rows[-1]) + len(cell) + 2 <= _WIDTH:
            rows[-1] += f", {cell}"
        else:
            rows.append(cell)
    return [f"{row}," for row in rows[:-1]] + rows[-1:]


def _database(domain: Domain) -> Database:
    assert domain.database is not None
    return domain.database


def venue_on_offer(row: Sequence[int], tables: Tables, domain: Domain) -> dict[str, str | None]:
    """Return the venue that was offered last, its cells by column; empty if there is none."""
    number = row[tables.search + ON_OFFER] if tables.is_search else 0
    return _database(domain).details(number - 1) if number else {}


def asked_for(row: Sequence[int], tables: Tables, domain: Domain) -> tuple[str, ...]:
    """Return the attributes that the user has asked for and not been told."""
    bits = row[tables.search + ASKED] if tables.is_search else 0
    return tuple(name for bit, name in enumerate(rules.attribute_columns(domain)) if bits >> bit & 1)


def service_of(row: Sequence[int], tables: Tables, domain: Domain, action: str) -> Service | None:
    """Return the service of a possible action to a user who searches, if it were done now; else None."""
    act = domain.action_model(action).reaction
    if act not in SERVICES:
        return None
    after, index = list(row), domain.actions.index(action)
    rules.did(after, tables, index)
    rules.serve(after, tables, index)
    asked = asked_for(row, tables, domain) if act == "answer" else ()
    has_matches = after[tables.offer] != NO_MATCH
    return Service(act != "answer", venue_on_offer(after, tables, domain), asked, has_matches)


def search_state(row: Sequence[int], tables: Tables, domain: Domain) -> SearchState | None:
    """Return the bot's knowledge of the search in its half of a row; None if users do not search."""
    if not tables.is_search:
        return None
    venue = venue_on_offer(row, tables, domain)
    found = row[tables.found : tables.found + tables.words]
    refused = row[tables.turned_down : tables.turned_down + tables.words]
    doubts = {}
    for index, code in enumerate(slot_codes(domain)):
        if code.slot.is_constraint and row[tables.seconds + index]:
            doubts[code.slot.name] = (
                (str(code.decode(row[tables.values + index])), row[tables.scores + index]),
                (str(code.decode(row[tables.seconds + index])), row[tables.second_scores + index]),
            )
    return SearchState(
        venues=tables.venues,
        matches=sum(word.bit_count() for word in found),
        left=sum((word & ~other).bit_count() for word, other in zip(found, refused, strict=True)),
        venue=venue,
        name_column=_database(domain).name,
        offer=SEARCH_FIELDS["offer"][row[tables.offer]],
        status=_status(row, tables, refused),
        asked=asked_for(row, tables, domain),
        doubts=doubts,
    )


def _status(row: Sequence[int], tables: Tables, refused: Sequence[int]) -> str:
    """Return what has become of the last offer, in words."""
    offer, venue = row[tables.offer], row[tables.search + ON_OFFER] - 1
    if venue < 0:
        return {NO_MATCH: "no match", NO_OTHER: "no other"}.get(offer, "none yet")
    if offer in (MADE, ACCEPTED):
        return "on offer" if offer == MADE else "accepted"
    return "turned down" if refused[venue // WORD] >> venue % WORD & 1 else "no longer on offer"
