"""Command-line options that several commands share, each declared once."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dialogue_gym._text import nearest, printable, quoted
from dialogue_gym.domain.sources import builtin_names, namesake
from dialogue_gym.journal.place import StorePlace, place_of

BOT = "Bot and store"
TEXT = "Dialogues in text"
"""Groups of options in `--help`."""


class Mode(StrEnum):
    """The ways to act in text."""

    NAMES = "names"
    TOOLS = "tools"
    FREE = "free"


def one_of(kinds: type[StrEnum], noun: str = "") -> dict[str, Any]:
    """Return the settings of an option whose value is one of some names; its type is `str`.

    Typer's own choices report a wrong name in other words than all other errors here.
    """
    names = [kind.value for kind in kinds]

    def check(context: typer.Context, parameter: typer.CallbackParam, given: str | None) -> StrEnum | None:
        if given is None or context.resilient_parsing:
            return None
        if given not in names:
            what = noun or str(parameter.name).replace("_", " ")
            raise ValueError(f"{parameter.opts[0]}: unknown {what} {quoted(given)}; {nearest(given, names)}")
        return kinds(given)

    def complete(incomplete: str) -> list[str]:
        return [name for name in names if name.startswith(incomplete)]

    return {"metavar": "|".join(names), "callback": check, "autocompletion": complete}


def complete_domain(incomplete: str) -> Iterator[str]:
    """Yield the built-in domains and the YAML files that begin with the typed text."""
    yield from (name for name in builtin_names() if name.startswith(incomplete))
    folder, _, begun = incomplete.rpartition("/")
    for path in sorted(Path(folder or ("/" if incomplete.startswith("/") else ".")).glob(f"{begun}*")):
        prefix = incomplete[: len(incomplete) - len(begun)]
        if path.is_dir():
            yield f"{prefix}{path.name}/"
        elif path.suffix.lower() in (".yml", ".yaml"):
            yield f"{prefix}{path.name}"


def note(line: str) -> None:
    """Print a remark to the standard error."""
    print(f"({printable(line)})", file=sys.stderr)


def tell_namesakes(context: typer.Context, given: list[str] | str | None) -> list[str] | str | None:
    """Print a line for each name of a built-in domain that is also that of a file or folder here."""
    for name in [given] if isinstance(given, str) else given or ():
        if not context.resilient_parsing and (own := namesake(name)):
            note(f"{name} is the built-in domain; for your own write {own}")
    return given


def _place(context: typer.Context, given: str | None) -> StorePlace | None:
    return None if given is None or context.resilient_parsing else place_of(given)


# Typer reads a text, which the callback makes a place: an error in a parser would lose its words.
if TYPE_CHECKING:
    GivenPlace = StorePlace
else:
    GivenPlace = str
STORE_PLACE: dict[str, Any] = {"metavar": "DIR|URL", "callback": _place}
"""The settings of an option or argument whose value is the place of a store, a `StorePlace`."""
_PLACE_HELP = "The folder or database that teach, live or serve wrote."
PlaceOption = Annotated[GivenPlace, typer.Option("--store", help=_PLACE_HELP, **STORE_PLACE)]
PlaceArgument = Annotated[GivenPlace, typer.Argument(help=_PLACE_HELP, **STORE_PLACE | {"metavar": "STORE"})]
OptionalPlaceArgument = Annotated[
    GivenPlace | None, typer.Argument(help=_PLACE_HELP, **STORE_PLACE | {"metavar": "STORE"})
]

DomainName = Annotated[
    str,
    typer.Argument(
        metavar="DOMAIN",
        help="A built-in domain, a domain file or the folder of a project.",
        autocompletion=complete_domain,
        callback=tell_namesakes,
    ),
]
AgentOption = Annotated[
    str | None,
    typer.Option(
        "--agent",
        metavar="NAME|DIR",
        help="pretrained, expert, random, or a folder written by train, teach or live.",
    ),
]
NluOption = Annotated[
    list[str] | None,
    typer.Option(
        "--nlu",
        metavar="FILE|URL",
        help="NLU examples to train on, or a Rasa NLU server.",
        rich_help_panel=BOT,
    ),
]
ActionsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--actions",
        metavar="CODE|URL",
        help="A Python module or file with actions, or an action server.",
        rich_help_panel=BOT,
    ),
]
StoriesOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--stories",
        metavar="FILE",
        help="Stories and rules that the bot follows; default: those in the project's folder.",
        rich_help_panel=BOT,
    ),
]
TrustOption = Annotated[
    bool,
    typer.Option(
        "--trust", help="Load an agent of an earlier version; loading it can run code.", rich_help_panel=BOT
    ),
]
FallbackOption = Annotated[
    float,
    typer.Option(
        "--fallback",
        min=0,
        max=1,
        help="Below this confidence a sentence counts as not understood, and the fallback action answers.",
        rich_help_panel=BOT,
    ),
]
SettingsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[KEY=VALUE]...", help="Settings of the fake user and the dialogues."),
]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Random seed.", rich_help_panel=BOT)]
