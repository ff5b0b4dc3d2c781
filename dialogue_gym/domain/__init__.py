"""Domain files: read, checked, frozen."""

from dialogue_gym.domain.model import Domain, FakeUser, Profile, Slot
from dialogue_gym.domain.reader import DomainError

__all__ = ["Domain", "DomainError", "FakeUser", "Profile", "Slot"]
