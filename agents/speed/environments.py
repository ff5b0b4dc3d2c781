"""Speed of environments and learning, as ratios within one run: `make bench`.

Contenders take turns in every round, and the medians are over the rounds, so that a disturbance on a shared
machine slows all contenders alike.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import typer

import dialogue_gym  # noqa: F401 (registers the ids)
from agents.speed.learning import learning_figures
from agents.speed.table import markdown
from dialogue_gym.utils import write_text

RESTAURANT, CONCERT, CITY, HOTEL, LAPTOP = IDS = (
    "FakeUserRestaurant-v0", "FakeUserConcert-v0", "FakeUserCity-v0", "FakeUserHotel-v0", "FakeUserLaptop-v0",
)  # fmt: skip
COMPILED = "compiled"
SINGLE_STEPS = 30_000
VECTOR_STEPS = 2_000_000
LANES = 4096
OTHER_DOMAINS = ("lodging", "journey")
"""Domains that nobody tuned the compiled rules for."""
FEWER_LANES = 1024
MANY_LANES = (256, FEWER_LANES, 65_536, 1_048_576)
FIRST_STEP = f"""
import gymnasium, dialogue_gym
env = gymnasium.make_vec({RESTAURANT!r}, {LANES})
env.reset(seed=0)
env.step([0] * {LANES})
"""


def medians(rounds: int, contenders: Mapping[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Return the measurements of each contender, one for each round."""
    figures: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, measure in contenders.items():
            figures[name].append(measure())
    return figures


def single_rate(env_id: str, **keywords: Any) -> Callable[[], float]:
    """Return a function that measures random steps per second in one environment, including resets."""
    env: gym.Env[Any, Any] = gym.make(env_id, **keywords)
    space: Any = env.action_space
    actions = np.random.default_rng(0).integers(space.n, size=SINGLE_STEPS)

    def measure() -> float:
        env.reset(seed=0)
        start = time.perf_counter()
        for action in actions:
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()
        return SINGLE_STEPS / (time.perf_counter() - start)

    return measure


