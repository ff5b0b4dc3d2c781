"""Pages of the environments: from their docstrings, domain files, spaces and published scores."""

from __future__ import annotations

import importlib
import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import yaml
from gymnasium.envs.registration import EnvSpec, load_env_creator

from agents.benchmark.markdown import DASH, number
from dialogue_gym import DialogueEnv, ExpertPolicy

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs/benchmark/results.json"
SEED = 7
"""The dialogue that is shown."""


def environment_pages() -> dict[str, str]:
    """Return the pages as Markdown, by name: the built-in domains, then each class."""
    specs = [spec for spec in gym.registry.values() if str(spec.entry_point).startswith("dialogue_gym.")]
    domains = dict.fromkeys(str(spec.kwargs["domain"]) for spec in specs if "domain" in spec.kwargs)
    pages = {
        name: domain_page(name, [s for s in specs if s.kwargs.get("domain") == name]) for name in domains
    }
    others: dict[str, list[EnvSpec]] = {}
    for spec in specs:
        if "domain" not in spec.kwargs:
            others.setdefault(str(spec.entry_point), []).append(spec)
    for found in others.values():
        name = found[0].id.partition("-")[0].lower().replace("dialogue", "dialogue-").strip("-")
        pages[name] = class_page(found)
    return pages


def domain_page(name: str, specs: list[EnvSpec]) -> str:
    """Return the page of a built-in domain."""
    env = DialogueEnv(name)
    about, sections = docstring_sections(importlib.import_module(f"dialogue_gym.domains.{name}"))
    general = docstring_sections(DialogueEnv)[1]
    sections["Action Space"] = with_texts(env, sections["Action Space"])
    sections["Observation Space"] += f"\n\n{observations(env)}"
    sections["Rewards"] += f"\n\n{rewards(env)}"
    sections["Information"] = general["Information"]
    sections["Arguments"] += f"\n\n{arguments(general['Arguments'], env)}"
    history = sections.pop("Version History")
    sections["Users"] = users(env)
    sections["Bound and reference scores"] = scores(specs)
    sections[f"A dialogue with seed {SEED}"] = dialogue(name)
    sections["Version History"] = history
    sections["Domain file"] = domain_file(name)
    return page(specs[0].id.partition("-")[0], about, specs, sections)


def class_page(specs: list[EnvSpec]) -> str:
    """Return the page of an environment that is given its domain."""
    about, sections = docstring_sections(load_env_creator(str(specs[0].entry_point)))
    sections["Version History"], _, errors = sections["Version History"].partition("\n\nRaises:\n")
    if errors:
        listed = re.findall(r"^ +(\w+): (.*(?:\n {6,}.*)*)", errors, re.MULTILINE)
        sections["Errors"] = "\n".join(f"- `{error}`: {' '.join(why.split())}" for error, why in listed)
    return page(specs[0].id.partition("-")[0], about, specs, sections)


def page(title: str, about: str, specs: list[EnvSpec], sections: dict[str, str]) -> str:
    """Return a page: its ids, and a section for each heading."""
    ids = table(
        ["id", "turn taking", "steps at most"],
        [
            [f"`{spec.id}`", spec.kwargs.get("turn_taking", "auto"), str(spec.max_episode_steps)]
            for spec in specs
        ],
    )
    parts = [f"# {title}", about, ids, *(f"## {heading}\n\n{text}" for heading, text in sections.items())]
    return "\n\n".join(parts) + "\n"


def docstring_sections(documented: object) -> tuple[str, dict[str, str]]:
    """Return the first paragraph of a docstring, and the text of each of its sections."""
    about, *sections = re.split(r"^## ", inspect.getdoc(documented) or "", flags=re.MULTILINE)
    return about.strip(), {
        heading.strip(): text.strip() for heading, _, text in (each.partition("\n") for each in sections)
    }


def with_texts(env: DialogueEnv, text: str) -> str:
    """Return the section on actions; its table has what each action says, too."""
    before, header, rows = re.split(r"^\| action .*\| +name +\| (.*) \|\n\|[-|]+\n", text, flags=re.MULTILINE)
    lines = []
    for row in rows.splitlines():
        action, name, reaction = (cell.strip() for cell in row.strip("|").split("|"))
        texts = env.domain.texts(name)
        needs = "; ".join(conditions(env.domain.action_model(name).needs.clauses))
        lines.append([action, f"`{name}`", texts[0] if texts else DASH, needs or DASH, reaction])
    return before + table(["action", "name", "says, for example", "needs", header.strip()], lines)


def conditions(clauses: tuple[tuple[str, tuple[str, ...]], ...]) -> Iterator[str]:
    """Yield a condition's clauses in words."""
    for field, labels in clauses:
        yield f"{field}: {' or '.join(labels)}"


def observations(env: DialogueEnv) -> str:
    """Return the table of an observation's components, with each of their values."""
    rows = [
        [
            str(index),
            f"`{field.name}`",
            ", ".join(f"{code} {label}" for code, label in enumerate(field.labels)),
        ]
        for index, field in enumerate(env.observation_fields)
    ]
    return table(["component", "name", "values"], rows)


