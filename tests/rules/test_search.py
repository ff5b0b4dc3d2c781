"""Users who search: the rules interpreted, compiled and in words; what the bot sees, and what it cannot."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dialogue_gym import DialogueEnv, rules
from dialogue_gym.conversation import Conversation
from dialogue_gym.conversation.events import from_json, to_json
from dialogue_gym.domain import Domain
from dialogue_gym.domain.database import MAX_VENUES
from dialogue_gym.rules.tables import (
    CHOSEN,
    FIRST_VENUE,
    NO_OTHER,
    ON_OFFER,
    PATIENCE,
    RANDOM,
    SUCCESS,
    UNTOLD,
    USELESS,
    WANTED,
    WISHES,
)
from dialogue_gym.vector.lanes import Lanes
from tests.conftest import domain_from, domain_of
from tests.envs.test_properties import ROUNDS, SEEDS, keep_the_invariants
from tests.rules.plays import Play
from tests.strategies import search_domains

PLACES_FILE = """
    intents: [greet, inform, affirm, deny, request, alternative, find, thank]
    entities: [kind, area, attribute]
    slots:
      kind: {type: categorical, values: [thai, greek, pizza]}
      area: {type: categorical, values: [north, south]}
    database:
      name: place
      columns: [place, kind, area, phone, address]
      rows:
        - [Alba, thai, north, "11", Oak Road 1]
        - [Bela, thai, north, "12", Main Street 2]
        - [Cora, greek, south, "13", ~]
        - [Dora, pizza, ~, "14", Hill 4]
    fake_user:
      constraints: {slots: [kind, area], count: 2, unmet: 0}
      requests: {attributes: [phone, address], count: 2}
      behaviour:
        {patience: 4, combine: 0, relax: 1, wants_other: 0, changes: 0, corrects: 1, asks_more: 0, leaves: 0,
         greets: 1, new_wish: 0}
      actions:
        ask_kind: {user: {request: kind}}
        ask_area: {user: {request: area}}
        confirm_kind: {user: {confirm: kind}}
        select_kind: {user: {select: kind}}
        offer: {user: offer, says: "How about {place}?"}
        other: {user: alternative, says: "Then {place}?"}
        tell: {user: answer}
        more: {user: more}
        bye: {user: bye}
        pardon: {user: repeat}
        hello: {user: greet}
    actions: [ask_kind, ask_area, confirm_kind, select_kind, offer, other, tell, more, bye, pardon, hello]
    responses:
      tell/phone: [{text: "Its number is {phone}."}]
      offer/no_match: [{text: "I know no such place."}]
"""
PLACES_EXPERT = """
    expert:
      - {when: {over: "yes", offer: accepted}, then: bye}
      - {when: {pending: [one, several], offer: [made, accepted]}, then: tell}
      - {when: {offer: other wanted}, then: other}
      - {when: {slots: {kind: empty}}, then: ask_kind}
      - {when: {slots: {area: empty}}, then: ask_area}
      - then: offer
