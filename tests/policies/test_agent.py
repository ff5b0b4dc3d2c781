"""Agents in folders: of earlier versions, and without the program that trained them."""

from __future__ import annotations

import sys

import pytest

from dialogue_gym import load_domain
from dialogue_gym.policies import load_agent
from dialogue_gym.sb3 import MaskedDQN, MaskedDQNPolicy
from dialogue_gym.sb3.masked_dqn import FORMER_MODULES
from tests import ROOT

SAVED = ROOT / "tests/frozen/agents/masked_dqn"


def test_an_agent_is_loaded_without_the_program_that_trained_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "agents.training", None)  # its file has a schedule of that module
    agent = load_agent(str(SAVED), load_domain("restaurant"))
    assert agent is not None and isinstance(agent.policy, MaskedDQN)
    observation, _ = agent.env.reset(seed=7)
    action, _ = agent.policy.predict(observation, deterministic=True)
    assert agent.env.action_masks()[action]


def test_former_names_of_classes_are_known_only_while_an_agent_is_loaded() -> None:
    with pytest.raises(ModuleNotFoundError):
        __import__("dialogue_gym.masks")
    loaded = MaskedDQN.load(SAVED / "model.zip", device="cpu")
    assert type(loaded.policy) is MaskedDQNPolicy
    assert FORMER_MODULES.keys().isdisjoint(sys.modules)
    with pytest.raises(FileNotFoundError):
        MaskedDQN.load(SAVED / "missing.zip")
    assert FORMER_MODULES.keys().isdisjoint(sys.modules)
