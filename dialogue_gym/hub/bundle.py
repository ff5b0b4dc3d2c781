"""The files of a folder that are shared: a trained agent, a domain with its data, or both.

Nothing in them is code. The same check holds before a push and after a pull.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dialogue_gym._files import AGENT_FILE, FileError, read_bytes
from dialogue_gym._markdown import is_markdown
from dialogue_gym._text import quoted
from dialogue_gym.check import DOMAIN, NLU, STORIES, data_files
from dialogue_gym.domain import Domain, load_domain
from dialogue_gym.domain.database import database_file
from dialogue_gym.domain.loader import read_file
from dialogue_gym.journal.location import has_store
from dialogue_gym.policies.saved import (
    WEIGHTS_FILE,
    SavedAgent,
    is_agent,
    read_agent,
    read_weights,
)
from dialogue_gym.training.environments import builtin_ids

CARD_FILE, METRICS_FILE = "README.md", "metrics.json"
FORMER_FILE = "model.zip"
"""The pickled agent of earlier versions, which can run code when it is loaded."""


class HubError(FileError):
    """A folder or repository cannot be shared or taken. The message is one line."""


@dataclass(frozen=True)
class Bundle:
    """The shared files of a folder.

    Attributes:
        folder: the folder.
        files: the paths of the files in it, with slashes, sorted.
        agent: the trained agent; None without one.
        metrics: the content of `metrics.json`; empty without one.
        domain: the domain of its files; None without any.
    """

    folder: Path
    files: tuple[str, ...]
    agent: SavedAgent | None
    metrics: dict[str, Any]
    domain: Domain | None

    @property
    def name(self) -> str:
        """The name of the domain."""
        return self.domain.name if self.domain else self.agent.domain if self.agent else ""

    def contents(self) -> dict[str, bytes]:
        """Return the content of each file as it is shared.

        The path of a domain file on this machine, which settings may name, becomes the name of the file.

        Raises:
            OSError: a file cannot be read.
        """
        found = {name: read_bytes(self.folder / name) for name in self.files}
        for name in (AGENT_FILE, METRICS_FILE):
            if name in found:
                found[name] = _without_paths(found[name])
        return found

    def domain_source(self, folder: str) -> str | None:
        """Return the name or folder of the agent's domain for a command; None if it is elsewhere.

        Args:
            folder: the folder of the bundle.
        """
        if self.domain:
            return folder
        is_builtin = self.agent is not None and builtin_ids().get(self.name) == self.agent.env_id
        return self.name if is_builtin else None


def read_bundle(folder: str | Path) -> Bundle:
    """Return the shared files of a folder, after a check of each.

    An agent's weights have the digest that `agent.json` names, and the domain loads.

    Raises:
        HubError: the folder is a store, or has neither an agent nor a domain, or a file of it is outside.
        FileError: a file cannot be used.
        OSError: a file cannot be read.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise HubError(f"{folder}: {'this is a file, not a folder' if folder.exists() else 'no such folder'}")
    if has_store(folder):
        raise HubError(f"{folder}: this is a store, with conversations of people, which are not shared")
    agent, files = None, []
    if is_agent(folder):
        agent = read_agent(folder)
        read_weights(folder, agent)
        files += [AGENT_FILE, WEIGHTS_FILE]
    metrics = _read_metrics(folder / METRICS_FILE) if agent else {}
    files += [METRICS_FILE] if metrics else []
    paths = data_files(folder, DOMAIN)
    domain = None
    if paths:
        databases = list(_databases(folder, paths))
        domain = load_domain(str(folder.resolve()))
        paths += [*databases, *data_files(folder, STORIES), *data_files(folder, NLU)]
        files += [path.relative_to(folder).as_posix() for path in paths]
    if not files:
        if (folder / FORMER_FILE).is_file():
            raise HubError(
                f"{folder}: its only agent is {FORMER_FILE}, which can run code when it is loaded and is not"
                " shared; train it again with this version"
            )
        raise HubError(f"{folder}: neither a trained agent ({AGENT_FILE}) nor a domain file in this folder")
    if (folder / CARD_FILE).is_file():
        files.append(CARD_FILE)
    return Bundle(folder, tuple(sorted({*files})), agent, metrics, domain)


def _databases(folder: Path, paths: list[Path]) -> Iterator[Path]:
    """Yield the files of venues that domain files name, which have to be in the folder."""
    for path in paths:
        found = None if is_markdown(path) else database_file(read_file(path))
        if found is None:
            continue
        inside = Path(os.path.normpath(found))
        if not inside.is_relative_to(os.path.normpath(folder)):
            raise HubError(f"{path}: database: {quoted(str(found))} is outside of the folder {folder}")
        yield folder / inside.relative_to(os.path.normpath(folder))


def _read_metrics(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        content = json.loads(read_bytes(path))
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise HubError(f"{path}: not the figures of an agent, which are a JSON object")
    return content


def _without_paths(data: bytes) -> bytes:
    content = json.loads(data)
    settings = content.get("settings")
    if not isinstance(settings, dict) or not isinstance(settings.get("domain"), str):
        return data
    settings["domain"] = Path(settings["domain"]).name
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()
