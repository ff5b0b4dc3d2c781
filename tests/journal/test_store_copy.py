"""A store moves between folders and databases as it is, and half a copy cannot be opened."""

from __future__ import annotations

import random
import re
import time
from pathlib import Path
from typing import Any

import pytest

from dialogue_gym._files import FIGURES
from dialogue_gym.conversation.events import SessionStarted, to_json
from dialogue_gym.domain.loader import domain_text
from dialogue_gym.journal.data_folder import data_folder, file_in, files_in
from dialogue_gym.journal.entry import Draft
from dialogue_gym.journal.place import DatabaseUrl, StorePlace
from dialogue_gym.journal.sqlite import OWN_FILES
from dialogue_gym.journal.store import Store, StoreError
from dialogue_gym.journal.store_copy import StoreCopy, copy_store
from tests.journal.test_store import fill, note
from tests.processes import PROCESSES

KILLS = 8
FILES = {"checkpoints/000001.npz": b"\0\xff" * 1000, "web.key": b"key"}


def make(place: StorePlace) -> None:
    """Make a store in which something was erased, at the end too, with files beside the journal."""
    with Store(place) as store:
        store.use_domain("concert", domain_text("concert"))
        store.use_files(["https://nlu.example"], ["json"])
        first = store.append("live1", "event", {**to_json(SessionStarted()), "live": "ann"})
        store.append_all(
            Draft("live1", "note", note(f"\ud800 \0 {number}"), first.id) for number in range(1500)
        )
        store.append("", "domain", {"add": "intent", "name": "new"})
        for name in ("live2", "live3"):
            fill(store, name, parent=first.id)
        store.forget("live2")
        store.forget("live3")
    for name, data in FILES.items():
        path = file_in(data_folder(place), name)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(data)


def content(place: StorePlace) -> tuple[object, ...]:
    with Store(place, create=False) as store:
        assert store.check() == []
        data = data_folder(place)
        files = {name: file_in(data, name).read_bytes() for name in files_in(data) if name not in OWN_FILES}
        return list(store.entries()), store.domain, store.files, store.last_number("live"), files


def test_store_moves_there_and_back(place: StorePlace, database: DatabaseUrl, tmp_path: Path) -> None:
    make(place)
    before = content(place)
    figures = file_in(data_folder(place), f"{FIGURES}/events.out")
    figures.parent.mkdir(parents=True, exist_ok=True)
    figures.write_bytes(b"not for the copy")
    assert copy_store(place, tmp_path / "a") == StoreCopy(1502, len(FILES))
    figures.unlink()
    other = database if isinstance(place, Path) else tmp_path / "b"
    assert copy_store(tmp_path / "a", other) == StoreCopy(1502, 2)
    assert content(other) == content(tmp_path / "a") == content(place) == before
    with Store(other) as store:
        later = store.append("live1", "note", {})
        assert later.id == 1509 and later.revision == 1  # no number is given twice
        assert store.unfinished("live") == {"live1": "ann"} and store.begun("live", 5) == {"live1": "ann"}
    with pytest.raises(StoreError, match="there is something here already; a copy needs a new place"):
        copy_store(place, other)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(StoreError, match="there is something here already"):
        copy_store(place, tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]
    with Store(place), pytest.raises(StoreError, match="is writing to this store"):
        copy_store(place, tmp_path / "c")
    with pytest.raises(StoreError, match="there is no store here"):
        copy_store(tmp_path / "none", tmp_path / "c")


def test_store_without_entries_is_copied_with_the_numbers_it_has_used(
    place: StorePlace, database: DatabaseUrl, tmp_path: Path
) -> None:
    with Store(place) as store:
        store.append("live1", "event", {**to_json(SessionStarted()), "live": "ann"})
        store.forget("live1")
    other = database if isinstance(place, Path) else tmp_path / "a"
    assert copy_store(place, other) == StoreCopy(0, 0)
    with Store(other) as copy:
        assert copy.last_number("live") == 1 and copy.append("live2", "note", {}).id == 2


def is_whole(place: StorePlace) -> bool:
    """Return whether a copy can be opened; an interrupted one cannot."""
    try:
        with Store(place, create=False, read_only=True) as store:
            assert store.last_id() in (0, 1502)  # nothing was copied yet, or everything
            return store.last_id() > 0
    except StoreError as error:
        assert re.search("interrupted; start the copy again|there is no store here", str(error))
        return False


def test_copy_that_was_killed_cannot_be_opened_and_is_begun_again(place: StorePlace, tmp_path: Path) -> None:
    source = tmp_path / "from"
    make(source)
    wishes = random.Random(3)
    for _ in range(KILLS):
        process = PROCESSES.Process(target=copy_store, args=(source, place))
        process.start()
        time.sleep(wishes.uniform(0, 0.5))
        process.kill()
        process.join()
        if is_whole(place):
            break
    if not is_whole(place):
        copy_store(source, place)
    assert content(place) == content(source)


def test_copy_that_differs_is_not_opened(
    place: StorePlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "from"
    make(source)
    with Store(source) as store:
        database = type(store._database)
    read, pages = database.read, 0

    def changed(self: Any, query: str, **values: Any) -> list[Any]:
        """Answer the second question for a page of entries in another way."""
        nonlocal pages
        rows = read(self, query, **values)
        pages += values.get("after") == 1000
        return [(*rows[0][:-1], 7), *rows[1:]] if values.get("after") == 1000 and pages == 2 else rows

    monkeypatch.setattr(database, "read", changed)
    with pytest.raises(StoreError, match=r"the copy differs from .* in entry 1001"):
        copy_store(source, place)
    monkeypatch.undo()
    for arguments in ({}, {"read_only": True}, {"create": False}):
        with pytest.raises(StoreError, match="a copy to this place was interrupted; start the copy again"):
            Store(place, **arguments)
    copy_store(source, place)
    assert content(place) == content(source)
