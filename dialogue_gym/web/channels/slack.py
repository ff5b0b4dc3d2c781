"""A bot in Slack: its events come in, and answers go out through its Web API, both by Slack's own SDK.

Sources: https://api.slack.com/apis/events-api (events, their retries, and the challenge),
https://api.slack.com/interactivity/handling (a pressed button) and https://api.slack.com/authentication/verifying-requests-from-slack.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape, unescape
from typing import Any
from urllib.parse import parse_qs

from fastapi import Request
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse, PlainTextResponse, Response

from dialogue_gym._text import printable
from dialogue_gym.conversation.events import BotUttered, Json
from dialogue_gym.conversation.transcripts import buttons_of
from dialogue_gym.live.request_limits import Rejected
from dialogue_gym.web.channels.delivery import Delivery, DeliveryError, is_final
from dialogue_gym.web.channels.inbox import Inbox, Messages

SLACK, SLACK_WEBHOOK = "slack", "/webhooks/slack/webhook"
SLACK_PREFIX = "slack "
"""The beginning of every name of a person in Slack, which no other sender has."""
TOKEN, SECRET, API_URL = "SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_API_URL"
"""The environment variables with the secrets, and with another address of the Web API, such as a proxy's."""
_MOST_CHARACTERS, _MOST_BUTTONS = 3000, 25
"""The limits of Slack for a text and for the buttons below it."""
_RETRY = "x-slack-retry-num"
_MENTION = re.compile(r"<@([A-Z0-9]+)(?:\|[^<>]*)?>")
_PASSING = (
    "ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout",
)  # fmt: skip
"""Reasons of Slack's for which another attempt may succeed."""


@dataclass(frozen=True)
class SlackSettings:
    """The secrets of an app in Slack.

    Attributes:
        token: the token with which the bot speaks, `xoxb-...`.
        secret: the secret with which Slack signs its requests.
        api: the address of the Web API.
    """

    token: str
    secret: str
    api: str = "https://slack.com/api/"

    @classmethod
    def of_environment(cls) -> SlackSettings:
        """Read the settings from the environment.

        Raises:
            ValueError: a variable is missing.
            ImportError: Slack's SDK is missing.
        """
        for name in (TOKEN, SECRET):
            if not os.environ.get(name):
                raise ValueError(f"--slack: set {name} in the environment")
        try:
            import slack_sdk  # noqa: F401
        except ModuleNotFoundError:
            raise ImportError('--slack needs slack_sdk: pip install "dialogue_gym[slack]"') from None
        return cls(os.environ[TOKEN], os.environ[SECRET], os.environ.get(API_URL) or cls.api)


@dataclass(frozen=True)
class SlackMessage:
    """A message of a person in Slack.

    Attributes:
        person: the name of the person, which no other channel has.
        text: the text, or the payload of a pressed button.
        key: Slack's own id of it, which repeated requests have as well.
        place: the channel and thread to answer in.
    """

    person: str
    text: str
    key: str
    place: Json

    @classmethod
    def of_event(cls, body: Mapping[str, Any]) -> SlackMessage | None:
        """Return the message in an event; None for events of other kinds, and of bots."""
        event = body.get("event")
        if not isinstance(event, dict) or event.get("type") not in ("message", "app_mention"):
            return None
        if event.get("subtype") or event.get("bot_id") or not event.get("user"):
            return None
        place = {"channel": str(event.get("channel", ""))}
        if event.get("thread_ts"):
            place["thread_ts"] = str(event["thread_ts"])
        # A mention reaches an app twice, as a message and as a mention, under the same time.
        key = f"{event.get('channel')} {event.get('ts')}"
        text = _words(str(event.get("text", "")), body.get("authorizations"))
        return cls(_person(body.get("team_id"), event["user"]), text, key, place)

    @classmethod
    def of_button(cls, body: Mapping[str, Any]) -> SlackMessage | None:
        """Return the message of a pressed button; None for other interactions."""
        pressed = [one for one in body.get("actions", []) if one.get("type") == "button"]
        user = body.get("user", {})
        if body.get("type") != "block_actions" or not pressed or not user.get("id"):
            return None
        place = {"channel": str(body.get("channel", {}).get("id", ""))}
        if thread := body.get("message", {}).get("thread_ts"):
            place["thread_ts"] = str(thread)
        key = f"button {pressed[0].get('action_ts')}"
        person = _person(user.get("team_id") or body.get("team", {}).get("id"), user.get("id"))
        return cls(person, str(pressed[0].get("value", "")), key, place)


