"""Domains that are made of ontologies: they load, play, talk and train as they are."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from dialogue_gym import DialogueEnv, ExpertPolicy, load_domain
from dialogue_gym.ontologies import Ontology, read_multiwoz, read_pydial, write_project
from tests.commands import call
from tests.conftest import play
from tests.ontologies.files import COLUMNS, HOTELS, RULES, SCHEMA, multiwoz_files, pydial_files

FOODS = ("thai", "greek", "fusion", "vegan")


def of_pydial(folder: Path) -> Ontology:
    """Read sixty venues whose values are drawn."""
    draw = random.Random(3)
    rows = [
        dict(id=str(i), name=f"venue {i % 50}", addr=f"road {i}", food=draw.choice(FOODS), phone=str(i),
             pricerange=draw.choice(["cheap", "expensive"]), allowedforkids=draw.choice(["0", "1", ""]),
             signature=draw.choice(["pie", "not available"]))
        for i in range(60)
    ]  # fmt: skip
    return read_pydial(*pydial_files(folder, RULES, [tuple(row[key] for key in COLUMNS) for row in rows]))


def of_multiwoz(folder: Path) -> Ontology:
    return read_multiwoz(*multiwoz_files(folder))


def of_schema(folder: Path) -> Ontology:
    return read_multiwoz(*multiwoz_files(folder, SCHEMA, HOTELS))


@pytest.mark.parametrize("read", [of_pydial, of_multiwoz, of_schema])
def test_a_domain_loads_without_a_warning_and_plays(read: object, tmp_path: Path) -> None:
    assert callable(read)
    ontology = read(tmp_path)
    write_project(ontology, tmp_path / "made")
    domain = load_domain(tmp_path / "made")
    assert domain.database is not None
    assert (domain.database.name, domain.database.rows) == ("name", ontology.venues)
    assert call("check", "made", "--strict", cwd=tmp_path).returncode == 0
    for error in (0.0, 0.3):
        env = DialogueEnv(domain, semantic_error_rate=error, render_mode="ansi")
        expert = ExpertPolicy(env)
        env.action_space.seed(5)
        for seed in range(20):
            env.reset(seed=seed)
            is_over = False
            while not is_over:
                _, _, terminated, truncated, _ = env.step(int(env.action_space.sample()))
                is_over = terminated or truncated
            play(env, expert, env.reset(seed=seed)[0])
            text = env.render()
            assert isinstance(text, str) and "user  /" not in text and " ? " not in text


def test_the_expert_of_an_imported_domain_finds_venues(tmp_path: Path) -> None:
    write_project(of_pydial(tmp_path), tmp_path / "made")
    env = DialogueEnv(load_domain(tmp_path / "made"))
    expert = ExpertPolicy(env)
    results = [play(env, expert, env.reset(seed=seed)[0])[1]["is_success"] for seed in range(200)]
    assert sum(results) >= 180
