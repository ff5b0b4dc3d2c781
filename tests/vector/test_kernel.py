"""Compiled code is cached and remade when necessary; without Numba the error tells how to get it."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dialogue_gym.compiled import table_layout as words
from dialogue_gym.domain import load_domain
from dialogue_gym.rules import Tables, build_tables
from dialogue_gym.rules.tables import Settings
from dialogue_gym.vector.threads import FIRST_PAUSE, LONGEST_PAUSE, Sharing
from tests import ROOT

PLAY = """
import gymnasium, dialogue_gym
from numba.core import event
with event.install_recorder("numba:compile") as recorder:
    env = gymnasium.make_vec("FakeUserConcert-v0", 4)
    env.reset(seed=0)
total = sum(env.step([5, 6, 7, 8])[1].sum() for _ in range(50))
compiled = [one.data["dispatcher"].py_func.__name__ for _, one in recorder.buffer if one.is_start]
of_all_domains = ("begin_dialogue_", "do_action_", "play_")
ours = [name for name in compiled if name.startswith(of_all_domains)]
lanes = [name for name in ours if name.startswith("play_lanes_")]
print(total, len(lanes), len(ours) - len(lanes))
"""
"""Prints a return, and how many functions were compiled for the domain, and for all domains."""


def install(tmp_path: Path, compiled: Path | None = None) -> dict[str, str]:
    """Copy the package; return the environment in which an interpreter finds the copy.

    Nothing is cached, unless there is a copy that has compiled already: its files keep their times, by which
    Numba knows them again.
    """
    source = ROOT / "dialogue_gym" if compiled is None else compiled / "site/dialogue_gym"
    ignored = shutil.ignore_patterns("__pycache__") if compiled is None else None
    shutil.copytree(source, tmp_path / "site/dialogue_gym", ignore=ignored)
    return os.environ | {
        "PYTHONPATH": str(tmp_path / "site"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(tmp_path / "home"),
        "XDG_CACHE_HOME": str(tmp_path / "home" / "cache"),
    }


def start(code: str, environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code], env=environment, cwd="/", text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def outcome(process: subprocess.Popen[str]) -> list[float]:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert err == ""
    return [float(number) for number in out.split()]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A copy of the package that has compiled the rules, and the return of its dialogues."""
    folder = tmp_path_factory.mktemp("compiled")
    total, *functions = outcome(start(PLAY, install(folder)))
    assert functions == [1, 3]
    return folder, total


@pytest.mark.slow
def test_the_second_process_compiles_nothing_until_a_rule_changes(
    tmp_path: Path, compiled: tuple[Path, float]
) -> None:
    folder, total = compiled
    environment = install(tmp_path, folder)
    assert outcome(start(PLAY, environment)) == [total, 0, 0]
    other = PLAY.replace("Concert", "Restaurant")
    assert outcome(start(other, environment))[1:] == [1, 0]
    user = tmp_path / "site/dialogue_gym/rules/user.py"
    changed = user.read_text().replace("row[POSITION] += 1", "row[POSITION] += 2")
    user.write_text(changed)
    assert outcome(start(PLAY, environment))[1:] == [1, 3]


@pytest.mark.slow
def test_two_processes_may_compile_at_once(tmp_path: Path) -> None:
    environment = install(tmp_path)
    other = PLAY.replace("Concert", "Restaurant")
    both = [start(code, environment) for code in (PLAY, PLAY, other)]
    first, second, _ = [outcome(process) for process in both]
    assert first[0] == second[0]
    assert outcome(start(PLAY, environment)) == [first[0], 0, 0]


@pytest.mark.slow
def test_read_only_installation_works(tmp_path: Path) -> None:
    # Root could write to any folder: so a file is in the way of one, and the others are where none can be.
    environment = install(tmp_path) | {"HOME": "/proc/none", "XDG_CACHE_HOME": "/proc/none"}
    (tmp_path / "site/dialogue_gym/compiled/__pycache__").touch()
    assert outcome(start(PLAY, environment))[1:] == [1, 3]
    assert not list(tmp_path.rglob("*.nb[ci]"))


