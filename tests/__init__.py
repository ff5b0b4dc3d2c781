"""The tests, in the folders of the library."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
