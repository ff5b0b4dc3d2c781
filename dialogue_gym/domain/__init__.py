"""Domain files: read, checked, frozen."""

from dialogue_gym.domain.loader import domain_text, load_domain
from dialogue_gym.domain.model import Domain, DomainError, FakeUser, Noise, Profile
from dialogue_gym.domain.slot import Slot

__all__ = ["Domain", "DomainError", "FakeUser", "Noise", "Profile", "Slot", "domain_text", "load_domain"]
