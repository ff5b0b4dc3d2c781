"""Many dialogues at a time, their rules compiled: environments for `gymnasium.make_vec`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import VectorEnv
from gymnasium.vector.utils import batch_space

from dialogue_gym._text import nearest
from dialogue_gym.compiled.availability import need_compiler
from dialogue_gym.domain.observation import ObservationField
from dialogue_gym.envs.arguments import checked_keywords, keywords_of
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.envs.horizon import with_horizon
from dialogue_gym.envs.options import KEYS, ResetOptions, fold, read_options, read_seed
from dialogue_gym.envs.random_source import RandomSource
from dialogue_gym.envs.settings import whole_number
from dialogue_gym.rules.chance import MASK
from dialogue_gym.vector.attributes import METHODS, LaneAttributes
from dialogue_gym.vector.lazy_info import final_info, lane_info

if TYPE_CHECKING:
    from gymnasium.vector import AutoresetMode

    from dialogue_gym.vector.buffers import StepResult
    from dialogue_gym.vector.lanes import Final, Lanes
else:
    try:
        from gymnasium.vector import AutoresetMode
    except ImportError:  # Gymnasium 1.0 has only one mode
        import enum

        AutoresetMode = enum.Enum(
            "AutoresetMode", {"NEXT_STEP": "NextStep", "SAME_STEP": "SameStep", "DISABLED": "Disabled"}
        )

Array = npt.NDArray[Any]
MAX_LANES = 10_000_000
_INT64 = np.dtype(np.int64)


def make_lanes(env: DialogueEnv, count: int, *, is_same_step: bool, copy: bool) -> Lanes:
    """Return lanes that play an environment's dialogues with compiled rules.

    Raises:
        gymnasium.error.Error: Numba is not installed, or does not compile.
    """
    need_compiler('use gymnasium.make_vec(..., vectorization_mode="sync")')
    from dialogue_gym.vector.lanes import Lanes

    return Lanes(env, count, is_same_step=is_same_step, copy=copy)


class DialogueVectorEnv(RandomSource, VectorEnv[Array, Array, Array]):
    """Dialogues of a `DialogueEnv`, many at a time, played by compiled rules.

    Lane i, reset with seed s, gives the same observations, masks, rewards and endings as a `DialogueEnv`
    reset with s + i, whatever the number of lanes and of Numba's threads (`numba.set_num_threads`). The first
    environment of a domain takes some seconds to compile; Numba keeps the result on disk.

    ## Action Space
    `MultiDiscrete`, shape `(num_envs,)`: an action of `DialogueEnv` for each lane.

    ## Observation Space
    `MultiDiscrete`, shape `(num_envs, k * max_history)`, dtype int8 or int16 as in `DialogueEnv`; with
    `observation="flat"` or `"belief"` a `Box` of float32 with a row for each lane.

    ## Rewards
    Shape `(num_envs,)`, dtype float64. `reward_terms()` returns the terms of the last ones by name.

    ## Episode End
    As in `DialogueEnv`, in each lane. `autoreset_mode` sets the continuation: with `"NextStep"` the
    next step ignores the lane's action and begins its next dialogue; with `"SameStep"` the step that ends a
    dialogue begins the next one and puts the last observation and info into `info["final_obs"]` and
    `info["final_info"]`; with `"Disabled"` the lanes that are over must be reset with
    `reset(options={"reset_mask": ...})`, a bool array of shape `(num_envs,)`.

    ## Information
    As in `DialogueEnv`, in the form of Gymnasium's vector environments: `action_mask` (int8, shape
    `(num_envs, actions)`), `turns` (int64), `is_success` (bool) and `reward_terms` (float64, shape
    `(num_envs, terms)`; `info["reward_terms"]["step"]` is one term), each with a mask of the lanes that have
    it, such as `_is_success`. All lanes have them always. Terms are worked out when they are read.

    ## Arguments
    - `num_envs`: the number of lanes.
    - `autoreset_mode`: `"NextStep"`, `"SameStep"` or `"Disabled"`, or Gymnasium's `AutoresetMode`.
    - `copy`: False returns the same arrays at each step, overwritten; True returns new ones.
    - all others as in `DialogueEnv`, except for `render_mode` and `compiled`: lanes are always compiled.

    ## Version History
    - v0: initial version.

    Raises:
        DomainError: the domain file cannot be used, or it has no fake user.
        ValueError: an argument is out of bounds; the message names the argument.
        TypeError: an argument is unknown; the message names the nearest one.
        gymnasium.error.Error: Numba is not installed, or does not compile.
    """

    @checked_keywords(*keywords_of(DialogueEnv))
    def __init__(
        self,
        num_envs: int = 1,
        *,
        autoreset_mode: str | AutoresetMode = "NextStep",
        copy: bool = True,
        compiled: bool = True,
        render_mode: str | None = None,
        **settings: Any,
    ) -> None:
        """Read the domain, and lay out the lanes."""
        if compiled is not True:
            raise ValueError(
                f'compiled={compiled!r}: must be True for lanes; use vectorization_mode="sync" otherwise'
            )
        if not isinstance(copy, bool):
            raise ValueError(f"copy={copy!r}: must be True or False")
        if render_mode is not None:
            raise ValueError(
                f"render_mode={render_mode!r}: must be None for compiled rules; "
                'use vectorization_mode="sync" to render'
            )
        self._spec: EnvSpec | None = None
        self.num_envs = whole_number("num_envs", num_envs, 1, MAX_LANES)
        self.autoreset_mode = _autoreset_mode(autoreset_mode)
        self.metadata = {"render_modes": [], "autoreset_mode": self.autoreset_mode}
        self.single = DialogueEnv(**settings)
        """The environment that defines the dialogues; it is not stepped itself."""
        self.single_observation_space = self.single.observation_space
        self.single_action_space = self.single.action_space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._is_same_step = self.autoreset_mode is AutoresetMode.SAME_STEP
        self._is_disabled = self.autoreset_mode is AutoresetMode.DISABLED
        self._lanes = make_lanes(self.single, self.num_envs, is_same_step=self._is_same_step, copy=copy)
        self._is_seeded = np.zeros(self.num_envs, np.bool_)
        self._is_begun = False
        self._everywhere = _everywhere(self.num_envs)
        self._attributes = LaneAttributes(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Continue where the pickled or copied environment was."""
        self.__dict__.update(state)
        self._everywhere = _everywhere(self.num_envs)

    @property
    def spec(self) -> EnvSpec | None:
        """The specification that `gymnasium.make_vec` gave, with the lanes' `max_episode_steps`."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        self._spec = with_horizon(spec, self.single.tables.step_limit)

    @property
    def patience(self) -> int:
        """Useless turns until a user hangs up; set it for all dialogues that begin afterwards."""
        return self.single.patience

    @patience.setter
    def patience(self, turns: int) -> None:
        self.single.patience = turns
        self._lanes.set_patience(self.single.patience)

    @property
    def attributes(self) -> LaneAttributes:
        """The attributes and methods of the lanes."""
        return self._attributes

    @property
    def action_names(self) -> tuple[str, ...]:
        """The names of a lane's actions, in order."""
        return self.single.action_names

    @property
    def observation_fields(self) -> tuple[ObservationField, ...]:
        """The name and labels of every component of a lane's observation."""
        return self.single.observation_fields

    def describe(self, observation: npt.ArrayLike) -> dict[str, str]:
        """Return one lane's observation in words: the label of each field, by the field's name."""
        return self.single.describe(observation)

    def action_masks(self) -> npt.NDArray[np.bool_]:
        """Return for each lane and action whether its precondition holds, shape `(num_envs, actions)`."""
        self._need_reset()
        return self._lanes.look().masks.astype(np.bool_)

    def get_attr(self, name: str) -> tuple[Any, ...]:
        """Return an attribute of each lane, as Gymnasium's vector environments do.

        Raises:
            AttributeError: the attribute is unknown, or exists only for a single dialogue.
        """
        return tuple(self._attributes.get(name))

    def set_attr(self, name: str, values: Any) -> None:
        """Give each lane an attribute of your own: a list or tuple with one value each, or one for all.

        Of the environment's own attributes only `patience` can be set, to the same number in all lanes.

        Raises:
            AttributeError: the environment has an attribute of this name, which compiled lanes cannot change.
            ValueError: there are not as many values as lanes, or the patience is invalid.
        """
        listed = values if isinstance(values, list | tuple) else [values] * self.num_envs
        if len(listed) != self.num_envs:
            raise ValueError(f"{name!r}: {self.num_envs} lanes need as many values, not {len(listed)}")
        self._attributes.add(name, dict(enumerate(listed)))

    def call(self, name: str, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Return the results of a method of each lane, or an attribute, as Gymnasium's do.

        Raises:
            AttributeError: the name is unknown, or exists only for a single dialogue.
        """
        if name in METHODS:
            return tuple(self._attributes.call(name, *args, **kwargs))
        return self.get_attr(name)

    def reward_terms(self) -> dict[str, npt.NDArray[np.float64]]:
        """Return the terms of the last step's rewards by name; all are 0 where a dialogue began."""
        return dict(self._lanes.late_terms()().items())

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Array, dict[str, Any]]:
        """Begin a dialogue in every lane, or in those of `options["reset_mask"]`.

        Args:
            seed: s gives lane i the seed s + i; a list gives each lane its own, or None. Without a seed a
                lane's random stream runs on.
            options: may hold `reset_mask`, a bool array of shape `(num_envs,)`, and `goal` and `user`, the
                wishes and the profile of the users of these dialogues, as in `DialogueEnv.reset`.

        Raises:
            ValueError: there are not as many seeds, or mask entries, as lanes; or an option is unknown.
            TypeError: the mask is not a bool array.
            gymnasium.error.ResetNeeded: with a mask, before all lanes were reset once.
        """
        chosen = self._chosen(options)
        wanted = self._wanted(options)
        seeds, is_given = self._seeds(seed)
        is_new = chosen & (is_given | ~self._is_seeded)
        unknown = is_new & ~is_given
        if unknown.any():
            seeds[unknown] = self._drawn_seeds(int(unknown.sum()))
        self._is_seeded |= is_new
        seen = self._lanes.reset(seeds, is_new, chosen, wanted)
        self._is_begun = True
        nowhere = np.zeros(self.num_envs, np.bool_)
        return seen.observations, lane_info(self._lanes, seen, nowhere, self._everywhere, nowhere)

    def step(self, actions: npt.ArrayLike) -> tuple[Array, Array, Array, Array, dict[str, Any]]:
        """Do an action in each lane.

        Args:
            actions: integers, shape `(num_envs,)`.

        Raises:
            ValueError: an action is out of range, or there are not `num_envs` of them; no lane has moved.
            gymnasium.error.ResetNeeded: `reset` must be called first.
        """
        seen = self.advance(actions)
        lanes, everywhere = self._lanes, self._everywhere
        if self._is_same_step and lanes.ended:
            nowhere = np.zeros_like(seen.successes)
            info = lane_info(lanes, seen, nowhere, everywhere, ~seen.ended, final_info(lanes, seen))
        else:
            info = lane_info(lanes, seen, seen.successes, everywhere)
        return seen.observations, seen.rewards, seen.terminated, seen.truncated, info

    def advance(self, actions: npt.ArrayLike) -> StepResult:
        """Step as `step` does, but return all arrays of the step as they are, and no `info`."""
        self._need_reset()
        if self._is_disabled and self._lanes.is_over.any():
            lane = int(np.argmax(self._lanes.is_over))
            raise gym.error.ResetNeeded(f"the dialogue of lane {lane} is over: reset it before step()")
        return self._lanes.step(self._as_actions(actions))

    def final(self, ended: Array) -> Final:
        """Return the last observations of lanes (by number) whose dialogue ended in the last step.

        Raises:
            ValueError: the mode is not `"SameStep"`; in the other modes the step itself returns them.
        """
        if not self._is_same_step:
            raise ValueError('final() needs autoreset_mode="SameStep"')
        return self._lanes.final(ended)

    def _need_reset(self) -> None:
        if not self._is_begun:
            raise gym.error.ResetNeeded("call reset() for all lanes first")

    def _as_actions(self, actions: npt.ArrayLike) -> npt.NDArray[np.int64]:
        array = np.asarray(actions)
        if array.dtype is _INT64 and array.shape == self._everywhere.shape and array.flags.carray:
            return array  # the usual case: checking on would take as long as ten lanes
        if array.shape != (self.num_envs,) or array.dtype.kind not in "iu":
            raise ValueError(
                f"actions must be {self.num_envs} integers, not {array.dtype} of shape {array.shape}"
            )
        if array.dtype == np.uint64:
            array = np.minimum(array, np.iinfo(np.int64).max)
        return np.array(array, dtype=np.int64)  # the compiled code takes no other kind

    def _chosen(self, options: dict[str, Any] | None) -> Array:
        if options is not None and not isinstance(options, Mapping):
            raise TypeError(f"options={options!r}: must be a mapping or None")
        if not options or options.get("reset_mask") is None:
            return self._everywhere
        self._need_reset()
        mask = options["reset_mask"]
        if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_:
            raise TypeError("options['reset_mask'] must be a NumPy array of bool")
        if mask.shape != (self.num_envs,):
            raise ValueError(f"options['reset_mask'] must have shape ({self.num_envs},), not {mask.shape}")
        if not mask.any():
            raise ValueError("options['reset_mask'] must be True for at least one lane")
        return mask

    def _wanted(self, options: dict[str, Any] | None) -> ResetOptions:
        given = {key: value for key, value in (options or {}).items() if key != "reset_mask"}
        return read_options(given, self.single.domain, (*KEYS, "reset_mask"))

    def _draw_chance(self) -> None:
        self._lanes.set_random_states(self._drawn_seeds(self.num_envs))
        self._is_seeded[:] = True

    def _seeds(self, seed: int | Sequence[int | None] | None) -> tuple[npt.NDArray[np.uint64], Array]:
        """Return the seed of each lane, and a mask of the lanes whose seed is given."""
        count = self.num_envs
        if seed is None:
            return np.zeros(count, np.uint64), np.zeros(count, np.bool_)
        if isinstance(seed, Sequence | np.ndarray):
            given = [None if one is None else read_seed(one) for one in seed]
            if len(given) != count:
                raise ValueError(f"seed: {count} lanes need as many seeds, not {len(given)}")
            known = np.array([one is not None for one in given])
            return np.array([fold(one or 0) for one in given], dtype=np.uint64), known
        first = read_seed(seed)
        super().reset(seed=first)
        if first + count <= MASK:
            seeds = np.arange(count, dtype=np.uint64) + np.uint64(first)
        else:
            seeds = np.array([fold(first + lane) for lane in range(count)], dtype=np.uint64)
        return seeds, np.ones(count, np.bool_)


def _everywhere(count: int) -> Array:
    array = np.ones(count, np.bool_)
    array.flags.writeable = False  # every step returns it
    return array


def _autoreset_mode(given: str | AutoresetMode) -> AutoresetMode:
    if isinstance(given, AutoresetMode):
        return given
    plain = str(given).lower().replace("-", "").replace("_", "")
    modes = {mode.value.lower(): mode for mode in AutoresetMode}
    if plain not in modes:
        names = [mode.value for mode in AutoresetMode]
        raise ValueError(f"autoreset_mode={given!r}: unknown mode; {nearest(str(given), names)}")
    return modes[plain]
