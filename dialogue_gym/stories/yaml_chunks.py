"""Cuts the text of a large YAML file at the items of its lists of stories, without reading it.

What is inside an item is indented further than its dash, quoted texts and brackets aside. A cut in the midst
of these leaves what is before it unfinished, which YAML refuses when it reads the part; so does an alias
whose anchor is in another part. Then the file has to be read whole.
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


def _says_something(line: str) -> bool:
    return line.strip()[:1] not in ("", "#")


@dataclass(frozen=True)
class Part:
    """Some lines of a list of stories or rules, and how many lines of the file come before them."""

    kind: str
    first: int
    lines: list[str]

    @property
    def text(self) -> str:
        """The part as YAML."""
        return "\n".join(self.lines) + "\n"

    @property
    def says_something(self) -> bool:
        """Whether there is more than comments."""
        return any(map(_says_something, self.lines))

    @property
    def indent(self) -> str:
        """The spaces before the dash of its first item."""
        first = next(filter(_says_something, self.lines), "")
        return first[: len(first) - len(first.lstrip(" "))]

    @property
    def is_list(self) -> bool:
        """Whether nothing but items begins at the indentation of the first one, or before."""
        width, item = len(self.indent), self.indent + "-"
        return all(
            line.startswith(item + " ") or line.rstrip() == item
            for line in self.lines
            if line[: width + 1].strip() and _says_something(line)
        )

    def items(self) -> Iterator[Part]:
        """Yield the items of a list, the first with what comes before it."""
        dash = self.indent + "-"
        begin = 0
        seen = False
        for index, line in enumerate(self.lines):
            if line.startswith(dash):
                if seen:
                    yield Part(self.kind, self.first + begin, self.lines[begin:index])
                    begin = index
                seen = True
        yield Part(self.kind, self.first + begin, self.lines[begin:])

    def named_steps(self, title: str) -> tuple[str, list[Part]] | None:
        """Return the name and the steps of an item that says nothing else; None if it is not that simple."""
        if len(self.lines) < 3 or not (head := _NAMED.match(self.lines[0])):
            return None
        indent, key, name = head.groups()
        if key != title or name.lower() == "null" or self.lines[1].rstrip() != f"{indent}  steps:":
            return None
        steps = Part(self.kind, self.first + 2, self.lines[2:])
        first = _DASH.match(steps.lines[0])
        is_inside = first and len(first[1]) >= len(indent) + 2 and first[1] == steps.indent
        return (name, list(steps.items())) if is_inside and steps.is_list else None


def sections(text: str, file: str, others: Iterable[str]) -> list[Part] | None:
    """Return the lists of stories and rules; None if the text is not simple enough to say where they are.

    `others` are the keys of the file that have none.
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
            section = Part(match[1], head + 1, lines[head + 1 : end])
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
