"""Actions: texts, simulated effects and Python code, whose failures do not end a conversation."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialogue_gym._text import printable
from dialogue_gym.actions import (
    ActionError,
    ActionResult,
    ActionRunner,
    builtin_actions,
    check_actions,
    load_actions,
)
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import (
    ActionExecuted,
    ActiveLoop,
    BotUttered,
    Entity,
    Restarted,
    SlotSet,
    UserUttered,
    entities_from,
)
from dialogue_gym.domain import load_domain
from tests.conftest import domain_from

DOMAIN = """
    intents: [inform]
    entities: [size, topping]
    slots:
      size: {type: text, initial_value: small}
      toppings: {type: list, mappings: [{type: from_entity, entity: topping}]}
      price: {type: float, max_value: 50}
    responses:
      utter_size: [{text: "A {size} one with {toppings}."}]
      utter_later: []
    actions: [count, order]
    fake_user:
      goal: {size: [small, large]}
      intents: {affirm: inform, deny: inform}
      actions:
        order: {user: judge}
        count: {sets: {price: 20, toppings: null}, needs: {slots: {toppings: filled}}}
"""
PIZZA = domain_from(DOMAIN)
ORDER = UserUttered(
    "a large one", "inform", (Entity("size", "large"), Entity("topping", "olives"), Entity("topping", "ham"))
)


class Python:
    """An action with any code."""

    def __init__(self, run: Callable[..., Any], name: str = "count") -> None:
        self.run, self._name = run, name

    def name(self) -> str:
        return self._name


def run(code: Callable[..., Any], *events: Any) -> ActionResult:
    return ActionRunner(PIZZA, [Python(code)]).run("count", Conversation(PIZZA, events))


def answering(events: Any, *messages: dict[str, Any]) -> Callable[..., Any]:
    def code(dispatcher: Any, tracker: Any, domain: Any) -> Any:
        for message in messages:
            dispatcher.utter_message(**message)
        return events

    return code


def set_slot(name: str, value: Any) -> dict[str, Any]:
    return {"event": "slot", "name": name, "value": value, "timestamp": None}


def test_without_code_the_declared_texts_and_effects_are_used() -> None:
    runner, conversation = ActionRunner(PIZZA), Conversation(PIZZA, [ORDER])
    assert runner.run("utter_size", conversation).events == (BotUttered("A large one with olives, ham."),)
    assert runner.run("count", conversation).events == (SlotSet("price", 20), SlotSet("toppings", None))
    assert runner.run("count", Conversation(PIZZA)).events == ()  # its precondition does not hold
    for name in ("order", "utter_later", "action_listen", "action_restart"):
        assert runner.run(name, conversation) == ActionResult()
    assert len(conversation) == 1


def test_code_replaces_the_declared_effects() -> None:
    result = run(answering([set_slot("price", 12.5)], {"text": "That is 12.50."}), ORDER)
    assert result == ActionResult((BotUttered("That is 12.50."), SlotSet("price", 12.5)))
    refused = Python(answering([set_slot("price", 1)]), "action_restart")
    assert ActionRunner(PIZZA, [refused]).run("action_restart", Conversation(PIZZA)) == ActionResult()


def test_code_reads_the_conversation_but_cannot_change_it() -> None:
    seen: dict[str, Any] = {}

    def look(dispatcher: Any, tracker: Any, domain: Any) -> list[Any]:
        seen.update(tracker.current_state(), intent=tracker.get_intent_of_latest_message())
        seen["entities"] = list(tracker.get_latest_entity_values("topping"))
        seen["was"] = tracker.last_executed_action_has("order")
        seen["since"] = [event["event"] for event in tracker.events_after_latest_restart()]
        seen["domain"] = domain
        tracker.slots["toppings"].append("snails")
        tracker.events.clear()
        return []

    before = (
        ActionExecuted("count"),
        Restarted(),
        ORDER,
        ActionExecuted("order"),
        ActionExecuted("action_listen"),
    )
    conversation = Conversation(PIZZA, before, sender_id="anna")
    assert ActionRunner(PIZZA, [Python(look)]).run("count", conversation) == ActionResult()
    assert conversation.slots["toppings"] == ["olives", "ham"] and conversation.events == before
    assert (seen["sender_id"], seen["intent"], seen["was"]) == ("anna", "inform", True)
    assert seen["entities"] == ["olives", "ham"] and seen["latest_message"]["text"] == "a large one"
    assert seen["since"] == ["user", "action", "action"] and seen["latest_action_name"] == "action_listen"
    assert seen["domain"]["actions"] == ["count", "order", "utter_size", "utter_later"]
    assert seen["domain"]["slots"]["toppings"]["mappings"] == [{"type": "from_entity", "entity": "topping"}]


def test_buttons_are_kept_and_responses_are_filled() -> None:
    buttons = [{"title": "Yes", "payload": "/affirm"}]
    messages = ({"text": "Sure?", "buttons": buttons}, {"response": "utter_size", "size": "huge"}, {})
    result = run(answering([{"event": "reset_slots"}, {"event": "restart"}], *messages), ORDER)
    assert result.note is None
    assert result.events == (
        BotUttered("Sure?", {"buttons": buttons}), BotUttered("A huge one with olives, ham."),
        SlotSet("size", "small"), SlotSet("toppings", None), SlotSet("price", None), Restarted(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("events", "message", "note"),
    [
        ([set_slot("prize", 1)], {}, "unknown slot 'prize'; did you mean 'price'?"),
        ([{"event": "followup", "name": "order"}], {}, "unknown kind of event 'followup'"),
        ([set_slot("price", {1, 2})], {}, "an item of its events is not JSON"),
        ([set_slot("price", float("nan"))], {}, "an item of its events is not JSON"),
        ([set_slot("price", 10**400)], {}, "an item of its events is not JSON"),
        (["price"], {}, "expected objects in its events, not 'price'"),
        ("price", {}, "expected a list of events, not"),
        ([], {"response": "utter_sice"}, "unknown response 'utter_sice'; did you mean"),
        ([], {"text": "x", "buttons": "yes"}, "expected a list of objects under 'buttons'"),
        ([set_slot("requested_slot", ["size"])], {}, "requested_slot needs the name of a slot or null, not"),
        ([], {"text": "x", "elements": [{"buttons": ["yes"]}]}, "list of objects under 'elements'"),
        ([set_slot("a\nb", 1)] * 9, {}, "and 6 more"),
    ],
)  # fmt: skip
def test_unusable_parts_are_dropped_with_a_note(events: Any, message: dict[str, Any], note: str) -> None:
    good = [set_slot("size", "large")] if isinstance(events, list) else ()
    result = run(answering([*good, *events] if good else events, message))
    assert result.note is not None and result.note.startswith("count: ") and note in result.note
    assert result.note == printable(result.note)
    assert SlotSet("size", "large") in result.events or not good


@pytest.mark.parametrize("error", ["KeyError('x')", "ValueError('a\\nb')", "SystemExit(3)"])
def test_the_note_of_failing_code_names_its_line(tmp_path: Path, error: str) -> None:
    file = tmp_path / "pizzeria.py"
    file.write_text(
        "import json\nclass Count:\n    def name(self):\n        return 'count'\n"
        f"    async def run(self, dispatcher, tracker, domain):\n        raise {error}\n"
    )
    result = ActionRunner(PIZZA, load_actions(file)).run("count", Conversation(PIZZA))
    kind = error.partition("(")[0]
    assert result.events == () and result.note is not None
    assert result.note.startswith(f"count: {file}:6: {kind}: ") and "\n" not in result.note


def test_coroutines_run_within_an_event_loop() -> None:
    async def later(dispatcher: Any, tracker: Any, domain: Any) -> list[Any]:
        await asyncio.sleep(0)
        await dispatcher.stream_chunk("now")
        return [set_slot("price", 1)]

    async def within() -> ActionResult:
        return run(later)

    expected = ActionResult((BotUttered("now"), SlotSet("price", 1)))
    assert run(later) == expected and asyncio.run(within()) == expected


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
an_event = anything | st.fixed_dictionaries(
    {"event": st.sampled_from(["slot", "bot", "user", "restart", "reset_slots", "form"]) | anything},
    optional={
        "name": st.sampled_from([slot.name for slot in PIZZA.slots]) | anything,
        "value": anything,
        "text": anything,
        "data": anything,
    },
)
a_message = st.fixed_dictionaries(
    {}, optional={key: anything for key in ("text", "response", "buttons", "json_message", "image", "size")}
)


@settings(max_examples=80)
@given(st.lists(an_event, max_size=4) | anything, st.lists(a_message, max_size=3))
def test_any_result_of_code_leaves_a_valid_conversation(events: Any, messages: list[dict[str, Any]]) -> None:
    result = run(answering(events, *messages), ORDER)
    assert result.note is None or result.note == printable(result.note)
    conversation = Conversation(PIZZA, [ORDER, ActionExecuted("count"), *result.events])
    assert {type(event) for event in result.events} <= {BotUttered, SlotSet, ActiveLoop, Restarted}
    assert all(event.text is None or isinstance(event.text, str)
               for event in result.events if isinstance(event, BotUttered))  # fmt: skip
    # The next action sees what this one left.
    assert ActionRunner(PIZZA, [Python(answering([]))]).run("count", conversation) == ActionResult()


def test_packages_are_searched_without_base_classes(tmp_path: Path) -> None:
    package = tmp_path / "things"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text("from .base import Base\nfrom beside import Count\n")
    (tmp_path / "beside.py").write_text(
        "class Count:\n    def name(self):\n        return 'count'\n"
        "    def run(self, dispatcher, tracker, domain):\n        return []\n"
    )
    (package / "base.py").write_text(
        "class Base:\n    def name(self):\n        raise NotImplementedError\n"
        "    def run(self, dispatcher, tracker, domain):\n        return []\n"
    )
    (package / "inner" / "__init__.py").write_text(
        "from ..base import Base\nclass Order(Base):\n    def name(self):\n        return 'order'\n"
    )
    assert [action.name() for action in load_actions(package)] == ["count", "order"]


@pytest.mark.parametrize("has_init", [True, False])
def test_a_file_of_a_rasa_project_imports_its_package(has_init: bool, tmp_path: Path) -> None:
    package = tmp_path / f"my_actions_{int(has_init)}"
    package.mkdir()
    with pytest.raises(ActionError, match="no Python files in this folder"):
        load_actions(package)
    if has_init:
        (package / "__init__.py").write_text(f"from {package.name}.actions import Count\n")
    (package / "prices.py").write_text("PRICE = 5\n")
    file = package / "actions.py"
    file.write_text(
        f"from .prices import PRICE\nfrom {package.name} import prices\n"
        "class Count:\n    def name(self):\n        return 'count'\n"
        "    def run(self, dispatcher, tracker, domain):\n"
        "        return [{'event': 'slot', 'name': 'price', 'value': PRICE}]\n"
    )
    for path in (file, package):
        runner = ActionRunner(PIZZA, load_actions(path))
        assert runner.run("count", Conversation(PIZZA)).events == (SlotSet("price", 5),)
    # Python knows a file's bytecode by the second and the size: within a second the size has to differ.
    file.write_text(file.read_text().replace("'count'", "'orders'"))
    assert [action.name() for action in load_actions(file)] == ["orders"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (None, "actions.py: no such file"),
        ("x = 1", "has no class with name() and run(...)"),
        ("x =", "actions.py:1: SyntaxError: invalid syntax"),
        ("\nimport nowhere", "actions.py:2: ModuleNotFoundError: No module named 'nowhere'"),
        ("raise SystemExit('bye')", "actions.py:1: SystemExit: bye"),
        ("class A:\n def name(self): return 1/0\n def run(self, a, b, c): 0",
         "actions.py:2: ZeroDivisionError: division by zero"),
        ("class A:\n def name(self): return 5\n def run(self, a, b, c): 0",
         "actions.py:3: name() must return a name, not '5'"),
        ("class A:\n def name(self): return 'a'\n def run(self): 0",
         "actions.py:3: run() must take dispatcher, tracker and domain"),
        ("class A:\n def name(self): return 'a'\n def run(self, a, b, c): 0\nclass B(A): 0",
         "duplicate action 'a', first defined at"),
    ],
)  # fmt: skip
def test_the_error_of_unusable_code_is_one_line(tmp_path: Path, source: str | None, message: str) -> None:
    file = tmp_path / "actions.py"
    if source is not None:
        file.write_text(source)
    with pytest.raises(ActionError) as caught:
        load_actions(file)
    assert message in str(caught.value) and str(caught.value) == printable(str(caught.value))


def test_a_module_is_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ActionError, match=r"no such Python module: 'no_such\.actions'"):
        load_actions("no_such.actions")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my_own_actions.py").write_text(
        "class A:\n    def name(self): return 'a'\n    def run(self, a, b, c): return []\n"
    )
    assert [action.name() for action in load_actions("my_own_actions")] == ["a"]


def test_the_check_reports_differences_from_declared_effects() -> None:
    def messages(code: Callable[..., Any], name: str = "count") -> list[str]:
        runner = ActionRunner(PIZZA, [Python(code, name)])
        problems = check_actions(PIZZA, runner)
        assert all(problem.file == __file__ for problem in problems)
        assert all(problem.is_error == ("Error: " in problem.message) for problem in problems)
        return [problem.message for problem in problems]

    right = answering([set_slot("price", 21), set_slot("toppings", [])])
    assert messages(right) == []
    assert messages(right, "order") == []  # it declares none
    (unknown,) = messages(right, "cuont")
    assert "unknown action 'cuont'" in unknown and "did you mean 'count'?" in unknown
    kept, wrong = messages(answering([set_slot("size", None)]))[0:3:2]
    assert "count leaves the slot 'price' empty" in kept and "declares 20 to 30" in kept
    assert "count leaves the slot 'toppings' filled" in wrong and "declares empty" in wrong
    (failed,) = messages(lambda dispatcher, tracker, domain: 1 / 0)
    assert "ZeroDivisionError" in failed
    (failed,) = messages(lambda dispatcher, tracker, domain: 1 / 0, "order")  # it declares no effects
    assert "order: " in failed and "ZeroDivisionError" in failed


@pytest.mark.parametrize("name", ["restaurant", "concert"])
def test_the_built_in_code_fits_its_domain(name: str) -> None:
    domain = load_domain(name)
    runner = ActionRunner(domain, builtin_actions(name))
    assert runner.actions and check_actions(domain, runner) == []
    conversation = Conversation(domain)
    for action in domain.actions:  # whatever was done before
        result = runner.run(action, conversation)
        assert result.note is None
        conversation.extend([ActionExecuted(action), *result.events])
    assert builtin_actions("no_such_domain") == []


def test_every_goal_has_a_restaurant() -> None:
    domain = load_domain("restaurant")
    assert domain.fake_user is not None
    runner, conversation = ActionRunner(domain, builtin_actions("restaurant")), Conversation(domain)
    goal = dict(domain.fake_user.goal)
    names = set()
    for values in itertools.product(*goal.values()):
        wishes = dict(zip(goal, values, strict=True))
        conversation.append(UserUttered(intent="inform", entities=entities_from(wishes)))
        if wishes["people"] == "3":  # otherwise the action has to see that the earlier finds do not fit
            conversation.extend(runner.run("action_search_restaurants", conversation).events)
        said, *events = runner.run("action_suggest", conversation).events
        conversation.extend(events)
        assert isinstance(said, BotUttered) and said.text is not None
        assert all(wish in said.text for wish in wishes.values())
        names.add(said.text.partition(",")[0])
    assert len(names) == 60
    conversation.append(UserUttered(intent="inform", entities=entities_from({"location": "rome"})))
    said, found = runner.run("action_suggest", conversation).events
    assert isinstance(said, BotUttered) and "I know of no" in str(said.text) and "in rome" in str(said.text)
    assert found == SlotSet("restaurants", [])


def test_reviews_are_sorted_best_first() -> None:
    domain = load_domain("concert")
    runner, conversation = ActionRunner(domain, builtin_actions("concert")), Conversation(domain)
    for search, show, best in (
        ("action_search_concerts", "action_show_concert_reviews", "Katy Perry has 5.0, "),
        ("action_search_venues", "action_show_venue_reviews", "Rock Cellar has 4.8, "),
    ):
        (said,) = runner.run(show, conversation).events
        assert isinstance(said, BotUttered) and "yet" in str(said.text)
        said, found = runner.run(search, conversation).events
        assert isinstance(said, BotUttered) and best.partition(" has")[0] in str(said.text)
        conversation.append(found)
        (said,) = runner.run(show, conversation).events
        assert isinstance(said, BotUttered) and str(said.text).startswith(best)
