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
from dialogue_gym.datasets import find_behaviours
from dialogue_gym.text import MODES, ChatEndpoint, TextDialogue
from dialogue_gym.training import agent_config, check_settings, is_offline, make_env
from dialogue_gym.utils import nearest

GRIDS = Path(__file__).resolve().parent.parent.parent / "configs" / "benchmark"
LOGGED = "logged"
"""The policies of an environment with data, as they were recorded."""
REFERENCES = ("random", "expert", "searched rules", "filter", "solver", "bound", LOGGED)
"""Policies that do not learn, and the bound of all policies."""
ENDPOINT = "openai:"
"""The beginning of the agent's name in an entry of `models`; the name that the server knows follows."""
COST = ("calls", "tokens_read", "tokens_written", "seconds", "not_understood")
"""Figures of a language model, per dialogue."""
_KEYS = ("title", "ids", "environments", "parts", "learners", "references", "models", "marks", "dialogues")
_PART_KEYS = (
    "turn_taking", "environments", "ids", "seeds", "steps", "learners", "references", "models", "marks"
)  # fmt: skip
_MODEL: dict[str, Any] = {
    "base_url": None, "mode": "tools", "dialogues": 20, "request": {}, "timeout": 60.0,
    "token_limit": 1_000_000,
}  # fmt: skip
"""The keys of a language model besides `agent`, with their defaults; those of `ChatEndpoint` but two."""
_NOT_MEASURED = ("timeout", "token_limit")
"""They end a cell, and change no figure of a finished one."""


@dataclass(frozen=True)
class Cell:
    """One unit of work: train an agent from a seed, or evaluate a reference policy with all seeds.

    `steps` is None for a reference, and for a language model, which has `chat`: the address, the mode and the
    other keys of its entry in the grid. The key of the server is read from the environment as the cell runs.
    `data` has the policies and the number of dialogues that offline learners learn from. With
    `is_exact` the figures are exact, where that is within reach, and not of a sample.
    """

    env_id: str
    settings: dict[str, Any]
    agent: str
    steps: int | None
    seeds: tuple[int, ...]
    marks: tuple[int, ...]
    dialogues: int
    chat: dict[str, Any] | None = None
    data: dict[str, Any] | None = None
    is_exact: bool = False

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Cell:
        """Return the cell that was written as JSON."""
        return cls(**content | {key: tuple(content[key]) for key in ("seeds", "marks")})

    def as_json(self) -> dict[str, Any]:
        """Return the cell as JSON-serializable values; `chat`, `data` and `is_exact` only if it has them."""
        content = asdict(self)
        for key in ("chat", "data", "is_exact"):
            if not content[key]:
                del content[key]
        return content

    @property
    def name(self) -> str:
        """The cell in one line of text."""
        settings = "".join(f" {key}={value}" for key, value in self.settings.items())
        mode = f" ({self.chat['mode']})" if self.chat else ""
        return f"{self.agent}{mode} on {self.env_id}{settings}"

    def fingerprint(self) -> str:
        """Return a hash of the cell, its agent's configuration, the domain and the rules.

        For a language model, the texts of the domain and the instructions are the configuration. The code of
        the agents is not part of it: after changing an agent, delete its cells.
        """
        source = self.settings.get("domain")
        config, content = None, self.as_json()
        if self.chat is not None:
            config = _texts(self.env_id, source)
            content["chat"] = {key: value for key, value in self.chat.items() if key not in _NOT_MEASURED}
        elif self.steps is not None:
            config = _configuration(self.agent, self.env_id, source)
        return _hash([content, config, _domain(self.env_id, source), rules.sources().hex()])


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
    models: dict[str, Cell]
    """Cells of language models, of the first seed, by name."""
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
        """Return all cells, each once, ordered by seed, so that unfinished runs are balanced.

        Language models come last: a server that does not answer ends the run, and all else is finished then.
        """
        found = [cell for task in self.tasks for cell in task.references.values()]
        seeds = range(max(task.seeds for task in self.tasks))
        for policies in ("learners", "models"):
            found += [
                with_seed(cell, seed)
                for seed in seeds
                for task in self.tasks
                if seed < task.seeds
                for cell in getattr(task, policies).values()
            ]
        cells: dict[str, Cell] = {}
        for cell in found:
            cells.setdefault(_hash(asdict(cell)), cell)
        return list(cells.values())

    def protocol(self) -> str:
        """Return the version of the protocol: a hash of the grid, its agents, domains and rules."""
        return _hash([self.content, [cell.fingerprint() for cell in self.cells()]])[:12]


