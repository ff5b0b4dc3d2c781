"""Checks of actions: their real effects against those that the domain declares."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dialogue_gym._files import Problem
from dialogue_gym._text import nearest, quoted
from dialogue_gym.actions.loader import source_location
from dialogue_gym.actions.runner import ActionRunner
from dialogue_gym.actions.webhook import is_remote
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.effects import declared_effects
from dialogue_gym.conversation.events import ActionExecuted, SlotSet, UserUttered, Value
from dialogue_gym.domain import Domain
from dialogue_gym.domain.slot import FILLED, FLOAT_BINS, OTHER, Slot

_AT_START = "at the start"


def check_actions(domain: Domain, runner: ActionRunner) -> list[Problem]:
    """Return the problems of the actions of a domain that are Python code or run on an action server.

    All of them are run: with the slots filled whose values are known, and at the start of a dialogue. A
    failure in the first is an error; one that only occurs at the start, where slots are empty, a warning.

    An action with declared effects (`sets`) is run with the whole user goal known and the action's
    precondition met, as far as slots and intents can meet it. A warning names each slot whose observed value
    would differ.
    """
    problems: list[Problem] = []
    for name, action in runner.actions.items():
        file, line = source_location(action)
        problems += _problems(domain, runner, name, file, line)
    for name in domain.actions if runner.server else ():
        if name not in runner.actions and is_remote(name, domain):
            problems += _problems(domain, runner, name, str(runner.server), 1)
    return sorted(problems)


def _problems(domain: Domain, runner: ActionRunner, name: str, file: str, line: int) -> list[Problem]:
    found = dict.fromkeys(_differences(domain, runner, name))
    return [Problem(file, line, message, is_error) for message, is_error in found]


def _differences(domain: Domain, runner: ActionRunner, name: str) -> Iterator[tuple[str, bool]]:
    """Yield the problems of an action, and whether each is an error."""
    if name not in domain.actions:
        yield (
            f"unknown action {quoted(name)} in the domain {domain.name}; {nearest(name, domain.actions)}",
            False,
        )
        return
    effects = declared_effects(name, domain)
    has_failed = False
    compared = [
        slot for slot in domain.slots if slot.is_observed or slot.name in {event.name for event in effects}
    ]
    for when, before in (
        ("with the whole goal known", _conversation_with_goal(domain, name))
        if effects
        else ("with slots filled", _conversation_with_slots(domain)),
        (_AT_START, Conversation(domain)),
    ):
        if effects and not before.is_possible(name):
            continue  # the simulation has no effects here
        result = runner.run(name, before)
        if result.note and not has_failed:
            has_failed = True
            yield f"{result.note} ({when})", when != _AT_START
        if (result.note and not result.events) or not effects:
            continue
        declared = Conversation(domain, [*before.events, ActionExecuted(name), *effects])
        real = Conversation(domain, [*before.events, ActionExecuted(name), *result.events])
        for slot in list(compared):
            expected, actual = _slot_label(slot, declared), _slot_label(slot, real)
            if expected != actual:
                compared.remove(slot)  # one warning for each slot
                yield (
                    f"{name} leaves the slot {slot.name!r} {actual}, but the domain's 'fake_user' "
                    f"declares {expected} ({when})",
                    False,
                )


def _slot_label(slot: Slot, conversation: Conversation) -> str:
    return _label(slot, conversation.slots[slot.name])


def _conversation_with_goal(domain: Domain, name: str) -> Conversation:
    """Return a conversation with the user's whole goal known, in which an action is possible if it can be."""
    needs = dict(domain.action_model(name).needs.clauses)
    goal = dict(domain.fake_user.goal) if domain.fake_user else {}
    intents = [intent for intent in needs.get("intent", ()) if intent in domain.intents]
    conversation = Conversation(domain, [UserUttered(intent=intents[0])] if intents else [])
    for slot in domain.slots:
        wishes = goal.get(slot.name, ())
        allowed = needs.get(f"slot.{slot.name}")
        if allowed is not None:
            fitting = [value for value in _values(slot, wishes) if _label(slot, value) in allowed]
            conversation.extend(SlotSet(slot.name, value) for value in fitting[:1])
        elif wishes:
            conversation.append(SlotSet(slot.name, wishes[0]))
    return conversation


def _conversation_with_slots(domain: Domain) -> Conversation:
    """Return a conversation with a message, and a value of every slot whose values are known."""
    goal = dict(domain.fake_user.goal) if domain.fake_user else {}
    conversation = Conversation(domain, [UserUttered(intent=intent) for intent in domain.intents[:1]])
    for slot in domain.slots:
        wishes = goal.get(slot.name, ())
        if wishes or slot.values or slot.type in ("bool", "float"):
            conversation.append(SlotSet(slot.name, next(_values(slot, wishes))))
    return conversation


def _values(slot: Slot, wishes: Sequence[str]) -> Iterator[Value]:
    """Yield a value of every kind that observations distinguish."""
    if slot.type == "list":
        yield [FILLED]
    elif slot.type == "bool":
        yield from (True, False)
    elif slot.type == "float":
        width = (slot.max_value - slot.min_value) / FLOAT_BINS
        yield from (slot.min_value + width * (index + 0.5) for index in range(FLOAT_BINS))
    else:
        yield from (*wishes, *slot.values, OTHER)
    yield None


def _label(slot: Slot, value: Value) -> str:
    return slot.labels[slot.label(value)]
