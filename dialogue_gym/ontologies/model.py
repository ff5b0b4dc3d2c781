"""The ontology of a search: the slots by which users choose, the attributes they ask for, and the venues."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from dialogue_gym._files import FileError
from dialogue_gym._text import name_fault, quoted, take_name
from dialogue_gym.domain.database import MAX_VENUES, NAME_COLUMN
from dialogue_gym.domain.model import ATTRIBUTE, MAX_NAMES
from dialogue_gym.domain.search_user import MAX_BITS, SEARCH_ROLES
from dialogue_gym.domain.slot import DONT_CARE
from dialogue_gym.outline.names import identifier, unique

YES, NO = "yes", "no"
Cells = Mapping[str, str | None]

_RESERVED = {NAME_COLUMN, ATTRIBUTE, DONT_CARE, "entities", "slot", *SEARCH_ROLES}
_FLAGS = {"0": NO, "1": YES}
_ANY = {
    "any", "anything", "anywhere", "doesntmatter", "doesnotmatter", "doesntcare", "doesnotcare",
    "dontcare", "donotcare", "dontmind", "nopreference",
}  # fmt: skip
_UNKNOWN = {
    "", "?", "-", "none", "null", "n/a", "unknown", "not available", "not given", "not known",
    "not mentioned",
}  # fmt: skip
_WORDS = {
    "addr": "address",
    "allowedforkids": "kids",
    "batteryrating": "battery rating",
    "driverange": "drive range",
    "entrancefee": "entrance fee",
    "goodformeal": "meal",
    "graphadaptor": "graphics adaptor",
    "hasinternet": "internet",
    "hasparking": "parking",
    "id": "number",
    "isforbusinesscomputing": "business computing",
    "near": "neighbourhood",
    "openhours": "opening hours",
    "phone": "phone number",
    "postcode": "postcode",
    "pricerange": "price range",
    "processorclass": "processor class",
    "sysmemory": "memory",
    "takesbookings": "bookings",
    "weightrange": "weight range",
}
"""The words for names of PyDial and MultiWOZ that are written together or cut short."""
_CONTROLS = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


class OntologyError(FileError):
    """An ontology or its database that cannot become a domain."""


@dataclass(frozen=True)
class SearchSlot:
    """A slot by which users choose: its name, the words for it, and its values."""

    name: str
    words: str
    values: tuple[str, ...]

    @property
    def is_flag(self) -> bool:
        """Whether yes or no is among its values."""
        return bool({value.casefold() for value in self.values} & {YES, NO})


@dataclass(frozen=True)
class SearchAttribute:
    """An attribute of venues that users ask for: its name, and the words for it."""

    name: str
    words: str


@dataclass(frozen=True)
class Ontology:
    """Slots, attributes and venues, under names that a domain file can have.

    Attributes:
        name: of the domain.
        slots: in the order of the source.
        attributes: likewise.
        venues: by venue, its name, then the values of the slots, then those of the attributes; None for one
            that is not known. Names differ.
        notes: a sentence about each part of the source that is left out.
    """

    name: str
    slots: tuple[SearchSlot, ...]
    attributes: tuple[SearchAttribute, ...]
    venues: tuple[tuple[str | None, ...], ...]
    notes: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns of `venues`."""
        return (NAME_COLUMN, *(one.name for one in self.slots), *(one.name for one in self.attributes))

    @property
    def telling(self) -> tuple[SearchSlot, ...]:
        """The slots, first those whose value leaves the fewest venues on average."""
        left = {slot.name: self._left(place, slot) for place, slot in enumerate(self.slots, 1)}
        return tuple(sorted(self.slots, key=lambda slot: left[slot.name]))

    def _left(self, place: int, slot: SearchSlot) -> float:
        """Return the mean number of venues that are left once the user has told a slot."""
        cells = [venue[place] for venue in self.venues if venue[place] is not None]
        return sum(cells.count(value) ** 2 for value in slot.values) / max(1, len(cells))


