"""Export of a store to files: stories, corrected NLU examples, and the domain with its additions."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from dialogue_gym._files import FileKind, read_text, write_whole
from dialogue_gym._text import shorten
from dialogue_gym.conversation.events import SessionStarted, UserUttered
from dialogue_gym.domain import Domain, load_domain
from dialogue_gym.domain.loader import builtin_names
from dialogue_gym.domain.model import DOMAIN_FILE, DomainError
from dialogue_gym.domain.writer import extended_text
from dialogue_gym.domain.yaml_edit import InsertionError, insert
from dialogue_gym.journal.entry import LABEL, MEND, STORY, USER
from dialogue_gym.journal.history import History
from dialogue_gym.nlu.examples import (
    NLU_FILE,
    Example,
    NluData,
    NluError,
    builtin_path,
    dump_examples,
    read_examples,
)
from dialogue_gym.stories import FORMATS, Story, StoryError, dump, parse, story_of
from dialogue_gym.stories.model import STORY_FILE
from dialogue_gym.teaching.export_examples import examples_of, placed

STORY_FILES = dict(zip(FORMATS, ("stories.md", "stories.yml"), strict=True))
NLU_NAME, DOMAIN_NAME = "nlu.yml", "domain.yml"
"""Names of the exported files."""
_INTENTS = 4
"""The maximum number of intents in the name of a story."""
_NUMBERED = re.compile(r" \(\d+\)$")


def export(
    history: History,
    domain: Domain,
    folder: Path,
    story_format: str = "markdown",
    domain_text: str | None = None,
) -> list[Path]:
    """Export a store into a folder: `stories.md` or `stories.yml`, `nlu.yml` and `domain.yml`.

    Each file is written whole or not at all, and none if one of them has a fault. New content is appended to
    an existing file, and nothing is written twice.

    Args:
        history: the history of the store.
        domain: the domain of the history, with or without the additions.
        folder: the folder to write to; it is created if needed.
        story_format: `"markdown"` or `"yaml"`.
        domain_text: the text of the domain's file, for a folder without `domain.yml`. If it is None, the file
            of a built-in domain is used; for another domain no file is written.

    Returns:
        The written files: those with new content.

    Raises:
        StoreError: the content of an entry does not fit its kind.
        StoryError: a story cannot be written in this format, or added to the file.
        NluError: the examples cannot be added to the file.
        DomainError: the domain file in the folder is of another domain, or cannot be added to.
        OSError: a file cannot be written.
    """
    domain = history.extended(domain)
    stories, nlu = folder / STORY_FILES.get(story_format, ""), folder / NLU_NAME
    texts = {
        stories: _with_stories(stories, stories_of(history, domain), story_format),
        nlu: _with_examples(nlu, examples_of(history)),
        folder / DOMAIN_NAME: _with_additions(folder / DOMAIN_NAME, history, domain, domain_text),
    }
    new = {path: text for path, text in texts.items() if text is not None}
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in new.items():
        _write(path, text)
    return list(new)


def _write(path: Path, text: str) -> None:
    mark = codecs.BOM_UTF8 if path.exists() and path.read_bytes().startswith(codecs.BOM_UTF8) else b""
    content = mark + text.encode()
    # Writing to the target of a symbolic link keeps the link.
    write_whole(path.resolve(), lambda temporary: temporary.write_bytes(content))


def _existing(path: Path, kind: FileKind) -> str | None:
    """Return the text of a file; None if it does not exist or is blank."""
    if not path.exists():
        return None
    text = read_text(path, kind)
    return text if text.strip() else None


# Stories.


def stories_of(history: History, domain: Domain) -> list[Story]:
    """Return the conversations with a user's message as stories, in the order of their beginnings.

    Imported stories are left out, unless a teacher continued them.

    Raises:
        StoreError: the content of an entry does not fit its kind.
        DomainError: an event names an action or a slot that the domain does not have.
    """
    return list(_stories(history, domain))


def _stories(history: History, domain: Domain) -> Iterator[Story]:
    for conversation in history.conversations:
        story = story_of(history.conversation(domain, conversation), conversation)
        intents = [step.intent for step in story.steps if isinstance(step, UserUttered)]
        if intents and not _is_a_story(history, conversation):
            steps = [placed(step) if isinstance(step, UserUttered) else step for step in story.steps]
            begins = isinstance(steps[0], SessionStarted)  # as every story does
            yield Story(_name(conversation, intents), tuple(steps[begins:]))


def _is_a_story(history: History, conversation: str) -> bool:
    return all(
        entry.author == STORY for entry in history.path(conversation) if entry.kind in (USER, LABEL, MEND)
    )


def _name(conversation: str, intents: Iterable[str | None]) -> str:
    """Return a name that is valid in both formats: the conversation's, and the user's intents."""
    wanted = [intent or "?" for intent in intents]
    changes = [one for one, before in zip(wanted, [None, *wanted], strict=False) if one != before]
    words = [conversation, *changes[:_INTENTS], *(["and more"] if len(changes) > _INTENTS else [])]
    return re.sub(r"[^\w./+-]+", " ", " ".join(words)).strip() or "conversation"


def _with_stories(path: Path, stories: Iterable[Story], story_format: str) -> str | None:
    """Return the text of a file with new stories appended; None without any."""
    text = _existing(path, STORY_FILE) if story_format in FORMATS else None
    known = parse(text, str(path), story_format) if text else []
    names = {story.name for story in known}
    existing = {(_NUMBERED.sub("", story.name), repr(story.steps)) for story in known}
    new: list[Story] = []
    for story in stories:
        if (story.name, repr(_as_read(story, story_format))) in existing:
            continue
        name = _free(story.name, names)
        names.add(name)
        new.append(Story(name, story.steps))
    if not new:
        return None
    dumped = dump(new, story_format)
    if text is None:
        return dumped
    if story_format == "markdown":
        return text + "\n" * (2 - text.endswith("\n")) + dumped
    try:
        return insert(text, {"stories": dumped.partition("\nstories:\n")[2]})
    except InsertionError as error:
        raise StoryError(f"{path}: cannot add stories: {error}") from None


def _as_read(story: Story, story_format: str) -> tuple[object, ...]:
    """Return the steps of a story after a round trip: a format does not keep everything."""
    (read,) = parse(dump([story], story_format), format=story_format)
    return read.steps


def _free(name: str, taken: set[str]) -> str:
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name} ({number})"
    return free


# Examples.


def _with_examples(path: Path, examples: Iterable[Example]) -> str | None:
    """Return the text of a file with new examples appended; None without any."""
    text = _existing(path, NLU_FILE)
    known = set(read_examples(path).examples) if text else set()
    new = tuple(example for example in examples if example not in known)
    if not new:
        return None
    dumped = dump_examples(NluData(new))
    if text is None:
        return dumped
    try:
        return insert(text, {"nlu": dumped.partition("\nnlu:\n")[2]})
    except InsertionError as error:
        raise NluError(f"{path}: cannot add examples: {error}") from None


# The domain.


def _with_additions(path: Path, history: History, domain: Domain, text: str | None) -> str | None:
    """Return the text of a domain file with the additions; None without any, or if its text is not known."""
    existing = _existing(path, DOMAIN_FILE)
    if existing is None and text is None:
        text = _builtin_text(history, domain)
    base = text if existing is None else existing
    if base is None:
        return None
    found: list[Domain] = []

    def extend(read: Domain) -> Domain:
        found.append(history.extended(read))
        return found[0]

    result = extended_text(base, str(path), domain.name, extend)
    for kind, names, known in _names(domain, found[0]):
        for name in names:
            if name not in known:
                raise DomainError(
                    f"{path}: file of another domain, without the {kind} {shorten(name)};"
                    " export to another folder"
                )
    return None if result == existing else result


def _names(domain: Domain, other: Domain) -> Iterator[tuple[str, Iterable[str], Iterable[str]]]:
    yield "action", domain.actions, other.actions
    yield "intent", domain.intents, other.intents
    yield "slot", (slot.name for slot in domain.slots), {slot.name for slot in other.slots}


def _builtin_text(history: History, domain: Domain) -> str | None:
    is_builtin = domain.name in builtin_names() and history.extended(load_domain(domain.name)) == domain
    return read_text(builtin_path(domain.name, DOMAIN_NAME), DOMAIN_FILE) if is_builtin else None
