"""The options and arguments that several commands take, declared once each."""

from __future__ import annotations

from copy import copy
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from typer.models import OptionInfo


class User(StrEnum):
    """Who is the user of the bot."""

    FAKE = "fake"
    ME = "me"


class TurnTaking(StrEnum):
    """Whether the bot is taught to listen as well."""

    EXPLICIT = "explicit"
    AUTO = "auto"


def _only_with(flag: str, option: OptionInfo) -> OptionInfo:
    """Return an option as a command has it where it does something with a flag alone."""
    other = copy(option)
    other.help = f"with {flag}: {option.help}"
    return other


# What a bot is made of.
DomainName = Annotated[
    str, typer.Argument(metavar="DOMAIN|FILE", help="name of a built-in domain, or a domain file")
]
NluOption = Annotated[
    list[str] | None,
    typer.Option("--nlu", metavar="FILE|URL", help="NLU examples to train on, or a Rasa NLU server"),
]
ActionsOption = Annotated[
    list[str] | None,
    typer.Option("--actions", metavar="MODULE|FILE|URL", help="Python code of actions, or an action server"),
]
StoreOption = Annotated[
    Path | None,
    typer.Option(
        "--store", metavar="DIR", help="where all is kept; without it, NAME-teaching (live: NAME-live)"
    ),
]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="of all that is drawn at random")]

# How it is taught.
PretrainedOption = Annotated[
    bool, typer.Option("--pretrained", help="a new store begins with what the domain's own stories say")
]
StoriesOption = Annotated[
    list[Path] | None,
    typer.Option("--stories", metavar="FILE", help="stories that a new store begins with"),
]
UserOption = Annotated[
    User | None,
    typer.Option(
        "--user", help="who talks to the bot at first; without it, the fake user if it has a goal, else me"
    ),
]
TurnTakingOption = Annotated[
    TurnTaking, typer.Option("--turn-taking", help="with auto, speaking hands the turn over")
]

# How it learns from people.
_AGENT: OptionInfo = typer.Option(
    "--agent",
    metavar="NAME|DIR",
    help="where a new learner begins: pretrained, expert, or the folder of a trained DQN",
)
_SILENCE: OptionInfo = typer.Option(
    "--silence", min=0, help="minutes after which someone who says nothing has left; 0 for never"
)
_CHECKPOINTS: OptionInfo = typer.Option("--checkpoints", min=1, help="how many are kept")
_FALL: OptionInfo = typer.Option(
    "--fall", min=0, max=1, help="how far success with the fake user may fall before it is reported"
)
_ROLL_BACK: OptionInfo = typer.Option("--roll-back", help="a fall brings the best checkpoint back")
_COUNT_OUTCOMES: OptionInfo = typer.Option(
    "--count-outcomes", help="an end that nobody rates counts by its outcome"
)

BeginningOption = Annotated[str | None, _AGENT]
SilenceOption = Annotated[float, _SILENCE]
CheckpointsOption = Annotated[int, _CHECKPOINTS]
FallOption = Annotated[float, _FALL]
RollBackOption = Annotated[bool, _ROLL_BACK]
CountOutcomesOption = Annotated[bool, _COUNT_OUTCOMES]

LiveBeginningOption = Annotated[str | None, _only_with("--live", _AGENT)]
LiveSilenceOption = Annotated[float, _only_with("--live", _SILENCE)]
LiveCheckpointsOption = Annotated[int, _only_with("--live", _CHECKPOINTS)]
LiveFallOption = Annotated[float, _only_with("--live", _FALL)]
LiveRollBackOption = Annotated[bool, _only_with("--live", _ROLL_BACK)]
LiveCountOutcomesOption = Annotated[bool, _only_with("--live", _COUNT_OUTCOMES)]

# How it is served.
_HOST: OptionInfo = typer.Option("--host", help="where to listen; others than this machine need a password")
_PORT: OptionInfo = typer.Option("--port", min=0, max=65535, help="0 takes a free one")
_PASSWORD_FILE: OptionInfo = typer.Option(
    "--password-file",
    metavar="FILE",
    help="has the password of those who teach; or set DIALOGUE_GYM_PASSWORD",
)
_NAMES: OptionInfo = typer.Option("--name", metavar="HOST", help="another name under which this is reached")
_ORIGINS: OptionInfo = typer.Option(
    "--origin", metavar="URL", help="a site whose pages may talk to it, https://example.org"
)
_TOKEN_FILE: OptionInfo = typer.Option(
    "--token-file", metavar="FILE", help="who may be a channel, a line 'NAME TOKEN' each"
)
_TRUST_RATINGS: OptionInfo = typer.Option("--trust-ratings", help="ratings count before a teacher approves")

HostOption = Annotated[str, _HOST]
PortOption = Annotated[int, _PORT]
PasswordFileOption = Annotated[Path | None, _PASSWORD_FILE]
NamesOption = Annotated[list[str] | None, _NAMES]

HttpHostOption = Annotated[str, _only_with("--http", _HOST)]
HttpPortOption = Annotated[int, _only_with("--http", _PORT)]
HttpPasswordFileOption = Annotated[Path | None, _only_with("--http", _PASSWORD_FILE)]
HttpNamesOption = Annotated[list[str] | None, _only_with("--http", _NAMES)]
HttpOriginsOption = Annotated[list[str] | None, _only_with("--http", _ORIGINS)]
HttpTokenFileOption = Annotated[Path | None, _only_with("--http", _TOKEN_FILE)]
HttpTrustRatingsOption = Annotated[bool, _only_with("--http", _TRUST_RATINGS)]

LiveOriginsOption = Annotated[list[str] | None, _only_with("--live", _ORIGINS)]
LiveTokenFileOption = Annotated[Path | None, _only_with("--live", _TOKEN_FILE)]
LiveTrustRatingsOption = Annotated[bool, _only_with("--live", _TRUST_RATINGS)]
