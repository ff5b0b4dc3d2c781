"""A fake user who speaks in sentences: a wrapper that puts an interpreter between them and the bot."""

from __future__ import annotations

import dataclasses
from typing import Any, SupportsFloat

import gymnasium as gym

from dialogue_gym.conversation.events import UserUttered
from dialogue_gym.domain.model import FakeUser
from dialogue_gym.envs.observation_form import Observation
from dialogue_gym.envs.wrapping import unwrapped_dialogue
from dialogue_gym.nlu.interpreter import Interpreter, InterpreterError
from dialogue_gym.nlu.phrasebook import Phrasebook


class SpokenUser(gym.Wrapper[Observation, Any, Observation, Any], gym.utils.RecordConstructorArgs):
    """Wrapper with a fake user who speaks in sentences, which an interpreter understands for the bot.

    After a misunderstanding the user continues from the act that they meant. Without an interpreter the bot
    gets the act itself, and the sentence is only shown.
    """

    def __init__(
        self, env: gym.Env[Any, Any], phrasebook: Phrasebook, interpreter: Interpreter | None = None
    ) -> None:
        """Wrap a dialogue environment.

        Args:
            env: without noise of its own, as misunderstandings are the interpreter's; wrappers that change
                observations go around this one.
            phrasebook: the sentences for each act; seeded by `reset(seed=...)`.
            interpreter: understands them.

        Raises:
            TypeError: the environment is not a dialogue environment.
            ValueError: the environment has noise of its own, or other observations than the dialogue in it,
                or the phrasebook lacks an intent of its user.
        """
        gym.utils.RecordConstructorArgs.__init__(
            self, phrasebook=phrasebook, interpreter=interpreter, _disable_deepcopy=True
        )
        gym.Wrapper.__init__(self, env)
        dialogue = unwrapped_dialogue(env)
        if dialogue.settings.semantic_error_rate > 0:
            raise ValueError("semantic_error_rate: must be 0 for a user who speaks in sentences")
        if env.observation_space != dialogue.observation_space:
            raise ValueError("a wrapper that changes observations must be around SpokenUser, not in it")
        for intent in _intents_of(dialogue.domain.fake_user):
            phrasebook.check(intent)
        self._dialogue = dialogue
        self._phrasebook = phrasebook
        self._interpreter = interpreter

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin a dialogue."""
        if seed is not None:
            self._phrasebook.seed(seed)
        observation, info = self.env.reset(seed=seed, options=options)
        observation, changed = self._speak(observation)
        return observation, info | changed

    def step(self, action: Any) -> tuple[Observation, SupportsFloat, bool, bool, dict[str, Any]]:
        """Do one action."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        observation, changed = self._speak(observation)
        return observation, reward, terminated, truncated, info | changed

    def _speak(self, observation: Observation) -> tuple[Observation, dict[str, Any]]:
        message = self._dialogue.conversation.events[-1]
        if not isinstance(message, UserUttered):
            return observation, {}
        assert message.intent is not None
        text = self._phrasebook.say(message.intent, message.entities)
        if self._interpreter is None:
            received = dataclasses.replace(message, text=text)
        else:
            received = dataclasses.replace(self._understood(text), meant=message.act)
        return self._dialogue.replace_last_message(received)

    def _understood(self, text: str) -> UserUttered:
        assert self._interpreter is not None
        try:
            return self._interpreter.parse(text).message
        except InterpreterError:  # for example, of a service that does not respond
            return UserUttered(text, None, (), 0.0)


def _intents_of(user: FakeUser | None) -> set[str]:
    """Return the intents of a fake user."""
    if user is None:
        return set()
    spoken = {item.intent for agenda in user.agendas for item in agenda.items}
    return spoken or {intent for role, intent in user.intents if role != "greet"}
