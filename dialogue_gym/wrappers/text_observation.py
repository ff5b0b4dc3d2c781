"""Text observations: the user's sentence as a vector, instead of an interpreter's intent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from dialogue_gym.envs.wrapping import unwrapped_dialogue

Vector = npt.NDArray[np.float32]
Encoder = Callable[[str], npt.NDArray[Any]]
"""Maps a sentence to a vector, always of the same length."""
_INTENT_FIELDS = ("intent", "intent_confidence")


class TextObservation(gym.ObservationWrapper[Vector, Any, Any], gym.utils.RecordConstructorArgs):
    """Wrapper that shows the user's last sentence as a vector, and all of the observation except the intent.

    `Box`, float32, shape (n + m,): first the n numbers of the sentence, then the m numbers of the other
    fields (slots, actions), one-hot. So a policy learns the meaning of sentences from the consequences of
    its actions, without any intent. `dialogue_gym.nlu.HashedNgrams` is an encoder; the sentences are those of
    the domain's phrases, or of a `SpokenUser` below this wrapper.
    """

    def __init__(self, env: gym.Env[Any, Any], encoder: Encoder, bound: float = 5.0) -> None:
        """Wrap a dialogue environment.

        Args:
            env: a dialogue environment, wrapped or not.
            encoder: turns a sentence into a vector.
            bound: the vector's numbers are clipped to [-bound, bound].

        Raises:
            TypeError: the environment is not a dialogue environment.
            ValueError: the environment shows more than one observation at once, or other observations than
                the dialogue in it.
        """
        gym.utils.RecordConstructorArgs.__init__(self, encoder=encoder, bound=bound, _disable_deepcopy=True)
        gym.ObservationWrapper.__init__(self, env)
        dialogue = unwrapped_dialogue(env)
        if dialogue.max_history > 1:
            raise ValueError("max_history: must be 1 for text observations")
        if env.observation_space != dialogue.observation_space:
            raise ValueError("a wrapper that changes observations must be around TextObservation, not in it")
        self._dialogue = dialogue
        self._encoder = encoder
        self._length = len(np.asarray(encoder("")))
        sizes = np.array([len(field.labels) for field in dialogue.fields])
        kept = [field.name not in _INTENT_FIELDS for field in dialogue.fields]
        self._kept = np.flatnonzero(kept)
        self._first = np.cumsum([0, *sizes[self._kept]])
        self._bound = bound
        high = np.ones(self._length + self._first[-1], np.float32)
        high[: self._length] = bound
        self.observation_space = spaces.Box(np.where(np.arange(len(high)) < self._length, -high, 0), high)

    def observation(self, observation: npt.NDArray[Any]) -> Vector:
        """Return the sentence's vector and the other fields for an observation of the environment."""
        message = self._dialogue.conversation.latest_message
        observation = self._dialogue.codes(observation)
        shown = np.zeros(self.observation_space.shape or (), np.float32)
        sentence = (message and message.text) or ""
        shown[: self._length] = np.clip(self._encoder(sentence), -self._bound, self._bound)
        shown[self._length + self._first[:-1] + observation[self._kept]] = 1
        return shown
