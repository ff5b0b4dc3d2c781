"""Entries outlive the process, however it ends; erased ones are in no file."""

from __future__ import annotations

import functools
import itertools
import json
import os
import random
import re
import resource
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from dialogue_gym._text import printable
from dialogue_gym.conversation.events import SessionStarted, to_json
from dialogue_gym.journal.entry import EVENT, Draft, Entry
from dialogue_gym.journal.history import History
from dialogue_gym.journal.place import PlaceError, StorePlace
from dialogue_gym.journal.store import Store, StoreError
from tests import ROOT
from tests.processes import PROCESSES

KILLS = 30
SECRET = "Zoë Quartermain, 4 Privet Lane"


@pytest.fixture
def folder_store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as opened:
        yield opened


def note(text: str) -> dict[str, Any]:
    return {"text": text}


def fill(store: Store, conversation: str, count: int = 3, parent: int | None = None) -> list[Entry]:
    entries = []
    for number in range(count):
        entries.append(store.append(conversation, "note", note(f"{conversation} {number}"), parent))
        parent = entries[-1].id
    return entries


def test_other_accounts_cannot_read_a_journal_even_in_an_open_folder(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o755)
    with Store(tmp_path / "open") as store:
        fill(store, "a")
        files = list((tmp_path / "open").glob("journal.sqlite*"))
        assert len(files) == 3 and not any(file.stat().st_mode & 0o77 for file in files)


def test_added_entries_are_read_by_this_and_the_next_process(store: Store) -> None:
    texts = ["\ud800 half a character", "[/b]\x00\x1b[2J", "\u202eright to left", "x" * 10_000]
    first = [store.append("a", "note", note(text), author="Ann") for text in texts]
    grown = store.append("", "domain", {"add": "action", "name": "utter_new", "texts": ("Hi",)})
    last = store.append("b", "note", {}, parent=first[0].id)
    assert [entry.revision for entry in (*first, grown, last)] == [0, 0, 0, 0, 0, 1]
    assert grown.content["texts"] == ["Hi"]  # as it will be read
    assert list(store.entries()) == [*first, grown, last]
    assert list(store.entries("a", after=first[1].id)) == first[2:] and store.entry(last.id) == last
    assert [(s.id, s.entries) for s in store.conversations()] == [("a", 4), ("b", 1)]
    with Store(store.place, read_only=True) as reader:
        assert list(reader.entries()) == [*first, grown, last]
        late = store.append("a", "note", {})
        assert list(reader.entries(after=last.id)) == [late]
        with pytest.raises(StoreError, match="opened for reading only"):
            reader.append("a", "note", {})
    store.close()
    with Store(store.place) as again:
        assert list(again.entries()) == [*first, grown, last, late]
        again.append("", "domain", {"add": "intent", "name": "new"})
    with Store(store.place) as again:
        assert again.append("a", "note", {}).revision == 2
        assert again.check() == []


def test_entries_of_one_call_are_added_together_or_not_at_all(store: Store) -> None:
    message = Draft("a", "note", note("first"))
    reply = Draft("a", "note", note("second"), parent=message)
    first, second = store.append_all([message, reply])
    assert second.parent == first.id and first.time == second.time
    with pytest.raises(StoreError, match="unknown entry 99: no entry can follow it"):
        store.append_all([Draft("b", "note", {}), Draft("b", "note", {}, parent=99)])
    with pytest.raises(StoreError, match="can only follow one that stands before it"):
        store.append_all([Draft("b", "note", {}, parent=reply)])
    assert list(store.entries()) == [first, second] and store.check() == []


@pytest.mark.parametrize(
    ("conversation", "kind", "content", "message"),
    [
        ("a", "labell", {}, "unknown kind of entry 'labell'; did you mean 'label'"),
        ("a\n", "note", {}, "is not a name for a conversation or an author: it has control characters"),
        ("", "user", {}, "needs a conversation"),
        ("", "domain", {"add": "acton", "name": "x"}, "'add' cannot be 'acton'; did you mean 'action'"),
        ("a", "note", {"text": float("nan")}, "cannot be written as JSON"),
        ("a", "note", {"text": {1}}, "cannot be written as JSON"),
        ("a", "user", {"event": "slot", "name": "x"}, "not a message of the user"),
        ("a", "event", {"event": "reminder"}, "unknown event 'reminder'"),
        ("a", "label", {"action": "x", "by": "person"}, "its content has no 'right'"),
        ("a", "label", {"action": "x", "by": "person", "right": "x"}, "'right' is a list, not 'x'"),
        (
            "a",
            "label",
            {"action": "x", "right": [], "by": "bot", "chances": {"x": 1.5}},
            "'chances' has numbers from 0 to 1",
        ),
        ("a", "head", {"to": 99}, "unknown entry 99"),
        ("a", "head", {"to": 2**70}, "too large"),
        ("a", "rating", {"value": True, "about": 1}, "'value' is a number, not 'True'"),
    ],
)
def test_malformed_entries_are_refused(
    store: Store, conversation: str, kind: str, content: dict[str, Any], message: str
) -> None:
    with pytest.raises(StoreError, match=message) as caught:
        store.append(conversation, kind, content)
    assert str(caught.value) == printable(str(caught.value))
    assert list(store.entries()) == []


