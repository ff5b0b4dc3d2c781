"""Options of a language model on a server, and the endpoint that they describe."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer
import yaml

from dialogue_gym._text import quoted
from dialogue_gym.cli.options import TEXT
from dialogue_gym.text.chat_endpoint import BASE_URL, KEY_VARIABLE, ChatEndpoint, environment_key

BaseUrlOption = Annotated[
    str | None,
    typer.Option(
        "--base-url",
        metavar="URL",
        help="The address of a server of the chat-completions protocol, such as http://localhost:8000/v1;"
        f" {KEY_VARIABLE} has its key. Default: {BASE_URL}.",
        rich_help_panel=TEXT,
    ),
]
_TIMEOUT, _TOKEN_LIMIT = 60.0, 1_000_000
AnswerTimeOption = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        min=0.1,
        help=f"Seconds that an answer may take; default: {_TIMEOUT:g}.",
        rich_help_panel=TEXT,
    ),
]
TokenLimitOption = Annotated[
    int | None,
    typer.Option(
        "--token-limit",
        min=1,
        help=f"Stop once this many tokens were used; default: {_TOKEN_LIMIT:,}.",
        rich_help_panel=TEXT,
    ),
]
RequestOption = Annotated[
    list[str] | None,
    typer.Option(
        "--request",
        metavar="KEY=VALUE",
        help="A further key of each request, such as temperature=0.",
        rich_help_panel=TEXT,
    ),
]


def chat_endpoint(
    model: str,
    base_url: str | None,
    timeout: float | None,
    token_limit: int | None,
    request: Iterable[str],
) -> ChatEndpoint:
    """Return a language model on a server; an option that is None has its default.

    Raises:
        ValueError: an option is malformed.
    """
    if base_url is not None and not base_url.strip():  # an unset variable must not send the key elsewhere
        raise ValueError(f"--base-url: the address is empty; without the option it is {BASE_URL}")
    further = {}
    for word in request:
        name, equals, value = word.partition("=")
        if not equals or not name.strip():
            raise ValueError(f"--request {quoted(word)}: it has the form KEY=VALUE")
        try:
            further[name] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise ValueError(f"--request {quoted(word)}: the value cannot be read") from None
    return ChatEndpoint(
        model,
        BASE_URL if base_url is None else base_url,
        environment_key(),
        timeout=_TIMEOUT if timeout is None else timeout,
        token_limit=_TOKEN_LIMIT if token_limit is None else token_limit,
        request=further,
    )
