"""The rules, as worked examples: a row is set up by hand, one thing happens, the row is read."""

from __future__ import annotations

import dataclasses

import pytest

from dialogue_gym import rules
from dialogue_gym.rules.tables import (
    AGENDA,
    FAILURE,
    HEARD_CONFIDENCE,
    HEARD_INTENT,
    HIGH,
    INVALID,
    PATIENCE,
    POSITION,
    RANDOM,
    SUCCESS,
    TRUNCATED,
    TURN,
    TURNS,
    USELESS,
    Settings,
)
from tests.rules.plays import CONCERT, RESTAURANT, Play, concert, restaurant

QUIET = {"indecisiveness": 0.0}


ALL = {"cuisine": 1, "people": 1, "location": 1, "price": 1}


@pytest.mark.parametrize(
    ("known", "action", "heard", "events", "patience"),
    [
        ({}, "utter_greet", 'inform{"cuisine": "1"}', TURN | USELESS, 9),
        ({}, "utter_ask_howcanhelp", 'inform{"cuisine": "1"}', TURN | USELESS, 9),
        ({}, "utter_ask_price", 'inform{"price": "1"}', TURN, 10),
        ({"price": 1}, "utter_ask_price", 'inform{"price": "1"}', TURN | USELESS, 9),
        (ALL, "action_suggest", "affirm", TURN | SUCCESS, 10),
        ({"price": 1}, "action_suggest", "deny", TURN | USELESS | INVALID, 9),
        (ALL, "utter_ack_makereservation", "deny", TURN | USELESS, 9),
        (ALL, "utter_ask_helpmore", "deny", TURN | USELESS, 9),
        (ALL, "utter_on_it", "deny", TURN | USELESS, 9),
        (ALL, "utter_ask_moreupdates", "deny", TURN | USELESS, 9),
        (ALL, "utter_goodbye", "deny", TURN | USELESS, 9),
        (ALL, "action_restart", 'inform{"cuisine": "1"}', TURN | USELESS, 9),
        (ALL, "action_store_slot", 'inform{"cuisine": "1"}', 0, 10),
        (ALL, "action_search_restaurants", 'inform{"cuisine": "1"}', 0, 10),
    ],
)
def test_answers_to_each_action(
    known: dict[str, int], action: str, heard: str, events: int, patience: int
) -> None:
    play = restaurant()
    play.know(**known)
    play.row[play.tables.told] = 1
    play.row[play.tables.intent] = 2
    before = play.row[TURNS]
    assert play.do(action) == events
    assert (play.heard(), play.row[PATIENCE]) == (heard, patience)
    assert play.row[TURNS] - before == bool(events & TURN)


def test_a_wrong_suggestion_is_corrected_or_denied() -> None:
    always, never = restaurant(correction_rate=1.0), restaurant(correction_rate=0.0)
    for play in (always, never):
        play.know(**ALL | {"location": 3})
        assert play.do("action_suggest") == TURN | USELESS
        assert play.row[PATIENCE] == 9
    assert always.heard() == 'inform{"location": "1"}'
    assert always.sees("heard.location") == "changed"
    assert never.heard() == "deny"
    assert always.do("action_suggest") == TURN | SUCCESS


def test_restart_clears_slots_and_repeats_the_opening() -> None:
    play = restaurant()
    play.know(**ALL)
    play.do("action_restart")
    assert [play.sees(f"slot.{slot}") for slot in ALL] == ["filled", "empty", "empty", "empty"]
    assert play.sees("said") == "none"


def test_ten_silent_actions_cost_patience() -> None:
    play = restaurant()
    assert [play.do("action_store_slot") for _ in range(10)] == [0] * 9 + [TURN | USELESS]
    assert (play.row[PATIENCE], play.heard()) == (9, "deny")


def test_user_hangs_up_without_patience() -> None:
    play = restaurant(patience=3)
    assert [play.do("utter_on_it") & FAILURE for _ in range(3)] == [0, 0, FAILURE]