def vector_rate(env_id: str, lanes: int, steps: int = VECTOR_STEPS, **keywords: Any) -> Callable[[], float]:
    """Return a function that measures random steps per second over all lanes of a vector environment."""
    env = gym.make_vec(env_id, lanes, **keywords)
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(16)]
    calls = max(steps // lanes, 8)
    env.reset(seed=0)
    env.step(actions[0])

    def measure() -> float:
        start = time.perf_counter()
        for call in range(calls):
            env.step(actions[call % 16])
        return calls * lanes / (time.perf_counter() - start)

    return measure


def start_seconds(code: str) -> Callable[[], float]:
    """Return a function that measures the seconds of a fresh interpreter to run some code."""

    def measure() -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - start

    return measure


def ratio(figures: Mapping[str, list[float]], name: str, other: str) -> float:
    """Return the median over the rounds of one contender's figure divided by another's."""
    return statistics.median(a / b for a, b in zip(figures[name], figures[other], strict=True))


def bytes_per_lane(env_id: str) -> float:
    """Return the memory of a lane in bytes, not counting the arrays that a step returns."""
    memory: int = gym.make_vec(env_id, LANES)._lanes.nbytes  # type: ignore[attr-defined]
    return memory / LANES


def single_figures(rounds: int) -> dict[str, Any]:
    """Measure one environment against Gymnasium's CartPole-v1."""
    contenders = {env_id: single_rate(env_id) for env_id in ("CartPole-v1", *IDS)}
    contenders |= {f"{env_id} {COMPILED}": single_rate(env_id, compiled=True) for env_id in IDS}
    figures = medians(rounds, contenders)
    return {
        "cartpole_steps_per_second": statistics.median(figures["CartPole-v1"]),
        "to_cartpole": {
            name: ratio(figures, name, "CartPole-v1") for name in figures if name != "CartPole-v1"
        },
    }


def other_rate(name: str) -> Callable[[], float]:
    """Return a function that measures random steps per second in a domain of `agents/domains`."""
    path = Path(__file__).parent.parent / "domains" / f"{name}.yml"
    return vector_rate("Dialogue-v0", LANES, domain=str(path))


def vector_figures(rounds: int) -> dict[str, Any]:
    """Measure many lanes against Gymnasium's CartPole-v1 and against its SyncVectorEnv."""
    contenders = {
        "cartpole": vector_rate("CartPole-v1", LANES, vectorization_mode="vector_entry_point"),
        "sync": vector_rate(RESTAURANT, LANES, 10 * LANES, vectorization_mode="sync"),
        **{f"{env_id} {LANES}": vector_rate(env_id, LANES) for env_id in IDS},
        **{f"{RESTAURANT} {lanes}": vector_rate(RESTAURANT, lanes) for lanes in MANY_LANES},
        f"{CITY} {FEWER_LANES}": vector_rate(CITY, FEWER_LANES),
        **{
            f"{env_id} {LANES} noise": vector_rate(env_id, LANES, semantic_error_rate=0.3)
            for env_id in (RESTAURANT, CITY)
        },
        f"{RESTAURANT} {LANES} same-step": vector_rate(RESTAURANT, LANES, autoreset_mode="SameStep"),
        **{f"{name} {LANES}": other_rate(name) for name in OTHER_DOMAINS},
    }
    figures = medians(rounds, contenders)
    rates = {name: statistics.median(values) for name, values in figures.items()}
    return {
        "steps_per_second": rates,
        "to_cartpole": {
            name: ratio(figures, name, "cartpole") for name in figures if name not in ("cartpole", "sync")
        },
        "to_sync": ratio(figures, f"{RESTAURANT} {LANES}", "sync"),
        "fewer_lanes": {
            env_id: ratio(figures, f"{env_id} {FEWER_LANES}", f"{env_id} {LANES}")
            for env_id in (RESTAURANT, CITY)
        },
        "bytes_per_lane": {env_id: bytes_per_lane(env_id) for env_id in IDS},
    }


def start_figures(rounds: int) -> dict[str, Any]:
    """Measure the time from an interpreter's start to its first step, with compiled code in the cache."""
    start_seconds(FIRST_STEP)()  # fills the cache
    codes = {
        "import gymnasium": "import gymnasium",
        "gym.make": f"import gymnasium, dialogue_gym; gymnasium.make({RESTAURANT!r})",
        "make_vec, first step": FIRST_STEP,
    }
    figures = medians(rounds, {name: start_seconds(code) for name, code in codes.items()})
    return {
        "seconds": {name: statistics.median(values) for name, values in figures.items()},
        "make_to_import": ratio(figures, "gym.make", "import gymnasium"),
    }


def rounded(value: Any) -> Any:
    """Return figures with four significant digits."""
    if isinstance(value, dict):
        return {name: rounded(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [rounded(entry) for entry in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def main(
    out: Path = Path("out/bench"),
    rounds: int = typer.Option(7, min=1, help="rounds of measuring"),
    seeds: int = typer.Option(5, min=0, help="number of seeds for PPO (0: leave it out)"),
) -> None:
    """Measure; print and write speed.json and speed.md."""
    out.mkdir(parents=True, exist_ok=True)
    result = {
        "machine": {
            "processor": platform.machine(),
            "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "python": platform.python_version(),
        },
        "rounds": rounds,
        "single": single_figures(rounds),
        "start": start_figures(rounds),
        "vector": vector_figures(rounds),
        "learning": learning_figures(range(seeds)) if seeds else None,
    }
    result = rounded(result)
    text, table = json.dumps(result, indent=2) + "\n", markdown(result)
    write_text(out / "speed.json", text)
    write_text(out / "speed.md", table)
    print(text, table, sep="\n")


if __name__ == "__main__":
    typer.run(main)
