"""A conversation that is forgotten is unlearned; a rating that is approved is learned."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dialogue_gym.journal.entry import LABEL, LIVE, PERSON, RATING, Draft
from dialogue_gym.journal.store import Store, StoreError
from dialogue_gym.live.checkpoints import checkpoints_of, forget, read
from tests.commands import call
from tests.live.people import Days, comparable

EVERY = 5


def lived(folder: Path, dialogues: int) -> list[str]:
    """Hold dialogues; return the conversations of the store."""
    with Store(folder) as store:
        days = Days(store, EVERY, kept=100)
        for _ in range(dialogues):
            days.talk()
            days.trainer.work()
        days.trainer.stop()
        return list(store.begun(LIVE, 1000))


def learned(folder: Path) -> tuple[object, set[int]]:
    """Return the learner's state after a start, and the entries it was learned from."""
    with Store(folder) as store:
        trainer = Days(store, EVERY).trainer
        return comparable(trainer), set(trainer.learner.replay.arrays()["entries"].tolist())


def entries_of(folder: Path, conversation: str) -> set[int]:
    with Store(folder, create=False, read_only=True) as store:
        return {entry.id for entry in store.entries(conversation)}


def test_forgotten_conversation_leaves_no_trace_in_learning(tmp_path: Path) -> None:
    folder, never = tmp_path / "store", tmp_path / "never"
    lived(folder, 8)
    shutil.copytree(folder, never)
    last = lived(folder, 1)[-1]
    assert learned(folder) != learned(never)
    with Store(folder) as store:
        erased, removed = forget(store, last)
    assert erased == [last] and removed
    assert learned(folder) == learned(never)


def test_conversation_in_the_middle_leaves_no_trace(tmp_path: Path) -> None:
    folder, bare = tmp_path / "store", tmp_path / "bare"
    names = lived(folder, 14)
    forgotten = names[5]
    entries = entries_of(folder, forgotten)
    assert learned(folder)[1] & entries
    shutil.copytree(folder, bare)
    (newest, *_) = reversed(checkpoints_of(folder).paths())
    newest.write_bytes(newest.read_bytes()[:-100])  # damaged, so it may have learned from anything
    with Store(folder) as store:
        forget(store, forgotten)
    left = [*checkpoints_of(folder).paths(), *filter(Path.exists, [checkpoints_of(folder).best])]
    assert left and all(read(path).state["upto"] < min(entries) for path in left)
    with Store(bare) as store:
        store.forget(forgotten)
    checkpoints_of(bare).prune(0)
    found, known = learned(folder)
    assert not known & entries and len(known) > 20
    assert (found, known) == learned(bare)  # learned from the journal alone it is the same


def test_labels_are_in_every_checkpoint(tmp_path: Path) -> None:
    names = lived(tmp_path / "store", 3)
    with Store(tmp_path / "store") as store:
        label = {"action": "wrap", "right": ["wrap"], "by": PERSON}
        store.append("lesson", LABEL, label)
        fork = store.append("fork", LABEL, label, store.last_id())
        with pytest.raises(StoreError, match="has forks"):
            forget(store, "lesson")
        with pytest.raises(StoreError, match="unknown conversation"):
            forget(store, "nothing")
        assert fork.id == store.last_id() and checkpoints_of(store.folder).paths()
        assert forget(store, "lesson", with_forks=True)[0] == ["lesson", "fork"]
        assert checkpoints_of(store.folder).paths() == [] and not checkpoints_of(store.folder).best.exists()
        assert list(store.begun(LIVE, 100)) == names


def test_commands_forget_and_approve(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    name = lived(folder, 1)[0]
    with Store(folder) as store:
        (end,) = [entry.id for entry in store.entries(name) if entry.kind == "end"]
        for value in (-1.0, 0.5):
            rating = {"value": value, "about": end, "pending": True}
            waits = store.append_all([Draft(name, RATING, rating, end, PERSON)])[0]
    before = learned(folder)

    def command(*words: str) -> tuple[int, list[str], str]:
        done = call("store", *words, "--store", "store", cwd=tmp_path)
        return done.returncode, done.stdout.splitlines(), done.stderr

    status, lines, _ = command("ratings")
    assert (
        status == 0 and len(lines) == 2 and lines[1].split()[0] == str(waits.id) and lines[1].endswith(" 0.5")
    )
    status, lines, error = command("ratings", "--approve", "7777")
    assert status == 2 and "no such rating awaits approval" in error and "Traceback" not in error
    assert learned(folder) == before
    assert command("ratings", "--approve", str(waits.id))[:2] == (0, ["1 rating approved"])
    assert command("ratings", "--approve", "all")[:2] == (0, ["0 ratings approved"])
    assert learned(folder) != before
    status, lines, _ = command("forget", name, "--yes")
    assert status == 0 and lines[0] == f"{name} erased" and "learns anew from the rest" in lines[1]
    assert learned(folder)[1] == set()
