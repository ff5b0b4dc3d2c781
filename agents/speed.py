"""How fast the environments are, as ratios to Gymnasium's CartPole within one run: `make bench`."""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

import dialogue_gym  # noqa: F401 (registers the ids)
from agents.files import write_whole

RUNS = 7
STEPS = 30_000
IDS = ("FakeUserRestaurant-v0", "FakeUserConcert-v0")


def steps_per_second(env: gym.Env[Any, Any], steps: int = STEPS) -> float:
    """Return the rate of random steps, resets included."""
    space: Any = env.action_space
    actions = np.random.default_rng(0).integers(space.n, size=steps)
    env.reset(seed=0)
    start = time.perf_counter()
    for action in actions:
        _, _, terminated, truncated, _ = env.step(action)
        if terminated or truncated:
            env.reset()
    return steps / (time.perf_counter() - start)


def start_up_seconds(code: str) -> float:
    """Return the time that a fresh interpreter needs for some code."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


def main() -> None:
    """Measure, print and write `out/bench/single.json`; medians over runs in which all take turns."""
    rates: dict[str, list[float]] = {}
    envs = {env_id: gym.make(env_id) for env_id in ("CartPole-v1", *IDS)}
    for _ in range(RUNS):
        for env_id, env in envs.items():
            rates.setdefault(env_id, []).append(steps_per_second(env))
    codes = {
        "import gymnasium": "import gymnasium",
        "import dialogue_gym; gym.make": f"import gymnasium, dialogue_gym; gymnasium.make({IDS[0]!r})",
    }
    seconds: dict[str, list[float]] = {}
    for _ in range(RUNS):
        for name, code in codes.items():
            seconds.setdefault(name, []).append(start_up_seconds(code))

    ratios = {
        env_id: statistics.median(
            ours / cart for ours, cart in zip(rates[env_id], rates["CartPole-v1"], strict=True)
        )
        for env_id in IDS
    }
    first, second = seconds.values()
    result = {
        "steps_per_second": {name: round(statistics.median(values)) for name, values in rates.items()},
        "ratio_to_cartpole": {name: round(ratio, 3) for name, ratio in ratios.items()},
        "start_seconds": {name: round(statistics.median(values), 3) for name, values in seconds.items()},
        "start_ratio": round(statistics.median(b / a for a, b in zip(first, second, strict=True)), 3),
        "runs": RUNS,
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
    }
    text = json.dumps(result, indent=2)
    out = Path("out/bench")
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / "single.json", lambda path: path.write_text(text + "\n", encoding="utf-8"))
    print(text)


if __name__ == "__main__":
    main()
