"""Checkpoints of a learner: dated files, written whole or not at all, the newest good one taken.

A checkpoint is one NumPy archive: arrays, and a JSON text for the rest. Nothing in it is unpickled.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from dialogue_gym._files import FileError
from dialogue_gym._text import nearest, quoted
from dialogue_gym.domain.observation import ACTIVE_LOOP
from dialogue_gym.domain.slot import labelled
from dialogue_gym.journal.data_folder import DataPath, data_folder, write_data
from dialogue_gym.journal.entry import BOT, LABEL
from dialogue_gym.journal.place import StorePlace
from dialogue_gym.journal.store import Store
from dialogue_gym.journal.store import forget as forget_taught
from dialogue_gym.live.archive import ArchiveError, pack, unpack

KEPT = 7
_NAME = re.compile(r"(?P<number>\d{6,})-\d{8}T\d{6}\.npz")
_BEST, _PUBLISHED = "best.npz", "published.npz"
_PARTS = {"time", "upto", "learner", "explorer", "success_rate", "best", "others", "knows"}
_HALF_WRITTEN = ".*.npz"

_FOLDER = "checkpoints"
_OF_ACTIONS = ("said", "done", ACTIVE_LOOP)
"""The fields of an observation whose labels are actions, or forms, which are actions too."""


class CheckpointError(FileError):
    """A checkpoint that cannot be read or used. The message is one line."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A learner at one point in time: its arrays by name, and the rest as JSON-serializable values."""

    path: DataPath
    arrays: Mapping[str, npt.NDArray[Any]]
    state: Mapping[str, Any]

    @property
    def turn_taking(self) -> str:
        """The turn taking of the bot.

        Raises:
            CheckpointError: the checkpoint is not a live learner's.
        """
        try:
            return str(self.state["knows"]["turn_taking"])
        except (KeyError, TypeError):
            raise CheckpointError(f"{self.path}: not a checkpoint of a live learner") from None


