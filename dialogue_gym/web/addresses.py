"""The addresses of a server's pages, as people are told them."""

from __future__ import annotations

import socket

from dialogue_gym._text import printable
from dialogue_gym.web.access import is_loopback
from dialogue_gym.web.options import ServeOptions
from dialogue_gym.web.paths import REST_WEBHOOK, TALK_PATH


def address_of(host: str, listening: socket.socket, path: str) -> str:
    """Return the address of a page for a browser on this machine."""
    name = host if host not in ("0.0.0.0", "::", "") else "localhost"
    port = listening.getsockname()[1]
    return f"http://{f'[{name}]' if ':' in name else name}:{port}{path}/"


def told_address(options: ServeOptions, listening: socket.socket, path: str) -> str:
    """Return the address of a page as people are told it.

    Behind a proxy they reach it under the first of the server's names, by HTTPS. The address in brackets is
    for the proxy.
    """
    here = address_of(options.host, listening, path)
    if not (options.name and options.behind_proxy):
        return printable(here)
    return printable(f"https://{options.name[0]}{path}/ (through the proxy, from {here})")


def talking_lines(options: ServeOptions, listening: socket.socket) -> list[str]:
    """Return sentences for people: how visitors and front ends reach the bot."""
    lines = [
        f"Talk to the bot at {told_address(options, listening, TALK_PATH)}",
        f"Rasa's front ends reach it at {REST_WEBHOOK}",
    ]
    is_exposed = not is_loopback(options.host) or options.name or options.behind_proxy
    if is_exposed and options.token_file is None:
        lines.append(
            "(Without --token-file everybody who reaches this address can write to the bot under any sender's"
            " name, go on with that sender's conversation, and read the answers.)"
        )
    return lines
