"""Speed of dialogues in text beside those of acts, in one process: `python -m agents.speed.text`.

Contenders take turns in every round. Seconds are those of the processor, so that other programs on a busy
machine change little.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import typer

from agents.benchmark.markdown import table
from agents.speed.environments import medians
from dialogue_gym import DialogueEnv
from dialogue_gym.text import TextDialogue

STEPS = 20_000
DOMAINS = ("restaurant", "concert", "city", "hotel", "laptop")


def text_rate(domain: str, mode: str, steps: int) -> Callable[[], float]:
    """Return a function that measures random steps per second in text, including resets."""
    dialogue = TextDialogue(domain, mode)
    names, chance = DialogueEnv(domain).action_names, random.Random(0)
    replies: list[Any] = [chance.choice(names) for _ in range(steps)]
    if mode == "tools":
        replies = [{"name": name, "arguments": {}} for name in replies]

    def measure() -> float:
        dialogue.reset(0)
        start = time.process_time()
        for reply in replies:
            if dialogue.step(reply).is_over:
                dialogue.reset()
        return steps / (time.process_time() - start)

    return measure


def act_rate(domain: str, steps: int) -> Callable[[], float]:
    """Return a function that measures random steps per second in `DialogueEnv`, including resets."""
    env, chance = DialogueEnv(domain), random.Random(0)
    actions = [chance.randrange(len(env.action_names)) for _ in range(steps)]

    def measure() -> float:
        env.reset(seed=0)
        start = time.process_time()
        for action in actions:
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()
        return steps / (time.process_time() - start)

    return measure


def main(
    rounds: int = typer.Option(5, min=1, help="rounds of measuring"),
    steps: int = typer.Option(STEPS, min=1, help="steps in each"),
) -> None:
    """Measure, and print a table."""
    rows = []
    for domain in DOMAINS:
        ways = {mode: text_rate(domain, mode, steps) for mode in ("names", "tools")}
        figures = medians(rounds, ways | {"acts": act_rate(domain, steps)})
        rows.append([domain, *(f"{statistics.median(rates):,.0f}" for rates in figures.values())])
    print(table(["steps per second of the processor", "names", "tools", "`DialogueEnv`"], rows))


if __name__ == "__main__":
    typer.run(main)