def test_explicit_turn_answers_the_last_utterance() -> None:
    play = restaurant(turn_taking="explicit")
    assert [play.do("utter_ask_price"), play.do("utter_ask_cuisine")] == [0, 0]
    assert (play.sees("said"), play.sees("spoken"), play.sees("done")) == (
        "utter_ask_cuisine", "yes", "utter_ask_cuisine",
    )  # fmt: skip
    assert play.do("action_listen") == TURN
    assert play.heard() == 'inform{"cuisine": "1"}'
    assert (play.sees("said"), play.sees("spoken"), play.sees("done")) == ("utter_ask_cuisine", "no", "none")
    assert play.do("action_listen") == TURN | USELESS
    assert play.heard() == "deny"


def test_ten_actions_without_listening_pass_the_turn() -> None:
    play = restaurant(turn_taking="explicit")
    assert [play.do("utter_ask_price") for _ in range(10)] == [0] * 9 + [TURN]
    assert play.heard() == 'inform{"price": "1"}'


def test_asking_again_is_useless_only_without_noise() -> None:
    play = restaurant(semantic_error_rate=1e-6)
    play.know(**ALL)
    assert play.do("utter_ask_price") == TURN
    assert play.row[PATIENCE] == 10


def test_repeated_value_gains_confidence() -> None:
    play = restaurant()
    slot = play.slots.index("price")
    for value, confidence, known in [(2, 1, "low"), (2, 1, "medium"), (2, 1, "high"), (3, 1, "low")]:
        play.row[play.tables.heard : play.tables.heard + 4] = [0, 0, 0, 0]
        play.row[play.tables.heard + slot] = value
        rules.hear(play.row, play.tables, play.row[play.tables.intent], confidence, play.tables.heard_block)
        assert play.sees("confidence.price") == known
    assert play.sees("filled_last") == "price"


def test_emptied_and_stored_slots_have_their_confidence() -> None:
    play = restaurant()
    play.know(price=2)
    rules.set_slot(play.row, play.tables, play.slots.index("price"), 0, 3)
    assert (play.sees("slot.price"), play.sees("confidence.price")) == ("empty", "none")
    play = concert(["search_venues", "compare_reviews", "thankyou", "goodbye"])
    play.do("action_search_venues")
    assert play.sees("confidence.venues") == "high"


def test_user_repeats_the_opening_on_the_first_listen_after_a_restart() -> None:
    play = restaurant(turn_taking="explicit")
    play.know(**ALL)
    assert [play.do("action_restart"), play.do("utter_ask_price")] == [0, 0]
    assert play.do("action_listen") == TURN | USELESS
    assert (play.heard(), play.row[PATIENCE]) == ('inform{"cuisine": "1"}', 9)
    play.do("utter_ask_price")
    assert play.do("action_listen") == TURN
    assert play.heard() == 'inform{"price": "1"}'


def test_changed_mind_is_stated_or_withheld() -> None:
    said = kept = 0
    for seed in range(400):
        play = restaurant(indecisiveness=1.0)
        play.row[RANDOM] = rules.mix(seed)
        play.know(**ALL)
        events = play.do("utter_goodbye")
        goal = play.row[play.tables.goal : play.tables.goal + 4]
        assert sorted(code != 1 for code in goal) == [False, False, False, True]
        if play.heard() == "deny":
            kept += 1
            assert events == TURN | USELESS
        else:
            said += 1
            (changed,) = [i for i in range(4) if goal[i] != 1]
            assert play.heard() == f'inform{{"{play.slots[changed]}": "{goal[changed]}"}}'
            assert events == TURN
    assert 140 < said < 260 and 140 < kept < 260


def test_user_affirms_after_changing_to_the_suggestion() -> None:
    affirmed = 0
    for seed in range(100):
        play = restaurant(indecisiveness=1.0)
        play.row[RANDOM] = rules.mix(seed)
        play.know(**ALL | {"price": 2})
        events = play.do("action_suggest")
        assert (play.heard() == "affirm") == bool(events & SUCCESS)
        affirmed += bool(events & SUCCESS)
    assert affirmed > 5


def test_changed_mind_is_stated_when_asked_for_more_help() -> None:
    for seed in range(50):
        play = restaurant(indecisiveness=1.0)
        play.row[RANDOM] = rules.mix(seed)
        assert play.do("utter_ask_helpmore") == TURN
        assert play.heard().startswith("inform{")