def test_time_never_goes_back(place: StorePlace) -> None:
    clock = iter([100.0, 50.0, 200.0])
    with Store(place, clock=lambda: next(clock)) as store:
        assert [store.append("a", "note", {}).time for _ in range(3)] == [100, 100, 200]
    with Store(place, clock=lambda: 1.0) as store:
        assert store.append("a", "note", {}).time == 200


def test_a_folder_or_an_address_can_be_a_text(tmp_path: Path) -> None:
    with Store(str(tmp_path / "texts")) as store:
        assert store.place == tmp_path / "texts"
    with pytest.raises(
        PlaceError, match="mysql://localhost/x: a store is a folder, or a database postgresql"
    ):
        Store("mysql://localhost/x")


def test_store_in_memory_keeps_the_rules_of_one_on_disk(place: StorePlace) -> None:
    def fill_in(store: Store) -> list[Any]:
        message = Draft("a", "note", note("hi"))
        second = store.append_all([message, Draft("a", "note", {}, message)])[1]
        store.append("", "domain", {"add": "action", "name": "utter_new", "texts": ("Hi",)})
        store.append("b", "head", {"to": second.id})
        for draft in (Draft("a", "labell", {}), Draft("a", "note", {}, parent=99), Draft("", "user", {})):
            with pytest.raises(StoreError):
                store.append_all([Draft("a", "note", {}), draft])
        store.use_domain("restaurant", "intents: [a]")
        assert store.branches("a") == ["b"] and store.forget("b") == ["b"]
        assert store.append("b", "note", {}).revision == 1 and store.check() == []
        return list(store.entries())

    clock = functools.partial(next, itertools.count(1.0))
    with Store.in_memory(clock) as memory, Store.in_memory() as other:
        found = fill_in(memory)
        assert list(other.entries()) == [] and other.domain is None
        with pytest.raises(StoreError, match="this store is in memory and has no folder"):
            print(memory.folder)
    with Store(place, clock=functools.partial(next, itertools.count(1.0))) as disk:
        assert found == fill_in(disk)


def test_threads_share_a_store_in_memory() -> None:
    with Store.in_memory() as store, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: fill(store, name, 40), "abcd"))
        assert [summary.entries for summary in store.conversations()] == [40] * 4 and store.check() == []


def test_missing_filelock_is_named_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store(tmp_path).close()
    monkeypatch.setitem(sys.modules, "filelock", None)
    with pytest.raises(ImportError, match=r'needs filelock: pip install "dialogue_gym\[teach\]"'):
        Store(tmp_path)
    Store(tmp_path, read_only=True).close()
    Store.in_memory().close()


def test_library_locks_files_on_every_system() -> None:
    """`fcntl` exists on Unix alone."""
    imports = re.compile(r"^\s*(?:import|from) fcntl\b", re.MULTILINE)
    assert [path for path in (ROOT / "dialogue_gym").rglob("*.py") if imports.search(path.read_text())] == []


def test_one_process_writes(store: Store) -> None:
    with pytest.raises(StoreError, match=rf"process {os.getpid()}( on \S+)? is writing to this store"):
        Store(store.place, wait=0.05)
    store.close()
    Store(store.place).close()


