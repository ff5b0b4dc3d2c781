"""A person's chat with a bot: from each typed line to the lines to show. No input or output."""

from __future__ import annotations

from collections.abc import Sequence

from dialogue_gym._text import counted, printable
from dialogue_gym.actions import ActionRunner
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import ActionExecuted, BotUttered, Event, Restarted, UserUttered
from dialogue_gym.conversation.slot_filling import value_notes
from dialogue_gym.conversation.transcripts import OUTCOMES, message_lines, shown_value
from dialogue_gym.conversation.turns import before_last_turn, has_ended, new_session
from dialogue_gym.conversation.wording import TERMINAL
from dialogue_gym.domain import Domain
from dialogue_gym.domain.default_names import BACK, command_of
from dialogue_gym.domain.model import LISTEN, RESTART
from dialogue_gym.nlu.indifference import with_question
from dialogue_gym.nlu.interpreter import Interpreter, InterpreterError, understand
from dialogue_gym.policies.agent import Agent
from dialogue_gym.stories.rulebook import RuleBook

RESTART_COMMAND, BACK_COMMAND = "/restart", "/back"
_SHOWN_ACTIONS = 4
_SHOWN_CHARACTERS = 70
_BAR = 20


class Chat:
    """A chat with a bot, one conversation after another."""

    def __init__(self, bot: Bot, interpreter: Interpreter) -> None:
        """Begin a conversation."""
        self.bot = bot
        self.interpreter = interpreter
        self.conversation = Conversation(bot.domain)

    def handle(self, text: str) -> list[str]:
        """Handle a typed line; return the lines to show."""
        if not text.strip():
            return []
        try:
            message = understand(self.interpreter, text, self.bot.domain, TERMINAL)
        except InterpreterError as error:
            return [f"({error})"]
        if (command := command_of(self.bot.domain, message.intent)) is not None:
            return self._obey(command, message)
        if self.conversation.outcome:
            self.conversation = Conversation(self.bot.domain)
        message = with_question(message, self.conversation)
        first = len(self.conversation) + 1
        about_values = value_notes(self.bot.domain, message, self.conversation.loop)
        notes = self.bot.reply(self.conversation, message)
        done = self.conversation.events[first:]
        lines = turn_lines(done) if self.bot.decides else understood(message)
        lines += [f"({printable(note)})" for note in (*about_values, *notes)]
        if self.conversation.outcome:
            turns = sum(isinstance(event, UserUttered) for event in self.conversation.events)
            lines.append(f"--- {OUTCOMES[self.conversation.outcome]}, after {counted(turns, 'turn')} ---")
        return lines

    def _obey(self, command: str, message: UserUttered) -> list[str]:
        """Do a default action: start over, go back by a turn, or begin a session with the slots so far."""
        asked = Conversation(self.bot.domain, (*self.conversation.events, message))
        lines = turn_lines(self.bot.runner.run(command, asked).events)
        if command == RESTART:
            self.conversation.append(Restarted())
            return [*lines, "(all is forgotten, and a new conversation begins)"]
        if command == BACK:
            note = taken_back(self.conversation)
            self.conversation = Conversation(self.bot.domain, before_last_turn(self.conversation))
            return [*lines, note]
        self.conversation.extend(new_session(self.conversation))
        return [*lines, "(a new session begins)"]

    def explain(self) -> list[str]:
        """Return the bot's last understanding, its slots, and its last ranking of actions."""
        lines = explain(self.conversation, self.bot.agent)
        if self.bot.agent is None and self.bot.decides:
            lines[-1] = "thought     nothing: this bot has no agent, it goes by its rules"
        return lines


