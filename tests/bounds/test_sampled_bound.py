"""The sampled bound against the exact one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dialogue_gym import rules
from dialogue_gym.bounds.bounding import Bounding, BoundMethod
from dialogue_gym.bounds.enumeration import Enumeration
from dialogue_gym.bounds.sampled_bound import Distance, TapeSearch, sample_bound
from dialogue_gym.bounds.upper_bound import bound
from dialogue_gym.policies.base import ExpertPolicy
from dialogue_gym.rules.tables import Settings
from dialogue_gym.training.evaluation import evaluate
from tests.bounds.test_exchange import ALIKE, alike_domains
from tests.conftest import BUILT_IN, domain_of, make
from tests.strategies import domains


@pytest.mark.parametrize(
    ("env_id", "keywords", "tapes"),
    [
        (BUILT_IN[1], {}, 100),
        (BUILT_IN[1], {"semantic_error_rate": 0.3}, 100),
        (BUILT_IN[0], {}, 60),
        pytest.param(BUILT_IN[0], {"semantic_error_rate": 0.3}, 200, marks=pytest.mark.slow),
    ],
)
def test_the_sampled_bound_is_no_lower_than_the_exact_one(
    env_id: str, keywords: dict[str, Any], tapes: int
) -> None:
    env = make(env_id, **keywords)
    sampled, exact = sample_bound(env, tapes, seconds=600), bound(env)
    assert sampled.tapes == tapes and sampled.low < sampled.mean < sampled.high
    assert sampled.high > exact
    assert sampled.low < exact + 1  # it is of use: not far above
    played = evaluate(env, ExpertPolicy(env, 0), 400)
    assert sampled.high > played.mean_return - 3 * played.return_error


def test_without_chance_a_tape_has_the_exact_best_return() -> None:
    """The agenda is drawn, so the best returns of tapes differ; their exact mean is the bound."""
    env = make(BUILT_IN[1])
    search = TapeSearch(Enumeration(env.unwrapped.domain, env.unwrapped.tables))
    returns = [search.best_return(100 * tape) for tape in range(50)]
    assert all(is_whole for _, is_whole in returns)
    assert {best for best, _ in returns} <= set(range(10, 20)) and len({best for best, _ in returns}) > 2


class OneStep:
    """A guide that knows nothing: success may always be one step away."""

    def steps(self, row: Any, turns: int, changes: Any) -> int:
        return 1


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.one_of(domains(), alike_domains()),
    st.sampled_from(["auto", "explicit"]),
    st.sampled_from([0.0, 0.3]),
    st.integers(3, 6),
)
def test_the_guide_of_the_search_changes_no_result(
    content: dict[str, Any], turn_taking: str, error_rate: float, limit: int
) -> None:
    domain = domain_of(content)
    tables = rules.build_tables(
        domain,
        Settings(turn_taking=turn_taking, semantic_error_rate=error_rate, max_episode_steps=limit),
    )
    guided, plain = (TapeSearch(Enumeration(domain, tables), most_steps=20_000) for _ in range(2))
    plain._distance = OneStep()  # type: ignore[assignment]
    for tape in range(0, 300, 100):
        best, is_whole = plain.best_return(tape)
        if is_whole:
            assert guided.best_return(tape) == (pytest.approx(best), True)


SETS = {"actions": ALIKE["fake_user"]["actions"] | {"judge": {"user": "judge", "sets": {"a": "x"}}}}


@pytest.mark.parametrize(
    ("content", "opening", "changes", "steps"),
    [
        ({}, 0, (), 4),
        ({}, 2, (), 3),  # a restart tells two of them
        ({}, 0, (0, 1), 3),  # the first answer may come with another wish
        ({}, 0, (0, 0, 1), 3),
        ({"fake_user": ALIKE["fake_user"] | SETS}, 0, (), 2),
        ({"slots": ALIKE["slots"] | {"a": {"type": "text", "initial_value": "x"}}}, 0, (), 2),
    ],
)
def test_the_guide_counts_what_a_step_can_set_right(
    content: dict[str, Any], opening: int, changes: tuple[int, ...], steps: int
) -> None:
    tables = rules.build_tables(domain_of(ALIKE | content), Settings())
    row = [0] * tables.size
    for slot in range(3):
        row[tables.goal + slot], row[tables.opening + slot] = 1, int(slot < opening)
    assert Distance(tables).steps(row, 1, changes) == steps


def test_patience_is_left_after_a_useless_turn() -> None:
    """A misheard wish has to be said again, which costs patience."""
    content = ALIKE | {
        "slots": {"a": {"type": "text"}},
        "entities": ["a"],
        "actions": ["again", "judge"],
        "fake_user": {
            "goal": {"a": ["x", "y"]},
            "informativeness": 1,
            "indecisiveness": 0,
            "patience": 20,
            "actions": {"again": {"user": "open"}, "judge": {"user": "judge"}},
        },
    }
    domain = domain_of(content)
    search = TapeSearch(Enumeration(domain, rules.build_tables(domain, Settings(semantic_error_rate=0.5))))
    returns = [search.best_return(100 * tape)[0] for tape in range(20)]
    assert min(returns) > 0 and len(set(returns)) > 2


def test_a_search_that_is_cut_off_is_a_bound() -> None:
    env = make(BUILT_IN[0])
    enumeration = Enumeration(env.unwrapped.domain, env.unwrapped.tables)
    whole, short = TapeSearch(enumeration), TapeSearch(enumeration, most_steps=30)
    cut = 0
    for tape in range(0, 500, 100):
        (best, is_whole), (most, is_short_whole) = whole.best_return(tape), short.best_return(tape)
        assert is_whole and best <= most < 20
        cut += not is_short_whole
    assert cut >= 3


def test_the_time_is_kept_and_the_seed_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    env = make(BUILT_IN[1])
    assert sample_bound(env, 20, seed=3) == sample_bound(env, 20, seed=3) != sample_bound(env, 20, seed=4)
    monkeypatch.setattr("dialogue_gym.bounds.sampled_bound.FEWEST_TAPES", 5)
    assert sample_bound(env, 1000, seconds=0.0).tapes == 5


def test_computation_that_is_terminated_is_over() -> None:
    """As by a signal to the whole group of processes."""
    with Bounding("FakeUserRestaurant-v0", {}, BoundMethod.AUTO, 0, pytest.fail) as bounding:
        assert not bounding.is_ready
        bounding._process.terminate()
        with pytest.raises(RuntimeError, match="was killed"):
            bounding.result()
        assert bounding.is_ready
