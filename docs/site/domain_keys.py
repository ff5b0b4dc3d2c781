"""A Sphinx extension: keys of domain files stand in the site's index, so that its search leads to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

PAGES = ("domain-files", "search-users")
LISTS = ("Accepted and ignored", "Reserved")
"""Paragraphs that begin so are lists of keys, too."""


def index_keys(app: Sphinx, doctree: nodes.document) -> None:
    """Give an entry of the index and an anchor to each key of a page about domain files."""
    if app.env.current_document.docname not in PAGES:
        return
    for literal in list(keys(doctree)):
        key = literal.astext()
        anchor = nodes.make_id(f"key-{key}")
        while anchor in doctree.ids:
            anchor += "-again"
        literal["ids"].append(anchor)
        doctree.note_explicit_target(literal)
        # Of `constraints: count` each part is a key.
        entries = [("single", part, anchor, "", None) for part in dict.fromkeys([key, *key.split(": ")])]
        literal.parent.insert(0, addnodes.index(entries=entries))


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


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("doctree-read", index_keys)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
