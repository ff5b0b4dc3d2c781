"""The rules of users with an agenda, as worked examples."""

from __future__ import annotations

from typing import Any

import pytest

from dialogue_gym import rules
from dialogue_gym.domain import load_domain
from dialogue_gym.rules.tables import (
    AGENDA,
    FAILURE,
    PATIENCE,
    POSITION,
    RANDOM,
    SUCCESS,
    TRUNCATED,
    TURN,
    TURNS,
    USELESS,
)
from tests.conftest import domain_from
from tests.rules.plays import Play, concert


@pytest.mark.parametrize(
    ("searches", "reviews"),
    [
        (["concerts"], "concert"),
        (["venues"], "venue"),
        (["concerts", "venues"], "venue"),
        (["venues", "concerts"], "concert"),
    ],
)
def test_right_reviews_depend_on_the_last_search(searches: list[str], reviews: str) -> None:
    path = [*(f"search_{what}" for what in searches), "compare_reviews", "thankyou", "goodbye"]
    play = concert(path)
    wrong = {"concert": "venue", "venue": "concert"}[reviews]
    for what in searches:
        assert play.heard() == f"search_{what}"
        assert play.do(f"action_search_{what}") == TURN
        assert play.sees("filled_last") == what
    assert play.heard() == "compare_reviews"
    assert play.do(f"action_show_{wrong}_reviews") & USELESS
    assert play.heard() == "compare_reviews"
    assert play.do(f"action_show_{reviews}_reviews") == TURN
    assert play.do("utter_goodbye") == TURN | USELESS
    assert play.do("utter_youarewelcome") == TURN
    turns = play.row[TURNS]
    assert play.do("utter_goodbye") == TURN | SUCCESS
    assert play.row[TURNS] == turns  # the user has left


def test_restart_resets_the_agenda() -> None:
    play = concert(["search_venues", "compare_reviews", "thankyou", "goodbye"])
    play.do("action_search_venues")
    assert play.do("action_restart") == TURN | USELESS
    assert (play.heard(), play.sees("slot.venues")) == ("search_venues", "empty")


DELIVERY = """
    intents: [order, agree, no, fix]
    entities: [size, street]
    slots: {size: {type: text}, street: {type: text}}
    actions: [offer, offer_anew, send, forget, clear]
    fake_user:
      goal: {size: [small, middle, large], street: [north, south, east]}
      corrects: 1
      agenda:
        - {say: order, tells: [size, street], answer: [offer, offer_anew]}
        - {say: agree, answer: send}
      actions:
        offer_anew: {sets: {size: null, street: null}}
        clear: {speaks: false, sets: {street: null}}
"""


def delivery(changes: dict[str, str] | None = None, **settings: Any) -> Play:
    """A user who ordered the first of everything; the bot knows nothing yet."""
    text = DELIVERY
    for old, new in (changes or {}).items():
        text = text.replace(old, new)
    play = Play(domain_from(text), **settings)
    play.set("goal", size=1, street=1)
    play.know()
    return play


def test_an_answer_to_an_agenda_counts_on_the_values_that_were_told() -> None:
    play = delivery()
    play.know(size=1, street=1)
    assert play.do("offer") == TURN
    assert (play.heard(), play.row[PATIENCE]) == ("agree", 10)
    play.set("values", street=2)  # no longer asked about
    assert play.do("send") == TURN | SUCCESS


@pytest.mark.parametrize("turn_taking", ["auto", "explicit"])
def test_the_values_count_that_the_bot_had_when_it_answered(turn_taking: str) -> None:
    for street, heard in ((1, "agree"), (2, 'order{"size": "1", "street": "1"}')):
        play = delivery(turn_taking=turn_taking)
        play.know(size=1, street=street)
        play.do("offer_anew")  # empties both slots itself
        if turn_taking == "explicit":
            play.do("action_listen")
        assert play.heard() == heard


def test_a_wrong_value_is_corrected_by_the_item_until_it_is_right() -> None:
    play = delivery()
    play.know(size=1, street=2)
    assert play.do("offer") == TURN | USELESS
    assert (play.heard(), play.row[PATIENCE]) == ('order{"street": "1"}', 9)
    assert play.do("offer") == TURN
    assert play.heard() == "agree"


def test_a_wrong_value_is_corrected_or_denied_with_the_intents_for_it() -> None:
    roles = {"corrects: 1": "corrects: 1\n      intents: {inform: fix, deny: no}"}
    play = delivery(roles)
    play.know(size=3, street=1)
    assert play.do("offer") == TURN | USELESS
    assert play.heard() == 'fix{"size": "1"}'
    play = delivery(roles, correction_rate=0.0)
    play.know(size=3, street=1)
    assert (play.do("offer"), play.heard()) == (TURN | USELESS, "no")
    assert (play.do("forget"), play.heard()) == (TURN | USELESS, 'order{"size": "1", "street": "1"}')
    assert (play.do("offer"), play.row[PATIENCE]) == (TURN, 8)


def test_only_values_that_the_item_tells_are_corrected() -> None:
    play = delivery({"tells: [size, street]": "tells: [street]"})
    play.know(size=2, street=2)
    assert (play.do("offer"), play.heard()) == (TURN | USELESS, 'order{"street": "1"}')


def test_a_missing_value_is_told_again_but_not_corrected() -> None:
    play = delivery()
    play.know(size=1)
    assert (play.do("offer"), play.heard()) == (TURN | USELESS, 'order{"size": "1", "street": "1"}')


def test_success_means_success_under_noise() -> None:
    """No successful dialogue of these domains ends with a value other than the user told."""
    for domain in (domain_from(DELIVERY), load_domain("agents/domains/appointment.yml")):
        play = Play(domain, semantic_error_rate=0.3, patience=100)
        wanted, successes, objections = slice(play.tables.goal, play.tables.opening), 0, 0
        told = [slot for slot, size in enumerate(play.tables.goal_size) if size]
        for seed in range(300):
            play.row[RANDOM] = rules.mix(seed)
            rules.begin(play.row, play.tables, play.draw)
            events = 0
            while not events & (SUCCESS | FAILURE | TRUNCATED):
                item = play.tables.agenda_items[play.row[AGENDA]][play.row[POSITION]]
                answer = play.tables.item_answers[item].index(True)  # the bot knows where the user is
                events = rules.step(play.row, play.tables, answer, play.draw)
                objections += bool(events & USELESS)
            if events & SUCCESS:
                successes += 1
                values = play.row[play.tables.values : play.tables.values + play.tables.slots]
                assert [values[slot] for slot in told] == [play.row[wanted][slot] for slot in told]
        assert successes > 250 and objections > 50


def test_an_opening_has_an_intent_of_its_own() -> None:
    text = (
        DELIVERY[: DELIVERY.index("    fake_user")]
        + """
    fake_user:
      goal: {size: [small]}
      informativeness: 1
      intents: {inform: fix, affirm: agree, deny: no, greet: no, open: order}
      actions: {offer: {user: {inform: size}}}
    """
    )
    play = Play(domain_from(text))
    assert play.heard() == 'order{"size": "1"}'
    play.do("offer")
    assert play.heard() == 'fix{"size": "1"}'
