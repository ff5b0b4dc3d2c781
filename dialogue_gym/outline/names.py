"""Names for intents, slots and actions, made from plain words of any language."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection

from dialogue_gym._text import take_name

_MOST_CHARACTERS = 40
_MOST_WORDS = 3
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
