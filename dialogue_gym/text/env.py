"""The environments in which observations and actions are texts."""

from __future__ import annotations

import string
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from dialogue_gym._text import cut, visible
from dialogue_gym.domain import Domain, DomainError
from dialogue_gym.domain.sources import Source
from dialogue_gym.envs.arguments import checked_keywords
from dialogue_gym.envs.single import SingleEnv
from dialogue_gym.text.dialogue import TEXT_SETTINGS, TextDialogue
from dialogue_gym.text.replies import MAX_REPLY

MAX_MESSAGE = 4_000
"""The most characters of an observation."""


class TextDialogueEnv(SingleEnv, gym.Env[str, str]):
    """A dialogue of `DialogueEnv` in text: the user's sentences are observed, and the bot's replies are text.

    ## Description
    The dialogues, rewards and endings are those of `DialogueEnv` with the same seed and automatic turn
    taking. The bot reads sentences, and has to keep in mind what the user wants.

    ## Action Space
    `Text`, up to 10,000 characters. With `mode="names"` the name of an action; with `mode="tools"` the call
    of one as JSON, `{"name": "action_suggest", "arguments": {"cuisine": "french"}}`, whose arguments are the
    values that the user judges. `env.unwrapped.tools` has the JSON Schema of each. With `mode="free"` a
    sentence to the user. What is not understood is a useless turn, and the next observation says why.

    ## Observation Space
    `Text`, up to 4,000 characters: remarks in brackets, each on a line, and the user's next sentence.

    ## Starting State
    The user has opened the dialogue. `reset(seed=k)` decides all that follows.

    ## Rewards
    Those of `DialogueEnv`.

    ## Episode End
    That of `DialogueEnv`.

    ## Information
    The same keys after `reset` and every step: `instructions`, after `reset` a system prompt for the domain
    and the mode; `is_success` (bool array without axes), and `action`, the name of the action that was done,
    empty if there was none.

    ## Arguments
    - `domain`: as in `DialogueEnv`.
    - `mode`: `"names"`, `"tools"` or `"free"`, as above.
    - `semantic_error_rate`, `user`, `patience`, `informativeness`, `indecisiveness`, `correction_rate`,
      `reward` and `max_episode_steps`: as in `DialogueEnv`. With errors, sentences are as the bot heard them.
    - `render_mode`: `"ansi"`, or None.

    ## Version History
    - v0: initial version.

    Raises:
        DomainError: the domain file cannot be used, or it has no fake user.
        ValueError: an argument is out of bounds; the message names the argument.
        TypeError: an argument is unknown; the message names the nearest one.
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi"], "render_fps": 4}  # noqa: RUF012

    @checked_keywords(*TEXT_SETTINGS)
    def __init__(
        self,
        domain: Source | Domain | None = None,
        *,
        mode: str = "names",
        render_mode: str | None = None,
        **settings: Any,
    ) -> None:
        """Read the domain and prepare its rules."""
        if domain is None:
            raise DomainError("domain: a domain file or the name of a built-in domain is needed")
        if render_mode not in (None, "ansi"):
            raise ValueError(f"render_mode={render_mode!r}: must be 'ansi' or None")
        self.dialogue = TextDialogue(domain, mode, **settings)
        self.render_mode = render_mode
        self._lines: list[str] = []
        self._characters = characters = frozenset(string.printable + "…" + repr(self.dialogue.domain))
        self.observation_space = spaces.Text(MAX_MESSAGE, min_length=0, charset=characters)
        self.action_space = spaces.Text(MAX_REPLY, min_length=0, charset=characters)

    @property
    def instructions(self) -> str:
        """A system prompt for the domain and the mode."""
        return self.dialogue.instructions

    @property
    def tools(self) -> list[dict[str, Any]]:
        """The actions as the chat-completions protocol describes functions."""
        return self.dialogue.tools

    @property
    def _played(self) -> TextDialogue:
        return self.dialogue

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[str, dict[str, Any]]:
        """Begin a dialogue: that of the seed, or without a seed the next one of the random stream.

        Args:
            seed: decides this dialogue and, where no other seed is given, all that follow.
            options: `goal` and `user`, as in `DialogueEnv.reset`.

        Raises:
            ValueError: an option is unknown.
            TypeError: the options are not a mapping.
        """
        super().reset(seed=seed)
        if seed is None:
            self._need_chance()
        message = self.dialogue.reset(seed, options)
        self._lines = [f"user: {message}"]
        info = {"instructions": self.instructions, "is_success": np.array(False), "action": ""}
        return self._observed(message), info

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Reply. Anything that is not understood is a useless turn.

        Raises:
            gymnasium.error.ResetNeeded: the dialogue is over.
        """
        if self.dialogue.is_over:
            raise gym.error.ResetNeeded("the dialogue is over: call reset() before step()")
        done = self.dialogue.step(action)
        self._lines += [f"bot: {visible(str(action))}", f"user: {done.message}"]
        info = {"instructions": "", "is_success": np.array(done.is_success), "action": done.action or ""}
        return self._observed(done.message), done.reward, done.is_terminated, done.is_truncated, info

    def _observed(self, message: str) -> str:
        """Return a message in characters of the space; others, which an action can bring, are escaped."""
        known = self._characters
        if not known.issuperset(message):
            parts = (
                char if char in known else char.encode("unicode_escape").decode("ascii") for char in message
            )
            message = "".join(parts)
        return cut(message, MAX_MESSAGE)

    def render(self) -> str | None:
        """Return the dialogue so far as text (`render_mode="ansi"`)."""
        return "\n".join(self._lines) + "\n" if self.render_mode == "ansi" else None
