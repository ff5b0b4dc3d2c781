"""Tests of bots, of this library and others: the fake user talks to them, and reports."""

from __future__ import annotations

from dialogue_gym.testing.bots import AgentBot, BotError, BotReply, ForeignBot, FunctionBot, RestBot
from dialogue_gym.testing.dialogue import FORMATS, ForeignDialogue
from dialogue_gym.testing.runner import Result, play
from dialogue_gym.testing.trial import SuccessRate, run

__all__ = [
    "FORMATS",
    "AgentBot",
    "BotError",
    "BotReply",
    "ForeignBot",
    "ForeignDialogue",
    "FunctionBot",
    "RestBot",
    "Result",
    "SuccessRate",
    "play",
    "run",
]
