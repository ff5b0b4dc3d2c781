"""Outlines of new bots: plain answers to a few questions become a domain file.

No input or output; the terminal and the browser ask the same questions.
"""

from dialogue_gym.outline.file import domain_file
from dialogue_gym.outline.interview import Interview, Question
from dialogue_gym.outline.model import Fact, Feat, Outline, OutlineError, Wish

__all__ = ["Fact", "Feat", "Interview", "Outline", "OutlineError", "Question", "Wish", "domain_file"]