"""
PLACES = domain_from(PLACES_FILE)
"""Users of whom nothing is left to chance but their goal."""


def play(kind: int, area: int, **settings: Any) -> Play:
    """A dialogue with a user who wants the values of these codes, and both attributes, and greets first."""
    one = Play(PLACES, **settings)
    one.row[one.tables.goal : one.tables.goal + 2] = [kind, area]
    one.row[UNTOLD] = 3
    one.row[FIRST_VENUE] = 0
    return one


def test_a_dialogue_goes_from_questions_to_an_offer_to_answers() -> None:
    one = play(1, 1)
    assert (one.heard(), one.sees("matches"), one.sees("known")) == ("greet", "few", "none")
    one.do("ask_kind")
    assert (one.heard(), one.sees("slot.kind"), one.sees("matches")) == (
        'inform{"kind": "1"}',
        "filled",
        "two",
    )
    one.do("ask_area")
    one.do("offer")
    assert (one.sees("offer"), one.sees("pending"), one.row[CHOSEN]) == ("accepted", "one", 1)
    one.do("tell")
    one.do("tell")
    assert one.heard() == "thank" and one.sees("over") == "yes" and one.row[WANTED] == 0
    assert one.do("bye") & SUCCESS


def test_offers_do_not_draw_constraints_out() -> None:
    one = play(2, 2)
    one.do("ask_area")
    assert one.do("offer") & USELESS == 0 and one.row[CHOSEN] == 3  # the only venue in the south
    two = play(1, 2)
    two.do("ask_area")
    assert two.do("offer") & USELESS and two.heard() == "deny"  # the kind was never told


def test_a_user_without_a_match_gives_way() -> None:
    one = play(2, 1)
    one.do("ask_kind")
    one.do("ask_area")
    assert one.sees("matches") == "none"
    assert one.do("offer") & USELESS == 0
    assert "3" in one.heard() or "4" in one.heard()  # one of the two does not matter any more
    assert one.do("offer") & USELESS == 0 and one.row[CHOSEN]


def test_alternatives_end_and_begin_again() -> None:
    one = play(1, 1)
    one.do("ask_kind")
    one.do("offer")
    assert one.row[one.tables.search + ON_OFFER] == 1
    one.do("other")
    assert one.row[one.tables.search + ON_OFFER] == 2
    one.do("other")
    assert one.row[one.tables.search + ON_OFFER] == 0
    assert (
        one.heard() == 'inform{"kind": "4"}' and one.sees("left") == "yes"
    )  # gives way: the first one again


def test_an_early_goodbye_only_costs_patience() -> None:
    one = play(1, 1)
    one.do("ask_kind")
    one.do("offer")
    before = one.row[PATIENCE]
    events = one.do("bye")
    assert not events & SUCCESS and one.row[PATIENCE] == before - 1


def test_a_database_without_a_cell_matches_only_what_does_not_matter() -> None:
    tables = rules.build_tables(PLACES, rules.Settings())
    area = tables.match_at[1]
    assert [tables.venues_with[area + code] >> 3 & 1 for code in range(5)] == [1, 0, 0, 1, 0]


@ROUNDS
@given(search_domains(), st.sampled_from(["auto", "explicit"]), st.sampled_from([0.0, 0.3, 1.0]), SEEDS)
def test_words_give_the_same_knowledge_as_codes(
    content: dict[str, Any], turn_taking: str, error: float, seed: int
) -> None:
    """Events, also read back from JSON, lead to the bot's half of the row: stories search like rules."""
    env = DialogueEnv(domain_of(content), turn_taking=turn_taking, semantic_error_rate=error)
    random = np.random.default_rng(seed)
    env.reset(seed=seed)
    for _ in range(25):
        _, _, terminated, truncated, info = env.step(int(random.integers(env.action_space.n)))
        if terminated and info["is_success"]:
            break  # the user has left without a message
        assert env.conversation.bot_half == env._simulation.row[env.tables.start_block]
        if terminated or truncated:
            break
    conversation = env.conversation
    again = Conversation(env.domain, [from_json(to_json(event)) for event in conversation.events])
    assert again.bot_half == conversation.bot_half


@ROUNDS
@given(search_domains(), st.sampled_from([0.0, 0.3]), SEEDS)
def test_observation_and_mask_follow_from_the_bots_half(
    content: dict[str, Any], error: float, seed: int
) -> None:
    """Another user in the row changes neither."""
    env, other = (DialogueEnv(domain_of(content), semantic_error_rate=error) for _ in range(2))
    random = np.random.default_rng(seed)
    env.reset(seed=seed)
    other.reset(seed=seed + 1)
    for _ in range(8):
        _, _, terminated, truncated, info = env.step(int(random.integers(env.action_space.n)))
        half = env.tables.start_block
        other._simulation.row[half] = env._simulation.row[half]
        assert np.array_equal(other._observe(), env._observe())
        assert np.array_equal(other._mask(), info["action_mask"])
        if terminated or truncated:
            break


def with_slots(count: int) -> Domain:
    """Return the places with more slots, which come before the others."""
    content = yaml.safe_load(PLACES_FILE)
    content["slots"] = {f"other_{i}": {"type": "bool"} for i in range(count - 2)} | content["slots"]
    return domain_of(content)


