"""Dialogues of a bot played one by one, with the decisions that led to their end."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import UserUttered
from dialogue_gym.conversation.transcripts import confidence_label
from dialogue_gym.domain.model import AgendaItem
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.envs.wrapping import horizon_of, unwrapped_dialogue
from dialogue_gym.policies.agent import Agent
from dialogue_gym.policies.base import Policy, as_trained, check_actions
from dialogue_gym.reports import FailedDialogue
from dialogue_gym.training.evaluation import agent_env, alike_env

FAULTS = {"failure": "the user hung up", "truncated": "the step limit was reached"}
"""The reason of a failure, by the outcome of the conversation."""


class JudgedBot:
    """A bot for dialogues in the environment of its observations.

    Attributes:
        name: its name.
        env: an environment of its observations and actions, with the settings of the dialogues.
        policy: anything with the `predict` of Stable-Baselines3.
        reads_conversations: whether rules or forms may decide before the policy, by the conversation.
        uses_masks: whether the policy is given the masks of possible actions.
        settings: the arguments of the environment, for reports.
    """

    def __init__(
        self,
        bot: Any,
        settings: Mapping[str, Any] | None = None,
        env: Any = None,
        uses_masks: bool | None = None,
    ) -> None:
        """Take an `Agent`, or a policy with its environment; a `Policy` of the library has its own.

        Where `uses_masks` is None, a `Policy` is given masks, as that of an agent is, and others are not.

        Raises:
            ValueError: a setting is invalid, or changes the observations or actions that the bot knows.
            TypeError: the bot is neither an agent nor a policy, or the environment of a policy is not known.
        """
        self._agent = bot if isinstance(bot, Agent) else None
        if isinstance(bot, Agent):
            self.settings = bot.settings | dict(settings or {})
            self.env = agent_env(bot, self.settings)
            self.name, self.policy = bot.name, bot.policy
        else:
            if not hasattr(bot, "predict"):
                raise TypeError(f"bot: an agent or a policy is needed, not {type(bot).__name__}")
            if env is None and not isinstance(bot, Policy):
                raise TypeError(f"env: the environment of a {type(bot).__name__} is needed")
            outer = env if env is not None else bot.env
            own = unwrapped_dialogue(outer)
            self.settings = given_settings(own) | dict(settings or {})
            if (limit := horizon_of(outer)) != own.tables.step_limit:
                self.settings.setdefault("max_episode_steps", limit)
            self.name, self.policy = type(bot).__name__, bot
            self.env = alike_env(own, self.settings, self.name)
            check_actions(bot, self.env)
        rules = self._agent.rules if self._agent else None
        self.reads_conversations = rules is not None and bool(rules.rules or self.env.domain.forms)
        self.uses_masks = isinstance(self.policy, Policy) if uses_masks is None else uses_masks
        self._memory: Any = None
        self._begins = True

    def begin(self) -> None:
        """Forget the dialogue so far; a policy may have a memory."""
        self._memory, self._begins = None, True

    def with_user(self, user: str) -> JudgedBot:
        """Return the bot in dialogues with another user profile."""
        if user == self.env.settings.user:
            return self
        settings = self.settings | {"user": user}
        return JudgedBot(self._agent or self.policy, settings, self.env, self.uses_masks)

    def choose(self, observation: npt.NDArray[Any], mask: npt.NDArray[Any]) -> int:
        """Return the action at the end of the environment's conversation."""
        if self._agent is not None and self.reads_conversations:
            action, _ = self._agent.choose(self.env.conversation)
            return self.env.action_names.index(action)
        masks = {"action_masks": mask} if self.uses_masks else {}
        chosen, self._memory = self.policy.predict(
            as_trained(self.policy, observation),
            state=self._memory,
            episode_start=np.array([self._begins]),
            deterministic=True,
            **masks,
        )
        self._begins = False
        return int(chosen)


@dataclass(frozen=True)
class BotChoice:
    """A decision of a bot: the act of the user that came before, the observation, and the chosen action."""

    act: str
    codes: npt.NDArray[Any]
    action: str


@dataclass(frozen=True)
class PlayedDialogue:
    """A dialogue that was played to its end; `last` is its last observation, as codes."""

    conversation: Conversation
    choices: tuple[BotChoice, ...]
    goal: Mapping[str, str]
    last: npt.NDArray[Any]


def play_seed(bot: JudgedBot, seed: int) -> PlayedDialogue:
    """Play the dialogue of a seed."""
    env = bot.env
    observation, info = env.reset(seed=seed)
    bot.begin()
    goal = named_goal(env.agenda, env.goal)
    choices = []
    is_over = False
    while not is_over:
        action = bot.choose(observation, info["action_mask"])
        act = last_act(env.conversation)
        choices.append(BotChoice(act, env.codes(observation), env.action_names[action]))
        observation, _, terminated, truncated, info = env.step(action)
        is_over = terminated or truncated
    return PlayedDialogue(env.conversation, tuple(choices), goal, env.codes(observation))


def replay(
    failed: FailedDialogue | int,
    bot: Any,
    settings: Mapping[str, Any] | None = None,
    *,
    env: Any = None,
    uses_masks: bool | None = None,
) -> Conversation:
    """Play a failed dialogue again, by its seed.

    Args:
        failed: the failed dialogue of a report, or a seed alone.
        bot: the bot of the report.
        settings: the settings of the report.
        env: the environment of the report.
        uses_masks: the argument of the report.

    Returns:
        The conversation with its outcome. With the same bot it is that of the report; with a better one it
        goes on as the user answers to it.

    Raises:
        ValueError: the failed dialogue has no seed.
    """
    found = JudgedBot(bot, settings, env, uses_masks)
    if not isinstance(failed, FailedDialogue):  # a seed, perhaps NumPy's
        return play_seed(found, int(failed)).conversation
    if failed.seed is None:
        raise ValueError("no seed is known that plays this dialogue again")
    return play_seed(found.with_user(failed.user), failed.seed).conversation


def named_goal(agenda: tuple[Sequence[AgendaItem], int], goal: Mapping[str, str]) -> dict[str, str]:
    """Return the values that a user wants, and their plan if they have one."""
    items, _ = agenda
    plan = {"plan": ", ".join(item.intent for item in items)} if items else {}
    return plan | dict(goal)


def last_act(conversation: Conversation) -> str:
    """Return the act of the user's last message, in the fixed format, under noise with its confidence."""
    for event in reversed(conversation.events):
        if isinstance(event, UserUttered):
            if event.meant is None:
                return event.act
            return f"{event.act} ({confidence_label(event, conversation.domain)} confidence)"
    return "?"


def given_settings(env: DialogueEnv) -> dict[str, Any]:
    """Return the arguments of an environment that are not the usual ones, and its turn taking."""
    settings = {
        field.name: value
        for field in dataclasses.fields(env.settings)
        if (value := getattr(env.settings, field.name)) != field.default or field.name == "turn_taking"
    }
    if "reward" in settings:
        settings["reward"] = dict(settings["reward"])
    if env.max_history > 1:
        settings["max_history"] = env.max_history
    if env.observation_form.name != "fields":
        settings["observation"] = env.observation_form.name
    return settings
