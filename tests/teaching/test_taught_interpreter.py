"""Corrected sentences train the interpreter, the same one for every face."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from dialogue_gym.actions import ActionRunner
from dialogue_gym.conversation.events import Entity, UserUttered
from dialogue_gym.domain import load_domain
from dialogue_gym.domain.additions import INTENT, Addition
from dialogue_gym.journal.store import Store
from dialogue_gym.live.bot import LiveBot
from dialogue_gym.nlu.examples import Example, NluData, builtin_path, read_examples
from dialogue_gym.nlu.interpreter import InterpreterError
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.startup import for_people, make_interpreter
from dialogue_gym.teaching.taught_interpreter import TaughtInterpreter
from tests.conftest import domain_from
from tests.live.bots import Plan

pytest.importorskip("sklearn")
KATY, FIGHTERS = "How much is a ticket for Katy Perry?", "how much is a ticket for Foo Fighters?"
PLAIN = "intents: [greet]\nentities: [city]\nactions: [utter_hi]\n"


def mend(session: Session, text: str, intent: str, *entities: Entity) -> None:
    session.say(session.interpreter.parse(text).message)
    new = [] if intent in session.domain.intents else [Addition(INTENT, intent)]
    session.correct_message(UserUttered(text, intent, entities), new)
    session.restart()


def test_a_corrected_sentence_teaches_like_ones_until_it_is_undone(tmp_path: Path) -> None:
    concert = load_domain("concert")
    words = TaughtInterpreter(concert, lambda: read_examples(builtin_path("concert")))
    with Store(tmp_path) as store:
        session = Session(concert, store, interpreter=words)
        assert words.parse(FIGHTERS).intent != "ask_price"
        mend(session, KATY, "ask_price")
        taught = words.parse(FIGHTERS)
        assert taught.intent == "ask_price" and taught.confidence > 0.5
        assert words.parse(KATY.upper()).confidence == 1
        assert words.parse("find me a concert").intent == "search_concerts"
    again = make_interpreter("concert", concert, (), 0, tmp_path)
    assert again.parse(FIGHTERS) == taught
    with Store(tmp_path) as store:
        session = Session(concert, store, interpreter=again)
        while session.can_undo and "ask_price" in session.domain.intents:
            session.undo()
        assert again.parse(FIGHTERS).intent != "ask_price"


def test_a_domain_without_examples_learns_words_from_a_few_sentences() -> None:
    session = Session(domain_from(PLAIN), Store.in_memory())
    words = session.interpreter
    mend(session, "good morning to you", "greet")
    assert words.parse("good evening to you").intent is None  # one intent tells nothing apart
    mend(session, "weather in Oslo please", "ask_weather", Entity("city", "Oslo", 11, 15))
    assert words.parse("good evening to you").intent == "greet"
    weather = words.parse("what is the weather in oslo")
    assert weather.intent == "ask_weather"
    assert [(entity.name, entity.value) for entity in weather.entities] == [("city", "Oslo")]


def test_a_correction_outranks_a_given_example() -> None:
    concert = load_domain("concert")
    data = read_examples(builtin_path("concert"))
    session = Session(concert, Store.in_memory(), interpreter=TaughtInterpreter(concert, lambda: data))
    example = next(one for one in data.examples if one.intent == "greet")
    mend(session, example.text, "thankyou")
    assert session.interpreter.parse(example.text).intent == "thankyou"
    assert session.interpreter.examples == len(data.examples)


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("from Oslo to  new york", [(5, 9), (14, 22)]),
        (" FROM oslo\n to new  york", [(6, 10), (15, 24)]),
        ("from Oslo to new york", [(5, 9), (13, 21)]),
    ],
)
def test_a_known_sentence_with_other_spaces_has_its_entities_in_place(
    text: str, places: list[tuple[int, int]]
) -> None:
    session = Session(domain_from(PLAIN), Store.in_memory())
    cities = Entity("city", "Oslo", 5, 9, role="from"), Entity("city", "NYC", 13, 21), Entity("city", "LA")
    mend(session, "from Oslo to new york", "greet", *cities)
    found = session.interpreter.parse(text).entities
    assert [(entity.value, entity.role) for entity in found] == [
        ("Oslo", "from"),
        ("NYC", None),
        ("LA", None),
    ]
    assert [(entity.start, entity.end) for entity in found] == [*places, (None, None)]


@pytest.mark.parametrize("intents", [(), ("nlu_fallback",)])
def test_unsure_sentences_are_not_understood(intents: tuple[str, ...]) -> None:
    domain = load_domain("restaurant")
    for intent in intents:
        domain = domain.with_intent(intent)
    read = lambda: read_examples(builtin_path("restaurant"))  # noqa: E731
    words, bold = TaughtInterpreter(domain, read), TaughtInterpreter(domain, read, fallback=0.0)
    guessed = bold.parse("asdf qwer")
    assert guessed.intent in ("affirm", "inform") and 0 < guessed.confidence < 0.4
    understood = words.parse("asdf qwer")
    assert understood.intent == (intents[0] if intents else None) and understood.entities == ()
    assert understood.ranking == guessed.ranking  # a teacher chooses among these
    assert words.parse("a table in london please").intent == "inform"


def test_visitors_are_understood_as_a_teacher_has_taught(store: Store) -> None:
    concert = load_domain("concert")
    words = TaughtInterpreter(concert, lambda: read_examples(builtin_path("concert")))
    session = Session(concert, store, interpreter=words)
    bot = LiveBot(concert, store, Plan("utter_goodbye"), for_people(words, concert), ActionRunner(concert))
    visitor = bot.begin("ann")
    bot.reply(visitor, FIGHTERS)
    mend(session, KATY, "compare_reviews")
    bot.reply(visitor, FIGHTERS)
    events = bot.conversations.trace(visitor).conversation.events
    first, second = (event.intent for event in events if isinstance(event, UserUttered))
    assert first != "compare_reviews" and second == "compare_reviews"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_nobody_waits_for_a_training_that_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*given: object) -> None:
        raise SystemError("bad argument to internal function")

    monkeypatch.setattr("dialogue_gym.nlu.trained.TrainedInterpreter.__init__", break_down)
    data = NluData((Example("hello", "greet"), Example("good night", "bye")))
    interpreter = TaughtInterpreter(load_domain("concert"), lambda: data)
    assert interpreter.wait(30)
    with pytest.raises(InterpreterError, match="the examples could not be learned"):
        interpreter.parse("hello")
    for thread in threading.enumerate():  # its exception belongs to this test
        if thread.name == "interpreter":
            thread.join()
