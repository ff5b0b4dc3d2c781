"""The evidence about users who search: `python -m agents search-benchmark`.

A part is a kind of figures of a domain in an environment. Finished parts are kept: the command resumes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agents.search.degenerate import play_battery
from agents.search.evidence import by_behaviour, portrait, without_acts
from agents.search.rule_search import Effort, search
from agents.search.tables import tables
from dialogue_gym import load_domain
from dialogue_gym.utils import write_text

DOMAINS = ("city", "hotel", "laptop")
ENVIRONMENTS: dict[str, dict[str, Any]] = {
    "1": {},
    "3": {"semantic_error_rate": 0.15},
    "5": {"semantic_error_rate": 0.15, "user": "unfriendly"},
    "6": {"semantic_error_rate": 0.3},
}
"""Those of `configs/benchmark/full.yaml`; 2 and 4 are 1 and 3 without masks, which change nothing here."""
DIALOGUES = 10_000
OF_BEHAVIOUR = 80_000
OF_PAIRS = 200
ONE_BY_ONE = 1000
"""Dialogues that are played by the interpreted rules."""
Progress = Callable[[int, int, str], object]
"""Called with the number of finished parts, that of all, and the name of the part that begins."""
Parts = dict[str, Any]


def _experts(domain: str, settings: Mapping[str, Any]) -> Any:
    scores = {name: asdict(score) for name, score in without_acts(domain, settings, DIALOGUES).items()}
    return {"scores": scores, **asdict(portrait(domain, settings, ONE_BY_ONE))}


def _degenerate(domain: str, settings: Mapping[str, Any]) -> Any:
    battery = play_battery(domain, settings, DIALOGUES, OF_PAIRS, 0)
    scores = {name: asdict(score) for name, score in battery.scores.items()}
    return {
        "scores": scores,
        "pair": battery.pair,
        "shortest": min(score.shortest for score in battery.constants),
    }


def _behaviour(domain: str, settings: Mapping[str, Any]) -> Any:
    return {
        name: {"ends": ends, "scores": [asdict(score) for score in scores]}
        for name, ends, scores in by_behaviour(load_domain(domain), settings, OF_BEHAVIOUR)
    }


def _rules(domain: str, settings: Mapping[str, Any]) -> Any:
    return asdict(search(domain, settings, Effort(), 0))


KINDS: dict[str, Callable[[str, Mapping[str, Any]], Any]] = {
    "expert": _experts,
    "degenerate": _degenerate,
    "behaviour": _behaviour,
    "rules": _rules,
}


def run(folder: Path, progress: Progress) -> str:
    """Work out all parts that `search.json` in a folder has not yet; return the tables.

    It writes `search.json` after each part, and in the end `search.md`.
    """
    path = folder / "search.json"
    parts: Parts = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    names = [f"{kind} {domain} {number}" for kind in KINDS for domain in DOMAINS for number in ENVIRONMENTS]
    for done, name in enumerate(names):
        progress(done, len(names), name)
        if name not in parts:
            kind, domain, number = name.split()
            parts[name] = KINDS[kind](domain, ENVIRONMENTS[number])
            write_text(path, json.dumps(parts, indent=1) + "\n")
    text = tables(parts, DOMAINS, tuple(ENVIRONMENTS))
    write_text(folder / "search.md", text)
    return text
