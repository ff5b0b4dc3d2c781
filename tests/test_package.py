"""The package: the modules that an import loads, the contents of the wheel, and its extras."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from dialogue_gym.training import agent_names
from tests import ROOT
from tests.agents.commands import agents
from tests.cli.test_train import EXPERT
from tests.conftest import TINY
from tests.distributions import Distributions, distributions
from tests.peers import environment_of

__all__ = ["distributions"]

HEAVY = (
    "torch", "numba", "stable_baselines3", "sklearn", "rich", "typer", "matplotlib", "scipy", "nicegui",
    "httpx", "rapidfuzz", "re2", "filelock", "agents",
)  # fmt: skip
README = (ROOT / "README.md").read_text(encoding="utf-8")


def python(code: str, interpreter: str | Path = sys.executable) -> str:
    """Run code in a new process outside the checkout; return its output."""
    done = subprocess.run([interpreter, "-c", code], capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(distributions: Distributions) -> Path:
    """The wheel."""
    return distributions.wheel


@pytest.mark.parametrize(
    ("env_id", "arguments"),
    [
        ("FakeUserRestaurant-v0", ""),
        ("dialogue_gym:FakeUserConcert-v0", ""),
        ("DialogueLive-v0", "domain='restaurant', channel=lambda lines: '/greet'"),
    ],
    ids=["import", "module-prefix", "live"],
)
def test_making_an_environment_loads_no_heavy_package(env_id: str, arguments: str) -> None:
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


def test_an_environment_loads_what_puts_it_into_words_only_when_somebody_asks() -> None:
    code = """
import sys, gymnasium, dialogue_gym
loaded = "dialogue_gym.envs.dialogue" in sys.modules
env = gymnasium.make("FakeUserRestaurant-v0").unwrapped
env.reset(seed=0)
env.step(0)
words = "dialogue_gym.conversation.events"
print(loaded, words in sys.modules, len(env.conversation.events) > 2, words in sys.modules)
from dialogue_gym.conversation import transcript
print(callable(transcript))
"""
    assert python(code).split() == ["False", "False", "True", "True", "True"]


def test_a_public_name_loads_the_journal_only_when_it_is_used() -> None:
    code = """
import sys, dialogue_gym
print("sqlite3" in sys.modules, dialogue_gym.HumanReward.__name__, "sqlite3" in sys.modules)
"""
    assert python(code).split() == ["False", "HumanReward", "True"]


def test_names_and_packages_are_listed_and_load_without_an_import_of_their_own() -> None:
    pages = README + "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("*.md"))
    written = set(re.findall(r"\bdialogue_gym\.(\w+)", pages))
    packages = sorted(name for name in written if (ROOT / "dialogue_gym" / name / "__init__.py").exists())
    assert {"bounds", "wrappers", "sb3"} <= set(packages)
    code = f"""
import dialogue_gym
listed = dir(dialogue_gym)
print(set({packages!r}).union(dialogue_gym.__all__) - set(listed))
print([name for name in {packages!r} if getattr(dialogue_gym, name).__name__ != "dialogue_gym." + name])
for package in map(dialogue_gym.__dict__.get, {packages!r}):
    assert set(getattr(package, "__all__", ())) <= set(dir(package)), package
"""
    assert python(code).split() == ["set()", "[]"]


def test_a_store_in_a_folder_loads_nothing_of_postgresql(tmp_path: Path) -> None:
    code = f"""