def test_error_without_numba_has_the_install_command() -> None:
    code = """
import sys
sys.modules["numba"] = None
import gymnasium, dialogue_gym
try:
    gymnasium.make_vec("FakeUserConcert-v0", 2)
except gymnasium.error.DependencyNotInstalled as error:
    print(error)
print(gymnasium.make_vec("FakeUserConcert-v0", 2, vectorization_mode="sync").reset(seed=0)[0].shape)
"""
    process = start(code, dict(os.environ))
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    message, shape = out.splitlines()
    assert 'pip install "dialogue_gym[fast]"' in message and 'vectorization_mode="sync"' in message
    assert shape == "(2, 12)"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_forked_child_continues_alone() -> None:
    code = """
import os, warnings
import numpy as np
import gymnasium, dialogue_gym
warnings.simplefilter("ignore", DeprecationWarning)
env = gymnasium.make_vec("FakeUserConcert-v0", 2048)
env.reset(seed=0)
actions = np.arange(2048) % 9
env.step(actions)
read, write = os.pipe()
child = os.fork()
observed = bytes(env.step(actions)[0])
if child == 0:
    os.write(write, observed[:1000])
    os._exit(0)
_, status = os.waitpid(child, 0)
print(status, int(os.read(read, 1000) == observed[:1000]))
"""
    assert outcome(start(code, dict(os.environ))) == [0, 1]


@pytest.mark.parametrize("name", ["restaurant", "concert"])
def test_packed_tables_hold_every_field_of_the_rules(name: str) -> None:
    tables = build_tables(load_domain(name), Settings(semantic_error_rate=0.3))
    numbers, _ = words.to_words(tables)
    unread = {"event_reward", "action_reward", "shaping"}
    assert set(words.layout()) == {field.name for field in dataclasses.fields(Tables)} - unread
    for field_name, field in words.layout().items():
        value = getattr(tables, field_name)
        place = numbers[field.at : field.at + 2].tolist()
        if field.kind is words.Kind.SCALAR:
            assert place[0] == value
        elif field.kind is words.Kind.BLOCK:
            assert place == [value.start, value.stop]
        elif field.kind is words.Kind.VECTOR:
            assert tuple(numbers[place[0] : place[0] + place[1]]) == value
        else:
            pairs = numbers[place[0] : place[0] + 2 * place[1]].reshape(-1, 2)
            assert tuple(tuple(numbers[at : at + length]) for at, length in pairs) == value


def test_settings_are_not_compiled_in() -> None:
    domain = load_domain("restaurant")
    settings = [
        Settings(),
        Settings(turn_taking="explicit", semantic_error_rate=0.3, patience=3, max_episode_steps=7),
        Settings(user="unfriendly", indecisiveness=0.0, informativeness=2.0, correction_rate=0.1),
    ]
    of_domain = {words.to_words(build_tables(domain, each))[1] for each in settings}
    assert len(of_domain) == 1
    whole = {bytes(words.to_words(build_tables(domain, each))[0].astype(np.int64)) for each in settings}
    assert len(whole) == 3


def play_shared(sharing: Sharing, steps: int, shared: float, alone: float) -> int:
    """Play steps that take so many seconds; return how many were shared out."""
    count = 0
    for _ in range(steps):
        is_on = sharing.is_on()
        count += is_on
        sharing.took(shared if is_on else alone)
    return count


def test_slower_threads_are_not_used() -> None:
    sharing = Sharing()
    sharing.took(3.0)  # compiling
    assert play_shared(sharing, 1000, 60e-6, 110e-6) == 1000
    assert play_shared(sharing, 100_000, 4e-3, 110e-6) < 200  # tries again, more and more rarely
    assert play_shared(sharing, 2 * LONGEST_PAUSE, 60e-6, 110e-6) > 1000  # the cores are free again
    assert play_shared(sharing, 1000, 60e-6, 110e-6) == 1000


