"""The likeliest failed dialogues: their chances, the seeds that play them again, and the advice."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from dialogue_gym import load_domain, rules
from dialogue_gym.bounds.enumeration import Chance
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.exact import evaluate_exactly, replay
from dialogue_gym.exact.aim import unmix
from dialogue_gym.exact.evaluation import solve_chain
from dialogue_gym.exact.failures import Failures
from dialogue_gym.exact.player import JudgedBot, play_seed
from dialogue_gym.journal.store import Store
from dialogue_gym.policies.agent import load_agent
from dialogue_gym.rules.tables import FAILURE, RANDOM, SUCCESS, TRUNCATED
from tests.conftest import domain_of
from tests.exact.lessons import correct_once, taught_bot
from tests.exact.policies import FixedTable
from tests.strategies import domains

SMALL = st.fixed_dictionaries(
    {
        "turn_taking": st.sampled_from(["auto", "explicit"]),
        "semantic_error_rate": st.sampled_from([0.0, 0.0, 0.3]),
        "patience": st.integers(1, 3),
        "max_episode_steps": st.integers(2, 4),
    }
)


def chance_of(env: DialogueEnv, seen: list[Any], actions: list[int]) -> float:
    """Return the chance to see some observations and fail at the last one; no rows are merged."""
    tables, source = env.tables, Chance(env.tables)
    row = [0] * tables.size
    rows: dict[tuple[int, ...], float] = defaultdict(float)

    def begin() -> int:
        rules.begin(row, tables, source.draw)
        return 0

    for chance, _ in source.outcomes(begin):
        row[RANDOM] = 0
        rows[tuple(row)] += chance * (row[: tables.values] == seen[0])
    failed = 0.0
    for place, action in enumerate(actions, 1):
        assume(len(rows) < 500)
        following: dict[tuple[int, ...], float] = defaultdict(float)
        for key, weight in rows.items():

            def step(key: Any = key, action: int = action) -> int:
                row[:] = key
                return rules.step(row, tables, action, source.draw)

            for chance, events in source.outcomes(step) if weight else ():
                row[RANDOM] = 0
                if row[: tables.values] == seen[place] and not events & SUCCESS:
                    is_over = events & (FAILURE | TRUNCATED)
                    failed += weight * chance * (bool(is_over) and place == len(actions))
                    following[tuple(row)] += weight * chance * (not is_over)
        rows = following
    return failed


@settings(max_examples=15, suppress_health_check=list(HealthCheck), deadline=None)
@given(domains(), SMALL, st.integers(0, 5))
@pytest.mark.slow
def test_failed_dialogues_fail_again_and_have_their_chance(
    content: dict[str, Any], small: dict[str, Any], table: int
) -> None:
    env = DialogueEnv(domain_of(content), **small)
    bot = JudgedBot(FixedTable(env, table))
    for failed in Failures(bot, solve_chain(bot.env, bot.policy).chain).likeliest(2, 200):
        assert failed.conversation.outcome in ("failure", "truncated")
        if failed.seed is None:
            continue
        assert replay(failed, bot.policy).events == failed.conversation.events
        played = play_seed(bot, failed.seed)
        seen = [*(choice.codes.tolist() for choice in played.choices), played.last.tolist()]
        actions = [env.domain.actions.index(choice.action) for choice in played.choices]
        assert failed.chance == pytest.approx(chance_of(env, seen, actions), rel=1e-6)


@pytest.mark.parametrize("turn_taking", ["auto", pytest.param("explicit", marks=pytest.mark.slow)])
def test_a_correction_of_the_likeliest_failure_raises_the_exact_success(turn_taking: str) -> None:
    domain, store = load_domain("concert"), Store.in_memory()
    for seed in (0, 1, 2):  # three lessons
        while correct_once(store, domain, turn_taking, seed):
            bot = taught_bot(store, domain, turn_taking)
            report = evaluate_exactly(bot)
            assert report.method == "exact" and report.failures
            for failed in report.failures:
                assert replay(failed, bot).outcome == failed.conversation.outcome == "failure"
    first = report.failures[0]
    assert first.seed is not None and first.advice is not None
    while correct_once(store, domain, turn_taking, first.seed):
        pass
    better = taught_bot(store, domain, turn_taking)
    assert replay(first, better).outcome == "success"
    assert evaluate_exactly(better).success_rate > report.success_rate + 0.01


@pytest.mark.slow
@pytest.mark.parametrize(("name", "most"), [("restaurant", 7), ("concert", 10)])
def test_few_corrections_of_the_likeliest_failures_make_the_bot_as_good_as_the_teacher(
    name: str, most: int
) -> None:
    domain, store = load_domain(name), Store.in_memory()
    expert = load_agent("expert", domain)
    assert expert
    best = evaluate_exactly(expert, failures=0).success_rate
    for _ in range(most):
        report = evaluate_exactly(taught_bot(store, domain, "auto"), failures=1)
        if report.success_rate >= best - 1e-6:
            break
        seed = report.failures[0].seed
        assert seed is not None and correct_once(store, domain, "auto", seed)
    report = evaluate_exactly(taught_bot(store, domain, "auto"), failures=1)
    assert report.success_rate >= best - 1e-6


def test_a_dialogue_without_a_seed_is_told_all_the_same() -> None:
    expert = load_agent("expert", load_domain("restaurant"))
    assert expert
    bot = JudgedBot(expert)
    (failed,) = Failures(bot, solve_chain(bot.env, bot.policy).chain).likeliest(5, 0)
    assert failed.seed is None and failed.chance == pytest.approx(1.03e-6, rel=0.01)
    assert failed.conversation.outcome == "failure" and failed.advice is None
    *_, last = failed.conversation.events
    assert set(failed.goal) == {"cuisine", "people", "location", "price"}
    assert str(last).count("inform") or str(last).count("deny")


def test_a_rare_dialogue_has_a_seed_of_those_with_its_rarest_draw() -> None:
    seeds = np.array([0, 1, 668125, 2**62 + 3, 2**63 - 1], np.uint64)
    assert (unmix(rules.mix(seeds)) == seeds).all()
    expert = load_agent("expert", load_domain("restaurant"))
    assert expert
    bot = JudgedBot(expert)
    (failed,) = Failures(bot, solve_chain(bot.env, bot.policy).chain).likeliest(5, 1000)
    assert failed.seed is not None and failed.seed > 10**6
    assert failed.chance == pytest.approx(1.03e-6, rel=0.01)
    assert replay(failed, expert).events == failed.conversation.events