@pytest.mark.parametrize(
    ("informativeness", "mean"), [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0), (1.1, 1.1), (2.0, 1.97)]
)
def test_opening_has_the_expected_number_of_values(informativeness: float, mean: float) -> None:
    play = Play(RESTAURANT, informativeness=informativeness)
    told = 0
    for _ in range(4000):
        rules.begin(play.row, play.tables, rules.draw)
        count = sum(play.row[play.tables.opening : play.tables.opening + 4])
        assert play.sees("intent") == ("inform" if count else "greet")
        told += count
    assert told / 4000 == pytest.approx(mean, abs=0.06)


def test_goals_are_drawn_uniformly() -> None:
    play = Play(RESTAURANT)
    counts = [0] * 6
    for _ in range(5000):
        rules.begin(play.row, play.tables, rules.draw)
        counts[play.row[play.tables.goal]] += 1
    assert counts[0] == 0 and all(850 < count < 1150 for count in counts[1:])


def test_noise_has_the_expected_rate_and_lower_confidence() -> None:
    play = restaurant(semantic_error_rate=0.3, patience=100)
    right, wrong = [0] * 4, [0] * 4
    intents, lost, other = 0, 0, 0
    for seed in range(6000):
        play.row[RANDOM] = rules.mix(seed)
        play.row[PATIENCE] = 100
        play.know()
        play.do("utter_ask_cuisine")
        is_right = play.heard() == 'inform{"cuisine": "1"}'
        (right if is_right else wrong)[play.row[HEARD_CONFIDENCE]] += 1
        if not is_right:
            intents += not play.heard().startswith("inform")
            lost += play.heard() == "inform"
            other += play.heard().startswith("inform{")
    assert sum(wrong) / 6000 == pytest.approx(0.3, abs=0.02)
    assert [intents, other, lost] == pytest.approx([270, 1260, 270], abs=90)
    assert right[3] > right[2] > right[1] > 0
    assert wrong[1] > wrong[2] > wrong[3] > 0


def test_progress_is_the_share_of_the_goal_that_is_right_or_of_the_agenda_that_is_done() -> None:
    play = restaurant()
    for known, share in (({}, 0), ({"cuisine": 2}, 0), ({"cuisine": 1, "price": 1}, 0.5), (ALL, 1)):
        play.know(**known)
        assert rules.progress(play.row, play.tables, 0) == share
        assert rules.progress(play.row, play.tables, TURN | TRUNCATED) == share
        assert rules.progress(play.row, play.tables, TURN | FAILURE) == 0
    play = Play(CONCERT)
    length = play.tables.agenda_length[play.row[AGENDA]]
    play.row[POSITION] = 2
    assert rules.progress(play.row, play.tables, 0) == 2 / length and length > 2


def test_a_domain_without_a_fake_user_has_no_rules() -> None:
    with pytest.raises(ValueError, match="has no fake user"):
        rules.build_tables(dataclasses.replace(CONCERT, fake_user=None), Settings())


def test_only_three_functions_change_the_bots_state() -> None:
    """The user's half may be anything: the bot's half follows from hear, did and set_slot alone."""
    play = Play(RESTAURANT, semantic_error_rate=0.3, patience=100)
    size = play.tables.goal  # the bot's half ends where the goal begins
    mirror = [0] * play.tables.size
    heard = play.tables.heard_block

    def hear() -> None:
        mirror[heard] = play.row[heard]
        rules.hear(mirror, play.tables, play.row[HEARD_INTENT], play.row[HEARD_CONFIDENCE], heard)

    rules.forget(mirror, play.tables)
    hear()
    for i in range(500):
        assert mirror[:size] == play.row[:size]
        action = (i * 7) % (play.tables.actions - 1) + 1
        is_possible = rules.allowed(mirror, play.tables, action)
        rules.did(mirror, play.tables, action)
        for effect in play.tables.effects[action] if is_possible else ():
            slot, value = play.tables.effect_slot[effect], play.tables.effect_value[effect]
            rules.set_slot(mirror, play.tables, slot, value, HIGH)
        events = rules.step(play.row, play.tables, action, rules.draw)
        if events & TURN:
            hear()
        if events & (SUCCESS | FAILURE | TRUNCATED):
            rules.begin(play.row, play.tables, rules.draw)
            rules.forget(mirror, play.tables)
            hear()
