"""Dialogues in text, for language models: sentences from the user, text from the bot."""

from __future__ import annotations

from dialogue_gym.text.dialogue import MODES, TextDialogue, TextStep
from dialogue_gym.text.env import TextDialogueEnv

__all__ = ["MODES", "TextDialogue", "TextDialogueEnv", "TextStep"]
