"""Hypothesis strategies: any valid domain with a fake user, any settings."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

NAMES = st.sampled_from(["a", "b", "c", "d", "e", "f", "g", "h"])


@st.composite
def domains(draw: st.DrawFn) -> dict[str, Any]:
    """A domain file's content, as YAML would load it."""
    intents = ["inform", "affirm", "deny", *draw(st.lists(NAMES, unique=True, max_size=3))]
    slots: dict[str, Any] = {}
    goal: dict[str, Any] = {}
    for name in draw(st.lists(NAMES, unique=True, min_size=1, max_size=4)):
        kind = draw(st.sampled_from(["text", "categorical", "bool", "float", "list"]))
        slot: dict[str, Any] = {"type": kind}
        values: list[Any] = [False, True] if kind == "bool" else draw(_values(kind))
        if kind == "categorical":
            slot["values"] = values
        if kind in ("text", "categorical") and draw(st.booleans()):
            slot["initial_value"] = values[0]
        if draw(st.integers(0, 4)) == 0:
            slot["influence_conversation"] = False
        slots[name] = slot
        if kind != "list" and draw(st.booleans()):
            goal[name] = values
    actions = draw(st.lists(NAMES.map("do_{}".format), unique=True, min_size=2, max_size=6))
    models = {name: draw(_action_model(slots, goal, intents)) for name in actions}
    user: dict[str, Any] = {
        "goal": goal,
        "actions": models,
        "patience": draw(st.integers(1, 12)),
        "indecisiveness": draw(st.sampled_from([0, 0.01, 0.5, 1])),
        "informativeness": draw(st.sampled_from([0, 0.5, 1, 1.1, 3])),
        "corrects": draw(st.sampled_from([0, 0.5, 1])),
    }
    if not goal or draw(st.booleans()):
        models[actions[0]]["speaks"] = True  # an agenda needs an answer that is heard
        speaking = [name for name in actions if models[name]["speaks"]]
        for model in models.values():
            model.pop("user", None)
        for key in ("indecisiveness", "informativeness"):
            del user[key]
        if draw(st.booleans()):
            user["intents"] = {"inform": "inform", "deny": "deny"}
        parts = st.fixed_dictionaries(
            {"say": st.sampled_from(intents), "answer": st.sampled_from(speaking)},
            optional={"tells": st.sampled_from(sorted(goal))} if goal else {},
        )
        user["agenda"] = draw(st.lists(parts, min_size=1, max_size=3))
        user["agenda"].append({"maybe": [draw(parts)], "chance": draw(st.floats(0, 1))})
    return {
        "intents": intents,
        "entities": list(slots),
        "slots": slots,
        "actions": actions,
        "fake_user": user,
    }


def _values(kind: str) -> st.SearchStrategy[list[Any]]:
    if kind == "float":
        return st.lists(st.integers(-2, 3), unique=True, min_size=1, max_size=4)
    return st.lists(st.sampled_from(["red", "green", "blue", "2", "3"]), unique=True, min_size=1, max_size=4)


@st.composite
def _action_model(draw: st.DrawFn, slots: dict[str, Any], goal: dict[str, Any], intents: list[str]) -> Any:
    model: dict[str, Any] = {"speaks": draw(st.integers(0, 3)) > 0}
    observed = [name for name, slot in slots.items() if slot.get("influence_conversation", True)]
    if observed and draw(st.booleans()):
        model["needs"] = {
            "slots": {draw(st.sampled_from(observed)): draw(st.sampled_from(["filled", "empty"]))}
        }
        if draw(st.booleans()):
            model["needs"]["intent"] = draw(st.sampled_from(intents))
    if draw(st.booleans()):
        name = draw(st.sampled_from(sorted(slots)))
        kind = slots[name]["type"]
        values = {"list": ["filled", None], "bool": [True, False, None], "float": [0.3, None]}
        model["sets"] = {
            name: draw(st.sampled_from(values.get(kind, [*slots[name].get("values", ["x"]), None])))
        }
    reactions: list[Any] = ["open", "judge", "reconsider", "deny"]
    reactions += [{"inform": name} for name in goal]
    if model["speaks"]:
        model["user"] = draw(st.sampled_from(reactions))
    return model


