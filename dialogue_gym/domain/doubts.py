"""Doubts about a domain: parts of its file that can be read, and are probably not intended."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from dialogue_gym._files import Problem
from dialogue_gym._text import PLACE, is_misspelling_of, nearest, quoted
from dialogue_gym._yaml import YamlNode
from dialogue_gym.domain.model import ATTRIBUTE, NO_VENUE, Domain
from dialogue_gym.domain.slot import DONT_CARE, FROM_TRIGGER_INTENT, Form, Slot


def unknown_places(entry: YamlNode | None, slots: Sequence[str]) -> Iterator[Problem]:
    """Yield a warning for each place in a response's text that no slot fills."""
    for value in entry.named().values() if entry else ():
        for item in [] if value.is_null else value.one_or_many():
            text = item.mapping().get("text") if item.is_mapping else item
            if text is not None and not text.is_null:
                yield from (text.warning(fault) for fault in place_faults(text.text(), slots))


_VERSION = re.compile(r"[0-3](\.[0-9]+)*")
"""Rasa's versions so far; files of its first ones have none."""


def unknown_version(entry: YamlNode | None) -> Iterator[Problem]:
    """Yield a warning if a file is of a version that Rasa does not have."""
    if entry is not None and not entry.is_null and not _VERSION.fullmatch(str(entry.node.value)):
        shown = quoted(str(entry.node.value))
        yield entry.warning(f'unknown version {shown}; domain files have the version "3.1"')


RESPONSE_KEYS = (
    "text", "buttons", "quick_replies", "elements", "image", "attachment", "custom", "channel", "condition",
    "id", "metadata",
)  # fmt: skip
"""The keys of a response that Rasa or a channel reads."""


def unknown_response_keys(entry: YamlNode | None) -> Iterator[Problem]:
    """Yield a warning for each key of a response that nothing reads."""
    for value in entry.named().values() if entry else ():
        for item in [] if value.is_null else value.one_or_many():
            for key, part in item.mapping().items() if item.is_mapping else ():
                if key not in RESPONSE_KEYS:
                    hint = nearest(key, RESPONSE_KEYS)
                    yield part.warning(f"unknown key {quoted(key)} of a response; {hint}")


def silent_actions(actions: YamlNode | None, responses: YamlNode | None, domain: Domain) -> Iterator[Problem]:
    """Yield a warning for each action that should say something and has no text, and for empty responses.

    Args:
        actions: the key `actions`.
        responses: the key `responses`.
        domain: the domain that they belong to.
    """
    named = responses.named() if responses else {}
    for value in named.values():
        if value.is_null or not value.one_or_many():
            yield value.warning("the response is empty: the bot says nothing")
    said = {name.partition("/")[0] for name in named}
    listed = {name for item in actions.items() for name in _names_of(item)} if actions else set()
    for item in actions.items() if actions else ():
        for name in _names_of(item):
            if name.startswith("utter_") and name not in said and not domain.texts(name):
                meant = [other for other in named if other not in listed and is_misspelling_of(other, name)]
                hint = f"did you mean {meant[0]!r}?" if meant else "add one under 'responses'"
                yield item.warning(f"{quoted(name)} has no response, so that the bot says nothing; {hint}")


def _names_of(item: YamlNode) -> Iterable[str]:
    """Return the name in an item of a list of actions, which may have options below it."""
    return item.named() if item.is_mapping else (item.name(),)


def place_faults(text: str, slots: Sequence[str]) -> list[str]:
    """Return a clause for each place in the text of a response that is for an unknown slot."""
    return [
        f"unknown slot {quoted(name)} in braces; {nearest(name, slots)} (only an action can fill it)"
        for name in _places(text)
        if name not in slots
    ]


def _places(text: str) -> list[str]:
    """Return the names in braces in a text, each once."""
    names = [place[1] for place in PLACE.finditer(text) if place[1] and place[1].isidentifier()]
    return list(dict.fromkeys(names))


def doubts_about_forms(
    entry: YamlNode | None, forms: Iterable[Form], slots: Collection[str], actions: Collection[str]
) -> Iterator[Problem]:
    """Yield a warning for each slot of a form that the domain lacks, or that the form cannot ask for."""
    places = entry.named() if entry and entry.is_mapping else {}
    for form in forms:
        for slot in form.required_slots:
            if slot not in slots:
                message = (
                    f"unknown slot {quoted(slot)}; {nearest(slot, slots)} (the form asks for it forever)"
                )
                yield places[form.name].warning(message)
            elif not any(name in actions for name in form.questions(slot)):
                _, ours, _, anybody = form.questions(slot)
                message = f"nothing asks for the slot {quoted(slot)}: add the response {ours} or {anybody}"
                yield places[form.name].warning(message)


