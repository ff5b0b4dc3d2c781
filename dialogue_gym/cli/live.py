"""`dialogue-gym live`: talk to a bot in the terminal, which learns from your ratings."""

from __future__ import annotations

from dialogue_gym.cli.field_options import takes
from dialogue_gym.live.options import LiveOptions
from dialogue_gym.terminal import divert_log


@takes(LiveOptions, store="NAME-live")
def live(options: LiveOptions) -> None:
    """Talk to a bot in the terminal and rate it; it learns from your ratings, and continues next time."""
    from dialogue_gym.live.run import run_live

    divert_log()
    run_live(options)
