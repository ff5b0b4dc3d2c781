"""The trained interpreter: its intents, entities and confidences, and their scores."""

from __future__ import annotations

import dataclasses
import functools
import subprocess
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dialogue_gym.conversation.events import Entity
from dialogue_gym.domain import Domain, load_domain
from dialogue_gym.nlu import classifier
from dialogue_gym.nlu.checks import check_examples
from dialogue_gym.nlu.evaluation import Counts, evaluate
from dialogue_gym.nlu.examples import Example, NluData, NluError, builtin_path, parse_example, read_examples
from dialogue_gym.nlu.gazetteer import Gazetteer, tokenize
from dialogue_gym.nlu.interpreter import Interpretation, Interpreter
from dialogue_gym.nlu.trained import TrainedInterpreter
from tests.nlu.examples import NAMES, ROUNDS, examples


@pytest.fixture(scope="module")
def trained() -> dict[str, TrainedInterpreter]:
    return {name: TrainedInterpreter(name, read_examples(builtin_path(name))) for name in NAMES}


def distance(one: str, other: str) -> int:
    """The optimal string alignment distance, by its definition."""

    @functools.cache
    def of(i: int, j: int) -> int:
        if not (i and j):
            return i + j
        swapped = i > 1 and j > 1 and one[i - 2 : i] == other[j - 1] + other[j - 2]
        costs = [of(i - 1, j) + 1, of(i, j - 1) + 1, of(i - 1, j - 1) + (one[i - 1] != other[j - 1])]
        return min(*costs, of(i - 2, j - 2) + 1) if swapped else min(costs)

    return of(len(one), len(other))


@st.composite
def misspelled(draw: st.DrawFn, word: str) -> str:
    for _ in range(draw(st.integers(0, 4))):
        at, letters = draw(st.integers(0, len(word))), draw(st.text("fransico", max_size=1))
        width = draw(st.integers(0, 2))
        word = word[:at] + draw(st.sampled_from([letters, word[at : at + width][::-1]])) + word[at + width :]
    return word


@ROUNDS
@given(misspelled("francisco"))
def test_a_word_with_up_to_two_typos_is_recognized(word: str) -> None:
    label = ("city", None, None)
    found = Gazetteer([("francisco", label, "sf")], [], ()).find(word, tokenize(word), {})
    far = distance(word, "francisco")
    begins_alike = word[:1] == "f" or word[:2] == "rf"
    expected = [(((label, "sf"),), round(1 - far / 9, 3))] if far <= 2 and begins_alike else []
    assert [(match.values, match.confidence) for match in found] == expected


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("FRENCH food", {"cuisine": "french"}),
        ("Frénch,please!", {"cuisine": "french"}),
        ("fernch food for 5ppl", {"cuisine": "french", "people": "5"}),
        ("in san fransisco", {"location": "san francisco"}),
        ("SanFrancisco", {"location": "san francisco"}),
        ("low-cost", {"price": "cheap"}),
        ("frenchman", {}),
        ("my 2nd choice at 8pm", {}),
        ("london rather than berlin", {"location": "london"}),
        ("at 9 pm for four", {"people": "4"}),
        ("only me and my wife", {"people": "2"}),
    ],
)
def test_entities_are_found(
    trained: dict[str, TrainedInterpreter], text: str, values: dict[str, str]
) -> None:
    found = trained["restaurant"].parse(text)
    assert {entity.name: entity.value for entity in found.entities} == values
    for entity in found.entities:
        said = text[entity.start : entity.end].lower()
        assert (entity.confidence == 1) == (said not in ("fernch", "san fransisco")), said


def test_many_examples_are_learned_without_their_rarest_features(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier, "MANY", 100)
    interpreter = TrainedInterpreter("concert", read_examples(builtin_path("concert")))
    held_out = read_examples(builtin_path("concert", "nlu_test.yml")).examples
    right = sum(interpreter.parse(example.text).intent == example.intent for example in held_out)
    assert right > 0.9 * len(held_out)


