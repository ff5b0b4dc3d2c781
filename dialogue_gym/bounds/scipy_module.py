"""Modules of SciPy, which load slowly and come with an extra."""

from __future__ import annotations

import importlib
from typing import Any


def scipy_module(name: str) -> Any:
    """Return a module of SciPy, imported now: it is slow to load, and few figures need it.

    Raises:
        ImportError: SciPy is not installed; the message names its extra.
    """
    try:
        return importlib.import_module(f"scipy.{name}")
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] != "scipy":
            raise
        raise ImportError(
            'dialogue_gym.bounds needs SciPy: pip install "dialogue_gym[agents]"', name="scipy"
        ) from None
