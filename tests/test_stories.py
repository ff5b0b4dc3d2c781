"""Stories: what is written is read again, what is broken is told in one sentence, and what can be done."""

from __future__ import annotations

import random
import string
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dialogue_gym import stories
from dialogue_gym.conversation import Conversation
from dialogue_gym.domain import Domain
from dialogue_gym.domain.parse import parse
from dialogue_gym.domain.reader import MAX_NAME, name_fault, read_text
from dialogue_gym.events import (
    ActionExecuted,
    BotUttered,
    Entity,
    Event,
    Restarted,
    SlotSet,
    UserUttered,
)
from dialogue_gym.stories import Checkpoint, Either, Story, StoryError
from tests.conftest import domain_from
from tests.strategies import domains

ROUNDS = settings(max_examples=120, suppress_health_check=list(HealthCheck))

ODD = (
    "a OR b",
    'say "x"',
    "{",
    "a: b",
    "a:",
    "/x",
    "//",
    "- x",
    "# x",
    "<!-- x -->",
    "form: x",
    "`v`",
    "a@0.5",
)
ODD += (
    " x ",
    "null",
    "yes",
    "1.5",
    "é",
    "日本",
    "\u200dx",
    "restart",
    "slot",
    "user",
    "rewind",
    "role",
    "[x](y)",
)
NAMES = st.one_of(
    st.sampled_from(ODD),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12),
).filter(lambda name: name_fault(name) is None)
TEXTS = st.one_of(
    st.text(max_size=20), st.sampled_from(["[x](y)", "/inform{", "x\n- story: y", "a OR b", " x"])
)
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXTS
)
JSON = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    """Any conversation of any valid domain, some with names that are hard to write."""
    domain = parse(read_text(yaml.safe_dump(draw(domains()), sort_keys=False)), "any")
    for name in draw(st.lists(NAMES, max_size=3, unique=True)):
        domain = domain if name in domain.intents else domain.with_intent(name)
        if name not in domain.actions and name not in (
            "success",
            "failure",
            "step",
            "turn",
            "useless",
            "invalid",
        ):
            domain = domain.with_action(name)
        if name not in [slot.name for slot in domain.slots]:
            domain = domain.with_slot(name, draw(st.sampled_from(["text", "list", "any"])))
    spans = st.none() | st.integers(0, 8)
    entities = st.builds(
        Entity,
        st.sampled_from(domain.entities),
        VALUES,
        spans,
        spans,
        st.none() | st.just(0.4),
        st.none() | TEXTS,
    )
    message = st.builds(
        UserUttered,
        st.none() | TEXTS,
        st.none() | st.sampled_from(domain.intents),
        st.lists(entities, max_size=3).map(tuple),
        st.floats(0, 1),
    )
    event = st.one_of(
        message,
        message,
        st.builds(ActionExecuted, st.sampled_from(domain.actions), st.none() | st.just(0.5)),
        st.builds(SlotSet, st.sampled_from([slot.name for slot in domain.slots]), JSON),
        st.builds(BotUttered, TEXTS),
        st.just(Restarted()),
    )
    return Conversation(domain, draw(st.lists(event, max_size=12)))


def meaning(steps: Any) -> list[str]:
    """What has to survive: as text, since 1 is not true."""
    return [repr(step.act if isinstance(step, UserUttered) else step) for step in steps]


EVENTS = {"restart", "slot", "user", "rewind", "role"}


@ROUNDS
@given(conversations(), st.sampled_from(stories.FORMATS))
def test_what_is_written_is_read_again(conversation: Conversation, format: str) -> None:
    story = stories.story_of(conversation, "any")
    try:
        text = stories.dump([story, story], format)
    except StoryError as refused:
        # Rasa's YAML has no way to tell an action from an event of the same name.
        assert format == "yaml" and "like an event, cannot be written in YAML" in str(refused)
        assert EVENTS & {step.name for step in story.steps if isinstance(step, ActionExecuted)}
        return
    first, second = stories.parse(text, "x", format)
    assert meaning(first.steps) == meaning(second.steps) == meaning(story.steps)
    for step, again in zip(story.steps, first.steps, strict=True):
        if format == "yaml" and isinstance(step, UserUttered) and isinstance(again, UserUttered):
            assert again.text in (None, "", step.text)


