"""Texts for people: names in sentences, printable and of bounded length."""

from __future__ import annotations

import difflib
import math
import re
import shlex
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

MAX_NAME = 200
_LEAST_PERCENT = 0.0001
"""Shares this close to 0 and 100 % are not told apart from smaller ones."""
MAX_SHOWN = 300
"""Longer texts are cut before people see them."""
# Not printable to Python, but part of words in Persian, Chinese and emoji.
_ALSO_IN_NAMES = "\u00a0\u200c\u200d\u3000"
# Controls, separators of lines and paragraphs, direction overrides, halves of characters. Python's
# `isprintable` is stricter: it rejects newer emoji, and the joiners of emoji and of Persian.
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

# Up to the last @, since a password may have an @ or a slash that nobody has escaped.
_SECRETS = (
    (re.compile(r"^([a-z]+://[^:@/?#]*):.*@", re.DOTALL), r"\1:…@"),
    (re.compile(r"^([a-z]+://[^:@/?#]*):(?![\d,:/?]*(?:[/?]|$))[^@]*$", re.DOTALL), r"\1:…"),
    (re.compile(r"([?&][^=&]*password=)[^&]*"), r"\1…"),
)

PLACE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")
"""A place for a value in the text of a response, or a doubled brace."""


def printable(text: str) -> str:
    r"""Return text on one line, with control characters, direction overrides and lone surrogates escaped.

    >>> printable("a\nb")
    'a\\nb'
    """
    return _HIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def printable_lines(text: str) -> list[str]:
    r"""Return the lines of a text, each as `printable` shows it.

    >>> printable_lines("one\n\ntwo")
    ['one', '', 'two']
    """
    return [printable(line) for line in text.splitlines()]


def in_lines_of(text: str, new: str) -> str:
    r"""Return a new part for a text, with the line ends of the text.

    >>> in_lines_of("one\r\n", "two\n")
    'two\r\n'
    """
    return new.replace("\n", "\r\n") if "\r\n" in text else new


def places_of(text: str, words: str) -> Iterator[tuple[int, int]]:
    """Yield the places of words in a text, in any case: first those that are whole words there.

    >>> text = "at 12 for 2"
    >>> [text[:start] for start, _ in places_of(text, "2")]
    ['at 12 for ', 'at 1', 'at 12 for ']
    """
    for pattern in (rf"(?<!\w){re.escape(words)}(?!\w)", re.escape(words)) if words else ():
        yield from (match.span() for match in re.finditer(pattern, text, re.IGNORECASE))


