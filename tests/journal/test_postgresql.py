"""Stores in PostgreSQL: order among several writers, lost connections, erasure, and errors in one line."""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogue_gym._text import printable
from dialogue_gym.journal import postgres_link, postgres_schema
from dialogue_gym.journal.data_folder import data_folder, write_new_data
from dialogue_gym.journal.database_file import DatabaseFile
from dialogue_gym.journal.entry import Draft, Entry, StoreUnreachable
from dialogue_gym.journal.place import DatabaseUrl, PlaceError, place_of
from dialogue_gym.journal.postgres_link import PostgresLink
from dialogue_gym.journal.store import Store, StoreError
from tests.journal.cut import Cut
from tests.journal.test_store import SECRET, fill, note
from tests.postgres import ESCAPED, PASSWORD, PostgresServer


def test_reader_who_goes_on_after_the_last_id_misses_none(database: DatabaseUrl) -> None:
    """Long writes beside short ones: ids that are given out before the commit would appear out of order."""
    writers, writes = 4, 12
    is_over = threading.Event()
    Store(database).close()

    def write(number: int) -> None:
        with Store(database, is_shared=True) as store:
            for _ in range(writes):
                size = 400 if number % 2 else 1
                store.append_all(Draft(f"c{number}", "note", note("x" * 2000)) for _ in range(size))

    def read() -> list[Entry]:
        found: list[Entry] = []
        with Store(database, read_only=True) as store:
            while True:
                was_over = is_over.is_set()
                found += store.entries(after=found[-1].id if found else 0)
                if was_over:
                    return found

    with ThreadPoolExecutor(writers + 1) as pool:
        reading = pool.submit(read)
        list(pool.map(write, range(writers)))
        is_over.set()
        seen = [entry.id for entry in reading.result()]
    with Store(database) as store:
        everything = [entry.id for entry in store.entries()]
        assert seen == everything and len(seen) == writers // 2 * writes * 401
        assert everything == list(range(1, len(seen) + 1)) and store.check() == []


def test_revisions_are_exact_among_several_writers(database: DatabaseUrl) -> None:
    def write(number: int) -> None:
        with Store(database, is_shared=True) as store:
            for count in range(10):
                added = {"add": "intent", "name": f"intent_{number}_{count}"}
                store.append_all([Draft("", "domain", added), Draft("c", "note", {})])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    with Store(database) as store:
        assert store.check() == [] and [entry.revision for entry in store.entries()][-1] == 40


def test_store_is_shared_or_has_one_writer(database: DatabaseUrl, tmp_path: Path) -> None:
    one_at_a_time = "is writing to this store; one can at a time"
    with Store(database, is_shared=True) as first, Store(database, is_shared=True) as second:
        fill(first, "a")
        assert second.conversations() == first.conversations()
        with pytest.raises(StoreError, match=one_at_a_time):
            Store(database)
        with pytest.raises(StoreError, match="nothing can be erased while several processes write"):
            second.forget("a")
        with Store(database, read_only=True) as reader:
            assert len(list(reader.entries())) == 3
    with Store(database), pytest.raises(StoreError, match=one_at_a_time):
        Store(database, is_shared=True)
    with pytest.raises(StoreError, match="several need a database: --store postgresql://USER@HOST/DATABASE"):
        Store(tmp_path, is_shared=True)


