"""Export of a store to files: stories, corrected NLU examples, and the domain with its additions."""

from __future__ import annotations

import codecs
import dataclasses
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path

from dialogue_gym._files import FileKind, read_text, write_whole
from dialogue_gym._text import quoted
from dialogue_gym.domain import Domain, load_domain
from dialogue_gym.domain.model import DOMAIN_FILE, DomainError
from dialogue_gym.domain.sources import builtin_names
from dialogue_gym.domain.writer import extended_text
from dialogue_gym.journal.history import History
from dialogue_gym.nlu.examples import (
    NLU_FILE,
    Example,
    builtin_path,
    read_examples,
)
from dialogue_gym.stories import FORMATS
from dialogue_gym.stories.model import STORY_FILE
from dialogue_gym.teaching.example_lines import with_sections
from dialogue_gym.teaching.export_stories import stories_of, with_stories
from dialogue_gym.teaching.taught_examples import examples_of

STORY_FILES = dict(zip(FORMATS, ("stories.md", "stories.yml"), strict=True))
NLU_FILES = dict(zip(FORMATS, ("nlu.md", "nlu.yml"), strict=True))
DOMAIN_NAME = "domain.yml"
"""Names of the exported files."""


def export(
    history: History,
    domain: Domain,
    folder: Path,
    story_format: str = "markdown",
    domain_text: str | None = None,
    given: Iterable[Path] = (),
) -> list[Path]:
    """Export a store into a folder: `stories.md` or `stories.yml`, examples beside it, and `domain.yml`.

    Each file is written whole or not at all, and none if one of them has a fault. New content is appended to
    an existing file, and nothing is written twice.

    Args:
        history: the history of the store.
        domain: the domain of the history, with or without the additions.
        folder: the folder to write to; it is created if needed.
        story_format: `"markdown"` or `"yaml"`.
        domain_text: the text of the domain's file, for a folder without `domain.yml`. If it is None, the file
            of a built-in domain is used; for another domain no file is written.
        given: files of examples, whose edits are written.

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
    stories, nlu = (folder / names.get(story_format, "") for names in (STORY_FILES, NLU_FILES))
    told = stories_of(history, domain)
    known = existing_text(stories, STORY_FILE) if story_format in FORMATS else None
    texts = {
        stories: with_stories(known, stories, told, story_format),
        nlu: with_examples(nlu, examples_of(history, read_examples(given).examples)),
        folder / DOMAIN_NAME: with_additions(folder / DOMAIN_NAME, history, domain, domain_text),
    }
    return write_texts(texts)


def write_texts(texts: Mapping[Path, str | None]) -> list[Path]:
    """Write files, each whole or not at all, with the folders that they need; return those with a text.

    Raises:
        OSError: a file cannot be written.
    """
    new = {path: text for path, text in texts.items() if text is not None}
    for path, text in new.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, text)
    return list(new)


def _write(path: Path, text: str) -> None:
    mark = codecs.BOM_UTF8 if path.exists() and path.read_bytes().startswith(codecs.BOM_UTF8) else b""
    content = mark + text.encode()
    write_whole(path, lambda temporary: temporary.write_bytes(content))


def existing_text(path: Path, kind: FileKind) -> str | None:
    """Return the text of a file; None if it does not exist or is blank."""
    if not path.exists():
        return None
    text = read_text(path, kind)
    return text if text.strip() else None


# Examples.


def with_examples(path: Path, examples: Iterable[Example]) -> str | None:
    """Return the text of an NLU file with new examples appended; None without any.

    Raises:
        NluError: the examples cannot be added to the file.
    """
    text = existing_text(path, NLU_FILE)
    known = set(read_examples(path).examples) if text else set()
    new = tuple(example for example in examples if example not in known)
    if not new:
        return None
    result = with_sections(text or "", path, new)
    return None if result == (text or "") else result


# The domain.


def with_additions(
    path: Path, history: History, domain: Domain, text: str | None, renamed: Container[str] = ()
) -> str | None:
    """Return the text of a domain file with the additions; None without any, or if its text is not known.

    The file has other names for the actions in `renamed`.
    """
    existing = existing_text(path, DOMAIN_FILE)
    if existing is None and text is None:
        text = _builtin_text(history, domain)
    base = text if existing is None else existing
    if base is None:
        return None
    found: list[Domain] = []

    def extend(read: Domain) -> Domain:
        extended = history.extended(read)
        actions = tuple(name for name in extended.actions if name not in renamed or name in read.actions)
        found.append(dataclasses.replace(extended, actions=actions))
        return found[0]

    result = extended_text(base, str(path), domain.name, extend)
    for kind, names, known in _names(domain, found[0]):
        for name in names:
            if name not in known and name not in renamed:
                raise DomainError(
                    f"{path}: file of another domain, without the {kind} {quoted(name)};"
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
