"""Training of agents, and the files that it writes: model, metrics and learning curve."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback

from agents.algorithms.behaviour_cloning import clone
from agents.algorithms.maskable_ppo import ObservingMaskablePPO
from agents.algorithms.q_table import QTable
from agents.config import agent_config, check_warm_start
from agents.demonstrations import demonstrate, taught_labels
from agents.evaluation import Evaluation
from agents.make_env import DEMONSTRATION, TRAINING, make, stream
from dialogue_gym.sb3 import DialogueVecEnv, MaskedDQN
from dialogue_gym.utils import write_text, write_whole

ALGORITHMS: dict[str, type[BaseAlgorithm]] = {
    "dqn": DQN,
    "maskable_ppo": ObservingMaskablePPO,
    "masked_dqn": MaskedDQN,
    "ppo": PPO,
}
TABLE = "q_table"
"""The only algorithm that is not part of Stable-Baselines3."""
Agent = BaseAlgorithm | QTable
_PACKAGES = ("dialogue_gym", "gymnasium", "stable-baselines3", "torch", "numpy")

# The networks are small: a second thread costs more than it gains, on busy cores far more.
torch.set_num_threads(1)


@dataclass(frozen=True)
class Run:
    """The parameters of a training run; the metrics of a finished run repeat them."""

    env_id: str
    settings: dict[str, Any]
    agent: str
    seed: int
    steps: int

    def make_env(self, render_mode: str | None = None) -> gym.Env[Any, Any]:
        """Make the environment of the run."""
        return make(self.env_id, self.settings, render_mode)


Progress = Callable[[int, float], None]
"""Called with the steps so far and the success rate of the last hundred dialogues."""
Watch = Callable[[int, int, Agent], None]
"""Called with the dialogues and steps so far and the agent, whenever dialogues have ended."""


@dataclass(frozen=True)
class Linear:
    """A schedule of Stable-Baselines3 that falls linearly to 0."""

    start: float

    def __call__(self, left: float) -> float:
        """Return the value, given the share of training that is left."""
        return self.start * left


class _Recorder(BaseCallback):
    """Records the return and success of every training dialogue."""

    def __init__(self, progress: Progress, watch: Watch | None, entropy: Linear | None = None) -> None:
        super().__init__()
        self._entropy = entropy
        self.curve = Curve([], [], [])
        self._progress = progress
        self._watch = watch

    def add(self, steps: int, total: float, is_success: bool) -> None:
        """Record one dialogue."""
        self.curve.steps.append(steps)
        self.curve.returns.append(total)
        self.curve.successes.append(float(is_success))

    def show(self, steps: int, agent: Agent) -> None:
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
    run: Run, progress: Progress, watch: Watch | None = None, labels: Path | None = None
) -> tuple[Agent, Curve, float]:
    """Train an agent; return it, its learning curve, and the seconds that it took.

    With `labels`, the folder of a store, an agent with a warm start begins with the labels there instead of
    the expert's.

    Raises:
        ValueError: the store cannot be used, or the agent has no warm start.
    """
    config = agent_config(run.agent, run.env_id)
    hyperparameters = config["hyperparameters"]
    annealed = {name: Linear(hyperparameters[name]) for name in config["anneal"]}
    recorder = _Recorder(progress, watch, annealed.pop("ent_coef", None))
    hyperparameters |= annealed
    start = time.perf_counter()
    if labels:
        check_warm_start(run.agent, run.env_id)
    if config["algorithm"] == TABLE:
        agent: Agent = _train_table(run, config, recorder)
    else:
        agent = _train(run, config, recorder, labels)
    return agent, recorder.curve, time.perf_counter() - start


def _train(
    run: Run, config: dict[str, Any], recorder: _Recorder, labels: Path | None = None
) -> BaseAlgorithm:
    lanes = DialogueVecEnv(run.env_id, int(config["lanes"]), **run.settings)
    seed = stream(run.seed, TRAINING)
    agent = ALGORITHMS[config["algorithm"]](
        config["policy"], lanes, seed=seed, device="cpu", **config["hyperparameters"]
    )
    if warm_start := config["warm_start"]:
        if labels:
            right = taught_labels(run.make_env(), labels)
        else:
            right = demonstrate(run.make_env(), warm_start["dialogues"], stream(run.seed, DEMONSTRATION))
        clone(agent, right, warm_start["updates"])
        recorder.show(0, agent)
    if run.steps:
        agent.learn(run.steps, callback=recorder)
    return agent


def _train_table(run: Run, config: dict[str, Any], recorder: _Recorder) -> QTable:
    agent = QTable(run.make_env(), seed=stream(run.seed, TRAINING), **config["hyperparameters"])

    def on_dialogue(steps: int, total: float, is_success: bool) -> None:
        recorder.add(steps, total, is_success)
        recorder.show(steps, agent)
        if len(recorder.curve.steps) % 100 == 0:
            recorder.report(steps)

    agent.learn(run.steps, on_dialogue)
    recorder.report(run.steps)
    return agent


def load(folder: Path) -> tuple[Run, Agent, dict[str, Any]]:
    """Return the run, agent and metrics in a folder that `train` wrote.

    Raises:
        ValueError: the folder has no finished run, or one that cannot be read.
    """
    try:
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        run = Run(**{key: metrics[key] for key in ("env_id", "settings", "agent", "seed", "steps")})
        run.make_env()
        agent_config(run.agent, run.env_id)
        metrics["bound_return"]
    except FileNotFoundError:
        raise ValueError(f"{folder}: not a trained agent (metrics.json is missing)") from None
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{folder}: metrics.json cannot be used ({_first_line(error)})") from None
    path = folder / "model.zip"
    if not path.is_file():
        raise ValueError(f"{folder}: not a trained agent (model.zip is missing)")
    try:
        agent = _load_model(run, path)
    except Exception as error:  # unpacking a broken file raises errors of many kinds
        raise ValueError(f"{path}: not a model of {run.agent} ({_first_line(error)})") from None
    return run, agent, metrics


def _load_model(run: Run, path: Path) -> Agent:
    algorithm = agent_config(run.agent, run.env_id)["algorithm"]
    if algorithm == TABLE:
        table = QTable(run.make_env())
        table.load(path)
        return table
    return ALGORITHMS[algorithm].load(path, device="cpu")


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def save_model(folder: Path, agent: Agent) -> None:
    """Write `model.zip`."""
    write_whole(folder / "model.zip", agent.save)


def save_results(
    folder: Path,
    run: Run,
    agent: Agent,
    curve: Curve,
    seconds: float,
    evaluation: Evaluation,
    bound: float | None,
) -> dict[str, Any]:
    """Write `learning_curve.png` and `metrics.json`; return the metrics.

    `bound` is None if the environment is too large to be solved.
    """
    metrics = {
        "env_id": run.env_id,
        "settings": run.settings,
        "agent": run.agent,
        "algorithm": agent_config(run.agent, run.env_id)["algorithm"],
        "seed": run.seed,
        "success_rate": evaluation.success_rate,
        "mean_return": evaluation.mean_return,
        "bound_return": bound,
        "mean_turns": evaluation.mean_turns,
        "dialogues": evaluation.dialogues,
        "steps": agent.num_timesteps,
        "wall_seconds": seconds,
        "versions": versions(),
    }
    title = f"{run.agent.upper()} on {run.env_id}"
    write_whole(folder / "learning_curve.png", lambda path: learning_curve(path, curve, bound, title))
    text = json.dumps(metrics, indent=2) + "\n"
    write_text(folder / "metrics.json", text)
    return metrics


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that a result depends on."""
    return {"python": platform.python_version()} | {
        name: importlib.metadata.version(name) for name in _PACKAGES
    }


