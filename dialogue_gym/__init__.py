"""Gymnasium environments with simulated users, for learning dialogue policies.

Importing this package registers `FakeUserRestaurant-v0`, `FakeUserConcert-v0` and `Dialogue-v0`.
"""

from gymnasium.envs.registration import register

from dialogue_gym.domain import Domain, DomainError
from dialogue_gym.envs import DialogueEnv, FakeUserConcertEnv, FakeUserRestaurantEnv
from dialogue_gym.policies import ExpertPolicy, RandomPolicy
from dialogue_gym.version import __version__

__all__ = [
    "DialogueEnv",
    "Domain",
    "DomainError",
    "ExpertPolicy",
    "FakeUserConcertEnv",
    "FakeUserRestaurantEnv",
    "RandomPolicy",
    "__version__",
]

register(id="FakeUserRestaurant-v0", entry_point="dialogue_gym.envs:FakeUserRestaurantEnv")
register(id="FakeUserConcert-v0", entry_point="dialogue_gym.envs:FakeUserConcertEnv")
register(id="Dialogue-v0", entry_point="dialogue_gym.envs:DialogueEnv")
