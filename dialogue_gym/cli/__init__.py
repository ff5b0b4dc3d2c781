"""The command `dialogue-gym`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run a command; what a person got wrong is said in one line, with exit status 2."""
    try:
        from dialogue_gym.cli.app import app
    except ImportError as error:
        sys.exit(_fail(f'{error.name} is missing: pip install "dialogue_gym[teach]" brings it'))

    from dialogue_gym.http import ServiceError

    try:
        app()
    except OSError as error:
        message = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    except (ValueError, ServiceError) as error:
        message = str(error)
    else:
        return
    sys.exit(_fail(message))


def _fail(message: str) -> int:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return 2
