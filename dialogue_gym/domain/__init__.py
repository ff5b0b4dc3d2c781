"""Domain files: read, checked, frozen."""

from dialogue_gym.domain.loader import load_domain
from dialogue_gym.domain.model import Domain, DomainError, FakeUser, Profile
from dialogue_gym.domain.slot import Slot

__all__ = ["Domain", "DomainError", "FakeUser", "Profile", "Slot", "load_domain"]
