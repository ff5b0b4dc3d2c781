"""Stories said again to a bot."""

from __future__ import annotations

from pathlib import Path

from dialogue_gym.stories import parse
from dialogue_gym.testing.replay import replay_stories
from dialogue_gym.testing.trial import make_bot
from tests.commands import call
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
