"""Files of a domain with one key each, and views of what the key causes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dialogue_gym import Domain
from dialogue_gym.domain import FakeUser

BASE = """
intents: [greet, inform, affirm, deny, yes_please]
entities: [size, tint, number]
slots:
  size: {type: text}
  tint: {type: categorical, values: [red, blue]}
  seen: {type: list}
actions: [ask, offer, search]
"""
GOAL = BASE + "fake_user:\n  goal: {size: [small, large], tint: [red, blue]}\n"
AGENDA = BASE + "fake_user:\n  goal: {size: [small, large], tint: [red, blue]}\n  agenda:\n"


def user(domain: Domain) -> FakeUser:
    assert domain.fake_user
    return domain.fake_user


def first_slot(text: str) -> tuple[str, Callable[[Domain], Any]]:
    return f"entities: [size, number]\nslots:\n  size: {{{text}}}", lambda domain: domain.slots[0]


def goal_user(text: str, look: Callable[[FakeUser], Any]) -> tuple[str, Callable[[Domain], Any]]:
    return GOAL + "  " + text, lambda domain: look(user(domain))


def ask(text: str) -> tuple[str, Callable[[Domain], Any]]:
    return GOAL + f"  actions: {{ask: {{{text}}}}}", lambda domain: domain.action_model("ask")


def agenda(text: str) -> tuple[str, Callable[[Domain], Any]]:
    return AGENDA + text, lambda domain: user(domain).agendas


def when(text: str) -> tuple[str, Callable[[Domain], Any]]:
    rules = f"expert:\n- {{when: {{{text}}}, then: ask}}\n- then: ask\n"
    return BASE + rules, lambda domain: domain.expert[0].when.clauses


def expert(text: str) -> tuple[str, Callable[[Domain], Any]]:
    return f"{BASE}expert:\n{text}", lambda domain: domain.expert


def mapped(text: str) -> tuple[str, Callable[[Domain], Any]]:
    file, look = first_slot(f"type: text, mappings: [{{{text}}}]")
    return file, lambda domain: look(domain).mappings


def loop(text: str) -> tuple[str, Callable[[Domain], Any]]:
    file, look = mapped(f"type: from_text, conditions: [{{{text}}}]")
    return file, lambda domain: look(domain)[0].conditions


def form(text: str) -> tuple[str, Callable[[Domain], Any]]:
    return f"forms: {{a: {{{text}}}}}", lambda domain: domain.forms


def whole(text: str, look: Callable[[Domain], Any]) -> tuple[str, Callable[[Domain], Any]]:
    return text, look
