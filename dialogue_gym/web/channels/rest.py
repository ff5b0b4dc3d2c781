"""Rasa's REST channel, and its callback channel, which posts the answers to an address instead.

Source: https://rasa.com/docs/rasa/connectors/your-own-website (both take sender and message; the REST channel
returns a list of messages with their recipient, the callback channel posts each of them).
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from typing import Annotated, Any, Protocol

import httpx
from fastapi import FastAPI, Header, HTTPException, Request, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.background import BackgroundTask
from starlette.responses import PlainTextResponse, Response

from dialogue_gym._text import printable, quoted
from dialogue_gym.conversation.events import BotUttered, Json
from dialogue_gym.conversation.wording import REST
from dialogue_gym.live.request_limits import Rejected
from dialogue_gym.live.turn import Reply
from dialogue_gym.web.access import bearer, network_of_client
from dialogue_gym.web.channels.delivery import Delivery, DeliveryError, is_final
from dialogue_gym.web.channels.inbox import Inbox
from dialogue_gym.web.channels.slack import SLACK_PREFIX
from dialogue_gym.web.paths import REST_WEBHOOK
from dialogue_gym.web.responses import ErrorBody, EscapedJSON
from dialogue_gym.web.visitors import PREFIX

WEBHOOK, CALLBACK_WEBHOOK = REST_WEBHOOK, "/webhooks/callback/webhook"
CALLBACK = "callback"
_TEXT: dict[str, Any] = {"minLength": 1, "pattern": r"\S"}
_RESERVED = {PREFIX: "the visitors' page", SLACK_PREFIX: "people in Slack"}
_CALLBACK_SECONDS = 10.0
"""The time for one attempt to post an answer."""
_TOKEN = Security(HTTPBearer(auto_error=False, scheme_name="token", description="token of a channel"))


class MessageBody(BaseModel):
    """A message of a sender."""

    model_config = ConfigDict(extra="ignore", strict=True)

    sender: str = Field(
        description="the sender: printable characters, always the same for one person",
        json_schema_extra=_TEXT | {"maxLength": 128},
    )
    message: str = Field(
        description="the message, as plain text or as /intent{...}",
        json_schema_extra=_TEXT | {"maxLength": 1000},
    )
    message_id: str | None = Field(
        None,
        description="the sender's own key of this message, as in the header Idempotency-Key",
        json_schema_extra={"maxLength": 256},
    )
    callback_url: str | None = Field(
        None,
        description="for the callback channel: one of the addresses that the server was started with; by"
        " default the first",
    )


class ReplyBody(BaseModel):
    """A message of the bot."""

    model_config = ConfigDict(extra="allow")

    recipient_id: str
    text: str | None = None


class MessageRoute(APIRoute):
    """A route of messages, on which ordinary ones go directly to the function that takes them.

    FastAPI's own way is general, and takes longer than all else that HTTP needs. It remains for what is not
    an ordinary message, and finds the reason.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the function that answers requests."""
        general, take = super().get_route_handler(), self.endpoint

        async def handle(request: Request) -> Response:
            if request.headers.get("content-type") == "application/json":
                try:
                    body = MessageBody.model_validate_json(await request.body())
                except ValidationError:
                    return await general(request)
                response: Response = await take(request, body, request.headers.get("idempotency-key"))
                return response
            return await general(request)

        return handle


IdempotencyKey = Annotated[
    str | None,
    Header(
        description="the sender's own key of this message: repeated with it, the message is answered as"
        " before, and written down once"
    ),
]


class Tokens(Protocol):
    """Finder of the channel that a token belongs to."""

    def __call__(self, token: str | None) -> str | None:
        """Return the channel's name, empty where no token is needed; None for a wrong token."""


def named_tokens(tokens: Mapping[str, str]) -> Tokens:
    """Return a finder for tokens by channel; with no tokens at all, none is needed."""

    def name_of(token: str | None) -> str | None:
        if not tokens:
            return ""
        given = (token or "").encode("utf-8", "surrogatepass")
        # All are compared, so that the time taken reveals nothing.
        found = [name for name, known in tokens.items() if hmac.compare_digest(known.encode(), given)]
        return found[0] if found else None

    return name_of