ROLES = ["greet", "inform", "affirm", "deny", "request", "alternative", "find", "thank"]
CHANCES = st.sampled_from([0, 0.3, 0.7, 1])
ACTS = ["offer", "answer", "alternative", "more", "bye", "repeat", "greet", "deny"]


@st.composite
def search_domains(draw: st.DrawFn, most_slots: int = 4, most_venues: int = 8) -> dict[str, Any]:
    """A domain file's content whose users search a database, as YAML would load it."""
    slots: dict[str, Any] = {}
    for name in draw(st.lists(NAMES, unique=True, min_size=1, max_size=most_slots)):
        values = draw(st.lists(st.sampled_from(["red", "green", "blue"]), unique=True, min_size=1))
        slots[name] = {"type": "categorical", "values": values}
    constraints = sorted(slots)
    attributes = draw(st.lists(st.sampled_from(["phone", "size", "fee"]), unique=True, max_size=3))
    columns = ["place", *constraints, *attributes]
    cells = [st.sampled_from([None, *slots[name]["values"]]) for name in constraints]
    rows = draw(st.lists(st.tuples(*cells), min_size=1, max_size=most_venues))
    places = [f"place {number}" for number in range(1, len(rows) + 1)]
    if draw(st.booleans()):
        slots["plain"] = {"type": draw(st.sampled_from(["text", "bool"]))}
    models: dict[str, Any] = {f"do_{act}": {"user": act} for act in ACTS[:2]}
    for act in draw(st.lists(st.sampled_from(ACTS[2:]), unique=True)):
        models[f"do_{act}"] = {"user": act}
    for name in constraints:
        for act in draw(st.lists(st.sampled_from(["request", "confirm", "select"]), unique=True)):
            models[f"do_{act}_{name}"] = {"user": {act: name}}
    if draw(st.booleans()):
        slot = draw(st.sampled_from(sorted(slots)))
        value = {"plain": None}.get(slot, [*slots[slot].get("values", []), None][0])
        models["do_store"] = {"speaks": draw(st.booleans()), "sets": {slot: value}}
    if draw(st.booleans()):
        name = draw(st.sampled_from(sorted(models)))
        models[name]["needs"] = {"matches": ["none", "one"], "slots": {constraints[0]: ["filled", "empty"]}}
    ranges = st.tuples(CHANCES, CHANCES).map(sorted)
    figures = st.sampled_from(
        ["combine", "relax", "wants_other", "changes", "corrects", "leaves", "new_wish"]
    )
    counts = st.integers(1, len(constraints))
    user: dict[str, Any] = {
        "constraints": {"slots": constraints, "count": draw(counts), "unmet": draw(CHANCES)},
        "requests": {"attributes": attributes, "count": [0, len(attributes)]} if attributes else None,
        "behaviour": draw(st.dictionaries(figures, ranges)) | {"patience": draw(st.integers(1, 8))},
        "personas": {"hasty": {"chance": draw(CHANCES), "patience": [1, 2], "combine": draw(ranges)}},
        "actions": models,
    }
    return {
        "intents": [*ROLES, *draw(st.lists(NAMES, unique=True, max_size=2))],
        "entities": [*slots, "attribute"],
        "slots": slots,
        "database": {
            "name": "place",
            "columns": columns,
            "rows": [
                [place, *row, *(f"{name} of {place}" for name in attributes)]
                for place, row in zip(places, rows, strict=True)
            ],
        },
        "actions": list(models),
        "fake_user": {key: value for key, value in user.items() if value is not None},
    }


SETTINGS = st.fixed_dictionaries(
    {
        "turn_taking": st.sampled_from(["auto", "explicit"]),
        "semantic_error_rate": st.sampled_from([0.0, 0.15, 0.3, 1.0]),
        "user": st.sampled_from(["standard", "unfriendly"]),
        "max_history": st.sampled_from([1, 1, 3]),
        "render_mode": st.sampled_from([None, "ansi"]),
    }
)

SETTINGS_AND_FORMS = st.tuples(SETTINGS, st.sampled_from(["fields", "flat", "belief"])).map(
    lambda drawn: drawn[0] | {"observation": drawn[1]} | ({"max_history": 1} if drawn[1] == "belief" else {})
)
