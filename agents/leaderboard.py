"""The leaderboard: an entry is a JSON file with an agent and its figures, which anybody can play again.

The table of the page is made from the entries of its folder.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from agents.benchmark import markdown
from agents.benchmark.grid import Cell
from dialogue_gym.policies import load_agent
from dialogue_gym.training import Evaluation, builtin_ids, check_settings, evaluate, make_env
from dialogue_gym.utils import nearest, short_percent, write_text

Figures = dict[str, Any]
"""A seed, and the figures of `Evaluation`."""

BUILT_IN = ("random", "expert", "pretrained")
_TABLE = re.compile(r"(<!-- table -->\n).*?(<!-- end -->)", re.DOTALL)
_MAX_SEED = 2**31
_KINDS: dict[str, type] = {
    "name": str, "agent": str, "author": str, "code": str, "env_id": str, "settings": dict, "seeds": list,
    "dialogues": int, "protocol": str, "figures": list,
}  # fmt: skip
_WORDS = {str: "a text", dict: "an object", list: "a list", int: "a number"}


@dataclass(frozen=True)
class LeaderboardEntry:
    """The content of an entry.

    Attributes:
        name: the name that the table shows.
        agent: `"random"`, `"expert"`, `"pretrained"`, or the folder of a trained agent, from the entry's own.
        author: the person or group who made the agent.
        code: the address or path of the code that made it.
        env_id: the id of an environment of a built-in domain.
        settings: the arguments of the environment.
        seeds: the seeds of the evaluation.
        dialogues: the number of dialogues of each seed.
        protocol: the hash of the environment, seeds, domain and rules that the figures are for.
        figures: the figures of each seed, in their order.
    """

    name: str
    agent: str
    author: str
    code: str
    env_id: str
    settings: dict[str, Any]
    seeds: list[int]
    dialogues: int
    protocol: str
    figures: list[Figures]

    def current_protocol(self) -> str:
        """Return the hash of the environment, the seeds, the domain and the rules as they are now."""
        cell = Cell(self.env_id, self.settings, "", None, tuple(self.seeds), (), self.dialogues)
        return cell.fingerprint()[:12]

    def overall(self) -> Evaluation:
        """Return the figures over the dialogues of all seeds."""
        return Evaluation(
            self._mean("success_rate"),
            self._mean("mean_return"),
            self._mean("mean_turns"),
            self._error("success_error"),
            self._error("return_error"),
            len(self.seeds) * self.dialogues,
        )

    def _mean(self, name: str) -> float:
        return math.fsum(one[name] for one in self.figures) / len(self.figures)

    def _error(self, name: str) -> float:
        """Return the standard error of a mean over all dialogues, from those of the seeds."""
        return math.sqrt(math.fsum(one[name] ** 2 for one in self.figures)) / len(self.figures)


def read_entry(path: Path) -> LeaderboardEntry:
    """Return the content of an entry.

    Raises:
        ValueError: the entry cannot be used; one sentence with the file and the key.
        OSError: the file cannot be read.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not a JSON file ({str(error).splitlines()[0]})") from None
    try:
        return _entry(content)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _entry(content: Any) -> LeaderboardEntry:
    if not isinstance(content, dict):
        raise ValueError("an entry is an object with names and values")
    for key in content:
        if key not in _KINDS:
            raise ValueError(f"unknown key {key!r}; {nearest(key, _KINDS)}")
    content = {"protocol": "", "figures": []} | content  # `--write` adds them
    for key, kind in _KINDS.items():
        if key not in content:
            raise ValueError(f"the key {key!r} is missing")
        if not isinstance(content[key], kind) or isinstance(content[key], bool):
            raise ValueError(f"{key}: expected {_WORDS[kind]}, not {content[key]!r}")
    entry = LeaderboardEntry(**content)
    ids = builtin_ids().values()
    if entry.env_id not in ids:
        raise ValueError(f"env_id: unknown environment {entry.env_id!r}; {nearest(entry.env_id, ids)}")
    check_settings(entry.settings, ("domain",))
    if not entry.seeds or len({*map(repr, entry.seeds)}) < len(entry.seeds):
        raise ValueError("seeds: expected different numbers, at least one")
    for seed in entry.seeds:
        if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed <= _MAX_SEED:
            raise ValueError(f"seeds: {seed!r} is not a number from 0 to {_MAX_SEED}")
    if entry.dialogues < 1:
        raise ValueError(f"dialogues: {entry.dialogues} is not a number of dialogues")
    _check_figures(entry)
    return entry


