"""`dialogue-gym serve`: teach a bot in the browser, and let people talk to it."""

from __future__ import annotations

import typer

from dialogue_gym.cli.field_options import takes
from dialogue_gym.web.options import ServeOptions
from dialogue_gym.web.part import Part


@takes(ServeOptions, store="NAME-teaching, or NAME-live with --no-teach")
def serve(options: ServeOptions) -> None:
    """Serve a bot in the browser: to teachers, to people who talk to it, or to both."""
    options.check()
    part = Part.of_environment()
    try:
        if part is not None:
            from dialogue_gym.web.shared_run import run_part

            run_part(options, part)
        elif options.workers is not None:
            from dialogue_gym.web.supervisor import supervise

            if status := supervise(options):
                raise typer.Exit(status)
        else:
            from dialogue_gym.web.run import run

            run(options)
    except ModuleNotFoundError as error:
        if not error.name or error.name.startswith("dialogue_gym"):
            raise
        raise ImportError(f'{error.name} is missing: pip install "dialogue_gym[web]" installs it') from None
