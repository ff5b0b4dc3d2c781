"""Grids of the benchmark: read from files, and listed as cells (an agent, its settings and seeds)."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from dialogue_gym import Domain, rules
from dialogue_gym.training import agent_config, check_settings, make_env
from dialogue_gym.utils import nearest

GRIDS = Path(__file__).resolve().parent.parent.parent / "configs" / "benchmark"
REFERENCES = ("random", "expert", "searched rules", "filter", "solver", "bound")
"""Policies that do not learn, and the bound of all policies."""
_KEYS = ("title", "ids", "environments", "parts", "learners", "references", "marks", "dialogues")
_PART_KEYS = (
    "turn_taking", "environments", "ids", "seeds", "steps", "learners", "references", "marks"
)  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """One unit of work: train an agent from a seed, or evaluate a reference policy with all seeds.

    `steps` is None for a reference.
    """

    env_id: str
    settings: dict[str, Any]
    agent: str
    steps: int | None
    seeds: tuple[int, ...]
    marks: tuple[int, ...]
    dialogues: int

    @property
    def is_reference(self) -> bool:
        """Whether the cell needs no training."""
        return self.steps is None

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Cell:
        """Return the cell that was written as JSON."""
        return cls(**content | {key: tuple(content[key]) for key in ("seeds", "marks")})

    @property
    def name(self) -> str:
        """The cell in one line of text."""
        settings = "".join(f" {key}={value}" for key, value in self.settings.items())
        return f"{self.agent} on {self.env_id}{settings}"

    def fingerprint(self) -> str:
        """Return a hash of the cell, its agent's configuration, the domain and the rules.

        The code of the agents is not part of it: after changing an agent, delete its cells.
        """
        source = self.settings.get("domain")
        config = None if self.is_reference else _configuration(self.agent, self.env_id, source)
        domain = _domain(self.env_id, source)
        return _hash([asdict(self), config, domain, rules.sources().hex()])


@dataclass(frozen=True)
class Task:
    """An environment of the grid with one kind of turn taking, and the policies compared in it.

    They are keyed by the names that tables show.
    """

    number: str
    env_id: str
    settings: dict[str, Any]
    has_mask: bool
    learners: dict[str, Cell]
    """Cells of the first seed, by name."""
    references: dict[str, Cell]
    seeds: int

    @property
    def turn_taking(self) -> str:
        """`"auto"` or `"explicit"`."""
        return str(self.settings["turn_taking"])

    @property
    def key(self) -> str:
        """The name of the task in results."""
        return f"{self.turn_taking}/{self.number}/{self.env_id}"


@dataclass(frozen=True)
class Grid:
    """A checked grid file."""

    name: str
    title: str
    tasks: tuple[Task, ...]
    dialogues: int
    content: str

    def cells(self) -> list[Cell]:
        """Return all cells, each once, ordered by seed, so that unfinished runs are balanced."""
        found: dict[str, Cell] = {}
        for task in self.tasks:
            for cell in task.references.values():
                found.setdefault(_hash(asdict(cell)), cell)
        for seed in range(max(task.seeds for task in self.tasks)):
            for task in self.tasks:
                for learner in task.learners.values() if seed < task.seeds else ():
                    cell = with_seed(learner, seed)
                    found.setdefault(_hash(asdict(cell)), cell)
        return list(found.values())

    def protocol(self) -> str:
        """Return the version of the protocol: a hash of the grid, its agents, domains and rules."""
        return _hash([self.content, [cell.fingerprint() for cell in self.cells()]])[:12]


def with_seed(cell: Cell, seed: int) -> Cell:
    """Return the cell of a learner with another seed."""
    return replace(cell, seeds=(seed,))


def load_grid(name: str) -> Grid:
    """Read a shipped grid by name, or any grid by its path.

    Raises:
        ValueError: the grid does not exist or is invalid; the message names the file and the key.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else GRIDS / f"{name}.yaml"
    if not path.is_file():
        shipped = sorted(known.stem for known in GRIDS.glob("*.yaml"))
        raise ValueError(f"unknown grid {name!r}; {nearest(name, shipped)}")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a YAML file ({str(error).splitlines()[0]})") from None
    try:
        return _grid(path.stem, content)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        detail = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"{path}: {detail}") from None


