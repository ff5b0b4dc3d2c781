"""`dialogue-gym serve`: teach a bot in the browser, and let people talk to it."""

from __future__ import annotations

from dialogue_gym.cli.options import takes
from dialogue_gym.web.options import ServeOptions


@takes(ServeOptions, store="NAME-teaching, or NAME-live with --no-teach")
def serve(options: ServeOptions) -> None:
    """Serve a bot in the browser: to teachers, to people who talk to it, or to both."""
    options.check()
    try:
        from dialogue_gym.web.run import run
    except ImportError as error:
        if error.name and error.name.startswith("dialogue_gym"):
            raise
        raise ImportError(f'{error.name} is missing: pip install "dialogue_gym[web]" installs it') from None
    run(options)
