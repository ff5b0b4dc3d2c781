"""The simulated results of an action: the effects and texts that the domain declares."""

from __future__ import annotations

import copy
import dataclasses
import re
from collections.abc import Mapping

from dialogue_gym import rules
from dialogue_gym._yaml import plain_value
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import ActiveLoop, BotUttered, Event, SlotSet, Value
from dialogue_gym.conversation.search_state import Service
from dialogue_gym.conversation.wording import Speaker
from dialogue_gym.domain import Domain
from dialogue_gym.domain.default_names import DEACTIVATING, DEFAULT_ACTIONS
from dialogue_gym.domain.model import NO_VENUE, Variation
from dialogue_gym.domain.slot import FILLED, REQUESTED_SLOT


def simulated_events(
    name: str, conversation: Conversation, speaker: Speaker, venue: int | None = None
) -> tuple[Event, ...]:
    """Return the events of an action without code: its declared effects, then its message.

    As in the environments, it has no effects where its precondition does not hold. `venue` is the number of
    the venue that it offers, + 1, if that is known; 0 for none.
    """
    domain = conversation.domain
    if name in DEACTIVATING:
        return (ActiveLoop(None), SlotSet(REQUESTED_SLOT, None))
    effects = declared_effects(name, domain) if conversation.is_possible(name) else ()
    slots = conversation.slots | {event.name: event.value for event in effects}
    service = conversation.service(name)
    if service and service.is_offer:
        database = domain.database
        assert database is not None
        if venue:
            service = dataclasses.replace(service, venue=database.details(venue - 1))
        effects = (*effects, SlotSet(database.name, service.venue.get(database.name)))
    said = utterance(name, conversation, speaker, slots, service)
    return effects if said is None else (*effects, said)


def utterance(
    name: str,
    conversation: Conversation,
    speaker: Speaker,
    slots: Mapping[str, Value],
    service: Service | None = None,
) -> BotUttered | None:
    """Return the message of a response, filled with the values of slots; None if there is nothing to say."""
    message = conversation.latest_message
    domain = conversation.domain
    venue = service.venue if service else conversation.venue
    if service and (text := _served(name, domain, speaker, slots, service)):
        return BotUttered(text)
    variations = domain.variations(name) or _retrieved(name, conversation)
    if not variations and (response := DEFAULT_ACTIONS.get(name)):
        variations = domain.variations(response)
    channel = message.channel if message else None
    said = speaker.respond(variations, {**venue, **slots}, _fillings(slots, venue, service), channel)
    return None if said is None or said == (None, {}) else BotUttered(*said)


def service_text(
    name: str, domain: Domain, speaker: Speaker, slots: Mapping[str, Value], service: Service
) -> str | None:
    """Return the text of a service, an offer or an answer, apart from a conversation."""
    if text := _served(name, domain, speaker, slots, service):
        return text
    known = {**service.venue, **slots}
    said = speaker.respond(domain.variations(name), known, _fillings(slots, service.venue, service))
    return said and said[0]


def _fillings(
    slots: Mapping[str, Value], venue: Mapping[str, Value], service: Service | None
) -> dict[str, str | None]:
    """Return the texts for the places of a response, where columns of venues can be called like slots.

    A service is about the venue, whatever the user has said, or does not care about. Any other text has the
    values of slots, and the venue's for those that are empty.
    """
    cells = {name: cell for name, cell in venue.items() if service or slots.get(name) is None}
    return shown({**slots, **cells})


def _served(
    name: str, domain: Domain, speaker: Speaker, slots: Mapping[str, Value], service: Service
) -> str | None:
    """Return the text of an answer, or of an offer without a venue; None if the action's own text serves.

    The response `utter_tell/phone` is the answer about the phone number, `utter_offer/no_match` and
    `utter_offer/no_other` say that there is no such venue, or no other one.
    """
    if service.is_offer and service.venue:
        return None
    told = {**slots, **service.venue}
    known = service_texts(name, domain)
    keys = service.asked or ([NO_VENUE[service.has_matches]] if service.is_offer else [])
    texts = []
    for key in keys:
        said = speaker.respond(known[key], told, shown(told))
        texts.append((said and said[0]) or "")
    said_parts = list(filter(None, texts))
    # Sentences stand side by side; parts such as `phone: 11` need a comma.
    ended = [part + "," if part[-1].isalnum() else part for part in said_parts[:-1]]
    return " ".join([*ended, *said_parts[-1:]]) or None


def service_texts(name: str, domain: Domain) -> dict[str, tuple[Variation, ...]]:
    """Return the ways to say each part of a service.

    An offer has its own texts under `""`, and those without a venue under `no_match` and `no_other`; an
    answer has one part for each attribute. Where the domain has no response for a part, a plain one serves.
    """
    if domain.action_model(name).reaction == "answer":
        defaults = {
            asked: f"{asked.replace('_', ' ')}: {{{asked}}}" for asked in rules.attribute_columns(domain)
        }
        own = {}
    else:
        assert domain.database is not None
        called = domain.database.name.replace("_", " ")
        defaults = {
            key: f"I know of no {words} {called}."
            for key, words in zip(NO_VENUE, ("such", "other"), strict=True)
        }
        own = {"": domain.variations(name)}
    parts = {key: domain.variations(f"{name}/{key}") or (Variation(text),) for key, text in defaults.items()}
    return own | parts


def _retrieved(name: str, conversation: Conversation) -> tuple[Variation, ...]:
    """Return the variations of Rasa's retrieval responses: to `faq/ask_name`, `utter_faq/ask_name`.

    In Rasa 1 the action is called `respond_faq`.
    """
    message = conversation.latest_message
    question = ((message and message.intent) or "").partition("/")[2]
    saying = re.sub("^respond_", "utter_", name)
    return conversation.domain.variations(f"{saying}/{question}") if question else ()


def declared_effects(name: str, domain: Domain) -> tuple[SlotSet, ...]:
    """Return the effects of an action as events; a list that is only known to be filled says so."""
    events = []
    for slot, value in domain.action_model(name).sets:
        events.append(SlotSet(slot, _typed(domain.slot(slot).type, value)))
    return tuple(events)


def _typed(kind: str, value: str | None) -> Value:
    """Return the value that a text of the simulation stands for in a slot of some type."""
    if value is None:
        return None
    if kind == "list":
        return [FILLED]
    return plain_value(value) if kind in ("bool", "float") else value


def reset_slots(domain: Domain) -> tuple[SlotSet, ...]:
    """Return the events of Rasa's `reset_slots`: every slot gets its initial value."""
    return tuple(SlotSet(slot.name, copy.deepcopy(slot.initial_value)) for slot in domain.slots)


def shown(slots: Mapping[str, Value]) -> dict[str, str | None]:
    """Return slot values as they are written in a text."""
    return {
        name: None if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in slots.items()
    }