def make_ontology(
    name: str,
    place: str,
    slots: Mapping[str, Sequence[str]],
    attributes: Sequence[str],
    rows: Sequence[Cells],
    name_key: str,
    notes: Sequence[str] = (),
) -> Ontology:
    """Return the ontology that a source describes.

    Values that mean "unknown" or "any" are left out, values of venues that a slot does not list are added,
    0 and 1 become no and yes where a slot has no other value, and venues of one name are numbered.

    Args:
        name: of the domain.
        place: the file of the venues, for errors.
        slots: by key of the rows, the values that the source lists.
        attributes: further keys of the rows.
        rows: the venues, by key.
        name_key: the key with the venues' names.
        notes: about parts of the source that are left out already.

    Raises:
        OntologyError: no domain can be made of it.
    """
    if not rows:
        raise OntologyError(f"{place}: there are no venues in it")
    if len(rows) > MAX_VENUES:
        raise OntologyError(f"{place}: more than the {MAX_VENUES:,} venues that are supported")
    told = [*notes]
    taken = {*_RESERVED}
    made: list[SearchSlot] = []
    columns: list[list[str | None]] = [_venue_names(place, rows, name_key)]
    for key, listed in slots.items():
        slot, cells = _slot(place, key, listed, [row.get(key) for row in rows], taken)
        if not any(cells):
            told.append(f"the slot {quoted(key)} is left out: no venue has a value for it")
            continue
        taken.add(slot.name)
        made.append(slot)
        columns.append(cells)
    asked: list[SearchAttribute] = []
    for key in attributes:
        cells = [known(row.get(key)) for row in rows]
        if not any(cells):
            told.append(f"the attribute {quoted(key)} is left out: no venue has it")
            continue
        attribute = SearchAttribute(_name(key, taken), words(key))
        taken.add(attribute.name)
        asked.append(attribute)
        columns.append(cells)
    if not made:
        raise OntologyError(f"{place}: no column of it is a slot of the ontology")
    for what, fields in (("slots", made), ("attributes", asked)):
        if len(fields) > MAX_BITS:
            raise OntologyError(
                f"{place}: {len(fields)} {what} are more than the {MAX_BITS} that are supported"
            )
    return Ontology(name, tuple(made), tuple(asked), tuple(zip(*columns, strict=True)), tuple(told))


def words(key: str) -> str:
    """Return the words for a name of an ontology.

    >>> words("pricerange"), words("leaveAt"), words("entrance fee")
    ('price range', 'leave at', 'entrance fee')
    """
    plain = identifier(_CAMEL.sub(" ", key), "field").replace("_", " ")
    return _WORDS.get(compact(key), plain)


def compact(text: str) -> str:
    """Return the letters and digits of a text, in small letters, to compare names by.

    >>> compact("Price-Range"), compact("do n't care")
    ('pricerange', 'dontcare')
    """
    return "".join(char for char in text.casefold() if char.isalnum())


def known(text: str | None) -> str | None:
    """Return a text on one line; None if it says that the value is not known."""
    plain = " ".join(_CONTROLS.sub(" ", text or "").split())
    return None if plain.casefold() in _UNKNOWN else plain


def _name(key: str, taken: Collection[str]) -> str:
    return unique(identifier(_CAMEL.sub(" ", key), "field"), taken)


def _venue_names(place: str, rows: Sequence[Cells], key: str) -> list[str | None]:
    taken: set[str] = set()
    names: list[str | None] = []
    for number, row in enumerate(rows, 1):
        name = known(row.get(key))
        if name is None:
            raise OntologyError(f"{place}: venue {number} has no {key!r}")
        if fault := name_fault(name):
            raise OntologyError(f"{place}: venue {number}: {quoted(name)} is not a valid name: {fault}")
        names.append(take_name(name, taken))
    return names


def _slot(
    place: str, key: str, listed: Sequence[str], cells: Sequence[str | None], taken: Collection[str]
) -> tuple[SearchSlot, list[str | None]]:
    """Return a slot, and the values of the venues as it lists them."""
    spelled = _spelled(cells)
    values: dict[str, str] = {}
    for value in [*_spelled(listed), *spelled]:
        if value is None:
            continue
        if fault := name_fault(value):
            raise OntologyError(f"{place}: {quoted(value)} is not a valid value of {key!r}: {fault}")
        values.setdefault(value.casefold(), value)
    if len(values) > MAX_NAMES:  # values that no venue has are of the least use
        of_venues = {value.casefold() for value in spelled if value is not None}
        values = {folded: value for folded, value in values.items() if folded in of_venues}
    if len(values) > MAX_NAMES:
        raise OntologyError(
            f"{place}: {key!r} has {len(values)} values, more than the {MAX_NAMES} that are supported"
        )
    is_flag = bool(values) and set(values) <= set(_FLAGS)
    shown: Callable[[str], str] = _FLAGS.__getitem__ if is_flag else str
    slot = SearchSlot(_name(key, taken), words(key), tuple(map(shown, values.values())))
    return slot, [None if value is None else shown(values[value.casefold()]) for value in spelled]


def _spelled(values: Sequence[str | None]) -> list[str | None]:
    """Return values without those that mean that it is not known, or does not matter."""
    plain = map(known, values)
    return [None if value is None or compact(value) in _ANY else value for value in plain]