def add_rest(app: FastAPI, inbox: Inbox, tokens: Tokens, callbacks: Sequence[str] = ()) -> None:
    """Add the REST channel, and with addresses the callback channel.

    Args:
        app: the application.
        inbox: takes the messages.
        tokens: finds the channel of a token; a sender is known within their own channel alone.
        callbacks: the addresses to which answers may be posted: no others, nor those that they redirect to.
    """
    needs_token = [_TOKEN] if tokens(None) is None else []

    async def take(channel: str, request: Request, body: MessageBody, key: str | None) -> tuple[str, Reply]:
        name = tokens(bearer(request))
        if name is None:
            raise HTTPException(401, "missing or wrong channel token", {"www-authenticate": "Bearer"})
        for prefix, place in _RESERVED.items():
            if not name and body.sender.startswith(prefix):
                raise Rejected(400, f"sender: names that begin with {prefix!r} are those of {place}")
        sender = f"{name}/{body.sender}" if name else body.sender
        # A channel with a token is a program that this server knows, and has many people behind it.
        network = None if name else network_of_client(request)
        return sender, await inbox.take(channel, sender, body.message, network, key)

    @app.get("/webhooks/rest/")
    def alive() -> dict[str, str]:
        """Report that the channel is up."""
        return {"status": "ok"}

    async def talk(request: Request, body: MessageBody, idempotency_key: IdempotencyKey = None) -> Response:
        """Send a message; the bot's messages are returned.

        While a teacher has taken the conversation over, the list is empty: the messages that they choose are
        returned with the reply to the next message.
        """
        _, reply = await take(REST, request, body, _key(body, idempotency_key))
        return EscapedJSON(rest_messages(body.sender, reply))

    app.router.add_api_route(
        WEBHOOK,
        talk,
        methods=["POST"],
        response_model=list[ReplyBody],
        dependencies=needs_token,
        route_class_override=MessageRoute,
    )
    if not callbacks:
        return
    client = httpx.AsyncClient(timeout=_CALLBACK_SECONDS, follow_redirects=False, trust_env=False)
    delivery = Delivery(CALLBACK, inbox.state.metrics)

    @app.get("/webhooks/callback/")
    def callback_alive() -> dict[str, str]:
        """Report that the channel is up."""
        return {"status": "ok"}

    @app.post(
        CALLBACK_WEBHOOK,
        response_class=PlainTextResponse,
        dependencies=needs_token,
        responses={403: {"model": ErrorBody, "description": "unknown address, or request from another site"}},
    )
    async def call_back(
        request: Request, body: MessageBody, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """Send a message; the bot's messages are posted to an address, one after the other.

        The response comes once the message is on the disk, before they are posted.
        """
        url = callbacks[0] if body.callback_url is None else body.callback_url
        if url not in callbacks:  # the server must not be sent anywhere: not into its own network, either
            raise HTTPException(403, printable(f"callback_url {quoted(url)} is not one of this server's"))
        key = _key(body, idempotency_key)
        sender, reply = await take(CALLBACK, request, body, key)
        if not delivery.begins(sender, key, reply):
            return PlainTextResponse("success")

        async def post(message: Json) -> None:
            await _post(client, url, message)

        sending = BackgroundTask(delivery.send, post, rest_messages(body.sender, reply))
        return PlainTextResponse("success", background=sending)


def _key(body: MessageBody, header: str | None) -> str | None:
    # The draft of the standard has it in quotes, which many programs leave out.
    return body.message_id if header is None else header.strip().strip('"')


async def _post(client: httpx.AsyncClient, url: str, message: Json) -> None:
    body, head = EscapedJSON(message).body, {"content-type": "application/json"}
    try:
        response = await client.post(url, content=bytes(body), headers=head)
    except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
        raise DeliveryError(f"{url}: {type(error).__name__}") from None
    if not response.is_success:
        status = response.status_code
        raise DeliveryError(f"{url} responded with status {status}", is_final(status))


def rest_messages(recipient: str, reply: Reply) -> list[Json]:
    """Return an answer as Rasa's REST channel sends it."""
    notes = [BotUttered(printable(note)) for note in reply.notes]
    messages = (*reply.late, *reply.messages, *notes)
    return [{"recipient_id": recipient, **part} for message in messages for part in _parts(message)]


def _parts(message: BotUttered) -> Iterator[Json]:
    """Yield a message in its parts: paragraphs, or a text with buttons; then attachments."""
    data = message.data
    if buttons := data.get("quick_replies") or data.get("buttons"):
        yield ({} if message.text is None else {"text": message.text}) | {"buttons": buttons}
    elif message.text:
        yield from ({"text": paragraph} for paragraph in message.text.strip().split("\n\n"))
    for key in ("custom", "image", "attachment"):
        if data.get(key) and (key != "attachment" or data[key] != data.get("image")):
            yield {key: data[key]}
    for element in data.get("elements") or ():
        text = f"{element.get('title', '')} : {element.get('subtitle', '')}"
        yield {"text": text, "buttons": element.get("buttons", [])}