def with_seed(cell: Cell, seed: int) -> Cell:
    """Return the cell of a learner or language model with another seed."""
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
        _check(f"environment {number}", environment, ("has_mask", "settings", "data", "exact"))
        if not isinstance(environment["has_mask"], bool):
            raise ValueError(
                f"environment {number}: has_mask: must be true or false, not {environment['has_mask']!r}"
            )
        check_settings(environment.get("settings") or {})
        if "data" in environment:
            _check_data(f"environment {number}: data", environment["data"])
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
    models = _models(content, part)
    steps = part.get("steps") or {}
    _check("steps", steps, tuple(learners))
    for number in map(str, part["environments"]):
        if number not in environments:
            raise ValueError(f"parts: unknown environment {number}; {nearest(number, environments)}")
        has_mask = environments[number]["has_mask"]
        settings = {"turn_taking": part["turn_taking"]} | (environments[number].get("settings") or {})
        data, is_exact = environments[number].get("data"), bool(environments[number].get("exact"))
        if LOGGED in chosen and not data:
            raise ValueError(f"references: environment {number} has no data that were {LOGGED}")
        for env_id in part.get("ids", content["ids"]):
            env: Any = make_env(env_id, settings)
            if data:
                find_behaviours(data["policies"], env)
            agents = _learners(learners, steps, env_id, settings, has_mask)
            for name, agent, _ in agents:
                if data and not is_offline(agent_config(agent, env_id, settings)):
                    raise ValueError(f"learners: {name}: {agent} plays itself; environment {number} has data")
            more: dict[str, Any] = {"data": data, "is_exact": is_exact}
            trained = {
                name: Cell(env_id, settings, agent, its_steps, (0,), marks, dialogues, **more)
                for name, agent, its_steps in agents
            }
            references = {
                name: Cell(
                    env_id,
                    settings,
                    name,
                    None,
                    tuple(range(seeds)),
                    (),
                    dialogues,
                    data=data if name == LOGGED else None,
                    is_exact=is_exact,
                )
                for name in chosen
            }
            if models:
                TextDialogue(env.unwrapped.domain, **text_settings(settings))  # reports what text lacks
            asked = {
                name: Cell(env_id, settings, agent, None, (0,), (), its_dialogues, chat)
                for name, (agent, its_dialogues, chat) in models.items()
            }
            yield Task(number, env_id, settings, has_mask, trained, references, asked, seeds)


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


def _models(content: Any, part: Any) -> dict[str, tuple[str, int, dict[str, Any]]]:
    """Return a part's language models, those that it names or else all: agent, dialogues and `chat`."""
    models = content.get("models") or {}
    is_auto = part["turn_taking"] == "auto"
    chosen = part.get("models", models if is_auto else ())
    for name in chosen:
        if name not in models:
            raise ValueError(f"parts: models: unknown {name!r}; {nearest(str(name), models)}")
    if chosen and not is_auto:
        raise ValueError("parts: models: turn taking in text is automatic; turn_taking must be auto")
    return {str(name): _model(f"models: {name}", models[name]) for name in chosen}


def _model(where: str, entry: Any) -> tuple[str, int, dict[str, Any]]:
    _check(where, entry, ("agent", *_MODEL))
    agent = entry["agent"]
    if not isinstance(agent, str) or not agent.removeprefix(ENDPOINT) or not agent.startswith(ENDPOINT):
        raise ValueError(f"{where}: agent: must be {ENDPOINT}MODEL, not {agent!r}")
    chat = _MODEL | {key: value for key, value in entry.items() if key != "agent"}
    for key in ("dialogues", "token_limit"):
        _positive(f"{where}: {key}", chat[key])
    if chat["mode"] not in MODES:
        raise ValueError(f"{where}: unknown mode {chat['mode']!r}; {nearest(str(chat['mode']), MODES)}")
    _check(f"{where}: request", chat["request"], tuple(chat["request"]))
    seconds = chat["timeout"]
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not seconds > 0:
        raise ValueError(f"{where}: timeout: must be a number of seconds, not {seconds!r}")
    if not isinstance(chat["base_url"], str | None):
        raise ValueError(f"{where}: base_url: must be an address, not {chat['base_url']!r}")
    if "@" in (chat["base_url"] or ""):
        raise ValueError(f"{where}: base_url: cells show it, so it cannot have a password")
    ChatEndpoint(agent, request=chat["request"])  # reports keys that cannot be chosen
    return agent, chat.pop("dialogues"), chat


def text_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a task for dialogues in text, whose turn taking is always automatic."""
    return {name: value for name, value in settings.items() if name not in ("turn_taking", "domain")}


def _check(where: str, content: Any, known: tuple[str, ...]) -> None:
    if not isinstance(content, Mapping):
        raise ValueError(f"{where}: must be a mapping, not {content!r}")
    for key in content:
        if key not in known:
            raise ValueError(f"{where}: unknown key {key!r}; {nearest(str(key), known)}")


def _check_data(where: str, content: Any) -> None:
    _check(where, content, ("policies", "dialogues"))
    _positive(f"{where}: dialogues", content["dialogues"])
    if not isinstance(content["policies"], list) or not content["policies"]:
        raise ValueError(f"{where}: policies: must be a list of names, not {content['policies']!r}")


def _positive(key: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{key}: must be a whole number of at least 1, not {value!r}")
    return value


@functools.cache
def _configuration(agent: str, env_id: str, name: str | None) -> str:
    return _hash(agent_config(agent, env_id, {"domain": name} if name else {}))


@functools.cache
def _texts(env_id: str, name: str | None) -> str:
    """Return a hash of the texts of a domain, and of the instructions for a language model."""
    env: Any = make_env(env_id, {"domain": name} if name else {})
    domain: Domain = env.unwrapped.domain
    return _hash([repr(domain), TextDialogue(domain, "tools").instructions])


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