class Checkpoints:
    """A folder of checkpoints, in the order of their numbers: a clock may be wrong, a count is not."""

    def __init__(self, folder: DataPath, kept: int = KEPT) -> None:
        """Use a folder, which need not exist yet.

        Args:
            folder: the folder of the files, perhaps in a database.
            kept: the number of checkpoints to keep, apart from the best one.
        """
        self.folder = folder
        self.kept = kept

    def paths(self) -> list[DataPath]:
        """Return the files, the oldest first."""
        if not self.folder.is_dir():
            return []
        found = [
            (int(match["number"]), path)
            for path in self.folder.iterdir()
            if (match := _NAME.fullmatch(path.name))
        ]
        return [path for _, path in sorted(found)]

    @property
    def best(self) -> DataPath:
        """The file of the best checkpoint, whether there is one or not."""
        return self.folder / _BEST

    @property
    def published(self) -> DataPath:
        """The file of the state that bots in other processes act by, if there are any: `Publication`."""
        return self.folder / _PUBLISHED

    def write(
        self, arrays: Mapping[str, npt.NDArray[Any]], state: Mapping[str, Any], is_best: bool = False
    ) -> DataPath:
        """Write a checkpoint, and let go of the oldest ones that are too many.

        Args:
            arrays: the arrays by name.
            state: everything else, as JSON-serializable values.
            is_best: whether to keep a copy of it as the best one.

        Raises:
            OSError: the checkpoint cannot be written; all others are unchanged.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        known = self.paths()
        number = int(known[-1].name.split("-")[0]) + 1 if known else 1
        path = self.folder / f"{number:06}-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}.npz"
        _write(path, arrays, state)
        if is_best:
            _write(self.best, arrays, state)
        self.prune(self.kept)
        return path

    def prune(self, kept: int) -> list[DataPath]:
        """Remove all but the newest checkpoints and the best one; return the removed files.

        Half-written files of a killed process go as well: only one process writes at a time.
        """
        removed = self.paths()[:-kept] if kept else self.paths()
        for path in [*removed, *self.folder.glob(_HALF_WRITTEN)]:
            path.unlink(missing_ok=True)
        return removed

    def unlearn(self, first: int) -> list[DataPath]:
        """Remove the checkpoints that may have learned from an entry or a later one; return them.

        Unreadable ones go as well, since they may have learned from it, and what was published.
        """
        best = [self.best] if self.best.exists() else []
        removed = [path for path in [*self.paths(), *best] if _upto(path) >= first]
        for path in [*removed, self.published, *self.folder.glob(_HALF_WRITTEN)]:
            path.unlink(missing_ok=True)
        return removed

    def readable(self, report: Callable[[str], None]) -> Iterator[Checkpoint]:
        """Yield the checkpoints that can be read, the newest first; `report` is called for each other one."""
        for path in reversed(self.paths()):
            try:
                checkpoint = read(path)
            except CheckpointError as error:
                report(str(error))
            else:
                yield checkpoint

    def find(self, name: str) -> DataPath:
        """Return the file of a checkpoint by its name (or the beginning of its number), or the best one.

        Raises:
            CheckpointError: there is none.
        """
        paths = self.paths()
        named = {path.stem: path for path in paths} | {
            str(int(path.stem.split("-")[0])): path for path in paths
        }
        if self.best.exists():
            named[self.best.stem] = self.best
        if name not in named:
            raise CheckpointError(f"{self.folder}: unknown checkpoint {quoted(name)}; {nearest(name, named)}")
        return named[name]


def checkpoints_in(data: DataPath, kept: int = KEPT) -> Checkpoints:
    """Return the checkpoints among the files that belong to a store."""
    return Checkpoints(data / _FOLDER, kept)


def checkpoints_of(place: StorePlace, kept: int = KEPT) -> Checkpoints:
    """Return the checkpoints of a store, by its place.

    Raises:
        StoreError: the server of the store's database cannot be reached.
    """
    return checkpoints_in(data_folder(place), kept)


def roll_back(store: Store, name: str) -> DataPath:
    """Go back to a checkpoint: a new one is written that holds the same. All others stay as they are.

    Later conversations stay in the journal, and are not learned again.

    Raises:
        CheckpointError: the checkpoint does not exist, or is damaged.
        OSError: the new one cannot be written.
    """
    checkpoints = checkpoints_of(store.place)
    chosen = read(checkpoints.find(name))
    checkpoints.published.unlink(missing_ok=True)  # the learner publishes again when it starts
    return checkpoints.write(chosen.arrays, {**chosen.state, "upto": store.last_id()})


def forget(store: Store, conversation: str, with_forks: bool = False) -> tuple[list[str], list[DataPath]]:
    """Erase a conversation for good, and the checkpoints that may have learned from it.

    The next start learns the rest of the journal again, from the newest remaining checkpoint on. If this is
    interrupted, checkpoints are removed before the conversations that they have learned from.

    Returns:
        The conversations that were erased, and the checkpoints.

    Raises:
        StoreError: see `Store.forget`.
        OSError: a checkpoint cannot be removed.
    """
    forks = store.branches(conversation)
    if forks and not with_forks:
        return store.forget(conversation), []  # which says that there are forks
    entries = [entry for name in (conversation, *forks) for entry in store.entries(name)]
    # A new learner begins with all labels, so any checkpoint may know these.
    is_taught = any(entry.kind == LABEL and entry.content["by"] != BOT for entry in entries)
    removed: list[DataPath] = []
    if entries:
        removed = checkpoints_of(store.place).unlearn(0 if is_taught else min(one.id for one in entries))
    return forget_taught(store, conversation, with_forks), removed


def knows_action(checkpoints: Checkpoints, action: str) -> bool:
    """Return whether a learner knows an action by one of its checkpoints."""
    readable = checkpoints.readable(lambda fault: None)  # told when a bot starts from them
    return any(action in checkpoint.state["knows"]["actions"] for checkpoint in readable)


def rename_action(checkpoints: Checkpoints, old: str, new: str) -> None:
    """Rename an action in all checkpoints that can be read, so that a learner goes on with it.

    Raises:
        OSError: a checkpoint cannot be written; it is unchanged.
    """

    def renamed(names: list[str], old: str, new: str) -> list[str]:
        return [new if name == old else name for name in names]

    before, after = labelled([old, new])
    for path in [*checkpoints.paths(), checkpoints.best]:
        try:
            checkpoint = read(path)
        except CheckpointError:
            continue  # damaged, or none: nobody will go on with it
        knows = checkpoint.state["knows"]
        if new not in knows["actions"]:
            # Intents, slots and values may have the same name.
            fields = [
                [name, renamed(labels, before, after) if name in _OF_ACTIONS else labels]
                for name, labels in knows["fields"]
            ]
            knows = {**knows, "actions": renamed(knows["actions"], old, new), "fields": fields}
            _write(path, checkpoint.arrays, {**checkpoint.state, "knows": knows})


def _upto(path: DataPath) -> float:
    """Return the id of the last entry that a checkpoint has learned from; above all if that is unknown."""
    try:
        return float(read(path).state["upto"])
    except (CheckpointError, TypeError, ValueError):
        return math.inf


def _write(path: DataPath, arrays: Mapping[str, npt.NDArray[Any]], state: Mapping[str, Any]) -> None:
    write_data(path, pack(arrays, state))


def read(path: DataPath) -> Checkpoint:
    """Return the checkpoint in a file.

    Raises:
        CheckpointError: the file cannot be read, or is damaged.
    """
    try:
        arrays, state = unpack(path.read_bytes())
    except (OSError, ArchiveError) as error:
        kind = error if isinstance(error, ArchiveError) else type(error).__name__
        raise CheckpointError(f"{path}: this checkpoint is damaged and was ignored ({kind})") from None
    if not state.keys() >= _PARTS:
        raise CheckpointError(f"{path}: not a checkpoint of a live learner; ignored")
    return Checkpoint(path, arrays, state)
