"""Training of agents by their configurations: from a run's parameters to an agent and its learning curve."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numba  # noqa: F401 (the lanes need it: if it is missing, nothing has been written yet)
import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger

from dialogue_gym.datasets.behaviour import find_behaviours
from dialogue_gym.datasets.collection import collect
from dialogue_gym.datasets.episode import Episode
from dialogue_gym.datasets.minari_files import read_dataset
from dialogue_gym.envs.wrapping import unwrapped_dialogue
from dialogue_gym.journal.place import StorePlace
from dialogue_gym.policies.q_table import QTable
from dialogue_gym.sb3.schedules import Linear
from dialogue_gym.sb3.vec_env import DialogueVecEnv
from dialogue_gym.training.algorithms import (
    ALGORITHMS,
    OFFLINE_ALGORITHMS,
    OWN_ALGORITHMS,
    Learned,
    check_hyperparameters,
)
from dialogue_gym.training.behaviour_cloning import clone
from dialogue_gym.training.bootstrapped_dqn import BootstrappedDQN
from dialogue_gym.training.configuration import agent_config, check_offline, check_warm_start, is_offline
from dialogue_gym.training.curriculum import SHAPING, Curriculum
from dialogue_gym.training.demonstrations import demonstrate, taught_labels
from dialogue_gym.training.environments import DEMONSTRATION, TRAINING, make_env, stream, with_steps
from dialogue_gym.training.offline_learning import OfflineLearner

_TRACKED = 100
"""The dialogues between two entries of a tracker."""


@dataclass(frozen=True)
class Run:
    """The parameters of a training run, which the metrics of a finished run repeat."""

    env_id: str
    settings: dict[str, Any]
    agent: str
    seed: int
    steps: int
    curriculum: bool = False
    """Whether the users of the training are patient at first, and progress is rewarded (see `Curriculum`)."""
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    """Hyperparameters of the algorithm, in the place of the configured ones."""

    @property
    def training_settings(self) -> dict[str, Any]:
        """The settings of the environment in which the agent learns."""
        return ({"shaping": SHAPING} if self.curriculum else {}) | self.settings

    @property
    def name(self) -> str:
        """A name for people: the agent, the environment and the seed."""
        return f"{self.agent} on {self.env_id}, seed {self.seed}"

    def make_env(self, render_mode: str | None = None) -> gym.Env[Any, Any]:
        """Make the environment of the run."""
        return make_env(self.env_id, self.settings, render_mode)


Progress = Callable[[int, float], None]
"""Called with the steps so far and the success rate of the last hundred dialogues."""
Watch = Callable[[int, int, Learned], None]
"""Called with the dialogues and steps so far and the agent, whenever dialogues have ended.

