"""Training data of interpreters, the one that is trained on it, and how well it does on what it never saw."""

from __future__ import annotations

import contextlib
import dataclasses
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dialogue_gym.domain import Domain, DomainError
from dialogue_gym.events import Entity
from dialogue_gym.interpreter import Interpretation, Interpreter
from dialogue_gym.nlu.checking import check_examples
from dialogue_gym.nlu.evaluation import Counts, evaluate
from dialogue_gym.nlu.examples import (
    Example,
    NluData,
    NluError,
    builtin_path,
    dump_examples,
    parse_example,
    read_examples,
)
from dialogue_gym.nlu.gazetteer import distance
from dialogue_gym.nlu.patterns import compile_pattern, count_steps
from dialogue_gym.nlu.trained import TrainedInterpreter

NAMES = ("restaurant", "concert")
ROUNDS = settings(max_examples=120)


@pytest.fixture(scope="module")
def trained() -> dict[str, TrainedInterpreter]:
    return {name: TrainedInterpreter(name, read_examples(builtin_path(name))) for name in NAMES}


def read(folder: Path, text: str, name: str = "nlu.yml") -> NluData:
    path = folder / name
    path.write_bytes(text.encode())
    return read_examples(path)


YAML = """version: "3.1"
stories: [{anything: goes}]
nlu:
- intent: inform
  metadata: {sentiment: neutral}
  examples: |
    - some [french](cuisine) food

    # a comment
    - for [two](people:2) in [SF]{"entity": "city", "value": "san francisco", "role": "to"}
- intent: greet
  examples:
  - text: |
      hi
    metadata: {sentiment: happy}
  - hello
- synonym: "2"
  examples: "- two"
- lookup: cuisine
  examples: |
    - french
    - thai
- regex: people
  examples: |
    - \\d+
"""
MARKDOWN = """# examples
## intent:inform
- some [french](cuisine) food <!-- a
comment - over lines -->
* for [two](people:2) in [SF]{"entity": "city", "value": "san francisco", "role": "to"}

## intent: greet
+ hi
- hello
## synonym:2
- two
## lookup:cuisine
- french
- thai
## regex:people
- \\d+
"""


@pytest.mark.parametrize(
    ("name", "text"), [("nlu.yml", YAML), ("nlu.md", MARKDOWN), ("nlu.MARKDOWN", MARKDOWN)]
)
def test_both_formats_of_rasa_are_read(tmp_path: Path, name: str, text: str) -> None:
    data = read(tmp_path, text, name)
    two, city = Entity("people", "2", 4, 7), Entity("city", "san francisco", 11, 13, role="to")
    assert data == NluData(
        (
            Example("some french food", "inform", (Entity("cuisine", "french", 5, 11),)),
            Example("for two in SF", "inform", (two, city)),
            Example("hi", "greet"),
            Example("hello", "greet"),
        ),
        (("two", "2"),),
        (("cuisine", ("french", "thai")),),
        (("people", "\\d+"),),
    )
    lines = text.split("\n")
    for said in data.examples:
        assert said.text[:3] in lines[said.line - 1] or said.text[:2] in lines[said.line]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("nlu.yml", "nlu:\n- intent: a\n  examples: |\n    - b\n    c\n", "nlu.yml:5: 'c' has no dash"),
        ("nlu.yml", "nlu:\n- intnt: a\n", "unknown key 'intnt'; did you mean 'intent'?"),
        ("nlu.yml", "nlu:\n- examples: |\n    - b\n", "one of intent, synonym, lookup, regex"),
        ("nlu.yml", "nlu: hello\n", "a list is expected"),
        ("nlu.yml", 'nlu:\n- intent: a\n  examples: |\n    - [b]{"entity" "c"}\n', ":4: .* not valid JSON"),
        ("nlu.yml", 'nlu:\n- intent: a\n  examples: |\n    - [b]{"entty": "c"}\n', "did you mean 'entity'"),
        (
            "nlu.yml",
            'nlu:\n- intent: a\n  examples: |\n    - [b]{"entity": "c", "value": 1e400}\n',
            "no finite",
        ),
        ("nlu.yml", f'nlu:\n- intent: a\n  examples: ["[b]{{\\"value\\": 1{"0" * 400}}}"]\n', "no finite"),
        ("nlu.yml", "nlu:\n- regex: a\n  examples: |\n    - (a+)+\n", ":4: .* can take for ever"),
        (
            "nlu.yml",
            f"nlu:\n- regex: a\n  examples: [{', '.join('a*a*b*' + 'c' * n for n in range(40))}]\n",
            "the patterns before it",
        ),
        ("nlu.yml", "nlu:\n- regex: a\n  examples: |\n    - (a\n", "cannot be used as a pattern"),
        ("nlu.md", "## intnt:a\n- b\n", "nlu.md:1: .* did you mean 'intent'?"),
        ("nlu.md", "## lookup:a\ndata/a.txt\n", "nlu.md:2: 'data/a.txt' has no dash"),
        ("nlu.md", "## intent a\n- b\n", "nlu.md:1: .* no heading like '## intent:greet'"),
        ("nlu.md", "##" + " " * 100_000 + "intent", "nlu.md:1: .* no heading"),
        ("nlu.md", "## intent:" + " " * 100_000 + "\n", "nlu.md:1: .* no heading"),
        ("nlu.md", "## intent:a\n- b <!-- c\n", "nlu.md:2: .* comment"),
        ("none.yml", None, "there is no such file"),
    ],
)
def test_faults_of_a_file_are_one_line(tmp_path: Path, name: str, text: str | None, told: str) -> None:
    with pytest.raises(NluError, match=told) as caught:
        read_examples(tmp_path / name) if text is None else read(tmp_path, text, name)
    assert str(caught.value).isprintable()


