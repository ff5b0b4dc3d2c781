"""Dialogues in text, for language models: sentences from the user, text from the bot."""

from __future__ import annotations

from dialogue_gym.text.agents import ChatAgent, FieldAgent, TextAgent
from dialogue_gym.text.chat_endpoint import ChatEndpoint, EndpointError, Usage, environment_key
from dialogue_gym.text.chat_messages import ChatMessages
from dialogue_gym.text.dialogue import MODES, TextDialogue, TextStep
from dialogue_gym.text.env import TextDialogueEnv
from dialogue_gym.text.trainer_environment import ToolEnvironment, tool_environment

__all__ = [
    "MODES",
    "ChatAgent",
    "ChatEndpoint",
    "ChatMessages",
    "EndpointError",
    "FieldAgent",
    "TextAgent",
    "TextDialogue",
    "TextDialogueEnv",
    "TextStep",
    "ToolEnvironment",
    "Usage",
    "environment_key",
    "tool_environment",
]
