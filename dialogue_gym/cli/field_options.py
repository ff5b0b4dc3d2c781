"""Options of `teach`, `live` and `serve` by the fields of their dataclasses, and commands that take these."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from dialogue_gym.cli.options import (
    BOT,
    STORE_PLACE,
    ActionsOption,
    DomainName,
    FallbackOption,
    GivenPlace,
    Mode,
    NluOption,
    SeedOption,
    TrustOption,
    one_of,
)
from dialogue_gym.training.tracker import TrackingTool

TEACHING, LEARNING = "Teaching", "Learning from people"
SERVING, PEOPLE = "Serving", "Visitors and front ends"
OPENENV = "OpenEnv, for training"
"""Groups of options in `--help`."""

Options = TypeVar("Options")


class User(StrEnum):
    """The initial user while teaching."""

    FAKE = "fake"
    ME = "me"


class TurnTaking(StrEnum):
    """The turn taking while teaching."""

    EXPLICIT = "explicit"
    AUTO = "auto"


class Teacher(StrEnum):
    """The teacher in the terminal."""

    ME = "me"
    EXPERT = "expert"


class Promote(StrEnum):
    """The ways for newly learned weights to take over."""

    NEWEST = "newest"
    SAFELY = "safely"


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
        str | None,
        LEARNING,
        "--track",
        **one_of(TrackingTool),
        help="The tool that keeps figures of the learning; default: tensorboard where it is installed, in the"
        " store's folder.",
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
