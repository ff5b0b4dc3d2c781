"""Names for intents, slots and actions, made from plain words of any language."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable

from dialogue_gym._text import is_misspelling_of, name_fault, take_name, typed_name

_MOST_CHARACTERS = 40
_MOST_WORDS = 3
_SHORTEST = 4
"""The length of the words in which a letter can be a slip."""
_SIGNS = "/.-+"
"""The signs that names can have in all files, Markdown included."""
# Words that say little in a name, such as those of "I would like to order a pizza, please".
_FILLERS = set(
    """
    a an and any are be can could d did do does for from get give got had has have hello hey hi how
    i id ill im in is it its ive just know let like ll m may me my of on or our please re s shall
    should so some t tell thank thanks that the their them there they this to us ve want wants was
    we well were will with would you your
    """.split()  # noqa: SIM905 - a list of words is easier to read like this
)


def identifier(text: str, kind: str) -> str:
    """Return a name in snake case that has the words of a text.

    Accents of Latin letters are dropped; the letters of other scripts stay.

    >>> [identifier(text, "slot") for text in ("Crème brûlée!", "几点 开门", "2nd address")]
    ['creme_brulee', '几点_开门', 'slot_2nd_address']

    Args:
        text: the words.
        kind: stands before a name that would begin with a digit, and in the place of one without any letter.
    """
    return _joined(_words(text), kind)


def short_identifier(text: str, kind: str) -> str:
    """Return a name in snake case that has the telling words of a sentence.

    >>> short_identifier("I'd like to order a pizza, please", "intent")
    'order_pizza'
    """
    words = _words(text)
    telling = [word for word in words if word not in _FILLERS]
    return _joined((telling or words)[:_MOST_WORDS], kind)


def unique(name: str, taken: Collection[str]) -> str:
    """Return a name that is not taken yet, with a number at its end if need be.

    >>> unique("size", ["size", "size_2"])
    'size_3'
    """
    return take_name(name, {*taken}, "{name}_{number}")


def written_name(typed: str, kind: str, known: Collection[str] = ()) -> str:
    """Return a typed name as files can have it: in snake case if it has spaces or other signs.

    A known name stays as it is, and so does a text that cannot be a name at all, which is refused elsewhere.

    >>> [written_name(text, "intent") for text in ("book table", " Katy Perry's ", "faq/ask-price", "Size")]
    ['book_table', 'katy_perrys', 'faq/ask-price', 'Size']
    >>> written_name("faq/ask price", "intent"), written_name("book table", "intent", ["book table"])
    ('faq/ask_price', 'book table')
    """
    name = typed_name(typed)
    if name in known or name_fault(name) or all(map(_is_in_names, name)):
        return name
    return "/".join(identifier(part, kind) for part in name.split("/", 1))


def spoken_name(name: str, known: Collection[str] = ()) -> str:
    """Return the name of an action that says a text, as Rasa knows it: it begins with `utter_`.

    >>> spoken_name("tell_price"), spoken_name("utter_price"), spoken_name("sing", ["sing"])
    ('utter_tell_price', 'utter_price', 'sing')
    """
    return name if not name or name in known or name.startswith(("utter_", "action_")) else f"utter_{name}"


def misspelled(name: str, known: Iterable[str]) -> str | None:
    """Return the known name from which a new one differs by a slip of the finger; None without one.

    Names that differ by a number or by a short word, as `pizza_1` and `pizza_2`, differ on purpose.

    >>> misspelled("order_piza", ["order_pizza"]), misspelled("pizza_2", ["pizza_1"])
    ('order_pizza', None)
    >>> misspelled("pizza_to", ["pizza_two"]), misspelled("pizza2", ["pizza1"])
    (None, None)
    """
    return next((other for other in known if _is_misspelled(name, other)), None)


def _is_misspelled(name: str, other: str) -> bool:
    words, others = name.split("_"), other.split("_")
    differing = [pair for pair in zip(words, others, strict=False) if pair[0] != pair[1]]
    if len(words) == len(others) and len(differing) == 1:
        name, other = differing[0]
    has_numbers = any(char.isdigit() for char in name + other)
    return not has_numbers and min(len(name), len(other)) >= _SHORTEST and is_misspelling_of(name, other)


def _is_in_names(char: str) -> bool:
    return f"a{char}".isidentifier() or char in _SIGNS


def _joined(words: list[str], kind: str) -> str:
    name = ""
    for word in words:
        longer = f"{name}_{word}" if name else word
        if len(longer) > _MOST_CHARACTERS:
            break
        name = longer
    name = name or (words[0][:_MOST_CHARACTERS] if words else kind)
    return name if name.isidentifier() else f"{kind}_{name}"


def _words(text: str) -> list[str]:
    """Return the words of a text in small letters, with nothing that an identifier cannot have."""
    plain = unicodedata.normalize("NFKC", text.replace("'", "").replace("’", "")).casefold()
    kept: list[str] = []
    for char in unicodedata.normalize("NFD", plain):
        if unicodedata.combining(char) and kept and kept[-1].isascii():
            continue
        kept.append(char)
    letters = unicodedata.normalize("NFKC", "".join(kept))
    return "".join(char if f"a{char}".isidentifier() and char != "_" else " " for char in letters).split()
