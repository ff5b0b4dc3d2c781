"""Exchangeable slots: bounds with and without merged states are equal, on random domains with such slots."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from dialogue_gym import rules
from dialogue_gym.bounds.enumeration import Enumeration, TooLarge
from dialogue_gym.bounds.exchange import Exchange
from dialogue_gym.bounds.upper_bound import Clairvoyant
from dialogue_gym.domain import Domain
from dialogue_gym.rules.tables import Settings
from tests.conftest import domain_of

VALUES = {"text": ["red", "green"], "categorical": ["red", "green"], "bool": [False, True]}


@st.composite
def alike_domains(draw: st.DrawFn) -> dict[str, Any]:
    """A domain with slots that are alike, and perhaps a detail that tells one of them apart."""
    kind = draw(st.sampled_from(sorted(VALUES)))
    names = ["a", "b", "c"][: draw(st.integers(2, 3))]
    slot = {"type": kind} | ({"values": VALUES[kind]} if kind == "categorical" else {})
    needs = draw(st.sampled_from([None, "empty", "filled"]))
    sets = draw(st.sampled_from(["nothing", None, VALUES[kind][0]]))
    speaks = draw(st.booleans())
    models: dict[str, Any] = {}
    for name in names:
        models[f"ask_{name}"] = {"user": {"inform": name}}
        if sets != "nothing":
            models[f"set_{name}"] = {"speaks": speaks, "sets": {name: sets}}
        if needs:
            models[f"ask_{name}"]["needs"] = {"slots": {name: needs}}
    odd = draw(st.sampled_from(["nothing", "nothing", "needs", "sets", "reward"]))
    if odd == "needs":
        models["ask_a"]["needs"] = {"slots": {"b": "filled"}}
    if odd == "sets":
        models["ask_a"]["sets"] = {"b": None}
    models["judge"] = {"user": "judge"}
    models["again"] = {"user": draw(st.sampled_from(["open", "reconsider"]))}
    user: dict[str, Any] = {
        "goal": {name: VALUES[kind] for name in names},
        "actions": models,
        "indecisiveness": draw(st.sampled_from([0, 0.3])),
        "informativeness": draw(st.sampled_from([0.5, 1.1])),
        "corrects": draw(st.sampled_from([0, 0.5])),
    }
    if draw(st.booleans()):
        for model in models.values():
            model.pop("user", None)
        told = draw(st.sampled_from([names, names[:1]]))
        answers = [f"ask_{name}" for name in names]
        user["agenda"] = [
            {"say": "inform", "tells": told, "answer": answers},
            {"say": "deny", "answer": "judge"},
        ]
        user["intents"] = {"inform": "inform", "deny": "deny"}
        del user["indecisiveness"], user["informativeness"]
    return {
        "intents": ["inform", "affirm", "deny"],
        "entities": names,
        "slots": dict.fromkeys(names, slot),
        "actions": list(models),
        "fake_user": user,
        "reward": {"ask_a": -0.5} if odd == "reward" else {},
    }


def merged_and_not(domain: Domain, **arguments: Any) -> tuple[Clairvoyant, Clairvoyant]:
    enumeration = Enumeration(domain, rules.build_tables(domain, Settings(**arguments)))
    try:
        merged, plain = (
            Clairvoyant(enumeration, exchanges=exchanges, most_states=600) for exchanges in (True, False)
        )
    except TooLarge:
        reject()
    return merged, plain


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    alike_domains(),
    st.sampled_from(["auto", "explicit"]),
    st.sampled_from([0.0, 0.0, 0.3]),
    st.integers(1, 3),
    st.integers(3, 7),
)
def test_merged_states_have_the_same_bound(
    content: dict[str, Any], turn_taking: str, error_rate: float, patience: int, limit: int
) -> None:
    merged, plain = merged_and_not(
        domain_of(content), turn_taking=turn_taking, semantic_error_rate=error_rate, patience=patience,
        max_episode_steps=limit,
    )  # fmt: skip
    assert merged.bound() == pytest.approx(plain.bound(), abs=1e-9)
    assert merged.states <= plain.states


ALIKE: dict[str, Any] = {
    "intents": ["inform", "affirm", "deny"],
    "entities": ["a", "b", "c"],
    "slots": {name: {"type": "text"} for name in "abc"},
    "actions": ["ask_a", "ask_b", "ask_c", "judge"],
    "fake_user": {
        "goal": {name: ["x", "y"] for name in "abc"},
        "actions": {f"ask_{name}": {"user": {"inform": name}} for name in "abc"}
        | {"judge": {"user": "judge"}},
    },
}


def classes(**changes: Any) -> list[list[int]]:
    content = ALIKE | changes
    return Exchange(rules.build_tables(domain_of(content), Settings())).classes


def test_slots_are_alike_only_if_nothing_tells_them_apart() -> None:
    user = ALIKE["fake_user"]
    assert classes() == [[0, 1, 2]]
    assert classes(reward={"ask_a": -2}) == [[1, 2]]
    assert classes(fake_user=user | {"goal": user["goal"] | {"c": ["x", "y", "z"]}}) == [[0, 1]]
    assert classes(slots=ALIKE["slots"] | {"b": {"type": "text", "initial_value": "x"}}) == [[0, 2]]
    judge = {"user": "judge", "needs": {"slots": {"a": "filled"}}}
    assert classes(fake_user=user | {"actions": user["actions"] | {"judge": judge}}) == [[1, 2]]
    judge["needs"] = {"slots": dict.fromkeys("abc", "filled")}
    assert classes(fake_user=user | {"actions": user["actions"] | {"judge": judge}}) == [[0, 1, 2]]
    sets = {f"set_{name}": {"sets": {name: value}} for name, value in zip("abc", "xyy", strict=True)}
    changed = user | {"actions": user["actions"] | sets}
    assert classes(fake_user=changed, actions=[*ALIKE["actions"], *sets]) == [[1, 2]]
    few = {"type": "categorical", "values": ["x", "y"]}
    assert classes(slots=ALIKE["slots"] | {"b": few}) == [[0, 2]]
    clears = {f"clear_{name}": {"sets": {name: None}} for name in "abc"}
    agenda = [{"say": "inform", "tells": list("abc"), "answer": "clear_a"}]
    assert classes(
        fake_user={"goal": user["goal"], "agenda": agenda, "actions": clears}, actions=[*clears]
    ) == [[1, 2]]
    judge["needs"] = {"filled_last": "a"}
    assert classes(fake_user=user | {"actions": user["actions"] | {"judge": judge}}) == []


@pytest.mark.parametrize("contents", [[(1, 1, 0), (0, 2, 1), (1, 2, 0)], [(1, 1, 0), (1, 1, 0), (0, 2, 1)]])
def test_equivalent_rows_become_one_with_the_same_contents(contents: list[tuple[int, int, int]]) -> None:
    tables = rules.build_tables(domain_of(ALIKE), Settings())
    blocks = tables.values, tables.goal, tables.opening
    names = domain_of(ALIKE).actions
    found = set()
    for order in itertools.permutations(range(3)):
        row = [0] * tables.size
        for slot, source in enumerate(order):
            for block, content in zip(blocks, contents[source], strict=True):
                row[block + slot] = content
        row[rules.AWAITED] = names.index(f"ask_{'abc'[order.index(0)]}")  # about the first of the contents
        row = Exchange(tables).moved(row, rules.AWAITED)
        found.add(tuple(row))
        now = [tuple(row[block + slot] for block in blocks) for slot in range(3)]
        assert sorted(now) == sorted(contents) and now[tables.about[row[rules.AWAITED]]] == contents[0]
    assert len(found) == 1


def test_merging_makes_eight_slots_small() -> None:
    names = "abcdefgh"
    content = ALIKE | {
        "entities": list(names),
        "slots": {name: {"type": "text"} for name in names},
        "actions": [*(f"ask_{name}" for name in names), "judge"],
    }
    content["fake_user"] = ALIKE["fake_user"] | {
        "goal": {name: ["x", "y"] for name in names},
        "actions": {f"ask_{name}": {"user": {"inform": name}} for name in names}
        | {"judge": {"user": "judge"}},
        "informativeness": 0.5,
        "indecisiveness": 0,
    }
    domain = domain_of(content)
    solved = Clairvoyant(Enumeration(domain, rules.build_tables(domain, Settings())), exchanges=True)
    assert solved.states < 100
    # Half of the users open with one slot: seven or eight questions and the suggestion cost a step each.
    assert solved.bound() == pytest.approx(20 - 9 + 0.5)
