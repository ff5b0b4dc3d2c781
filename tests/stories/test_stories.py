"""Stories: round trips through files, checks, joins and graphs."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dialogue_gym import stories
from dialogue_gym._text import MAX_NAME, name_fault
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import (
    ActionExecuted,
    BotUttered,
    Entity,
    Event,
    Restarted,
    SlotSet,
    UserUttered,
)
from dialogue_gym.stories import Either, Story, StoryCheckpoint, StoryError
from tests.conftest import domain_from, domain_of
from tests.strategies import domains

ROUNDS = settings(max_examples=70, suppress_health_check=list(HealthCheck))

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
    domain = domain_of(draw(domains()))
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
    """Return the parts of steps that have to survive, as text, since 1 == True."""
    return [repr(step.act if isinstance(step, UserUttered) else step) for step in steps]


EVENTS = {"restart", "slot", "user", "rewind", "role"}


@ROUNDS
@given(conversations(), st.sampled_from(stories.FORMATS))
def test_a_written_story_is_read_again(conversation: Conversation, format: str) -> None:
    story = stories.story_of(conversation, "any")
    try:
        text = stories.dump([story, story], format)
    except StoryError as refused:
        # Rasa's YAML has no way to tell an action from an event of the same name.
        assert format == "yaml" and "from an event of that name" in str(refused)
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
def test_a_story_replays_to_the_same_state(conversation: Conversation) -> None:
    """The events that a story leaves out lose nothing, as long as nothing was uncertain."""
    sure = [
        UserUttered(event.text, event.intent, tuple(Entity(e.name, e.value) for e in event.entities))
        if isinstance(event, UserUttered)
        else event
        for event in conversation.events
    ]
    parsed = stories.story_of(Conversation(conversation.domain, sure), "x")
    again = stories.replay(conversation.domain, parsed)
    before = Conversation(conversation.domain, sure)
    assert again.slots == before.slots
    assert (again.observation() == before.observation()).all()


@ROUNDS
@given(st.lists(st.tuples(NAMES, st.dictionaries(TEXTS.filter(bool), VALUES, max_size=2)), max_size=3))
def test_checkpoints_and_choices_are_read_again(named: list[tuple[str, dict[str, Any]]]) -> None:
    steps: list[Any] = [StoryCheckpoint(name, slots) for name, slots in named]
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


def test_derived_events_are_not_written() -> None:
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
    parsed = stories.story_of(Conversation(domain, events), "n")
    assert parsed.steps == (
        UserUttered("words", "i", (Entity("e", "x"),)),
        ActionExecuted("a"),
        SlotSet("e", "x"),
        ActionExecuted("action_restart"),
        Restarted(),
        Restarted(),
    )


def test_a_check_finds_all_problems() -> None:
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
        (2, True, "unknown entity 'sizes'; did you mean 'size'?"),
        (2, True, "unknown intent 'gret'; did you mean 'greet'?"),
        (4, True, "unknown slot 'sizee'; did you mean 'size'?"),
        (5, False, "no story begins with the checkpoint 'end'; did you mean 'endd'?"),
        (6, False, "duplicate name 'one', first used at f:1"),
        (7, False, "the slot 'size' does not list the value 'smalll'; did you mean 'small'?"),
        (8, True, "unknown action 'aa'; did you mean 'a'?"),
        (10, False, "the story 'none' has no action"),
        (13, False, "no story ends with the checkpoint 'endd'; did you mean 'end'?"),
    ]


@ROUNDS
@given(st.lists(conversations(), min_size=1, max_size=1), st.integers(0, 99), st.integers(0, 3), st.data())
def test_joining_adds_dialogues_without_contradictions(
    given_conversations: list[Conversation], seed: int, rounds: int, data: st.DataObject
) -> None:
    domain = given_conversations[0].domain
    turn = st.tuples(st.sampled_from(domain.intents), st.sampled_from(domain.actions[1:]))
    parsed = [
        Story(str(i), tuple(step for i, a in turns for step in (UserUttered(None, i), ActionExecuted(a))))
        for i, turns in enumerate(data.draw(st.lists(st.lists(turn, min_size=1, max_size=2), max_size=4)))
    ]
    limit = data.draw(st.integers(0, 10))
    joined = stories.join(parsed, domain, rounds, seed, limit)
    assert joined == stories.join(parsed, domain, rounds, seed, limit)
    assert len({repr(story.steps) for story in joined}) == len(joined)
    plain = [story for i, story in enumerate(parsed) if story.steps not in [s.steps for s in parsed[:i]]]
    assert joined[: len(plain)] == plain and len(joined) <= len(plain) + limit
    before = {(c.observation, c.second.action) for c in stories.contradictions(domain, parsed)}
    after = {(c.observation, c.second.action) for c in stories.contradictions(domain, joined)}
    assert before == after
    for story in joined[len(plain) :]:
        assert len(story.places) == len(story.steps)
        assert any(repr(story.steps).endswith(repr(end.steps)[1:]) for end in plain)


def test_a_graph_shares_the_beginnings_of_stories() -> None:
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
    form = stories.mermaid(stories.parse('## a\n* hi\n- f\n- form{"name": "f"}\n- f\n- form{"name": null}\n'))
    assert '[/"f is active"/]' in form and '[/"the form ends"/]' in form


def test_actions_that_forms_and_rasa_do_are_not_unused() -> None:
    domain = domain_from(
        """
        intents: [hi]
        slots: {size: {type: text}, town: {type: text}}
        forms: {order: {required_slots: [size]}, trip: {required_slots: [town]}}
        actions: [utter_ask_size, validate_order, utter_ask_town, utter_default, utter_a, utter_b]
        """
    )
    told = stories.parse("## a\n* hi\n- order\n- utter_a\n")
    assert stories.statistics(told, domain).unused_actions == ("utter_ask_town", "utter_b", "trip")


@pytest.mark.parametrize("name", ["join", "mermaid", "statistics"])
def test_a_function_is_not_hidden_by_the_module_of_its_name(name: str) -> None:
    module = importlib.import_module(f"dialogue_gym.stories.{name}")
    assert inspect.ismodule(module) and getattr(stories, name) is getattr(module, name)


def test_the_longest_names_are_read_again() -> None:
    name = "\N{GRINNING FACE}" * MAX_NAME
    story = Story(
        name, (UserUttered(None, name, (Entity(name, "x"),)), ActionExecuted(name), SlotSet(name, 1))
    )
    for format in stories.FORMATS:
        assert stories.parse(stories.dump([story], format), "x", format) == [story]
