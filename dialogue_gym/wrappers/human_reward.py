"""A person's reward instead of an environment's, or added to it."""

from __future__ import annotations

import copy
from typing import Any

import gymnasium as gym

from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.envs.settings import is_number
from dialogue_gym.journal.store import Store
from dialogue_gym.wrappers.credit import Credit
from dialogue_gym.wrappers.feedback import DIALOGUE, STEP, Source, Step, TerminalFeedback
from dialogue_gym.wrappers.feedback_log import FeedbackLog
from dialogue_gym.wrappers.reward_model import RewardModel, Visited

TERMINAL = "terminal"
_THIS_STEP = Credit(steps=(1.0,))


class HumanReward(gym.Wrapper[Any, Any, Any, Any], gym.utils.RecordConstructorArgs):
    """Wrapper that replaces the reward of an environment by a person's, or adds to it.

    ## Description
    After each step, or after the last one of an episode, a source is asked for a rating: a person at
    the terminal, or any callable, which gets a `Step` and returns a number, or None for silence. It works
    around any Gymnasium environment; a reward model needs discrete actions.

    ## Rewards
    `scale` * the person's reward + `mix` * the environment's own. With `mix=0` there is only the person's
    reward. People mostly rate single steps by their consequences, so a learner need not look ahead: TAMER
    learns with a discount of 0. With `mix=1` both are added (TAMER&RL: Knox and Stone 2012, "Reinforcement
    Learning from Simultaneous Human and MDP Reward"). While the person is silent, their part is 0, or
    the prediction of the `model`, if there is one.

    With `credit`, feedback is about the last few steps, whose rewards have been returned by then. So only the
    model learns from it, and every reward is a prediction. (A replay buffer keeps predictions from a time of
    less feedback; a small one soon drops them.)

    ## Information
    At every step:

    - `human_reward`: float, from the person; None if they were silent or not asked.
    - `environment_reward`: float, from the environment.
    - `predicted_reward`: float, from the model, with the latest feedback; only with a
      model, and with `every="dialogue"` only at the end.

    At the end of an episode, for instance for `info_keywords` of Stable-Baselines3's `Monitor`:

    - `human_return`: float, the sum of the person's rewards.
    - `human_ratings`: int, the number of these.
    - `environment_return`: float, the sum of the environment's rewards.

    ## Arguments
    - `source`: a callable, or `"terminal"`.
    - `every`: `"step"`, or `"dialogue"` (an episode), where the reward is 0 before the end.
    - `scale`, `mix`: see above.
    - `model`: a `dialogue_gym.wrappers.RewardModel`, or an object with its methods `predict`, `learn` and
      `uncertainty`. Several environments can share one. It goes on learning: only without it, and with a
      source that is a function of the step, does the same seed give the same rewards again.
    - `credit`: a `dialogue_gym.wrappers.Credit`. With `every="dialogue"` none is needed: a rating is
      about all steps, and the model learns it as the sum of their rewards.
    - `ask_above`: the person is asked only where the model's `uncertainty`, from 0 to 1, is above this (for a
      dialogue: that of its most uncertain step).
    - `store`: a `dialogue_gym.journal.Store`; several environments can share one. Each rating is in it
      before it takes effect. For a dialogue it gets the messages as well, from which stories can be exported;
      for other environments a note with observation and action.

    Raises:
        ValueError: an argument is out of bounds; or `step` got a number that is not finite.
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        source: Source | str = TERMINAL,
        every: str = STEP,
        *,
        scale: float = 1.0,
        mix: float = 0.0,
        model: RewardModel | None = None,
        credit: Credit | None = None,
        ask_above: float = 0.0,
        store: Store | None = None,
    ) -> None:
        """Wrap an environment."""
        gym.utils.RecordConstructorArgs.__init__(
            self,
            source=source,
            every=every,
            scale=scale,
            mix=mix,
            model=model,
            credit=credit,
            ask_above=ask_above,
            store=store,
            _disable_deepcopy=True,
        )
        gym.Wrapper.__init__(self, env)
        if not callable(source) and source != TERMINAL:
            raise ValueError(f"source={source!r}: must be {TERMINAL!r} or a callable that takes a Step")
        if every not in (STEP, DIALOGUE):
            raise ValueError(f"every={every!r}: must be {STEP!r} or {DIALOGUE!r}")
        for name, value in (("scale", scale), ("mix", mix), ("ask_above", ask_above)):
            if not is_number(value):
                raise ValueError(f"{name}={value!r}: must be a finite number")
        if model is None and (credit is not None or ask_above > 0):
            name = "ask_above" if credit is None else "credit"
            raise ValueError(f"{name}: needs a reward model, model=RewardModel(env)")
        if credit is not None and every == DIALOGUE:
            raise ValueError(
                f"credit: needs every={STEP!r}, since the rating of a dialogue is about all of its steps"
            )
        self._source: Source = source if callable(source) else TerminalFeedback()
        self._every = every
        self._scale = float(scale)
        self._mix = float(mix)
        self._model = model
        self._credit = credit or _THIS_STEP
        self._is_credited = credit is not None
        self._ask_above = float(ask_above)
        self._ratings = None if store is None else FeedbackLog(store)
        self._episodes = 0
        self._begin(None)

    @property
    def model(self) -> RewardModel | None:
        """The reward model, if there is one."""
        return self._model

    def _begin(self, observation: Any) -> None:
        self._observation = observation
        self._number = 0
        self._visited: list[Visited] = []
        self._shown: list[float] = []
        self._human_return, self._human_ratings, self._environment_return = 0.0, 0, 0.0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode; feedback is never about an earlier one."""
        self._leave()
        observation, info = self.env.reset(seed=seed, options=options)
        self._episodes += 1
        self._begin(_kept(observation))
        return observation, info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Do one action, and ask for its reward."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        own = float(reward)
        self._number += 1
        step = Step(
            self._observation,
            action,
            own,
            observation,
            terminated,
            truncated,
            info,
            self._number,
            self._episodes,
            self._every,
            self.env,
        )
        is_over = terminated or truncated
        self._observation = _kept(observation)
        if self._model is not None:
            self._visited.append((step.observation, action))
            self._shown.append(self._credit.clock())
        human = self._ask(step) if is_over or self._every == STEP else None
        if human is not None:
            self._human_return += human
            self._human_ratings += 1
            if self._ratings is not None:
                self._ratings.rate(step, human)
        self._environment_return += own
        ours: dict[str, Any] = {"human_reward": human, "environment_reward": own}
        part = human or 0.0
        if self._model is not None:
            self._learn(self._model, human)
            if is_over or self._every == STEP:
                ours["predicted_reward"] = self._predict(self._model)
                if human is None or self._is_credited:
                    part = ours["predicted_reward"]
        if is_over:
            ours |= {
                "human_return": self._human_return,
                "human_ratings": self._human_ratings,
                "environment_return": self._environment_return,
            }
            self._leave(is_cut=truncated)
        total = self._scale * part + (self._mix * own if self._mix else 0.0)
        return observation, total, terminated, truncated, info | ours

    def _ask(self, step: Step) -> float | None:
        if self._model is not None and self._ask_above > 0:
            visited = self._visited if self._every == DIALOGUE else self._visited[-1:]
            if max(self._model.uncertainty(*one) for one in visited) <= self._ask_above:
                return None
        value = self._source(step)
        if value is not None and not is_number(value):
            raise ValueError(f"source: returned {value!r}; must be a finite number, or None for silence")
        return None if value is None else float(value)

    def _learn(self, model: RewardModel, human: float | None) -> None:
        if self._every == DIALOGUE:
            if human is not None:
                model.learn(self._visited, [1.0] * len(self._visited), human)
            return
        weights = self._credit.weights(self._shown, self._credit.clock())
        if human is not None and weights.any():
            model.learn(self._visited, weights, human)
        out_of_reach = int((weights > 0).argmax())
        del self._visited[:out_of_reach], self._shown[:out_of_reach]

    def _predict(self, model: RewardModel) -> float:
        visited = self._visited if self._every == DIALOGUE else self._visited[-1:]
        return float(sum(model.predict(*one) for one in visited))

    def _leave(self, is_cut: bool = False) -> None:
        """Write down the end of the episode, if anything in it was rated."""
        if self._ratings is not None and self._number > 0:
            env = self.env.unwrapped
            self._ratings.end(env.conversation if isinstance(env, DialogueEnv) else None, is_cut)

    def close(self) -> None:
        """Close the environment; the store stays open."""
        self._leave()
        super().close()


def _kept(observation: Any) -> Any:
    return copy.deepcopy(observation)  # some environments hand out the same array again