WINDOW = 100


@dataclass
class Curve:
    """The training dialogues in order: the step at which each ended, its return, and 1 for success."""

    steps: list[int]
    returns: list[float]
    successes: list[float]


def learning_curve(path: Path, curve: Curve, bound: float | None, title: str) -> None:
    """Draw mean return and success rate over the last 100 training dialogues, and the bound."""
    from matplotlib.figure import Figure  # slow to load, and most programs here draw nothing

    figure = Figure(figsize=(7, 5.6), layout="constrained")
    above, below = figure.subplots(2, sharex=True)
    if bound is not None:
        above.axhline(bound, color="0.5", linestyle="--", label=f"bound ({bound:.2f})")
        above.legend(loc="lower right", frameon=False)
    if curve.steps:
        width = min(WINDOW, len(curve.steps))
        kernel = np.ones(width) / width
        steps = np.array(curve.steps)[width - 1 :]
        for axes, values in ((above, curve.returns), (below, curve.successes)):
            axes.plot(steps, np.convolve(values, kernel, "valid"))
    above.set_title(title)
    above.set_ylabel("mean return")
    below.set_ylabel("success rate")
    below.set_ylim(0, 1.05)
    below.set_xlabel(f"training steps (each point: the last {WINDOW} dialogues)")
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, format="png", dpi=120)
