"""Whom a reward is asked of: any callable, or a person at the terminal."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TextIO

import gymnasium as gym
import numpy as np

from dialogue_gym._text import finite, printable, shorten
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.transcript import transcript
from dialogue_gym.envs.dialogue import DialogueEnv

STEP, DIALOGUE = "step", "dialogue"
"""What a person can be asked about."""


@dataclass(frozen=True)
class Step:
    """What happened, for a person to judge: one step, or with `every="dialogue"` all until this last one.

    Attributes:
        observation: what the agent saw when it chose.
        action: what it did.
        reward: what the environment gave for it.
        next_observation: what came of it.
        terminated, truncated: whether the episode ended with it.
        info: the environment's.
        number: which step of the episode it is, from 1.
        episode: which episode it is, from 1.
        every: what the answer is about, `"step"` or `"dialogue"`.
        env: the environment, to be looked at.
    """

    observation: Any
    action: Any
    reward: float
    next_observation: Any
    terminated: bool
    truncated: bool
    info: dict[str, Any]
    number: int
    episode: int
    every: str
    env: gym.Env[Any, Any] = field(repr=False, compare=False)

    @property
    def conversation(self) -> Conversation | None:
        """The dialogue so far in words; None where the environment is none of ours."""
        env = self.env.unwrapped
        return env.conversation if isinstance(env, DialogueEnv) else None


Source = Callable[[Step], float | None]
"""Says what a step, or a dialogue, is worth; None where it says nothing, which is not the same as 0."""

_SIGNS = {"+": 1.0, "-": -1.0}


def rating_of(text: str) -> float | None:
    """Return the number that a rating stands for: `+`, `-`, or itself; None if the text is none."""
    if text in _SIGNS:
        return _SIGNS[text]
    try:
        return finite(text)
    except ValueError:
        return None


class TerminalFeedback:
    """Shows what happened, and reads a line: `+` is 1, `-` is -1, a number is itself, and Enter is silence.

    What it cannot take it says, and asks again. Once the input has ended, it is silent.
    """

    def __init__(self, source: TextIO | None = None, sink: TextIO | None = None) -> None:
        """Read from a stream and write to another; None is standard input and output."""
        self._source = source
        self._sink = sink
        self._has_ended = False
        self._has_explained = False
        self._shown = (0, 0)

    def __call__(self, step: Step) -> float | None:
        """Ask about a step."""
        if self._has_ended:
            return None
        self._say("\n".join(self._what_happened(step)) + "\n")
        prompt = f"reward for this {step.every} > "
        if not self._has_explained:
            self._say(
                "What is it worth? + (1), - (-1), 0 or any number; Enter says nothing, Ctrl-D ends that.\n"
            )
            self._has_explained = True
        while (text := self._ask(prompt)) is not None:
            if not text:
                return None
            if (reward := rating_of(text)) is not None:
                return reward
            self._say(f"{shorten(text)} is no reward: it is +, -, 0, any finite number, or just Enter\n")
        self._has_ended = True
        self._say("\n(no rewards from here on: the input has ended)\n")
        return None

    def _what_happened(self, step: Step) -> list[str]:
        if step.env.render_mode == "human":
            return []  # it was shown by the environment
        conversation = step.conversation
        if conversation is not None:
            lines = transcript(conversation)
            episode, count = self._shown
            self._shown = (step.episode, len(lines))
            return lines[count if episode == step.episode else 0 :]
        lines = [f"step {step.number}: action {step.action}, the environment's reward is {step.reward:g}"]
        if step.terminated or step.truncated:
            lines[0] += ", and that was the end"
        if step.env.render_mode == "ansi":
            return [*str(step.env.render()).rstrip().splitlines(), *lines]
        seen = np.array2string(np.asarray(step.next_observation), threshold=20, precision=3)
        return [*lines, *f"observation {seen}".splitlines()]

    def _say(self, text: str) -> None:
        sink = self._sink or sys.stdout
        sink.write(text)
        sink.flush()

    def _ask(self, prompt: str) -> str | None:
        """Return a line, stripped; None if there are no more."""
        source = self._source or sys.stdin
        if isinstance(source, io.TextIOWrapper) and source.errors != "replace":
            with contextlib.suppress(io.UnsupportedOperation):  # somebody else has read from it
                source.reconfigure(errors="replace")
        self._say(prompt)
        line = source.readline()
        if line and not source.isatty():  # a terminal has shown it
            self._say(printable(line.rstrip("\n")) + "\n")
        return line.strip() if line else None
