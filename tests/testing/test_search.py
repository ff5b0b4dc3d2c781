"""Bots whose users search a database: they are judged by the venues and details in their texts."""

from __future__ import annotations

import re

import pytest

from dialogue_gym import load_domain
from dialogue_gym.conversation.events import BotUttered
from dialogue_gym.testing import BotReply, ForeignBot, play
from dialogue_gym.testing.dialogue import ForeignDialogue, told_attributes
from dialogue_gym.testing.reading import Deed, DeedReader
from dialogue_gym.testing.trial import make_bot, seeds_of

HOTEL = load_domain("hotel")
assert HOTEL.database is not None
FIRST, SECOND = HOTEL.database.names[:2]
DOTTED = next(name for name in HOTEL.database.names if "i" in name)


@pytest.fixture(scope="module")
def reader() -> DeedReader:
    return DeedReader(HOTEL)


@pytest.mark.parametrize(
    ("text", "action", "venue", "fault"),
    [
        (f"How about {FIRST}, a fine house?", "utter_offer", FIRST, None),
        (f"Then how about {FIRST.upper()}, a fine house?", "utter_other", FIRST, None),
        (f"How about {DOTTED.replace('i', 'ı')}, a fine house?", "utter_offer", DOTTED, None),
        ("There is no such hotel, I am afraid.", "utter_offer", None, None),
        ("How about Castle Nowhere, a fine house?", None, None, "there is no hotel 'Castle Nowhere'"),
        (f"How about {FIRST}, beside {SECOND}?", None, None, "could be about"),
        ("A hotel, a guest house, a hostel: what shall it be?", "utter_ask_kind", None, None),
        ("It should be near the beach?", "utter_confirm_landmark", None, None),
    ],
)
def test_an_offer_is_of_the_venue_that_it_names(
    reader: DeedReader, text: str, action: str | None, venue: str | None, fault: str | None
) -> None:
    (deed,) = reader.read([BotUttered(text)])
    assert (deed.action, deed.venue) == (action, venue)
    assert (fault or "") in (deed.fault or "") and bool(fault) == bool(deed.fault)


def test_a_confirmation_says_the_value_that_it_asks_about(reader: DeedReader) -> None:
    texts = {"It should be cheap?": {"price": "cheap"}, "So any price will do?": {"price": "dontcare"}}
    for text, values in texts.items():
        (deed,) = reader.read([BotUttered(text)])
        assert (deed.action, deed.values) == ("utter_confirm_price", values)


def test_an_answer_tells_what_the_database_has(reader: DeedReader) -> None:
    venue = {"hotel": "Inn", "phone": "555-01", "address": "Lane 1", "rate": "90 a night", "reception": None}
    parts = ["You can call 555-01.", "It is at Lane 2."]
    (deed,) = reader.read([BotUttered(part) for part in parts])
    assert deed.action == "utter_tell" and told_attributes(HOTEL, deed, venue) == {"phone"}
    lacking = Deed("utter_tell", (BotUttered("I do not know when somebody is at the reception of Inn."),))
    assert told_attributes(HOTEL, lacking, venue) == {"reception"}
    assert not told_attributes(HOTEL, Deed("utter_tell", (BotUttered("Call 1555-01."),)), venue)


class Altered(ForeignBot):
    """The expert, some of whose words are replaced."""

    def __init__(self, bot: ForeignBot, pattern: str, replacement: str) -> None:
        super().__init__()
        self.name, self._pattern, self._replacement, self._bot = "altered", pattern, replacement, bot

    async def reply(self, sender: str, message: str) -> BotReply:
        reply = await self._bot.reply(sender, message)
        texts = (re.sub(self._pattern, self._replacement, one.text or "") for one in reply.messages)
        return BotReply(tuple(map(BotUttered, texts)))


@pytest.fixture(scope="module")
def expert() -> ForeignBot:
    return make_bot("expert", "hotel", HOTEL)


@pytest.mark.parametrize(
    ("pattern", "replacement", "least", "most", "fault"),
    [
        ("^$", "", 0.9, 1.0, None),
        (r"[-+\d]{5,}", "12345", 0.0, 0.7, "utter_tell did not tell phone as the database has it"),
        (r"(about|There is|also) [^,]*,", rf"\1 {FIRST},", 0.0, 0.5, f"utter_offer offered {FIRST}, with "),
    ],
    ids=["nothing", "phone numbers", "hotels"],
)
def test_false_words_fail_a_bot(
    expert: ForeignBot, pattern: str, replacement: str, least: float, most: float, fault: str | None
) -> None:
    results = play(Altered(expert, pattern, replacement), HOTEL, seeds_of(1, 20), form="fixed")
    assert least <= sum(one.is_success for one in results) / len(results) <= most
    assert fault is None or any(fault in one.fault.sentence for one in results if one.fault)


def test_a_venue_that_the_rules_would_not_have_found_can_be_accepted() -> None:
    """The bot may search otherwise; the user takes what they want."""
    database = HOTEL.database
    assert database is not None
    dialogue = ForeignDialogue(HOTEL, "fixed")
    accepted = 0
    for seed in range(30):
        message: str | None = dialogue.begin(seed)
        wanted = {slot: value for slot, value in dialogue.goal.items() if value != "dontcare"}
        details = [database.details(number) for number in range(len(database.names))]
        fitting = [one for one in details if all(one[slot] == value for slot, value in wanted.items())]
        if not fitting or message == "/greet":
            continue
        venue = fitting[0]
        # By these values there is no such hotel.
        offer = Deed("utter_offer", values={"price": "free", "view": "moon"}, venue=venue["hotel"])
        message = dialogue.answer([offer])
        if message is None or not message.startswith("/request"):
            continue  # it is refused at first
        answer = " ".join(filter(None, venue.values()))
        dialogue.answer([Deed("utter_tell", (BotUttered(answer),))])
        accepted += not dialogue.rounds[-1].was_useless
    assert accepted >= 5