An agent that learns from data is passed after each update: its dialogues are those of the data, and its steps
are the updates.
"""


@dataclass
class Curve:
    """The training dialogues in order: the step at which each ended, its return, and 1 for success."""

    steps: list[int]
    returns: list[float]
    successes: list[float]
    stages: list[tuple[int, int]] = field(default_factory=list)
    """Of a curriculum: the steps after which each patience of the users began, with that patience."""


class _Recorder(BaseCallback):
    """Record of the return and success of every training dialogue, for the curriculum too."""

    def __init__(
        self,
        progress: Progress,
        watch: Watch | None,
        entropy: Linear | None = None,
        logger: Logger | None = None,
    ) -> None:
        super().__init__()
        self._entropy = entropy
        self.tracker = logger
        self._tracked = 0
        self.curve = Curve([], [], [])
        self._curriculum: Curriculum | None = None
        self._progress = progress
        self._watch = watch

    def begin(self, curriculum: Curriculum) -> None:
        """Follow a curriculum."""
        self._curriculum, self.curve.stages = curriculum, curriculum.stages

    def add(self, steps: int, total: float, is_success: bool) -> None:
        """Record one dialogue."""
        self.curve.steps.append(steps)
        self.curve.returns.append(total)
        self.curve.successes.append(float(is_success))
        if self._curriculum:
            self._curriculum.add(steps, is_success)
        if self.tracker and len(self.curve.steps) - self._tracked >= _TRACKED:
            self.track(steps)

    def track(self, steps: int) -> None:
        """Log the figures of the last hundred dialogues."""
        if self.tracker and len(self.curve.steps) > self._tracked:
            self._tracked = len(self.curve.steps)
            last = slice(-min(_TRACKED, len(self.curve.steps)), None)
            self.tracker.record("dialogues/success_rate", float(np.mean(self.curve.successes[last])))
            self.tracker.record("dialogues/mean_return", float(np.mean(self.curve.returns[last])))
            self.tracker.record("dialogues/number", len(self.curve.steps))
            self.tracker.dump(steps)

    def show(self, steps: int, agent: Learned) -> None:
        """Pass the agent to the watcher, if there is one."""
        if self._watch:
            self._watch(len(self.curve.steps), steps, agent)

    def report(self, steps: int) -> None:
        """Report the progress."""
        last = self.curve.successes[-100:]
        self._progress(steps, sum(last) / len(last) if last else 0.0)

    def _on_rollout_start(self) -> None:
        if self._entropy:
            agent: Any = self.model
            agent.ent_coef = self._entropy(agent._current_progress_remaining)

    def _on_step(self) -> bool:
        ended = np.flatnonzero(self.locals["dones"])
        for lane in ended:
            info = self.locals["infos"][lane]
            self.add(self.num_timesteps, info["episode"]["r"], info["is_success"])
        if len(ended):
            self.show(self.num_timesteps, self.model)
        self.report(self.num_timesteps)
        return True


def train(
    run: Run,
    progress: Progress,
    watch: Watch | None = None,
    labels: StorePlace | None = None,
    config: dict[str, Any] | None = None,
    dataset: str | None = None,
    logger: Logger | None = None,
) -> tuple[Learned, Curve, float]:
    """Train an agent; return it, its learning curve, and the seconds that it took.

    Args:
        run: the parameters of the training.
        progress: called with the progress.
        watch: called whenever dialogues have ended, or an agent that learns from data has had an update.
        labels: the place of a store; an agent with a warm start begins with the labels there, not with the
            expert.
        config: the configuration of the agent, as `agent_config` returns it, instead of its own.
        dataset: the id or folder of a data set of Minari, for an agent that learns from one; without it, the
            policies of the configuration are recorded. The learning curve is that of the data, and the steps
            of the run are updates.
        logger: given the figures on the way (see `tracking`).

    Raises:
        ValueError: the store cannot be used, or the agent has no warm start; the data set cannot be used, or
            the agent plays itself; or a hyperparameter is unknown, or cannot have its value.
    """
    config = config or agent_config(run.agent, run.env_id, run.settings)
    check_hyperparameters(config["algorithm"], run.hyperparameters)
    hyperparameters = config["hyperparameters"] | run.hyperparameters
    annealed = {
        name: Linear(hyperparameters[name])
        for name in config["anneal"]
        if not callable(hyperparameters[name])  # a schedule of the caller's own
    }
    recorder = _Recorder(progress, watch, annealed.pop("ent_coef", None), logger)
    config = config | {"hyperparameters": hyperparameters | annealed}  # the caller's stays as it is
    # The networks are small: a second thread costs more than it gains, on busy cores far more.
    torch.set_num_threads(1)
    start = time.perf_counter()
    if labels:
        check_warm_start(run.agent, run.env_id, run.settings)
    if dataset:
        check_offline(run.agent, run.env_id, run.settings)
    if is_offline(config):
        agent: Learned = _train_offline(run, config, recorder, dataset)
    elif config["algorithm"] in OWN_ALGORITHMS:
        agent = _train_own(run, config, recorder)
    else:
        agent = _train(run, config, recorder, labels)
    return agent, recorder.curve, time.perf_counter() - start


def _train(
    run: Run, config: dict[str, Any], recorder: _Recorder, labels: StorePlace | None = None
) -> BaseAlgorithm:
    lanes = DialogueVecEnv(run.env_id, int(config["lanes"]), **with_steps(run.training_settings))
    if run.curriculum:
        recorder.begin(Curriculum(lanes.lanes))
    seed = stream(run.seed, TRAINING)
    try:
        agent = ALGORITHMS[config["algorithm"]](
            config["policy"], lanes, seed=seed, device="cpu", **config["hyperparameters"]
        )
    except (AssertionError, RuntimeError, TypeError) as error:
        if not run.hyperparameters:
            raise
        shown = ", ".join(run.hyperparameters)
        raise ValueError(f"{run.agent} cannot be made with these values of {shown}: {error}") from error
    if recorder.tracker:
        agent.set_logger(recorder.tracker)
    if warm_start := config["warm_start"]:
        if labels:
            right = taught_labels(run.make_env(), labels)
        else:
            right = demonstrate(run.make_env(), warm_start["dialogues"], stream(run.seed, DEMONSTRATION))
        clone(agent, right, warm_start["updates"])
        recorder.show(0, agent)
    if run.steps:
        agent.learn(run.steps, callback=recorder)
        recorder.track(agent.num_timesteps)
    return agent


def _train_own(run: Run, config: dict[str, Any], recorder: _Recorder) -> QTable | BootstrappedDQN:
    env = make_env(run.env_id, run.training_settings)
    algorithm = OWN_ALGORITHMS[config["algorithm"]]
    agent = algorithm(env, seed=stream(run.seed, TRAINING), **config["hyperparameters"])
    if run.curriculum:
        recorder.begin(Curriculum(unwrapped_dialogue(env)))
    report_every = 100 if isinstance(agent, QTable) else 1  # a table plays thousands of dialogues a second

    def on_dialogue(steps: int, total: float, is_success: bool) -> None:
        recorder.add(steps, total, is_success)
        recorder.show(steps, agent)
        if len(recorder.curve.steps) % report_every == 0:
            recorder.report(steps)

    agent.learn(run.steps, on_dialogue)
    recorder.report(run.steps)
    recorder.track(run.steps)
    return agent


def _train_offline(
    run: Run, config: dict[str, Any], recorder: _Recorder, dataset: str | None
) -> OfflineLearner:
    env = run.make_env()
    seed = stream(run.seed, DEMONSTRATION)
    if dataset:
        episodes: list[Episode] = read_dataset(dataset, env)
    else:
        data = config["data"]
        episodes = list(collect(env, find_behaviours(data["policies"], env, seed), data["dialogues"], seed))
    agent = OfflineLearner(
        env,
        episodes,
        seed=stream(run.seed, TRAINING),
        values=OFFLINE_ALGORITHMS[config["algorithm"]],
        **config["hyperparameters"],
    )
    for steps, episode in zip(np.cumsum([len(one) for one in episodes]).tolist(), episodes, strict=True):
        recorder.add(steps, float(episode.rewards.sum()), episode.is_success)

    def on_update(done: int) -> None:
        recorder.report(done)
        recorder.show(done, agent)

    agent.learn(run.steps, on_update)
    return agent
