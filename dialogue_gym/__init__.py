"""Gymnasium environments with simulated users, for learning dialogue policies.

Importing this package registers `FakeUserRestaurant-v0`, `FakeUserConcert-v0`, `Dialogue-v0` and
`DialogueLive-v0`.
"""

from gymnasium.envs.registration import register

from dialogue_gym.domain import Domain, DomainError, load_domain
from dialogue_gym.envs.builtin import FakeUserConcertEnv, FakeUserRestaurantEnv
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.policies.base import ExpertPolicy, RandomPolicy
from dialogue_gym.policies.pretrained import PretrainedPolicy
from dialogue_gym.version import __version__
from dialogue_gym.wrappers.human_reward import HumanReward

__all__ = [
    "DialogueEnv",
    "Domain",
    "DomainError",
    "ExpertPolicy",
    "FakeUserConcertEnv",
    "FakeUserRestaurantEnv",
    "HumanReward",
    "PretrainedPolicy",
    "RandomPolicy",
    "__version__",
    "load_domain",
]

for _name in ("FakeUserRestaurant", "FakeUserConcert", "Dialogue"):
    register(
        id=f"{_name}-v0",
        entry_point=f"dialogue_gym:{_name}Env",
        vector_entry_point=f"dialogue_gym.vector:{_name}VectorEnv",
    )
register(id="DialogueLive-v0", entry_point="dialogue_gym.live.env:DialogueLiveEnv")
