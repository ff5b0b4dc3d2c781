"""Edits of a bot's texts, examples and slots by a teacher: checked, and refused if they are stale.

Each function returns the additions for the journal that make an edit, none if nothing changes.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dialogue_gym._files import FileError, check_characters
from dialogue_gym._text import counted, is_misspelling_of, name_fault, nearest, quoted
from dialogue_gym.domain import Domain, DomainError
from dialogue_gym.domain.additions import (
    ACTION,
    ENTITY,
    EXAMPLE,
    INTENT,
    RESPONSE,
    SLOT,
    TYPE,
    VALUES,
    Addition,
    extend,
)
from dialogue_gym.domain.edits import action_of, entities_of, has_mappings, has_plain_mapping
from dialogue_gym.domain.model import DOMAIN_FILE
from dialogue_gym.domain.slot import SLOT_TYPES, Slot
from dialogue_gym.nlu.example_writer import annotate
from dialogue_gym.nlu.examples import Example, NluError, parse_example
from dialogue_gym.outline.names import misspelled, written_name
from dialogue_gym.teaching.export_examples import is_writable
from dialogue_gym.teaching.taught_examples import sentence_key

MOST_CHARACTERS = 5000
_SPEAKS = "utter_"
_PLACE = re.compile(r"\{([^{}]+)\}")


class EditError(ValueError):
    """An edit that cannot be made. The message is one sentence.

    Attributes:
        field: the field with the fault: `"name"`, `"text"`, `"type"`, `"values"` or `"entity"`.
        is_stale: whether somebody else has changed the same meanwhile.
    """

    def __init__(self, field: str, sentence: str, is_stale: bool = False) -> None:
        """Keep the field."""
        super().__init__(sentence)
        self.field = field
        self.is_stale = is_stale


def edit_response(domain: Domain, name: str, was: str | None, text: str | None) -> list[Addition]:
    """Return the edit of one text of a response.

    Args:
        domain: the domain as it is now.
        name: the response, possibly a new one.
        was: the text that is changed or removed; None to add one.
        text: the new text; None to remove one.

    Raises:
        EditError: it cannot be made.
    """
    known = domain.texts(name)
    if was is not None and was not in known:
        raise _stale(name, f"it says {_listed(known)} now" if known else "it is gone", text)
    if text is None:
        if was is not None and len(domain.variations(name)) < 2:
            raise EditError("text", "a response keeps its last text; change it instead")
        return [Addition(RESPONSE, name, (), was=(was,))] if was is not None else []
    text = _checked(text)
    if text == was:
        return []
    _check_places(domain, text)
    if text in known:
        raise EditError("text", f"{name} says {quoted(text)} already")
    if was is not None:
        return [Addition(RESPONSE, name, (text,), was=(was,))]
    if action_of(name) in domain.actions or any(name == one.name for one in domain.responses):
        return [Addition(RESPONSE, name, (text,))]
    _check_misspelling("response", name, domain.actions)
    if not name.startswith(_SPEAKS):
        raise EditError("name", f"the name of a response begins with {_SPEAKS}, such as utter_price")
    return _possible(domain, Addition(ACTION, name, (text,)))


def edit_example(
    domain: Domain, examples: Sequence[Example], intent: str, was: str | None, text: str | None
) -> list[Addition]:
    """Return the edit of one example of an intent.

    Args:
        domain: the domain as it is now.
        examples: all examples as they are now.
        intent: the intent, possibly a new one.
        was: the annotated text that is changed or removed; None to add one.
        text: the new annotated text; None to remove one.

    Raises:
        EditError: it cannot be made.
    """
    known = annotated(example for example in examples if example.intent == intent)
    if was is not None and was not in known:
        near = [one for one in known if sentence_key(one) == sentence_key(was)]
        raise _stale(intent, f"it has {_listed(near)} now" if near else "it has lost this example", text)
    if text is None:
        return [Addition(EXAMPLE, intent, (), was=(was,))] if was is not None else []
    example = _parsed(domain, intent, _checked(text))
    new = annotate(example)
    if new == was:
        return []
    key = sentence_key(example.text)
    for other in examples:
        is_itself = was is not None and other.intent == intent and annotated([other]) == [was]
        if sentence_key(other.text) == key and not is_itself:
            raise EditError("text", f"{quoted(example.text)} is an example of {other.intent} already")
    edit = Addition(EXAMPLE, intent, (new,), was=() if was is None else (was,))
    group = intent.partition("/")[0]
    if is_new := domain.intent_of(intent) is None:
        _check_misspelling("intent", group, domain.intents)
    return [*(_possible(domain, Addition(INTENT, group)) if is_new else []), edit]


def annotated(examples: Iterable[Example]) -> list[str]:
    """Return the annotated texts of examples, without those that cannot be written so."""
    return [annotate(example) for example in examples if is_writable(example)]


@dataclass(frozen=True)
class SlotForm:
    """The parts of a slot that can be edited.

    Attributes:
        type: one of `SLOT_TYPES`.
        values: those of a categorical slot.
        entity: the entity that fills it; None if none does.
    """

    type: str = "text"
    values: tuple[str, ...] = ()
    entity: str | None = None

    @classmethod
    def of(cls, slot: Slot) -> SlotForm:
        """Return the parts of a slot."""
        return cls(slot.type, slot.values, slot.entity)


def edit_slot(domain: Domain, name: str, was: SlotForm | None, form: SlotForm) -> list[Addition]:
    """Return the edits of a slot.

    Args:
        domain: the domain as it is now.
        name: the slot.
        was: its parts before; None to add a slot.
        form: its parts from now on.

    Raises:
        EditError: they cannot be made.
    """
    values = tuple(dict.fromkeys(value for one in form.values if (value := one.strip())))
    entity = written_name(form.entity or "", "entity", domain.known_entities) or None
    form = dataclasses.replace(form, values=values, entity=entity)
    _check_form(form)
    if form.entity not in (None, name, was and was.entity) and domain.slots and not has_mappings(domain):
        raise EditError(
            "entity",
            f"slots without mappings are filled by the entity of their name; give {name} its name, or"
            " the slots mappings in the domain file",
        )
    known = next((slot for slot in domain.slots if slot.name == name), None)
    if was is None:
        if known is not None:
            raise EditError("name", f"there is a slot {quoted(name)} already")
        _check_misspelling("slot", name, [slot.name for slot in domain.slots])
        made = _possible(domain, Addition(SLOT, name, type=form.type, values=form.values))
        if form.entity != name:
            made.append(Addition(ENTITY, name, (form.entity,) if form.entity else (), was=(name,)))
        return made
    now = SlotForm.of(known) if known else None
    if known is None or now != was:
        shown = f"it is {_form_text(now)} now" if now else "it is gone"
        raise EditError("type", f"not saved, {name} was changed meanwhile: {shown}", is_stale=True)
    edits: list[Addition] = []
    if form.type != was.type:
        edits.append(Addition(TYPE, name, (form.type,), was=(was.type,)))
    if form.values != was.values and form.type == "categorical":
        old = was.values if was.type == form.type else ()
        gone = tuple(value for value in old if value not in form.values)
        edits.append(Addition(VALUES, name, tuple(v for v in form.values if v not in old), was=gone))
    if edits:
        _check_changeable(domain, known, form)
    if form.entity != was.entity:
        if not has_plain_mapping(known):
            raise EditError("entity", f"{name} is filled by several mappings; change them in the domain file")
        edits.append(Addition(ENTITY, name, tuple(_some(form.entity)), was=tuple(entities_of(known))))
    slot = extend(domain, edits).slot(name)
    if len(set(slot.labels)) < len(slot.labels):
        raise EditError("values", "two of the values look the same to the bot")
    return edits


def _check_form(form: SlotForm) -> None:
    if form.type not in SLOT_TYPES:
        raise EditError("type", f"unknown slot type {quoted(form.type)}; {nearest(form.type, SLOT_TYPES)}")
    if form.type == "categorical" and not form.values:
        raise EditError("values", "a categorical slot needs values, one in each line")
    if form.type != "categorical" and form.values:
        raise EditError("values", f"a slot of the type {form.type} has no values")
    seen: dict[str, str] = {}
    for value in form.values:
        if fault := name_fault(value):
            raise EditError("values", f"{quoted(value)} cannot be a value: {fault}")
        if value.lower() in seen:
            both = f"{quoted(seen[value.lower()])} and {quoted(value)}"
            raise EditError("values", f"{both} are the same value")
        seen[value.lower()] = value
    if form.entity and (fault := name_fault(form.entity)):
        raise EditError("entity", f"{quoted(form.entity)} is not a valid name for an entity: {fault}")


def _check_changeable(domain: Domain, slot: Slot, form: SlotForm) -> None:
    if domain.fake_user is not None or domain.expert:
        raise EditError("type", "the fake user goes by this slot; change it in the domain file")
    if slot.initial_value is not None and form.type != slot.type:
        raise EditError("type", f"{slot.name} has an initial value; change it in the domain file")


def _check_misspelling(kind: str, name: str, known: Iterable[str]) -> None:
    """Refuse a new name that differs from a known one by a slip of the finger."""
    if meant := misspelled(name, known):
        raise EditError("name", f"unknown {kind} {quoted(name)}; did you mean {meant!r}?")


def _some(text: str | None) -> list[str]:
    return [] if text is None else [text]


def _form_text(form: SlotForm) -> str:
    values = f" ({', '.join(form.values)})" if form.values else ""
    return f"{form.type}{values}, filled by {form.entity or 'no entity'}"


def _checked(text: str) -> str:
    """Return a text without space around it, if it can be said and written.

    Raises:
        EditError: it cannot.
    """
    text = text.strip()
    if not text:
        raise EditError("text", "write a text")
    if len(text) > MOST_CHARACTERS:
        raise EditError("text", f"a text has at most {counted(MOST_CHARACTERS, 'character')}")
    try:
        text.encode()
        check_characters(text, "text", DOMAIN_FILE)
    except (FileError, UnicodeError):
        raise EditError("text", "the text has control characters, which nobody can read") from None
    return text


def _check_places(domain: Domain, text: str) -> None:
    """Refuse a place for a slot whose name has a wrong letter; other unknown names may be an action's."""
    names = [slot.name for slot in domain.slots]
    for name in _PLACE.findall(text):
        meant = next((one for one in names if name not in names and is_misspelling_of(name, one)), None)
        if meant:
            raise EditError("text", f"unknown slot {quoted(name)}; did you mean {meant!r}?")


