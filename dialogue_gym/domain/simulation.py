"""From a YAML file to a `Domain`: the keys `fake_user` and `reward`."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Literal

from dialogue_gym.domain.conditions import Names, parse_action, parse_condition, parse_value
from dialogue_gym.domain.model import (
    DEFAULT_REWARD,
    EMPTY,
    FILLED,
    LISTEN,
    REACTIONS,
    RESTART,
    REWARD_TERMS,
    ActionModel,
    Agenda,
    AgendaItem,
    Condition,
    FakeUser,
    Profile,
)
from dialogue_gym.domain.reader import Entry, nearest

PROFILE_KEYS = ("patience", "informativeness", "indecisiveness", "corrects")
FAKE_USER_KEYS = ("goal", "agenda", "intents", "actions", "phrases", "users", *PROFILE_KEYS)
ACTION_KEYS = ("speaks", "needs", "sets", "user", "says")
ROLES = ("inform", "affirm", "deny", "greet")
MAX_PATIENCE = 100
MAX_AGENDAS = 1000


def parse_reward(entry: Entry | None, names: Names) -> tuple[tuple[str, float], ...]:
    """Read `reward`: a weight for each term; those of the default that are not named stay."""
    weights = dict(DEFAULT_REWARD)
    if entry is not None:
        for term, value in entry.mapping((*REWARD_TERMS, *names.actions)).items():
            weights[term] = value.number(-1e6, 1e6)
    return tuple(weights.items())


def parse_fake_user(entry: Entry, names: Names) -> FakeUser:
    """Read `fake_user`: goal-driven if it has no `agenda`."""
    keys = entry.mapping(FAKE_USER_KEYS)
    kind: Literal["goal", "agenda"] = "agenda" if "agenda" in keys else "goal"
    goal = _goal(keys["goal"], names) if "goal" in keys else ()
    if kind == "goal" and not goal:
        raise entry.error("a fake user needs a 'goal' or an 'agenda'")
    actions = _actions(keys["actions"], names, dict(goal), kind) if "actions" in keys else ()
    return FakeUser(
        kind=kind,
        goal=goal,
        profiles=_profiles(keys),
        intents=_roles(entry, keys, names) if kind == "goal" else (),
        actions=actions,
        agendas=_agendas(keys["agenda"], names, dict(goal), actions) if "agenda" in keys else (),
        phrases=_phrases(keys["phrases"], names) if "phrases" in keys else (),
    )


def _goal(entry: Entry, names: Names) -> tuple[tuple[str, tuple[str, ...]], ...]:
    goal = []
    for name, value in entry.mapping().items():
        slot = names.slot(value, name)
        if slot.type == "list":
            raise value.error("a slot of type list cannot be part of a goal")
        if slot.entity is None:
            raise value.error(f"no entity fills the slot {name!r}, so a user cannot tell it")
        values = [parse_value(item, slot) or "" for item in value.items()]
        if not values:
            raise value.error("a goal needs at least one value")
        if len(set(values)) < len(values):
            raise value.error("a value stands here twice")
        if len(values) > 100:
            raise value.error("more than the 100 values that are supported")
        goal.append((name, tuple(values)))
    return tuple(goal)


def _profile(keys: dict[str, Entry], base: Profile) -> Profile:
    patience = keys["patience"].integer(1, MAX_PATIENCE) if "patience" in keys else base.patience
    chances = {
        key: keys[key].number(0, 1) if key in keys else getattr(base, key)
        for key in ("indecisiveness", "corrects")
    }
    told = keys["informativeness"].number(0, 100) if "informativeness" in keys else base.informativeness
    return Profile(patience, told, **chances)


def _profiles(keys: dict[str, Entry]) -> tuple[tuple[str, Profile], ...]:
    """Read the user's figures, and under `users` those in which other users differ."""
    standard = _profile(keys, Profile())
    profiles = {
        "standard": standard,
        "unfriendly": dataclasses.replace(
            standard,
            patience=max(1, standard.patience // 2),
            informativeness=standard.informativeness / 2,
            corrects=standard.corrects / 2,
        ),
    }
    if "users" in keys:
        for name, value in keys["users"].mapping().items():
            if name == "standard":
                raise value.error("the standard user's figures stand beside 'users', not in it")
            profiles[name] = _profile(value.mapping(PROFILE_KEYS), profiles.get(name, standard))
    return tuple(profiles.items())


def _roles(entry: Entry, keys: dict[str, Entry], names: Names) -> tuple[tuple[str, str], ...]:
    """Read which intents a goal-driven user informs, affirms, denies and greets with."""
    given = keys["intents"].mapping(ROLES) if "intents" in keys else {}
    roles = []
    for role in ROLES:
        if role in given:
            roles.append((role, given[role].choice(names.intents, "intent")))
        elif role in names.intents:
            roles.append((role, role))
        elif role == "greet":
            roles.append((role, dict(roles)["inform"]))
        else:
            raise entry.error(f"no intent is called {role!r}: name the one to use under 'intents'")
    return tuple(roles)


def _actions(
    entry: Entry, names: Names, goal: dict[str, tuple[str, ...]], kind: str
) -> tuple[ActionModel, ...]:
    models = []
    for name, value in entry.mapping(names.actions).items():
        if name in (LISTEN, RESTART):
            raise value.error(f"what {name!r} does is fixed and cannot be declared otherwise")
        keys = value.mapping(ACTION_KEYS)
        sets: list[tuple[str, str | None]] = []
        if "sets" in keys:
            for slot_name, part in keys["sets"].mapping().items():
                slot = names.slot(part, slot_name)
                if slot.type == "list" and not (part.is_null or part.is_list):
                    part.choice((FILLED, EMPTY), "state of a list")
                    sets.append((slot_name, FILLED if part.text() == FILLED else None))
                else:
                    sets.append((slot_name, None if part.is_null else parse_value(part, slot)))
        reaction, about = "deny", None
        if "user" in keys:
            if kind == "agenda":
                raise keys["user"].error("an agenda-driven user's answers stand in the agenda")
            reaction, about = _reaction(keys["user"], goal)
        models.append(
            ActionModel(
                name,
                speaks=keys["speaks"].flag() if "speaks" in keys else True,
                needs=parse_condition(keys["needs"], names) if "needs" in keys else Condition(),
                sets=tuple(sets),
                reaction=reaction,
                slot=about,
                says=tuple(item.text() for item in keys["says"].one_or_many()) if "says" in keys else (),
            )
        )
    return tuple(models)


def _reaction(entry: Entry, goal: dict[str, tuple[str, ...]]) -> tuple[str, str | None]:
    """Read `user`: the name of a reaction, or `inform: SLOT`."""
    if not entry.is_mapping:
        reaction = entry.choice(REACTIONS, "reaction")
        if reaction == "inform":
            raise entry.error("'inform' needs a slot: write 'inform: SLOT'")
        return reaction, None
    keys = entry.mapping(("inform",))
    if "inform" not in keys:
        raise entry.error("'inform: SLOT' is expected here")
    return "inform", keys["inform"].choice(goal, "slot of the goal")


def _agendas(
    entry: Entry, names: Names, goal: dict[str, tuple[str, ...]], actions: tuple[ActionModel, ...]
) -> tuple[Agenda, ...]:
    """Read `agenda` and multiply its parts out: every way in which it can go, with its chance."""
    parts: list[list[tuple[float, list[Entry]]]] = []
    ways = 1
    for part in entry.items():
        if not part.is_mapping:
            raise part.error("a part of an agenda is 'say', 'maybe' or 'one_of' with what belongs to it")
        keys = part.mapping(("say", "tells", "answer", "chance", "maybe", "one_of"))
        if sum(key in keys for key in ("say", "maybe", "one_of")) != 1:
            raise part.error("a part of an agenda has one of 'say', 'maybe' and 'one_of'")
        if "say" in keys:
            parts.append([(1.0, [part])])
        elif "maybe" in keys:
            part.mapping(("maybe", "chance"))
            chance = keys["chance"].number(0, 1) if "chance" in keys else 0.5
            parts.append([(chance, keys["maybe"].items()), (1 - chance, [])])
        else:
            part.mapping(("one_of",))
            options = keys["one_of"].items()
            if not options:
                raise keys["one_of"].error("at least one way is expected here")
            parts.append([(1 / len(options), option.items()) for option in options])
        ways *= len(parts[-1])
        if ways > MAX_AGENDAS:
            raise part.error(f"more than the {MAX_AGENDAS} ways that are supported")
    silent = {model.name for model in actions if not model.speaks}
    agendas = []
    for way in itertools.product(*parts):
        chance = 1.0
        for share, _ in way:
            chance *= share
        items: list[AgendaItem] = []
        for item in (item for _, part_items in way for item in part_items):
            items.append(_agenda_item(item, names, list(goal), [done.intent for done in items]))
            if silent & set(items[-1].answers):
                raise item.error("an answer must speak, or the user never hears it")
        if not items:
            raise entry.error("an agenda must have something to say, whichever way it goes")
        if chance > 0:
            agendas.append(Agenda(chance, tuple(items)))
    return tuple(agendas)


def _agenda_item(entry: Entry, names: Names, told: list[str], before: list[str]) -> AgendaItem:
    keys = entry.mapping(("say", "tells", "answer"))
    for key in ("say", "answer"):
        if key not in keys:
            raise entry.error(f"what an agenda says needs {key!r}")
    tells = keys["tells"].choices(told, "slot of the goal") if "tells" in keys else ()
    answer = keys["answer"]
    if answer.is_mapping:
        after = answer.mapping(("after",)).get("after")
        if after is None:
            raise answer.error("'after' is expected here, with an answer for each earlier intent")
        by_intent = {intent: (part, _answers(part, names)) for intent, part in after.mapping().items()}
        for intent, (part, _) in by_intent.items():
            if intent not in names.intents:
                raise part.error(f"{intent!r} is no intent; {nearest(intent, names.intents)}")
        last = next((intent for intent in reversed(before) if intent in by_intent), None)
        if last is None:
            raise answer.error("nothing that 'after' names comes before this in every way that it can go")
        answers = by_intent[last][1]
    else:
        answers = _answers(answer, names)
    return AgendaItem(keys["say"].choice(names.intents, "intent"), tells, answers)


def _answers(entry: Entry, names: Names) -> tuple[str, ...]:
    return tuple(parse_action(item, names) for item in entry.one_or_many())


def _phrases(entry: Entry, names: Names) -> tuple[tuple[str, tuple[str, ...]], ...]:
    valid = (*names.intents, *(slot.name for slot in names.slots))
    return tuple(
        (name, tuple(item.text() for item in value.one_or_many()))
        for name, value in entry.mapping(valid).items()
    )
