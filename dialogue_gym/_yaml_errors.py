"""All errors of a YAML file that can be told apart, where a reader stops at the first."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import yaml

from dialogue_gym._files import FileError
from dialogue_gym._text import quoted
from dialogue_gym._yaml import YamlNode, hide, is_hidden

MOST = 100
"""The most errors that are looked for: each costs one more reading."""
_WRONG_NAME = re.compile(r"\b(unknown|duplicate)\b")


def errors_of(root: YamlNode, read: Callable[[YamlNode], object]) -> list[FileError]:
    """Return the errors of a file by their lines; `read` raises the first that it meets.

    The entry of an error is hidden, and the rest is read again. An error that may come from that alone is not
    listed: it is about an entry with something hidden in it, or about a name that was declared there.

    Args:
        root: the content of the file, which loses the entries with errors.
        read: reads it, and raises a `FileError`.
    """
    found: dict[FileError, int] = {}
    holders = _holders(root.node)
    incomplete: set[int] = set()
    lost: set[str] = set()
    for _ in range(MOST):
        try:
            read(root)
        except FileError as error:
            entry = error.entry
            if not isinstance(entry, YamlNode):
                found[error] = 0
                break
            problem = str(error).partition(";")[0]  # without the hint
            names = {name for name in _own_texts(entry) if quoted(name) in problem}
            is_new = not names & lost and id(entry.node) not in incomplete
            if is_new:
                found[error] = entry.line
            around = [*_around(entry.key, holders)]
            if len(around) <= 1:  # without a whole section, such as the database, others mean something else
                break
            texts = [*_texts([entry.key, entry.node])]
            hide(entry.key)
            incomplete.update(map(id, around))
            wrong = names if is_new and _WRONG_NAME.search(problem) else set()  # elsewhere it is as wrong
            lost.update(name for name in texts if name not in wrong)
        else:
            break
    return sorted(found, key=lambda error: (_file_of(error), found[error]))


def _file_of(error: FileError) -> str:
    return error.entry.file if isinstance(error.entry, YamlNode) else ""


def _own_texts(entry: YamlNode) -> Iterator[str]:
    """Yield the name of an entry, and its text."""
    return (str(node.value) for node in (entry.key, entry.node) if isinstance(node, yaml.ScalarNode))


def _holders(root: yaml.Node) -> dict[int, yaml.Node]:
    """Return the node around each node, by its identity; of one that anchors repeat, the first."""
    found: dict[int, yaml.Node] = {}
    waiting = [root]
    while waiting:
        node = waiting.pop()
        for child in _children(node):
            if id(child) not in found:
                found[id(child)] = node
                waiting.append(child)
    return found


def _around(node: yaml.Node, holders: dict[int, yaml.Node]) -> Iterator[yaml.Node]:
    """Yield the nodes around a key or an item, up to the root."""
    while (holder := holders.get(id(node))) is not None:
        yield holder
        node = holder


def _children(node: yaml.Node) -> list[yaml.Node]:
    """Return the keys and values of a mapping, or the items of a list, that are not hidden."""
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value if not is_hidden(pair[0]) for part in pair]
    return [item for item in node.value if not is_hidden(item)] if isinstance(node, yaml.SequenceNode) else []


def _texts(nodes: list[yaml.Node]) -> Iterator[str]:
    """Yield the scalars of nodes: the names that they may declare."""
    for node in nodes:
        if isinstance(node, yaml.ScalarNode):
            yield str(node.value)
        else:
            yield from _texts(_children(node))
