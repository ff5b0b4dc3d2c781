"""Expansion of checkpoints, ORs and undone steps to plain stories, as many as can be used."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialogue_gym import stories
from dialogue_gym._files import Problem
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.effects import reset_slots
from dialogue_gym.conversation.events import ActionExecuted, Event, Restarted, SlotSet, UserUttered
from dialogue_gym.domain import Domain
from dialogue_gym.stories import OtherEvent, Story
from tests.conftest import domain_from

ROUNDS = settings(max_examples=80)


def hub(branches: int) -> tuple[Domain, str]:
    """Branches that return to where they begin, in any order."""
    names = ", ".join(f"{{}}{i}" for i in range(branches))
    domain = domain_from(
        f"{{intents: [s, {names.replace('{}', 'i')}], actions: [{names.replace('{}', 'a')}]}}"
    )
    parsed = "".join(f"## {i}\n> hub\n* i{i}\n- a{i}\n> hub\n" for i in range(branches))
    return domain, "## s\n* s\n- a0\n> hub\n" + parsed


def warnings(domain: Domain, text: str) -> list[Problem]:
    found = stories.check_stories(domain, stories.parse(text, "f"))
    assert not any(problem.is_error for problem in found)
    return found


def test_a_hub_is_expanded_in_every_order() -> None:
    domain, text = hub(5)
    orders = [
        tuple(step.name for step in story.steps[2:] if isinstance(step, ActionExecuted))
        for story in stories.expand(stories.parse(text), domain)
    ]
    assert orders == list(itertools.permutations([f"a{i}" for i in range(5)]))
    assert not warnings(domain, text)


OPTIONS = "## many\n" + "* a OR b\n- c\n" * 30
LOOPS = "## many\n* a\n- c\n> x\n" + "## loop {0}\n> x\n* a OR b\n- c\n> x\n" * 12
# These end with the bot, so that a dialogue cannot end where nothing is new.
ENDLESS = "## many\n* a\n- c\n> x\n" + "## loop\n> x\n- c\n* a\n- c\n> x\n" * 12


@pytest.mark.parametrize("text", [OPTIONS, LOOPS, hub(8)[1], hub(100)[1]])
def test_too_many_stories_are_sampled(text: str) -> None:
    parsed = stories.parse(text + "## last\n* a OR b\n- c\n", "f")
    expanded = stories.expand(parsed)
    assert expanded == stories.expand(parsed)
    steps = [repr(story.steps) for story in expanded]
    assert 5 < len(set(steps)) <= len(steps) < 10_000
    assert [story.name for story in expanded[-2:]] == ["last", "last (2)"], "small stories are complete"
    said = {step for story in parsed for step in story.steps if isinstance(step, ActionExecuted)}
    assert said == {step for story in expanded for step in story.steps if isinstance(step, ActionExecuted)}
    assert sum(len(story.steps) for story in expanded) < 100_000


def test_sampling_is_a_warning_at_its_story() -> None:
    domain, text = hub(9)
    (found,) = warnings(domain, "\n" + text)
    assert (found.file, found.line) == ("f", 2)
    assert found.message.startswith(
        "the checkpoints and ORs after 's' make too many stories: a random sample"
    )
    assert stories.join(stories.parse(text), domain, rounds=0) == stories.expand(stories.parse(text), domain)


def test_endless_loops_are_cut() -> None:
    assert stories.expand(stories.parse(ENDLESS)) == []


def test_limit_is_shared_among_all_stories() -> None:
    text = "".join(f"## {name}\n* a OR b\n- c\n* a OR b\n- c\n" for name in "xyz")
    parsed = stories.parse(text)
    assert len(stories.expand(parsed, limit=9)) == 12
    names = [story.name for story in stories.expand(parsed, limit=8)]
    assert 3 <= len(names) <= 11 and {name[0] for name in names} == set("xyz")


EVENTS = st.sampled_from(
    [
        UserUttered(None, "i"),
        UserUttered(None, "j"),
        ActionExecuted("a"),
        ActionExecuted("b"),
        SlotSet("s", 1),
        Restarted(),
        OtherEvent("rewind"),
        OtherEvent("undo"),
        OtherEvent("pause"),
    ]
)


@ROUNDS
@given(st.lists(EVENTS, min_size=1, max_size=25))
def test_undone_steps_are_left_out(steps: list[Event | OtherEvent]) -> None:
    kept: list[Event] = []
    for step in steps:
        if not isinstance(step, OtherEvent):
            kept.append(step)
            continue
        kind = {"rewind": UserUttered, "undo": ActionExecuted}.get(step.name)
        for index in range(len(kept) - 1, -1, -1) if kind else ():
            if isinstance(kept[index], Restarted):
                break  # from there on it is another dialogue
            if isinstance(kept[index], kind):  # type: ignore[arg-type]
                del kept[index:]
                break
    (expanded,) = stories.expand([Story("x", tuple(steps))])
    assert expanded.steps == tuple(kept)


def test_a_checkpoint_sees_the_slots_without_undone_steps() -> None:
    text = '## a\n* i\n- x\n* i\n- slot{"s": 1}\n- rewind\n> c\n'
    text += '## b\n> c{"s": 1}\n* i\n## d\n> c{"s": null}\n* i\n'
    assert [story.name for story in stories.expand(stories.parse(text))] == ["a + d"]


def test_slots_are_reset_as_an_action_resets_them() -> None:
    domain = domain_from(
        "{intents: [i], entities: [e], actions: [a],"
        " slots: {e: {type: text}, f: {type: text, initial_value: x}, g: {type: list}, h: {type: text}}}"
    )
    text = '## n\n* i{"e": "1"}\n- a\n- slot{"f": null, "g": ["y"]}\n- reset_slots\n'
    (expanded,) = stories.expand(stories.parse(text), domain)
    assert expanded.steps[-3:] == (SlotSet("e"), SlotSet("f", "x"), SlotSet("g"))
    expected = Conversation(domain, [*expanded.steps[:-3], *reset_slots(domain)])  # type: ignore[list-item]
    found = stories.replay(domain, expanded)
    assert found.slots == expected.slots and found.bot_half == expected.bot_half
    (empty,) = stories.expand(stories.parse('## n\n* i{"e": "1"}\n- reset_slots\n- reset_slots\n'))
    assert empty.steps[1:] == (SlotSet("e"),)


def test_an_unknown_name_does_not_hide_a_contradiction() -> None:
    domain = domain_from("{intents: [i, j], actions: [a, b]}")
    text = '## one\n* i\n- a\n* j\n- aa\n## two\n* i\n- b\n- slot{"no": 1}\n'
    found = stories.check_stories(domain, stories.parse(text, "f"))
    assert [(problem.line, problem.is_error) for problem in found] == [(5, True), (8, False), (9, True)]
    other = "## one\n* ii\n- a\n## two\n* jj\n- b\n"
    assert all(problem.is_error for problem in stories.check_stories(domain, stories.parse(other)))


def test_contradictions_name_both_stories() -> None:
    domain = domain_from("{intents: [i, j], entities: [e], slots: {e: {type: text}}, actions: [a, b]}")
    text = '## one\n* i{"e": "x"}\n- a\n## same\n* i{"e": "y"}\n- a\n## other\n* i{"e": "z"}\n- b\n'
    text += "## new\n* j\n- b\n"
    (found,) = stories.contradictions(domain, stories.parse(text, "f"))
    assert (found.first.action, str(found.first.place)) == ("a", "f:3")
    assert (found.second.action, found.second.story, str(found.second.place)) == ("b", "other", "f:9")
    assert found.observation == "slot.e filled, intent i, heard.e filled, filled_last e"
    assert not stories.contradictions(domain, stories.parse(text.replace("- b\n## new", "- a\n## new"), "f"))


def test_each_join_round_reaches_further() -> None:
    domain = domain_from("{intents: [i, j], actions: [a, b]}")
    parsed = stories.parse("## one\n* i\n- a\n## two\n* j\n- b\n")
    longest = [
        max(len(story.steps) for story in stories.join(parsed, domain, rounds)) for rounds in (0, 1, 3)
    ]
    assert longest[0] == 2 and longest[1] == 4 and longest[2] > 4