def _grid(name: str, content: Any) -> Grid:
    _check("the grid", content, _KEYS)
    dialogues = _positive("dialogues", content["dialogues"])
    environments = {str(number): environment for number, environment in content["environments"].items()}
    for number, environment in environments.items():
        _check(f"environment {number}", environment, ("has_mask", "settings"))
        if not isinstance(environment["has_mask"], bool):
            raise ValueError(
                f"environment {number}: has_mask: must be true or false, not {environment['has_mask']!r}"
            )
        check_settings(environment.get("settings") or {})
    tasks = [task for part in content["parts"] for task in _tasks(content, part, environments, dialogues)]
    if not tasks:
        raise ValueError("parts: must not be empty")
    keys = [task.key for task in tasks]
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(f"parts: {key} occurs more than once")
    text = json.dumps(dict(content) | {"environments": environments}, sort_keys=True, default=str)
    return Grid(name, str(content.get("title", name)), tuple(tasks), dialogues, text)


def _tasks(content: Any, part: Any, environments: Mapping[str, Any], dialogues: int) -> Iterator[Task]:
    """Yield the tasks of a part, which may have marks of its own, and a choice of learners and references."""
    _check("parts", part, _PART_KEYS)
    seeds = _positive("seeds", part["seeds"])
    marks = tuple(_positive("marks", mark) for mark in part.get("marks", content["marks"]))
    if list(marks) != sorted(set(marks)):
        raise ValueError("marks: values must increase")
    chosen = part.get("references", content["references"])
    for name in chosen:
        if name not in REFERENCES:
            raise ValueError(f"references: unknown policy {name!r}; {nearest(str(name), REFERENCES)}")
    learners = content["learners"]
    for name in part.get("learners", learners):
        if name not in learners:
            raise ValueError(f"parts: learners: unknown {name!r}; {nearest(str(name), learners)}")
    learners = {name: learners[name] for name in part.get("learners", learners)}
    steps = part.get("steps") or {}
    _check("steps", steps, tuple(learners))
    for number in map(str, part["environments"]):
        if number not in environments:
            raise ValueError(f"parts: unknown environment {number}; {nearest(number, environments)}")
        has_mask = environments[number]["has_mask"]
        settings = {"turn_taking": part["turn_taking"]} | (environments[number].get("settings") or {})
        for env_id in part.get("ids", content["ids"]):
            make_env(env_id, settings)
            agents = _learners(learners, steps, env_id, settings, has_mask)
            trained = {
                name: Cell(env_id, settings, agent, its_steps, (0,), marks, dialogues)
                for name, agent, its_steps in agents
            }
            references = {
                name: Cell(env_id, settings, name, None, tuple(range(seeds)), (), dialogues)
                for name in chosen
            }
            yield Task(number, env_id, settings, has_mask, trained, references, seeds)


def _learners(
    learners: Any, steps: Mapping[str, int], env_id: str, settings: dict[str, Any], has_mask: bool
) -> list[tuple[str, str, int]]:
    """Return the names of learners in tables, with their agents and numbers of steps."""
    found = []
    for name, entry in learners.items():
        _check(f"learners: {name}", entry, ("masked", "unmasked", "steps"))
        agent = entry["masked" if has_mask else "unmasked"]
        configured = agent_config(agent, env_id, settings)["steps"]
        given = steps.get(name, entry.get("steps", configured))
        found.append((str(name), agent, given if given == 0 else _positive("steps", given)))
    return found


def _check(where: str, content: Any, known: tuple[str, ...]) -> None:
    if not isinstance(content, Mapping):
        raise ValueError(f"{where}: must be a mapping, not {content!r}")
    for key in content:
        if key not in known:
            raise ValueError(f"{where}: unknown key {key!r}; {nearest(str(key), known)}")


def _positive(key: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{key}: must be a whole number of at least 1, not {value!r}")
    return value


@functools.cache
def _configuration(agent: str, env_id: str, name: str | None) -> str:
    return _hash(agent_config(agent, env_id, {"domain": name} if name else {}))


@functools.cache
def _domain(env_id: str, name: str | None) -> str:
    """Return a hash of a domain without parts that cannot affect a dialogue: texts, slots never observed."""
    env: Any = make_env(env_id, {"domain": name} if name else {})
    domain: Domain = env.unwrapped.domain
    assert domain.fake_user is not None
    wanted = dict(domain.fake_user.goal)
    slots = tuple(slot for slot in domain.slots if slot.is_observed or slot.name in wanted)
    names = {slot.name for slot in slots}
    actions = tuple(
        replace(model, says=(), sets=tuple(effect for effect in model.sets if effect[0] in names))
        for model in domain.fake_user.actions
    )
    user = replace(domain.fake_user, phrases=(), actions=actions)
    return _hash(repr(replace(domain, responses=(), slots=slots, fake_user=user)))


def _hash(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