def lost_conditions(
    entry: YamlNode | None, slots: Iterable[Slot], forms: Sequence[Form]
) -> Iterator[Problem]:
    """Yield a warning for each mapping that holds in an unknown form, or in one without its slot.

    Rasa's validator (3.6.21, `verify_slot_mappings`) refuses both.
    """
    places = entry.named() if entry and entry.is_mapping else {}
    required = {form.name: form.required_slots for form in forms}
    for slot in slots:
        loops = {one.active_loop for mapping in slot.mappings for one in mapping.conditions} - {None}
        begun = {
            one.active_loop
            for mapping in slot.mappings
            if mapping.type == FROM_TRIGGER_INTENT
            for one in mapping.conditions
        }
        for name in sorted(map(str, loops)):
            if name not in required:
                hint = nearest(name, required)
                yield places[slot.name].warning(f"unknown form {quoted(name)} in a condition; {hint}")
            elif required[name] and slot.name not in required[name] and name not in begun:
                yield places[slot.name].warning(
                    f"a mapping holds in {name}, whose required_slots lack {quoted(slot.name)}"
                )


def doubts_about_user(
    keys: Mapping[str, YamlNode], domain: Domain, known: Sequence[str]
) -> Iterator[Problem]:
    """Yield a warning for each place in a phrase that nothing fills, and for an entity that requests lack.

    Args:
        keys: those of `fake_user`.
        domain: the domain that they belong to.
        known: the slots and columns that fill the texts of actions.
    """
    for model in keys["actions"].mapping().values() if "actions" in keys else ():
        says = model.mapping().get("says")
        for item in says.one_or_many() if says else ():
            yield from (item.warning(fault) for fault in place_faults(item.text(), known))
    for name, phrases in keys["phrases"].mapping().items() if "phrases" in keys else ():
        fits = (name in domain.intents, any(slot.name == name for slot in domain.slots), name == DONT_CARE)
        valid = [place for place, is_it in zip(("entities", name, "slot"), fits, strict=True) if is_it]
        for item in phrases.one_or_many():
            for place in _places(item.text()):
                if place not in valid:
                    hint = nearest(place, valid) if valid else "the phrase of an attribute has none"
                    yield item.warning(f"unknown name {quoted(place)} in braces; {hint}")
    if "requests" in keys and ATTRIBUTE not in domain.entities:
        message = f"people cannot ask for these in words: add {ATTRIBUTE!r} under 'entities'"
        yield keys["requests"].warning(message)


def unused_parts(entry: YamlNode | None, domain: Domain) -> Iterator[Problem]:
    """Yield a warning for each response, such as `utter_tell/phone`, about something that is never said."""
    search = domain.fake_user.search if domain.fake_user else None
    if search is None or entry is None:
        return
    for name, value in entry.named().items():
        action, _, part = name.partition("/")
        act = domain.action_model(action).reaction if action in domain.actions else ""
        valid = search.attributes if act == "answer" else NO_VENUE if act in ("offer", "alternative") else ()
        if part and valid and part not in valid:
            yield value.warning(f"{action} never says {quoted(part)}; {nearest(part, valid)}")


def unasked_slots(keys: Mapping[str, YamlNode], domain: Domain) -> Iterator[Problem]:
    """Yield a warning for each wish of a user that no action asks for, or no rule of the expert.

    Args:
        keys: those of the file.
        domain: the domain that they describe; its users have a goal or search.
    """
    if domain.fake_user is None or domain.fake_user.kind == "agenda":  # they tell it all by themselves
        return
    user = keys["fake_user"].mapping()
    wishes = user["goal"].mapping() if "goal" in user else {}
    asking: dict[str, list[str]] = {}
    for model in domain.fake_user.actions:
        if model.slot is not None:
            asking.setdefault(model.slot, []).append(model.name)
    done = {choice.action for rule in domain.expert for choice in rule.then}
    for slot, _ in domain.fake_user.goal:
        if slot not in asking:
            way = f"'inform: {slot}'" if slot in wishes else f"'request: {slot}'"
            message = f"no action asks for the slot {quoted(slot)}: none has 'user' with {way}"
            yield wishes.get(slot, user.get("constraints", keys["fake_user"])).warning(message)
        elif domain.expert and not done.intersection(asking[slot]):
            message = f"no rule asks for the slot {quoted(slot)}, as {' or '.join(asking[slot][:3])} does"
            yield keys["expert"].warning(message)
