"""Properties of any valid domain, with any settings, seed and actions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dialogue_gym import DialogueEnv, rules
from dialogue_gym.domain import Domain, load_domain
from dialogue_gym.rules.tables import (
    AGENDA,
    CHOSEN,
    FAILURE,
    INVALID,
    PATIENCE,
    POSITION,
    RANDOM,
    SUCCESS,
    TURN,
    TURNS,
    USELESS,
    WANTED,
    Settings,
)
from tests.conftest import domain_of, examples
from tests.strategies import SETTINGS, domains, search_domains

SEEDS = st.integers(0, 2**32 - 1)


WITHOUT_SEARCH = st.one_of(st.sampled_from(["restaurant", "concert"]), domains().map(domain_of))
SOURCES = st.one_of(WITHOUT_SEARCH, search_domains().map(domain_of))
ROUNDS = settings(max_examples=examples(150), suppress_health_check=list(HealthCheck))


@ROUNDS
@given(SOURCES, SETTINGS, SEEDS)
def test_random_dialogues_keep_the_invariants(
    source: Domain | str, keywords: dict[str, Any], seed: int
) -> None:
    keep_the_invariants(DialogueEnv(source, **keywords), seed)


def keep_the_invariants(env: DialogueEnv, seed: int) -> None:
    """Play three dialogues at random, and check what must hold after every step."""
    n = int(env.action_space.n)
    random = np.random.default_rng(seed)
    observation, info = env.reset(seed=seed)
    for _ in range(3):
        for step in range(env.tables.step_limit + 1):
            assert observation in env.observation_space
            assert info["action_mask"].shape == (n,) and info["action_mask"].dtype == np.int8
            env.describe(observation)
            action = int(random.integers(n))
            possible = bool(info["action_mask"][action])
            before = list(env._simulation.row)
            observation, reward, terminated, truncated, info = env.step(action)
            assert reward == sum(info["reward_terms"].values())
            if not possible:
                assert_without_effect(env, before)
            if terminated or truncated:
                # As TimeLimit does: the last step may also be the end that the user makes.
                assert truncated == (step + 1 == env.tables.step_limit)
                if info["is_success"]:
                    assert_goal_is_met(env)
                break
            assert not info["is_success"]
        else:
            raise AssertionError("the dialogue did not end")
        observation, info = env.reset()


@ROUNDS
@given(SOURCES, SETTINGS, SEEDS, st.floats(0.1, 10))
def test_shaping_adds_the_same_to_every_dialogue_that_begins_alike(
    source: Domain | str, keywords: dict[str, Any], seed: int, shaping: float
) -> None:
    """Neither restarts nor slots that are emptied and filled again gain anything."""
    plain, shaped = DialogueEnv(source, **keywords), DialogueEnv(source, **keywords, shaping=shaping)
    random = np.random.default_rng(seed)
    for dialogue in range(3):
        assert np.array_equal(*(env.reset(seed=seed + dialogue)[0] for env in (plain, shaped)))
        weight = shaping * dict(plain.domain.reward)["success"]
        start = rules.progress(shaped._simulation.row, shaped.tables, 0)
        gained, is_over = 0.0, False
        while not is_over:
            action = int(random.integers(plain.action_space.n))
            (_, reward, terminated, truncated, _), more = plain.step(action), shaped.step(action)
            is_over = terminated or truncated
            assert more[2:4] == (terminated, truncated)
            assert more[1] - reward == pytest.approx(more[4]["reward_terms"]["shaping"], abs=1e-9)
            gained += more[4]["reward_terms"]["shaping"]
        end = 0.0 if terminated else rules.progress(shaped._simulation.row, shaped.tables, 0)
        assert gained == pytest.approx(weight * (end - start), abs=1e-9)


def assert_without_effect(env: DialogueEnv, before: list[int]) -> None:
    """Check that a step with an impossible action changed no slot but those of the user's next message."""
    tables = env.tables
    after = env._simulation.row
    changed = {
        slot for slot in range(tables.slots) if before[tables.values + slot] != after[tables.values + slot]
    }
    was_heard = before[TURNS] != after[TURNS]
    block = tables.heard if tables.is_noisy else tables.told
    told = {slot for slot in range(tables.slots) if was_heard and after[block + slot]}
    if was_heard:  # second hypotheses and denials change what is believed
        told.update(tables.constraints)
    assert changed <= told


def assert_goal_is_met(env: DialogueEnv) -> None:
    tables, row = env.tables, env._simulation.row
    if tables.is_agenda:
        assert row[POSITION] == tables.agenda_length[row[AGENDA]]
        return
    if tables.is_search:
        venue = row[CHOSEN] - 1
        assert venue >= 0 and row[WANTED] == 0
        for name, value in env.goal.items():
            assert value in ("dontcare", env.domain.database.value(venue, name))
        return
    for slot in range(tables.slots):
        if tables.goal_size[slot]:
            assert row[tables.values + slot] == row[tables.goal + slot]


@ROUNDS
@given(SOURCES, st.sampled_from(["auto", "explicit"]), st.integers(0, 2**63 - 1), st.data())
def test_mask_agrees_with_the_step(
    source: Domain | str, turn_taking: str, state: int, data: st.DataObject
) -> None:
    """From any random state: an action is invalid in the step if and only if its mask was 0."""
    tables = rules.build_tables(load_domain(source), Settings(turn_taking=turn_taking))
    row = [0] * tables.size
    row[RANDOM] = state
    rules.begin(row, tables, rules.draw)
    for _ in range(30):
        mask = [1] * tables.actions
        rules.mask(tables, rules.blocked(row, tables), mask)
        action = data.draw(st.integers(1, tables.actions - 1))
        patience = row[PATIENCE]
        events = rules.step(row, tables, action, rules.draw)
        assert bool(events & INVALID) == (not mask[action])
        if events & INVALID:
            # The tenth action without a message hands the turn over, and the user may have all they want.
            assert not events & SUCCESS or events & TURN
            assert patience - row[PATIENCE] == bool(events & USELESS)
        if events & (SUCCESS | FAILURE):
            break
        assert 0 <= row[RANDOM] < 2**63


@ROUNDS
@given(st.integers(0, 2**70))
def test_seeds_mix_to_states_of_63_bits(seed: int) -> None:
    assert 0 <= rules.mix(seed) < 2**63


def test_neighbouring_seeds_are_unrelated() -> None:
    states = [rules.mix(seed) for seed in range(4096)]
    assert len(set(states)) == 4096
    ones = np.array([[state >> bit & 1 for bit in range(63)] for state in states]).mean(axis=0)
    assert (abs(ones - 0.5) < 0.05).all()
