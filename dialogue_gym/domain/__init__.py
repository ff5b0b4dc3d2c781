"""Domain files: read, checked, frozen."""

from dialogue_gym.domain.model import Domain, DomainError, FakeUser, Profile, Slot

__all__ = ["Domain", "DomainError", "FakeUser", "Profile", "Slot"]
