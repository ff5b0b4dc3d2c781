"""Helpers for programs beside the library: files written whole or not at all, the nearest valid name."""

from dialogue_gym._files import write_text, write_whole
from dialogue_gym._text import nearest

__all__ = ["nearest", "write_text", "write_whole"]
