"""The docstrings of the environments are true, and complete."""

from __future__ import annotations

import re

import pytest

from dialogue_gym import DialogueEnv
from dialogue_gym.domains import city, concert, hotel, laptop, restaurant
from dialogue_gym.live.env import DialogueLiveEnv
from dialogue_gym.text import TextDialogueEnv
from tests.conftest import TURN_TAKINGS

DOMAINS = {
    "restaurant": restaurant, "concert": concert, "city": city, "hotel": hotel, "laptop": laptop,
}  # fmt: skip


@pytest.mark.parametrize(
    "documented",
    [DialogueEnv, DialogueLiveEnv, TextDialogueEnv, *DOMAINS.values()],
    ids=lambda page: page.__name__,
)
def test_docstring_of_an_environment_has_gymnasiums_headings(documented: object) -> None:
    headings = re.findall(r"## (.+)", documented.__doc__ or "")
    assert headings == [
        "Description", "Action Space", "Observation Space", "Starting State", "Rewards", "Episode End",
        "Information", "Arguments", "Version History",
    ]  # fmt: skip


@pytest.mark.parametrize("name", DOMAINS)
def test_documented_actions_match_the_domain(name: str) -> None:
    page = DOMAINS[name].__doc__ or ""
    table = re.findall(r"^\| (\d+)\s+\| (\w+)", page, re.MULTILINE)
    env = DialogueEnv(name)
    assert table == [(str(i), name) for i, name in enumerate(env.action_names)]
    components = re.search(r"`MultiDiscrete`, (\d+) components", page)
    assert components and int(components[1]) == len(env.fields)
    sizes = re.findall(r"`Discrete\((\d+)\)`", page)
    assert [int(size) for size in sizes] == [
        DialogueEnv(name, turn_taking=taking).action_space.n for taking in TURN_TAKINGS
    ]


def test_every_argument_is_documented() -> None:
    import inspect

    documented = set(re.findall(r"^\s*- `(\w+)`:", DialogueEnv.__doc__ or "", re.MULTILINE))
    assert documented == set(inspect.signature(DialogueEnv).parameters)
    live = "".join(re.findall(r"^\s*- (`.*`):", DialogueLiveEnv.__doc__ or "", re.MULTILINE))
    own = set(inspect.signature(DialogueLiveEnv).parameters) - {"arguments"}
    assert own <= set(re.findall(r"`(\w+)`", live)) <= own | documented