END_CONNECTIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'process %'
"""


def test_lost_connections_are_made_again(database: DatabaseUrl, postgres: PostgresServer) -> None:
    with Store(database) as store:
        for _ in range(3):
            fill(store, "a")
            postgres.sql(END_CONNECTIONS)
            assert len(store.conversations()) == 1
        fill(store, "a")
        with pytest.raises(StoreError, match="one can at a time"):
            Store(database)  # the lock was taken again
        assert [entry.id for entry in store.entries()] == list(range(1, 13)) and store.check() == []
        postgres.sql(END_CONNECTIONS)
        with Store(database) as other:
            fill(other, "b")
        for _ in range(2):
            with pytest.raises(
                StoreError, match="another process has opened this store since; open it again"
            ):
                fill(store, "a")
        assert store.last_id() == 15


@pytest.mark.parametrize("passes_on", [True, False])
def test_write_whose_answer_is_lost_is_done_once(
    database: DatabaseUrl, postgres: PostgresServer, passes_on: bool
) -> None:
    with Cut(postgres.port) as cut:
        through = DatabaseUrl(database.url.replace(str(postgres.port), str(cut.port)))
        with Store(through) as store:
            (first,) = fill(store, "a", 1)
            cut.next_answer(passes_on)  # the server does it, or never hears of it
            second, third = store.append_all([Draft("a", "note", {}, first.id), Draft("b", "note", {})])
            assert cut.count == 1 and second.parent == first.id and third.time == second.time
            assert list(store.entries()) == [first, second, third] and store.check() == []


@pytest.mark.parametrize("next_size", [1, 2])
@pytest.mark.parametrize("passes_on", [True, False])
def test_write_that_failed_without_an_answer_is_not_taken_for_the_next_one(
    database: DatabaseUrl,
    postgres: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
    passes_on: bool,
    next_size: int,
) -> None:
    """Nor are writes done twice that were sent together: the server may have done them all."""
    monkeypatch.setattr(postgres_link, "PATIENCE", 0.5)
    with Cut(postgres.port) as cut:
        through = DatabaseUrl(database.url.replace(str(postgres.port), str(cut.port)))
        with Store(through) as store:
            together = [store.submit([Draft("a", "note", note(text))]) for text in ("one", "two")]
            cut.is_down = True
            cut.next_answer(passes_on, "writes")
            for one in together:
                with pytest.raises(StoreUnreachable):
                    one.result()
            cut.is_down = False
            written = store.append_all(Draft("a", "note", note("next")) for _ in range(next_size))
            found = list(store.entries())
            assert found[-next_size:] == written and store.check() == []
            assert [entry.content["text"] for entry in found[:-next_size]] == ["one", "two"] * passes_on


def test_those_who_wait_for_a_server_give_up_together(
    database: DatabaseUrl, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_link, "PATIENCE", 2.0)
    attempts: Counter[int] = Counter()
    connected = PostgresLink._connected

    def count(link: PostgresLink) -> Any:
        attempts[threading.get_ident()] += 1
        return connected(link)

    with Store(database) as store, ThreadPoolExecutor(3) as pool:
        monkeypatch.setattr(PostgresLink, "_connected", count)
        postgres.kill()
        try:
            for asked in [pool.submit(store.last_id) for _ in range(3)]:
                with pytest.raises(StoreError, match="no server answers there"):
                    asked.result()
        finally:
            postgres.start()
    first, *others = sorted(attempts.values(), reverse=True)
    assert len(others) == 2 and sum(others) < first, "one after the other, each for all of its patience"


def test_killed_server_loses_and_repeats_nothing(
    database: DatabaseUrl, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_link, "PATIENCE", 120.0)  # a server takes a while to start on a busy machine
    acknowledged: list[str] = []
    is_over = threading.Event()

    def write(store: Store, name: str) -> None:
        number = 0
        while not is_over.is_set():
            store.append_all(Draft(name, "note", note(f"{name} {number} {part}")) for part in range(3))
            acknowledged.append(f"{name} {number} 2")
            number += 1

    with Store(database) as store, ThreadPoolExecutor(4) as pool:
        writing = [pool.submit(write, store, f"c{number}") for number in range(4)]
        try:
            for kill in range(1, 4):
                while len(acknowledged) < 20 * kill and not any(one.done() for one in writing):
                    time.sleep(0.01)
                postgres.kill()
                postgres.start()
        finally:
            is_over.set()
        for one in writing:
            one.result()
        texts = [entry.content["text"] for entry in store.entries()]
        assert store.check() == []
    assert len(set(texts)) == len(texts) == 3 * len(acknowledged) and set(acknowledged) <= set(texts)


def test_erased_conversation_is_in_no_table(database: DatabaseUrl, postgres: PostgresServer) -> None:
    name = database.name
    (oid,) = postgres.sql(f"SELECT oid FROM pg_database WHERE datname = '{name}'")[0]
    base = postgres.folder / "data" / "base" / str(oid)

    def contains(text: str) -> bool:
        postgres.sql("CHECKPOINT")
        return any(text.encode() in path.read_bytes() for path in base.iterdir() if path.is_file())

    with Store(database) as store:
        for number in range(50):
            store.append("about her", "note", note(f"Quartermain {number}"), author="Quartermain")
            store.append("other", "note", note(f"harmless {number}"))
        before = list(store.entries("other"))
        assert contains("Quartermain")
        store.forget("about her")
        assert not contains("Quartermain") and contains("harmless")
        assert list(store.entries("other")) == before and store.append("new", "note", {}).id == 101


def test_interrupted_erasing_is_completed(database: DatabaseUrl, postgres: PostgresServer) -> None:
    with Store(database) as store:
        fill(store, SECRET)
        store.append("other", "note", {})
    insert = "INSERT INTO dialogue_gym.notes VALUES ('erasing', '')"
    postgres.sql(insert, database=database.name)
    with Store(database, is_shared=True) as shared:
        assert shared.last_id() == 4
    Store(database).close()
    assert postgres.sql("SELECT * FROM dialogue_gym.notes", database=database.name) == []


def test_entries_are_never_changed(database: DatabaseUrl, postgres: PostgresServer) -> None:
    import psycopg

    with Store(database) as store:
        fill(store, "a")
    with pytest.raises(psycopg.Error, match="entries are never changed"):
        postgres.sql("UPDATE dialogue_gym.entries SET author = 'me'", database=database.name)


def test_keys_of_contents_are_found_whatever_else_they_hold(database: DatabaseUrl) -> None:
    """PostgreSQL reads no JSON with the character 0 or half a character."""
    odd = {"text": "\0 \ud800", "event": "session_started"}
    with Store(database) as store:
        store.append("a", "event", {**odd, "live": "ann", "long": "x" * 5000})
        store.append("a", "note", {**odd, "decides": None, "names": 7, "list": [1]})
        assert store.unfinished("live") == store.begun("live", 9) == {"a": "ann"}
        assert store.noted("decides") == {"a": None} and store.noted("names") == {"a": 7}
        assert store.noted("other") == store.unfinished("other") == {}
        assert next(store.entries()).content["text"] == odd["text"]


def test_tables_are_made_all_or_not_at_all(database: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(postgres_schema, "STEPS", (postgres_schema.STEPS[0], "SELECT nothing"))
        with pytest.raises(StoreError, match="nothing"):
            Store(database)
    with pytest.raises(StoreError, match="there is no store here"):
        Store(database, create=False)
    Store(database).close()


def test_tables_of_an_earlier_version_are_changed_in_steps(
    database: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = postgres_schema.STEPS

    def use(*steps: str) -> None:
        monkeypatch.setattr(postgres_schema, "STEPS", steps)
        monkeypatch.setattr("dialogue_gym.journal.postgresql.STEPS", steps)

    use(known[0])
    Store(database).close()
    two = "CREATE TABLE later (conversation text PRIMARY KEY)", "ALTER TABLE later ADD worker text"
    use(*known, *two)
    with pytest.raises(
        StoreError,
        match=rf"its format is 1; this version .* reads {len(known) + 2}; open it for writing once",
    ):
        Store(database, read_only=True)
    with ThreadPoolExecutor(4) as pool:  # several workers start at once
        stores = list(pool.map(lambda _: Store(database, is_shared=True), range(4)))
    before = fill(stores[0], "a")
    assert all(list(store.entries()) == before for store in stores)
    assert stores[0]._database.read("SELECT conversation, worker FROM later") == []
    for store in stores:
        store.close()
    monkeypatch.undo()
    with pytest.raises(
        StoreError, match=rf"its format is {len(known) + 2}; this version of dialogue_gym reads {len(known)}"
    ):
        Store(database)
    broken = (*known, *two, "CREATE TABLE more (id int); SELECT 1 / 0")
    monkeypatch.setattr(postgres_schema, "STEPS", broken)
    with pytest.raises(StoreError, match="division by zero"):
        Store(database)
    monkeypatch.setattr(postgres_schema, "STEPS", (*known, *two, "CREATE TABLE more (id int)"))
    Store(database).close()  # nothing of the failed step was left


def _wrong_password(server: PostgresServer, name: str) -> str:
    return server.url(name).replace(ESCAPED, "guess")


WRONG: list[tuple[Callable[[PostgresServer, str], str], str]] = [
    (_wrong_password, r"the user or the password is wrong"),
    (lambda server, name: server.url("nothing"), r"there is no database 'nothing'; make it with: createdb"),
    (lambda server, name: f"postgresql://u:{ESCAPED}@127.0.0.1:1/x", r"no server answers there"),
    (lambda server, name: f"postgresql://u:{ESCAPED}@none.invalid/x", r"there is no such server"),
    (lambda server, name: f"postgresql://u:{PASSWORD}@h/x", r"this is not an address of PostgreSQL"),
    (lambda server, name: server.url(name), r"there is no store here"),
]


@pytest.mark.parametrize(("address", "message"), WRONG)
def test_unusable_databases_are_reported_in_one_line(
    postgres: PostgresServer,
    database: DatabaseUrl,
    address: Callable[[PostgresServer, str], str],
    message: str,
) -> None:
    url = place_of(address(postgres, database.name))
    with pytest.raises(StoreError, match=message) as caught:
        Store(url, create=False)
    line = str(caught.value)
    assert line == printable(line) and line.startswith(str(url)) and caught.value.__cause__ is None
    assert not any(secret in line for secret in (ESCAPED, PASSWORD, "secret", "guess"))


def test_users_rights_and_encodings_are_reported(postgres: PostgresServer, database: DatabaseUrl) -> None:
    with Store(database) as store:
        fill(store, "a")
    postgres.sql(
        "CREATE USER reader PASSWORD 'read'",
        "GRANT USAGE ON SCHEMA dialogue_gym TO reader",
        "GRANT SELECT ON ALL TABLES IN SCHEMA dialogue_gym TO reader",
        database=database.name,
    )
    reader = DatabaseUrl(f"postgresql://reader:read@127.0.0.1:{postgres.port}/{database.name}")
    with Store(reader, read_only=True) as store:
        assert len(list(store.entries())) == 3
    with pytest.raises(StoreError, match="this user may not do that"):
        Store(reader)
    postgres.sql("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1'")
    with pytest.raises(StoreError, match=r"the encoding of this database is not UTF8"):
        Store(DatabaseUrl(postgres.url("latin")))


def test_missing_driver_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ImportError, match=r'needs psycopg: pip install "dialogue_gym\[postgres\]"'):
        Store(DatabaseUrl("postgresql://localhost/x"))


@given(
    st.text(st.characters(blacklist_characters="&"), min_size=1),
    st.sampled_from(["h/d", "h:5/d?a=b", "h,i/d"]),
)
def test_password_is_in_no_text_of_a_place(password: str, rest: str) -> None:
    secret = f"XX{password}YY"
    for url in (f"postgresql://u:{secret}@{rest}", f"postgresql://u@h/d?sslmode=a&password={secret}&b=c"):
        place = place_of(url)
        assert "XX" not in f"{place} {place!r} {place.name}" and place.url == url  # type: ignore[union-attr]


def test_place_is_a_folder_or_a_database(tmp_path: Path) -> None:
    assert place_of("some/folder") == Path("some/folder") and place_of("c:d") == Path("c:d")
    assert str(place_of("postgresql://ann@db:5433/bot")) == "postgresql://ann@db:5433/bot"
    assert [DatabaseUrl(f"postgresql://{one}").name for one in ("u@h/my%20bot?x=1", "u@h", "")] == [
        "my bot", "h", "postgresql",
    ]  # fmt: skip
    for wrong in ("mysql://u:secret@h/d", "postgresql:u:secret@h/d", "sqlite:///secret"):
        with pytest.raises(
            PlaceError, match="a store is a folder, or a database postgresql://USER@HOST/DATABASE"
        ):
            place_of(wrong)


@pytest.fixture
def files(database: DatabaseUrl) -> Iterator[DatabaseFile]:
    found = data_folder(database)
    assert isinstance(found, DatabaseFile)
    yield found


def test_files_of_a_database_are_like_those_of_a_folder(files: DatabaseFile, tmp_path: Path) -> None:
    """The same calls give the same, in a new database and in a new folder."""

    def look(folder: Any) -> list[Any]:
        found: list[Any] = [folder.is_dir(), (folder / "a.npz").exists(), list(folder.glob("*"))]
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / "a.npz"
        for missing in (path.read_bytes, path.stat):
            with pytest.raises(FileNotFoundError):
                missing()
        path.write_bytes(b"\0one")
        changed = path.stat().st_mtime_ns
        (folder / "b_c.txt").write_bytes(b"two")
        (folder / "bxc.txt").write_bytes(b"three")
        found += [folder.is_dir(), path.exists(), path.read_bytes(), path.name, path.stem]
        found += [sorted(one.name for one in folder.iterdir()), [one.name for one in folder.glob("b_*")]]
        time.sleep(0.01)
        path.write_bytes(b"other")
        found += [path.stat().st_mtime_ns != changed, (folder / "b_c.txt").read_text("utf-8")]
        path.unlink()
        path.unlink(missing_ok=True)
        return [*found, path.exists(), sorted(one.name for one in folder.iterdir())]

    assert look(files / "in" / "here") == look(tmp_path / "in" / "here")
    assert [str(one) for one in (files / "in").iterdir()] == []  # files of its folders are theirs
    assert re.fullmatch(r"postgresql://tester:…@[^ ]* in/here", str(files / "in" / "here"))
    assert (
        json.dumps(str(files)) == json.dumps(str(files.link.url)) and postgres_link.SCHEMA == "dialogue_gym"
    )


def test_of_several_first_starts_at_once_one_makes_the_key(database: DatabaseUrl) -> None:
    keys = [f"key {number}".encode() for number in range(8)]
    at_once = threading.Barrier(len(keys))

    def start(key: bytes) -> bytes:
        path = data_folder(database) / "web.key"
        path.parent.mkdir()
        at_once.wait()
        write_new_data(path, key)
        return path.read_bytes()

    with ThreadPoolExecutor(len(keys)) as pool:
        (kept,) = {*pool.map(start, keys)}
    assert kept in keys