def test_accents_tell_words_apart_but_may_be_missing() -> None:
    words, ends = ("schon", "schön", "früh"), ("fragen", "bitte")
    said = [f"{ask} [{word}](word) {end}" for ask in ("nach", "das wort") for word in words for end in ends]
    said += ["tell me [cho\u0301](word) please"]  # decomposed
    data = NluData(tuple(parse_example(text, "ask") for text in said))
    interpreter = TrainedInterpreter(Domain("bot", ("ask",), entities=("word",)), data)
    for word, value in [("schon", "schon"), ("schön", "schön"), ("SCHÖN", "schön"), ("fruh", "früh"),
                        ("scho\u0308n", "schön"), ("fr\u00fch", "früh")]:  # fmt: skip
        assert [entity.value for entity in interpreter.parse(f"nach {word} fragen").entities] == [value]
    intents = [("it is there: schon da", "already"), ("es ist schon", "already"), ("schon", "already")]
    intents += [("schön da", "nice"), ("es ist schön", "nice"), ("schön", "nice")]
    both = TrainedInterpreter("concert", NluData(tuple(parse_example(*one) for one in intents)))
    assert [both.parse(f"es ist {word}").intent for word in ("schön", "schon")] == ["nice", "already"]


@pytest.mark.parametrize(
    ("examples", "text", "value"),
    [
        (
            ["[北京](city)天气怎么样", "今天[上海](city)天气好吗", "请问[广州](city)会下雨吗"],
            "明天北京热不热",
            "北京",
        ),
        (["[東京](city)の天気は", "明日の[大阪](city)は晴れますか"], "今日の大阪は雨ですか", "大阪"),
        (["อากาศที่[เชียงใหม่](city)วันนี้", "พรุ่งนี้[ภูเก็ต](city)ฝนตกไหม"], "วันนี้ภูเก็ตร้อนไหม", "ภูเก็ต"),
        (["地铁[5](line)号线在哪", "坐[10](line)号线"], "请问5号线呢", "5"),
    ],
)
def test_entities_are_found_in_text_without_spaces(examples: list[str], text: str, value: str) -> None:
    data = NluData(tuple(parse_example(one, "ask") for one in examples))
    interpreter = TrainedInterpreter(Domain("bot", ("ask",), entities=("city", "line")), data)
    (found,) = interpreter.parse(text).entities
    assert found.value == value and text[found.start : found.end] == value


def test_context_decides_between_entities_and_roles() -> None:
    said = ["from [paris]{'entity': 'city', 'role': 'from'} to [rome]{'entity': 'city', 'role': 'to'}"]
    said += ["to [rome]{'entity': 'city', 'role': 'to'}", "from [berlin]{'entity': 'city', 'role': 'from'}"]
    said += ["for [2](people) people", "[3](people) people", "in [3](hours) hours", "[2](hours) hours"]
    data = NluData(tuple(parse_example(text.replace("'", '"'), "go") for text in said))
    interpreter = TrainedInterpreter("restaurant", data)
    found = interpreter.parse("to Berlin from Rome in 2 hours for 3 people").entities
    assert [(entity.name, entity.value, entity.role) for entity in found] == [
        ("city", "berlin", "to"), ("city", "rome", "from"), ("hours", "2", None), ("people", "3", None),
    ]  # fmt: skip


def test_intents_of_a_retrieval_intent_are_distinguished() -> None:
    said = [("faq/hours", "when do you open"), ("faq/hours", "when do you close"), ("greet", "hello there")]
    said += [("faq/menu", "is there a menu"), ("faq/menu", "what can I eat"), ("greet", "good morning")]
    domain = Domain("bot", ("faq", "greet"))
    data = NluData(tuple(parse_example(text, intent) for intent, text in said))
    assert check_examples(domain, data) == []
    found = TrainedInterpreter(domain, data).parse("when will you open")
    assert found.intent == found.message.intent == "faq/hours"
    assert {intent for intent, _ in found.ranking} == {"faq/hours", "faq/menu", "greet"}


def test_builtin_intents_of_rasa_need_no_examples() -> None:
    data = NluData((parse_example("hi", "greet"), parse_example("hello", "greet")))
    assert check_examples(Domain("bot", ("greet", "nlu_fallback", "out_of_scope", "restart")), data) == []


def test_a_text_without_words_has_no_meaning(trained: dict[str, TrainedInterpreter]) -> None:
    for text in ("", " \n", "?!", "\U0001f600"):
        assert trained["concert"].parse(text) == Interpretation(text)
    with pytest.raises(NluError, match="no examples"):
        TrainedInterpreter("concert", NluData())


