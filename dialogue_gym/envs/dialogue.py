"""The environment of any domain: one dialogue at a time."""

from __future__ import annotations

import operator
import string
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from dialogue_gym.compiled.availability import need_compiler
from dialogue_gym.domain import Domain, DomainError, load_domain
from dialogue_gym.domain.fake_user import MAX_PATIENCE
from dialogue_gym.domain.model import AgendaItem
from dialogue_gym.domain.observation import ObservationField, describe
from dialogue_gym.envs.arguments import checked_keywords
from dialogue_gym.envs.bot_view import BotView
from dialogue_gym.envs.observation_form import Observation
from dialogue_gym.envs.options import fold, read_options
from dialogue_gym.envs.player import InterpretedPlayer, Player
from dialogue_gym.envs.rendering import RENDER_MODES, Rendering
from dialogue_gym.envs.reward_terms import NamedTerms, RewardTerms
from dialogue_gym.envs.settings import MAX_HISTORY, make_settings, whole_number
from dialogue_gym.envs.simulation import Simulation
from dialogue_gym.envs.single import SingleEnv
from dialogue_gym.envs.state import DialogueState, rules_key
from dialogue_gym.rules import Settings, Tables
from dialogue_gym.rules.tables import FAILURE, SUCCESS

if TYPE_CHECKING:
    from dialogue_gym.conversation.conversation import Conversation
    from dialogue_gym.conversation.events import Event, UserUttered

_ENDED = SUCCESS | FAILURE
_KEYS = string.ascii_lowercase + string.digits
_YES, _NO = np.array(True), np.array(False)
"""Arrays without axes: Gymnasium's vector environments and TorchRL store these, and no other kind of bool."""


