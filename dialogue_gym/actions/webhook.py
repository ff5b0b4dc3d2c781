"""Client of action servers, by the protocol of Rasa's webhooks.

See https://rasa.com/docs/rasa/pages/action-server-api for the request and the response.
"""

from __future__ import annotations

import urllib.parse

from dialogue_gym._http import ServiceError, post_json_later
from dialogue_gym._text import quoted
from dialogue_gym.actions.payloads import domain_json, tracker_json
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import Json
from dialogue_gym.domain.model import Domain

PROTOCOL = "3.0.0"
"""The version of Rasa whose requests these are."""


def webhook(url: str) -> str:
    """Return the address of a webhook; the path defaults to `/webhook`.

    >>> webhook("http://localhost:5055")
    'http://localhost:5055/webhook'
    """
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError:
        return url  # the request reports the error
    return url if parts.path.strip("/") else urllib.parse.urlunsplit(parts._replace(path="/webhook"))


def is_remote(name: str, domain: Domain) -> bool:
    """Return whether an action belongs to a server: a custom action in Rasa's sense, not a response."""
    responses = [response.name for response in domain.responses]
    return name in domain.actions and name not in responses and not name.startswith("utter_")


async def ask_server(url: str, name: str, conversation: Conversation, seconds: float) -> Json:
    """Return the response of an action server, with `events` and `responses`.

    Raises:
        ServiceError: the server did not send a usable response, or rejected the action.
    """
    request = {
        "next_action": name,
        "sender_id": conversation.sender_id,
        "tracker": tracker_json(conversation),
        "domain": domain_json(conversation.domain),
        "version": PROTOCOL,
    }
    try:
        response = await post_json_later(url, request, seconds)
    except ServiceError as error:
        reason = error.body.get("error") if isinstance(error.body, dict) else None
        if not isinstance(reason, str):
            raise
        if error.status == 400:  # rasa_sdk's ActionExecutionRejection
            raise ServiceError(f"rejected by the action server: {quoted(reason, 200)}", 400) from None
        raise ServiceError(f"{error}: {quoted(reason, 200)}", error.status) from None
    if not isinstance(response, dict):
        raise ServiceError(f"{quoted(url, 200)} sent {quoted(repr(response))}, which is not an object")
    return response
