"""From a YAML file to a `Domain`: the keys `fake_user` and `reward`."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dialogue_gym._text import counted, nearest, quoted
from dialogue_gym._yaml import YamlNode
from dialogue_gym.domain.conditions import Names, parse_action, parse_condition, parse_value
from dialogue_gym.domain.model import (
    CONFIDENCES,
    DEFAULT_REWARD,
    LISTEN,
    REACTIONS,
    RESTART,
    REWARD_TERMS,
    SEARCH_ACTS,
    ActionModel,
    Agenda,
    AgendaItem,
    Condition,
    FakeUser,
    Noise,
    Profile,
)
from dialogue_gym.domain.search_user import (
    ACTS_ABOUT_SLOTS,
    SEARCH_KEYS,
    SEARCH_ROLES,
    check_acts,
    implied_needs,
    parse_search,
)
from dialogue_gym.domain.slot import DONT_CARE, EMPTY, FILLED
from dialogue_gym.domain.venues import Database

PROFILE_KEYS = ("patience", "informativeness", "indecisiveness", "corrects")
FAKE_USER_KEYS = (
    *("goal", "agenda", "intents", "actions", "phrases", "users", "noise"),
    *PROFILE_KEYS,
    *SEARCH_KEYS,
)
GOAL_ONLY_KEYS = ("informativeness", "indecisiveness")
ACTION_KEYS = ("speaks", "needs", "sets", "user", "says", "description")
ROLES = ("inform", "affirm", "deny", "greet", "open")
AGENDA_ROLES = ("inform", "deny")
"""The intents with which an agenda-driven user corrects and denies, if not with those of the agenda."""
AGENDA_KEYS = ("say", "tells", "answer", "maybe", "chance", "one_of", "chances")
ANSWER_KEYS = ("after",)
NOISE_KEYS = ("error_rate", "right", "wrong", "faults")
FAULT_KEYS = ("intent", "value", "lost")
MAX_PATIENCE = 100
MAX_AGENDAS = 1000
"""The most paths through an agenda."""
MAX_ITEMS = 100
"""The most slots of a goal, values of one of them, and items of an agenda."""


def parse_reward(entry: YamlNode | None, names: Names) -> tuple[tuple[str, float], ...]:
    """Read `reward`: a weight for each term; terms not named keep their default."""
    weights = dict(DEFAULT_REWARD)
    if entry is not None:
        for term, value in entry.mapping((*REWARD_TERMS, *names.actions)).items():
            weights[term] = value.number(-1e6, 1e6)
    return tuple(weights.items())


def parse_fake_user(entry: YamlNode, names: Names, database: Database | None = None) -> FakeUser:
    """Read `fake_user`: search-driven if it has `constraints`, agenda-driven if it has an `agenda`."""
    keys = entry.mapping(FAKE_USER_KEYS)
    if "constraints" in keys:
        return _searching(entry, keys, names, database)
    for key in SEARCH_KEYS:
        if key in keys:
            raise keys[key].error(f"only users who search have {key!r}: 'constraints' is missing")
    kind: Literal["goal", "agenda"] = "agenda" if "agenda" in keys else "goal"
    goal = _goal(keys["goal"], names) if "goal" in keys else ()
    if kind == "goal" and not goal:
        raise entry.error("a fake user needs a 'goal', an 'agenda' or 'constraints'")
    _refuse_goal_only(keys, kind)
    actions = _actions(keys["actions"], names, dict(goal), kind) if "actions" in keys else ()
    return FakeUser(
        kind=kind,
        goal=goal,
        profiles=_profiles(keys, kind),
        intents=_roles(entry, keys, names) if kind == "goal" else _agenda_roles(keys, names),
        actions=actions,
        agendas=_agendas(keys["agenda"], names, dict(goal), actions) if "agenda" in keys else (),
        phrases=_phrases(keys["phrases"], names) if "phrases" in keys else (),
        noise=_noise(keys["noise"]) if "noise" in keys else Noise(),
    )


def _noise(entry: YamlNode) -> Noise:
    """Read `noise`: an error rate, and shares of confidences and faults."""
    keys = entry.mapping(NOISE_KEYS)
    given: dict[str, Any] = {}
    if "error_rate" in keys:
        given["error_rate"] = keys["error_rate"].number(0, 1)
    bins = CONFIDENCES[:0:-1]  # high, medium, low
    for key, names in (("right", bins), ("wrong", bins), ("faults", FAULT_KEYS)):
        if key in keys:
            shares = {name: share.number(0, 1) for name, share in keys[key].mapping(names).items()}
            given[key] = _shares(keys[key], [shares.get(name, 0.0) for name in names])
    return Noise(**given)


def _shares(entry: YamlNode, shares: Sequence[float]) -> tuple[float, ...]:
    """Return shares, which need not sum to one exactly."""
    if not 0.99 <= sum(shares) <= 1.01:
        raise entry.error(f"the shares sum to {sum(shares):g}, not to 1")
    return tuple(shares)


def _searching(
    entry: YamlNode, keys: dict[str, YamlNode], names: Names, database: Database | None
) -> FakeUser:
    """Read the keys of users who search the database."""
    for key in ("goal", "agenda", "noise", *PROFILE_KEYS):
        if key in keys:
            hint = "; it belongs under 'behaviour'" if key in ("patience", "corrects") else ""
            raise keys[key].error(f"users who search have no {key!r}{hint}")
    if database is None:
        raise entry.error("users who search need a 'database' beside 'fake_user'")
    search = parse_search(keys, names, database)
    slots = {slot.name: slot for slot in names.slots}
    actions = (
        _actions(keys["actions"], names, dict.fromkeys(search.constraints, ()), "search")
        if "actions" in keys
        else ()
    )
    check_acts(entry, actions, search.attributes)
    return FakeUser(
        kind="search",
        goal=tuple((name, slots[name].values) for name in search.constraints),
        profiles=tuple((name, Profile(one.patience[0])) for name, one in search.users),
        intents=_search_roles(entry, keys, names),
        actions=actions,
        phrases=_phrases(keys["phrases"], names, (DONT_CARE, *search.attributes))
        if "phrases" in keys
        else (),
        search=search,
    )


def _search_roles(entry: YamlNode, keys: dict[str, YamlNode], names: Names) -> tuple[tuple[str, str], ...]:
    """Read the intents of users who search; without a name of its own each role is an intent's name."""
    given = keys["intents"].mapping(SEARCH_ROLES) if "intents" in keys else {}
    roles: dict[str, str] = {}
    for role in SEARCH_ROLES:
        if role not in given and role not in names.intents:
            raise entry.error(f"no intent is called {role!r}: name the one to use under 'intents'")
        intent = given[role].choice(names.intents, "intent") if role in given else role
        if other := next((one for one, taken in roles.items() if taken == intent), None):
            at = given.get(role) or given[other]  # one of the two is given: the others have their own names
            raise at.error(f"the intent {intent!r} cannot have two roles, {other!r} and {role!r}")
        roles[role] = intent
    return tuple(roles.items())


