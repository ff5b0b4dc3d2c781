"""The likelihood of logged dialogues is that of the rules, and the likeliest user is near the true one."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dialogue_gym import rules
from dialogue_gym.bounds.enumeration import Chance, TooLarge
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.fitting import lattice as lattices
from dialogue_gym.fitting.dialogues import DialogueReader
from dialogue_gym.fitting.lattice import Lattice, PathFinder
from dialogue_gym.fitting.unknowns import (
    CORRECTS,
    ERROR,
    FAULT,
    MIND,
    OPENING,
    PART,
    PATIENCE,
    RIGHT,
    WRONG,
    Floats,
    Unknowns,
)
from dialogue_gym.fitting.user_paths import UserPaths
from dialogue_gym.rules.build import opening_chances, resolve_profile
from dialogue_gym.rules.tables import (
    FAILURE,
    HEARD_CONFIDENCE,
    HEARD_INTENT,
    RANDOM,
    SAID_INTENT,
    STEPS,
    SUCCESS,
    TURN,
    TURNS,
)
from tests.conftest import domain_of, examples
from tests.strategies import domains


def true_chances(env: DialogueEnv, unknowns: Unknowns) -> Floats:
    """Return the chances of the user of an environment."""
    user = env.domain.fake_user
    assert user is not None
    profile, noise = resolve_profile(user, env.settings), user.noise
    error = env.settings.semantic_error_rate
    opening = opening_chances(profile.informativeness, len(user.goal))
    known: dict[str, Any] = {
        OPENING: [*opening, *[0.0] * (len(user.goal) + 1 - len(opening))],
        MIND: [1 - profile.indecisiveness, profile.indecisiveness],
        CORRECTS: [1 - profile.correction_rate, profile.correction_rate],
        ERROR: [1 - error, error],
        RIGHT: noise.right,
        WRONG: noise.wrong,
        FAULT: noise.faults,
    }
    for name, table in unknowns.tables.items():
        if name.startswith(PATIENCE):
            has_left = int(name.split()[1]) >= profile.patience
            known[name] = [1 - has_left, has_left]
        if name.startswith(PART):
            part = int(name.split()[1])
            known[name] = np.zeros(table.size)
            for agenda in user.agendas:
                known[name][agenda.way[part]] += agenda.chance
    return np.concatenate([known[name] for name in unknowns.tables])


def what_was_heard(env: DialogueEnv, row: Any) -> tuple[int, ...]:
    tables = env.tables
    if tables.is_noisy:
        return (row[HEARD_INTENT], row[HEARD_CONFIDENCE], *row[tables.heard_block])
    return (row[SAID_INTENT], *row[tables.told_block])


def play_by_the_rules(env: DialogueEnv, choices: list[int]) -> tuple[float, str | None]:
    """Play a dialogue; return its probability and outcome.

    All rows that the rules may lead to are followed, as they are.
    """
    tables, chance = env.tables, Chance(env.tables)
    row: list[int] = []

    def run(begins: bool, start: tuple[int, ...], action: int) -> int:
        row[:] = start
        if begins:
            rules.begin(row, tables, chance.draw)
            return TURN
        return rules.step(row, tables, action, chance.draw)

    def follow(rows: dict[tuple[int, ...], float], begins: bool, action: int) -> dict[Any, float]:
        after: dict[Any, float] = defaultdict(float)
        for start, share in rows.items():
            for part, events in chance.outcomes(lambda start=start: run(begins, start, action), 20_000):
                for place in (RANDOM, STEPS, TURNS):
                    row[place] = 0
                after[tuple(row), events & (SUCCESS | FAILURE | TURN)] += share * part
        return after

    now = env._simulation.row
    heard = what_was_heard(env, now)
    rows = {
        row: share
        for (row, _), share in follow({(0,) * tables.size: 1.0}, True, 0).items()
        if what_was_heard(env, row) == heard
    }
    probability = sum(rows.values())
    for choice in choices:
        action = env.first_action + choice % len(env.action_names)
        turns = now[TURNS]
        _, _, is_over, _, info = env.step(action - env.first_action)
        after = follow(rows, False, action)
        assume(len(after) < 2000)
        if is_over and not info["is_success"]:
            # A journal cannot tell whether an agenda's user leaves content: both are silent.
            ends = FAILURE | SUCCESS if tables.is_agenda else FAILURE
            return sum(share for (_, events), share in after.items() if events & ends), "failure"
        if now[TURNS] == turns:
            if is_over:  # an agenda's user leaves without a word
                return sum(share for (_, events), share in after.items() if events & SUCCESS), "success"
            rows = {row: share for (row, events), share in after.items() if not events & TURN}
            continue
        heard = what_was_heard(env, now)
        alike = {
            (row, events): share
            for (row, events), share in after.items()
            if events & TURN and not events & FAILURE and what_was_heard(env, row) == heard
            if not (tables.is_agenda and events & SUCCESS)
        }
        # Nothing after the last message says whether the user has what they want.
        probability = sum(alike.values())
        rows = defaultdict(float)
        for (one, events), share in alike.items():
            if not events & SUCCESS:
                rows[one] += share
        if is_over:
            return probability, "success"
    return probability, None


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=examples(60))
@given(
    domains(),
    st.sampled_from(["auto", "explicit"]),
    st.sampled_from([0.0, 0.3]),
    st.lists(st.integers(0, 20), min_size=1, max_size=3),
    st.integers(0, 1000),
)
def test_likelihood_is_the_probability_by_the_rules(
    content: dict[str, Any], turn_taking: str, error: float, choices: list[int], seed: int
) -> None:
    domain = domain_of(content)
    env = DialogueEnv(domain, turn_taking=turn_taking, semantic_error_rate=error)
    env.reset(seed=seed)
    try:
        probability, outcome = play_by_the_rules(env, choices)
    except TooLarge:
        assume(False)
    events = list(env.conversation.events)
    if outcome == "failure":
        events.pop()  # they hang up without another word
    dialogue = DialogueReader(domain).read(events, outcome)
    assert dialogue is not None
    assert domain.fake_user is not None
    unknowns = Unknowns(domain.fake_user)
    before, lattices.NEGLIGIBLE = lattices.NEGLIGIBLE, 0.0
    try:
        paths = UserPaths(domain, turn_taking, error > 0, unknowns)
        found = Lattice(PathFinder(lambda _: paths, unknowns), [dialogue], unknowns)
    finally:
        lattices.NEGLIGIBLE = before
    assert not found.cut
    likelihood = math.exp(found.log_likelihood(true_chances(env, unknowns)))
    assert likelihood == pytest.approx(probability, rel=1e-5)
