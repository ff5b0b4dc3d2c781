"""A release: its files, and the installed wheel on each Python, with the oldest and newest packages."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

from tests import ROOT
from tests.distributions import SOURCES, Distributions, distributions
from tests.peers import environment_of

__all__ = ["distributions"]

BUILT = {"PKG-INFO", *(f"dialogue_gym.egg-info/{name}.txt" for name in (
    "SOURCES", "dependency_links", "entry_points", "requires", "top_level"
)), "dialogue_gym.egg-info/PKG-INFO"}  # fmt: skip
"""The files that setuptools adds to a source distribution."""
WITHOUT_TORCH = ("fast", "render", "teach", "nlu", "web")


def library() -> set[str]:
    """Return the library's files, without those that Python and Numba leave behind."""
    return {
        str(path.relative_to(ROOT))
        for path in (ROOT / "dialogue_gym").rglob("*")
        if path.is_file() and path.suffix not in (".pyc", ".nbi", ".nbc")
    }


def test_a_release_holds_the_library_and_nothing_else(distributions: Distributions) -> None:
    with tarfile.open(distributions.sdist) as archive:
        files = {one.name.partition("/")[2] for one in archive.getmembers() if one.isfile()}
    assert files == {*library(), *SOURCES, *BUILT}
    with zipfile.ZipFile(distributions.wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == {*library(), "pytest_dialogue_gym.py"}
    for path in (distributions.sdist, distributions.wheel):
        assert path.stat().st_size < 2 * 2**20
    done = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", distributions.sdist, distributions.wheel],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0 and done.stdout.count("PASSED") == 2, done.stdout + done.stderr


def requirements(wheel: Path, *extras: str) -> list[str]:
    """Return the packages that a wheel requires, with some extras."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = message_from_bytes(archive.read(name))
    found = []
    for line in metadata.get_all("Requires-Dist", []):
        package, _, marker = line.partition(";")
        extra = re.search(r"extra == ['\"](\w+)['\"]", marker)
        if (extra is None or extra[1] in extras) and not package.startswith("dialogue_gym"):
            found.append(package.strip())
    return sorted({*found})


def interpreter(version: str) -> str:
    """Return the path of a Python; skip the test where it cannot be had."""
    own = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for found in (shutil.which(f"python{version}"), *sorted(own.glob(f"{version}.*/bin/python"))):
        # The first may be pyenv's, which only says where another one is.
        if found and not subprocess.run([found, "--version"], check=False, capture_output=True).returncode:
            return str(found)
    pytest.skip(f"Python {version} is missing")


_ENVIRONMENTS = """
import sys
import gymnasium, dialogue_gym
env = gymnasium.make("FakeUserConcert-v0", render_mode="rgb_array")
lanes = gymnasium.make_vec("FakeUserConcert-v0", 2, vectorization_mode="vector_entry_point")
assert (lanes.reset(seed=0)[0][0] == env.reset(seed=0)[0]).all()
assert (lanes.step([1, 1])[0][0] == env.step(1)[0]).all()
gymnasium.make("FakeUserCity-v0").reset(seed=0)
print(*sys.version_info[:2], dialogue_gym.__version__, dialogue_gym.__file__, env.render().shape[2])
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("version", "resolution", "extras"),
    [
        ("3.11", "lowest-direct", (*WITHOUT_TORCH, "agents", "live")),
        ("3.12", "highest", WITHOUT_TORCH),
        ("3.13", "highest", WITHOUT_TORCH),
    ],
)
def test_the_installed_wheel_works(
    version: str,
    resolution: str,
    extras: tuple[str, ...],
    distributions: Distributions,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    base = interpreter(version)
    # PyTorch may bring gigabytes for graphics cards, so that one version of it is tried: that of these tests.
    torch = [f"torch=={importlib.metadata.version('torch')}"] if "agents" in extras else []
    wanted = [one for one in requirements(distributions.wheel, *extras) if not one.startswith("torch>")]
    python = environment_of(
        tmp_path_factory, f"python{version}", distributions.wheel, *wanted, *torch,
        base=base, options=("--resolution", resolution),
    )  # fmt: skip

    def run(*words: str, typed: str = "") -> str:
        done = subprocess.run(
            [python.parent / words[0], *words[1:]], input=typed, capture_output=True, text=True, check=False,
            cwd=tmp_path, env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    *found, where, channels = run("python", "-c", _ENVIRONMENTS).split()
    assert found == [*version.split("."), importlib.metadata.version("dialogue_gym")]
    assert str(python.parent.parent) in where and channels == "3"
    assert run("dialogue-gym", "--version").split() == ["dialogue-gym", found[2]]
    words = ("dialogue-gym", "evaluate", "concert", "--agent", "expert", "--dialogues", "20", "--seed", "0")
    assert "success 100.0%" in run(*words)
    assert "\nbot   " in run("dialogue-gym", "chat", "concert", typed="/greet\n")
    assert "saved" in run("dialogue-gym", "teach", "concert", "--store", "taught", typed="/greet\n\n")
    if torch:
        run(
            "dialogue-gym",
            "train",
            "concert",
            "--agent",
            "dqn",
            "--steps",
            "300",
            "--dialogues",
            "5",
            "--out",
            "mine",
        )
        talked = run("dialogue-gym", "live", "concert", "--agent", "mine", typed="/greet\n")
        assert "a new learner begins with the agent 'dqn'" in talked
