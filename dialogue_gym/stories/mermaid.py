"""The graph of stories as a Mermaid flowchart (https://mermaid.js.org/syntax/flowchart.html)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from dialogue_gym._files import OutputKind, bears
from dialogue_gym._text import printable
from dialogue_gym.conversation.events import (
    ActionExecuted,
    ActiveLoop,
    BotUttered,
    SessionStarted,
    SlotSet,
    UserUttered,
)
from dialogue_gym.stories.expansion import expand
from dialogue_gym.stories.model import Step, Story

_HEAD = "flowchart TD"
STORY_GRAPH = OutputKind("a graph of stories", bears(_HEAD, len(_HEAD)))
MAX_NODES = 2_000
_MAX_LABEL = 80
_SPECIAL = frozenset('"#&<>`\\{}[]()|;%')


@dataclass
class _Node:
    shape: str
    label: str
    next: dict[tuple[str, str], _Node] = field(default_factory=dict)


def mermaid(stories: Iterable[Story], limit: int = MAX_NODES) -> str:
    """Return the graph of stories as a Mermaid flowchart: the user's acts rounded, the bot's actions boxed.

    The stories are expanded, and share their nodes as long as their steps are the same. A graph of more than
    `limit` nodes is cut off, with a note.
    """
    root = _Node("(({}))", "start")
    nodes = 1
    is_cut = False
    for story in expand(stories):
        node = root
        for step in story.steps:
            key = _drawn(step)
            if key not in node.next:
                if nodes >= limit:
                    is_cut = True
                    break
                node.next[key] = _Node(*key)
                nodes += 1
            node = node.next[key]
    lines = [_HEAD]
    numbers = 0
    open_nodes = [(root, "")]
    while open_nodes:
        node, parent = open_nodes.pop()
        name = f"n{numbers}"
        numbers += 1
        lines.append(f"    {name}{node.shape.format(_label(node.label))}")
        if parent:
            lines.append(f"    {parent} --> {name}")
        # A stack: dialogues may be deeper than Python's recursion. Reversed to keep the stories' order.
        open_nodes += ((child, name) for child in reversed(node.next.values()))
    if is_cut:
        lines.append(f'    more["{_escaped(f"… more than {limit} steps")}"]')
    return "\n".join(lines) + "\n"


def _drawn(step: Step) -> tuple[str, str]:
    """Return the shape and the label of a step."""
    if isinstance(step, UserUttered):
        return "([{}])", step.act
    if isinstance(step, ActionExecuted):
        return "[{}]", step.name
    if isinstance(step, SlotSet):
        return "[/{}/]", f"{step.name} = {json.dumps(step.value, ensure_ascii=False, default=str)}"
    if isinstance(step, BotUttered):
        return "[{}]", step.text or ""
    if isinstance(step, ActiveLoop):
        return "[/{}/]", "the form ends" if step.name is None else f"{step.name} is active"
    return "[/{}/]", "session start" if isinstance(step, SessionStarted) else "restart"


def _label(text: str) -> str:
    text = printable(text)
    return f'"{_escaped(text if len(text) <= _MAX_LABEL else text[: _MAX_LABEL - 1] + "…")}"'


def _escaped(text: str) -> str:
    """Return text with the special characters of Mermaid and HTML as character references."""
    return "".join(f"#{ord(char)};" if char in _SPECIAL else char for char in text)
