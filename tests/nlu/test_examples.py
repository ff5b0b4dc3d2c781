"""NLU files: what is read, written and reported."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogue_gym._text import printable
from dialogue_gym.conversation.events import Entity
from dialogue_gym.domain import DomainError, load_domain
from dialogue_gym.nlu.checks import check_examples
from dialogue_gym.nlu.example_writer import annotate, dump_examples
from dialogue_gym.nlu.examples import (
    Example,
    NluData,
    NluError,
    builtin_path,
    parse_example,
    read_examples,
)
from dialogue_gym.nlu.trained import TrainedInterpreter
from dialogue_gym.stories.entity_markup import read_marked
from tests.conftest import domain_from
from tests.nlu.examples import NAMES, ROUNDS, TITLES, examples


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
    ("name", "text", "message"),
    [
        ("nlu.yml", "nlu:\n- intnt: a\n", "unknown key 'intnt'; did you mean 'intent'?"),
        ("nlu.yml", "nlu:\n- examples: |\n    - b\n", "expected one of intent, synonym, lookup, regex"),
        ("nlu.yml", "nlu: hello\n", "expected a list"),
        ("nlu.yml", 'nlu:\n- intent: a\n  examples: |\n    - [b]{"entity" "c"}\n', ":4: .* not valid JSON"),
        ("nlu.yml", 'nlu:\n- intent: a\n  examples: |\n    - [b]{"entty": "c"}\n', ":4: .* has no 'entity'"),
        (
            "nlu.yml",
            'nlu:\n- intent: a\n  examples: |\n    - [b]{"entity": "c", "value": 1e400}\n',
            "not a finite",
        ),
        ("nlu.yml", f'nlu:\n- intent: a\n  examples: ["[b]{{\\"value\\": 1{"0" * 400}}}"]\n', "not a finite"),
        ("nlu.yml", "nlu:\n- regex: a\n  examples: |\n    - (?=a)\n", ":4: .* invalid perl operator"),
        (
            "nlu.yml",
            f"nlu:\n- regex: a\n  examples: {['[a-é]{900}' + 'c' * n for n in range(60)]}\n",
            "the patterns before it",
        ),
        ("nlu.yml", "nlu:\n- regex: a\n  examples: |\n    - (a\n", "is not a usable pattern"),
        ("nlu.md", "## intnt:a\n- b\n", "nlu.md:1: .* did you mean 'intent'?"),
        ("nlu.md", "## lookup:a\ndata/a.txt\n", "nlu.md:2: 'data/a.txt' is neither an item after a dash"),
        ("nlu.md", "## intent a\n- b\n", "nlu.md:1: .* not a heading such as '## intent:greet'"),
        ("nlu.md", "##" + " " * 100_000 + "intent", "nlu.md:1: .* not a heading"),
        ("nlu.md", "## intent:" + " " * 100_000 + "\n", "nlu.md:1: .* not a heading"),
        ("nlu.md", "## intent:a\n- b <!-- c\n", "nlu.md:2: .* comment"),
        ("none.yml", None, "there is no such file"),
    ],
)
def test_faults_of_a_file_are_one_line(tmp_path: Path, name: str, text: str | None, message: str) -> None:
    with pytest.raises(NluError, match=message) as caught:
        read_examples(tmp_path / name) if text is None else read(tmp_path, text, name)
    assert str(caught.value) == printable(str(caught.value))


SEVERAL = 'to [Bonn][{"entity": "city", "role": "to"}, {"entity": "capital", "value": "BN"}] now'


def test_a_text_can_have_several_entities() -> None:
    city, capital = Entity("city", "Bonn", 3, 7, role="to"), Entity("capital", "BN", 3, 7)
    said = parse_example(SEVERAL, "go")
    assert (said.text, said.entities) == ("to Bonn now", (city, capital))
    assert parse_example(annotate(said), "go") == said
    assert read_marked(SEVERAL) == (said.text, said.entities)
    assert parse_example("[a][b] c", "go").text == "[a][b] c"
    with pytest.raises(NluError, match="has no 'entity'"):
        parse_example('[a][{"entity": "b"}, {"value": "c"}]', "go")
    both = parse_example('to [Bonn][{"entity": "city"}, {"entity": "capital"}]', "go")
    data = NluData((both, Example("hello", "greet"), parse_example("to [Paris](city)", "go")))
    trained = TrainedInterpreter(domain_from("intents: [go, greet]\nentities: [city, capital]"), data)
    found = [(one.name, one.value, one.start, one.end) for one in trained.parse("now to Bonn").entities]
    assert found == [("city", "Bonn", 7, 11), ("capital", "Bonn", 7, 11)]
    assert [one.name for one in trained.parse("now to Paris").entities] == ["city"]


def test_lines_and_keys_that_rasa_skips_are_warnings(tmp_path: Path) -> None:
    text = (
        "A preface.\n## intent:go\nSome prose.\n- to [rome](city)\n"
        '- to [NYC]{"entity": "city", "value": "new york", "rol": "to"}\n- from [NYC](city)\n'
    )
    data = read(tmp_path, text, "nlu.md")
    assert [example.text for example in data.examples] == ["to rome", "to NYC", "from NYC"]
    first, second = check_examples(None, data)
    assert (first.line, second.line, first.is_error, second.is_error) == (3, 5, False, False)
    assert first.message == "'Some prose.' is left out: it does not begin with a dash"
    assert second.message.startswith("unknown key 'rol' in the annotation ")
    assert second.message.endswith("did you mean 'role'?")
    assert data.synonyms == () and data.canonical("nyc") == "new york"  # annotations give synonyms
    written = read(tmp_path, "nlu:\n- intent: a\n  examples: |\n    - b\n    c\n", "nlu.yml")
    assert [problem.line for problem in written.warnings] == [5] and len(written.examples) == 1


@pytest.mark.parametrize(
    ("text", "is_whole"),
    [
        ("a [cargo bike](kind) and [two](number:2)", True),
        ('[NYC]{"entity": "city"} or [b][{"entity": "b"}]', True),
        ("hello :] or [:", True),
        ("[cargo bike](kin", False),
        ("[cargo bike(kind)", False),
        ("cargo bike](kind)", False),
        ("a [cargo bike", False),
        ('a [bike](kind) in [NYC]{"entity": "city"', False),
    ],
)
def test_an_incomplete_annotation_is_a_warning(text: str, is_whole: bool) -> None:
    warnings: list[str] = []
    parse_example(text, "go", warn=warnings.append)
    expected = f"an annotation in {text!r} is incomplete; an entity is written as [text](entity)"
    assert warnings == ([] if is_whole else [expected])


def test_lookup_table_can_name_a_file_beside_the_data(tmp_path: Path) -> None:
    (tmp_path / "cities.txt").write_text("rome\n\n  paris \n")
    (tmp_path / "nlu.md").write_text("## intent:go\n- go\n## lookup:city\ncities.txt\n- oslo\n")
    assert read_examples(tmp_path / "nlu.md").lookups == (("city", ("rome", "paris", "oslo")),)
    with pytest.raises(NluError, match=r"nlu.md:4: .* must be listed here, not in a file"):
        read_examples(tmp_path / "nlu.md", may_read_files=False)


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
        for _ in range(120):
            mutant = text
            for _ in range(chance.randint(1, 4)):
                start = chance.randrange(len(mutant))
                end = start + chance.choice([0, 0, 1, 5, 40])
                mutant = mutant[:start] + chance.choice([*pieces, mutant[:20], ""]) + mutant[end:]
            try:
                data = read(tmp_path, mutant, name)
            except NluError as error:
                assert str(error) == printable(str(error))
            else:
                check_examples(load_domain("restaurant"), data)


ITEMS = st.lists(TITLES.filter(lambda text: not text.startswith("#")), min_size=1, max_size=3, unique=True)


@ROUNDS
@given(
    st.lists(examples().filter(lambda said: said.text == said.text.strip()), max_size=4),
    st.dictionaries(TITLES, TITLES, max_size=3),
    st.dictionaries(TITLES, ITEMS.map(tuple), max_size=2),
)
def test_written_data_reads_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    said: list[Example],
    synonyms: dict[str, str],
    lookups: dict[str, tuple[str, ...]],
) -> None:
    data = NluData(tuple(said), tuple(synonyms.items()), tuple(lookups.items()), (("people", "\\d+"),))
    assert read(tmp_path_factory.getbasetemp(), dump_examples(data)) == data


@pytest.mark.parametrize("end", ["\n", "\r", "\x85", "\u2028", "\u2029"])
def test_an_example_of_several_lines_stays_one(tmp_path: Path, end: str) -> None:
    data = NluData((Example(f"two{end}lines", "greet"),))
    written = dump_examples(data)
    assert read(tmp_path, written) == data
    assert "examples: |" not in written  # a block, in which Rasa takes each line for an example


@pytest.mark.parametrize("name", NAMES)
def test_the_builtin_data_is_sound(tmp_path: Path, name: str) -> None:
    data = read_examples(builtin_path(name))
    assert check_examples(load_domain(name), data) == []
    assert read(tmp_path, dump_examples(data)) == data


def test_text_that_reads_as_an_annotation_is_not_written() -> None:
    with pytest.raises(NluError, match="cannot be written"):
        dump_examples(NluData((Example("a [b](c)", "greet"),)))
    with pytest.raises(DomainError, match="did you mean 'concert'"):
        builtin_path("concrt")


def test_misfits_with_the_domain_are_reported() -> None:
    domain = load_domain("concert").with_slot("mood", "categorical", ["happy", "sad"])
    annotated = [("gret", "hi"), ("greet", "Bye"), ("goodbye", "bye"), ("greet", "[ok](nme)")]
    annotated += [("faq/x", "how"), ("thankyou", "so [SAD](mood)"), ("thankyou", "so [hapy](mood)")]
    said = [parse_example(text, intent, "f", i) for i, (intent, text) in enumerate(annotated, 1)]
    found = check_examples(domain.with_intent("faq"), NluData(tuple(said)))
    assert [(one.line, one.message, one.is_error) for one in found if "example" not in one.message] == [
        (1, "unknown intent 'gret'; did you mean 'greet'?", True),
        (3, "'bye' is 'goodbye' here and 'greet' in f:2", False),
        (4, "unknown entity 'nme'; did you mean 'name'?", True),
        (7, "the slot 'mood' does not list the value 'hapy'; did you mean 'happy'?", False),
    ]
    assert sorted(one.message.split("intent ")[1] for one in found if "example" in one.message) == [
        "'compare_reviews' has no examples", "'faq' has 1 example", "'goodbye' has 1 example",
        "'search_concerts' has no examples", "'search_venues' has no examples",
    ]  # fmt: skip


def test_error_without_re2_has_the_install_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)
    with pytest.raises(NluError, match=r"nlu\.yml:25: .* need RE2: pip install \"dialogue_gym\[nlu\]\"$"):
        read(tmp_path, YAML)
