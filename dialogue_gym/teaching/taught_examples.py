"""The examples of a bot as they are now: the given ones, and the changes that teachers made to them."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dialogue_gym.conversation.events import Entity, UserUttered
from dialogue_gym.domain.additions import EXAMPLE, Addition
from dialogue_gym.journal.entry import MEND, USER, Entry, entry_events
from dialogue_gym.journal.history import History
from dialogue_gym.nlu.examples import Example, parse_example
from dialogue_gym.teaching.export_examples import example_of, is_writable

WordLesson = UserUttered | Addition
"""A corrected message, or an edit of an intent's examples."""

FEW = 2
"""The least number of intents with taught sentences that make an interpreter in a domain without examples."""


@dataclass(frozen=True)
class LearnedExamples:
    """Examples, and the messages whose meaning is certain.

    Attributes:
        examples: all examples.
        exact: corrected messages by their `sentence_key`.
        is_enough: whether they tell intents apart.
    """

    examples: tuple[Example, ...] = ()
    exact: Mapping[str, UserUttered] = field(default_factory=dict)
    is_enough: bool = False


def word_lessons(history: History) -> tuple[WordLesson, ...]:
    """Return the corrected messages in effect and the edits of examples, in their order in time."""
    found: dict[int, WordLesson] = dict(history.edits(EXAMPLE))
    for conversation in history.conversations:
        last: dict[int, Entry] = {}  # of several corrections of one message the last one holds
        count = 0
        for entry in history.path(conversation):
            count += entry.kind == USER
            if entry.kind == MEND:
                last[count] = entry
        for entry in last.values():
            (message,) = entry_events(entry)
            assert isinstance(message, UserUttered)
            found[entry.id] = message
    return tuple(found[entry] for entry in sorted(found))


def touched_sentences(lessons: Iterable[WordLesson]) -> set[str]:
    """Return the sentences that lessons have given a meaning, added or taken out, by their `sentence_key`."""
    found = set[str]()
    for lesson in lessons:
        if isinstance(lesson, Addition):
            texts = lesson.was + lesson.texts
            found |= {sentence_key(parse_example(text, lesson.name).text) for text in texts}
        elif lesson.text:
            found.add(sentence_key(lesson.text))
    return found


def learned_examples(given: Iterable[Example], lessons: Iterable[WordLesson]) -> LearnedExamples:
    """Return the examples as they are after lessons; the last word on a sentence holds.

    Raises:
        NluError: the text of an edit cannot be read.
    """
    known = _KnownExamples(given)
    had_examples = bool(known.examples)
    for lesson in lessons:
        if isinstance(lesson, Addition):
            known.edit(lesson)
        elif lesson.text and lesson.intent:
            known.correct(lesson)
    examples = (*known.examples, *known.taught.values())
    is_enough = had_examples or len({example.intent for example in examples}) >= FEW
    return LearnedExamples(examples, known.exact, is_enough)


def examples_of(history: History, given: Iterable[Example] = ()) -> list[Example]:
    """Return the examples that teachers made, and that given ones lack.

    Acts in the fixed format are left out, as are entities whose value is not in the text, and messages whose
    text would be read differently, such as one that contains entity markup.

    Raises:
        StoreError: the content of an entry does not fit its kind.
    """
    known = tuple(given)
    made = dict.fromkeys(learned_examples(known, word_lessons(history)).examples)
    there = set(known)
    return [example for example in made if example not in there and is_writable(example)]


def examples_now(history: History, given: Sequence[Example]) -> list[Example]:
    """Return given examples without those that teachers took out, and then those that they made."""
    now = set(learned_examples(given, word_lessons(history)).examples)
    return [*(example for example in given if example in now), *examples_of(history, given)]


class _KnownExamples:
    """Examples while lessons change them, found by their sentence."""

    def __init__(self, given: Iterable[Example]) -> None:
        self._examples: list[Example | None] = list(given)
        self._places: dict[str, list[int]] | None = None
        self.exact: dict[str, UserUttered] = {}
        self.taught: dict[str, Example] = {}

    @property
    def examples(self) -> tuple[Example, ...]:
        return tuple(example for example in self._examples if example is not None)

    def _places_of(self, key: str) -> list[int]:
        if self._places is None:
            self._places = {}
            for place, example in enumerate(self._examples):
                if example is not None:
                    self._places.setdefault(sentence_key(example.text), []).append(place)
        return self._places.setdefault(key, [])

    def correct(self, message: UserUttered) -> None:
        """Take a corrected message in the place of every example of its sentence."""
        assert message.text is not None
        key = sentence_key(message.text)
        for place in self._places_of(key):
            self._examples[place] = None
        self._places_of(key).clear()
        self.exact[key] = message
        if (example := example_of(message)) is not None:
            self.taught[key] = example
        else:
            self.taught.pop(key, None)

    def edit(self, edit: Addition) -> None:
        """Put examples of an intent in the place of others, which may be gone by now."""
        for old, new in itertools.zip_longest(edit.was, edit.texts):
            place = len(self._examples) if old is None else self._take(parse_example(old, edit.name))
            if place is not None and new is not None:
                self._put(place, parse_example(new, edit.name))

    def _take(self, example: Example) -> int | None:
        """Remove an example; return the place for another one, None if it is not there."""
        key = sentence_key(example.text)
        if self.taught.get(key) == example:
            del self.taught[key], self.exact[key]
            return len(self._examples)
        for place in self._places_of(key):
            if self._examples[place] == example:
                self._examples[place] = None
                self._places_of(key).remove(place)
                return place
        return None

    def _put(self, place: int, example: Example) -> None:
        key = sentence_key(example.text)
        self.taught.pop(key, None)
        self.exact.pop(key, None)
        places = self._places_of(key)
        if any(self._examples[one] == example for one in places):
            return
        if place == len(self._examples):
            self._examples.append(None)
        self._examples[place] = example
        places.append(place)


def sentence_key(text: str) -> str:
    """Return a sentence without the differences of case and space, which a correction ignores."""
    return " ".join(text.split()).casefold()


def entities_in(text: str, message: UserUttered) -> tuple[Entity, ...]:
    """Return the entities of a message at their places in a text with the same `sentence_key`.

    One whose place cannot be told has none.
    """
    if message.text is None or message.text == text:
        return message.entities
    words, others = (list(re.finditer(r"\S+", one)) for one in (message.text, text))

    def moved(place: int | None, before: int) -> int | None:
        """Return a place in the text; `before` is 1 for one after a character of a word, else 0."""
        if place is None:
            return None
        for word, other in zip(words, others, strict=True):
            if word.start() <= place - before < word.end() and len(word[0]) == len(other[0]):
                return other.start() + place - word.start()
        return None

    found = []
    for entity in message.entities:
        start, end = moved(entity.start, 0), moved(entity.end, 1)
        is_placed = start is not None and end is not None
        found.append(
            dataclasses.replace(entity, start=start if is_placed else None, end=end if is_placed else None)
        )
    return tuple(found)
