"""Command-line options, each declared once, and commands that take them as one dataclass."""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from dialogue_gym._text import nearest, printable, quoted
from dialogue_gym.domain.sources import builtin_names, namesake
from dialogue_gym.journal.place import StorePlace, place_of
from dialogue_gym.training.tracker import TrackingTool

BOT, TEACHING, LEARNING = "Bot and store", "Teaching", "Learning from people"
SERVING, PEOPLE = "Serving", "Visitors and front ends"
OPENENV = "OpenEnv, for training"
TEXT = "Dialogues in text"
"""The groups of options in `--help`."""

Options = TypeVar("Options")


class User(StrEnum):
    """The initial user while teaching."""

    FAKE = "fake"
    ME = "me"


class TurnTaking(StrEnum):
    """The turn taking while teaching."""

    EXPLICIT = "explicit"
    AUTO = "auto"


class Mode(StrEnum):
    """The ways to act in text."""

    NAMES = "names"
    TOOLS = "tools"
    FREE = "free"


class Teacher(StrEnum):
    """The teacher in the terminal."""

    ME = "me"
    EXPERT = "expert"


class Promote(StrEnum):
    """The ways for newly learned weights to take over."""

    NEWEST = "newest"
    SAFELY = "safely"


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


def _option(type_: Any, panel: str, *flags: str, **settings: Any) -> Any:
    return Annotated[type_, typer.Option(*flags, rich_help_panel=panel, **settings)]


def _store(default: str) -> Any:
    text = f"Folder or PostgreSQL database of the store; default: the folder {default}."
    return _option(GivenPlace | None, BOT, "--store", help=text, **STORE_PLACE)


