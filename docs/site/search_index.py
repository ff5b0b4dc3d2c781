"""A Sphinx extension: entries of the index that lead the site's search to the page that explains a word.

The search shows entries that are marked `main` before all pages that have a word somewhere, and others after
them (`searchtools.js` of Sphinx).
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

HERE = Path(__file__).resolve().parent
KEY_PAGES = ("domain-files", "search-users", "environments")
LISTS = ("Accepted and ignored", "Reserved")
"""Paragraphs that begin so are lists of keys, too."""
NO_GUIDES = ("changelog", "contributing")
_OPTION = re.compile(r"--[a-z][a-z-]+")


def search_words() -> dict[str, list[str]]:
    """Return words by the page, or page and heading, that the search shows first."""
    words = yaml.safe_load((HERE / "search_words.yml").read_text(encoding="utf-8"))
    return {place: list(map(str, found)) for place, found in words.items()}


@functools.cache
def option_pages(docs: Path) -> dict[str, str]:
    """Return the page on each option of a command: the one whose sentences name it most often."""
    counts: dict[str, Counter[str]] = {}
    for path in sorted(path for path in docs.glob("*.md") if path.stem not in NO_GUIDES):
        text = re.sub(
            r"^ *```.*?^ *```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
        )
        for span in re.findall(r"`([^`]+)`", text):
            for option in _OPTION.findall(span):
                counts.setdefault(option, Counter())[path.stem] += 1
    return {option: found.most_common(1)[0][0] for option, found in counts.items()}


def index(app: Sphinx, doctree: nodes.document) -> None:
    """Give entries of the index to a page."""
    page = app.env.current_document.docname
    if page in KEY_PAGES:
        for key in list(keys(doctree)):
            text = key.astext()
            # Of `constraints: count` each part is a key.
            add(doctree, key, nodes.make_id(f"key-{text}"), dict.fromkeys([text, *text.split(": ")]))
    for option, literal in options(doctree):
        if option_pages(Path(app.srcdir)).get(option) == page:
            add(doctree, literal, nodes.make_id(f"option-{option}"), [option])
    for place, words in search_words().items():
        if place.partition("#")[0] == page:
            add_words(doctree, place.partition("#")[2], words)


def add(doctree: nodes.document, literal: nodes.literal, anchor: str, texts: Any) -> None:
    """Give an anchor to a literal, and entries of the index that lead to it."""
    while anchor in doctree.ids:
        anchor += "-again"
    literal["ids"].append(anchor)
    doctree.note_explicit_target(literal)
    literal.parent.insert(0, addnodes.index(entries=[entry(text, anchor) for text in texts]))


def add_words(doctree: nodes.document, heading: str, words: list[str]) -> None:
    """Give a page, or the section of a heading, entries for some words."""
    for section in doctree.findall(nodes.section):
        if not heading or heading in section["ids"]:
            found = addnodes.index(entries=[entry(word, section["ids"][0]) for word in words])
            section.insert(1, found)
            return
    raise ValueError(f"search_words.yml: the page has no heading {heading!r}")


def entry(text: str, anchor: str) -> tuple[str, str, str, str, None]:
    """Return an entry of the index that comes before the pages with a word."""
    return ("single", text, anchor, "main", None)


def keys(doctree: nodes.document) -> Iterator[nodes.literal]:
    """Yield the names in the first column of a table, in both if it begins with `in`, and in lists."""
    for table in doctree.findall(nodes.table):
        (head, *rows) = table.findall(nodes.row)
        columns = 2 if head[0].astext() == "in" else 1
        for row in rows:
            for cell in row[:columns]:
                yield from cell.findall(nodes.literal)
    for paragraph in doctree.findall(nodes.paragraph):
        if paragraph.astext().startswith(LISTS):
            yield from paragraph.findall(nodes.literal)


def options(doctree: nodes.document) -> list[tuple[str, nodes.literal]]:
    """Return the options of commands in the text of a page, each where it is named first."""
    found: dict[str, nodes.literal] = {}
    for literal in doctree.findall(nodes.literal):
        for option in _OPTION.findall(literal.astext()):
            found.setdefault(option, literal)
    return [*found.items()]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("doctree-read", index)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
