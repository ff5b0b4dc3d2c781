"""Foreign bots: over Rasa's REST channel, a function, or an agent of this library.

Sources: https://legacy-docs-oss.rasa.com/docs/rasa/connectors/your-own-website#restinput (messages),
https://legacy-docs-oss.rasa.com/docs/rasa/pages/http-api (the tracker).
"""

from __future__ import annotations

import abc
import inspect
import urllib.parse
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dialogue_gym._http import NOT_SENT, UNREACHABLE, JsonClient, ServiceError, bearer, with_path
from dialogue_gym._text import quoted, visible
from dialogue_gym.chat import Bot
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import ActionExecuted, BotUttered
from dialogue_gym.conversation.wording import ATTACHMENTS, is_showable
from dialogue_gym.domain import Domain
from dialogue_gym.domain.default_names import FALLBACK_ACTION
from dialogue_gym.nlu.interpreter import Interpreter, InterpreterError, understand

WEBHOOK = "/webhooks/rest/webhook"
Answer = Callable[[str, str], Sequence[str] | Awaitable[Sequence[str]]]
"""A bot as a function: from a sender and a message to the texts of the answer."""


_MOST_CONVERSATIONS = 1000
_NO_LIST = "an answer that is not a list of messages"


class BotError(Exception):
    """Raised if a bot gives no usable answer. The message is one line.

    Attributes:
        kind: the kind of the fault, in the same words for all such faults.
        is_final: whether it shows that there is no bot, if it comes at once.
    """

    def __init__(self, message: str, kind: str, is_final: bool = False) -> None:
        """Keep the kind."""
        super().__init__(message)
        self.kind = kind
        self.is_final = is_final


@dataclass(frozen=True)
class BotReply:
    """The answer of a bot.

    Attributes:
        messages: the messages that the user got.
        done: the actions by the bot's tracker, without those before this turn; None if there is no tracker.
    """

    messages: tuple[BotUttered, ...]
    done: tuple[str, ...] | None = None


class ForeignBot(abc.ABC):
    """A bot that is talked to.

    Attributes:
        name: its name in reports.
        jobs: the number of conversations at the same time, unless somebody wishes otherwise.
        domain: its domain if it is known better than the caller's, such as one with additions of a store.
        notes: remarks on it, for the report.
    """

    name: str
    jobs: int = 1
    domain: Domain | None = None

    def __init__(self) -> None:
        """Begin without remarks."""
        self.notes: list[str] = []

    @abc.abstractmethod
    async def reply(self, sender: str, message: str) -> BotReply:
        """Return the answer to a message.

        Raises:
            BotError: there is none, or none that can be used.
        """

    async def close(self) -> None:  # noqa: B027
        """Close connections, if there are any."""


class RestBot(ForeignBot):
    """A bot on a server with Rasa's REST channel, and perhaps its tracker."""

    jobs = 16

    def __init__(self, url: str, timeout: float = 10.0, token: str | None = None, jobs: int = 16) -> None:
        """Prepare to send; nothing is sent yet.

        Args:
            url: the address of the server; a query, such as `?token=...`, is sent with each request.
            timeout: the seconds that an answer may take.
            token: a token that is sent as a bearer.
            jobs: the number of connections at the same time.

        Raises:
            ValueError: the token cannot be sent in a header.
            ImportError: httpx is missing; the message has the command that installs it.
        """
        super().__init__()
        self.name = visible(url.partition("?")[0])
        self._base = url.replace(WEBHOOK, "")
        self._url = with_path(url, WEBHOOK)
        self._timeout = timeout
        self._client = JsonClient(jobs, bearer(token, "the bot's token"))
        self._has_tracker: bool | None = None

    async def reply(self, sender: str, message: str) -> BotReply:
        """Send a message, and read the tracker if there is one."""
        try:
            content = await self._client.request(
                "POST", self._url, self._timeout, {"sender": sender, "message": message}
            )
        except ServiceError as error:
            detail = error.body.get("detail") if isinstance(error.body, Mapping) else None
            reason = f": {visible(detail)}" if isinstance(detail, str) else ""
            is_final = error.kind in (UNREACHABLE, NOT_SENT) or error.status in (401, 403, 404, 405)
            raise BotError(f"{error}{reason}", error.kind, is_final) from None
        messages = _read_messages(_listed(content), sender)
        return BotReply(messages, await self._done(sender))

    async def _done(self, sender: str) -> tuple[str, ...] | None:
        """Return the actions since the last message, by the tracker; None if it cannot be read."""
        if self._has_tracker is False:
            return None
        path = f"/conversations/{urllib.parse.quote(sender, safe='')}/tracker"
        url = with_path(self._base, path)
        try:
            tracker = await self._client.request("GET", _with_all_events(url), self._timeout)
            done = _actions_of(tracker)
        except ServiceError as error:
            done, reason = None, error.kind
        else:
            reason = "it has no list of events"
        if done is None:
            if self._has_tracker is None:
                self.notes.append(f"no tracker ({reason}): the bot's actions are read from its texts")
                self._has_tracker = False
            elif (note := f"a tracker could not be read ({reason})") not in self.notes:
                self.notes.append(note)
            return None
        if self._has_tracker is None:
            self._has_tracker = True
            self.notes.append("the bot's actions are read from its tracker")
        return done

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