@ROUNDS
@given(st.sampled_from(ODD) | st.text(max_size=10), st.sampled_from(stories.FORMATS), st.booleans())
def test_any_name_of_a_story_is_kept_or_refused(name: str, format: str, is_rule: bool) -> None:
    story = Story(name, (ActionExecuted("a"),), is_rule=is_rule)
    try:
        text = stories.dump([story], format)
    except StoryError as refused:
        assert "cannot be written in Markdown" in str(refused) or "half a character" in str(refused)
        assert format == "markdown" or not name.isprintable()
        return
    assert stories.parse(text, "x", format) == [story]


@ROUNDS
@given(conversations())
def test_a_story_knows_what_the_conversation_knew(conversation: Conversation) -> None:
    """Nothing is lost with the events that a story leaves out, as long as all was heard for sure."""
    sure = [
        UserUttered(event.text, event.intent, tuple(Entity(e.name, e.value) for e in event.entities))
        if isinstance(event, UserUttered)
        else event
        for event in conversation.events
    ]
    told = stories.story_of(Conversation(conversation.domain, sure), "x")
    again = stories.replay(conversation.domain, told)
    before = Conversation(conversation.domain, sure)
    assert again.slots == before.slots
    assert (again.observation() == before.observation()).all()


@ROUNDS
@given(st.lists(st.tuples(NAMES, st.dictionaries(TEXTS.filter(bool), VALUES, max_size=2)), max_size=3))
def test_checkpoints_and_choices_are_read_again(named: list[tuple[str, dict[str, Any]]]) -> None:
    steps: list[Any] = [Checkpoint(name, slots) for name, slots in named]
    steps += [Either(tuple((UserUttered(None, name),) for name, _ in named))] if len(named) > 1 else []
    story = Story("x", tuple(steps))
    for format in stories.FORMATS:
        try:
            text = stories.dump([story], format)
        except StoryError:
            assert format == "markdown"
            continue
        (again,) = stories.parse(text, "x", format)
        assert repr(again.steps) == repr(story.steps)


def test_what_follows_from_the_rest_is_not_written() -> None:
    domain = domain_from(
        "{intents: [i], entities: [e], slots: {e: {type: text}, f: {type: text}}, actions: [a]}"
    )
    message = UserUttered("words", "i", (Entity("e", "x", confidence=0.6),), 0.6)
    events: list[Event] = [
        message,
        SlotSet("e", "x"),
        ActionExecuted("a", 0.9),
        BotUttered("hi"),
        SlotSet("e", "x"),
    ]
    events += [ActionExecuted("action_listen"), ActionExecuted("action_restart"), Restarted(), Restarted()]
    told = stories.story_of(Conversation(domain, events), "n")
    assert told.steps == (
        UserUttered("words", "i", (Entity("e", "x"),)),
        ActionExecuted("a"),
        SlotSet("e", "x"),
        ActionExecuted("action_restart"),
        Restarted(),
        Restarted(),
    )


