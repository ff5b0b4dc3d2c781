"""Stable-Baselines3: a `VecEnv` of compiled lanes, and a DQN that respects action masks.

Needs the extra `agents`; the modules load when a name is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dialogue_gym.sb3.masked_dqn import MaskedDQN, MaskedDQNPolicy, MaskedQNetwork, margin_loss
    from dialogue_gym.sb3.vec_env import DialogueVecEnv, dialogue_of

__all__ = [
    "DialogueVecEnv",
    "MaskedDQN",
    "MaskedDQNPolicy",
    "MaskedQNetwork",
    "dialogue_of",
    "margin_loss",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "vec_env" if name in ("DialogueVecEnv", "dialogue_of") else "masked_dqn"
    try:
        return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] not in ("stable_baselines3", "torch"):
            raise
        raise ImportError(
            'dialogue_gym.sb3 needs Stable-Baselines3: pip install "dialogue_gym[agents]"'
        ) from None
