"""Runs of training from Python: configurations, watchers, and the files of a run."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from dialogue_gym import load_domain
from dialogue_gym.domain import domain_text
from dialogue_gym.envs import unwrapped_dialogue
from dialogue_gym.policies import QTable, load_agent
from dialogue_gym.training import (
    Learned,
    OfflineLearner,
    Run,
    agent_config,
    evaluate,
    save_metrics,
    save_trained,
    train,
)
from dialogue_gym.training.bootstrapped_dqn import BootstrappedDQN
from tests.conftest import BUILT_IN, make

FILES = ("agent.json", "metrics.json")


def ignore(*_: Any) -> None:
    """Do nothing: the progress of a training."""


def test_a_configuration_serves_several_runs_and_keeps_no_hyperparameter_of_them() -> None:
    config = agent_config("dqn", BUILT_IN[0])
    before = copy.deepcopy(config)
    for hyperparameters in ({"gamma": 0.5}, {}):
        run = Run(BUILT_IN[0], {}, "dqn", seed=0, steps=8, hyperparameters=hyperparameters)
        agent: Any = train(run, ignore, config=config)[0]
        assert agent.gamma == hyperparameters.get("gamma", 0.99)
        assert agent.lr_schedule(0.5) == 0.5 * before["hyperparameters"]["learning_rate"]
    assert config == before


def test_a_schedule_of_the_caller_takes_the_place_of_the_configured_one() -> None:
    run = Run(BUILT_IN[0], {}, "dqn", 0, 8, hyperparameters={"learning_rate": lambda left: 0.25 * left})
    agent: Any = train(run, ignore)[0]
    assert agent.lr_schedule(0.5) == 0.125


def test_an_agent_that_learns_from_data_is_seen_after_each_update_so_that_a_stop_keeps_it() -> None:
    config = agent_config("masked_cql", BUILT_IN[0])
    config["data"]["dialogues"] = 20
    seen: list[tuple[int, int]] = []
    policies = []

    def watch(dialogues: int, steps: int, agent: Learned) -> None:
        assert isinstance(agent, OfflineLearner)
        seen.append((dialogues, steps))
        policies.append(agent.policy())
        if steps == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(Run(BUILT_IN[0], {}, "masked_cql", seed=0, steps=1000), ignore, watch, config=config)
    assert seen == [(20, 1), (20, 2), (20, 3)]
    assert not np.array_equal(policies[0].layers[0][0], policies[2].layers[0][0])


def test_the_files_of_a_run_take_settings_of_python(tmp_path: Path) -> None:
    own = tmp_path / "own.yml"
    own.write_text(domain_text("concert"))
    for domain, shown in ((own, str(own)), (load_domain("concert"), "concert")):
        settings = {"domain": domain, "patience": np.int64(7), "reward": {"success": np.float64(30)}}
        hyperparameters = {"exploration": np.float32(0.5)}
        run = Run("Dialogue-v0", settings, "q_table", 0, 40, hyperparameters=hyperparameters)
        policy = save_trained(tmp_path, run, train(run, ignore)[0])
        figures = evaluate(run.make_env(), policy, 2)
        metrics = save_metrics(tmp_path, run, 40, 1.0, figures)
        for one in (metrics, *(json.loads((tmp_path / name).read_text()) for name in FILES)):
            assert one["settings"] == {"domain": shown, "patience": 7, "reward": {"success": 30.0}}
        assert metrics["hyperparameters"] == {"exploration": 0.5}
        agent = load_agent(tmp_path, domain)
        assert agent is not None and agent.env.patience == 7


class Users(gym.Wrapper[Any, Any, Any, Any]):
    """The goals and first messages of all users so far."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        self.met: list[object] = []

    def reset(self, **options: Any) -> Any:
        result = self.env.reset(**options)
        dialogue = unwrapped_dialogue(self)
        self.met.append((dialogue.goal, dialogue.conversation.events[-1]))
        return result


def small(env: gym.Env[Any, Any]) -> BootstrappedDQN:
    return BootstrappedDQN(env, seed=1, heads=2, width=4, common_width=4, updates=1, random_dialogues=3)


@pytest.mark.parametrize("kind", [lambda env: QTable(env, seed=1), small])
def test_a_learning_that_goes_on_meets_other_users(kind: Callable[[Any], Any]) -> None:
    env = Users(make(BUILT_IN[0]))
    agent = kind(env)
    agent.learn(60, ignore)
    before = len(env.met)
    agent.learn(60, ignore)
    assert agent.num_timesteps == 120 and env.met[before] != env.met[0]


def test_bootstrapped_dqn_goes_on_with_the_step_size_that_it_had() -> None:
    agent = small(make(BUILT_IN[0]))
    sizes = []
    for _ in range(3):
        agent.learn(60, ignore)
        sizes.append(agent._optimizer.param_groups[0]["lr"])
    assert sizes[0] > sizes[1] > sizes[2]