import pathlib, sys
import dialogue_gym.cli.app, dialogue_gym.teaching.terminal.run, dialogue_gym.live.sessions
from dialogue_gym.journal import Store
from dialogue_gym.journal.location import store_named
Store(pathlib.Path({str(tmp_path / "store")!r})).close()
print(store_named({str(tmp_path / "store")!r}))
print([name for name in sys.modules if "postgres" in name or "psycopg" in name])
"""
    assert python(code).splitlines() == [str(tmp_path / "store"), "[]"]


def test_the_wheel_works_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "site")
    data = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "dialogue_gym").rglob("*")
        if path.is_file() and path.suffix != ".pyc" and not path.name.endswith((".nbi", ".nbc"))
    }
    assert (
        "dialogue_gym/domains/restaurant/policy.npz" in data and "dialogue_gym/web/static/style.css" in data
    )
    assert data <= set(names)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"dialogue_gym", "pytest_dialogue_gym.py"}
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


def test_the_pip_commands_of_the_readme_work(wheel: Path, tmp_path: Path) -> None:
    """They install the wheel in the place of the checkout, without the packages that it depends on."""
    commands = re.findall(r"^pip install (\S+)", README, re.MULTILINE)
    assert len(commands) > 3
    targets = [shlex.split(command)[0].replace(".", str(wheel), 1) for command in commands]
    options = ["--no-deps", "--no-compile", "--target", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, *targets],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "does not provide the extra" not in done.stdout + done.stderr
    assert (tmp_path / "dialogue_gym/domains/concert/domain.yml").exists()


_NO_CHECKOUT = """
import sys

class NoCheckout:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "agents":
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, NoCheckout())
"""


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and its command, installed once, in which there is no `agents`."""
    folder = tmp_path_factory.mktemp("site")
    options = ["--quiet", "--no-deps", "--no-compile", "--target", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(wheel)], check=True)
    (folder / "sitecustomize.py").write_text(_NO_CHECKOUT)
    return folder