def test_any_mutation_of_a_file_is_read_or_refused(tmp_path: Path) -> None:
    chance = random.Random(7)
    pieces = [
        "\n",
        "  ",
        "- ",
        "[",
        "](",
        "]{",
        "}",
        ":",
        "##",
        "<!--",
        "|",
        "'",
        "\x00",
        "\u2028",
        "(a+)+",
        "&a",
    ]
    for name, text in (("nlu.yml", YAML), ("nlu.md", MARKDOWN)):
        for _ in range(250):
            mutant = text
            for _ in range(chance.randint(1, 4)):
                start = chance.randrange(len(mutant))
                end = start + chance.choice([0, 0, 1, 5, 40])
                mutant = mutant[:start] + chance.choice([*pieces, mutant[:20], ""]) + mutant[end:]
            try:
                data = read(tmp_path, mutant, name)
            except NluError as error:
                assert str(error).isprintable()
            else:
                check_examples(Domain.load("restaurant"), data)


WORDS = st.text("abz é'#-\"{}:,.é?!\U0001f600\\/&*", min_size=1, max_size=8)
TITLES = WORDS.map(str.strip).filter(bool)


@st.composite
def examples(draw: st.DrawFn) -> Example:
    text, entities = "", []
    for number, part in enumerate(draw(st.lists(WORDS, min_size=1, max_size=4))):
        if number % 2:
            value = draw(st.just(part) | WORDS)
            role, group = draw(st.none() | TITLES), draw(st.none() | TITLES)
            place = (len(text), len(text) + len(part))
            entities.append(Entity(draw(TITLES), value, *place, role=role, group=group))
        text += part
    return Example(text, draw(TITLES), tuple(entities))


ITEMS = st.lists(TITLES.filter(lambda text: not text.startswith("#")), min_size=1, max_size=3, unique=True)


@ROUNDS
@given(
    st.lists(examples().filter(lambda said: said.text == said.text.strip()), max_size=4),
    st.dictionaries(TITLES, TITLES, max_size=3),
    st.dictionaries(TITLES, ITEMS.map(tuple), max_size=2),
)
def test_data_that_was_written_reads_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    said: list[Example],
    synonyms: dict[str, str],
    lookups: dict[str, tuple[str, ...]],
) -> None:
    data = NluData(tuple(said), tuple(synonyms.items()), tuple(lookups.items()), (("people", "\\d+"),))
    assert read(tmp_path_factory.getbasetemp(), dump_examples(data)) == data


@pytest.mark.parametrize("name", NAMES)
def test_the_data_that_is_shipped(tmp_path: Path, name: str) -> None:
    data = read_examples(builtin_path(name))
    assert check_examples(Domain.load(name), data) == []
    assert read(tmp_path, dump_examples(data)) == data


def test_what_reads_as_an_annotation_is_not_written() -> None:
    with pytest.raises(NluError, match="cannot be written"):
        dump_examples(NluData((Example("a [b](c)", "greet"),)))
    with pytest.raises(DomainError, match="did you mean 'concert'"):
        builtin_path("concrt")


