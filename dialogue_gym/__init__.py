"""Gymnasium environments with fake users, for learning dialogue policies.

Importing this package registers `FakeUserRestaurant-v0`, `FakeUserConcert-v0`, `FakeUserCity-v0`,
`FakeUserHotel-v0`, `FakeUserLaptop-v0` and `Dialogue-v0`; the same with explicit turn taking,
`FakeUserRestaurantExplicit-v0` and so on; the same in text, `FakeUserRestaurantText-v0` and so on; and
`DialogueLive-v0`.
"""

from typing import TYPE_CHECKING

from gymnasium.envs.registration import register

from dialogue_gym._lazy import lazy_getattr
from dialogue_gym.rules.tables import STEP_LIMITS
from dialogue_gym.version import __version__

if TYPE_CHECKING:
    from dialogue_gym.domain import Domain, DomainError, load_domain
    from dialogue_gym.envs import DialogueEnv
    from dialogue_gym.policies import ExpertPolicy, PretrainedPolicy, RandomPolicy
    from dialogue_gym.wrappers.human_reward import HumanReward

__all__ = [
    "DialogueEnv",
    "Domain",
    "DomainError",
    "ExpertPolicy",
    "HumanReward",
    "PretrainedPolicy",
    "RandomPolicy",
    "__version__",
    "load_domain",
]

# An import registers the ids, and little else: names and packages load when they are used.
_PACKAGES = (
    "actions", "bounds", "conversation", "datasets", "domain", "domains", "envs", "exact", "fitting", "hub",
    "journal", "live", "nlu", "off_policy", "ontologies", "outline", "play", "policies", "raters", "reports",
    "sb3", "stories", "teaching", "testing", "text", "training", "vector", "wrappers",
)  # fmt: skip
__getattr__ = lazy_getattr(__name__, {
    "domain": ("Domain", "DomainError", "load_domain"),
    "envs": ("DialogueEnv",),
    "policies": ("ExpertPolicy", "PretrainedPolicy", "RandomPolicy"),
    "wrappers.human_reward": ("HumanReward",),
}, _PACKAGES)  # fmt: skip

_BUILTIN: dict[str, dict[str, str]] = {
    "FakeUserRestaurant": {"domain": "restaurant"},
    "FakeUserConcert": {"domain": "concert"},
    "FakeUserCity": {"domain": "city"},
    "FakeUserHotel": {"domain": "hotel"},
    "FakeUserLaptop": {"domain": "laptop"},
    "Dialogue": {},
}
_SHORT = ("FakeUserCity", "FakeUserHotel", "FakeUserLaptop")
"""The ids with 25 steps, or 50 with explicit turn taking, as PyDial's benchmark has them."""
for _name, _kwargs in _BUILTIN.items():
    for _turns, _more in (("auto", {}), ("explicit", {"turn_taking": "explicit"})):
        register(
            id=f"{_name}{_turns.title() if _more else ''}-v0",
            entry_point="dialogue_gym.envs:DialogueEnv",
            vector_entry_point="dialogue_gym.vector:DialogueVectorEnv",
            max_episode_steps=STEP_LIMITS[_turns] // (2 if _name in _SHORT else 1),
            kwargs=_kwargs | _more,
        )
for _name, _kwargs in _BUILTIN.items():
    register(
        id=f"{_name}Text-v0",
        entry_point="dialogue_gym.text:TextDialogueEnv",
        max_episode_steps=STEP_LIMITS["auto"] // (2 if _name in _SHORT else 1),
        kwargs=_kwargs,
    )
register(
    id="DialogueLive-v0",
    entry_point="dialogue_gym.live.env:DialogueLiveEnv",
    max_episode_steps=STEP_LIMITS["auto"],
)
