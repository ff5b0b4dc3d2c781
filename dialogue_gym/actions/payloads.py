"""The JSON of conversations and domains that Rasa sends to actions.

See https://rasa.com/docs/rasa/pages/action-server-api for the format.
"""

from __future__ import annotations

import copy
import json
import time

from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import Json, UserUttered, to_json, with_channel
from dialogue_gym.domain import Domain
from dialogue_gym.domain.model import LISTEN, RESTART, Variation
from dialogue_gym.domain.slot import CUSTOM, FROM_ENTITY, REQUESTED_SLOT, Slot


def tracker_json(conversation: Conversation) -> Json:
    """Return the state of a conversation, as a copy.

    Conversations do not record the time of events: all have the current time.
    """
    now = time.time()
    return {
        "sender_id": conversation.sender_id,
        "slots": copy.deepcopy(_own_slots(conversation) | conversation.slots),
        "latest_message": message_json(conversation.latest_message),
        "latest_event_time": now if len(conversation) else None,
        "latest_input_channel": conversation.latest_message and conversation.latest_message.channel,
        "events": [copy.deepcopy(with_channel(event)) | {"timestamp": now} for event in conversation.events],
        "paused": False,
        "followup_action": None,
        "active_loop": _loop_json(conversation),
        "latest_action_name": conversation.latest_action,
        "stack": [],
    }


def message_json(message: UserUttered | None) -> Json:
    """Return the JSON of a message; without a message, it has all keys with empty values."""
    content: Json = to_json(message or UserUttered(confidence=0.0))["parse_data"]
    ranking = [dict(content["intent"])] if content["intent"]["name"] else []
    return copy.deepcopy(content) | {"intent_ranking": ranking}


def domain_json(domain: Domain) -> Json:
    """Return the JSON of a domain in Rasa's format, without this library's own keys."""
    return {
        "config": {"store_entities_as_slots": True},
        "session_config": {},
        "intents": list(domain.intents),
        "entities": list(domain.entities),
        "slots": {slot.name: _slot_json(slot) for slot in domain.slots},
        "responses": {
            response.name: [variation_json(variation) for variation in domain.variations(response.name)]
            for response in domain.responses
        },
        "actions": [action for action in domain.actions if action not in (LISTEN, RESTART)],
        "forms": {
            form.name: {
                "required_slots": list(form.required_slots),
                "ignored_intents": list(form.ignored_intents),
            }
            for form in domain.forms
        },
        "e2e_actions": [],
    }


def _loop_json(conversation: Conversation) -> Json:
    name = conversation.loop.name
    return {"name": name, "is_interrupted": False, "rejected": False} if name else {}


def _own_slots(conversation: Conversation) -> Json:
    """Return the slots that Rasa adds to a domain with forms."""
    return {REQUESTED_SLOT: conversation.loop.requested_slot} if conversation.domain.forms else {}


def _plain_mappings(slot: Slot) -> list[Json]:
    return [{"type": FROM_ENTITY, "entity": slot.entity}] if slot.entity else [{"type": CUSTOM}]


def variation_json(variation: Variation) -> Json:
    """Return the JSON of one way to say a response."""
    content: Json = {} if variation.text is None else {"text": variation.text}
    if variation.condition is not None:
        content["condition"] = [
            {"type": "slot", "name": name, "value": json.loads(value)} for name, value in variation.condition
        ]
    if variation.channel is not None:
        content["channel"] = variation.channel
    return content | variation.content


def _slot_json(slot: Slot) -> Json:
    content: Json = {
        "type": slot.type,
        "initial_value": slot.initial_value,
        "influence_conversation": slot.is_observed,
        "mappings": [mapping.content() for mapping in slot.mappings] or _plain_mappings(slot),
    }
    if slot.type == "categorical":
        content["values"] = list(slot.values)
    if slot.type == "float":
        content |= {"min_value": slot.min_value, "max_value": slot.max_value}
    return content
