"""A dialogue in words: its events, the conversation made of them, and the texts of both sides."""

from dialogue_gym.conversation.conversation import BotState, Conversation, Decision, decisions
from dialogue_gym.conversation.events import (
    ActionExecuted,
    ActiveLoop,
    BotUttered,
    Entity,
    Event,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUttered,
    to_json,
)
from dialogue_gym.conversation.transcript import transcript
from dialogue_gym.conversation.wording import Speaker

__all__ = [
    "ActionExecuted",
    "ActiveLoop",
    "BotState",
    "BotUttered",
    "Conversation",
    "Decision",
    "Entity",
    "Event",
    "Restarted",
    "SessionStarted",
    "SlotSet",
    "Speaker",
    "UserUttered",
    "decisions",
    "to_json",
    "transcript",
]
