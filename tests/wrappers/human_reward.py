"""An agent that acts at random under a person's reward."""

from __future__ import annotations

from typing import Any

import gymnasium as gym


def play(
    env: gym.Env[Any, Any], steps: int, seed: int = 0
) -> list[tuple[Any, float, bool, bool, dict[str, Any]]]:
    env.action_space.seed(seed)
    env.reset(seed=seed)
    made = []
    for _ in range(steps):
        made.append(env.step(env.action_space.sample()))
        if made[-1][2] or made[-1][3]:
            env.reset()
    return made  # type: ignore[return-value]
