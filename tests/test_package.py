"""What an import loads, and what the wheel holds."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests import ROOT

HEAVY = (
    "torch", "numba", "stable_baselines3", "sklearn", "rich", "typer", "matplotlib", "scipy", "nicegui",
    "httpx", "rapidfuzz", "re2", "agents",
)  # fmt: skip


def python(code: str, *options: str) -> str:
    result = subprocess.run(
        [sys.executable, *options, "-c", code], capture_output=True, text=True, check=False, cwd="/"
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize(
    ("env_id", "arguments"),
    [
        ("FakeUserRestaurant-v0", ""),
        ("dialogue_gym:FakeUserConcert-v0", ""),
        ("DialogueLive-v0", "domain='restaurant', channel=lambda told: '/greet'"),
    ],
    ids=["import", "module-prefix", "live"],
)
def test_making_an_environment_loads_nothing_heavy(env_id: str, arguments: str) -> None:
    code = f"""
import sys, gymnasium
if ":" not in {env_id!r}:
    import dialogue_gym
env = gymnasium.make({env_id!r}, {arguments})
env.reset(seed=0)
env.step(0)
print(*sorted({{name.split(".")[0] for name in sys.modules}} & set({HEAVY!r})))
"""
    assert python(code).split() == []


def test_the_wheel_works_away_from_the_checkout(tmp_path: Path) -> None:
    source = tmp_path / "source"  # a build leaves files behind
    shutil.copytree(ROOT / "dialogue_gym", source / "dialogue_gym")
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(source)],
        check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "site")
    assert "dialogue_gym/domains/restaurant/domain.yml" in names
    assert "dialogue_gym/domains/restaurant/policy.npz" in names
    assert "dialogue_gym/py.typed" in names
    pages = {
        "dialogue_gym/web/pages/teach.js",
        "dialogue_gym/web/pages/parts/index.js",
        "dialogue_gym/web/static/style.css",
    }
    assert pages <= set(names)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"dialogue_gym"}
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path / "site")!r})
import gymnasium, dialogue_gym
print(dialogue_gym.__file__)
env = gymnasium.make("FakeUserConcert-v0")
print(env.reset(seed=0)[0].shape)
"""
    where, shape = python(code).split("\n")[:2]
    assert where.startswith(str(tmp_path)) and shape == "(12,)"


@pytest.mark.slow
def test_the_oldest_supported_gymnasium_will_do(tmp_path: Path) -> None:
    options = ["--quiet", "--target", str(tmp_path), "gymnasium==1.0.0", "numpy", "pyyaml", "numba"]
    subprocess.run([sys.executable, "-m", "pip", "install", *options], check=True, capture_output=True)
    code = f"""
import sys
sys.path[:0] = [{str(tmp_path)!r}, {str(ROOT)!r}]
import gymnasium, dialogue_gym
from gymnasium.utils.env_checker import check_env
assert gymnasium.__version__ == "1.0.0"
for env_id in ("FakeUserRestaurant-v0", "FakeUserConcert-v0"):
    for turn_taking in ("auto", "explicit"):
        check_env(gymnasium.make(env_id, turn_taking=turn_taking).unwrapped)
compiled, sync = (
    gymnasium.make_vec("FakeUserRestaurant-v0", 3, vectorization_mode=mode)
    for mode in ("vector_entry_point", "sync")
)
assert (compiled.reset(seed=0)[0] == sync.reset(seed=0)[0]).all()
for _ in range(100):
    actions = compiled.action_space.sample()
    for ours, theirs in zip(compiled.step(actions)[:4], sync.step(actions)[:4]):
        assert (ours == theirs).all()
print(compiled.metadata["autoreset_mode"].value, ours.shape)
"""
    assert python(code, "-S").splitlines()[-1] == "NextStep (3,)"


@pytest.mark.parametrize(
    ("extra", "modules"),
    [
        ("agents", "agents.cli, agents.training, agents.benchmark.run"),
        ("teach", "dialogue_gym.cli.app, dialogue_gym.teaching.terminal.run"),
        ("web", "dialogue_gym.cli.app, dialogue_gym.web.run"),
        ("live", "dialogue_gym.cli.app, dialogue_gym.live.run"),
    ],
)
def test_an_extra_brings_all_that_its_programs_load(extra: str, modules: str) -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    extras = {
        name: {re.split(r"[>=\[]", line)[0] for line in config["options.extras_require"][name].split()}
        for name in ("fast", "agents", "teach", "nlu", "live", "web")
    }
    names = {"scikit-learn": "sklearn"}
    others = set().union(*extras.values()) - extras[extra]
    blocked = {names.get(other, other.replace("-", "_")) for other in others}
    code = f"""
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {sorted(blocked)!r}:
            raise ModuleNotFoundError(name, name=name)

sys.path.insert(0, {str(ROOT)!r})
sys.meta_path.insert(0, Blocked())
import {modules}
"""
    python(code)