def test_what_does_not_fit_a_domain_is_told() -> None:
    domain = Domain.load("concert").with_slot("mood", "categorical", ["happy", "sad"])
    annotated = [("gret", "hi"), ("greet", "Bye"), ("goodbye", "bye"), ("greet", "[ok](nme)")]
    annotated += [("faq/x", "how"), ("thankyou", "so [SAD](mood)"), ("thankyou", "so [hapy](mood)")]
    said = [parse_example(text, intent, "f", i) for i, (intent, text) in enumerate(annotated, 1)]
    found = check_examples(domain.with_intent("faq"), NluData(tuple(said)))
    assert [(one.line, one.message, one.is_error) for one in found if "example" not in one.message] == [
        (1, "'gret' is no intent; did you mean 'greet'?", True),
        (3, "'bye' is 'goodbye' here and 'greet' in f:2", False),
        (4, "'nme' is no entity; did you mean 'name'?", True),
        (7, "'hapy' is no value of the slot 'mood'; did you mean 'happy'?", False),
    ]
    assert [one.message.split("intent ")[1] for one in found if "example" in one.message] == [
        "'compare_reviews' has no examples", "'faq' has 1 example", "'goodbye' has 1 example",
        "'search_concerts' has no examples", "'search_venues' has no examples",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "steps"),
    [
        (r"\d{5}", 6),
        ("(?x)a # )", 1),
        ("[(]+", 66),
        ("a?b", 4),
        ("(?:ab|c)d", 6),
        (r"\ba(?=b)", 4),
        (r"(?<!a)b", 3),
    ],
)
def test_the_steps_of_a_pattern_are_counted(pattern: str, steps: int) -> None:
    assert count_steps(pattern) == steps