def _parsed(domain: Domain, intent: str, text: str) -> Example:
    """Return an example from its annotated text.

    Raises:
        EditError: it is not one, or an annotation names an unknown entity.
    """
    if text.startswith("/"):
        raise EditError("text", "an example is a sentence, not an act such as /greet")
    faults: list[str] = []
    try:
        example = parse_example(text, intent, warn=faults.append)
    except NluError as error:
        raise EditError("text", str(error).removeprefix("example:0: ")) from None
    for entity in example.entities:
        if entity.name not in domain.known_entities:
            hint = nearest(entity.name, domain.known_entities)
            faults.append(f"unknown entity {quoted(entity.name)}; {hint}")
    if not is_writable(example):
        faults.append("its brackets would be read differently in a file")
    if faults:
        raise EditError("text", faults[0])
    return example


def _possible(domain: Domain, addition: Addition) -> list[Addition]:
    try:
        addition.added_to(domain)
    except DomainError as error:
        raise EditError("name", str(error).removeprefix(f"{domain.name}: ")) from None
    return [addition]


def _stale(name: str, now: str, text: str | None) -> EditError:
    typed = f"; you wrote {quoted(text, 200)}" if text else ""
    return EditError("text", f"not saved, {name} was changed meanwhile: {now}{typed}", is_stale=True)


def _listed(texts: Sequence[str]) -> str:
    return " or ".join(quoted(text, 200) for text in texts)
