"""The search as a bot knows it, in numbers and in words."""

from __future__ import annotations

import dataclasses
import json

import pytest

from dialogue_gym import load_domain
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.effects import service_text, simulated_events
from dialogue_gym.conversation.events import ActionExecuted, BotUttered, SlotSet
from dialogue_gym.conversation.search_state import SearchState, Service
from dialogue_gym.conversation.wording import Speaker
from dialogue_gym.nlu.interpreter import parse_act
from tests.conftest import domain_from
from tests.rules.test_search import PLACES_FILE

TOWN = domain_from(
    """
    intents: [greet, inform, affirm, deny, request, alternative, find, thank]
    entities: [kind, attribute]
    slots: {kind: {type: categorical, values: [thai, greek, pizza]}}
    database:
      columns: [place, kind, phone, hours]
      rows: [[Alba, thai, "11", ~], [Bel, thai, "22", late], [Cip, greek, "33", early]]
    actions: [utter_ask, utter_offer, utter_other, utter_tell, utter_bye]
    fake_user:
      constraints: {slots: [kind], count: 1}
      requests: {attributes: [phone, hours]}
      actions:
        utter_ask: {user: {request: kind}}
        utter_offer: {user: offer}
        utter_other: {user: alternative}
        utter_tell: {user: answer}
        utter_bye: {user: bye}
    """
)


def search_after(*steps: str) -> SearchState:
    """Return the search after messages (`/inform{...}`) and actions."""
    talk = Conversation(TOWN)
    for step in steps:
        if step.startswith("/"):
            talk.append(parse_act(step).message)
            continue
        service = talk.service(step)
        talk.append(ActionExecuted(step))
        if service and service.is_offer:
            talk.append(SlotSet("place", service.venue.get("place")))
    assert talk.search is not None
    return talk.search


THAI = '/inform{"kind": "thai"}'


@pytest.mark.parametrize(
    ("steps", "counts", "name", "status"),
    [
        ([], "3 of 3", None, "none yet"),
        ([THAI], "2 of 3", None, "none yet"),
        ([THAI, "utter_offer"], "2 of 3", "Alba", "on offer"),
        ([THAI, "utter_offer", "/affirm"], "2 of 3", "Alba", "accepted"),
        ([THAI, "utter_offer", "/deny"], "2 of 3, 1 left", "Alba", "turned down"),
        ([THAI, "utter_offer", "/alternative"], "2 of 3, 1 left", "Alba", "turned down"),
        ([THAI, "utter_offer", "/alternative", "utter_other"], "2 of 3, 1 left", "Bel", "on offer"),
        (
            [THAI, "utter_offer", "/alternative", "utter_other", "/alternative", "utter_other"],
            "2 of 3, none left",
            None,
            "no other",
        ),
        ([THAI, "utter_offer", '/inform{"kind": "greek"}'], "1 of 3", "Alba", "no longer on offer"),
        (['/inform{"kind": "pizza"}', "utter_offer"], "0 of 3", None, "no match"),
    ],
)
def test_the_venues_and_the_offer_are_told(steps: list[str], counts: str, name: str, status: str) -> None:
    search = search_after(*steps)
    assert (search.counts, search.name, search.status) == (counts, name, status)


def test_requests_without_an_answer_and_cells_are_told() -> None:
    asked = search_after(THAI, "utter_offer", '/request{"attribute": "hours"}')
    assert asked.asked == ("hours",) and asked.status == "accepted"
    assert asked.details == {"kind": "thai", "phone": "11", "hours": None}
    assert asked.lines() == [
        ("found", "2 of 3"),
        ("offer", "Alba (accepted)"),
        ("venue", "kind: thai, phone: 11, hours: ?"),
        ("asked for", "hours"),
    ]
    told = search_after(THAI, "utter_offer", '/request{"attribute": "hours"}', "utter_tell")
    assert told.asked == () and told.lines() == asked.lines()[:3]


def test_many_details_are_several_lines() -> None:
    search = search_after(THAI, "utter_offer")
    long = dict(search.venue) | {"address": "21 Tollhouse Lane, Pebble Bay", "about": "x" * 70, "view": "sea"}
    assert dataclasses.replace(search, venue=long).lines()[2:] == [
        ("venue", "kind: thai, phone: 11, hours: ?,"),
        ("", "address: 21 Tollhouse Lane, Pebble Bay,"),
        ("", f"about: {'x' * 70},"),
        ("", "view: sea"),
    ]


def test_the_parts_of_an_answer_are_told_apart() -> None:
    service = Service(False, {"phone": "11", "hours": "late"}, ("phone", "hours"), True)
    assert service_text("utter_tell", TOWN, Speaker(TOWN, 0), {}, service) == "phone: 11, hours: late"


def test_services_say_what_the_venue_has_not_what_the_user_said() -> None:
    text = PLACES_FILE.replace("How about {place}?", "{place}, {kind}, in the {area}.")
    text = text.replace("[phone, address], count", "[phone, area], count")
    domain = domain_from(
        text
        + """
      tell/area: [{text: "In the {area}."}, {text: "Nobody knows.", condition: [
        {type: slot, name: area, value: null}]}]
      pardon: [{text: "{area}"}]
    """
    )
    speaker = Speaker(domain, 0)
    for area, repeated in ((None, "north"), ("dontcare", "dontcare")):
        wish = {"kind": "thai"} if area is None else {"kind": "thai", "area": area}
        talk = Conversation(domain, [parse_act(f"/inform{json.dumps(wish)}").message])
        place, said = simulated_events("offer", talk, speaker)
        assert said == BotUttered("Alba, thai, in the north.")
        talk.extend([ActionExecuted("offer"), place, parse_act('/request{"attribute": "area"}').message])
        assert simulated_events("tell", talk, speaker) == (BotUttered("In the north."),)
        assert simulated_events("pardon", talk, speaker) == (BotUttered(repeated),)


def test_both_hypotheses_of_a_slot_are_told() -> None:
    search = search_after('/inform@0.5{"kind": "thai"}', '/inform@0.4{"kind": "greek"}')
    # 50 % keep the share that the second message leaves: 0.6 of it.
    assert search.doubts == {"kind": (("greek", 40), ("thai", 30))}
    assert search.lines()[-1] == ("doubt", "kind: greek (40%) or thai (30%)")


def test_other_domains_have_no_search() -> None:
    assert Conversation(load_domain("restaurant")).search is None