@pytest.mark.parametrize(
    ("domain", "turn_taking", "cell"),
    [
        (PLACES, "auto", np.int16),
        pytest.param(PLACES, "explicit", np.int16, marks=pytest.mark.slow),
        pytest.param("laptop", "auto", np.int16, marks=pytest.mark.slow),  # a set of venues has two words
        pytest.param(with_slots(16), "auto", np.int32, marks=pytest.mark.slow),
        pytest.param(with_slots(62), "auto", np.int64, marks=pytest.mark.slow),
    ],
)
def test_compiled_rows_are_the_interpreted_ones(
    domain: Domain | str, turn_taking: str, cell: type[np.signedinteger[Any]]
) -> None:
    """Whole rows, with the user's half and the random state; the property tests see only results."""
    for error in (0.0, 0.15, 0.3):
        # With beliefs it is the version that tests of beliefs compile as well.
        env = DialogueEnv(domain, turn_taking=turn_taking, semantic_error_rate=error, observation="belief")
        count = 8
        lanes = Lanes(env, count, is_same_step=False, copy=False)
        assert lanes._rows.cells.dtype == cell
        everything = np.ones(count, np.bool_)
        lanes.reset(np.arange(count, dtype=np.uint64), everything, everything)
        rows = []
        for lane in range(count):
            rows.append([0] * env.tables.size)
            rows[lane][RANDOM] = rules.mix(lane)
            rules.begin(rows[lane], env.tables, rules.draw)
        random = np.random.default_rng(1)
        is_over = [False] * count
        for _ in range(1000):
            actions = random.integers(env.action_space.n, size=count)
            lanes.step(actions)
            for lane, row in enumerate(rows):
                if is_over[lane]:
                    rules.begin(row, env.tables, rules.draw)
                    is_over[lane] = False
                else:
                    action = int(actions[lane]) + env.first_action
                    events = rules.step(row, env.tables, action, rules.draw)
                    is_over[lane] = events & (rules.SUCCESS | rules.FAILURE | rules.TRUNCATED) != 0
                assert lanes._rows.read(lane) == row


def test_an_offer_is_put_into_words() -> None:
    env = DialogueEnv(PLACES, render_mode="ansi")
    env.reset(seed=1, options={"goal": {"kind": "greek", "area": "dontcare"}})
    assert env.goal == {"kind": "greek", "area": "dontcare"}
    for action in ("ask_kind", "ask_area", "offer", "tell"):
        env.step(env.action_names.index(action))
    text = str(env.render())
    assert "How about Cora?" in text
    assert "Its number is 13." in text or "address: ?" in text
    offered = [event for event in env.conversation.events if getattr(event, "name", "") == "place"]
    assert [event.value for event in offered] == ["Cora"]  # type: ignore[union-attr]


def test_no_match_and_no_other_are_put_into_words() -> None:
    env = DialogueEnv(PLACES, render_mode="ansi")
    env.reset(seed=1, options={"goal": {"kind": "greek", "area": "north"}})
    for action in ("ask_kind", "ask_area", "offer"):
        env.step(env.action_names.index(action))
    assert "I know no such place." in str(env.render())
    env.reset(seed=1, options={"goal": {"kind": "greek", "area": "south"}})
    for action in ("ask_kind", "offer", "other"):
        env.step(env.action_names.index(action))
    assert "I know of no other place." in str(env.render())
    assert env._simulation.row[env.tables.offer] == NO_OTHER or env._simulation.row[WISHES]


def test_the_largest_worlds_are_played() -> None:
    """2,000 venues, twelve constraints, one of 200 values, and twenty attributes: 32 words for each set."""
    chance = np.random.default_rng(0)
    values = {f"slot{i}": [f"v{i}x{j}" for j in range(12 if i else 200)] for i in range(12)}
    attributes = [f"attribute{i}" for i in range(20)]
    rows = [
        [f"place {number}", *(str(chance.choice(known)) for known in values.values()), *attributes]
        for number in range(MAX_VENUES)
    ]
    acts: dict[str, Any] = {act: {"user": act} for act in ("offer", "alternative", "answer", "more", "bye")}
    acts |= {f"ask_{name}": {"user": {"request": name}} for name in values}
    domain = domain_of(
        {
            "intents": ["greet", "inform", "affirm", "deny", "request", "alternative", "find", "thank"],
            "entities": [*values, "attribute"],
            "slots": {name: {"type": "categorical", "values": known} for name, known in values.items()},
            "database": {"name": "place", "columns": ["place", *values, *attributes], "rows": rows},
            "actions": list(acts),
            "fake_user": {
                "constraints": {"slots": list(values), "count": [2, 4]},
                "requests": {"attributes": attributes, "count": [1, 3]},
                "actions": acts,
            },
        }
    )
    env = DialogueEnv(domain, semantic_error_rate=0.3)
    assert env.tables.words == 32 and 8 * len(env.tables.venues_with) < 1e6
    keep_the_invariants(env, 0)
