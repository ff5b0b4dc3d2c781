"""The training data of a project for Rasa: examples, synonyms, lookup tables and patterns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from dialogue_gym._text import counted, quoted
from dialogue_gym.conversation.events import UserUttered
from dialogue_gym.domain import Domain
from dialogue_gym.domain.default_names import DEFAULT_INTENTS, FALLBACK_INTENT
from dialogue_gym.domain.yaml_edit import InsertionError, insert
from dialogue_gym.journal.history import History
from dialogue_gym.nlu.example_writer import dump_examples
from dialogue_gym.nlu.examples import NLU_FILE, Example, NluData, NluError, read_examples
from dialogue_gym.stories import Story
from dialogue_gym.teaching.export import existing_text
from dialogue_gym.teaching.export_examples import example_of, is_writable
from dialogue_gym.teaching.taught_examples import examples_now, sentence_key, touched_sentences, word_lessons


def training_data(
    history: History, domain: Domain, given: Iterable[Path], stories: Iterable[Story], notes: list[str]
) -> NluData:
    """Return all training data: the domain's or the given one, with the taught one, which wins.

    The sentences of stories are examples as well. `notes` gets a line for each thing to know.

    Raises:
        NluError: a given file cannot be read.
    """
    data = read_examples(existing_files(given))
    notes += [f"{path}: this file of examples is gone" for path in given if not path.exists()]
    known = dict.fromkeys(examples_now(history, data.examples))
    taken = {sentence_key(one.text) for one in (*known, *data.examples)}
    for step in (step for story in stories for step in story.steps):
        told = example_of(step) if isinstance(step, UserUttered) else None
        if told and told.intent != FALLBACK_INTENT and sentence_key(told.text) not in taken:
            taken.add(sentence_key(told.text))
            known |= {told: None} if is_writable(told) else {}
    unknown = Counter(one.intent for one in known if _is_unknown(domain, one.intent))
    for intent, count in unknown.items():
        notes.append(
            f"{counted(count, 'example')} of {quoted(intent)} left out: the domain has no such intent"
        )
    examples: dict[str, list[Example]] = {}
    for one in known:
        if one.intent not in unknown:
            examples.setdefault(one.intent, []).append(one)
    return NluData(
        tuple(one for group in examples.values() for one in group), data.synonyms, data.lookups, data.regexes
    )


def existing_files(paths: Iterable[Path]) -> list[Path]:
    """Return the files that exist."""
    return [path for path in paths if path.exists()]


def _is_unknown(domain: Domain, intent: str) -> bool:
    return domain.intent_of(intent) is None and intent not in DEFAULT_INTENTS


def with_data(path: Path, data: NluData, history: History, notes: list[str]) -> str | None:
    """Return the text of an NLU file with the new training data; None without any.

    `notes` gets a line for each example of the file that lessons have put an end to.

    Raises:
        NluError: the file cannot be read, or nothing can be added to it.
    """
    touched = touched_sentences(word_lessons(history))
    text = existing_text(path, NLU_FILE)
    known = read_examples(path) if text else NluData()
    lookups = {name: set(values) for name, values in known.lookups}
    meant = {sentence_key(one.text): one.intent for one in data.examples}
    now, there, synonyms = set(data.examples), set(known.examples), set(known.synonyms)
    for one in known.examples:
        key = sentence_key(one.text)
        if (intent := meant.get(key, one.intent)) != one.intent:
            notes.append(
                f"{path.name}:{one.line}: {quoted(one.text)} means {intent} now; remove it from {one.intent}"
            )
        elif key in touched and one not in now:
            notes.append(
                f"{path.name}:{one.line}: {quoted(one.text)} was changed or taken out; remove it here as well"
            )
    new = NluData(
        tuple(one for one in data.examples if one not in there),
        tuple(one for one in data.synonyms if one not in synonyms),
        tuple(
            (name, fresh)
            for name, values in data.lookups
            if (fresh := tuple(value for value in values if value not in lookups.get(name, ())))
        ),
        tuple(one for one in data.regexes if one not in known.regexes),
    )
    if new == NluData():
        return None
    dumped = dump_examples(new)
    if text is None:
        return dumped
    try:
        return insert(text, {"nlu": dumped.partition("\nnlu:\n")[2]})
    except InsertionError as error:
        raise NluError(f"{path}: cannot add examples: {error}") from None
