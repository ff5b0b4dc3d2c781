"""Runs actions, in process or on a server, and goes on whatever becomes of them."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
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
from dialogue_gym.conversation.events import Event
from dialogue_gym.conversation.wording import Speaker
from dialogue_gym.domain import Domain
from dialogue_gym.domain.model import LISTEN, RESTART

SECONDS = 10.0
"""How long an action server may take."""
_MAX_FAULTS = 3


@dataclass(frozen=True)
class ActionResult:
    """What an action did.

    `events` are of the kinds BotUttered, SlotSet and Restarted; they follow the action's own event.
    `note` is one line on what went wrong, if anything did.
    """

    events: tuple[Event, ...] = ()
    note: str | None = None


class ActionRunner:
    """Does what the actions of a domain do.

    The first of these that there is: the Python code that was given for an action; the action server, for
    an action that is no response; the words and the simulated effects that the domain declares; nothing.
    Where code or a server runs, the events that come back are all that happens: what the domain declares
    for the simulation is left out, also where they fail. Nothing but its declared words and effects is
    ever done for `action_listen` and `action_restart`.
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
            domain: what the conversations are of; each is read with its own, which may have grown.
            actions: classes, or instances of them, with `name()` and `run(dispatcher, tracker, domain)`.
            server: the address of an action server; without a path, `/webhook` is asked.
            seed: of the choice among several texts.
            seconds: how long the server may take. Python code in process takes as long as it takes.

        Raises:
            ActionError: something among `actions` is no action, or two have the same name.
        """
        self._actions = as_actions(actions)
        self._server = webhook(server) if server else None
        self._seconds = seconds
        self._domain = domain
        self._speaker = Speaker(domain, seed)

    @property
    def actions(self) -> Mapping[str, Action]:
        """The Python code, by the action's name."""
        return MappingProxyType(self._actions)

    @property
    def server(self) -> str | None:
        """The address of the action server, if there is one."""
        return self._server

    def reaches_out(self, name: str) -> bool:
        """Return whether code or a server does an action: it may change more than the conversation."""
        if name in (LISTEN, RESTART):
            return False
        return name in self._actions or (self._server is not None and is_remote(name, self._domain))

    def run(self, name: str, conversation: Conversation) -> ActionResult:
        """Return what an action does in a conversation, which stays as it is.

        It is asked for before the action's own event is appended; then come the events of the result.
        """
        if name not in (LISTEN, RESTART):
            if name in self._actions:
                return self._run_here(self._actions[name], name, conversation)
            if self._server and is_remote(name, conversation.domain):
                return self._run_there(self._server, name, conversation)
        return ActionResult(simulated_events(name, conversation, self._speaker))

    def _run_here(self, action: Action, name: str, conversation: Conversation) -> ActionResult:
        dispatcher, tracker = Dispatcher(), Tracker.of(conversation)
        domain = domain_json(conversation.domain)
        try:
            answer = action.run(dispatcher, tracker, domain)
            events = run_coroutine(answer) if inspect.isawaitable(answer) else answer
        except (Exception, SystemExit) as error:
            return ActionResult((), printable(f"{name}: {failure(error, action)}"))
        return self._read(name, conversation, dispatcher.messages, events)

    def _run_there(self, server: str, name: str, conversation: Conversation) -> ActionResult:
        try:
            answer = ask_server(server, name, conversation, self._seconds)
        except ServiceError as error:
            return ActionResult((), f"{name}: {error}")
        return self._read(name, conversation, answer.get("responses"), answer.get("events"))

    def _read(self, name: str, conversation: Conversation, messages: object, events: object) -> ActionResult:
        reader = ResponseReader(conversation, self._speaker)
        result = reader.read(messages, events)
        faults = reader.faults[:_MAX_FAULTS]
        if len(reader.faults) > _MAX_FAULTS:
            faults.append(f"and {len(reader.faults) - _MAX_FAULTS} more")
        return ActionResult(result, printable(f"{name}: {'; '.join(faults)}") if faults else None)
