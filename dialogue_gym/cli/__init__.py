"""The command `dialogue-gym`."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

from dialogue_gym._lazy import lazy_getattr

if TYPE_CHECKING:
    from dialogue_gym.cli.train import (
        BoundOption,
        EnvKwargsOption,
        HyperparamsOption,
        LabelsOption,
        TrackOption,
    )

__getattr__ = lazy_getattr(__name__, {
    "train": ("BoundOption", "EnvKwargsOption", "HyperparamsOption", "LabelsOption", "TrackOption"),
})  # fmt: skip

__all__ = ["BoundOption", "EnvKwargsOption", "HyperparamsOption", "LabelsOption", "TrackOption", "main"]

_EXTRAS = {
    "numba": "agents",
    "scipy": "agents",
    "sb3_contrib": "agents",
    "torch": "live",
    "stable_baselines3": "live",
    "rapidfuzz": "nlu",
    "re2": "nlu",
    "sklearn": "nlu",
    "httpx2": "hub",
    "huggingface_hub": "hub",
    "argon2": "web",
    "fastapi": "web",
    "itsdangerous": "web",
    "nicegui": "web",
    "pydantic": "web",
    "starlette": "web",
    "uvicorn": "web",
}
"""The extra of each optional package that only some commands need; all others are in `teach`."""


def main() -> None:
    """Run a command; report a user's error in one line, with exit status 2."""
    try:
        from dialogue_gym.cli.app import app
    except ImportError as error:
        sys.exit(_fail(_missing(error)))

    from gymnasium.error import DependencyNotInstalled

    from dialogue_gym._http import ServiceError

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may lack some characters

    try:
        app()
    except ImportError as error:  # a package that only some commands need
        message = str(error) if "pip install" in str(error) else _missing(error)
    except OSError as error:
        message = f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
    except (DependencyNotInstalled, ValueError, ServiceError) as error:
        message = str(error)
    else:
        return
    sys.exit(_fail(message))


def _missing(error: ImportError) -> str:
    if str(error.name).startswith("dialogue_gym"):
        raise error  # a bug, not a missing package
    extra = _EXTRAS.get(str(error.name).partition(".")[0], "teach")
    return f'{error.name} is missing: pip install "dialogue_gym[{extra}]" installs it'


def _fail(message: str) -> int:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return 2
