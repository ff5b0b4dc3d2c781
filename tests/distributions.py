"""The distributions of the package, built as for a release."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import ROOT

SOURCES = (
    "CHANGELOG.md", "CITATION.cff", "LICENSE", "MANIFEST.in", "README.md", "pyproject.toml",
    "pytest_dialogue_gym.py", "setup.cfg",
)  # fmt: skip
"""The files beside the library that a release is built from."""


@dataclass(frozen=True)
class Distributions:
    """The files of a release."""

    sdist: Path
    wheel: Path


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    """Build the source distribution and its wheel, from a copy: a build leaves files behind."""
    folder = tmp_path_factory.mktemp("build")
    shutil.copytree(ROOT / "dialogue_gym", folder / "source/dialogue_gym")
    for name in SOURCES:
        shutil.copy(ROOT / name, folder / "source")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), "source"],
        check=True, capture_output=True, cwd=folder,
    )  # fmt: skip
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return Distributions(sdist, wheel)
