"""Agents of earlier versions, which are loaded if the person trusts them."""

from __future__ import annotations

import json
import pickle
import shutil
import sys
from pathlib import Path

import pytest
from stable_baselines3 import PPO

from dialogue_gym import DialogueEnv, load_domain
from dialogue_gym.policies import AgentError, NetworkPolicy, load_agent, save_agent
from dialogue_gym.sb3 import MaskedDQN, MaskedDQNPolicy, to_numpy
from dialogue_gym.sb3.masked_dqn import FORMER_MODULES
from dialogue_gym.sb3.schedules import Linear
from tests import ROOT

SAVED = ROOT / "tests/frozen/agents/masked_dqn"


def test_an_agent_of_an_earlier_version_needs_trust_and_no_other_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    domain = load_domain("restaurant")
    with pytest.raises(AgentError, match=r"can run code when it is loaded; train it again, or add --trust"):
        load_agent(str(SAVED), domain)
    monkeypatch.setitem(sys.modules, "agents", None)  # its file has a schedule of a module there
    monkeypatch.setitem(sys.modules, "agents.training", None)
    agent = load_agent(str(SAVED), domain, trust=True)
    assert agent is not None and isinstance(agent.policy, NetworkPolicy)
    observation, _ = agent.env.reset(seed=7)
    action, _ = agent.policy.predict(observation, deterministic=True)
    assert agent.env.action_masks()[action]
    assert sys.modules["agents"] is None


def test_a_schedule_of_an_earlier_version_is_found_in_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = DialogueEnv("concert")
    model = PPO("MlpPolicy", env, n_steps=8, batch_size=8, device="cpu", learning_rate=Linear(0.1))
    monkeypatch.setattr(Linear, "__module__", "agents.training")
    monkeypatch.setitem(sys.modules, "agents.training", sys.modules[Linear.__call__.__module__])
    model.save(tmp_path / "model.zip")
    monkeypatch.undo()
    assert b"agents.training" not in pickle.dumps(Linear(0.1))
    metrics = {"agent": "mine", "algorithm": "ppo", "settings": {}}
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))
    agent = load_agent(str(tmp_path), load_domain("concert"), trust=True)
    assert agent is not None and agent.name == "mine"
    with pytest.raises(AgentError, match="for other actions or observations than those of restaurant"):
        load_agent(str(tmp_path), load_domain("restaurant"), trust=True)
    (tmp_path / "metrics.json").write_text(json.dumps(metrics | {"algorithm": "a2c"}))
    with pytest.raises(AgentError, match="agents of the kind 'a2c' cannot talk, only dqn"):
        load_agent(str(tmp_path), load_domain("concert"), trust=True)


def test_a_table_of_an_earlier_version_has_no_code_and_needs_no_trust(tmp_path: Path) -> None:
    folder = tmp_path / "table"
    shutil.copytree(SAVED.parent / "q_table", folder)
    agent = load_agent(str(folder), load_domain("restaurant"))
    assert agent is not None and agent.name == "q_table"
    (folder / "model.zip").write_bytes((folder / "model.zip").read_bytes()[:500])
    with pytest.raises(AgentError, match=r"model\.zip: not a model of q_table"):
        load_agent(str(folder), load_domain("restaurant"))


def test_an_agent_of_flat_observations_talks(tmp_path: Path) -> None:
    settings = {"observation": "flat", "max_history": 2}
    env = DialogueEnv("restaurant", **settings)
    model = PPO("MlpPolicy", env, n_steps=8, batch_size=8, device="cpu")
    policy = to_numpy(model, env)
    save_agent(tmp_path, policy, name="mine", algorithm="ppo", settings=settings)
    agent = load_agent(tmp_path, "restaurant")
    assert agent is not None
    observation, info = env.reset(seed=7)
    expected, _ = policy.predict(observation, deterministic=True, action_masks=info["action_mask"])
    action, chance = agent.choose(env.conversation)
    assert action == env.action_names[int(expected)] and chance is not None
    assert agent.rank_actions(env.conversation)[1][0].action == action


def test_former_names_of_classes_are_known_only_while_an_agent_is_loaded() -> None:
    ours = {name for name in FORMER_MODULES if name.startswith("dialogue_gym")}
    with pytest.raises(ModuleNotFoundError):
        __import__("dialogue_gym.masks")
    loaded = MaskedDQN.load(SAVED / "model.zip", device="cpu")
    assert type(loaded.policy) is MaskedDQNPolicy
    assert ours.isdisjoint(sys.modules)
    with pytest.raises(FileNotFoundError):
        MaskedDQN.load(SAVED / "missing.zip")
    assert ours.isdisjoint(sys.modules)
