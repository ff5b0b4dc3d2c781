"""Answers such as "I don't mind" are about the bot's question."""

from __future__ import annotations

import pytest

from dialogue_gym import load_domain
from dialogue_gym.actions import ActionRunner
from dialogue_gym.chat import Bot, Chat
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import ActionExecuted, Entity, UserUttered, entity_values
from dialogue_gym.nlu.examples import NluData, builtin_path, parse_example, read_examples
from dialogue_gym.nlu.indifference import with_question
from dialogue_gym.nlu.interpreter import CombinedInterpreter
from dialogue_gym.nlu.trained import TrainedInterpreter
from dialogue_gym.policies.agent import load_agent

CITY = load_domain("city")


@pytest.fixture(scope="module")
def trained() -> TrainedInterpreter:
    return TrainedInterpreter(CITY, read_examples(builtin_path("city", "nlu.yml")))


@pytest.mark.parametrize(
    "text",
    ["I don't mind", "doesn't matter", "it doesn't matter to me", "any", "any is fine", "no preference"],
)
def test_an_answer_without_a_word_for_what_is_about_the_question(
    trained: TrainedInterpreter, text: str
) -> None:
    message = trained.parse(text).message
    assert message.intent == "inform" and message.confidence >= 0.9
    for slot in ("area", "seating"):
        talk = Conversation(CITY, [UserUttered("/greet", "greet"), ActionExecuted(f"utter_ask_{slot}")])
        assert entity_values(with_question(message, talk).entities) == {slot: "dontcare"}
    nothing = Conversation(CITY, [UserUttered("/greet", "greet"), ActionExecuted("utter_greet")])
    assert (
        with_question(message, nothing).entities == with_question(message, Conversation(CITY)).entities == ()
    )


@pytest.mark.parametrize(
    ("text", "intent", "values"),
    [
        ("the price doesn't matter", "inform", {"price": "dontcare"}),
        ("I don't care where", "inform", {"area": "dontcare"}),
        ("no", "deny", {}),
        ("fine", None, {}),
        ("somewhere quiet, I don't mind where", "inform", {"atmosphere": "quiet"}),
    ],
)
def test_other_messages_keep_their_meaning(
    trained: TrainedInterpreter, text: str, intent: str | None, values: dict[str, str]
) -> None:
    message = trained.parse(text).message
    assert intent in (None, message.intent) and values.items() <= entity_values(message.entities).items()
    assert all(entity.name != "dontcare" for entity in message.entities)


def test_a_chat_stores_what_does_not_matter() -> None:
    bot = Bot(CITY, load_agent("expert", CITY, is_builtin=True), ActionRunner(CITY))
    data = read_examples(builtin_path("city", "nlu.yml"))
    talk = Chat(bot, CombinedInterpreter(TrainedInterpreter(CITY, data), CITY))
    talk.handle("something cheap")
    assert talk.conversation.latest_action == "utter_ask_kind"
    talk.handle("I don't mind")
    assert talk.conversation.slots["kind"] == "dontcare"
    assert [entity.name for entity in talk.conversation.latest_message.entities] == ["kind"]  # type: ignore[union-attr]


def test_words_count_only_if_several_constraints_have_them() -> None:
    examples = ("the kind [is up to you](kind:dontcare)", "[cheap](price), please", "hello")
    data = [parse_example(text, "inform", "nlu.yml", place) for place, text in enumerate(examples, 1)]
    trained = TrainedInterpreter(CITY, NluData(tuple(data)))
    assert Entity("dontcare", "dontcare") not in trained.parse("is up to you").message.entities
    assert all(one.name != "dontcare" for one in trained.parse("up to you").message.entities)
