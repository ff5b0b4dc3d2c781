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
    _check_expert(options)
    from dialogue_gym.teaching.terminal.run import run

    divert_log()
    run(options)


def _check_expert(options: TeachOptions) -> None:
    """Refuse options that a person's lesson, or the expert's, would ignore."""
    if options.teacher == Teacher.EXPERT:
        if options.wizard:
            raise ValueError("--wizard: it is for a person, and not with --teacher expert")
        return
    usual = TeachOptions(options.source)
    given = {
        "--mistakes": options.mistakes != usual.mistakes,
        "--dialogues": options.dialogues != usual.dialogues,
        "--json": options.as_json,
    }
    for option in (option for option, is_given in given.items() if is_given):
        raise ValueError(f"{option}: it is for --teacher expert")
