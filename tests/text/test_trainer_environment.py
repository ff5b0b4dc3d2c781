"""The class for trainers of language models: typed, documented methods, and the environment's rewards."""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from dialogue_gym import DialogueEnv, DomainError, load_domain
from dialogue_gym.conversation.events import ActionExecuted
from dialogue_gym.domain import domain_text
from dialogue_gym.text import TextDialogue, tool_environment


@pytest.mark.parametrize("domain", ["restaurant", "concert", "city", "hotel", "laptop"])
def test_every_action_is_a_documented_method(domain: str) -> None:
    kind = tool_environment(domain)
    own = [
        name
        for name, _ in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_") and name not in ("reset", "get_reward")
    ]
    assert sorted(own) == sorted(DialogueEnv(domain).action_names)
    tools = {tool["function"]["name"]: tool["function"] for tool in TextDialogue(domain, "tools").tools}
    for name in own:
        method = getattr(kind(), name)
        hints = get_type_hints(method)
        properties = tools[name]["parameters"]["properties"]
        assert set(hints) == {*properties, "return"} and hints["return"] is str
        parameters = inspect.signature(method).parameters
        required = [key for key, one in parameters.items() if one.default is inspect.Parameter.empty]
        assert required == tools[name]["parameters"]["required"]
        for slot in properties:
            assert f"    {slot}: " in inspect.getdoc(method)


def test_actions_whose_names_are_like_others_have_methods_of_their_own() -> None:
    base = load_domain("restaurant")
    names = ("utter.greet", "utter-greet", "reset", "_hidden", "2nd")
    kind = tool_environment(dataclasses.replace(base, actions=(*base.actions, *names)))
    methods = ("utter_greet", "utter_greet_2", "utter_greet_3", "do_reset", "do__hidden", "do_2nd")
    assert [getattr(kind, name).__name__ for name in methods] == [*methods]
    env = kind()
    env.reset(seed=0)
    for name in methods:
        assert getattr(env, name)() != "(the dialogue is over)"
    done = [event.name for event in env._dialogue.conversation.events if isinstance(event, ActionExecuted)]
    assert [name for name in done if name in ("utter_greet", *names)] == ["utter_greet", *names]


def test_slots_with_names_that_python_does_not_allow_have_parameters_like_them(tmp_path: Path) -> None:
    names = {"location": "from", "price": "self", "people": "how-many", "cuisine": "2nd"}
    text = re.sub(
        r"\b(location|price|people|cuisine)\b", lambda found: names[found[0]], domain_text("restaurant")
    )
    (tmp_path / "trip.yml").write_text(text)
    one = tool_environment(tmp_path / "trip.yml")()
    assert list(inspect.signature(one.action_suggest).parameters) == ["_2nd", "how_many", "from_", "self_"]
    assert "    from_: the user's wish." in inspect.getdoc(one.action_suggest)
    goal = {"from": "paris", "self": "cheap", "how-many": "2", "2nd": "french"}
    for given in ({"from_": "paris"}, {"from": "paris"}):
        one.reset(seed=1, goal=goal)
        said = one.action_suggest(_2nd="french", how_many="2", self_="cheap", **given)
        assert said.endswith("(the user has what they want)")
        one.reset(seed=1, goal=goal)
        assert one.action_suggest("french", "2", "paris", "cheap").endswith("(the user has what they want)")
    assert "'2nd' cannot be 'x'" in (one.reset(seed=1), one.action_suggest("x", "2", "paris", "cheap"))[1]


def test_values_are_listed_in_the_types() -> None:
    hints = get_type_hints(tool_environment("restaurant").action_suggest)
    assert get_args(hints["price"]) == ("moderate", "expensive", "cheap")


def test_a_rollout_has_the_rewards_of_the_environment() -> None:
    kind = tool_environment("restaurant", patience=4)
    one, other = kind(), kind()
    env = DialogueEnv("restaurant", patience=4)
    for seed in range(10):
        env.reset(seed=seed)
        other.reset(seed=seed + 100, prompt="unused")
        assert one.reset(seed=seed) == TextDialogue("restaurant", "tools").reset(seed=seed)
        total = sum(env.step(env.action_names.index(name))[1] for name in ("utter_greet", "utter_ask_price"))
        one.utter_greet()
        one.utter_ask_price()
        assert one.get_reward() == total
        goal = env.goal
        assert one.action_suggest(**goal).endswith("(the user has what they want)")
        assert one.get_reward() == total + 19
        assert one.utter_greet() == "(the dialogue is over)" and one.get_reward() == total + 19
        assert other.get_reward() == 0


def test_wrong_arguments_are_answered_in_text() -> None:
    one = tool_environment("restaurant")()
    one.reset(seed=0)
    assert "the argument 'people' is missing" in one.action_suggest("french")
    assert "unknown argument 'cuisin'; did you mean 'cuisine'?" in one.action_suggest(cuisin="french")
    assert "'price' cannot be 'chep'; did you mean 'cheap'?" in one.action_suggest(
        "french", "2", "paris", "chep"
    )
    assert one.get_reward() == -3


def test_a_row_chooses_the_user() -> None:
    one = tool_environment("restaurant")()
    goal = {"cuisine": "sushi", "people": "6", "location": "berlin", "price": "cheap"}
    assert one.reset(seed=1.0, goal=goal, user="unfriendly") == one.reset(
        seed=1, goal=goal, user="unfriendly"
    )
    assert one.action_suggest(**goal).endswith("(the user has what they want)")
    with pytest.raises(ValueError, match=r"^goal: unknown slot 'cuisin'"):
        one.reset(goal={"cuisin": "sushi"})
    some = goal | {"price": None, "of another domain": None}  # as a table fills its columns
    assert one.reset(seed=1, goal=some) == one.reset(
        seed=1, goal={k: v for k, v in goal.items() if k != "price"}
    )
    assert one.reset(seed=1, goal=dict.fromkeys(goal)) == one.reset(seed=1)
    for text in ('{"cuisine": "sushi"}', ["sushi"]):
        with pytest.raises(ValueError, match=r"^goal: must be a mapping of slots to values, not"):
            one.reset(goal=text)
    wrong: dict[Any, str] = {
        "x": "seed: 'x' is not an integer",
        0.5: "seed: 0.5 is not",
        -1: "seed: -1 is negative",
    }
    for seed, sentence in wrong.items():
        with pytest.raises((TypeError, ValueError), match=sentence):
            one.reset(seed=seed)
    with pytest.raises(DomainError):
        tool_environment("nowhere")
    with pytest.raises(ValueError, match="mode: cannot be set here"):
        tool_environment("restaurant", mode="names")
