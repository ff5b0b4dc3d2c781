"""The notebooks run unchanged, their outputs match their text, and they are stored without outputs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

# Builds Matplotlib's list of fonts if it is missing: a kernel that has to do so may warn on stderr.
from matplotlib import font_manager  # noqa: F401
from nbclient import NotebookClient

from tests import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SECONDS = 300
"""Time limit of a cell, many times longer than any needs; it ends a notebook that hangs."""
ALLOWED_ON_STDERR: tuple[str, ...] = ()
"""Patterns of allowed lines; none so far."""
SLOW = ("01_quickstart", "02_ladder", "04_teach", "05_human_reward", "07_a_year_of_logs")
"""Notebooks that take more than half a minute."""
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path: Path) -> Any:
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    return notebook


def run(notebook: Any, folder: Path) -> str:
    """Run all cells in a folder; return what they printed."""
    NotebookClient(notebook, timeout=SECONDS, resources={"metadata": {"path": str(folder)}}).execute()
    texts: dict[str, str] = {"stdout": "", "stderr": ""}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                texts[output.name] += output.text
    complaints = [
        line
        for line in texts["stderr"].splitlines()
        if not any(re.fullmatch(pattern, line) for pattern in ALLOWED_ON_STDERR)
    ]
    assert not complaints, complaints
    return texts["stdout"]


def figures(printed: str, row: str) -> list[tuple[float, float]]:
    """Return success in percent and return, for each printed row of that name, in order."""
    found = re.findall(rf"^{row} +(?:success +)?([\d.]+)% +(?:return +)?(-?[\d.]+)", printed, re.MULTILINE)
    return [(float(success), float(mean)) for success, mean in found]


def check_quickstart(printed: str) -> None:
    bound = float(re.findall(r"^bound +([\d.]+)$", printed, re.MULTILINE)[0])
    (success, mean_return), (random, _) = figures(printed, "PPO")[0], figures(printed, "random")[0]
    assert random < 10
    assert success >= 98
    assert mean_return >= 0.98 * bound
    assert printed.count("--- success after") == 2


def check_ladder(printed: str) -> None:
    rungs = re.findall(r"^(table|DQN|PPO) +([\d.]+)% +([\d.]+) +(\d+) +([\d.]+)$", printed, re.MULTILINE)
    assert [name for name, *_ in rungs] == ["table", "DQN", "PPO"]
    assert all(float(success) >= 98 for _, success, *_ in rungs)
    table, dqn, ppo = (int(dialogues) for *_, dialogues, _ in rungs)
    assert dqn < min(table, ppo)

    _, _, noisy_ppo, silent_ppo = (success for success, _ in figures(printed, "PPO"))
    (success, detours), (_, noisy_expert) = figures(printed, "table")[-1], figures(printed, "expert")[1]
    assert success >= 80 and detours < 0.8 * noisy_expert
    assert noisy_ppo >= 97
    assert silent_ppo < 2
    assert "(listens)" in printed and "--- the user hangs up after 10 steps ---" in printed
    assert figures(printed, "PPO, more steps")[0][0] >= 98
    assert figures(printed, "clone")[0][0] >= 98
    assert figures(printed, "of its training")[0][0] >= 95
    assert figures(printed, "never read before")[0][0] >= 90


def check_teach(printed: str) -> None:
    rows = re.findall(r"^(auto|explicit) +(\d+) +([\d.]+) +([\d.]+)%$", printed, re.MULTILINE)
    assert [row[0] for row in rows] == ["auto", "explicit"]
    for _, corrections, late, success in rows:
        assert int(corrections) <= 13 and float(late) < 1 and float(success) >= 99
    assert "now it proposes" in printed and "0 labels" in printed


def check_human_reward(printed: str) -> None:
    assert re.search(r"^ +0\.0 +None +-1\.0$", printed, re.MULTILINE)
    rows = r"^(without a model|with a model|as it comes|with credit) +(-?[\d.]+)$"
    final = {name: float(mean) for name, mean in re.findall(rows, printed, re.MULTILINE)}
    assert final["with a model"] >= 15 and final["with a model"] > final["without a model"]
    assert final["with credit"] >= 10 and final["as it comes"] < 0


def check_language_models(printed: str) -> None:
    assert "did you mean 'utter_ask_cuisine'?" in printed and "'location' cannot be 'rome'" in printed
    shares = [float(share) for share in re.findall(r"^pass\^[1-4] ([\d.]+)%$", printed, re.MULTILINE)]
    assert len(shares) == 4 and shares == sorted(shares, reverse=True) and 50 < shares[3] < shares[0]


def check_a_year_of_logs(printed: str) -> None:
    months = re.findall(r"^(\w{3})  success +(\d+)%   version +(\d+) answers", printed, re.MULTILINE)
    success = {name: int(share) for name, share, _ in months}
    versions = {name: int(version) for name, _, version in months}
    assert len(months) == 12
    assert min(success[name] for name in ("Jan", "Feb", "Mar", "Apr", "May", "Nov", "Dec")) >= 90
    assert max(success[name] for name in ("Jun", "Jul")) < 85
    assert versions["May"] == versions["Sep"] < versions["Oct"] == versions["Dec"]
    assert "cannot say yet" in printed and "show that it does better" in printed
    assert re.search(r"^sum 1\.0$", printed, re.MULTILINE)
    assert re.search(r"^random: the logs cannot say", printed, re.MULTILINE)
    assert re.search(r"^customer 0 +contradicts (\d+) of \1   weight 0\.0$", printed, re.MULTILINE)


SAYS: dict[str, Callable[[str], None]] = {
    "01_quickstart": check_quickstart,
    "02_ladder": check_ladder,
    "04_teach": check_teach,
    "05_human_reward": check_human_reward,
    "06_language_models": check_language_models,
    "07_a_year_of_logs": check_a_year_of_logs,
}
"""Checks of the claims in a notebook's text about its outputs, by the name of the notebook."""


def test_every_check_has_a_notebook() -> None:
    assert {*SAYS, *SLOW} <= {path.stem for path in NOTEBOOKS}


@each_notebook
def test_notebook_is_valid_and_stored_without_outputs(path: Path) -> None:
    notebook = read(path)
    assert (notebook.nbformat, notebook.nbformat_minor) >= (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == [] and cell.execution_count is None, cell.id


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=pytest.mark.slow if path.stem in SLOW else (), id=path.stem)
        for path in NOTEBOOKS
    ],
)
def test_notebook_outputs_match_its_text(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MPLBACKEND", raising=False)  # figures are to be shown in the notebook
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))  # and not a person's own settings
    printed = run(read(path), path.parent)
    SAYS.get(path.stem, lambda printed: None)(printed)
