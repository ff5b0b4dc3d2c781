"""Secrets that a server is started with: the shared password, and the tokens of programs."""

from __future__ import annotations

import os
import sys
from getpass import getpass
from pathlib import Path

from dialogue_gym._files import FileError, FileKind, read_text
from dialogue_gym._text import printable
from dialogue_gym.web.access import is_loopback
from dialogue_gym.web.accounts import LEAST_PASSWORD
from dialogue_gym.web.options import ServeOptions

PASSWORD = "DIALOGUE_GYM_PASSWORD"
"""The environment variable with the shared password."""
PASSWORD_IS_IDLE = (
    "Teachers have accounts, so the shared password signs nobody in; it is for clients of OpenEnv."
)
"""A line for a server that has both."""
_LEAST_TOKEN = 16
_PASSWORD_FILE = FileKind("file with a password", FileError)
_TOKEN_FILE = FileKind("file of tokens", FileError)


def read_metrics_token(path: Path | None) -> str | None:
    """Read the token for figures; None without a file.

    Raises:
        ValueError: the file cannot be read, or the token is too short.
    """
    if path is None:
        return None
    token = read_text(path, _TOKEN_FILE).strip()
    if len(token) < _LEAST_TOKEN:  # wrong ones are not delayed
        raise ValueError(f"{path}: the token is too short: {_LEAST_TOKEN} characters at least")
    return token


def read_tokens(path: Path | None) -> dict[str, str]:
    """Read the tokens of channels, one line `NAME TOKEN` each.

    Raises:
        ValueError: the file cannot be read, a line is malformed, or there are none.
    """
    if path is None:
        return {}
    found: dict[str, str] = {}
    for number, line in enumerate(read_text(path, _TOKEN_FILE).splitlines(), 1):
        words = line.split()
        if not words:
            continue
        if len(words) != 2 or len(words[1]) < LEAST_PASSWORD or "/" in words[0]:
            raise ValueError(
                f"{path}:{number}: expected a name without a slash and a token of at least"
                f" {LEAST_PASSWORD} characters"  # the line may be a secret
            )
        if words[0] in found or words[1] in found.values():
            raise ValueError(f"{path}:{number}: another line has this name or this token already")
        found[words[0]] = words[1]
    if not found:
        raise ValueError(f"{path}: the file has no tokens")
    return found


def password_for(options: ServeOptions, has_accounts: bool = False) -> str | None:
    """Return the shared password, perhaps typed at the terminal now; None where none is needed.

    Args:
        options: the options.
        has_accounts: whether teachers have accounts. Clients of OpenEnv have none.

    Raises:
        ValueError: it is needed and missing, or its file cannot be read.
    """
    password = _given_password(options.password_file, options.host, has_accounts)
    is_open = options.openenv or (options.teach and not has_accounts)
    if is_open and password is None and (door := _open_door(options)):
        reached = (
            "visitors would reach the teachers' pages, too" if options.teach else "others would reach it"
        )
        raise ValueError(
            f"{door}: {reached}, so a password is required: set {PASSWORD}, or give --password-file"
        )
    return password


def _given_password(file: Path | None, host: str, has_accounts: bool) -> str | None:
    """Return the shared password: from a file, the environment, or the terminal where one is required."""
    if file:
        return read_text(file, _PASSWORD_FILE).rstrip("\r\n")
    if (password := os.environ.get(PASSWORD)) is not None:
        return password
    if not is_loopback(host) and not has_accounts and sys.stdin.isatty():
        return getpass("Choose a password for teachers: ")
    return None


def _open_door(options: ServeOptions) -> str:
    """Return the option that opens a server on this machine alone to others; empty without one."""
    if options.behind_proxy:
        return f"--behind-proxy {options.behind_proxy[0]}"
    flags = ("--talk", options.talk), ("--openenv", options.openenv)
    found = [flag for flag, is_given in flags if is_given] if options.name else []
    return f"{found[0]} --name {printable(options.name[0])}" if found else ""
