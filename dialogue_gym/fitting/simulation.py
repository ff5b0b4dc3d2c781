"""Dialogues of a fake user as a journal has them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dialogue_gym.conversation.events import UserUttered
from dialogue_gym.conversation.turns import has_ended
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.fitting.dialogues import DialogueReader, LoggedDialogue, turn_taking_of

Chooser = Callable[[npt.NDArray[Any], npt.NDArray[Any]], int]
"""Given an observation, shape (components,), and the mask of possible actions, an action's index."""


class LoggedBot:
    """The bot of logged dialogues: in each situation it does what it did there, as often.

    In a situation that the dialogues do not have, it does what it did after the same intent. Dialogues with
    another turn taking than the environment's are of another bot, and do not count.
    """

    def __init__(self, env: DialogueEnv, dialogues: Sequence[LoggedDialogue], seed: int = 0) -> None:
        """Count the actions."""
        self._random = np.random.default_rng(seed)
        self._first = env.first_action
        self._intent = [field.name for field in env.fields].index("intent")
        self._situations: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
        self._intents: dict[int, Counter[int]] = defaultdict(Counter)
        size = len(env.fields)
        for dialogue in dialogues:
            if turn_taking_of(dialogue) != env.settings.turn_taking:
                continue
            for step in dialogue.steps:
                observation = step.bot_half[:size]
                self._situations[observation][step.action - self._first] += 1
                self._intents[observation[self._intent]][step.action - self._first] += 1

    def __call__(self, observation: npt.NDArray[Any], mask: npt.NDArray[Any]) -> int:
        """Return an action, drawn by its share."""
        situation = tuple(map(int, observation))
        counts = self._situations.get(situation) or self._intents.get(situation[self._intent])
        if not counts:
            return int(self._random.choice(np.flatnonzero(mask)))
        actions = sorted(counts)
        shares = np.array([counts[action] for action in actions], np.float64)
        return int(self._random.choice(actions, p=shares / shares.sum()))


def simulated_dialogues(env: DialogueEnv, choose: Chooser, dialogues: int, seed: int) -> list[LoggedDialogue]:
    """Return dialogues with a fake user as a live bot's journal has them.

    A dialogue ends in success when the bot hears so, as in `has_ended`; a user who hangs up says nothing
    more.

    Args:
        env: the environment, with one observation at a time.
        choose: the bot.
        dialogues: the number of dialogues.
        seed: the seed of the first one; the others follow from it.
    """
    reader = DialogueReader(env.domain)
    found = []
    for number in range(dialogues):
        observation, info = env.reset(seed=None if number else seed)
        is_over = False
        while not is_over and not has_ended(env.conversation, env.settings.turn_taking):
            observation, _, terminated, truncated, info = env.step(choose(observation, info["action_mask"]))
            is_over = terminated or truncated
        conversation = env.conversation
        events = list(conversation.events)
        if has_ended(conversation, env.settings.turn_taking):
            outcome = "success"
        else:
            outcome = "truncated" if conversation.outcome == "truncated" else "failure"
            if conversation.outcome == "failure" and isinstance(events[-1], UserUttered):
                events.pop()
        dialogue = reader.read(events, outcome)
        assert dialogue is not None
        found.append(dialogue)
    return found