def _check_figures(entry: LeaderboardEntry) -> None:
    if not entry.figures:
        return
    names = ["seed", *(field.name for field in fields(Evaluation))]
    for one in entry.figures:
        if not isinstance(one, dict) or sorted(one) != sorted(names):
            raise ValueError(f"figures: each has the keys {', '.join(names)}")
        for name, value in one.items():
            if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
                raise ValueError(f"figures: {name}: {value!r} is not a number")
    if [one["seed"] for one in entry.figures] != entry.seeds:
        raise ValueError("figures: they are not those of the seeds, in their order")


def played(path: Path, entry: LeaderboardEntry) -> LeaderboardEntry:
    """Return an entry with the protocol and the figures that its agent has now.

    The agent gets the action masks, as it does when it talks to people.

    Args:
        path: the file of the entry, from whose folder the agent's is found.
        entry: its content.

    Raises:
        ValueError: the agent or a setting cannot be used.
    """
    try:
        return replace(entry, protocol=entry.current_protocol(), figures=list(_played(path, entry)))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _played(path: Path, entry: LeaderboardEntry) -> Iterator[Figures]:
    name = entry.agent if entry.agent in BUILT_IN else f"{path.parent / entry.agent}/"
    if entry.agent not in BUILT_IN and not Path(name).is_dir():
        raise ValueError(
            f"agent: {entry.agent!r} is not a folder beside it; {nearest(entry.agent, BUILT_IN)}"
        )
    env: Any = make_env(entry.env_id, entry.settings)
    for seed in entry.seeds:
        agent = load_agent(name, env.unwrapped.domain, True, seed, entry.settings)
        assert agent is not None  # it has a name
        if (agent.env.observation_space, agent.env.action_space) != (env.observation_space, env.action_space):
            raise ValueError("settings: with these, the agent has other observations or actions")
        yield {"seed": seed} | asdict(evaluate(env, agent.policy, entry.dialogues, seed, uses_masks=True))


def differences(entry: LeaderboardEntry, again: LeaderboardEntry) -> list[str]:
    """Return a sentence on each way in which an entry differs from how it was played again."""
    if entry.protocol != again.protocol:
        return [
            f"its protocol is {entry.protocol or 'missing'!r}, that of the environment, seeds and rules now"
            f" is {again.protocol!r}"
        ]
    if not entry.figures:
        return ["it has no figures"]
    return [
        f"seed {new['seed']}: {name} is {new[name]!r}, not {old[name]!r}"
        for old, new in zip(entry.figures, again.figures, strict=True)
        for name in new
        if old[name] != new[name]
    ]


def write_entry(path: Path, entry: LeaderboardEntry) -> None:
    """Write an entry, and the table of the page that is called like its folder, if there is one.

    Raises:
        ValueError: another entry of the folder cannot be used.
        OSError: a file cannot be written.
    """
    write_text(path, json.dumps(asdict(entry), ensure_ascii=False, indent=1) + "\n")
    page = path.resolve().parent.with_suffix(".md")
    if page.is_file():
        write_text(page, with_table(page.read_text(encoding="utf-8"), path.resolve().parent))


def with_table(page: str, folder: Path) -> str:
    """Return the text of the page with the table of the entries in a folder that have figures.

    Raises:
        ValueError: an entry cannot be used.
        OSError: an entry cannot be read.
    """
    entries = {path: read_entry(path) for path in sorted(folder.glob("*.json"))}
    text = table((f"{folder.name}/{path.name}", entry) for path, entry in entries.items() if entry.figures)
    return _TABLE.sub(lambda found: f"{found[1]}{text}\n{found[2]}", page)


def table(entries: Iterable[tuple[str, LeaderboardEntry]]) -> str:
    """Return the table of entries, each with the address of its file; within an environment by return."""
    rows = []
    order = list(builtin_ids().values())
    for address, entry in entries:
        settings = " ".join(f"{key}={value}" for key, value in sorted(entry.settings.items()))
        overall = entry.overall()
        place = (order.index(entry.env_id), settings, -overall.mean_return, address)
        interval = f" ± {overall.half_interval():.2f}" if overall.dialogues > 1 else ""
        rows.append((place, [
            f"`{' '.join([entry.env_id, settings]).strip()}`",
            f"[{_cell(entry.name)}]({address})",
            _cell(entry.author),
            short_percent(overall.success_rate),
            f"{overall.mean_return:.2f}{interval}",
            f"{overall.mean_turns:.2f}",
            f"{len(entry.seeds)} × {entry.dialogues:,}",
        ]))  # fmt: skip
    header = ["environment", "agent", "author", "success", "mean return", "mean turns", "dialogues"]
    return markdown.table(header, [row for _, row in sorted(rows)], left=3)


def _cell(text: str) -> str:
    return re.sub(r"([\\|\[\]<>`])", r"\\\1", " ".join(text.split()))
