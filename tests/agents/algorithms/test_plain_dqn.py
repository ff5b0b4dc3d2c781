"""The agent in plain PyTorch: it learns, and is as short and plain as its docstring claims."""

from __future__ import annotations

import ast
import io
import tokenize

import pytest

from agents.algorithms.plain_dqn import learn
from tests import ROOT
from tests.conftest import BUILT_IN

SOURCE = (ROOT / "agents/algorithms/plain_dqn.py").read_text(encoding="utf-8")
NOT_CODE = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER,
}  # fmt: skip
BEST_RETURN = 16.08


def lines_of_code(source: str) -> int:
    """Return the number of lines that are not blank, not all comment and not part of a docstring."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in NOT_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.FunctionDef) and ast.get_docstring(node) is not None:
            docstring = node.body[0]
            assert docstring.end_lineno is not None
            lines.difference_update(range(docstring.lineno, docstring.end_lineno + 1))
    return len(lines)


@pytest.mark.slow
def test_plain_dqn_learns_in_seconds() -> None:
    success_rate, mean_return = learn(BUILT_IN[0], seed=1, steps=10_000)
    assert success_rate >= 0.98
    assert mean_return >= 0.95 * BEST_RETURN


def test_plain_dqn_is_about_forty_lines() -> None:
    assert lines_of_code('"""Says.\n\nMore."""\n\n# why\nx = (\n    1  # one\n)\ny = 2\n') == 4
    assert 35 <= lines_of_code(SOURCE) <= 45


def test_plain_dqn_uses_only_the_ids_of_the_library() -> None:
    imports = [node for node in ast.walk(ast.parse(SOURCE)) if isinstance(node, ast.Import | ast.ImportFrom)]
    named = [ast.unparse(node) for node in imports]
    assert [line for line in named if "dialogue_gym" in line] == ["import dialogue_gym"]
    assert {line.split()[1].split(".")[0] for line in named} == {
        "argparse", "gymnasium", "torch", "dialogue_gym",
    }  # fmt: skip
    assert SOURCE.count("dialogue_gym.") == 0  # and no attribute of it is used