def test_threads_share_a_store(store: Store) -> None:
    threads = [threading.Thread(target=fill, args=(store, name, 40)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [summary.entries for summary in store.conversations()] == [40] * 4 and store.check() == []


def test_store_stays_with_its_domain(store: Store) -> None:
    assert store.domain is None
    store.use_domain("/here/domain.yml", "intents: [a]")
    store.use_domain("/here/domain.yml", "intents: [a, b]")  # edited
    store.use_domain("/there/domain.yml", "intents: [a, b]")  # moved
    with pytest.raises(StoreError, match=r"belongs to the domain .*, not 'restaurant'"):
        store.use_domain("restaurant", "intents: [c]")
    assert store.domain is not None and store.domain.text == "intents: [a, b]"


def test_erased_conversation_is_in_no_file(folder_store: Store) -> None:
    store = folder_store
    for number in range(300):
        store.append(f"about {SECRET}", "note", note(f"{SECRET} {number}" * 9), author=f"{SECRET}")
        store.append("other", "note", note(f"harmless {number}"))
    assert contains(store.folder, SECRET)
    before = list(store.entries("other"))
    with pytest.raises(StoreError, match="unknown conversation 'others'; did you mean 'other'"):
        store.forget("others")
    with Store(store.folder, read_only=True) as reader:
        reading = reader.entries()
        next(reading)  # one who is reading is not in the way
        store.forget(f"about {SECRET}")
    assert not contains(store.folder, SECRET) and not contains(store.folder, "Quartermain")
    assert contains(store.folder, "harmless") and list(store.entries()) == before
    assert store.append("new", "note", {}).id == 601  # no number is given twice
    assert store.check() == []


def contains(folder: Path, text: str) -> bool:
    forms = (text.encode(), json.dumps(text)[1:-1].encode())
    return any(form in path.read_bytes() for path in folder.iterdir() for form in forms)


def test_conversation_with_forks_is_not_erased(store: Store) -> None:
    first = fill(store, "first")
    store.append("moved", "head", {"to": first[1].id})  # a fork in which nothing was said yet
    second = fill(store, "second", parent=first[1].id)
    fill(store, "third", parent=second[0].id)
    other = fill(store, "other")
    with pytest.raises(StoreError, match=r"'first' has forks .*: 'moved', 'second', 'third'"):
        store.forget("first")
    assert len(list(store.entries())) == 13
    assert store.forget("third") == ["third"]  # a fork can go alone
    assert store.forget("first", with_forks=True) == ["first", "moved", "second"]
    assert list(store.entries()) == other and store.check() == []


def test_taught_conversations_are_read_with_their_origins_and_additions(store: Store) -> None:
    for name in ("silent", "origin", "grown"):
        began = store.append(name, "event", {"event": "session_started"}, None, "bot")
        store.append(name, "user", {"event": "user", "text": "hi", "parse_data": {}}, began.id, "ann")
    said = list(store.entries("origin"))[-1]
    store.append("fork", "head", {"to": said.id})
    store.append("fork", "label", {"action": "a", "right": ["a"], "by": "person"}, said.id, "ann")
    store.append("grown", "domain", {"add": "intent", "name": "x"}, list(store.entries("grown"))[-1].id)
    store.append("", "domain", {"add": "intent", "name": "y"})
    found = list(store.taught())
    assert {entry.conversation for entry in found} == {"origin", "fork", "grown", ""}
    assert History(found).conversations == ("origin", "grown", "fork")


def test_interrupted_erasing_is_completed(folder_store: Store) -> None:
    store = folder_store
    fill(store, SECRET, 50)
    store.close()
    database = sqlite3.connect(store.folder / "journal.sqlite")
    database.execute("PRAGMA secure_delete = OFF")
    database.execute("DELETE FROM entries")
    database.execute("INSERT INTO notes VALUES ('erasing', '')")
    database.commit()
    database.close()
    assert contains(store.folder, SECRET)
    Store(store.folder).close()
    assert not contains(store.folder, SECRET)


def writer(place: StorePlace, acknowledge: Connection) -> None:
    with Store(place) as store:
        parent = None
        while True:
            drafts = [Draft("many", "note", note("x" * 500)) for _ in range(3)]
            parent = store.append("one", "note", note("y" * 500), parent).id
            acknowledge.send_bytes(str(parent).encode())
            acknowledge.send_bytes(str(store.append_all(drafts)[-1].id).encode())


def test_nothing_acknowledged_is_lost_when_the_process_is_killed(place: StorePlace) -> None:
    acknowledged: list[int] = []
    wishes = random.Random(7)
    kills = KILLS if isinstance(place, Path) else KILLS // 3  # it takes three times as long to open
    for _ in range(kills):
        receiver, sender = PROCESSES.Pipe(duplex=False)
        process = PROCESSES.Process(target=writer, args=(place, sender))
        process.start()
        sender.close()
        for _ in range(1 + wishes.randrange(10)):
            acknowledged.append(int(receiver.recv_bytes()))
        time.sleep(wishes.uniform(0, 0.01))
        process.kill()
        process.join()
        with pytest.raises(EOFError):
            while True:
                acknowledged.append(int(receiver.recv_bytes()))
        receiver.close()
        with Store(place) as store:  # and the lock is free
            entries = list(store.entries())
            assert store.check() == []
        assert set(acknowledged) <= {entry.id for entry in entries}
        assert sum(entry.conversation == "many" for entry in entries) % 3 == 0
    assert len(acknowledged) > kills


def fill_the_disk(folder: Path, answer: Connection) -> None:
    """Nothing can be written past a limit, as on a full disk, until there is room again."""
    with Store(folder) as store:
        fill(store, "a")
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
        written = 3
        message = ""
        while not message:
            try:
                store.append_all([Draft("a", "note", note("x" * 5000)) for _ in range(3)])
                written += 3
            except StoreError as error:
                message = str(error)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        store.append("a", "note", {})
        answer.send((message, written + 1, store.check()))


def test_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    receiver, sender = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=fill_the_disk, args=(tmp_path, sender))
    process.start()
    message, written, found = receiver.recv()
    process.join()
    assert "the disk" in message and message == printable(message) and found == []
    with Store(tmp_path) as store:
        assert len(list(store.entries())) == written and store.check() == []


def test_number_of_an_erased_conversation_is_not_reused(place: StorePlace) -> None:
    with Store(place) as store:
        for name in ("live1", "live12", "c7"):
            store.append(name, EVENT, to_json(SessionStarted()))
        store.forget("live12")
        assert (store.last_number("live"), store.last_number("c"), store.last_number("d")) == (12, 7, 0)
        store.append("live13", EVENT, to_json(SessionStarted()))
        assert store.last_number("live") == 13