class DialogueEnv(SingleEnv, gym.Env[Observation, np.int64]):
    """A dialogue with the fake user of a domain file.

    ## Description
    A user talks to a bot. At each step the bot, which is the agent, does one action of the domain, silently
    or with a message. The user has a hidden goal or an agenda and answers by the rules that the domain file
    declares under `fake_user`.

    ## Action Space
    `Discrete(n)`: the actions of the domain, in order; `env.unwrapped.action_names` names them. With
    `turn_taking="auto"` an action that speaks hands the turn over by itself, and `action_listen` is not
    among the actions. With `"explicit"` the turn is handed over by `action_listen`, which is action 0, and
    the user answers the last message; after ten actions in a row without listening the turn passes anyway.

    ## Observation Space
    `MultiDiscrete`, shape `(k * max_history,)`, dtype int8 (int16 for domains with more than 127 intents or
    actions). In order: each slot with its confidence, the user's last intent and its confidence, the slots
    that this message filled or changed, the slot filled last, the bot's last message, whether the bot has
    spoken since the user did, and its last action since then. See `env.unwrapped.observation_fields` and
    `env.unwrapped.describe(observation)`. With `max_history=k` the last k observations stand side by side,
    the newest last; zeros stand in for those before the first.

    With `observation="flat"` the space is a `Box` of float32: for each of these numbers one entry for each
    of its values, 1 for the value that it has, else 0. With `observation="belief"` three scores from 0 to 1
    take the place of each slot's confidence and second hypothesis: those of its two likeliest values, and
    the rest; that is for a single observation. `env.unwrapped.codes(observation)` leads back from both.

    ## Starting State
    The user is drawn and has opened the dialogue: the first observation holds the bot's understanding
    of that message. `reset(seed=k)` decides all that follows, resets without a seed included; so does setting
    `env.unwrapped.np_random`. `reset(options={"goal": {"cuisine": "french"}, "user": "unfriendly"})` begins a
    dialogue with a chosen user; wishes that are not named are drawn. `get_state` and `set_state` go back to
    an earlier moment.

    ## Rewards
    The sum of named terms, with the weights of the domain's `reward`, by default 20 for success, 0 for
    failure and -1 for each step. `info["reward_terms"]` holds the terms.

    With `shaping` > 0 there is one more term, `shaping`: the change of the progress, times `shaping` times
    the weight of success. The progress is the share of the goal's slots that the bot has right, or of the
    agenda that is done. It is 0 after success and failure, so the best policy stays the best. Evaluations and
    bounds leave it out. Source: Ng, Harada and Russell 1999, Policy invariance under reward transformations.

    ## Episode End
    Terminated when the user has what they want (success), or hangs up because their patience has run out
    (failure). Truncated after `max_episode_steps`: 50, or 25 in city, hotel and laptop, and twice as many in
    the ids with `Explicit` in their name. In an environment of `gymnasium.make`, whose `max_episode_steps=`
    sets the steps, `TimeLimit` truncates the dialogues, and `env.unwrapped` has no limit of its own. One that
    is made from the class has, and one of an id that was registered without `max_episode_steps`.

    ## Information
    The same keys after `reset` and every step: `action_mask` (int8, one per action: 0 where its precondition
    does not hold), `reward_terms` (float64, shape `(terms,)`, also read by name as a dict; a term is 0 where
    it does not apply), `turns` (int64, utterances of the user so far) and `is_success` (bool array without
    axes: whether this step ended the dialogue in success).

    ## Arguments
    If one is None, the domain's own figure applies.

    - `domain`: path of a domain file, name of a built-in domain, or a `Domain`, also as the mapping that
      `env.spec.to_json()` writes for one.
    - `turn_taking`: `"auto"` or `"explicit"`.
    - `semantic_error_rate`: chance from 0 to 1 that the bot misunderstands the user.
    - `user`: `"standard"`, `"unfriendly"`, or another profile that the domain declares.
    - `patience`: number of useless turns, which bring the user no closer to what they want, until the user
      hangs up. The attribute `patience` changes it for later dialogues.
    - `informativeness`: mean number of slots that an opening tells.
    - `indecisiveness`: chance at each turn that the user changes one preference.
    - `correction_rate`: chance that the user names a right value when a suggestion is wrong.
    - `max_history`: number of observations given at once.
    - `observation`: `"fields"`, one small integer for each field; `"flat"`, their one-hot vector; or
      `"belief"`, the same with scores for confidences.
    - `reward`: weights that override the domain's, by term or action.
    - `max_episode_steps`: steps until truncation; by default those of the id, and in the class 50, or 100
      with explicit turn taking.
    - `shaping`: reward for progress, in parts of the reward of success, from 0 (none) to 100. See Rewards.
    - `compiled`: True plays the same dialogues with compiled rules, which is faster (needs Numba: extra
      `fast`). The first environment of a domain takes some seconds to compile; the result is kept on disk.
    - `render_mode`: `"ansi"` (render returns the dialogue as text), `"human"` (it is printed as it goes) or
      `"rgb_array"` (render returns a picture of the chat, uint8 of shape `(480, 640, 3)`; needs Pillow).

    ## Version History
    - v0: initial version.

    Raises:
        DomainError: the domain file cannot be used, or it has no fake user.
        ValueError: an argument is out of bounds; the message names the argument.
        TypeError: an argument is unknown; the message names the nearest one.
        gymnasium.error.Error: Numba is not installed, or does not compile (`compiled=True`).
    """

    metadata: dict[str, Any] = {"render_modes": list(RENDER_MODES), "render_fps": 1}  # noqa: RUF012

    @checked_keywords()
    def __init__(
        self,
        domain: Domain | str | Path | Mapping[str, Any] | None = None,
        *,
        turn_taking: str = "auto",
        semantic_error_rate: float | None = None,
        user: str = "standard",
        patience: int | None = None,
        informativeness: float | None = None,
        indecisiveness: float | None = None,
        correction_rate: float | None = None,
        max_history: int = 1,
        observation: str = "fields",
        reward: Mapping[str, float] | None = None,
        max_episode_steps: int | None = None,
        shaping: float = 0.0,
        compiled: bool = False,
        render_mode: str | None = None,
    ) -> None:
        """Read the domain and prepare its rules."""
        if domain is None:
            raise DomainError("domain: a domain file or the name of a built-in domain is needed")
        self.domain = load_domain(domain)
        self._rendering = Rendering(render_mode)
        settings = make_settings(
            self.domain,
            turn_taking=turn_taking,
            semantic_error_rate=semantic_error_rate,
            user=user,
            patience=patience,
            informativeness=informativeness,
            indecisiveness=indecisiveness,
            correction_rate=correction_rate,
            reward=reward,
            max_episode_steps=max_episode_steps,
            shaping=shaping,
        )
        self.max_history = whole_number("max_history", max_history, 1, MAX_HISTORY)
        self.render_mode = render_mode
        self.first_action = 1 if turn_taking == "auto" else 0
        """Index in the domain's actions of the environment's action 0."""
        self.action_names = self.domain.actions[self.first_action :]
        self._actions = len(self.domain.actions)

        self._simulation = Simulation(self.domain, settings, _player(compiled))
        self._view = BotView(self.domain, observation, self.max_history)
        self.fields = self._view.fields
        self.observation_form = self._view.form
        """The form in which observations are given."""
        self.observation_space = self.observation_form.space
        self.action_space = spaces.Discrete(len(self.action_names))

        self.reward_terms = RewardTerms(self.domain, settings, self.action_names, self.tables)
        """The terms of each step's reward by name."""
        self._counts = [np.int64(number) for number in range(self.tables.step_limit + 2)]

    @property
    def _played(self) -> Simulation:
        return self._simulation

    @property
    def settings(self) -> Settings:
        """The settings of the dialogues."""
        return self._simulation.settings

    @property
    def tables(self) -> Tables:
        """The rules as numbers, for the user of this dialogue."""
        return self._simulation.tables

    @property
    def patience(self) -> int:
        """Useless turns until a user hangs up, 1 to 100; set it for all dialogues that begin afterwards."""
        return self.tables.patience

    @patience.setter
    def patience(self, turns: int) -> None:
        self._simulation.set_patience(whole_number("patience", turns, 1, MAX_PATIENCE))

    @property
    def observation_fields(self) -> tuple[ObservationField, ...]:
        """Name and labels of every component of an observation; names of older ones begin with `t-1.` etc."""
        return self._view.labels()

    def describe(self, observation: npt.ArrayLike) -> dict[str, str]:
        """Return an observation in words: the label of each field, by the field's name."""
        return describe(self.observation_fields, self.codes(observation))

    def codes(self, observations: npt.ArrayLike) -> npt.NDArray[Any]:
        """Return the codes of the fields of observations: shape `(..., width)` to `(..., components)`.

        The newest ones alone, of several that are given at once, will do.

        Raises:
            ValueError: these are not observations of this environment.
            TypeError: this is not an array.
        """
        given, width = np.asarray(observations), self.observation_form.width
        if not given.ndim:
            raise TypeError(f"an array of observations is needed, not {type(observations).__name__}")
        if given.shape[-1] not in (width, width // self.max_history):
            raise ValueError(f"an observation here has {width} components, not {given.shape[-1]}")
        return self.observation_form.decode(given)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin a dialogue: that of the seed, or without a seed the next one of the random stream.

        Args:
            seed: decides this dialogue and, where no other seed is given, all that follow.
            options: may hold `goal`, a mapping of slots to values, and `user`, the name of a profile. Chance
                is the same as without options.

        Raises:
            ValueError: an option is unknown.
            TypeError: the options are not a mapping.
        """
        chosen = read_options(options, self.domain)
        super().reset(seed=seed)
        if seed is not None:
            self._simulation.set_chance(fold(seed))
        else:
            self._need_chance()
        self._simulation.begin(chosen)
        self._rendering.begin()
        if self.render_mode == "human":
            self._rendering.print_new(self.conversation)
        self._view.begin()
        return self._observe(), self._info(self._simulation.player.turns)

    def get_state(self) -> DialogueState:
        """Return the state of the dialogue, to come back to with `set_state`.

        Raises:
            gymnasium.error.ResetNeeded: no dialogue has begun.
        """
        self._need_reset()
        key = rules_key(self.domain, self.settings, self.max_history)
        return self._simulation.get_state(key, self._view.frames)

    def set_state(self, state: DialogueState) -> tuple[Observation, dict[str, Any]]:
        """Go back to a state of this environment, or of another one with the same domain and settings.

        The same actions then have the same results as before. A `TimeLimit` around this environment does not
        go back: step the environment itself. Made from the class, it has a limit of its own.

        Returns:
            The observation of the state, and its `info` (without reward terms).

        Raises:
            ValueError: the state is of another domain, or of other settings.
            TypeError: it is not a state.
        """
        if not isinstance(state, DialogueState):
            raise TypeError(f"state: a state of get_state() is needed, not {type(state).__name__}")
        if state.rules != rules_key(self.domain, self.settings, self.max_history):
            raise ValueError("the state is of an environment with another domain or other settings")
        self._simulation.set_state(state)
        if self.render_mode == "human":
            self._rendering.skip(self.conversation)
        self._view.go_back(state.frames)
        return self._observe(), self._info(self._simulation.player.turns, self._simulation.is_success)

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Do one action.

        Raises:
            ValueError: the action is out of range.
            gymnasium.error.ResetNeeded: the dialogue is over.
        """
        index = self._action_index(action)
        simulation = self._simulation
        if simulation.is_over:
            raise gym.error.ResetNeeded("the dialogue is over: call reset() before step()")
        events, truncated = simulation.step(index)
        reward, terms = self.reward_terms.earned(events, index - self.first_action)
        player = simulation.player
        if player.shaped:
            terms[-1] = player.shaped
            reward += player.shaped
        info = self._info(player.turns, simulation.is_success, terms)
        if self.render_mode == "human":
            self._rendering.print_new(self.conversation)
        return (
            self._view.observe(player, simulation.tables),
            reward,
            events & _ENDED != 0,
            truncated,
            info,
        )

    def _action_index(self, action: Any) -> int:
        """Return the index of an action in the domain; an error if the environment has no such action."""
        try:
            index = operator.index(action) + self.first_action
        except TypeError:
            raise TypeError(f"action {action!r}: must be a number, a place in action_names") from None
        if not self.first_action <= index < self._actions:
            raise ValueError(f"action {action}: must be from 0 to {len(self.action_names) - 1}")
        return index

    def _info(self, turns: int, is_success: bool = False, terms: NamedTerms | None = None) -> dict[str, Any]:
        """Return the `info` of a reset or a step: always the same keys and types."""
        return {
            "action_mask": self._simulation.player.mask(),
            "reward_terms": self.reward_terms.none.copy() if terms is None else terms,
            "turns": self._counts[turns] if turns < len(self._counts) else np.int64(turns),
            "is_success": _YES.copy() if is_success else _NO.copy(),
        }

    def _observe(self) -> Observation:
        return self._view.observe(self._simulation.player, self.tables)

    def _mask(self) -> npt.NDArray[np.int8]:
        return self._simulation.player.mask()

    def action_masks(self) -> npt.NDArray[np.bool_]:
        """Return for each action whether its precondition holds (the name that MaskablePPO looks for)."""
        return self._mask().astype(np.bool_)

    def render(self) -> str | npt.NDArray[np.uint8] | None:
        """Return the dialogue so far: a text (`"ansi"`) or a picture (`"rgb_array"`).

        With `"human"` it has been printed already.
        """
        if self.render_mode is None:
            modes = ", ".join(self.metadata["render_modes"])
            gym.logger.warn(f"render() needs a render_mode in gym.make: {modes}")
            return None
        return self._rendering.render(self.conversation)

    def get_keys_to_action(self) -> dict[str, int]:
        """Return a key for each action, from a on, for `gymnasium.utils.play`."""
        return dict(zip(_KEYS, range(len(self.action_names)), strict=False))

    @property
    def conversation(self) -> Conversation:
        """The dialogue so far in words, extended by every step until the next reset.

        Raises:
            gymnasium.error.ResetNeeded: no dialogue has begun.
        """
        self._need_reset()
        return self._simulation.conversation

    def _need_reset(self) -> None:
        if not self._simulation.has_begun:
            raise gym.error.ResetNeeded("no dialogue has begun: call reset() first")

    def foresee(self, action: str) -> tuple[Event, ...]:
        """Return the events that an action would have now, without the user's reply; nothing is done."""
        return self._simulation.foresee(action)

    @property
    def goal(self) -> dict[str, str]:
        """The values that the user wants, by slot. No observation shows them."""
        return self._simulation.goal()

    @property
    def wishes(self) -> dict[str, bool]:
        """The attributes that a search-driven user asks for, and whether the bot has told each.

        No observation shows them.
        """
        return self._simulation.wishes()

    @property
    def agenda(self) -> tuple[tuple[AgendaItem, ...], int]:
        """The messages that an agenda-driven user plans, and how many of them were said.

        No observation shows them. A goal-driven user has none.
        """
        return self._simulation.agenda()

    def replace_last_message(self, message: UserUttered) -> tuple[Observation, dict[str, Any]]:
        """Replace the last message as the bot understood it, for example by an interpreter's result.

        The user continues from their own meaning, and judges the bot's new knowledge.

        Returns:
            The observation that replaces the last one, and the changed keys of `info`.

        Raises:
            ValueError: the last event is not a message of the user.
        """
        self._simulation.replace_last_message(message)
        self._view.forget_newest()
        return self._observe(), {"action_mask": self._mask()}


def _player(compiled: bool) -> Callable[[Domain, Tables], Player]:
    """Return what makes a player, by compiled rules or by interpreted ones."""
    if not isinstance(compiled, bool):
        raise ValueError(f"compiled={compiled!r}: must be True or False")
    if not compiled:
        return InterpretedPlayer
    need_compiler("leave compiled=True out")
    from dialogue_gym.envs.compiled_player import CompiledPlayer

    return CompiledPlayer