def test_the_confidence_is_low_outside_the_domain(trained: dict[str, TrainedInterpreter]) -> None:
    odd = ["how tall is the eiffel tower", "my cat is ill", "write a poem about volcanoes", "qwer asdf"]
    odd += ["who won the election", "my parcel never arrived", "lorem ipsum dolor sit amet"]
    odd += ["translate this sentence into greek", "do penguins fly", "the stock market crashed"]
    odd += ["how do I install python", "I need new shoes"]
    for interpreter in trained.values():
        sure = sorted(interpreter.parse(text).confidence for text in odd)
        assert sure[len(odd) * 2 // 3] < 0.5 and sure[-1] < 0.8


@pytest.mark.parametrize("text", ["a " * 5000, "london " * 1500, "x" * 10_000, "[[({" * 2500, "1" * 10_000])
def test_a_long_message_is_interpreted(trained: dict[str, TrainedInterpreter], text: str) -> None:
    found = trained["restaurant"].parse(text)
    assert found.text == text and all(0 <= chance <= 1 for _, chance in found.ranking)


@ROUNDS
@given(st.text(max_size=40) | st.text("frenchlodi 25-7:\u0301\uff9e", max_size=40))
@example("\uff9e \uff9e")
def test_any_text_is_interpreted(trained: dict[str, TrainedInterpreter], text: str) -> None:
    found = trained["restaurant"].parse(text)
    assert 0 <= found.confidence <= 1
    end = 0
    for entity in found.entities:
        assert entity.start is not None and entity.end is not None
        assert end <= entity.start < entity.end <= len(text)
        end = entity.end


@settings(max_examples=40)
@given(st.lists(examples(), max_size=5), st.text(max_size=20))
def test_training_needs_only_examples_with_words(said: list[Example], text: str) -> None:
    try:
        interpreter = TrainedInterpreter("restaurant", NluData(tuple(said)))
    except NluError as error:
        assert not said or "no words" in str(error)
    else:
        assert interpreter.parse(text) == interpreter.parse(text)


def test_training_is_deterministic() -> None:
    data = read_examples(builtin_path("concert"))
    shuffled = ["which gigs are good?", "bye then", "reviews of katy pery"]
    one, other = (TrainedInterpreter("concert", data, seed=3) for _ in range(2))
    assert [one.parse(text) for text in shuffled] == [other.parse(text) for text in shuffled]


@pytest.mark.parametrize("name", NAMES)
def test_unseen_sentences_are_understood(trained: dict[str, TrainedInterpreter], name: str) -> None:
    """These sentences were unknown to the authors of the interpreter and of its training data."""
    unseen = read_examples(builtin_path(name, "nlu_test.yml"))
    assert check_examples(load_domain(name), unseen) == []
    scores = evaluate(trained[name], unseen)
    assert scores.messages >= 80
    assert scores.intent_accuracy >= 0.95
    assert scores.entities.f1 >= 0.95
    sure = [trained[name].parse(example.text).confidence >= 0.8 for example in unseen.examples]
    assert sum(sure) / len(sure) >= 0.7


class Fixed(Interpreter):
    def parse(self, text: str) -> Interpretation:
        one, two = Entity("people", 2), Entity("city", "Rome")
        return Interpretation(text, "inform" if "in" in text else "greet", 1.0, (one, one, two))


def test_scores_are_exact() -> None:
    said = ["in [two](people)", "in [rome](city) [2](people) [2](people)", "hey", "in [x](y)"]
    intents = ["inform", "deny", "greet", "deny"]
    parsed = tuple(parse_example(text, intent) for text, intent in zip(said, intents, strict=True))
    scores = evaluate(Fixed(), NluData(parsed, (("Two", "2"),)))
    assert (scores.messages, scores.intent_accuracy) == (4, 0.5)
    assert scores.confusions == (("deny", "inform", 2),)
    assert scores.by_intent == (Counts("deny", 2, 0, 0), Counts("greet", 1, 1, 1), Counts("inform", 1, 3, 1))
    assert scores.by_entity == (Counts("city", 1, 4, 1), Counts("people", 3, 8, 3), Counts("y", 1, 0, 0))
    assert (scores.entities.precision, scores.entities.recall) == (4 / 12, 4 / 5)
    assert scores.entities.f1 == pytest.approx(2 * (1 / 3) * 0.8 / (1 / 3 + 0.8))
    with pytest.raises(ValueError, match="no examples"):
        evaluate(Fixed(), dataclasses.replace(NluData(), synonyms=(("a", "b"),)))


def test_error_without_scikit_learn_has_the_install_command() -> None:
    code = "import sys; sys.modules['sklearn'] = None; import dialogue_gym.nlu.trained"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip().endswith('pip install "dialogue_gym[nlu]"')
    code = "import sys, dialogue_gym.nlu as nlu; nlu.evaluate, nlu.HashedNgrams, nlu.RasaInterpreter\n"
    code += "assert not {'sklearn', 'rapidfuzz', 're2', 'httpx'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)
