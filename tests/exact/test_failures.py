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
from dialogue_gym.policies.base import Policy
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
    for failed in Failures(bot, solve_chain(bot).chain).likeliest(2, 200):
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
    (failed,) = Failures(bot, solve_chain(bot).chain).likeliest(5, 0)
    assert failed.seed is None and failed.chance == pytest.approx(1.03e-6, rel=0.01)
    assert failed.conversation.outcome == "failure" and failed.advice is None
    *_, last = failed.conversation.events
    assert set(failed.goal) == {"cuisine", "people", "location", "price"}
    assert str(last).count("inform") or str(last).count("deny")


def test_a_dialogue_of_one_name_among_many_is_told() -> None:
    """There are a million goals, with all of their names, before the first one for a large order."""
    goal = {"size": ["small", "large"]} | {slot: [f"name {number}" for number in range(70)] for slot in "abc"}
    asks = {f"ask_{slot}": {"user": {"inform": slot}} for slot in goal}
    domain = domain_of(
        {
            "intents": ["inform", "affirm", "deny"],
            "entities": [*goal],
            "slots": {slot: {"type": "text"} for slot in goal}
            | {"size": {"type": "categorical", "values": goal["size"]}},
            "actions": [*asks, "order"],
            "fake_user": {
                "goal": goal,
                "informativeness": 0,
                "indecisiveness": 1e-7,
                "patience": 2,
                "actions": asks | {"order": {"user": "judge"}},
            },
        }
    )

    class Confused(Policy):
        """Asks for the size on and on, once somebody has made a large order a small one."""

        def choose(self, observation: Any, mask: Any, deterministic: bool) -> int:
            fields = zip(self.env.fields, observation.tolist(), strict=True)
            known = {field.name: code for field, code in fields}
            is_again = known["heard.size"] == 2 or (known["filled_last"] == 1 and known["slot.c"])
            asked = ["ask_size"] if is_again and known["slot.size"] == 1 else []
            missing = [ask for slot, ask in zip(goal, asks, strict=True) if not known[f"slot.{slot}"]]
            return self.env.action_names.index([*asked, *missing, "order"][0])

    bot = JudgedBot(Confused(DialogueEnv(domain)))
    (failed,) = Failures(bot, solve_chain(bot).chain).likeliest(1, 0)
    assert failed.goal == {"size": "large", "a": "name 0", "b": "name 0", "c": "name 0"}
    assert failed.seed is None and failed.conversation.outcome == "failure"


def test_a_rare_dialogue_has_a_seed_of_those_with_its_rarest_draw() -> None:
    seeds = np.array([0, 1, 668125, 2**62 + 3, 2**63 - 1], np.uint64)
    assert (unmix(rules.mix(seeds)) == seeds).all()
    expert = load_agent("expert", load_domain("restaurant"))
    assert expert
    bot = JudgedBot(expert)
    (failed,) = Failures(bot, solve_chain(bot).chain).likeliest(5, 1000)
    assert failed.seed is not None and failed.seed > 10**6
    assert failed.chance == pytest.approx(1.03e-6, rel=0.01)
    assert replay(failed, expert).events == failed.conversation.events
