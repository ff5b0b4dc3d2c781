"""Runner of actions, in process or on a server; their failures do not end the conversation."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import functools
import inspect
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType

from dialogue_gym._http import ServiceError, run_coroutine
from dialogue_gym._text import printable
from dialogue_gym.actions.loader import as_actions, failure
from dialogue_gym.actions.payloads import domain_json
from dialogue_gym.actions.responses import ResponseReader
from dialogue_gym.actions.sdk import Action, Dispatcher, Tracker
from dialogue_gym.actions.webhook import ask_server, is_remote, webhook
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.effects import simulated_events
from dialogue_gym.conversation.events import WRITER, BotUttered, Event
from dialogue_gym.conversation.form import form_actions, form_events, form_of
from dialogue_gym.conversation.wording import Speaker
from dialogue_gym.domain import Domain
from dialogue_gym.domain.default_names import DEFAULT_ACTIONS, FALLBACK_ACTION
from dialogue_gym.domain.model import LISTEN, RESTART
from dialogue_gym.domain.slot import Form

SECONDS = 10.0
"""The deadline of an action server."""
THREADS = 64
"""Actions in Python that run at the same time in a server; further ones wait."""
NOT_UNDERSTOOD = "Sorry, I did not understand that. Please say it in other words."
"""The answer to a message that was not understood, where the domain has none."""
_REPHRASES = ("utter_fallback", "utter_rephrase", "utter_ask_rephrase", "utter_please_rephrase")
_MAX_FAULTS = 3
_NOT_FOUND = 404


@dataclass(frozen=True)
class ActionResult:
    """The result of an action.

    `events` are BotUttered, SlotSet, ActiveLoop and Restarted, and follow the action's own event.
    `note` is one line about a failure; None without one.
    """

    events: tuple[Event, ...] = ()
    note: str | None = None


class ActionRunner:
    """Runner of the actions of a domain, and of its forms.

    An action is run by the first of these that exists: its Python code; the action server, unless the action
    is a response; the texts and simulated effects that the domain declares. If code or a server runs, its
    events are all that happens: the effects declared for the simulation are left out, even if it fails.
    `action_listen` and `action_restart` never run code, and have only their declared texts and effects. The
    other actions of Rasa's own say their response: `utter_default` for `action_default_fallback`.
    """

    def __init__(
        self,
        domain: Domain,
        actions: Iterable[type | Action] = (),
        server: str | None = None,
        seed: int = 0,
        seconds: float = SECONDS,
    ) -> None:
        """Prepare to run actions.

        Args:
            domain: the domain of the conversations, each of which may have an extended copy of it.
            actions: classes, or instances of them, with `name()` and `run(dispatcher, tracker, domain)`.
            server: the address of an action server; the path defaults to `/webhook`.
            seed: the seed of the choice among several texts.
            seconds: the deadline of the server. Python code in process has none.

        Raises:
            ActionError: an element of `actions` is not an action, or two have the same name.
        """
        self._actions = as_actions(actions)
        self._server = webhook(server) if server else None
        self._seconds = seconds
        self._domain = domain
        self._speaker = Speaker(domain, seed)
        self._is_steady = False

    def use_domain(self, domain: Domain) -> None:
        """Run the actions of a domain that has grown."""
        self._domain = domain

    @property
    def actions(self) -> Mapping[str, Action]:
        """The Python actions, by name."""
        return MappingProxyType(self._actions)

    @property
    def server(self) -> str | None:
        """The address of the action server; None without one."""
        return self._server

    def reaches_out(self, name: str) -> bool:
        """Return whether code or a server runs an action, and may change more than the conversation."""
        if name in (LISTEN, RESTART):
            return False
        if form := form_of(self._domain, name):
            return any(map(self.reaches_out, form_actions(self._domain, form)))
        return name in self._actions or (self._server is not None and is_remote(name, self._domain))

    def choose_steadily(self) -> None:
        """Choose among several texts by the point of the conversation alone.

        Then other conversations, which this runner has as well, change nothing between a preview and the act.
        """
        self._is_steady = True

    def _speaker_in(self, conversation: Conversation) -> Speaker:
        if not self._is_steady:
            return self._speaker
        return self._speaker.at(f"{conversation.sender_id} {len(conversation.events)}")

    def copy(self) -> ActionRunner:
        """Return a runner of the same actions that chooses among several texts independently of this one."""
        other = copy.copy(self)
        other._speaker = self._speaker.copy()
        return other

    def foresee(self, name: str, conversation: Conversation) -> tuple[Event, ...] | None:
        """Return the events that `run` would return now; None if code or a server would run."""
        return None if self.reaches_out(name) else self.copy().run(name, conversation).events

    def run(self, name: str, conversation: Conversation) -> ActionResult:
        """Run an action and return its result; the conversation is not changed.

        Run an action before its own event is appended to the conversation, followed by the events of the
        result.
        """
        if name not in (LISTEN, RESTART):
            if name in self._actions:
                return self._run_here(self._actions[name], name, conversation)
            if form := form_of(conversation.domain, name):
                return self._run_form(form, conversation)
            if self._server and is_remote(name, conversation.domain):
                return run_coroutine(self._run_there(self._server, name, conversation))
        return ActionResult(simulated_events(name, conversation, self._speaker_in(conversation)))

    async def run_later(self, name: str, conversation: Conversation) -> ActionResult:
        """Run an action beside an event loop, as `run` otherwise.

        A server is asked without a thread, so that any number of conversations can wait for it. Python code
        and forms run in threads, of which there are `THREADS`.
        """
        has_code = name in self._actions or form_of(conversation.domain, name)
        if self._server is None or has_code or not self._is_remote(name, conversation):
            return await asyncio.get_running_loop().run_in_executor(_threads(), self.run, name, conversation)
        return await self._run_there(self._server, name, conversation)

    def _is_remote(self, name: str, conversation: Conversation) -> bool:
        return name not in (LISTEN, RESTART) and is_remote(name, conversation.domain)

    def _run_form(self, form: Form, conversation: Conversation) -> ActionResult:
        notes: list[str] = []

        def run(action: str, so_far: Conversation) -> tuple[Event, ...]:
            result = self.run(action, so_far)
            notes.extend([result.note] if result.note else [])
            return result.events

        events = form_events(form, conversation, run)
        return ActionResult(events, "; ".join(notes) or None)

    def fall_back(self, conversation: Conversation) -> ActionResult:
        """Return the answer to a message that was not understood, which no decision of the bot's led to.

        It is that of `action_default_fallback`. If that says nothing, a response of the domain that asks to
        rephrase answers, or else a plain sentence.
        """
        return self.as_fallback(self.run(FALLBACK_ACTION, conversation), conversation)

    def as_fallback(self, result: ActionResult, conversation: Conversation) -> ActionResult:
        """Return the answer of `fall_back`, given the result of `action_default_fallback`."""
        events = list(result.events)
        if not any(isinstance(event, BotUttered) for event in events):
            asks = (name for name in _REPHRASES if conversation.domain.texts(name))
            said = self.run(name, conversation).events if (name := next(asks, None)) else ()
            events += said or (BotUttered(NOT_UNDERSTOOD),)
        marked = (
            dataclasses.replace(event, data={**event.data, WRITER: FALLBACK_ACTION})
            if isinstance(event, BotUttered)
            else event
            for event in events
        )
        return ActionResult(tuple(marked), result.note)

    def _run_here(self, action: Action, name: str, conversation: Conversation) -> ActionResult:
        dispatcher, tracker = Dispatcher(), Tracker.of(conversation)
        domain = domain_json(conversation.domain)
        try:
            response = action.run(dispatcher, tracker, domain)
            events = run_coroutine(response) if inspect.isawaitable(response) else response
        except (Exception, SystemExit) as error:  # any code of the user's: a chat must survive it
            return ActionResult((), printable(f"{name}: {failure(error, action)}"))
        return self._read(name, conversation, dispatcher.messages, events)

    async def _run_there(self, server: str, name: str, conversation: Conversation) -> ActionResult:
        try:
            response = await ask_server(server, name, conversation, self._seconds)
        except ServiceError as error:
            if error.status == _NOT_FOUND and name in DEFAULT_ACTIONS:
                return ActionResult(simulated_events(name, conversation, self._speaker_in(conversation)))
            return ActionResult((), f"{name}: {error}")
        return self._read(name, conversation, response.get("responses"), response.get("events"))

    def _read(self, name: str, conversation: Conversation, messages: object, events: object) -> ActionResult:
        reader = ResponseReader(conversation, self._speaker_in(conversation))
        result = reader.read(messages, events)
        faults = reader.faults[:_MAX_FAULTS]
        if len(reader.faults) > _MAX_FAULTS:
            faults.append(f"and {len(reader.faults) - _MAX_FAULTS} more")
        return ActionResult(result, printable(f"{name}: {'; '.join(faults)}") if faults else None)


@functools.cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, "action")