def _refuse_goal_only(keys: dict[str, YamlNode], kind: str) -> None:
    for key in GOAL_ONLY_KEYS:
        if kind == "agenda" and key in keys:
            raise keys[key].error(f"only a goal-driven user has {key!r}, this one has an agenda")


def _goal(entry: YamlNode, names: Names) -> tuple[tuple[str, tuple[str, ...]], ...]:
    goal: list[tuple[str, tuple[str, ...]]] = []
    for name, value in entry.mapping().items():
        if len(goal) == MAX_ITEMS:
            raise value.error(f"more than the {MAX_ITEMS} slots that are supported")
        slot = names.slot(value, name)
        if slot.type == "list":
            raise value.error("a slot of type list cannot be part of a goal")
        if slot.entity is None:
            raise value.error("no entity fills this slot, so a user cannot tell it")
        values: list[str] = []
        for item in value.items():
            item.name()
            values.append(parse_value(item, slot) or "")
            if values[-1] in values[:-1]:
                raise item.error(f"duplicate value {quoted(values[-1])}")
            if len(values) > MAX_ITEMS:
                raise item.error(f"more than the {MAX_ITEMS} values that are supported")
        if not values:
            raise value.error("a goal needs at least one value")
        goal.append((name, tuple(values)))
    return tuple(goal)


