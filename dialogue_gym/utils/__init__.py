"""Helpers for programs beside the library: files written whole or not at all, nouns, the nearest name."""

from dialogue_gym._files import prepare_folder, write_text, write_whole
from dialogue_gym._text import counted, nearest

__all__ = ["counted", "nearest", "prepare_folder", "write_text", "write_whole"]