@pytest.mark.parametrize(
    "pattern",
    [
        r"\d+(\.\d+)?",
        r"(?:a|b)c*",
        r"(\d{3}[- ]?){2}",
        r"\b[\w.%+-]+@[\w.-]+\.[a-z]{2,4}\b",
        r"(https?://)?(www\.)?[\w-]+\.\w{2,}(/\S*)?",
        r"(\+\d{1,3}[- ]?)?\(?\d{3}\)?[- ]?\d{3}[- ]?\d{4}",
        "[[a]",
        "a{1000}" * 50,
    ],
)
def test_patterns_that_are_fast_are_taken(pattern: str) -> None:
    assert count_steps(pattern) > 0


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        (r"(a+)+b", "for ever"),
        (r"(a|aa)*b", "for ever"),
        (r"(?:(?:x*)y)+", "for ever"),
        (r"a*" * 5, "for ever"),
        (r"([)]|a+)+", "for ever"),
        ("(a?){10}" * 4, "for ever"),
        ("a?" * 40 + "b", "for ever"),
        ("(a{1,10}){10}b", "for ever"),
        ("(a|aa){10}" * 4 + "b", "for ever"),
        ("(?x) ( a + ) # )\n +b", "for ever"),
        ("(?=(a+)+b)", "for ever"),
        ("(?<=(?:|||){30}a)", "for ever"),
        ("(?:a+)++b", "for ever"),
        ("(?>(?:a+)+)b", "for ever"),
        (r"(?:\b){1000000000}", "for ever"),
        ("((?:){30000}){30000}", "for ever"),
        ("[\\0-\uffff]" * 80, "for ever"),
        (r"(a)\1", "refers back"),
        (r"(?P<n>a)(?P=n)", "refers back"),
        (r"(a)?(?(1)b|c)", "refers back"),
        ("(", "unterminated"),
        ("(?<=a+)b", "fixed-width"),
        ("a" * 999, "longer than 500"),
    ],
)
def test_patterns_that_can_be_slow_are_not(pattern: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        count_steps(pattern)


@ROUNDS
@given(st.text("ab()[]?*+|{}12,\\:=!<>#^$.- ", max_size=30), st.sampled_from(["", "(?x)", "(?:", "(?s)"]))
@example("(?L)a", "")
@example("(" * 250, "")
def test_any_text_is_a_pattern_or_an_error(text: str, before: str) -> None:
    with contextlib.suppress(ValueError):
        count_steps(before + text)
        assert compile_pattern(before + text).flags & re.IGNORECASE


@ROUNDS
@given(st.text("abc", max_size=6), st.text("abc", max_size=6), st.integers(0, 3))
def test_distance_keeps_its_bound_and_its_symmetry(one: str, other: str, most: int) -> None:
    far = distance(one, other, 10)
    assert distance(other, one, 10) == far and (far == 0) == (one == other)
    assert distance(one, other, most) == min(far, most + 1)
    if len(one) > 1:
        assert distance(one, one[1] + one[0] + one[2:], 10) <= 1


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


def test_the_words_around_decide_between_entities_and_roles() -> None:
    said = ["from [paris]{'entity': 'city', 'role': 'from'} to [rome]{'entity': 'city', 'role': 'to'}"]
    said += ["to [rome]{'entity': 'city', 'role': 'to'}", "from [berlin]{'entity': 'city', 'role': 'from'}"]
    said += ["for [2](people) people", "[3](people) people", "in [3](hours) hours", "[2](hours) hours"]
    data = NluData(tuple(parse_example(text.replace("'", '"'), "go") for text in said))
    interpreter = TrainedInterpreter("restaurant", data)
    found = interpreter.parse("to Berlin from Rome in 2 hours for 3 people").entities
    assert [(entity.name, entity.value, entity.role) for entity in found] == [
        ("city", "berlin", "to"), ("city", "rome", "from"), ("hours", "2", None), ("people", "3", None),
    ]  # fmt: skip


def test_intents_of_a_retrieval_intent_are_told_apart() -> None:
    said = [("faq/hours", "when do you open"), ("faq/hours", "when do you close"), ("greet", "hello there")]
    said += [("faq/menu", "is there a menu"), ("faq/menu", "what can I eat"), ("greet", "good morning")]
    domain = Domain("bot", ("faq", "greet"))
    data = NluData(tuple(parse_example(text, intent) for intent, text in said))
    assert check_examples(domain, data) == []
    found = TrainedInterpreter(domain, data).parse("when will you open")
    assert found.intent == found.message.intent == "faq/hours"
    assert {intent for intent, _ in found.ranking} == {"faq/hours", "faq/menu", "greet"}


def test_intents_of_rasas_own_need_no_examples() -> None:
    data = NluData((parse_example("hi", "greet"), parse_example("hello", "greet")))
    assert check_examples(Domain("bot", ("greet", "nlu_fallback", "out_of_scope", "restart")), data) == []


def test_nothing_is_understood_of_nothing(trained: dict[str, TrainedInterpreter]) -> None:
    for text in ("", " \n", "?!", "\U0001f600"):
        assert trained["concert"].parse(text) == Interpretation(text)
    with pytest.raises(NluError, match="no examples"):
        TrainedInterpreter("concert", NluData())


def test_the_confidence_is_low_where_the_domain_is_not_meant(trained: dict[str, TrainedInterpreter]) -> None:
    odd = ["how tall is the eiffel tower", "my cat is ill", "write a poem about volcanoes", "qwer asdf"]
    odd += ["who won the election", "my parcel never arrived", "lorem ipsum dolor sit amet"]
    odd += ["translate this sentence into greek", "do penguins fly", "the stock market crashed"]
    odd += ["how do I install python", "I need new shoes"]
    for interpreter in trained.values():
        sure = sorted(interpreter.parse(text).confidence for text in odd)
        assert sure[len(odd) * 2 // 3] < 0.5 and sure[-1] < 0.8


@pytest.mark.parametrize("text", ["a " * 5000, "london " * 1500, "x" * 10_000, "[[({" * 2500, "1" * 10_000])
def test_a_long_message_is_understood_too(trained: dict[str, TrainedInterpreter], text: str) -> None:
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
def test_any_examples_can_be_trained_on_unless_they_have_no_words(said: list[Example], text: str) -> None:
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
def test_what_others_say_is_understood(trained: dict[str, TrainedInterpreter], name: str) -> None:
    """Nobody who wrote the interpreter or its training data has read these sentences."""
    unseen = read_examples(builtin_path(name, "nlu_test.yml"))
    assert check_examples(Domain.load(name), unseen) == []
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


def test_without_scikit_learn_one_line_says_what_to_install() -> None:
    code = "import sys; sys.modules['sklearn'] = None; import dialogue_gym.nlu.trained"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip().endswith('pip install "dialogue_gym[nlu]"')
    code = "import sys, dialogue_gym.nlu.evaluation; assert 'sklearn' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