def _profile(keys: dict[str, YamlNode], base: Profile) -> Profile:
    patience = keys["patience"].integer(1, MAX_PATIENCE) if "patience" in keys else base.patience

    def number(key: str, maximum: float, default: float) -> float:
        return keys[key].number(0, maximum) if key in keys else default

    return Profile(
        patience,
        number("informativeness", 100, base.informativeness),
        number("indecisiveness", 1, base.indecisiveness),
        number("corrects", 1, base.correction_rate),
    )


def _profiles(keys: dict[str, YamlNode], kind: str) -> tuple[tuple[str, Profile], ...]:
    """Read the profiles: the standard one, and those of `users`, by the keys in which they differ."""
    standard = _profile(keys, Profile())
    profiles = {
        "standard": standard,
        "unfriendly": dataclasses.replace(
            standard,
            patience=max(1, standard.patience // 2),
            informativeness=standard.informativeness / 2,
            correction_rate=standard.correction_rate / 2,
        ),
    }
    if "users" in keys:
        for name, value in keys["users"].named().items():
            if name == "standard":
                raise value.error("set the standard user's values next to 'users', not inside it")
            given = value.mapping(PROFILE_KEYS)
            _refuse_goal_only(given, kind)
            profiles[name] = _profile(given, profiles.get(name, standard))
    return tuple(profiles.items())


def _roles(entry: YamlNode, keys: dict[str, YamlNode], names: Names) -> tuple[tuple[str, str], ...]:
    """Read the intents with which a goal-driven user informs, affirms, denies, greets and opens."""
    given = keys["intents"].mapping(ROLES) if "intents" in keys else {}
    roles = []
    for role in ROLES:
        if role in given:
            roles.append((role, given[role].choice(names.intents, "intent")))
        elif role == "open":
            continue  # an opening that tells something informs
        elif role in names.intents:
            roles.append((role, role))
        elif role == "greet":
            roles.append((role, dict(roles)["inform"]))
        else:
            raise entry.error(f"no intent is called {role!r}: name the one to use under 'intents'")
    return tuple(roles)


def _agenda_roles(keys: dict[str, YamlNode], names: Names) -> tuple[tuple[str, str], ...]:
    """Read the intents with which an agenda-driven user corrects and denies; there may be none."""
    if "intents" not in keys:
        return ()
    for role, entry in keys["intents"].mapping(ROLES).items():
        if role not in AGENDA_ROLES:
            raise entry.error(f"only a goal-driven user has {role!r}, this one has an agenda")
    given = keys["intents"].mapping(AGENDA_ROLES)
    return tuple((role, entry.choice(names.intents, "intent")) for role, entry in given.items())


def _actions(
    entry: YamlNode, names: Names, goal: dict[str, tuple[str, ...]], kind: str
) -> tuple[ActionModel, ...]:
    models = []
    for name, value in entry.mapping(names.actions).items():
        if name in (LISTEN, RESTART):
            raise value.error(f"what {name!r} does is fixed and cannot be declared otherwise")
        keys = value.mapping(ACTION_KEYS)
        speaks = keys["speaks"].flag() if "speaks" in keys else True
        reaction, about = "deny", None
        if "user" in keys:
            if kind == "agenda":
                raise keys["user"].error("an agenda-driven user's answers belong in the agenda")
            if not speaks:
                raise keys["user"].error("the user does not hear this action: it has 'speaks: false'")
            reaction, about = _act(keys["user"], goal) if kind == "search" else _reaction(keys["user"], goal)
        needs = parse_condition(keys["needs"], names) if "needs" in keys else Condition()
        models.append(
            ActionModel(
                name,
                speaks=speaks,
                needs=implied_needs(reaction, about, needs) if kind == "search" else needs,
                sets=_sets(keys["sets"], names) if "sets" in keys else (),
                reaction=reaction,
                slot=about,
                says=keys["says"].texts() if "says" in keys else (),
                description=parse_description(keys.get("description")),
            )
        )
    return tuple(models)


def parse_description(entry: YamlNode | None) -> str:
    """Return a description on one line; empty without an entry."""
    return "" if entry is None else " ".join(entry.text("description").split())


def _sets(entry: YamlNode, names: Names) -> tuple[tuple[str, str | None], ...]:
    """Read `sets`: a value for each slot, `null` to empty it; a list is `filled` or `empty`."""
    sets: list[tuple[str, str | None]] = []
    for name, value in entry.mapping().items():
        slot = names.slot(value, name)
        if value.is_null:
            sets.append((name, None))
        elif slot.type == "list" and not value.is_list:
            state = value.choice((FILLED, EMPTY), "state")
            sets.append((name, FILLED if state == FILLED else None))
        else:
            sets.append((name, parse_value(value, slot)))
    return tuple(sets)


def _reaction(entry: YamlNode, goal: dict[str, tuple[str, ...]]) -> tuple[str, str | None]:
    """Read `user`: the name of a reaction, or `inform: SLOT`."""
    if not entry.is_mapping:
        reaction = entry.choice(REACTIONS, "reaction")
        if reaction == "inform":
            raise entry.error("'inform' needs a slot: write 'inform: SLOT'")
        return reaction, None
    keys = entry.mapping(("inform",))
    if "inform" not in keys:
        raise entry.error("expected 'inform: SLOT'")
    return "inform", keys["inform"].choice(list(goal), "goal slot")


def _act(entry: YamlNode, goal: dict[str, tuple[str, ...]]) -> tuple[str, str | None]:
    """Read `user` for users who search: the name of an act, or one with a constraint, `request: SLOT`."""
    if not entry.is_mapping:
        act = entry.choice(SEARCH_ACTS, "act")
        if act in ACTS_ABOUT_SLOTS:
            raise entry.error(f"{act!r} needs a slot: write '{act}: SLOT'")
        return act, None
    keys = entry.mapping(ACTS_ABOUT_SLOTS)
    if len(keys) != 1:
        raise entry.error("expected one of 'request: SLOT', 'confirm: SLOT' and 'select: SLOT'")
    ((act, value),) = keys.items()
    return act, value.choice(list(goal), "constraint")


@dataclass(frozen=True)
class _Line:
    """An item of an agenda whose predecessors are not known yet."""

    entry: YamlNode
    intent: str
    tells: tuple[str, ...]
    answers: tuple[str, ...]
    after: dict[str, tuple[str, ...]]

    def item(self, before: Sequence[AgendaItem]) -> AgendaItem:
        if not self.after:
            return AgendaItem(self.intent, self.tells, self.answers)
        for earlier in reversed(before):
            if earlier.intent in self.after:
                return AgendaItem(self.intent, self.tells, self.after[earlier.intent])
        raise self.entry.error("on some path of the agenda, none of the intents under 'after' comes first")


def _agendas(
    entry: YamlNode, names: Names, goal: dict[str, tuple[str, ...]], actions: tuple[ActionModel, ...]
) -> tuple[Agenda, ...]:
    """Read `agenda` and multiply its parts out into every possible sequence, with its chance."""
    silent = {model.name for model in actions if not model.speaks}

    def lines(entries: list[YamlNode]) -> list[_Line]:
        return [_line(item, names, list(goal), silent) for item in entries]

    parts: list[list[tuple[float, list[_Line]]]] = []
    ways = 1
    for part in entry.items():
        keys = part.mapping(AGENDA_KEYS)
        if sum(key in keys for key in ("say", "maybe", "one_of")) != 1:
            raise part.error("a part of an agenda has one of 'say', 'maybe' and 'one_of'")
        if "say" in keys:
            parts.append([(1.0, lines([part]))])
        elif "maybe" in keys:
            part.mapping(("maybe", "chance"))
            chance = keys["chance"].number(0, 1) if "chance" in keys else 0.5
            if not (optional := lines(keys["maybe"].items())):
                raise keys["maybe"].error("expected at least one thing to say")
            parts.append([(chance, optional), (1 - chance, [])])
        else:
            part.mapping(("one_of", "chances"))
            options = keys["one_of"].items()
            if not options:
                raise keys["one_of"].error("expected at least one way")
            shares = [1 / len(options)] * len(options)
            if "chances" in keys:
                shares = [share.number(0, 1) for share in keys["chances"].items()]
                if len(shares) != len(options):
                    raise keys["chances"].error(
                        f"expected {counted(len(options), 'chance')}, one for each way"
                    )
                _shares(keys["chances"], shares)
            parts.append(
                [(share, lines(option.items())) for share, option in zip(shares, options, strict=True)]
            )
        ways *= len(parts[-1])
        if ways > MAX_AGENDAS:
            raise part.error(f"more than the {MAX_AGENDAS} paths that are supported")
    return tuple(_ways(entry, parts))


def _ways(entry: YamlNode, parts: list[list[tuple[float, list[_Line]]]]) -> Iterator[Agenda]:
    """Yield every possible sequence of an agenda."""
    for way in itertools.product(*(range(len(choices)) for choices in parts)):
        taken = [choices[choice] for choices, choice in zip(parts, way, strict=True)]
        chance = math.prod(share for share, _ in taken)
        if chance == 0:
            continue
        items: list[AgendaItem] = []
        for line in (line for _, lines in taken for line in lines):
            items.append(line.item(items))
            if len(items) > MAX_ITEMS:
                raise line.entry.error(f"more than the {MAX_ITEMS} things to say that are supported")
        if not items:
            raise entry.error("an agenda must have something to say, whichever way it goes")
        yield Agenda(chance, tuple(items), way)


def _line(entry: YamlNode, names: Names, told: list[str], silent: set[str]) -> _Line:
    keys = entry.mapping(("say", "tells", "answer"))
    for key in ("say", "answer"):
        if key not in keys:
            raise entry.error(f"an item of an agenda needs {key!r}")
    intent = keys["say"].choice(names.intents, "intent")
    tells = keys["tells"].choices(told, "goal slot") if "tells" in keys else ()
    answer = keys["answer"]
    if not answer.is_mapping:
        return _Line(answer, intent, tells, _answers(answer, names, silent), {})
    given = answer.mapping(ANSWER_KEYS)
    after = given["after"].mapping() if "after" in given else {}
    if not after:
        raise answer.error("expected 'after', with an answer for each earlier intent")
    for earlier, part in after.items():
        if earlier not in names.intents:
            raise part.error(f"unknown intent {quoted(earlier)}; {nearest(earlier, names.intents)}")
    answers = {earlier: _answers(part, names, silent) for earlier, part in after.items()}
    return _Line(answer, intent, tells, (), answers)


def _answers(entry: YamlNode, names: Names, silent: set[str]) -> tuple[str, ...]:
    answers = []
    for item in entry.one_or_many():
        answers.append(parse_action(item, names))
        if answers[-1] in silent:
            raise item.error("an answer must speak, or the user never hears it")
        if answers[-1] == RESTART:
            raise item.error(f"{RESTART!r} answers nothing: the user begins again")
    if not answers:
        raise entry.error("expected at least one action")
    return tuple(answers)


def _phrases(
    entry: YamlNode, names: Names, further: Sequence[str] = ()
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    valid = (*names.intents, *(slot.name for slot in names.slots), *further)
    return tuple((name, value.texts()) for name, value in entry.mapping(valid).items())
