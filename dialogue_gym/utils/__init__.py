"""Helpers for programs beside the library: files written whole or not at all, words for figures and names."""

from dialogue_gym._files import prepare_folder, write_text, write_whole
from dialogue_gym._text import counted, nearest, short_percent

__all__ = ["counted", "nearest", "prepare_folder", "short_percent", "write_text", "write_whole"]
