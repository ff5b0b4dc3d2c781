"""RLlib learns on the registered ids, in its own Python environment, since it pins a Gymnasium version."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests import ROOT
from tests.peers import environment_of

EXAMPLE, CONSTRAINTS = (
    ROOT / "agents/algorithms" / name for name in ("rllib_ppo.py", "rllib_constraints.txt")
)


def processes_of(folder: Path) -> list[int]:
    """Return the processes whose command or working directory lies in a folder, according to /proc.

    (Ray renames some of its processes, so only the working directory identifies these.)
    """
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            traces = (process / "cmdline").read_bytes(), os.fsencode(os.readlink(process / "cwd"))
        except OSError:  # it has ended, or belongs to another user
            continue
        if any(os.fsencode(folder) in trace for trace in traces):
            found.append(int(process.name))
    return found


def left_behind(folder: Path, seconds: float = 20) -> list[int]:
    """Give the processes of a folder time to end; kill and return those that remain."""
    until = time.monotonic() + seconds
    while (found := processes_of(folder)) and time.monotonic() < until:
        time.sleep(0.1)
    for process in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    return found


@pytest.mark.slow
def test_rllib_learns_in_an_environment_of_its_own(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    source = tmp_path / "source"
    shutil.copytree(ROOT / "dialogue_gym", source / "dialogue_gym")  # a build leaves files behind
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    packages = ("ray[rllib]", "torch", source)
    python = environment_of(tmp_path_factory, "rllib", *packages, constraints=CONSTRAINTS)
    pip = [sys.executable, "-m", "pip", "--python", str(python)]
    listed = subprocess.run([*pip, "list", "--format", "json"], check=True, capture_output=True).stdout
    versions = {package["name"].lower(): package["version"] for package in json.loads(listed)}
    assert versions["ray"] == "2.60.0" and versions["gymnasium"] == "1.2.2"
    assert not any(name.startswith(("stable", "numba")) for name in versions)

    # The paths of Ray's sockets have a length limit, which pytest's long folder names would exceed.
    with tempfile.TemporaryDirectory(prefix="ray") as ray_folder:
        variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        variables |= {"HOME": str(tmp_path), "RAY_TMPDIR": ray_folder, "RAY_USAGE_STATS_ENABLED": "0"}
        try:
            result = subprocess.run(
                [str(python), str(EXAMPLE), "FakeUserRestaurant-v0", "--seed", "1", "--iterations", "15"],
                capture_output=True, text=True, check=False, cwd=tmp_path, env=variables, timeout=900,
            )  # fmt: skip
        finally:
            left = left_behind(tmp_path)
    assert result.returncode == 0, result.stderr
    assert not left
    assert "WARNING" not in result.stdout + result.stderr
    *progress, last = result.stdout.splitlines()
    assert len(progress) == 15
    assert "success   0%" in progress[0]  # it does not succeed from the start
    figures = json.loads(last)
    assert figures["env_id"] == "FakeUserRestaurant-v0" and figures["dialogues"] >= 500
    assert figures["success_rate"] >= 0.9
    assert figures["mean_return"] >= 14
