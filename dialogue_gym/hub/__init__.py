"""Agents and domains shared with others: pushed to a repository of the Hugging Face Hub, and pulled from one.

It needs the extra `hub`; folders of this machine take the place of a repository without it.
"""

from dialogue_gym.hub.bundle import Bundle, HubError, read_bundle
from dialogue_gym.hub.repository import pull, push

__all__ = ["Bundle", "HubError", "pull", "push", "read_bundle"]
