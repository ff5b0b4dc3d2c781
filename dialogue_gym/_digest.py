"""A digest of Python code that depends on its syntax alone, not on comments, layout or imports."""

from __future__ import annotations

import ast
import contextlib
import hashlib
from collections.abc import Iterable
from pathlib import Path

_IGNORED = frozenset({"ctx", "kind"})
"""Fields of syntax trees that follow from others, or only record how a literal is written."""


def sibling_sources(file: str) -> list[bytes]:
    """Return the contents of the modules beside a file, except `__init__.py`, which only exports names."""
    paths = [path for suffix in ("py", "pyc") for path in Path(file).parent.glob(f"[!.]*.{suffix}")]
    return [path.read_bytes() for path in paths if path.stem != "__init__"]


def digest(contents: Iterable[bytes]) -> bytes:
    """Return a digest of the code of modules; it is the same in every version of Python.

    Comments, docstrings, layout, imports and the names and order of the modules do not change it. So it
    does not show that an import gives a name another meaning.
    """
    return hashlib.sha256(b"".join(sorted(map(_digest_one, contents)))).digest()


def _digest_one(content: bytes) -> bytes:
    with contextlib.suppress(SyntaxError, ValueError):  # not source: modules may come compiled
        content = _written(ast.parse(content)).encode()
    return hashlib.sha256(content).digest()


def _written(tree: object) -> str:
    """Return a syntax tree as text.

    The output of `ast.dump` and `ast.unparse` differs between versions of Python. Empty fields are left out,
    since later versions have more of them; `ascii` does not depend on a version's tables of Unicode.
    """
    if isinstance(tree, ast.JoinedStr):  # Python 3.12 adds empty parts to f-strings
        parts = [part for part in tree.values if not isinstance(part, ast.Constant) or part.value]
        return f"JoinedStr({_written(parts)})"
    if isinstance(tree, ast.AST):
        fields = [
            f"{name}={_written(value)}"
            for name in tree._fields
            if name not in _IGNORED and (value := getattr(tree, name, None)) is not None and value != []
        ]
        return f"{type(tree).__name__}({','.join(fields)})"
    if isinstance(tree, list):
        return f"[{','.join(_written(item) for item in tree if not _is_silent(item))}]"
    return ascii(tree)


def _is_silent(item: object) -> bool:
    """Return whether an item of a tree is an import, or a statement that does nothing."""
    if isinstance(item, ast.Expr):
        return isinstance(item.value, ast.Constant) and isinstance(item.value.value, str)
    if isinstance(item, ast.If):  # imports that only type checkers see
        is_for_types = isinstance(item.test, ast.Name) and item.test.id == "TYPE_CHECKING"
        return is_for_types and all(map(_is_silent, item.body)) and not item.orelse
    return isinstance(item, ast.Import | ast.ImportFrom)
