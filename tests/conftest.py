"""Fixtures and helpers that several test files share."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

# PyTorch and NumPy read this when they load, here and in child processes. With busy cores, two threads of one
# computation wait for each other and take fifty times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import gymnasium as gym
import hypothesis
import pytest
import yaml
from filelock import FileLock

import dialogue_gym  # noqa: F401 (registers the ids)
from dialogue_gym._yaml import parse_yaml
from dialogue_gym.domain import Domain
from dialogue_gym.domain.loader import parse_domain
from dialogue_gym.domain.model import DOMAIN_FILE
from dialogue_gym.journal.place import DatabaseUrl, StorePlace
from dialogue_gym.journal.store import Store
from dialogue_gym.vector.env import DialogueVectorEnv
from tests.postgres import PostgresServer, programs

# CI always uses the same examples, so that a failure can be repeated; other runs look for new ones. Slow
# examples do not fail, since the machine may be busy.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True)
hypothesis.settings.load_profile("repeatable" if os.environ.get("CI") else "untimed")

# They start first: a long file that starts late leaves the other cores without work. The first one compiles
# the rules of the restaurant, so those that need them too start later, and find them in the cache.
LONGEST = (
    "test_readme.py", "web/test_teaching.py", "agents/benchmark/test_benchmark.py", "agents/test_training.py",
    "test_notebooks.py", "libraries/test_libraries.py", "test_package.py", "vector/test_env.py",
    "vector/test_kernel.py", "web/test_api.py", "agents/algorithms/test_rllib_ppo.py", "live/test_kills.py",
    "live/test_trainer.py", "web/test_people.py", "web/test_pages.py", "web/test_attacks.py",
    "agents/test_cli.py", "test_whole_way.py",
)  # fmt: skip


def examples(number: int) -> int:
    """Return how many examples a property is tried with: the continuous integration tries all of them."""
    return number if os.environ.get("CI") else number // 2


BUILT_IN = ("FakeUserRestaurant-v0", "FakeUserConcert-v0")
SEARCHING = ("FakeUserCity-v0", "FakeUserHotel-v0", "FakeUserLaptop-v0")
"""The built-in ids whose users search a database."""
LIVE = "DialogueLive-v0"
IDS = sorted(
    spec.id
    for spec in gym.registry.values()
    if spec.entry_point == "dialogue_gym.envs:DialogueEnv" and "turn_taking" not in spec.kwargs
)
TEXT_IDS = [env_id.replace("-", "Text-") for env_id in IDS]
EXPLICIT_IDS = [env_id.replace("-", "Explicit-") for env_id in IDS]
TURN_TAKINGS = ("auto", "explicit")

TINY = """
    intents: [inform, affirm, deny]
    entities: [size]
    slots:
      size: {type: categorical, values: [small, large]}
    actions: [ask_size, wrap, order]
    fake_user:
      goal: {size: [small, large]}
      indecisiveness: 0
      actions:
        ask_size: {user: {inform: size}}
        wrap: {speaks: false}
        order: {user: judge, needs: {slots: {size: filled}}}
"""


DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
"""That in C takes a fifth of the time."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {Path(__file__).parent / name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


def make(env_id: str, **keywords: Any) -> gym.Env[Any, Any]:
    """Make any of the library's ids; the one that takes a domain gets one."""
    if env_id == "Dialogue-v0":
        keywords.setdefault("domain", "restaurant")
    return gym.make(with_turns(env_id, **keywords), **keywords)


def with_turns(env_id: str, turn_taking: str = "auto", **others: Any) -> str:
    """Return the id for a kind of turn taking: the explicit one allows twice the steps."""
    return env_id.replace("-", "Explicit-") if turn_taking == "explicit" else env_id


def make_vec(env_id: str, count: int, **keywords: Any) -> DialogueVectorEnv:
    """Make the vector environment of any of the library's ids."""
    if env_id == "Dialogue-v0":
        keywords.setdefault("domain", "concert")
    env_id = with_turns(env_id, **keywords)
    env = gym.make_vec(env_id, count, vectorization_mode="vector_entry_point", **keywords)
    assert isinstance(env, DialogueVectorEnv)
    return env


def play(env: Any, policy: Any, observation: Any) -> tuple[float, dict[str, Any]]:
    """Let a policy go on to the end of a dialogue; return the sum of the rewards, and the last info."""
    total, is_over = 0.0, False
    while not is_over:
        action, _ = policy.predict(observation, deterministic=True)
        observation, reward, terminated, truncated, info = env.step(int(action))
        total += reward
        is_over = terminated or truncated
    return total, info


def domain_from(text: str) -> Domain:
    return parse_domain(parse_yaml(textwrap.dedent(text), "test.yml", DOMAIN_FILE), "test")


def domain_of(content: Mapping[str, Any]) -> Domain:
    """Return the domain of a file with this content, written and read."""
    text = yaml.dump(content, Dumper=DUMPER, sort_keys=False)
    return parse_domain(parse_yaml(text, "domain", DOMAIN_FILE), "any")


@pytest.fixture(scope="session", autouse=True)
def compiling_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let one worker compile rules that several need at the same time, and the others wait for its cache."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        yield
        return
    from dialogue_gym.compiled import kernel

    folder, compile_ = tmp_path_factory.getbasetemp().parent, kernel._compile

    def alone(constants: tuple[int, ...], version: kernel.Version, cache: bool) -> Callable[..., int]:
        rules = f"{version.cell}-{bool(constants)}-{version.is_search}"
        with FileLock(folder / f"compiling-{rules}.lock"):
            return compile_(constants, version, cache)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "_compile", alone)
        yield


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as opened:
        yield opened


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server of PostgreSQL; tests that need one are skipped where it is not installed."""
    if (found := programs()) is None:
        pytest.skip("PostgreSQL is missing: apt-get install postgresql")
    server = PostgresServer(found)
    yield server
    server.stop()


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[DatabaseUrl]:
    """An empty database."""
    name = postgres.new_database()
    yield DatabaseUrl(postgres.url(name))
    postgres.sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["folder", "database"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> StorePlace:
    """Each kind of place for a store, in which there is none yet."""
    if request.param == "folder":
        return tmp_path / "store"
    found: DatabaseUrl = request.getfixturevalue("database")
    return found


@pytest.fixture
def write_domain(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "domain.yml"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    return write
