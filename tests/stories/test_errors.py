"""Errors of broken story files, and large files."""

from __future__ import annotations

import random
import string

import pytest

from dialogue_gym import stories
from dialogue_gym._text import printable
from dialogue_gym.domain import load_domain
from dialogue_gym.stories import StoryError
from tests import ROOT

PROJECT_TEXTS = [
    path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "tests/stories/projects").glob("*/*"))
    if path.name != "domain.yml"
]


def mutated(text: str, generator: random.Random) -> str:
    pieces = text.splitlines(keepends=True) if generator.random() < 0.5 else list(text)
    for _ in range(generator.randint(1, 4)):
        at = generator.randrange(len(pieces) + 1)
        chosen = generator.choice(["delete", "insert", "swap", "repeat"])
        if chosen == "delete":
            del pieces[at : at + generator.randint(1, 3)]
        elif chosen == "insert":
            odd = [
                *"{}[]\"'<>-*#&!|:\n\t",
                "<!--",
                "-->",
                " OR ",
                "- ",
                "&a ",
                "*a",
                "---\n",
                "stories:\n",
                "\x00",
            ]
            pieces.insert(at, generator.choice([*odd, *string.ascii_letters[:3]]))
        elif chosen == "swap" and len(pieces) > 1:
            i, j = generator.sample(range(len(pieces)), 2)
            pieces[i], pieces[j] = pieces[j], pieces[i]
        else:
            pieces[at:at] = pieces[at : at + 2] * generator.randint(1, 20)
    return "".join(pieces)


def test_the_error_of_a_broken_file_is_one_sentence() -> None:
    domain = load_domain(ROOT / "tests/stories/projects" / "pizza_or" / "domain.yml")
    generator = random.Random(3)
    failed = 0
    for _ in range(300):
        text = mutated(generator.choice(PROJECT_TEXTS), generator)
        try:
            parsed = stories.parse(text, "f")
        except StoryError as error:
            failed += 1
            assert str(error).startswith("f:") and str(error) == printable(str(error))
            continue
        for problem in stories.check_stories(domain, parsed):
            assert problem.file == "f" and 1 <= problem.line <= text.count("\n") + 1
        stories.statistics(parsed)
        try:
            stories.mermaid(parsed)
            stories.dump(parsed, "yaml")
            stories.dump(parsed, "markdown")
        except StoryError:
            pass
    assert 25 < failed < 275


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("* greet\n", "f:1: a story must begin with its name, '## name'"),
        ("## a\n* greet{x}", "f:2: '* greet{x}': not valid JSON after the name"),
        ('## a\n* greet{"x": 1} and', "f:2: '* greet{\"x\": 1} and': only ' OR ' and another intent"),
        ("## a\nutter_greet", "f:2: 'utter_greet': a line of a story must begin with"),
        ("## a\n\n<!-- b\n* c", "f:3: this comment is never closed"),
        ("## a\n- slot", "f:2: '- slot': a slot needs its name and value"),
        ("## a\n* b" + '{"x": ' + "[" * 200_000, "f:2: "),
        ("## intent:greet\n- hello", "f:1: 'intent:greet' is a section of NLU data, not a story"),
        (
            "stories:\n- story: a\n  steps:\n  - intnt: b",
            "f:4: steps[0].intnt: unknown key in a step; did you mean",
        ),
        (
            "stories:\n- story: a\n  steps:\n  - intent: b\n    action: c",
            "f:4: steps[0]: a step cannot be both",
        ),
        ("stories:\n- story: a\n  steps:\n  - greet", "f:4: steps[0]: a step is a key such as 'intent'"),
        ("stories:\n- steps: []", "f:2: a story needs its name under 'story'"),
        ("stories:\n- story: a\n  steps:\n  - or: []", "f:4: steps[0].or: an 'or' needs at least one part"),
        ("version: 1\nstoris: []", "f:2: unknown key 'storis'; did you mean 'stories'?"),
    ],
)
def test_errors_name_line_and_problem(text: str, error: str) -> None:
    with pytest.raises(StoryError) as raised:
        stories.parse(text, "f")
    assert str(raised.value).startswith(error) and len(str(raised.value)) < 300


def many(count: int) -> str:
    steps = "\n  steps:\n  - user: |\n      - hello\n    intent: greet\n  - action: a"
    parsed = "".join(f"- story: story {i}{steps}{i % 7}\n" for i in range(count))
    return f'version: "3.1"\nrules:\n\nstories:  # many\n{parsed}'


@pytest.mark.parametrize(
    "tail",
    [
        "",
        '- story: "in quotes\n- story: it goes on"\n  steps: []\n',
        "- {story: x, steps: [\n- , {intent: y}]}\n",
        "- story: x\n  steps: &steps\n  - intent: y\n"
        + "- story: z\n  steps: []\n" * 3000
        + "- {story: w, steps: *steps}\n",
        'responses:\n  utter_x:\n  - text: "\nstories:\n- story: none\n  steps: []\n"\n',
        "rules_: []\n",
        "- story: x\n  steps: [}\n",
        "- story: x\n  steps:\n  - action: {}\n",
    ],
)
def test_a_large_file_reads_the_same_in_chunks(tail: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cuts in the middle of YAML values give the same stories, lines and errors."""
    text = many(1500) + tail
    outcomes = []
    for chunk in (50_000, 10**9):
        monkeypatch.setattr("dialogue_gym.stories.yaml_reader._CHUNK", chunk)
        try:
            parsed = stories.parse(text, "f")
            outcomes.append(repr([(story, story.place, story.places) for story in parsed]))
        except StoryError as error:
            outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]


def test_an_error_far_down_a_large_file_names_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dialogue_gym.stories.yaml_reader._SMALL", 0)
    text = many(3000) + "- story: x\n  steps:\n  - action: {}\n" + many(3000).partition("many\n")[2]
    with pytest.raises(StoryError, match=r"^f:18007: steps\[0\]\.action: expected a name"):
        stories.parse(text, "f")
