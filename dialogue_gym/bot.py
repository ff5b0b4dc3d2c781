"""A bot at work: an agent that decides, actions that it does, one conversation at a time."""

from __future__ import annotations

from dialogue_gym.actions import ActionRunner
from dialogue_gym.conversation import Conversation
from dialogue_gym.domain import Domain
from dialogue_gym.domain.model import LISTEN
from dialogue_gym.events import ActionExecuted, UserUttered
from dialogue_gym.rules.tables import MAX_UNHEARD
from dialogue_gym.trained import Agent


class Bot:
    """Answers what a user says; without an agent it only listens."""

    def __init__(self, domain: Domain, agent: Agent | None, runner: ActionRunner) -> None:
        """Join who decides and what is done."""
        self.domain = domain
        self.agent = agent
        self.runner = runner

    def hear(self, conversation: Conversation, message: UserUttered) -> list[str]:
        """Add to a conversation what the user said, and what the bot does until it listens again.

        As in an environment, it listens by an action or, with automatic turn taking, once it has spoken,
        and after ten actions anyway. Where the user has what they wanted, the outcome is noted.

        Returns:
            Notes of what went wrong, for a person to read.
        """
        conversation.append(message)
        notes: list[str] = []
        is_over = has_ended(conversation)
        for _ in range(0 if is_over else MAX_UNHEARD):
            name, confidence = self.agent.choose(conversation) if self.agent else (LISTEN, None)
            result = self.runner.run(name, conversation)
            conversation.append(ActionExecuted(name, confidence, self.agent.name if self.agent else None))
            conversation.extend(result.events)
            if name == LISTEN:
                break
            if result.note:
                notes.append(result.note)
            is_over = has_ended(conversation)
            hands_over = self.agent and self.agent.turn_taking == "auto"
            if is_over or (hands_over and self.domain.action_model(name).speaks):
                break
        if is_over:
            conversation.outcome = "success"
        return notes


def has_ended(conversation: Conversation) -> bool:
    """Return whether the user has what they wanted, as the simulated one would say.

    A goal-driven dialogue ends when a suggestion is affirmed, an agenda when its last item is answered. A
    domain without a fake user does not say when a dialogue is over.
    """
    user = conversation.domain.fake_user
    message, action = conversation.latest_message, conversation.latest_action
    if user is None or message is None or action is None:
        return False
    is_heard = conversation.events[-1] is message
    if user.kind == "goal":
        was_judged = conversation.domain.action_model(action).reaction == "judge"
        return is_heard and was_judged and message.intent == dict(user.intents)["affirm"]
    lasts = [agenda.items[-1] for agenda in user.agendas]
    is_last = any(message.intent == item.intent and action in item.answers for item in lasts)
    return is_last and not is_heard
