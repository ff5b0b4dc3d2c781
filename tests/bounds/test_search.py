"""Bounds where users search: no policy exceeds them, not even one that sees the user's half of the row."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from dialogue_gym import ExpertPolicy, rules
from dialogue_gym.bounds import (
    SearchOptimum,
    bound,
    greedy_returns,
    known_bound,
    sample_bound,
    sample_optimum,
    search_goals,
    search_relaxation,
    tables_of,
)
from dialogue_gym.bounds.bounding import TOLD, Bounding, BoundMethod
from dialogue_gym.bounds.easier_dialogue import is_hasty, largest_return
from dialogue_gym.bounds.enumeration import Chance, TooLarge
from dialogue_gym.bounds.search_relaxation import Relaxation
from dialogue_gym.rules.tables import FAILURE, RANDOM, SUCCESS, TRUNCATED, TURNS, Settings, Tables
from dialogue_gym.training import evaluate
from tests.conftest import SEARCHING, domain_of
from tests.rules.test_search import PLACES, PLACES_EXPERT, PLACES_FILE
from tests.strategies import search_domains

Row = tuple[int, ...]
FEW_ROWS, MANY_ROWS = 400, 1500
"""An example with more rows is given up: the large ones take minutes, and are among the slow tests."""
SMALL = st.fixed_dictionaries(
    {
        "turn_taking": st.sampled_from(["auto", "auto", "explicit"]),
        "semantic_error_rate": st.sampled_from([0.0, 0.0, 0.0, 0.3]),
        "patience": st.integers(1, 2),
        "max_episode_steps": st.integers(3, 5),
    }
)
REWARDS = st.dictionaries(
    st.sampled_from(["success", "failure", "step", "turn", "useless", "invalid", "action_restart"]),
    st.integers(-2, 1),
)
ROUNDS = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))


FIGURES = [
    "combine",
    "relax",
    "wants_other",
    "changes",
    "tells",
    "corrects",
    "asks_more",
    "leaves",
    "new_wish",
]


@st.composite
def tiny_searches(draw: st.DrawFn) -> dict[str, Any]:
    """A domain in which a few steps suffice for success, with few acts of the bot."""
    content = yaml.safe_load(PLACES_FILE)
    user = content["fake_user"]
    slots = draw(st.sampled_from([["area"], ["kind", "area"]]))
    acts = ["offer", *draw(st.sampled_from([["more"], ["other", "bye"], ["other", "more", "bye"]]))]
    attributes = draw(st.sampled_from([[], ["phone"], ["phone", "address"]]))
    acts += ["tell", *(f"ask_{slot}" for slot in slots)]
    content["actions"] = acts
    user["actions"] = {name: model for name, model in user["actions"].items() if name in acts}
    user["constraints"] = {"slots": slots, "count": [1, len(slots)], "unmet": draw(st.sampled_from([0, 0.5]))}
    user["requests"] = {"attributes": attributes, "count": [0, len(attributes)]}
    if not attributes:
        del user["requests"]
    user["behaviour"] |= {name: draw(st.sampled_from([0, 0, 0.5, 1])) for name in FIGURES}
    content["database"]["rows"] = draw(
        st.lists(st.sampled_from(content["database"]["rows"]), min_size=1, max_size=3, unique_by=str)
    )
    del content["responses"]
    return content


class Plain:
    """The optimum of a policy that sees everything, by recursion over whole rows.

    Too many of them give up the example.
    """

    def __init__(self, tables: Tables, most: int) -> None:
        self.tables = tables
        self.most = most
        self._chance = Chance(tables)
        self._values: dict[Row, float] = {}

    def _outcomes(self, key: Row, run: Any) -> list[tuple[float, int, Row]]:
        row: list[int] = []

        def start() -> int:
            row[:] = key
            return int(run(row) or 0)

        results = []
        for chance, events in self._chance.outcomes(start):
            row[RANDOM] = row[TURNS] = 0
            results.append((chance, events, tuple(row)))
            assume(len(results) < self.most)
        return results

    def of_user(self, key: Row) -> float:
        """Return the optimum with a user who has just been met."""
        openings = self._outcomes(key, lambda row: rules.open_dialogue(row, self.tables, self._chance.draw))
        return sum(chance * self.value(row) for chance, _, row in openings)

    def value(self, key: Row) -> float:
        """Return the optimum from a row on."""
        if key not in self._values:
            assume(len(self._values) < self.most)
            actions = range(1 if self.tables.is_auto else 0, self.tables.actions)
            self._values[key] = max(self._of_action(key, action) for action in actions)
        return self._values[key]

    def _of_action(self, key: Row, action: int) -> float:
        total = 0.0
        for chance, events, row in self._outcomes(
            key, lambda row: rules.step(row, self.tables, action, self._chance.draw)
        ):
            total += chance * (self.tables.event_reward[events] + self.tables.action_reward[action])
            if not events & (SUCCESS | FAILURE | TRUNCATED):
                total += chance * self.value(row)
        return total


def users(tables: Tables, count: int) -> list[Row]:
    rows = []
    for seed in range(count):
        row = [0] * tables.size
        row[RANDOM] = rules.mix(seed)
        rules.meet(row, tables, rules.draw)
        row[RANDOM] = 0
        rows.append(tuple(row))
    return rows


@pytest.mark.parametrize("most", [FEW_ROWS, pytest.param(MANY_ROWS, marks=pytest.mark.slow)])
@ROUNDS
@given(tiny_searches() | search_domains(2, 4), REWARDS, SMALL)
def test_nobody_exceeds_the_bound(
    most: int, content: dict[str, Any], reward: dict[str, int], small: dict[str, Any]
) -> None:
    """User by user, for any rewards, with and without noise, for someone who sees the whole row."""
    tables = rules.build_tables(domain_of(content | {"reward": {"success": 4} | reward}), Settings(**small))
    relaxation, plain = Relaxation(tables), Plain(tables, most)
    for user in users(tables, 3):
        assert plain.of_user(user) <= relaxation.of_row(user) + 1e-9


@pytest.mark.parametrize("most", [FEW_ROWS, pytest.param(MANY_ROWS, marks=pytest.mark.slow)])
@ROUNDS
@given(tiny_searches() | search_domains(2, 4), REWARDS, SMALL)
def test_the_optimum_equals_plain_recursion(
    most: int, content: dict[str, Any], reward: dict[str, int], small: dict[str, Any]
) -> None:
    """Merged rows, and actions left out that cannot be the best, change nothing."""
    domain = domain_of(content | {"reward": {"success": 8} | reward})
    tables = rules.build_tables(domain, Settings(**small | {"semantic_error_rate": 0.0}))
    optimum, plain = SearchOptimum(tables, most_steps=100_000), Plain(tables, most)
    for user in users(tables, 2):
        assert optimum.of_user(user) == pytest.approx(plain.of_user(user), abs=1e-8)


@pytest.mark.parametrize("env_id", ["places", pytest.param(SEARCHING[0], marks=pytest.mark.slow)])
def test_the_expert_and_the_greedy_policy_are_below_the_optimum_and_that_below_the_bound(env_id: str) -> None:
    env = places(leaves=0.5, wants_other=0.25) if env_id == "places" else gym.make(env_id)
    optimum = sample_optimum(env, 12)
    assert optimum.high < sample_bound(env).low
    greedy, success = greedy_returns(env, 300)
    assert success == 1 and greedy.low < optimum.high
    expert = evaluate(env, ExpertPolicy(env, 0), 200)
    assert expert.mean_return - 2 * expert.return_error < optimum.high


def test_only_dialogues_without_noise_have_an_optimum() -> None:
    with pytest.raises(ValueError, match="without noise"):
        sample_optimum(gym.make("FakeUserCity-v0", semantic_error_rate=0.1))


def places(turn_taking: str = "auto", **figures: float) -> Any:
    """An environment whose users want both attributes of a place, greet first, and have these figures."""
    content = yaml.safe_load(PLACES_FILE + PLACES_EXPERT)
    user = content["fake_user"]
    user["constraints"]["unmet"] = figures.pop("unmet", 0)
    user["behaviour"] |= figures
    return gym.make("Dialogue-v0", domain=domain_of(content), turn_taking=turn_taking).unwrapped


def test_the_bound_of_small_dialogues_is_as_counted_by_hand() -> None:
    """An offer and in some cases another one, an answer or two, and in some cases a goodbye."""
    assert bound(places(leaves=1)) == pytest.approx(20 - 1 - 2)
    assert bound(places(leaves=0.5, wants_other=0.25)) == pytest.approx(20 - 1.25 - 2 - 0.5)
    assert bound(places(leaves=0.5, wants_other=0.25, asks_more=1)) == pytest.approx(20 - 1.25 - 1 - 0.5)
    # Three of four venues have both constraints; with another value of one of them, no venue has both.
    assert bound(places(leaves=1, unmet=1)) == pytest.approx(20 - 0.75 - 1 - 2)
    # Each turn takes two steps, but the last answer and the goodbye share a turn.
    assert bound(places("explicit", leaves=0)) == pytest.approx(20 - 2 - 2 - 3)


def test_a_sample_is_close_to_the_exact_bound() -> None:
    env = places(leaves=0.5, wants_other=0.3, asks_more=0.4, unmet=0.5)
    sampled = sample_bound(env, seed=3)
    assert sampled.tapes == search_relaxation.USERS and sampled.high - sampled.mean < 0.02
    assert abs(sampled.mean - bound(env)) < 2 * (sampled.high - sampled.mean)
    assert str(sampled).endswith("sampled (10,000 users)")


def test_the_time_is_kept_and_the_seed_decides() -> None:
    env = places(leaves=0.5, unmet=0.5)
    assert sample_bound(env, seconds=0.0).tapes == search_relaxation.FEWEST_USERS
    some, same, other = (Relaxation(tables_of(env)).sample(200, seed=seed) for seed in (1, 1, 2))
    assert some == same != other


def test_other_rewards_give_the_largest_return() -> None:
    env = gym.make("Dialogue-v0", domain=PLACES, reward={"step": 1}, max_episode_steps=7)
    assert not is_hasty(tables_of(env))
    assert bound(env) == sample_bound(env).mean == largest_return(tables_of(env)) == 6 + 21


def test_too_many_goals_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_goals, "MAX_GOALS", 3)
    with pytest.raises(TooLarge, match="draws of a goal: users are too many for an exact bound"):
        bound(places())


@pytest.mark.parametrize(
    "env_id", [SEARCHING[0], *(pytest.param(env_id, marks=pytest.mark.slow) for env_id in SEARCHING[1:])]
)
def test_the_expert_of_a_built_in_domain_is_below_the_bound(env_id: str) -> None:
    env = gym.make(env_id)
    figures = evaluate(env, ExpertPolicy(env, 0), 200)
    most = Relaxation(tables_of(env)).sample(1000).low
    assert figures.mean_return + 2 * figures.return_error < most < figures.mean_return + 6


@pytest.mark.slow
def test_the_bound_of_the_city_is_exact() -> None:
    env = gym.make("FakeUserCity-v0")
    sampled = sample_bound(env)
    assert abs(bound(env) - sampled.mean) < 2 * (sampled.high - sampled.mean)


def test_the_commands_bound_says_what_it_assumes() -> None:
    told: list[str] = []
    found = {}
    for method in BoundMethod:
        with Bounding("Dialogue-v0", {"domain": PLACES}, method, 0, told.append) as bounding:
            found[method] = bounding.result()
    assert told == [] and found[BoundMethod.NONE] is None
    exact, sampled = found[BoundMethod.EXACT], found[BoundMethod.AUTO]
    assert exact and sampled and sampled == found[BoundMethod.SAMPLE] and sampled.interval
    assert sampled == known_bound(gym.make("Dialogue-v0", domain=PLACES))
    assert str(known_bound(gym.make("FakeUserConcert-v0"))) == "15.00"
    assert str(exact) == f"{exact.value:.2f}, {TOLD}" and exact.interval is None
    assert str(sampled).endswith(f" (10,000 users), {TOLD}")