def explain(conversation: Conversation, agent: Agent | None) -> list[str]:
    """Return the bot's last understanding, its slots, and its last ranking of actions."""
    message = conversation.latest_message
    act = "nothing yet" if message is None else f"{printable(message.act)} ({message.confidence:.2f})"
    lines = [f"understood  {act}"]
    for name, value in conversation.slots.items():
        lines.append(f"slot        {name}: {shown_value(value, _SHOWN_CHARACTERS)}")
    if conversation.search is not None:
        lines += [f"{title:<11} {printable(text)}" for title, text in conversation.search.lines()]
    if agent is None:
        return [*lines, "thought     nothing: this bot has no agent, it only listens"]
    events = conversation.events
    decided = [i for i, event in enumerate(events) if isinstance(event, ActionExecuted)]
    before = Conversation(conversation.domain, events[: decided[-1]] if decided else events)
    has_probabilities, found = agent.rank_actions(before)
    width = max(len(score.action) for score in found[:_SHOWN_ACTIONS])
    for score in found[:_SHOWN_ACTIONS]:
        bar = "#" * round(_BAR * score.number) if has_probabilities else ""
        impossible = "" if score.is_possible else "(not possible)"
        line = f"thought     {score.action:<{width}}  {score.number:6.2f} {bar}{impossible}"
        lines.append(line.rstrip())
    if not has_probabilities:
        lines.append("            (values, not probabilities: the return that this agent expects)")
    return lines


def is_restart(text: str, domain: Domain) -> bool:
    """Return whether a text is the restart command, unless the domain has an intent of that name."""
    return text.strip() == RESTART_COMMAND and "restart" not in domain.intents


def is_back(text: str, domain: Domain) -> bool:
    """Return whether a text is the command to go back by a turn, unless the domain has such an intent."""
    return text.strip() == BACK_COMMAND and "back" not in domain.intents


def taken_back(conversation: Conversation) -> str:
    """Return a note for the command to go back by a turn, in a conversation as it was before."""
    has_message = any(isinstance(event, UserUttered) for event in conversation.events)
    return "(your last message is taken back)" if has_message else "(there is nothing to take back)"


def understood(message: UserUttered) -> list[str]:
    """Return a note if a message was not understood."""
    return [] if message.intent else ["(the bot did not understand that)"]


def turn_lines(done: Sequence[Event]) -> list[str]:
    """Return the lines to show for the bot's turn: its messages, or a note that it was silent."""
    messages = [event for event in done if isinstance(event, BotUttered)]
    lines = [f"bot   {line}" for message in messages for line in message_lines(message)]
    actions = [event.name for event in done if isinstance(event, ActionExecuted) and event.name != LISTEN]
    if lines or not done:
        return lines
    if actions:
        return [f"(the bot runs {', '.join(actions)} and sends no message)"]
    return ["(the bot listens and sends no message)"]


class Bot:
    """A bot that replies to a user's messages; without an agent it only listens."""

    def __init__(
        self, domain: Domain, agent: Agent | None, runner: ActionRunner, rules: RuleBook | None = None
    ) -> None:
        """Join the agent that decides, the runner that acts, and the rules, by default those of the agent."""
        self.rules = rules or (agent.rules if agent else None) or RuleBook(domain)
        self.domain = domain
        self.agent = agent
        self.runner = runner

    def reply(self, conversation: Conversation, message: UserUttered) -> list[str]:
        """Append a user's message to a conversation, and the bot's actions until it listens again.

        As in an environment, it listens by an action or, with automatic turn taking, once it has spoken,
        and after ten actions anyway. If the user has what they wanted, the outcome is recorded.

        Returns:
            Notes about failures, for people to read.
        """
        conversation.append(message)
        notes: list[str] = []
        if message.intent is None and self.rules.decide(conversation) is None:
            result = self.runner.fall_back(conversation)
            conversation.extend(result.events)
            return [result.note] if result.note else []
        turn_taking = self.agent.turn_taking if self.agent else "explicit"
        while not (is_over := has_ended(conversation, turn_taking)) and not self.rules.waits(
            conversation, turn_taking
        ):
            name, confidence, policy = self._choose(conversation)
            result = self.runner.run(name, conversation)
            conversation.append(ActionExecuted(name, confidence, policy))
            conversation.extend(result.events)
            if result.note:
                notes.append(result.note)
        if is_over:
            conversation.outcome = "success"
        return notes

    @property
    def decides(self) -> bool:
        """Whether it does more than listen."""
        return self.agent is not None or bool(self.rules.rules)

    def _choose(self, conversation: Conversation) -> tuple[str, float | None, str | None]:
        """Return the next action, its probability, and the name of what chose it."""
        if ruling := self.rules.decide(conversation):
            return ruling.action, 1.0, ruling.reason
        if self.agent is None:
            return self.rules.fallback(conversation), None, None
        return *self.agent.choose(conversation), self.agent.name
