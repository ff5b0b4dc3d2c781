"""Stable-Baselines3: a `VecEnv` of compiled lanes, agents that respect masks, and their policies in NumPy.

Needs the extra `agents`; the modules load when a name is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dialogue_gym._lazy import lazy_getattr

if TYPE_CHECKING:
    from dialogue_gym.sb3.conversion import to_numpy
    from dialogue_gym.sb3.maskable_ppo import ObservingMaskablePPO
    from dialogue_gym.sb3.masked_dqn import MaskedDQN, MaskedDQNPolicy, MaskedQNetwork, margin_loss
    from dialogue_gym.sb3.vec_env import DialogueVecEnv, dialogue_of

__all__ = [
    "DialogueVecEnv",
    "MaskedDQN",
    "MaskedDQNPolicy",
    "MaskedQNetwork",
    "ObservingMaskablePPO",
    "dialogue_of",
    "margin_loss",
    "to_numpy",
]

_load = lazy_getattr(__name__, {
    "conversion": ("to_numpy",),
    "maskable_ppo": ("ObservingMaskablePPO",),
    "masked_dqn": ("MaskedDQN", "MaskedDQNPolicy", "MaskedQNetwork", "margin_loss"),
    "vec_env": ("DialogueVecEnv", "dialogue_of"),
})  # fmt: skip


def __getattr__(name: str) -> Any:
    try:
        return _load(name)
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] not in ("sb3_contrib", "stable_baselines3", "torch"):
            raise
        raise ImportError(
            'dialogue_gym.sb3 needs Stable-Baselines3: pip install "dialogue_gym[agents]"'
        ) from None
