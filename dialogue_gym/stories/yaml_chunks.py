"""Chunks of a large YAML file: its text cut at the items of its lists of stories, without parsing it.

The content of an item is indented further than its dash, except inside quoted texts and brackets. A cut
inside these leaves an unfinished chunk, which YAML refuses; so does an alias whose anchor is in another
chunk. The file then has to be read whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dialogue_gym._files import FileError
from dialogue_gym._yaml import parse_yaml
from dialogue_gym.stories.model import STORY_FILE

_HEAD = re.compile(r"(stories|rules):\s*(#.*)?$")
_NAMED = re.compile(r"( *)- (story|rule): ([A-Za-z](?:[\w ./()+-]*[\w)])?)\r?$", re.ASCII)
_DASH = re.compile(r"( *)- ")


def _has_content(line: str) -> bool:
    return line.strip()[:1] not in ("", "#")


@dataclass(frozen=True)
class Chunk:
    """Some lines of a list of stories or rules, and the number of lines before them in the file."""

    kind: str
    first: int
    lines: list[str]

    @property
    def text(self) -> str:
        """The YAML text."""
        return "\n".join(self.lines) + "\n"

    @property
    def has_content(self) -> bool:
        """Whether any line is more than a comment."""
        return any(map(_has_content, self.lines))

    @property
    def indent(self) -> str:
        """The spaces before the dash of the first item."""
        first = next(filter(_has_content, self.lines), "")
        return first[: len(first) - len(first.lstrip(" "))]

    @property
    def is_list(self) -> bool:
        """Whether only items begin at the indentation of the first one, or left of it."""
        width, item = len(self.indent), self.indent + "-"
        return all(
            line.startswith(item + " ") or line.rstrip() == item
            for line in self.lines
            if line[: width + 1].strip() and _has_content(line)
        )

    def items(self) -> Iterator[Chunk]:
        """Yield the items of a list, the first one together with the lines before it."""
        dash = self.indent + "-"
        begin = 0
        seen = False
        for index, line in enumerate(self.lines):
            if line.startswith(dash):
                if seen:
                    yield Chunk(self.kind, self.first + begin, self.lines[begin:index])
                    begin = index
                seen = True
        yield Chunk(self.kind, self.first + begin, self.lines[begin:])

    def named_steps(self, title: str) -> tuple[str, list[Chunk]] | None:
        """Return the name and the steps of an item that has nothing else; None if it has more."""
        if len(self.lines) < 3 or not (head := _NAMED.match(self.lines[0])):
            return None
        indent, key, name = head.groups()
        if key != title or name.lower() == "null" or self.lines[1].rstrip() != f"{indent}  steps:":
            return None
        steps = Chunk(self.kind, self.first + 2, self.lines[2:])
        first = _DASH.match(steps.lines[0])
        is_inside = first and len(first[1]) >= len(indent) + 2 and first[1] == steps.indent
        return (name, list(steps.items())) if is_inside and steps.is_list else None


def sections(text: str, file: str, others: Iterable[str]) -> list[Chunk] | None:
    """Return the lists of stories and rules; None if the text is too complex to tell where they are.

    `others` are the other keys that the file may have.
    """
    lines = text.removesuffix("\n").split("\n")
    heads = [
        index
        for index, line in enumerate(lines)
        if line[:1] not in ("", " ", "#", "-", "\r") or line == "---"
    ]
    if not heads:
        return None
    found = []
    for head, end in zip(heads, [*heads[1:], len(lines)], strict=True):
        if match := _HEAD.match(lines[head]):
            section = Chunk(match[1], head + 1, lines[head + 1 : end])
            if not section.is_list:
                return None
            found.append(section)
            lines[head + 1 : end] = [""] * (end - head - 1)
    try:
        rest = parse_yaml("\n".join(lines), file, STORY_FILE).mapping(("stories", "rules", *others))
    except FileError:
        return None
    expected = [(section.kind, section.first, True) for section in found]
    keys = [(kind, entry.line, entry.is_null) for kind, entry in rest.items() if kind in ("stories", "rules")]
    return found if keys == expected else None
