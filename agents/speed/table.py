"""The figures of `make bench` as a Markdown table."""

from __future__ import annotations

import statistics
from typing import Any


def markdown(result: dict[str, Any]) -> str:
    """Return the table of the figures in speed.json."""
    single, vector = result["single"], result["vector"]
    restaurant, concert, city, hotel, laptop = vector["bytes_per_lane"]
    rates = vector["steps_per_second"]
    one_cartpole = f"`CartPole-v1`, {single['cartpole_steps_per_second']:,.0f} steps/s"
    cartpoles = f"4,096 lanes of `CartPole-v1`, {_millions(rates['cartpole'])}"
    rows = [
        (f"one {_name(env_id)} environment{', `compiled=True`' if way else ''}", one_cartpole, times)
        for name, times in single["to_cartpole"].items()
        for env_id, _, way in [name.partition(" ")]
    ]
    for name, label in (
        (f"{restaurant} 256", "256 restaurant lanes"),
        (f"{restaurant} 1024", "1,024 restaurant lanes"),
        (f"{restaurant} 4096", "4,096 restaurant lanes"),
        (f"{restaurant} 65536", "65,536 restaurant lanes"),
        (f"{restaurant} 1048576", "1,048,576 restaurant lanes"),
        (f"{restaurant} 4096 noise", "4,096 restaurant lanes, error rate 0.30"),
        (f"{restaurant} 4096 same-step", "4,096 restaurant lanes, same-step autoreset"),
        (f"{concert} 4096", "4,096 concert lanes"),
        (f"{city} 1024", "1,024 city lanes"),
        (f"{city} 4096", "4,096 city lanes"),
        (f"{city} 4096 noise", "4,096 city lanes, error rate 0.30"),
        (f"{hotel} 4096", "4,096 hotel lanes"),
        (f"{laptop} 4096", "4,096 laptop lanes"),
        ("lodging 4096", "4,096 lanes of `agents/domains/lodging.yml` (six wishes)"),
        ("journey 4096", "4,096 lanes of `agents/domains/journey.yml` (fifteen wishes, 60 actions)"),
    ):
        rows.append((f"{label}, {_millions(rates[name])}", cartpoles, vector["to_cartpole"][name]))
    sync = f"the same in a `SyncVectorEnv`, {_millions(rates['sync'])}"
    rows.append(("4,096 restaurant lanes", sync, vector["to_sync"]))
    if learning := result["learning"]:
        mastered = f"{statistics.median(learning['seconds_to_mastery']):.2f} s"
        label = f"PPO on {learning['lanes']} lanes until 99 % success and 98 % of the bound, {mastered}"
        rows.append((label, "the same PPO on a `DummyVecEnv` of 8", learning["times_faster"]))
    lines = ["| | against | times as fast |", "|---|---|---|"]
    lines += [f"| {what} | {other} | {_times(times)} |" for what, other, times in rows]
    return "\n".join(lines) + "\n\n" + _sentences(result)


def _sentences(result: dict[str, Any]) -> str:
    machine, vector, learning = result["machine"], result["vector"], result["learning"]
    first_step = result["start"]["seconds"]["make_vec, first step"]
    sizes, few = _listed(vector["bytes_per_lane"], 0), _listed(vector["fewer_lanes"], 2)
    text = (
        f"Measured on {machine['cores']} {machine['processor']} cores with Python {machine['python']}, "
        f"medians of {result['rounds']} rounds. A lane takes {sizes} bytes apart from the arrays that a step "
        f"returns. A call has a fixed cost: 1,024 lanes make {few} times as many steps per second as 4,096. "
        f"A fresh interpreter makes its first step {first_step:.2f} s after its start, if the rules were "
        "compiled before."
    )
    if learning:
        seconds = learning["process_seconds"]
        text += (
            f" A whole `train` with PPO takes {min(seconds):.1f} to {max(seconds):.1f} s "
            f"({len(seconds)} seeds, success at least {min(learning['success_rates']):.1%}, "
            f"return at least {min(learning['shares_of_bound']):.1%} of the bound)."
        )
    return text + "\n"


def _name(env_id: str) -> str:
    return env_id.removeprefix("FakeUser").removesuffix("-v0").lower()


def _listed(figures: dict[str, float], digits: int) -> str:
    parts = [f"{figure:,.{digits}f} ({_name(env_id)})" for env_id, figure in figures.items()]
    return ", ".join(parts[:-1]) + " or " + parts[-1]


def _millions(steps_per_second: float) -> str:
    return f"{steps_per_second / 1e6:.2g} M steps/s"


def _times(ratio: float) -> str:
    return f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.2f}"
