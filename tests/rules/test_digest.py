"""The digest of the rules changes with their code alone, not with comments or layout."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

from dialogue_gym import rules
from dialogue_gym._digest import digest, sibling_sources

RULES = Path(rules.__file__).parent
# Syntax that `ast` tells differently from one version of Python to the next.
CODE = """
def told(names, *, width=None, **others: "int"):
    if {**others, 1: (0.5, True, ..., b"\\xff")}: return "\U0001fae8"
    return f"{names!r:<{width}}{width:}{'é' 'ÿ'}"

class Told(list): pass
"""
HELD = "86465dcedd6667ea"


def digest_of_copy(folder: Path, change: Callable[[dict[str, str]], object]) -> bytes:
    """Return the digest of the rules after a change of their texts, by file name."""
    before = {path.name: path.read_text(encoding="utf-8") for path in RULES.glob("*.py")}
    after = dict(before)
    change(after)
    assert after != before
    for name, text in after.items():
        (folder / name).write_text(text, encoding="utf-8")
    return digest(sibling_sources(str(folder / "__init__.py")))


def put(name: str, old: str, new: str) -> Callable[[dict[str, str]], None]:
    def change(texts: dict[str, str]) -> None:
        assert old in texts[name]
        texts[name] = texts[name].replace(old, new)

    return change


def lay_out_anew(texts: dict[str, str]) -> None:
    """Write all modules as Python itself would: no comments, other quotes, brackets and line ends."""
    texts |= {name: ast.unparse(ast.parse(text)) for name, text in texts.items()}


def move(texts: dict[str, str]) -> None:
    """Rename a module, and all imports of it with it, so that another is the first one."""
    texts["aaa.py"] = texts.pop("user.py")
    for name, text in texts.items():
        texts[name] = text.replace("dialogue_gym.rules.user", "dialogue_gym.play.aaa")


@pytest.mark.parametrize(
    "change",
    [
        put("user.py", "    wrong = 0\n", "    # None so far.\n    wrong = 0  # nor here\n"),
        put("user.py", '"""Tell one slot.', '"""Say the value of one slot.'),
        put("user.py", " Asking for a known slot is useless, unless it may have been misheard.", ""),
        put("tables.py", '"""Actions since the user spoke last."""\n', ""),
        put("chance.py", '"""Chance: one small', '"""Luck: one small'),
        lay_out_anew,
        put("dialogue.py", "from dialogue_gym.rules.bot import allowed, did, forget, set_slot\n", ""),
        put("user.py", "from dialogue_gym.rules.bot import hear", "from elsewhere import other as hear"),
        put("chance.py", "if TYPE_CHECKING:\n    import numpy.typing", "import numpy.typing"),
        move,
        put("__init__.py", '    "draw",\n', ""),
        lambda texts: texts.update({"user.py~": "x", "user.txt": "x", ".#user.py": "x"}),
    ],
    ids=[
        "comment", "docstring", "docstring-shorter", "attribute", "module", "layout",
        "import-gone", "import-renamed", "import-for-types", "module-moved", "init", "other-files",
    ],
)  # fmt: skip
def test_digest_ignores_comments_and_docstrings(
    change: Callable[[dict[str, str]], None], tmp_path: Path
) -> None:
    assert digest_of_copy(tmp_path, change) == rules.sources()


@pytest.mark.parametrize(
    "change",
    [
        put("tables.py", "MAX_UNHEARD = 10", "MAX_UNHEARD = 11"),
        put("tables.py", "(0.55, 0.25, 0.13, 0.07)", "(0.55, 0.25, 0.13, 0.08)"),
        put("tables.py", '"auto": 50', '"auto": 50.0'),
        put("user.py", "row[POSITION] += 1", "row[POSITION] -= 1"),
        put("chance.py", "while uniform >= thresholds", "while uniform > thresholds"),
        put("dialogue.py", "row[UNHEARD] = 0\n    row[STEPS] = 0", "row[STEPS] = 0\n    row[UNHEARD] = 0"),
        put("user.py", "    row[TURNS] += 1\n", ""),
        put("chance.py", "== CERTAIN:\n        return 0", "== CERTAIN:\n        return None"),
        put("user.py", "def judge(row: Row, tables: Tables", "def judge(row: Row, tables: Settings"),
        put("tables.py", "slots=True", "slots=False"),
        lambda texts: texts.pop("user.py"),
    ],
    ids=[
        "constant", "fraction", "type", "operator", "comparison", "order", "statement-gone",
        "none", "annotation", "keyword", "module-gone",
    ],
)  # fmt: skip
def test_digest_changes_with_the_code(change: Callable[[dict[str, str]], None], tmp_path: Path) -> None:
    assert digest_of_copy(tmp_path, change) != rules.sources()


def test_the_digest_is_the_same_in_all_versions_of_python() -> None:
    assert digest([CODE.encode()]).hex()[:16] == HELD


def test_compiled_modules_are_digested_as_bytes(tmp_path: Path) -> None:
    digests = set()
    for content in (b"\x00\xa7\r", b"\x00\xa7\n"):
        (tmp_path / "user.pyc").write_bytes(content)
        digests.add(digest(sibling_sources(str(tmp_path / "__init__.pyc"))))
    assert len(digests) == 2
