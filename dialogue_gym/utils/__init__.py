"""Helpers that programs beside the library use too: files written whole or not at all, hints at names."""

from dialogue_gym._files import write_text, write_whole
from dialogue_gym._text import nearest

__all__ = ["nearest", "write_text", "write_whole"]
