"""Stories said again to a bot."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialogue_gym.actions import ActionRunner
from dialogue_gym.chat import Bot
from dialogue_gym.nlu.interpreter import FixedFormatInterpreter
from dialogue_gym.stories import parse
from dialogue_gym.teaching.policy import story_agent
from dialogue_gym.testing.bots import AgentBot, FunctionBot
from dialogue_gym.testing.replay import replay_stories
from dialogue_gym.testing.trial import make_bot
from tests.commands import call
from tests.conftest import domain_from
from tests.testing.servers import RESTAURANT, Waiter, bot_server

STORIES = """
version: "3.1"
stories:
- story: two wishes
  steps:
  - intent: inform
    entities: [{cuisine: french}, {people: "2"}]
  - action: utter_ask_location
  - user: "somewhere in paris"
    intent: inform
    entities: [{location: paris}]
  - action: utter_ask_price
- story: at once
  steps:
  - intent: inform
    entities: [{cuisine: french}]
  - action: action_search_restaurants
  - action: action_suggest
"""


def test_a_story_shows_where_the_bot_does_something_else() -> None:
    for has_tracker in (False, True):
        with bot_server(Waiter().reply, has_tracker=has_tracker) as server:
            bot = make_bot(server.url, "restaurant", RESTAURANT)
            same, other = replay_stories(bot, RESTAURANT, parse(STORIES, "stories.yml"))
        assert same.difference is None and len(same.lines()) == 5
        # Without a tracker, nobody sees a silent action.
        wanted = "action_search_restaurants, action_suggest" if has_tracker else "action_suggest"
        assert other.difference == (
            f'after \'inform{{"cuisine": "french"}}\' the bot did utter_ask_numpeople, the story {wanted}'
        )


FORM = """
    intents: [book, inform, start_over]
    entities: [city]
    slots: {city: {type: text}}
    forms: {booking: {required_slots: [city]}}
    responses:
      utter_ask_city: [text: "Which city would you like?"]
      utter_done: [text: "All is booked, have a nice trip."]
      utter_sorry: [text: "Sorry, that is impossible."]
      utter_restart: [text: "Let us begin again."]
"""
BOOKINGS = """
stories:
- story: by the form
  steps:
  - intent: book
  - action: booking
  - active_loop: booking
  - intent: inform
    entities: [{city: Rome}]
  - action: booking
  - active_loop: null
  - action: utter_done
- story: from the beginning
  steps:
  - intent: start_over
  - action: action_restart
"""


@pytest.mark.parametrize("has_tracker", [False, True])
def test_stories_with_forms_and_restarts_are_compared(has_tracker: bool) -> None:
    domain, told = domain_from(FORM), parse(BOOKINGS, "stories.yml")
    known, agent = story_agent(told, domain)
    inner = AgentBot("agent", Bot(known, agent, ActionRunner(known)), FixedFormatInterpreter(known))

    async def texts(sender: str, message: str) -> list[str]:
        return [one.text or "" for one in (await inner.reply(sender, message)).messages]

    def differences(bookings: str) -> list[str | None]:
        bot = inner if has_tracker else FunctionBot(texts)
        return [one.difference for one in replay_stories(bot, domain, parse(bookings, "stories.yml"))]

    assert differences(BOOKINGS) == [None, None]
    found, _ = differences(BOOKINGS.replace("utter_done", "utter_sorry"))
    done, wanted = (
        ("booking, utter_done", "booking, utter_sorry") if has_tracker else ("utter_done", "utter_sorry")
    )
    assert found == f'after \'inform{{"city": "Rome"}}\' the bot did {done}, the story {wanted}'


def test_the_command_says_a_file_of_stories_again(tmp_path: Path) -> None:
    path = tmp_path / "stories.yml"
    path.write_text(STORIES)
    with bot_server(Waiter().reply) as server:
        words = (server.url, "--domain", "restaurant", "--replay")
        result = call("test", *words, str(path))
        assert result.returncode == 1
        assert result.stdout.splitlines()[-1] == "2 stories, 1 with a difference"
        result = call("test", *words, str(tmp_path / "none.yml"))
    assert result.returncode == 2 and result.stderr.endswith("none.yml: there is no such file\n")
