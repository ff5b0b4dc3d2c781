"""`dialogue-gym teach`: teach a bot in the terminal by confirming or correcting what it does."""

from __future__ import annotations

from dialogue_gym.cli.field_options import Teacher, User, takes
from dialogue_gym.teaching.options import TeachOptions
from dialogue_gym.terminal import divert_log


@takes(TeachOptions, store="NAME-teaching")
def teach(options: TeachOptions) -> None:
    """Teach a bot in the terminal: confirm or correct each of its steps."""
    if options.scratch and options.pretrained:
        raise ValueError("--scratch, --pretrained: give only one of the two")
    if options.teacher == Teacher.EXPERT and options.user == User.ME:
        raise ValueError(
            "--teacher expert: needs --user fake, since the expert teaches in the fake user's dialogues"
        )
    from dialogue_gym.teaching.terminal.run import run

    divert_log()
    run(options)
