"""A dialogue in words: its events, the conversation made of them, and the texts of both sides.

Names load when they are used: an environment needs them only for somebody who asks for its words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialogue_gym._lazy import lazy_getattr

if TYPE_CHECKING:
    from dialogue_gym.conversation.bot_state import BotState
    from dialogue_gym.conversation.conversation import Conversation, Decision, decisions
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
    from dialogue_gym.conversation.transcripts import transcript
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

__getattr__ = lazy_getattr(__name__, {
    "bot_state": ("BotState",),
    "conversation": ("Conversation", "Decision", "decisions"),
    "events": (
        "ActionExecuted", "ActiveLoop", "BotUttered", "Entity", "Event", "Restarted", "SessionStarted",
        "SlotSet", "UserUttered", "to_json",
    ),
    "transcripts": ("transcript",),
    "wording": ("Speaker",),
})  # fmt: skip
