"""The rendering of a dialogue: printed as it goes, or returned as a text or a picture."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from dialogue_gym._text import nearest

if TYPE_CHECKING:
    from dialogue_gym.conversation.conversation import Conversation

RENDER_MODES = ("ansi", "human", *(["rgb_array"] if importlib.util.find_spec("PIL") else []))
"""The modes that work here: pictures need Pillow, and environment checkers try every mode."""


class RenderModeError(ValueError, TypeError):
    """An unknown render mode.

    (Also a TypeError: libraries try modes, and after that error they try none.)
    """


class Rendering:
    """A way to show dialogues, one after the other: one of `RENDER_MODES`, or none."""

    def __init__(self, mode: str | None) -> None:
        """Show nothing yet.

        Raises:
            RenderModeError: the mode is unknown.
            gymnasium.error.DependencyNotInstalled: a picture needs Pillow.
        """
        if mode == "rgb_array" and mode not in RENDER_MODES:
            raise gym.error.DependencyNotInstalled(
                'render_mode="rgb_array" needs Pillow: pip install "dialogue_gym[render]"'
            )
        if mode is not None and mode not in RENDER_MODES:
            raise RenderModeError(f"render_mode={mode!r}: unknown mode; {nearest(str(mode), RENDER_MODES)}")
        self._mode = mode
        self._printed = 0

    def begin(self) -> None:
        """Note that another dialogue begins."""
        self._printed = 0

    def skip(self, conversation: Conversation) -> None:
        """Count the dialogue so far as printed."""
        from dialogue_gym.conversation.transcripts import transcript

        self._printed = len(transcript(conversation))

    def print_new(self, conversation: Conversation) -> None:
        """Print the lines of the dialogue that have come since the last call."""
        from dialogue_gym.conversation.transcripts import transcript

        lines = transcript(conversation)
        print("\n".join(lines[self._printed :]), flush=True)
        self._printed = len(lines)

    def render(self, conversation: Conversation) -> str | npt.NDArray[np.uint8] | None:
        """Return the dialogue so far in the form of the mode; None for `"human"`."""
        if self._mode == "ansi":
            from dialogue_gym.conversation.transcripts import transcript

            return "\n".join(transcript(conversation))
        if self._mode == "rgb_array":
            from dialogue_gym.envs.picture import picture

            return picture(conversation)
        return None