PROJECT_TEXTS = [
    path.read_text(encoding="utf-8")
    for path in sorted((Path(__file__).parent / "projects").glob("*/*"))
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


def test_a_broken_file_is_told_in_one_sentence() -> None:
    domain = Domain.load(Path(__file__).parent / "projects" / "pizza_or" / "domain.yml")
    generator = random.Random(3)
    failed = 0
    for _ in range(600):
        text = mutated(generator.choice(PROJECT_TEXTS), generator)
        try:
            told = stories.parse(text, "f")
        except StoryError as error:
            failed += 1
            assert str(error).startswith("f:") and str(error).isprintable()
            continue
        for problem in stories.check_stories(domain, told):
            assert problem.file == "f" and 1 <= problem.line <= text.count("\n") + 1
        stories.statistics(told)
        try:
            stories.mermaid(told)
            stories.dump(told, "yaml")
            stories.dump(told, "markdown")
        except StoryError:
            pass
    assert 50 < failed < 550


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("* greet\n", "f:1: a story begins with its name, '## name'"),
        ("## a\n* greet{x}", "f:2: '* greet{x}': not valid JSON after the name"),
        ('## a\n* greet{"x": 1} and', "f:2: '* greet{\"x\": 1} and': only ' OR ' and another intent"),
        ("## a\nutter_greet", "f:2: 'utter_greet': a line of a story begins with"),
        ("## a\n\n<!-- b\n* c", "f:3: a comment begins here that never ends"),
        ("## a\n- slot", "f:2: '- slot': a slot needs its name and value"),
        ("## a\n* b" + '{"x": ' + "[" * 200_000, "f:2: "),
        ("## intent:greet\n- hello", "f:1: 'intent:greet' is training data for language, not a story"),
        (
            "stories:\n- story: a\n  steps:\n  - intnt: b",
            "f:4: steps[0].intnt: unknown key in a step; did you mean",
        ),
        (
            "stories:\n- story: a\n  steps:\n  - intent: b\n    action: c",
            "f:4: steps[0]: a step is one thing, not",
        ),
        ("stories:\n- story: a\n  steps:\n  - greet", "f:4: steps[0]: a step is a key such as 'intent'"),
        ("stories:\n- steps: []", "f:2: a story needs its name under 'story'"),
        ("stories:\n- story: a\n  steps:\n  - or: []", "f:4: steps[0].or: an 'or' needs at least one part"),
        ("version: 1\nstoris: []", "f:2: unknown key 'storis'; did you mean 'stories'?"),
    ],
)
def test_errors(text: str, error: str) -> None:
    with pytest.raises(StoryError) as raised:
        stories.parse(text, "f")
    assert str(raised.value).startswith(error) and len(str(raised.value)) < 300