def test_heavier_steps_are_still_shared_among_threads() -> None:
    sharing = Sharing()
    play_shared(sharing, 100, 1e-3, 2e-3)
    assert play_shared(sharing, 1000, 6e-3, 9e-3) == 1000 - FIRST_PAUSE


@pytest.mark.slow
def test_second_process_reuses_every_kind_of_rows(tmp_path: Path, compiled: tuple[Path, float]) -> None:
    environment = install(tmp_path, compiled[0])
    wide = PLAY.replace("4)", "4, max_episode_steps=1000)")
    assert [outcome(start(code, environment))[1:] for code in (wide, wide, PLAY)] == [[1, 2], [0, 0], [0, 0]]
    indexes, code = (list(tmp_path.rglob(pattern)) for pattern in ("*.nbi", "*.nbc"))
    assert len(indexes) == len(code) == 7  # an index each: Numba's is not safe with two writers


@pytest.mark.slow
def test_rule_changed_after_import_is_compiled_anew(tmp_path: Path) -> None:
    environment = install(tmp_path)
    user = tmp_path / "site/dialogue_gym/rules/user.py"
    edits = f"""
import pathlib
import dialogue_gym
user = pathlib.Path({str(user)!r})
user.write_text(user.read_text().replace("row[POSITION] += 1", "row[POSITION] += 2"))
"""
    outcome(start(edits + PLAY, environment))
    assert outcome(start(PLAY, environment))[1:] == [1, 3]


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
def test_broken_cache_is_ignored(tmp_path: Path, compiled: tuple[Path, float], suffix: str) -> None:
    folder, total = compiled
    environment = install(tmp_path, folder)
    for path in tmp_path.rglob(f"*.{suffix}"):
        path.write_bytes(path.read_bytes()[:20])
    assert outcome(start(PLAY, environment))[0] == total


@pytest.mark.parametrize(
    ("before", "code", "message"),
    [
        (
            "sys.modules['stable_baselines3'] = None",
            "from dialogue_gym.sb3 import DialogueVecEnv",
            'dialogue_gym.sb3 needs Stable-Baselines3: pip install "dialogue_gym[agents]"',
        ),
        (
            "sys.modules['torch'] = None",
            "from dialogue_gym.sb3 import MaskedDQN",
            'dialogue_gym.sb3 needs Stable-Baselines3: pip install "dialogue_gym[agents]"',
        ),
        (
            "import os; os.environ['NUMBA_DISABLE_JIT'] = '1'",
            "import gymnasium, dialogue_gym; gymnasium.make_vec('FakeUserConcert-v0', 2)",
            "compiled rules need Numba's compiler, which NUMBA_DISABLE_JIT turns off",
        ),
        (
            "sys.modules['numba'] = None",
            "import gymnasium, dialogue_gym; gymnasium.make('FakeUserConcert-v0', compiled=True)",
            'compiled rules need Numba: pip install "dialogue_gym[fast]"; without it, leave ',
        ),
    ],
    ids=["sb3", "torch", "jit", "numba"],
)
def test_missing_numba_is_reported_in_one_line(before: str, code: str, message: str) -> None:
    process = start(f"import sys\n{before}\n{code}", dict(os.environ))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert message in err.splitlines()[-1]


@pytest.mark.parametrize("layer", ["workqueue", "omp"])
def test_threads_can_step_separate_environments(layer: str) -> None:
    code = """
import threading
import numpy as np
import gymnasium, dialogue_gym

def play(i):
    env = gymnasium.make_vec("FakeUserConcert-v0", 2048)
    env.reset(seed=0)
    actions = np.arange(2048) % 9
    totals[i] = sum(env.step(actions)[1].sum() for _ in range(200))

totals = [0, 0]
threads = [threading.Thread(target=play, args=(i,)) for i in (0, 1)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(*totals)
"""
    first, second = outcome(start(code, os.environ | {"NUMBA_THREADING_LAYER": layer}))
    assert first == second != 0