class FunctionBot(ForeignBot):
    """A bot that is a function, called for one message at a time, or while an asynchronous one waits."""

    def __init__(self, answer: Answer, name: str | None = None) -> None:
        """Wrap a function, which may be asynchronous."""
        super().__init__()
        self.name = name or str(getattr(answer, "__name__", type(answer).__name__))
        self._answer = answer

    async def reply(self, sender: str, message: str) -> BotReply:
        """Call the function; an error in it is a fault of the bot."""
        try:
            texts = self._answer(sender, message)
            if inspect.isawaitable(texts):
                texts = await texts
        except Exception as error:
            kind = f"the bot raised {type(error).__name__}"
            raise BotError(f"{kind}: {visible(str(error))}", kind) from error
        if isinstance(texts, str) or not isinstance(texts, Sequence):
            raise BotError(f"the bot returned {quoted(repr(texts))}, not a list of texts", _NO_LIST)
        return BotReply(_read_messages(texts, sender))


class AgentBot(ForeignBot):
    """An agent of this library that understands sentences, acts and talks in this process."""

    def __init__(self, name: str, bot: Bot, interpreter: Interpreter) -> None:
        """Join the bot and its interpreter."""
        super().__init__()
        self.name = name
        self.domain = bot.domain
        self._bot = bot
        self._interpreter = interpreter
        self._conversations: dict[str, Conversation] = {}

    async def reply(self, sender: str, message: str) -> BotReply:
        """Let the bot answer; each sender has a conversation, until many others have come."""
        conversation = self._conversations.pop(sender, None) or Conversation(
            self._bot.domain, sender_id=sender
        )
        self._conversations[sender] = conversation
        if len(self._conversations) > _MOST_CONVERSATIONS:
            del self._conversations[next(iter(self._conversations))]
        try:
            heard = understand(self._interpreter, message, self._bot.domain)
        except InterpreterError as error:
            raise BotError(str(error), "the bot cannot interpret a message") from None
        first = len(conversation)
        self._bot.reply(conversation, heard)
        events = conversation.events[first:]
        said = tuple(event for event in events if isinstance(event, BotUttered))
        if any(event.writer == FALLBACK_ACTION for event in said):
            return BotReply(said, (FALLBACK_ACTION,))
        return BotReply(said, tuple(event.name for event in events if isinstance(event, ActionExecuted)))


def _listed(content: Any) -> list[Any]:
    if not isinstance(content, list):
        raise BotError(f"the bot sent {quoted(repr(content))}, not a list of messages", _NO_LIST)
    return content


def _read_messages(contents: Sequence[Any], sender: str) -> tuple[BotUttered, ...]:
    """Return messages, each a text or Rasa's object, without those that are empty."""
    messages = (_read_message(content, sender) for content in contents)
    return tuple(message for message in messages if (message.text or "").strip() or message.data)


def _read_message(content: Any, sender: str) -> BotUttered:
    if isinstance(content, str):
        return BotUttered(content)
    if not isinstance(content, Mapping) or not isinstance(content.get("text"), str | None):
        raise BotError(f"the bot sent {quoted(repr(content))} among its messages", _NO_LIST)
    if content.get("recipient_id") not in (None, sender):
        recipient = quoted(str(content["recipient_id"]))
        raise BotError(f"a message to {quoted(sender)} is for {recipient}", "a message for somebody else")
    attached = {key: one for key in ATTACHMENTS if (one := content.get(key)) and is_showable(key, one)}
    return BotUttered(content.get("text"), attached)


def _with_all_events(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    query = "&".join(filter(None, [parts.query, "include_events=ALL"]))
    return urllib.parse.urlunsplit(parts._replace(query=query))


def _actions_of(tracker: Any) -> tuple[str, ...] | None:
    """Return the actions after the user's last message; None if this is not a tracker."""
    events = tracker.get("events") if isinstance(tracker, Mapping) else None
    if not isinstance(events, list) or not all(isinstance(event, Mapping) for event in events):
        return None
    names: list[str] = []
    has_message = False
    for event in events:
        kind, name = event.get("event"), event.get("name")
        if kind == "user":
            names, has_message = [], True
        elif kind == "action" and isinstance(name, str):
            names.append(name)
        elif kind == "action_execution_rejected" and names and names[-1] == name:
            names.pop()
    return tuple(names) if has_message else None