def command(installed: Path, cwd: Path, *words: str, typed: str = "") -> str:
    """Run the installed command in a folder; return its output."""
    done = subprocess.run(
        [str(installed / "bin/dialogue-gym"), *words], input=typed, capture_output=True, text=True,
        check=False, cwd=cwd, env=os.environ | {"PYTHONPATH": str(installed)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("agent", [pytest.param("dqn", marks=pytest.mark.slow), "maskable_ppo"])
def test_agents_of_the_checkout_talk_where_only_the_wheel_is(
    agent: str, installed: Path, tmp_path: Path
) -> None:
    words = ["train", "FakeUserConcert-v0", "--agent", agent, "--steps", "300", "--dialogues", "5"]
    assert agents(*words, "--out", str(tmp_path / "mine")).returncode == 0
    shown = command(installed, tmp_path, "chat", "concert", "--agent", "mine", typed="/greet\n")
    assert f"concert, with the agent {agent!r}." in shown and "\nbot   " in shown
    if agent == "dqn":  # a PPO is imitated first, which takes some seconds
        shown = command(installed, tmp_path, "live", "concert", "--agent", "mine", typed="/greet\n")
        assert "a new learner begins with the agent 'dqn'" in shown


_FAILING = """
from dialogue_gym.testing import run

def bot(sender, message):
    return ["In which city?"]

def test_the_bot():
    report = run(bot, "restaurant", dialogues=10)
    assert report.success_rate >= 0.95

def test_another():
    assert 1 == 2
"""


@pytest.mark.slow
@pytest.mark.parametrize("is_ci", [False, True])
def test_pytest_shows_failed_dialogues_in_a_project_of_its_own(
    is_ci: bool, installed: Path, tmp_path: Path
) -> None:
    (tmp_path / "test_it.py").write_text(_FAILING)
    others = {name: value for name, value in os.environ.items() if name not in ("CI", "BUILD_NUMBER")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"], capture_output=True, text=True, check=False, cwd=tmp_path,
        env=others | {"PYTHONPATH": str(installed)} | ({"CI": "true"} if is_ci else {}),
    )  # fmt: skip
    assert done.returncode == 1 and "2 failed" in done.stdout, done.stdout + done.stderr
    message = "\n".join(re.findall(r"^E +(.*)", done.stdout, re.MULTILINE))
    assert message.startswith("assert 0.0 >= 0.95\nbot on restaurant: success 0%")
    assert "the user hung up: the bot repeated itself: 10 dialogues" in message
    assert ("bot   In which city?" in message) == is_ci  # otherwise pytest cuts messages
    assert done.stdout.count("failed dialogues -") == (not is_ci)
    assert "user hangs up after" in done.stdout


_ONE_AFTER_ANOTHER = """
import json, pathlib, sys
import dialogue_gym
from tests.commands import dialogue_gym as run
given = [run(*words, cwd=pathlib.Path(), typed=typed) for words, typed in json.load(sys.stdin)]
print(json.dumps([dialogue_gym.__file__, *given]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("agent", agent_names())
def test_the_installed_command_trains_every_agent(agent: str, installed: Path, tmp_path: Path) -> None:
    """One process runs the commands, since it takes seconds to load what they need."""
    (tmp_path / "shop.yml").write_text(TINY + EXPERT)
    words = ["shop.yml", "--agent", "mine"]
    bound = "auto" if agent == "q_table" else "none"
    commands = [
        (f"train shop.yml --agent {agent} --out mine --steps 300 --dialogues 20 --bound {bound}".split(), ""),
        (["evaluate", *words, "--dialogues", "20", "--seed", "0"], ""),
        (["chat", *words], "/deny\n"),
        (["live", *words], "/deny\n+\n"),
    ]
    done = subprocess.run(
        [sys.executable, "-c", _ONE_AFTER_ANOTHER], input=json.dumps(commands), capture_output=True,
        text=True, check=False, cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{installed}{os.pathsep}{ROOT}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    where, trained, evaluated, chatted, lived = json.loads(done.stdout)
    assert where.startswith(str(installed))
    assert trained.startswith(f"{agent} on shop: success ")
    assert evaluated == trained.splitlines()[0] + "\n"
    assert ("bound of the mean return: " in trained) == (bound == "auto")
    assert f"shop, with the agent {agent!r}." in chatted
    assert f"a new learner begins with the agent {agent!r}" in lived


@pytest.mark.slow
def test_the_oldest_supported_gymnasium_works(tmp_path_factory: pytest.TempPathFactory) -> None:
    packages = ("gymnasium==1.0.0", "numpy", "pyyaml", "numba")
    interpreter = environment_of(tmp_path_factory, "gymnasium", *packages)
    code = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import gymnasium, dialogue_gym
from gymnasium.utils.env_checker import check_env
assert gymnasium.__version__ == "1.0.0"
for env_id in ("FakeUserRestaurant-v0", "FakeUserConcert-v0"):
    for turn_taking in ("auto", "explicit"):
        check_env(gymnasium.make(env_id, turn_taking=turn_taking).unwrapped)
try:  # the checker tried every mode that works without Pillow
    gymnasium.make("FakeUserConcert-v0", render_mode="rgb_array")
except gymnasium.error.DependencyNotInstalled as error:
    assert "dialogue_gym[render]" in str(error)
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
    assert python(code, interpreter).splitlines()[-1] == "NextStep (3,)"


@pytest.mark.parametrize(
    ("extra", "modules"),
    [
        ("agents", "agents.cli, agents.benchmark.run, dialogue_gym.cli.app, dialogue_gym.training.results"),
        ("teach", "dialogue_gym.cli.app, dialogue_gym.teaching.terminal.run"),
        ("web", "dialogue_gym.cli.app, dialogue_gym.web.run"),
        ("live", "dialogue_gym.cli.app, dialogue_gym.live.run"),
    ],
)
def test_each_extra_brings_the_packages_that_its_programs_load(extra: str, modules: str) -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    extras = {
        name: {re.split(r"[>=\[]", line)[0] for line in config["options.extras_require"][name].split()}
        for name in ("fast", "datasets", "agents", "teach", "nlu", "live", "web")
    }
    names = {"argon2-cffi": "argon2", "scikit-learn": "sklearn", "google-re2": "re2"}
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
import {modules}, typer.main
assert len(dict(typer.main.get_command(dialogue_gym.cli.app.app).commands)) > 10  # loads each
"""
    python(code)
