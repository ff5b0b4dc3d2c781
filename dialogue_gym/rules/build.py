"""The tables that the rules read, made from a domain and settings."""

from __future__ import annotations

import functools
import math
from typing import Any

from dialogue_gym.domain.model import (
    LISTEN,
    REACTIONS,
    REWARD_TERMS,
    SEARCH_ACTS,
    Domain,
    FakeUser,
    Profile,
)
from dialogue_gym.domain.observation import compile_condition, observation_fields, slot_codes
from dialogue_gym.rules.chance import ChanceTables
from dialogue_gym.rules.search_tables import search_tables
from dialogue_gym.rules.tables import (
    EVENT_TERMS,
    HIGH,
    SCALARS,
    STEP_LIMITS,
    TRUNCATED,
    Settings,
    Tables,
)


def resolve_profile(fake_user: FakeUser, settings: Settings) -> Profile:
    """Return the named profile, with the settings in its place where they are given."""
    profile = fake_user.profile(settings.user)

    def pick(name: str) -> float:
        given = getattr(settings, name)
        return float(getattr(profile, name) if given is None else given)

    return Profile(
        int(pick("patience")), pick("informativeness"), pick("indecisiveness"), pick("correction_rate")
    )


def opening_chances(informativeness: float, slots: int) -> list[float]:
    """Return the chances that an opening tells 0, 1, 2, … of the slots."""
    if slots == 0:
        return [1.0]
    if informativeness < 1:
        return [1 - informativeness, informativeness]
    mean = informativeness - 1
    chances = [0.0] + [math.exp(-mean) * mean**k / math.factorial(k) for k in range(slots)]
    chances[-1] += 1 - sum(chances)
    return chances


@functools.lru_cache(maxsize=64)
def build_tables(domain: Domain, settings: Settings) -> Tables:
    """Return the tables of a domain that has a fake user, under the given settings.

    Raises:
        ValueError: the domain has no fake user, or the user is unknown.
    """
    if domain.fake_user is None:
        raise ValueError(f"the domain {domain.name!r} has no fake user")
    fake_user = domain.fake_user
    profile = resolve_profile(fake_user, settings)
    tables = Tables(
        **_layout(domain),
        **_actions(domain, fake_user),
        **_user(domain, fake_user),
        **_chances(domain, fake_user, profile, settings),
        **_rewards(domain, settings),
        is_auto=settings.turn_taking == "auto",
        is_noisy=settings.semantic_error_rate > 0,
        patience=profile.patience,
        step_limit=settings.max_episode_steps or STEP_LIMITS[settings.turn_taking],
    )
    return search_tables(tables, domain, settings) if fake_user.search is not None else tables


def _layout(domain: Domain) -> dict[str, Any]:
    fields = [field.name for field in observation_fields(domain)]
    index = {name: i for i, name in enumerate(fields)}
    codes = slot_codes(domain)
    n = len(domain.slots)
    blocks = {
        name: len(fields) + n * i for i, name in enumerate(("values", "goal", "opening", "told", "heard"))
    }
    observed = [slot.name for slot in domain.slots if slot.is_observed]
    filled_last = index.get("filled_last", 0)
    start = [0] * len(fields)
    initial = [code.encode(code.slot.initial_value) for code in codes]
    for code, value in zip(codes, initial, strict=True):
        if code.slot.is_observed and value:
            start[index[f"slot.{code.slot.name}"]] = code.seen[value]
            start[index[f"confidence.{code.slot.name}"]] = HIGH
    return dict(
        size=len(fields) + 5 * n + SCALARS,
        slots=n,
        start=(*start, *initial),
        start_block=slice(0, len(fields) + n),
        nothing=(0,) * n,
        unheard_block=slice(index["intent_confidence"] + 1, filled_last),
        **{f"{name}_block": slice(blocks[name], blocks[name] + n) for name in ("opening", "told", "heard")},
        unheard=(0,) * len(observed),
        filled_last=filled_last,
        **{name: index[name] for name in ("intent", "intent_confidence")},
        **{name: index[name] for name in ("said", "spoken", "done")},
        **blocks,
        slot_at=tuple(index.get(f"slot.{slot.name}", -1) for slot in domain.slots),
        heard_at=tuple(index.get(f"heard.{slot.name}", -1) for slot in domain.slots),
        slot_rank=tuple(observed.index(slot.name) + 1 if slot.is_observed else 0 for slot in domain.slots),
        seen=tuple(code.seen for code in codes),
    )


