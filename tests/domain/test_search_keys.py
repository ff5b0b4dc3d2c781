"""Every key of search-driven users has its documented effect."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dialogue_gym import DialogueEnv, Domain, DomainError, ExpertPolicy
from dialogue_gym.check import check_files
from dialogue_gym.domain.model import SEARCH_ACTS, SearchGoal
from dialogue_gym.domain.observation import SEARCH_FIELDS, SECONDS
from dialogue_gym.training import evaluate
from tests import ROOT
from tests.conftest import domain_from
from tests.domain.keys import KNOWN_IN_SEARCH

PAGE = (ROOT / "docs" / "search-users.md").read_text("utf-8")
BASE = """
intents: [greet, inform, affirm, deny, request, alternative, find, thank, hello]
entities: [kind, attribute]
slots:
  kind: {type: categorical, values: [thai, greek]}
actions: [ask, offer, tell]
"""
VENUES = "database: {columns: [name, kind, phone], rows: [[Alba, thai, 1], [thai, Greek, ~]]}\n"
USER = "fake_user:\n  actions: {offer: {user: offer}, tell: {user: answer}}\n"
SLOTS = "  constraints: {slots: kind}\n"


def search(text: str, look: Callable[[SearchGoal], Any]) -> tuple[str, Callable[[Domain], Any]]:
    def of(domain: Domain) -> Any:
        assert domain.fake_user and domain.fake_user.search
        return look(domain.fake_user.search)

    constraints = "" if "constraints" in text else SLOTS
    return BASE + VENUES + USER + constraints + "  " + text, of


def figure(name: str, value: str) -> tuple[str, Callable[[Domain], Any]]:
    return search(f"behaviour: {{{name}: {value}}}", lambda goal: getattr(dict(goal.users)["standard"], name))


def persona(name: str, value: str) -> tuple[str, Callable[[Domain], Any]]:
    return search(
        f"personas: {{hasty: {{chance: 0.3, {name}: {value}}}}}",
        lambda goal: [(called, chance, dict(figures)[name]) for called, chance, figures in goal.personas],
    )


def when(text: str) -> tuple[str, Callable[[Domain], Any]]:
    rules = f"expert:\n- {{when: {{{text}}}, then: ask}}\n- then: ask\n"
    return BASE + VENUES + USER + SLOTS + rules, lambda domain: domain.expert[0].when.clauses


def venues(text: str) -> tuple[str, Callable[[Domain], Any]]:
    return f"slots: {{}}\ndatabase: {{{text}}}", lambda domain: domain.database


def roles(text: str) -> tuple[str, Callable[[Domain], Any]]:
    file, _ = search(f"intents: {{{text}}}", lambda goal: goal)
    return file, lambda domain: dict(domain.fake_user.intents) if domain.fake_user else {}


ROWS = "columns: [place, phone], rows: [[Alba, 1], [Bela, ~]]"
FIGURES = [key for key in KNOWN_IN_SEARCH["behaviour"] if key != "patience"]
KEYS: list[tuple[str, str, tuple[str, Callable[[Domain], Any]], Any]] = [
    ("database", "columns", (venues(ROWS)[0], lambda d: d.database.columns), ("place", "phone")),  # type: ignore[union-attr]
    ("database", "rows", (venues(ROWS)[0], lambda d: d.database.rows), (("Alba", "1"), ("Bela", None))),  # type: ignore[union-attr]
    ("database", "name", (venues("name: place, " + ROWS)[0], lambda d: d.database.name), "place"),  # type: ignore[union-attr]
    ("file", "database", (venues(ROWS)[0], lambda d: d.database.name), "place"),  # type: ignore[union-attr]
    ("fake_user", "constraints", search("constraints: {slots: kind}", lambda g: g.constraints), ("kind",)),
    ("constraints", "slots", search("constraints: {slots: [kind]}", lambda g: g.constraints), ("kind",)),
    ("constraints", "count", search("constraints: {slots: kind, count: 1}", lambda g: g.counts), (1, 1)),
    ("constraints", "unmet", search("constraints: {slots: kind, unmet: 0.5}", lambda g: g.unmet), 0.5),
    ("fake_user", "requests", search("requests: {attributes: phone}", lambda g: g.wishes), (1, 1)),
    ("requests", "attributes", search("requests: {attributes: phone}", lambda g: g.attributes), ("phone",)),
    (
        "requests",
        "count",
        search("requests: {attributes: [phone, kind], count: [0, 1]}", lambda g: g.wishes),
        (0, 1),
    ),
    ("fake_user", "behaviour", figure("combine", "0.5"), (0.5, 0.5)),
    ("behaviour", "patience", figure("patience", "[2, 9]"), (2, 9)),
    *(("behaviour", name, figure(name, "[0, 0.5]"), (0, 0.5)) for name in FIGURES),
    ("fake_user", "personas", persona("patience", "2"), [("hasty", 0.3, (2, 2))]),
    ("personas", "chance", persona("patience", "2"), [("hasty", 0.3, (2, 2))]),
    ("personas", "patience", persona("patience", "[1, 2]"), [("hasty", 0.3, (1, 2))]),
    *(("personas", name, persona(name, "1"), [("hasty", 0.3, (1, 1))]) for name in FIGURES),
    *(
        ("condition", key, when(f"{key}: {'{kind: close}' if key == 'second' else repr(labels[1])}"), clauses)
        for key, labels in {"second": SECONDS, **SEARCH_FIELDS}.items()
        for clauses in [(("second.kind", ("close",)),) if key == "second" else ((key, (labels[1],)),)]
    ),
]


@pytest.mark.parametrize(
    ("level", "key", "view", "expected"), KEYS, ids=[f"{at}-{key}" for at, key, _, _ in KEYS]
)
def test_a_key_has_its_effect(
    level: str, key: str, view: tuple[str, Callable[[Domain], Any]], expected: Any
) -> None:
    text, look = view
    assert key in text
    assert look(domain_from(text)) == expected


@pytest.mark.parametrize("role", KNOWN_IN_SEARCH["role"])
def test_an_intent_takes_a_role(role: str) -> None:
    text, look = roles(f"{role}: hello")
    assert look(domain_from(text))[role] == "hello"


def test_every_key_is_tested() -> None:
    tested = {(level, key) for level, key, _, _ in KEYS}
    elsewhere = {("file", "domains"), ("database", "file")}  # with the errors, and with the files
    elsewhere |= {("role", role) for role in KNOWN_IN_SEARCH["role"]}
    assert tested | elsewhere == {(level, key) for level, keys in KNOWN_IN_SEARCH.items() for key in keys}


def test_several_domains_are_refused() -> None:
    with pytest.raises(DomainError, match="several domains in one dialogue are not supported yet"):
        domain_from("domains: {taxi: taxi.yml}")


def test_the_documentation_has_every_key_act_and_label() -> None:
    words = set(re.findall(r"[\w-]+(?: \w+)?", PAGE))
    keys = {key for keys in KNOWN_IN_SEARCH.values() for key in keys} - {"file", "name", "columns", "rows"}
    labels = {label for labels in (SECONDS, *SEARCH_FIELDS.values()) for label in labels}
    missing = {name for name in keys | set(SEARCH_ACTS) | labels if name not in words and name not in PAGE}
    assert not missing


def test_the_example_of_the_documentation_is_played(tmp_path: Path) -> None:
    example, venues, more = re.findall(r"^```(?:yaml|text)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[:3]
    (tmp_path / "domain.yml").write_text(example, "utf-8")
    (tmp_path / "places.csv").write_text(venues, "utf-8")
    assert check_files([str(tmp_path / "domain.yml")]) == []
    (tmp_path / "domain.yml").write_text(example + more, "utf-8")
    problems = check_files([str(tmp_path / "domain.yml")])
    assert problems and all("has no examples" in problem for problem in problems)
    env = DialogueEnv(tmp_path / "domain.yml")
    assert evaluate(env, ExpertPolicy(env), dialogues=30).success_rate > 0.8


def test_without_requests_nobody_needs_an_answer() -> None:
    """Users then leave, or thank, once they have a venue."""
    user = SLOTS + "  actions: {ask: {user: {request: kind}}, offer: {user: offer}, tell: {user: more}}\n"
    asked, more = "{when: {slots: {kind: empty}}, then: ask}", "{when: {offer: made}, then: tell}"
    rules = f"- {asked}\n- {more}\n- then: offer\n"
    env = DialogueEnv(domain_from(f"{BASE}{VENUES}fake_user:\n{user}expert:\n{rules}"))
    assert evaluate(env, ExpertPolicy(env), dialogues=50).success_rate > 0.5
