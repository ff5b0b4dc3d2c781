"""What the commands that serve pages make of their options."""

from __future__ import annotations

import os
import socket
import sys
from getpass import getpass
from pathlib import Path

from dialogue_gym.domain.reader import shorten
from dialogue_gym.web.security import LEAST_PASSWORD, is_loopback

PASSWORD = "DIALOGUE_GYM_PASSWORD"


def address_of(host: str, listening: socket.socket, path: str) -> str:
    """Return the address of a page, as a browser on this machine reaches it."""
    name = host if host not in ("0.0.0.0", "::", "") else "localhost"
    port = listening.getsockname()[1]
    return f"http://{f'[{name}]' if ':' in name else name}:{port}{path}/"


def password_of(file: Path | None, host: str) -> str | None:
    """Return the password of those who teach: from a file, the environment, or asked for where one is needed.

    Raises:
        OSError: the file cannot be read.
    """
    if file:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    if (password := os.environ.get(PASSWORD)) is not None:
        return password
    if not is_loopback(host) and sys.stdin.isatty():
        return getpass("A password for those who teach here: ")
    return None


def read_tokens(path: Path | None) -> dict[str, str]:
    """Read the tokens of channels, a line `NAME TOKEN` for each.

    Raises:
        ValueError: a line is none.
        OSError: the file cannot be read.
    """
    if path is None:
        return {}
    found: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = line.split()
        if not words:
            continue
        if len(words) != 2 or len(words[1]) < LEAST_PASSWORD or "/" in words[0]:
            raise ValueError(
                f"{path}, line {number}: a channel is a name (without a slash) and a token of at least"
                f" {LEAST_PASSWORD} characters, not {shorten(line)}"
            )
        found[words[0]] = words[1]
    if not found:
        raise ValueError(f"{path}: there is no token in it")
    return found
