"""The usual faults of YAML in plain words: tabs, colons in texts, indentation, quotes and brackets."""

from __future__ import annotations

import re

import yaml

from dialogue_gym._text import quoted

_KEY = re.compile(r":(\s|$)")
_OPEN = {"flow sequence": "bracket [", "flow mapping": "brace {", "quoted scalar": "quote"}
"""The parts that are closed by a sign, by their name in the parser's messages."""


def reason(text: str, error: yaml.MarkedYAMLError) -> str:
    """Return the fault of a text that is not YAML in plain words, or a rare one in the parser's."""
    return _never_closed(error) or _on_the_line(text, error) or _of_the_parser(error)


def _never_closed(error: yaml.MarkedYAMLError) -> str | None:
    """Return a clause about a quote or bracket without its partner, with the line that it begins on."""
    begin, context = error.context_mark, error.context or ""
    for name, sign in _OPEN.items():
        if begin and context.endswith(name):
            return f"the {sign} that begins on line {begin.line + 1} is not closed"
    return None


def _on_the_line(text: str, error: yaml.MarkedYAMLError) -> str | None:
    """Return a clause about the line of an error."""
    problem, mark = error.problem or "", error.problem_mark
    lines = text.splitlines()
    if mark is None or mark.line >= len(lines):
        return None
    line = lines[mark.line]
    before, sign = line[: mark.column], line[mark.column : mark.column + 1]
    if "cannot start any token" in problem:
        if sign == "\t":
            return "there is a tab here: indent with spaces"
        return f"a text that begins with {quoted(sign)} needs quotes around it"
    if "undefined alias" in problem:
        return f"{quoted(line[mark.column :].strip())} has no anchor; a text that begins with * needs quotes"
    if "mapping values are not allowed" in problem:
        if _KEY.search(before):
            return "there is a second colon on this line: a text with a colon needs quotes around it"
        return "this line is indented deeper than the one above allows, or that one lacks its colon"
    if re.search("did not find expected (key|'-')|expected <block end>", problem):
        if before.strip():
            return "something follows a closing quote or bracket: a text with quotes needs others around it"
        return "this line is indented differently from those of its level above"
    return None


def _of_the_parser(error: yaml.MarkedYAMLError) -> str:
    """Return the parser's own message, with the line that the part with the fault begins on."""
    mark, begin, context = error.problem_mark or error.context_mark, error.context_mark, error.context
    if context and begin and mark and begin.line < mark.line:
        context += f" that begins on line {begin.line + 1}"
    return ", ".join(part for part in (context, error.problem) if part)
