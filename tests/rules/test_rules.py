"""The rules, as worked examples: a row is set up by hand, one thing happens, the row is read."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from dialogue_gym import rules
from dialogue_gym.conversation.wording import act_text
from dialogue_gym.domain import Domain, load_domain
from dialogue_gym.domain.observation import observation_fields
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
    Tables,
)
from tests.conftest import domain_from

RESTAURANT = load_domain("restaurant")
CONCERT = load_domain("concert")
QUIET = {"indecisiveness": 0.0}


class Play:
    """One dialogue under the rules, spoken of by names."""

    def __init__(self, domain: Domain, draw: Callable[..., int] = rules.draw, **settings: Any) -> None:
        self.domain = domain
        self.tables: Tables = rules.build_tables(domain, Settings(**settings))
        self.draw = draw
        self.row = [0] * self.tables.size
        self.row[RANDOM] = rules.mix(1)
        self.slots = [slot.name for slot in domain.slots]
        rules.begin(self.row, self.tables, draw)

    def set(self, block: str, **codes: int) -> None:
        for name, code in codes.items():
            self.row[getattr(self.tables, block) + self.slots.index(name)] = code

    def know(self, **codes: int) -> None:
        """Let the bot know these values and no others, for certain."""
        rules.forget(self.row, self.tables)
        for name, code in codes.items():
            rules.set_slot(self.row, self.tables, self.slots.index(name), code, 3)

    def do(self, action: str) -> int:
        return rules.step(self.row, self.tables, self.domain.actions.index(action), self.draw)

    def heard(self) -> str:
        block = self.tables.heard if self.tables.is_noisy else self.tables.told
        entities = {
            name: str(self.row[block + i]) for i, name in enumerate(self.slots) if self.row[block + i]
        }
        return act_text(self.domain.intents[self.row[self.tables.intent] - 1], entities)

    def sees(self, field: str) -> str:
        fields = observation_fields(self.domain)
        index = [f.name for f in fields].index(field)
        return fields[index].labels[self.row[index]]


def restaurant(**settings: Any) -> Play:
    """A user who wants the first of everything and opens with the cuisine; the bot knows nothing yet."""
    play = Play(RESTAURANT, **({"indecisiveness": 0.0} | settings))
    play.set("goal", cuisine=1, people=1, location=1, price=1)
    play.set("opening", cuisine=1, people=0, location=0, price=0)
    play.know()
    return play


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


def concert(path: list[str], **settings: Any) -> Play:
    assert CONCERT.fake_user
    play = Play(CONCERT, **settings)
    paths = [[item.intent for item in agenda.items] for agenda in CONCERT.fake_user.agendas]
    while paths[play.row[AGENDA]] != path:
        rules.begin(play.row, play.tables, play.draw)
    return play


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