class SlackChannel:
    """The app in Slack: it hears events and pressed buttons, and speaks through the Web API."""

    def __init__(self, inbox: Inbox, settings: SlackSettings) -> None:
        """Take messages with the secrets of an app."""
        from slack_sdk.signature import SignatureVerifier
        from slack_sdk.web.async_client import AsyncWebClient

        self._inbox = inbox
        self._verifier = SignatureVerifier(settings.secret)
        self._client = AsyncWebClient(settings.token, base_url=settings.api)
        self._delivery = Delivery(SLACK, inbox.state.metrics)
        inbox.late.append(self._tell_late)

    async def hear(self, request: Request) -> Response:
        """Take a request of Slack's, and answer it before the bot's answer goes out: Slack waits for 3 s.

        Raises:
            Rejected: the message cannot be taken yet; Slack sends it again.
        """
        content = await request.body()
        if not self._is_signed(content, request):
            return JSONResponse({"detail": "the request is not signed by Slack, or is too old"}, 401)
        try:
            body = _body(content, request.headers.get("content-type", ""))
        except ValueError as error:
            return JSONResponse({"detail": printable(str(error))}, 400)
        if body.get("type") == "url_verification":
            return PlainTextResponse(str(body.get("challenge", "")))
        try:
            message = SlackMessage.of_event(body) or SlackMessage.of_button(body)
        except (AttributeError, TypeError) as error:
            return JSONResponse({"detail": f"not a request of Slack's: {error}"}, 400)
        parts = [] if message is None else await self._answer(message, is_again=_RETRY in request.headers)
        return Response(status_code=200, background=BackgroundTask(self._delivery.send, self._post, parts))

    def _is_signed(self, content: bytes, request: Request) -> bool:
        try:
            return bool(self._verifier.is_valid_request(content, dict(request.headers)))
        except (TypeError, ValueError):  # a time, a signature or a text that Slack never sends
            return False

    async def _answer(self, message: SlackMessage, is_again: bool) -> list[Json]:
        """Return the parts to post: the answer, or the reason without one; none if they are on their way."""
        try:
            reply = await self._inbox.take(SLACK, message.person, message.text, key=message.key)
        except Rejected as error:
            if is_again:
                raise
            said: Messages = (BotUttered(str(error)),)
        else:
            if not self._delivery.begins(message.person, message.key, reply):
                return []
            late = () if self._inbox.is_shared else reply.late  # the process that wrote them has posted them
            said = (*late, *reply.messages, *(BotUttered(printable(note)) for note in reply.notes))
        return [message.place | part for one in said for part in slack_parts(one)]

    async def _post(self, message: Json) -> None:
        from aiohttp import ClientError
        from slack_sdk.errors import SlackApiError

        try:
            await self._client.chat_postMessage(**message)
        except SlackApiError as error:
            raise _refusal(error.response) from None
        except (ClientError, OSError, TimeoutError) as error:
            raise DeliveryError(f"Slack cannot be reached: {type(error).__name__}") from None
        except (AttributeError, TypeError):  # the SDK expects an object of JSON in each successful response
            raise DeliveryError("Slack sent no JSON") from None

    async def _tell_late(self, person: str, late: Messages) -> bool:
        if not person.startswith(SLACK_PREFIX):
            return False
        place = {"channel": person.rpartition(" ")[2]}  # Slack takes a person for the channel with them alone
        await self._delivery.send(self._post, [place | part for one in late for part in slack_parts(one)])
        return True


def _refusal(response: Any) -> DeliveryError:
    """Return the error of a response; a proxy on the way, or Slack when it is down, sends no JSON."""
    content = getattr(response, "data", None)
    if isinstance(content, dict) and content.get("error"):
        reason = str(content["error"])
        return DeliveryError(f"Slack refused it: {reason}", reason not in _PASSING)
    status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0))
    is_refused = status >= 400 and is_final(status)
    return DeliveryError(f"Slack responded with status {status}, without a reason", is_refused)


def _person(team: object, user: object) -> str:
    return f"{SLACK_PREFIX}{team or '-'} {user}"


def _words(text: str, authorizations: object) -> str:
    """Return a text of Slack's as the person has typed it, without the mention that called the bot.

    Args:
        text: the text, in which `&`, `<` and `>` are escaped.
        authorizations: those of the event, with the id of the bot; without them the first mention is its own.
    """
    found = (
        [one for one in authorizations if isinstance(one, dict)] if isinstance(authorizations, list) else []
    )
    own = {str(one.get("user_id")) for one in found}

    def without_own(mention: re.Match[str]) -> str:
        is_own = mention[1] in own if own else not text[: mention.start()].strip()
        return "" if is_own else mention[0]

    return unescape(_MENTION.sub(without_own, text)).strip() or text


def _body(content: bytes, kind: str) -> dict[str, Any]:
    """Return the content of a request: an event, or an interaction, which comes in a form.

    Raises:
        ValueError: it is neither.
    """
    text = content.decode("utf-8", "replace")
    if kind.startswith("application/x-www-form-urlencoded"):
        text = parse_qs(text).get("payload", [""])[0]
    body = json.loads(text)
    if not isinstance(body, dict):
        raise ValueError("the body is not an object")
    return body


def slack_parts(message: BotUttered) -> list[Json]:
    """Return a message as arguments of `chat.postMessage`: its text with buttons, and its image."""
    parts: list[Json] = []
    text = escape((message.text or "").strip(), quote=False)[:_MOST_CHARACTERS]
    if buttons := buttons_of(message)[:_MOST_BUTTONS]:
        elements = [
            {
                "type": "button",
                "text": {"type": "plain_text", "text": button["title"][:75] or "-"},
                "value": button["payload"][:2000],
                "action_id": f"button {number}",
            }
            for number, button in enumerate(buttons)
        ]
        shown = [{"type": "section", "text": {"type": "mrkdwn", "text": text}}] if text else []
        actions: Json = {"type": "actions", "elements": elements}
        parts.append({"text": text or buttons[0]["title"], "blocks": [*shown, actions]})
    elif text:
        parts.append({"text": text})
    if image := message.data.get("image"):
        block = {"type": "image", "image_url": str(image), "alt_text": "image"}
        parts.append({"text": escape(str(image), quote=False), "blocks": [block]})
    return parts