_OPTIONS: dict[str, Any] = {
    "source": DomainName,
    # Serving
    "teach": _option(bool, SERVING, "--teach/--no-teach", help="Serve the teachers' pages, at /teach/."),
    "talk": _option(bool, SERVING, "--talk/--no-talk", help="Serve visitors: /talk/, REST and /api."),
    "openenv": _option(
        bool, SERVING, "--openenv", help="Serve the fake user to programs that train a bot, at /openenv."
    ),
    "host": _option(
        str, SERVING, "--host", help="Address to listen on; a non-local one requires a password."
    ),
    "port": _option(int, SERVING, "--port", min=0, max=65535, help="Port to listen on; 0: a free one."),
    "workers": _option(
        int | None,
        SERVING,
        "--workers",
        min=1,
        help="Processes that serve visitors, beside one that learns; needs a store in PostgreSQL.",
    ),
    "teachers_port": _option(
        int | None,
        SERVING,
        "--teachers-port",
        min=0,
        max=65535,
        help="Port of the teachers' pages beside workers; default: the port after --port.",
    ),
    "password_file": _option(
        Path | None,
        SERVING,
        "--password-file",
        metavar="FILE",
        help="File with a password for one teacher; DIALOGUE_GYM_PASSWORD sets it, too.",
    ),
    "name": _option(
        list[str] | None, SERVING, "--name", metavar="HOST", help="Another host name of this server."
    ),
    "behind_proxy": _option(
        list[str] | None,
        SERVING,
        "--behind-proxy",
        metavar="ADDRESS",
        help="Address or network of a proxy in front of this server; its X-Forwarded-For names the client.",
    ),
    "metrics_token": _option(
        Path | None,
        SERVING,
        "--metrics-token",
        metavar="FILE",
        help="File with a token for /metrics, which otherwise only this machine can read.",
    ),
    "log_json": _option(
        bool, SERVING, "--log-json", help="Write the log as one JSON object a line, without texts."
    ),
    "log_texts": _option(bool, SERVING, "--log-texts", help="Let that log have the words of people."),
    "open": _option(bool, SERVING, "--open/--no-open", help="Open the teachers' page in the browser."),
    # Bot and store
    "store": _store("NAME-teaching"),
    "nlu": NluOption,
    "actions": ActionsOption,
    "fallback": FallbackOption,
    "seed": SeedOption,
    "trust": TrustOption,
    # Teaching
    "scratch": _option(
        bool,
        TEACHING,
        "--scratch",
        help="Begin with a bot that has learned nothing, without a folder's stories.",
    ),
    "pretrained": _option(
        bool, TEACHING, "--pretrained", help="Let a new store begin with the domain's own stories."
    ),
    "stories": _option(
        list[Path] | None,
        TEACHING,
        "--stories",
        metavar="FILE",
        help="Stories that a new store begins with.",
    ),
    "user": _option(
        str | None,
        TEACHING,
        "--user",
        **one_of(User),
        help="Initial user; default: fake if the fake user has a goal.",
    ),
    "turn_taking": _option(
        str,
        TEACHING,
        "--turn-taking",
        **one_of(TurnTaking),
        help="explicit: listening is an action to learn; auto: it is automatic.",
    ),
    "wizard": _option(bool, TEACHING, "--wizard", help="Pick every action yourself; the bot only learns."),
    "teacher": _option(
        str,
        TEACHING,
        "--teacher",
        **one_of(Teacher),
        help="expert: the domain's expert teaches, to measure learning.",
    ),
    "mistakes": _option(
        float, TEACHING, "--mistakes", min=0, max=1, help="The expert's rate of wrong answers."
    ),
    "dialogues": _option(int, TEACHING, "--dialogues", min=1, help="Number of dialogues to teach."),
    "as_json": _option(bool, TEACHING, "--json", help="Print the expert's report as JSON."),
    # Learning from people
    "agent": _option(
        str | None,
        LEARNING,
        "--agent",
        metavar="NAME|DIR",
        help="Agent that a new learner begins with: pretrained, expert, or the folder of a trained one.",
    ),
    "silence": _option(
        float, LEARNING, "--silence", min=0, help="Minutes after which a silent person is gone; 0: never."
    ),
    "checkpoints": _option(int, LEARNING, "--checkpoints", min=1, help="Number of checkpoints to keep."),
    "fall": _option(
        float,
        LEARNING,
        "--fall",
        min=0,
        max=1,
        help="Report a drop in success that is larger than this.",
    ),
    "roll_back": _option(
        bool, LEARNING, "--roll-back", help="Restore the best checkpoint after a larger drop than --fall."
    ),
    "count_outcomes": _option(
        bool, LEARNING, "--count-outcomes", help="Reward the end of an unrated conversation by its outcome."
    ),
    "explore": _option(
        str | None,
        LEARNING,
        "--explore",
        metavar="auto|RATE",
        help="Share of decisions that try another action out on people, such as 0.05; default: none.",
    ),
    "weigh_raters": _option(
        bool,
        LEARNING,
        "--weigh-raters",
        help="Let ratings count less if the rater contradicts the others, or the outcomes.",
    ),
    "promote": _option(
        str,
        LEARNING,
        "--promote",
        **one_of(Promote, "way"),
        help="safely: what was learned answers people once their conversations show that it is better.",
    ),
    "track": _option(
        str,
        LEARNING,
        "--track",
        **one_of(TrackingTool),
        help="The tool that keeps figures of the learning; tensorboard writes them into the store's folder.",
    ),
    # Visitors and front ends
    "origin": _option(
        list[str] | None,
        PEOPLE,
        "--origin",
        metavar="URL",
        help="A site whose pages may talk to the bot, such as https://example.org.",
    ),
    "token_file": _option(
        Path | None,
        PEOPLE,
        "--token-file",
        metavar="FILE",
        help="File of channel tokens, one `NAME TOKEN` per line.",
    ),
    "callback": _option(
        list[str] | None,
        PEOPLE,
        "--callback",
        metavar="URL",
        help="Address to which answers may be posted; adds Rasa's callback channel.",
    ),
    "slack": _option(
        bool,
        PEOPLE,
        "--slack",
        help="Be an app in Slack, by SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET.",
    ),
    "trust_ratings": _option(
        bool, PEOPLE, "--trust-ratings", help="Let ratings count before a teacher approves them."
    ),
    "burst": _option(
        str,
        PEOPLE,
        "--burst",
        metavar="RATINGS/MINUTES",
        help="More ratings from one person or address in these minutes wait for approval in any case.",
    ),
    "title": _option(
        str | None,
        PEOPLE,
        "--title",
        metavar="TEXT",
        help="The bot's name on the visitors' page; default: that of the domain.",
    ),
    "color": _option(
        str | None, PEOPLE, "--color", metavar="#RRGGBB", help="Color of the buttons on the visitors' page."
    ),
    "logo": _option(
        Path | None,
        PEOPLE,
        "--logo",
        metavar="FILE",
        help="Image on the visitors' page: svg, png, jpg, webp.",
    ),
    "allow_origin": _option(
        list[str] | None,
        PEOPLE,
        "--allow-origin",
        metavar="URL",
        help="A site whose pages may embed the visitors' page, such as https://example.org.",
    ),
    # OpenEnv
    "mode": _option(
        str,
        OPENENV,
        "--mode",
        **one_of(Mode),
        help="Replies, if a client chooses none: names of actions, tools, sentences.",
    ),
    "setting": _option(
        list[str] | None,
        OPENENV,
        "--setting",
        metavar="KEY=VALUE",
        help="A setting of the dialogues, such as semantic_error_rate=0.3, if a client chooses none.",
    ),
    "sessions": _option(int, OPENENV, "--sessions", min=1, help="Sessions that may be open at once."),
    "idle": _option(
        float,
        OPENENV,
        "--idle",
        min=0,
        help="Minutes after which a session without a message ends; 0: never.",
    ),
}
"""Options by the name of their field in the dataclasses of options, in the order of `--help`."""


def takes(options: type[Options], store: str) -> Callable[[Callable[[Options], None]], Callable[..., None]]:
    """Return a decorator for a command that takes one dataclass, whose fields become its options.

    Args:
        options: the dataclass.
        store: the command's default for `--store`, as `--help` shows it.
    """
    annotations = _OPTIONS | {"store": _store(store)}

    def decorate(command: Callable[[Options], None]) -> Callable[..., None]:
        fields = sorted(
            dataclasses.fields(options),  # type: ignore[arg-type]
            key=lambda field: list(annotations).index(field.name),
        )
        several = [field.name for field in fields if field.default == ()]

        def run(**given: Any) -> None:
            command(options(**given | {name: tuple(given[name] or ()) for name in several}))

        parameters = [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                # Typer gives a list for an option that can be repeated, and None without it.
                default=None
                if field.name in several
                else field.default
                if field.default is not dataclasses.MISSING
                else inspect.Parameter.empty,
                annotation=annotations[field.name],
            )
            for field in fields
        ]
        run.__name__, run.__doc__ = command.__name__, command.__doc__
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return run

    return decorate