def many(count: int) -> str:
    steps = "\n  steps:\n  - user: |\n      - hello\n    intent: greet\n  - action: a"
    told = "".join(f"- story: story {i}{steps}{i % 7}\n" for i in range(count))
    return f'version: "3.1"\nrules:\n\nstories:  # many\n{told}'


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
def test_a_large_file_is_read_in_parts_as_it_would_be_whole(
    tail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is cut where YAML does not end gives the same stories, lines and errors."""
    text = many(1500) + tail
    outcomes = []
    for chunk in (50_000, 10**9):
        monkeypatch.setattr("dialogue_gym.stories.yaml_reader._CHUNK", chunk)
        try:
            told = stories.parse(text, "f")
            outcomes.append(repr([(story, story.place, story.places) for story in told]))
        except StoryError as error:
            outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]


def test_an_error_far_down_a_large_file_names_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dialogue_gym.stories.yaml_reader._SMALL", 0)
    text = many(3000) + "- story: x\n  steps:\n  - action: {}\n" + many(3000).partition("many\n")[2]
    with pytest.raises(StoryError, match=r"^f:18007: steps\[0\]\.action: a name is expected here"):
        stories.parse(text, "f")


def test_a_check_finds_what_is_wrong() -> None:
    domain = domain_from(
        "{intents: [greet, faq], entities: [size], actions: [a],"
        " slots: {size: {type: categorical, values: [small]}}}"
    )
    text = (
        '## one\n* gret{"sizes": 1} OR faq/x\n- a\n- slot{"sizee": 1}\n> end\n'
        '## one\n* greet{"size": "smalll"}\n- aa\n- action_back\n'
        '## none\n* greet{"size": "SMALL"}\n## lost\n> endd\n* greet\n- a\n'
    )
    problems = stories.check_stories(domain, stories.parse(text, "f"))
    assert [(problem.line, problem.is_error, problem.message) for problem in problems] == [
        (2, True, "'gret' is no intent of the domain; did you mean 'greet'?"),
        (2, True, "'sizes' is no entity of the domain; did you mean 'size'?"),
        (4, True, "'sizee' is no slot of the domain; did you mean 'size'?"),
        (5, False, "no story begins with the checkpoint 'end'; did you mean 'endd'?"),
        (6, False, "the name 'one' stands at f:1 already"),
        (7, False, "the slot 'size' does not list the value 'smalll'; did you mean 'small'?"),
        (8, True, "'aa' is no action of the domain; did you mean 'a'?"),
        (9, False, "'action_back' is Rasa's own action: list it in the domain for the bot to learn it"),
        (10, False, "the story 'none' has no action"),
        (13, False, "no story ends with the checkpoint 'endd'; did you mean 'end'?"),
    ]


@ROUNDS
@given(st.lists(conversations(), min_size=1, max_size=1), st.integers(0, 99), st.integers(0, 3), st.data())
def test_joining_adds_dialogues_but_no_contradiction(
    given_conversations: list[Conversation], seed: int, rounds: int, data: st.DataObject
) -> None:
    domain = given_conversations[0].domain
    turn = st.tuples(st.sampled_from(domain.intents), st.sampled_from(domain.actions[1:]))
    told = [
        Story(str(i), tuple(step for i, a in turns for step in (UserUttered(None, i), ActionExecuted(a))))
        for i, turns in enumerate(data.draw(st.lists(st.lists(turn, min_size=1, max_size=2), max_size=4)))
    ]
    limit = data.draw(st.integers(0, 10))
    joined = stories.join(told, domain, rounds, seed, limit)
    assert joined == stories.join(told, domain, rounds, seed, limit)
    assert len({repr(story.steps) for story in joined}) == len(joined)
    plain = [story for i, story in enumerate(told) if story.steps not in [s.steps for s in told[:i]]]
    assert joined[: len(plain)] == plain and len(joined) <= len(plain) + limit
    before = {(c.observation, c.second.action) for c in stories.contradictions(domain, told)}
    after = {(c.observation, c.second.action) for c in stories.contradictions(domain, joined)}
    assert before == after
    for story in joined[len(plain) :]:
        assert len(story.places) == len(story.steps)
        assert any(repr(story.steps).endswith(repr(end.steps)[1:]) for end in plain)


def test_a_graph_shares_what_stories_begin_with() -> None:
    text = '## a\n* hi{"x": "<b>"}\n- c\n- slot{"s": null}\n## b\n* hi{"x": "<b>"}\n- c\n* bye OR hi\n'
    assert stories.mermaid(stories.parse(text)) == (
        "flowchart TD\n"
        '    n0(("start"))\n'
        '    n1(["hi#123;#34;x#34;: #34;#60;b#62;#34;#125;"])\n'
        "    n0 --> n1\n"
        '    n2["c"]\n'
        "    n1 --> n2\n"
        '    n3[/"s = null"/]\n'
        "    n2 --> n3\n"
        '    n4(["bye"])\n'
        "    n2 --> n4\n"
        '    n5(["hi"])\n'
        "    n2 --> n5\n"
    )
    assert "more than 3 steps" in stories.mermaid(stories.parse(text), limit=3)


def test_names_as_long_as_names_can_be() -> None:
    name = "\N{GRINNING FACE}" * MAX_NAME
    story = Story(
        name, (UserUttered(None, name, (Entity(name, "x"),)), ActionExecuted(name), SlotSet(name, 1))
    )
    for format in stories.FORMATS:
        assert stories.parse(stories.dump([story], format), "x", format) == [story]