def rewards(env: DialogueEnv) -> str:
    """Return the table of the reward's terms."""
    weights = dict(env.domain.reward)
    rows = [[f"`{name}`", f"{weights.get(name, 0):g}"] for name in env.reward_terms.names]
    return table(["term", "weight"], rows)


def arguments(listed: str, env: DialogueEnv) -> str:
    """Return the table of arguments, with the defaults of this domain."""
    parameters = inspect.signature(DialogueEnv).parameters
    rows = []
    for name, meaning in re.findall(r"^- `(\w+)`: (.*(?:\n {2,}.*)*)", listed, re.MULTILINE):
        default = parameters[name].default
        if name != "domain":
            rows.append([f"`{name}`", f"`{default!r}`", " ".join(meaning.split())])
    text = "None stands for the domain's own figure."
    return f"{text}\n\n{table(['argument', 'default', 'meaning'], rows)}"


def users(env: DialogueEnv) -> str:
    """Return the tables of the users: their goals and their profiles."""
    user = env.domain.fake_user
    assert user is not None
    parts = []
    if user.goal:
        goals = [[f"`{slot}`", str(len(values)), ", ".join(values)] for slot, values in user.goal]
        parts.append(table(["slot of the goal", "values", "each with the same chance"], goals))
    if user.agendas:
        plans = [
            [f"{plan.chance:.3g}", ", ".join(item.intent for item in plan.items)] for plan in user.agendas
        ]
        parts.append(table(["chance", "agenda"], plans))
    profiles = user.search.users if user.search else user.profiles
    documented = inspect.getdoc(type(profiles[0][1])) or ""
    meanings = dict(re.findall(r"^ +(\w+): (.*(?:\n {5,}.*)*)", documented, re.MULTILINE))
    rows = [
        [f"`{name}`", *(span(getattr(profile, name)) for _, profile in profiles), " ".join(meaning.split())]
        for name, meaning in meanings.items()
    ]
    parts.append(table(["figure", *(f"`{name}`" for name, _ in profiles), "meaning"], rows))
    return "\n\n".join(parts)


def span(value: float | tuple[float, float]) -> str:
    """Return a figure, or the range from which each dialogue draws it."""
    return " to ".join(f"{end:g}" for end in value) if isinstance(value, tuple) else f"{value:g}"


def scores(specs: list[EnvSpec]) -> str:
    """Return the table of the benchmark's scores: mean returns, with success rates in brackets."""
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    ids = {spec.id for spec in specs}
    rows = []
    for task in results["tasks"]:
        if task["env_id"] in ids:
            agents = task["agents"]
            learners = {name: agent for name, agent in agents.items() if agent["is_learner"]}
            best = max(learners, key=lambda name: mean_return(learners[name]), default=None)
            rows.append([
                task["environment"],
                task["turn_taking"],
                f"{task['settings'].get('semantic_error_rate', 0):.0%}",
                task["settings"].get("user", "standard"),
                "yes" if task["has_mask"] else "no",
                *(score(agents.get(name)) for name in ("random", "expert", "searched rules", "filter")),
                f"{best} {score(learners[best])}" if best else DASH,
                number(task["exact"] and task["exact"]["bound"]),
            ])  # fmt: skip
    header = ["environment", "turns", "misheard", "user", "mask", "random", "expert", "searched rules"]
    header += ["filter", "best learner", "bound"]
    about = (
        f"Mean returns over {results['dialogues']:,} dialogues for each seed, success rates in brackets. "
        "[The whole benchmark](../benchmark/results.md) explains the columns and has all learners; the best "
        "one may have begun with dialogues of the expert."
    )
    return f"{about}\n\n{table(header, rows)}"


def mean_return(agent: dict[str, Any]) -> float:
    """Return the mean return of an agent at its own end."""
    return float(agent["figures"]["end"]["mean_return"]["mean"])


def score(agent: dict[str, Any] | None) -> str:
    """Return an agent's mean return and success rate, or a dash."""
    if agent is None:
        return DASH
    return f"{mean_return(agent):.2f} ({agent['figures']['end']['success_rate']['mean']:.1%})"


def dialogue(name: str) -> str:
    """Return a dialogue that the domain's expert plays, as the environment renders it."""
    env = DialogueEnv(name, render_mode="ansi")
    bot = ExpertPolicy(env)
    observation, _ = env.reset(seed=SEED)
    done = False
    while not done:
        action, _ = bot.predict(observation, deterministic=True)
        observation, _, terminated, truncated, _ = env.step(action)
        done = terminated or truncated
    return f"The domain's expert plays it:\n\n```text\n{str(env.render()).rstrip()}\n```"


def domain_file(name: str) -> str:
    """Return the paragraph about the domain file."""
    file = f"dialogue_gym/domains/{name}/domain.yml"
    keys = ", ".join(f"`{key}`" for key in yaml.safe_load((ROOT / file).read_text(encoding="utf-8")))
    return (
        f"[domain.yml](../../{file}), with the keys {keys}. [Domain files](../domain-files.md) explains them."
    )


def table(header: list[str], rows: list[list[str]]) -> str:
    """Return a table of texts, in which a bar is no border."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)
