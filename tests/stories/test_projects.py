"""Story files of Rasa projects are read unedited, with their full meaning."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialogue_gym import stories
from dialogue_gym.conversation.events import (
    ActionExecuted,
    ActiveLoop,
    Entity,
    Restarted,
    SlotSet,
    UserUttered,
)
from dialogue_gym.domain import load_domain
from tests import ROOT

PROJECTS = ROOT / "tests/stories/projects"
FILES = sorted(path for path in PROJECTS.glob("*/*") if path.name != "domain.yml")


def read(name: str) -> dict[str, stories.Story]:
    (path,) = (path for path in FILES if path.parent.name == name)
    return {story.name: story for story in stories.load(path)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_a_project_is_read_checked_and_joined(path: Path) -> None:
    domain = load_domain(path.parent / "domain.yml")
    loaded = stories.load(path)
    assert loaded and not [problem for problem in stories.check_stories(domain, loaded) if problem.is_error]
    lines = path.read_text(encoding="utf-8").split("\n")
    for story in loaded:
        assert story.name in lines[story.line - 1] or repr(story.name)[1:-1] in lines[story.line - 1]
        for step, place in zip(story.steps, story.places, strict=True):
            if isinstance(step, ActionExecuted):
                assert step.name in lines[place.line - 1]
    counted = stories.statistics(loaded, domain)
    assert counted.actions == sum(count for _, count in counted.by_action)
    for story in stories.join(loaded, domain, rounds=2):
        assert len(stories.replay(domain, story)) == len(story.steps)
    assert stories.mermaid(loaded).startswith("flowchart TD\n")


def test_every_project_has_a_file() -> None:
    assert len({path.parent for path in FILES}) == len(FILES) >= 10


def test_slots_and_restarts() -> None:
    steps = read("babi")["story_03812155"].steps
    assert steps[2].act == 'inform{"cuisine": "french", "price": "cheap"}'  # type: ignore[union-attr]
    assert SlotSet("matches", ["The Swan", "The Ship"]) in steps
    assert steps[-1] == Restarted()


def test_the_record_of_a_form_is_left_out() -> None:
    steps = read("formbot")["Generated Story 3490283781720101690 (example from interactive learning)"].steps
    assert [step.intent for step in steps if isinstance(step, UserUttered)] == ["request_restaurant"]
    assert ActiveLoop(None) in steps
    assert SlotSet("num_people", "2") in steps


def test_conditions_and_loops_of_rules() -> None:
    loaded = read("formbot_3")
    assert [name for name, story in loaded.items() if story.is_rule] == [
        "activate form",
        "submit form",
        "chitchat within the form",
    ]
    assert loaded["chitchat within the form"].steps == (
        ActiveLoop("restaurant_form"),
        SlotSet("requested_slot", "cuisine"),
        UserUttered(None, "chitchat"),
        ActionExecuted("utter_chitchat"),
        ActionExecuted("restaurant_form"),
    )


def test_checkpoints_and_their_slots() -> None:
    loaded = stories.expand(read("checkpoints_3").values())
    assert [story.name for story in loaded] == [
        "beginning of conversation + user is content + thank",
        "beginning of conversation + user is not content + apologise",
    ]
    assert [step.name for step in loaded[0].steps if isinstance(step, ActionExecuted)] == [
        "utter_greet",
        "utter_ask_feedback",
        "action_store_feedback",
        "utter_thanks",
        "utter_goodbye",
    ]
    lines = (PROJECTS / "checkpoints_3" / "stories.yml").read_text(encoding="utf-8").split("\n")
    assert "utter_sorry" in lines[loaded[1].places[-2].line - 1]


def test_ors_loops_and_conditions_together() -> None:
    loaded = stories.expand(read("onboarding").values())
    # For each kind of user: a no, or two kinds of yes, with a question then or none, and two kinds of no.
    assert len(loaded) == 2 * (2 * 2 * 2 + 1)
    for story in loaded:
        acts = [step.act for step in story.steps if isinstance(step, UserUttered)]
        is_new = acts[0] == 'get_started{"user_type": "new"}'
        assert ActionExecuted("utter_getstarted" if is_new else "utter_first_bot") not in story.steps


def test_plain_text_and_marked_entities() -> None:
    _, booked = read("e2e_tests").values()
    assert booked.steps[2] == UserUttered(
        "from Rome to Oslo",
        "book",
        (Entity("city", "Rome", 5, 9, role="from"), Entity("city", "oslo", 13, 17, role="to")),
    )
    assert booked.steps[4] == UserUttered(
        '/inform{"cuisine": "thai"}', "inform", (Entity("cuisine", "thai"),)
    )
    _, words = read("e2e_training").values()
    assert [step.text for step in words.steps if isinstance(step, UserUttered)] == [
        "and a coffee, please",
        "here:\n- story: is no story",
    ]


def test_forms_of_entities_and_slots_in_yaml() -> None:
    loaded = read("pizza_or")
    first, _, paid, _ = loaded["size first"].steps
    assert first == stories.Either(
        (
            (UserUttered(None, "order", (Entity("size", "large"),)),),
            (UserUttered(None, "inform", (Entity("size", ""),)),),
        )
    )
    assert paid == stories.Either(((SlotSet("paid", True),), (SlotSet("paid", None),)))
    assert loaded["toppings"].steps[0].act == 'order{"topping": ["ham", "cheese"], "size": "small"}'  # type: ignore[union-attr]
    assert [entity.role for entity in loaded["with roles"].steps[0].entities] == ["on", "without"]  # type: ignore[union-attr]


def test_undone_steps_are_left_out() -> None:
    first, second = stories.expand(read("interactive").values())
    acts = [step.act for step in first.steps if isinstance(step, UserUttered)]
    assert acts == ['greet{"name": "Ana"}', 'inform{"city": ["Roma", "Milano"]}']
    assert ActionExecuted("utter_ask_city") not in first.steps and first.steps[-1] == ActionExecuted(
        "utter_bye"
    )
    assert second.steps[-1] == Restarted()
