"""Outlines of new bots: plain answers to a few questions become a domain file.

No input or output; the terminal and the browser ask the same questions. Names load when they are used, so
that the rules for names bring no interview.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialogue_gym._lazy import lazy_getattr

if TYPE_CHECKING:
    from dialogue_gym.outline.file import domain_file
    from dialogue_gym.outline.interview import Interview, Question
    from dialogue_gym.outline.model import Fact, Feat, Outline, OutlineError, Wish

__all__ = ["Fact", "Feat", "Interview", "Outline", "OutlineError", "Question", "Wish", "domain_file"]

__getattr__ = lazy_getattr(__name__, {
    "file": ("domain_file",),
    "interview": ("Interview", "Question"),
    "model": ("Fact", "Feat", "Outline", "OutlineError", "Wish"),
})  # fmt: skip
