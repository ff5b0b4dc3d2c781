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
AnswerTimeOption = Annotated[
    float,
    typer.Option("--timeout", min=0.1, help="Seconds that an answer may take.", rich_help_panel=TEXT),
]
TokenLimitOption = Annotated[
    int,
    typer.Option("--token-limit", min=1, help="Stop once this many tokens were used.", rich_help_panel=TEXT),
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
    model: str, base_url: str | None, timeout: float, token_limit: int, request: Iterable[str]
) -> ChatEndpoint:
    """Return a language model on a server.

    Raises:
        ValueError: an option is malformed.
    """
    further = {}
    for word in request:
        name, equals, value = word.partition("=")
        if not equals:
            raise ValueError(f"--request {quoted(word)}: it has the form KEY=VALUE")
        try:
            further[name] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise ValueError(f"--request {quoted(word)}: the value cannot be read") from None
    return ChatEndpoint(
        model,
        base_url or BASE_URL,
        environment_key(),
        timeout=timeout,
        token_limit=token_limit,
        request=further,
    )