def first_free(places: Iterable[tuple[int, int]], taken: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    """Return the first place that overlaps with none of those that are taken; None without one."""
    for start, end in places:
        if not any(start < last and first < end for first, last in taken):
            return start, end
    return None


def article(noun: str) -> str:
    """Return the noun with its indefinite article.

    >>> article("intent"), article("NLU file"), article("user")
    ('an intent', 'an NLU file', 'a user')
    """
    return f"{'an' if re.match('[aeio]|NLU', noun) else 'a'} {noun}"


def counted(number: int, noun: str, nouns: str | None = None) -> str:
    """Return a number with its noun, in the plural unless it is 1; `nouns` is an irregular plural.

    >>> counted(1, "story", "stories"), counted(0, "error")
    ('1 story', '0 errors')
    >>> counted(12345, "dialogue")
    '12,345 dialogues'
    """
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def percent(share: float) -> str:
    """Return a share, from 0 to 1, in percent; what is not all or nothing is never shown as such.

    Close to 0 and to 1 there are more digits, so that small chances can be told apart.

    >>> percent(0.8731), percent(0.5), percent(1.0), percent(0.99994321), percent(0.9999999999)
    ('87.31%', '50%', '100%', '99.9943%', '>99.9999%')
    """
    rest = 100 * min(share, 1 - share)
    if rest <= 0:
        return "100%" if share > 0.5 else "0%"
    if rest < _LEAST_PERCENT:
        return f">{100 - _LEAST_PERCENT}%" if share > 0.5 else f"<{_LEAST_PERCENT:f}".rstrip("0") + "%"
    digits = min(6, max(2, 1 - math.floor(math.log10(rest))))
    return f"{100 * share:.{digits}f}".rstrip("0").rstrip(".") + "%"


def short_percent(share: float) -> str:
    """Return a share in percent with one digit, and with more where it would be shown as all or nothing.

    >>> short_percent(0.8731), short_percent(1.0), short_percent(0.9997), short_percent(0.0002)
    ('87.3%', '100.0%', '99.97%', '0.02%')
    """
    shown = f"{share:.1%}"
    return percent(share) if 0 < share < 1 and shown in ("0.0%", "100.0%") else shown


def take_name(name: str, taken: set[str], numbered: str = "{name} ({number})") -> str:
    """Return a name that is free, with a number from 2 if need be, and add it to the taken ones.

    >>> take_name("a", {"a", "a (2)"})
    'a (3)'
    """
    free, number = name, 1
    while free in taken:
        number += 1
        free = numbered.format(name=name, number=number)
    taken.add(free)
    return free


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return a clause that names the nearest valid name, or the valid names if none is near.

    >>> nearest("cuisin", ["cuisine", "price"])
    "did you mean 'cuisine'?"
    """
    names = [str(item) for item in valid]
    if close := difflib.get_close_matches(name[:MAX_NAME], names, n=1):
        return f"did you mean {close[0]!r}?"
    if not names:
        return "there are none"
    shown = ", ".join(cut(item, 40) for item in sorted(names)[:8])
    return f"valid: {shown}, …" if len(names) > 8 else f"valid: {shown}"


def is_misspelling_of(word: str, meant: str) -> bool:
    """Return whether a word is another one with one letter too many, missing, changed or swapped.

    >>> is_misspelling_of("intentz", "intents"), is_misspelling_of("synonyms", "intents")
    (True, False)
    """
    if word == meant or abs(len(word) - len(meant)) > 1:
        return False
    # Behind what both begin with, one differs by a letter, or by two that are swapped.
    same = next((i for i, (a, b) in enumerate(zip(word, meant, strict=False)) if a != b), None)
    same = min(len(word), len(meant)) if same is None else same
    one, other = word[same:], meant[same:]
    swapped = one[1::-1] + one[2:]
    return other in (one[1:], swapped) or one == other[1:] or one[1:] == other[1:]


def as_sentence(text: str) -> str:
    """Return a clause as a sentence; a name at its beginning, such as that of an action, stays as it is.

    >>> as_sentence("the user hung up"), as_sentence("utter_greet came too late")
    ('The user hung up.', 'utter_greet came too late.')
    """
    begun = text if "_" in text.partition(" ")[0] else text[:1].upper() + text[1:]
    return begun if text.endswith((".", "!", "?")) else f"{begun}."


def cut(text: str, width: int) -> str:
    """Return text of at most `width` characters, with an ellipsis where it was longer."""
    return text if len(text) <= width else text[: width - 1] + "…"


def visible(text: str, width: int = MAX_SHOWN) -> str:
    r"""Return text on one line of bounded length, with unprintable characters escaped.

    >>> visible("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    # Escaping only lengthens a text, so the rest of a long one need not be escaped.
    return cut(printable(text[: width + 1]), width)


def whole_characters(text: str) -> str:
    r"""Return a text with question marks for halves of characters, which no file can hold.

    Programs that cut a text, even a browser, may leave half of a smiley.

    >>> whole_characters("fine \ud83d")
    'fine ?'
    """
    return text.encode("utf-8", "replace").decode()


def quoted(text: str, width: int = 60) -> str:
    """Return text as a quoted, printable literal of bounded length."""
    text = cut(text, width)
    if text.isprintable():
        return repr(text)
    quote = '"' if "'" in text and '"' not in text else "'"
    escaped = "".join("\\" + char if char in (quote, "\\") else printable(char) for char in text)
    return f"{quote}{escaped}{quote}"


def without_password(url: str) -> str:
    """Return an address with a dash in the place of its password.

    >>> without_password("postgresql://ann:secret@db.example/bot")
    'postgresql://ann:…@db.example/bot'
    """
    for pattern, hidden in _SECRETS:
        url = pattern.sub(hidden, url)
    return url


def as_typed(path: object) -> str:
    """Return a path or name as it is typed in a command: with quotes where a shell needs them.

    >>> as_typed("pizza.yml"), as_typed("my bots/pizza.yml")
    ('pizza.yml', "'my bots/pizza.yml'")
    """
    return printable(shlex.quote(str(path)))


def finite_number(text: str) -> float:
    """Return the number that a text stands for; ValueError unless it is finite."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{quoted(text, 20)} is not a finite number")
    return number


def fraction(text: str) -> float:
    """Return the number from 0 to 1 that a text stands for; ValueError for any other text.

    >>> fraction("0.5")
    0.5
    """
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise ValueError(f"{quoted(text)} is not a number from 0 to 1")
    return number


def name_fault(name: str) -> str | None:
    """Return the reason why a text cannot be a name; None if it can."""
    if not name.strip():
        return "it is empty"
    if len(name) > MAX_NAME:
        return f"it is longer than {MAX_NAME} characters"
    if not all(char.isprintable() or char in _ALSO_IN_NAMES for char in name):
        return "it has control characters"
    return None


def typed_name(typed: str) -> str:
    r"""Return a typed name as it is written: without blanks around it, each letter as one character.

    >>> typed_name(" utter_u\u0308ber ") == "utter_\u00fcber"
    True
    """
    return unicodedata.normalize("NFC", typed.strip())


def bounds(minimum: float, maximum: float) -> str:
    """Return the allowed numbers in words."""
    if math.isinf(maximum):
        return "a finite number" if math.isinf(minimum) else f"a number of at least {minimum:g}"
    return f"a number from {minimum:.8g} to {maximum:.8g}"
