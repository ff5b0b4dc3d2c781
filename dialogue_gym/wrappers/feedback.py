"""Sources of a person's reward: any callable, or a person at the terminal."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TextIO

import gymnasium as gym
import numpy as np

from dialogue_gym._text import finite_number, printable, quoted
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.transcripts import transcript
from dialogue_gym.envs.dialogue import DialogueEnv

STEP, DIALOGUE = "step", "dialogue"
"""The subjects of a rating."""


@dataclass(frozen=True)
class Step:
    """The step for a person to judge, or with `every="dialogue"` the last of the steps to judge.

    Attributes:
        observation: the agent's observation when it chose.
        action: the agent's action.
        reward: the environment's.
        next_observation: the observation after the action.
        terminated, truncated: whether the episode ended with this step.
        info: the environment's.
        number: the number of the step in the episode, from 1.
        episode: the number of the episode, from 1.
        every: the subject of the rating, `"step"` or `"dialogue"`.
        env: the environment, for inspection.
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
        """The dialogue so far in words; None in an environment that is not a `DialogueEnv`."""
        env = self.env.unwrapped
        return env.conversation if isinstance(env, DialogueEnv) else None


Source = Callable[[Step], float | None]
"""Rates a step, or a dialogue; None for silence, which is not the same as 0."""

_SIGNS = {"+": 1.0, "-": -1.0}


def rating_of(text: str) -> float | None:
    """Return the value of a rating, `+`, `-` or a number; None if the text is not a rating."""
    if text in _SIGNS:
        return _SIGNS[text]
    try:
        return finite_number(text)
    except ValueError:
        return None


class TerminalFeedback:
    """Prompt that shows the step and reads a rating: `+` is 1, `-` is -1, or a number; Enter is silence.

    It asks again after an invalid rating. Once the input has ended, it is silent.
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
        self._say("\n".join(self._description(step)) + "\n")
        prompt = f"reward for this {step.every} > "
        if not self._has_explained:
            self._say("Rate it: + (1), - (-1), 0 or any number; Enter skips it, Ctrl-D ends the ratings.\n")
            self._has_explained = True
        while (text := self._ask(prompt)) is not None:
            if not text:
                return None
            if (reward := rating_of(text)) is not None:
                return reward
            self._say(f"{quoted(text)} is not a reward; type +, -, a finite number, or just Enter\n")
        self._has_ended = True
        self._say("\n(the input has ended: no more ratings)\n")
        return None

    def _description(self, step: Step) -> list[str]:
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
            lines[0] += "; the episode is over"
        if step.env.render_mode == "ansi":
            return [*str(step.env.render()).rstrip().splitlines(), *lines]
        seen = step.next_observation
        if not isinstance(seen, tuple | dict):  # parts of several kinds make no array
            seen = np.array2string(np.asarray(seen), threshold=20, precision=3)
        return [*lines, *f"observation {seen}".splitlines()]

    def _say(self, text: str) -> None:
        sink = self._sink or sys.stdout
        sink.write(text)
        sink.flush()

    def _ask(self, prompt: str) -> str | None:
        """Return a line, stripped; None if there are no more."""
        source = self._source or sys.stdin
        if isinstance(source, io.TextIOWrapper) and source.errors != "replace":
            with contextlib.suppress(io.UnsupportedOperation):  # other code has read from it
                source.reconfigure(errors="replace")
        self._say(prompt)
        line = source.readline()
        if line and not source.isatty():  # a terminal has shown it
            self._say(printable(line.rstrip("\n")) + "\n")
        return line.strip() if line else None
