"""Writes that wait are committed together, and each thread gets its own entries or its own error."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from dialogue_gym.journal.database import NewEntry, new_entries
from dialogue_gym.journal.entry import Draft, Entry, StoreError
from dialogue_gym.journal.group_commit import GroupCommit
from dialogue_gym.journal.store import Store

THREADS = 8


@pytest.mark.parametrize("wrong", [None, 3])
def test_each_thread_gets_its_own_entries_or_error(store: Store, wrong: int | None) -> None:
    groups: list[int] = []
    all_wait, written = threading.Event(), store._database.append

    def write(rows: Sequence[NewEntry], held: Sequence[str]) -> list[Entry]:
        all_wait.wait()
        groups.append(len({row.conversation for row in rows}))
        return written(rows, 1.0)

    commits = GroupCommit(write)

    def append(number: int) -> list[Entry]:
        first = Draft(f"c{number}", "note", {"number": number}, 99 if number == wrong else None)
        return commits.append(new_entries([first, Draft(f"c{number}", "note", {}, first)]))

    with ThreadPoolExecutor(THREADS) as pool:
        futures = [pool.submit(append, number) for number in range(THREADS)]
        while len(commits._waiting) < THREADS - 1:  # one of them writes
            pass
        all_wait.set()
    for number, future in enumerate(futures):
        if number == wrong:
            with pytest.raises(StoreError, match="unknown entry 99"):
                future.result()
            continue
        first, second = future.result()
        assert {first.conversation, second.conversation} == {f"c{number}"} and second.parent == first.id
        assert first.content == {"number": number} and store.entry(first.id) == first
    assert max(groups) >= THREADS - 1 and store.check() == []
    assert len(list(store.entries())) == 2 * (THREADS - (wrong is not None))


def test_nobody_waits_for_a_writer_that_was_interrupted() -> None:
    all_wait = threading.Event()

    def write(rows: Sequence[NewEntry], held: Sequence[str]) -> list[Entry]:
        all_wait.wait()
        raise KeyboardInterrupt

    commits = GroupCommit(write)
    with ThreadPoolExecutor(3) as pool:
        futures = [pool.submit(commits.append, new_entries([Draft("a", "note", {})])) for _ in range(3)]
        while len(commits._waiting) < 2:
            pass
        all_wait.set()
    kinds = sorted(type(future.exception()).__name__ for future in futures)
    assert kinds in (["KeyboardInterrupt", "KeyboardInterrupt", "StoreError"], ["KeyboardInterrupt"] * 3)


def test_those_who_are_written_one_by_one_are_told_of_an_interrupt() -> None:
    def write(rows: Sequence[NewEntry], held: Sequence[str]) -> list[Entry]:
        if len(rows) > 1:
            raise StoreError("one of them is wrong")
        raise KeyboardInterrupt

    commits = GroupCommit(write)
    first, *others = [commits.submit(new_entries([Draft("a", "note", {})])) for _ in range(3)]
    with pytest.raises(KeyboardInterrupt):
        first.result()
    assert all("interrupted" in str(one.done.exception(timeout=0)) for one in (first, *others))


def test_the_thread_that_writes_survives_an_error() -> None:
    def write(rows: Sequence[NewEntry], held: Sequence[str]) -> list[Entry]:
        if len(rows) > 1:
            raise TypeError("a fault")
        return [rows[0].entry(1, None, 0.0, 0)]

    commits = GroupCommit(write)
    wrong = commits.submit(new_entries([Draft("a", "note", {})] * 501))
    right = commits.submit(new_entries([Draft("a", "note", {})]))
    right.start()
    assert [entry.id for entry in right.done.result(timeout=60)] == [1]
    assert "interrupted" in str(wrong.done.exception())
    commits.close()
