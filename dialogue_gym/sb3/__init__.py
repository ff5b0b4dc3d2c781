"""Stable-Baselines3: a `VecEnv` of compiled lanes, and a DQN that respects action masks.

Needs the extra `agents`; the modules load when a name is used.
"""

from __future__ import annotations

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
    if name in ("DialogueVecEnv", "dialogue_of"):
        from dialogue_gym.sb3 import vec_env as module
    else:
        from dialogue_gym.sb3 import masked_dqn as module  # type: ignore[no-redef]
    return getattr(module, name)
