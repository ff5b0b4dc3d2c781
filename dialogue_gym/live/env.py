"""The environment with a person as its user, `DialogueLive-v0`, and its channels to the person."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import gymnasium as gym

from dialogue_gym.actions import ActionRunner
from dialogue_gym.chat import is_restart
from dialogue_gym.conversation.bot_state import with_user
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import ActionExecuted, BotUttered, UserUttered
from dialogue_gym.conversation.transcripts import message_lines
from dialogue_gym.domain import Domain, load_domain
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.envs.observation_form import Observation
from dialogue_gym.envs.state import DialogueState
from dialogue_gym.journal.entry import PERSON
from dialogue_gym.journal.store import Store
from dialogue_gym.live.conversations import PREFIX
from dialogue_gym.live.decision import LiveDecision
from dialogue_gym.live.reward import LiveReward
from dialogue_gym.live.trace import Trace
from dialogue_gym.live.transitions import FAILURE, SUCCESS, TRUNCATED
from dialogue_gym.live.turn import Turn
from dialogue_gym.live.waits import finish
from dialogue_gym.nlu.interpreter import FixedFormatInterpreter, Interpreter, InterpreterError
from dialogue_gym.rules import tables

_ENDS = {None: 0, SUCCESS: tables.SUCCESS, FAILURE: tables.FAILURE, TRUNCATED: 0}


class PersonLeft(Exception):
    """No person is left to talk to, so that no conversation begins."""


class DialogueLiveEnv(DialogueEnv):
    """A dialogue with a person.

    ## Description
    `reset` begins a conversation and waits for the person's first words; `step` lets the bot do one action,
    shows its messages, and if that hands the turn over, waits for the person to type. Between two calls
    nobody waits.

    ## Action Space
    As in `DialogueEnv`, for the same domain and turn taking.

    ## Observation Space
    As in `DialogueEnv`, so that an agent that was trained on the fake user goes on with people.

    ## Starting State
    The observation after the person's first message. If the person has left, no conversation begins, and the
    next `step` raises `PersonLeft`. (`reset` does not: many learners reset before they process the step that
    ended the last conversation.)

    ## Rewards
    As in `DialogueEnv`: `success` when the person has what they wanted, `failure` when they leave before,
    `step` at each step. Only `useless` stays 0, as it cannot be known. The wrapper `HumanReward` replaces
    all of it by a person's own judgement.

    ## Episode End
    Terminated when the person has what they wanted (success), leaves, or types `/restart` (failure). Without
    a fake user in the domain people's wishes are unknown, and only they end a conversation. Truncated
    as in `DialogueEnv`.

    ## Information
    As in `DialogueEnv`.

    ## Arguments
    - `domain`: path of a domain file, name of a built-in domain, or a `Domain`; it needs no fake user.
    - `channel`: to the person: a `Channel`, or a function from the lines since its last call to the text that
      the person types, or None if they have left. By default the terminal.
    - `interpreter`: understands the messages; by default messages are acts in the fixed format.
    - `runner`: of the actions; by default as the domain declares them.
    - `journal`: the `Store` that the conversations are written to, from which `dialogue-gym live` learns as
      well; without it each is forgotten when the next one begins.
    - `turn_taking`, `max_history`, `reward`, `max_episode_steps`, `render_mode`: as in `DialogueEnv`. (So are
      the others, which are about the fake user, and change nothing here. `compiled=True` is refused.)

    ## Version History
    - v0: initial version.

    Raises:
        DomainError: the domain file cannot be used.
        TypeError: the channel is neither a `Channel` nor a function.
        ValueError: an argument is out of bounds; the message names the argument.
    """

    def __init__(
        self,
        domain: Domain | str | Path,
        channel: Channel | Answer | None = None,
        *,
        interpreter: Interpreter | None = None,
        runner: ActionRunner | None = None,
        journal: Store | None = None,
        **arguments: Any,
    ) -> None:
        """Read the domain, and connect to the person."""
        if arguments.get("compiled"):
            raise ValueError("compiled=True: must be False here, since a person plays by no rules")
        super().__init__(with_user(load_domain(domain)), **arguments)
        self._channel = _channel_to(TerminalChannel() if channel is None else channel)
        self._interpreter = interpreter or FixedFormatInterpreter(self.domain)
        self._runner = runner or ActionRunner(self.domain)
        self._journal = journal
        self._temporary: Store | None = None
        self._number = 0
        self._turn: Turn | None = None
        self._is_over, self._has_left = True, False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin a conversation, and wait for the person's first words; a seed does not affect them.

        Raises:
            ValueError: there are options.
            StoreError: the journal could not be written.
        """
        if options:
            raise ValueError(f"options={options!r}: must be None, since a person cannot be chosen")
        gym.Env.reset(self, seed=seed)
        if self._turn is not None and not self._is_over:
            self._end(self._turn, TRUNCATED)
        message = self._message(begins=True)
        if self._journal is None:
            self._close_temporary()
            self._temporary = Store.in_memory()
        journal = self._journal or self._temporary
        assert journal is not None
        # Others may have begun conversations in the same journal, whose names are never used again.
        number = max(self._number, journal.last_number(PREFIX)) + 1
        trace = Trace(self.domain, f"{PREFIX}{number}", LiveReward.of(self.domain))
        self._turn = Turn(trace, journal, self._runner, self.settings.turn_taking)
        self._has_left = self._is_over = message is None
        self._rendering.begin()
        self._view.begin()
        if message is not None:
            self._number = number
            self._turn.begin(PERSON)
            self._turn.add_message(message)
            finish(self._turn.write())
            self._show_if_human()
        return self._seen(), self._info(self._turns)

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Do one action, and wait for the person if it hands the turn over.

        Raises:
            PersonLeft: the person has left.
            StoreError: a message could not be written down.
            ValueError: the action is unknown.
            gymnasium.error.ResetNeeded: the conversation is over.
        """
        index = self._action_index(action)
        if self._has_left:
            raise PersonLeft("the person has left, and no conversation has begun")
        if self._is_over or self._turn is None:
            raise gym.error.ResetNeeded("the conversation is over: call reset() before step()")
        turn = self._turn
        name = self.domain.actions[index]
        events = 0 if turn.conversation.is_possible(name) else tables.INVALID
        result = finish(turn.do(LiveDecision(name)))
        finish(turn.write())  # before the person learns of it
        for event in result.events:
            if isinstance(event, BotUttered):
                for line in message_lines(event):
                    self._channel.show(line)
        if result.note:
            self._channel.note(result.note)
        events |= tables.TURN if turn.is_users_turn else 0
        outcome = self._outcome(turn)
        events |= _ENDS[outcome]
        reward, terms = self.reward_terms.earned(events, index - self.first_action)
        observation = self._seen()
        info = self._info(self._turns, outcome == SUCCESS, terms)
        if outcome is None:
            finish(turn.write())
        else:
            self._end(turn, outcome)
        self._show_if_human()
        return observation, reward, outcome in (SUCCESS, FAILURE), outcome == TRUNCATED, info

    def close(self) -> None:
        """Close the environment, and end its conversation; a store that it was given stays open."""
        if self._turn is not None and not self._is_over:
            self._end(self._turn, TRUNCATED)
        self._close_temporary()
        super().close()

    def _close_temporary(self) -> None:
        if self._temporary is not None:
            self._temporary.close()

    def _outcome(self, turn: Turn) -> str | None:
        """Wait for the person if it is their turn; return the outcome, if the conversation has ended."""
        if not turn.is_over and turn.is_users_turn:
            message = self._message()
            if message is None:
                return FAILURE
            turn.add_message(message)
        if turn.is_over:
            return SUCCESS
        done = sum(isinstance(event, ActionExecuted) for event in turn.conversation.events)
        return TRUNCATED if done >= self._simulation.step_limit else None

    def _message(self, begins: bool = False) -> UserUttered | None:
        """Wait for a message that can be understood; None if the person leaves, or restarts."""
        while (text := self._channel.read()) is not None:
            if is_restart(text, self.domain):
                if begins:
                    continue
                return None
            try:
                return self._interpreter.parse(text).message
            except InterpreterError as error:
                self._channel.note(str(error))
        return None

    def _end(self, turn: Turn, outcome: str) -> None:
        turn.end(outcome)
        finish(turn.write())
        self._is_over = True

    def _show_if_human(self) -> None:
        if self.render_mode == "human":
            self._rendering.print_new(self.conversation)

    def _seen(self) -> Observation:
        self._simulation.set_bot_half(self.conversation)
        return self._observe()

    @property
    def _turns(self) -> int:
        return sum(isinstance(event, UserUttered) for event in self.conversation.events)

    @property
    def conversation(self) -> Conversation:
        """The conversation so far in words.

        Raises:
            gymnasium.error.ResetNeeded: none has begun.
        """
        if self._turn is None:
            raise gym.error.ResetNeeded("no conversation has begun: call reset() first")
        return self._turn.conversation

    def get_state(self) -> DialogueState:
        """Refuse: a person cannot be brought back to an earlier moment.

        Raises:
            TypeError: always.
        """
        raise TypeError("a conversation with a person has no state to come back to")

    def set_state(self, state: DialogueState) -> tuple[Observation, dict[str, Any]]:
        """Refuse: a person cannot be brought back to an earlier moment.

        Raises:
            TypeError: always.
        """
        raise TypeError("a conversation with a person has no state to come back to")

    def replace_last_message(self, message: UserUttered) -> tuple[Observation, dict[str, Any]]:
        """Refuse: the message of a person is on record.

        Raises:
            TypeError: always.
        """
        raise TypeError("a person's message cannot be replaced: give the environment another interpreter")


Answer = Callable[[list[str]], str | None]
"""A person as a function: from the lines shown to them to the text that they type."""


@runtime_checkable
class Channel(Protocol):
    """A channel to a person and back."""

    def show(self, line: str) -> None:
        """Show a line of the bot."""

    def note(self, note: str) -> None:
        """Show a note that is not from the bot: that a text was not understood, say."""

    def read(self) -> str | None:
        """Wait for a text of the person; None if they have left."""


def _channel_to(given: Any) -> Channel:
    if isinstance(given, Channel):
        return given
    if callable(given):
        return FunctionChannel(given)
    raise TypeError(f"channel={given!r}: must be a Channel, or a function from lines to a text")


class TerminalChannel:
    """A channel to someone at the terminal, or a file of lines."""

    def show(self, line: str) -> None:
        """Print a line of the bot."""
        print(f"bot   {line}", flush=True)

    def note(self, note: str) -> None:
        """Print a note in brackets."""
        print(f"({note})", flush=True)

    def read(self) -> str | None:
        """Read a line; None at the end of the input."""
        try:
            return input("you > ")
        except EOFError:
            return None


class FunctionChannel:
    """A channel to a function."""

    def __init__(self, answer: Answer) -> None:
        """Take the function."""
        self._answer = answer
        self._lines: list[str] = []

    def show(self, line: str) -> None:
        """Keep a line for the next call."""
        self._lines.append(line)

    def note(self, note: str) -> None:
        """Keep a note for the next call."""
        self._lines.append(f"({note})")

    def read(self) -> str | None:
        """Return the function's answer."""
        lines, self._lines = self._lines, []
        return self._answer(lines)
