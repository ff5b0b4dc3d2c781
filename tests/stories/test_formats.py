"""Features of one of the two story formats."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialogue_gym import stories
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import ActionExecuted, Entity, Event, SlotSet, UserUttered
from dialogue_gym.stories import Story, StoryError
from tests.commands import call
from tests.conftest import domain_from

RULES = """version: "3.1"

rules:
- rule: first
  conversation_start: true
  condition:
  - slot_was_set:
    - s: 1
  - active_loop: form
  steps:
  - intent: greet
  - action: utter_greet
  wait_for_user_input: false

- rule: second
  condition:
  - active_loop: null
  steps: []

- rule: third
  steps:
  - intent: greet
  - action: utter_greet
"""


def test_rules_keep_their_conditions() -> None:
    first, second, third = parsed = stories.parse(RULES, "f")
    assert (first.conditions, first.conversation_start, first.wait_for_user_input) == (2, True, False)
    assert (second.conditions, second.conversation_start, second.wait_for_user_input) == (1, False, True)
    assert stories.dump(parsed, "yaml") == RULES and stories.parse(stories.dump([third], "markdown")) == [
        third
    ]
    for rule, place in ((first, "f:4"), (second, "f:15")):
        with pytest.raises(StoryError, match=f"^{place}: Markdown cannot express that the rule '"):
            stories.dump([rule], "markdown")
    with pytest.raises(StoryError, match=r"^f:5: .*conversation_start: expected true or false"):
        stories.parse(RULES.replace("true", "maybe"), "f")


def test_dots_of_a_markdown_rule_are_not_an_action() -> None:
    text = (
        '>> leave\n- form{"name": "f"}\n- ...\n* stop\n- action_deactivate_form\n- form{"name": null}\n'
        ">> hello\n- ...\n* greet\n- utter_hi\n- ...\n"
    )
    leave, hello = stories.parse(text, "f", "markdown")
    assert (leave.conditions, leave.wait_for_user_input, len(leave.steps)) == (1, True, 4)
    assert (hello.conditions, hello.wait_for_user_input) == (0, False)
    assert hello.steps == (UserUttered(None, "greet"), ActionExecuted("utter_hi"))


def test_names_that_rasa_has_changed_are_those_of_the_format() -> None:
    old = '## leave\n* stop\n  - action_deactivate_form\n  - form{"name": null}\n'
    new = stories.dump(stories.parse(old, "f", "markdown"), "yaml")
    assert "- action: action_deactivate_loop\n  - active_loop: null\n" in new
    assert stories.dump(stories.parse(new, "f"), "markdown") == old


@pytest.mark.parametrize("value", ["NaN", "-Infinity", "1e999", "[1e999]"])
@pytest.mark.parametrize(
    "line", ['* i{"e": %s}', '* i{"e": 1} OR j{"e": %s}', '- slot{"e": %s}', '> c{"e": %s}']
)
def test_numbers_are_finite(line: str, value: str) -> None:
    with pytest.raises(StoryError, match=r"^f:2: .*too long or not finite"):
        stories.parse("## a\n" + line.replace("%s", value), "f")


def test_a_story_has_no_confidences() -> None:
    (story,) = stories.parse('## a\n* /inform@0.7{"size": "small"}\n* a@1 OR b@0.25\n* c@home\n')
    acts = [[step.act] if isinstance(step, UserUttered) else step for step in story.steps]
    assert acts[0] == ['inform{"size": "small"}'] and acts[2] == ["c@home"]
    assert [option[0].intent for option in story.steps[1].options] == ["a", "b"]  # type: ignore[union-attr]
    odd = Story("x", (UserUttered(None, "a@0.5"), stories.Either(((UserUttered(None, "b@1"),),))))
    assert stories.parse(stories.dump([odd], "yaml"), "x") == [odd]
    with pytest.raises(StoryError, match="cannot be written in Markdown"):
        stories.dump([odd], "markdown")


@pytest.mark.parametrize("name", ["role", "group", "entity", "value", "city"])
@pytest.mark.parametrize("options", [{}, {"role": "to"}, {"group": "1"}, {"role": "to", "group": "1"}])
def test_an_entity_of_any_name_keeps_its_role(name: str, options: dict[str, str]) -> None:
    story = Story("x", (UserUttered(None, "i", (Entity(name, "y", **options), Entity("value", "z"))),))  # type: ignore[arg-type]
    assert stories.parse(stories.dump([story], "yaml")) == [story]


def test_a_line_of_very_many_messages_is_read() -> None:
    (story,) = stories.parse("## a\n* " + " OR ".join(["i"] * 20_000))
    assert len(story.steps[0].options) == 20_000  # type: ignore[union-attr]


@pytest.mark.parametrize("text", ["- a\n", "# nothing\n", "nlu: []\nresponses: {}\n", "", "version: 1\n"])
@pytest.mark.parametrize("lines", [0, 40_000])
def test_a_file_without_stories_is_refused(text: str, lines: int, tmp_path: Path) -> None:
    """Also if it is large, and so read in parts."""
    path = tmp_path / "nlu.yml"
    path.write_text(text + "# more\n" * lines)
    with pytest.raises(
        StoryError, match=r"nlu\.yml:1: (the file has neither|expected key: value pairs|the file is empty)"
    ) as error:
        stories.load(path)
    assert "nlu" not in text or "it has 'nlu', 'responses'" in str(error.value)
    path.write_text(stories.dump([], "yaml"))
    assert stories.load(path) == []


def test_errors_name_one_place() -> None:
    for name in ("intent:x", "a\tb"):
        with pytest.raises(StoryError) as error:
            stories.dump([Story(name, (), "f", 3)], "markdown")
        assert str(error.value).startswith("f:3: the name ") and str(error.value).count("f:3") == 1


def test_hints_stop_after_very_many_unknown_names() -> None:
    domain = domain_from("{intents: [" + ", ".join(f"greet{i}" for i in range(500)) + "], actions: [a]}")
    text = "".join(f"## {i}\n* greet_{i % 900}\n- a\n" for i in range(1000))
    errors = [problem for problem in stories.check_stories(domain, stories.parse(text)) if problem.is_error]
    hinted = ["did you mean" in problem.message for problem in errors]
    assert len(errors) == 1000 and all(hinted[:40]) and not any(hinted[800:900])
    assert [problem.message for problem in errors[:100]] == [problem.message for problem in errors[900:]]


def test_setting_a_slot_to_another_type_is_kept() -> None:
    domain = domain_from("{intents: [i], entities: [e], slots: {e: {type: any}}, actions: [a]}")
    events: list[Event] = [UserUttered(None, "i", (Entity("e", 1),)), SlotSet("e", 1), SlotSet("e", True)]
    parsed = stories.story_of(Conversation(domain, [*events, ActionExecuted("a")]), "n")
    assert [repr(step) for step in parsed.steps[1:]] == [repr(SlotSet("e", True)), repr(ActionExecuted("a"))]


def test_names_are_shown_as_text(tmp_path: Path) -> None:
    (tmp_path / "s.yml").write_text('stories:\n- story: a\n  steps:\n  - intent: "a\\e[31m"\n  - action: b\n')
    result = call("stories", "stats", "s.yml", cwd=tmp_path)
    assert result.returncode == 0 and "a\\x1b[31m" in result.stdout and "\x1b[31m" not in result.stdout