def _actions(domain: Domain, fake_user: FakeUser) -> dict[str, Any]:
    reactions = REACTIONS if fake_user.search is None else SEARCH_ACTS
    models = [domain.action_model(name) for name in domain.actions]
    slots = [slot.name for slot in domain.slots]
    codes = slot_codes(domain)
    conditions = [compile_condition(domain, model.needs) for model in models]
    clauses = list(dict.fromkeys(clause for condition in conditions for clause in condition))
    distinct = [condition for condition in dict.fromkeys(conditions) if condition]
    bit = {condition: 1 << i for i, condition in enumerate(distinct)} | {(): 0}
    sets = [
        [(slots.index(name), codes[slots.index(name)].encode(value)) for name, value in model.sets]
        for model in models
    ]
    effects = list(dict.fromkeys(effect for of_action in sets for effect in of_action))
    return dict(
        actions=len(models),
        speaks=tuple(model.speaks and model.name != LISTEN for model in models),
        reaction=tuple(reactions.index(model.reaction) for model in models),
        about=tuple(slots.index(model.slot) if model.slot else -1 for model in models),
        effects=tuple(tuple(effects.index(effect) for effect in of_action) for of_action in sets),
        effect_slot=tuple(slot for slot, _ in effects),
        effect_value=tuple(value for _, value in effects),
        precondition=tuple(bit[condition] for condition in conditions),
        restricted=tuple(action for action, condition in enumerate(conditions) if condition),
        clause_field=tuple(index for index, _ in clauses),
        clause_blocks=tuple(
            tuple(
                0 if holds else sum(bit[condition] for condition in distinct if clause in condition)
                for holds in clause[1]
            )
            for clause in clauses
        ),
    )


def _user(domain: Domain, fake_user: FakeUser) -> dict[str, Any]:
    # An intent's number is its observed code: 0 stands for none.
    intent = {name: i + 1 for i, name in enumerate(domain.intents)}
    roles = {role: intent[name] for role, name in fake_user.intents}
    goal = dict(fake_user.goal)
    sizes = tuple(len(goal.get(slot.name, ())) for slot in domain.slots)
    items = list(dict.fromkeys(item for agenda in fake_user.agendas for item in agenda.items))
    return dict(
        intents=len(domain.intents),
        is_agenda=fake_user.kind == "agenda",
        goal_size=sizes,
        goal_draw=sizes,
        changeable=tuple(slot for slot, size in enumerate(sizes) if size > 1),
        **{role: roles.get(role, 0) for role in ("inform", "affirm", "deny", "greet")},
        opens=roles.get("open", roles.get("inform", 0)),
        agenda_length=tuple(len(agenda.items) for agenda in fake_user.agendas),
        agenda_items=tuple(tuple(items.index(item) for item in agenda.items) for agenda in fake_user.agendas),
        item_intent=tuple(intent[item.intent] for item in items),
        item_tells=tuple(tuple(slot.name in item.tells for slot in domain.slots) for item in items),
        item_answers=tuple(tuple(name in item.answers for name in domain.actions) for item in items),
    )


def _chances(domain: Domain, fake_user: FakeUser, profile: Profile, settings: Settings) -> dict[str, Any]:
    sizes = [len(values) for _, values in fake_user.goal]
    wishes = len(sizes) if fake_user.kind == "goal" else 0  # an agenda has its own opening
    chances = ChanceTables()
    error = settings.semantic_error_rate
    noise = fake_user.noise
    right, wrong = ((1.0,), (1.0,)) if error == 0 else (noise.right, noise.wrong)
    changes = profile.indecisiveness if any(size > 1 for size in sizes) else 0.0
    return dict(
        opening_chance=chances.add(opening_chances(profile.informativeness, wishes)),
        mind_chance=chances.add([1 - changes, changes]),
        corrects_chance=chances.add([1 - profile.correction_rate, profile.correction_rate]),
        error_chance=chances.add([1 - error, error]),
        right_chance=chances.add(list(right)),
        wrong_chance=chances.add(list(wrong)),
        fault_chance=chances.add(noise.faults),
        agenda_chance=chances.add([agenda.chance for agenda in fake_user.agendas] or [1.0]),
        chances=tuple(chances.tables),
    )


def reward_terms(domain: Domain, settings: Settings, events: int) -> dict[str, float]:
    """Return the terms of the reward in a step with these events, without the terms of actions."""
    weights = dict(domain.reward) | dict(settings.reward)
    happened = {"step": True} | {term: bool(events & bit) for term, bit in EVENT_TERMS}
    return {term: weight * happened[term] for term, weight in weights.items() if term in REWARD_TERMS}


def _rewards(domain: Domain, settings: Settings) -> dict[str, Any]:
    weights = dict(domain.reward) | dict(settings.reward)
    return dict(
        event_reward=tuple(
            sum(reward_terms(domain, settings, events).values()) for events in range(2 * TRUNCATED)
        ),
        action_reward=tuple(weights.get(name, 0.0) for name in domain.actions),
        shaping=settings.shaping * weights["success"],
    )
