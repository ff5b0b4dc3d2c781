"""Teaching at a keyboard: in a pseudo-terminal, at several widths, with Ctrl-C and Ctrl-D at every prompt."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from dialogue_gym.journal.entry import DOMAIN, LABEL
from dialogue_gym.journal.store import Store
from tests.teaching.terminal.dialogs import PLAIN
from tests.terminals import Window


def interrupt(window: Window, *until: str) -> None:
    """Press Ctrl-C and Ctrl-D, answer no each time, and wait for the prompt again."""
    for key in "\x03\x04":
        window.type(key, "Leave?")
        window.type("n\r", *until)


@pytest.mark.parametrize("columns", [60, 120, 200])
def test_ctrl_c_and_ctrl_d_ask_before_leaving_at_every_prompt(tmp_path: Path, columns: int) -> None:
    (tmp_path / "plain.yml").write_text(PLAIN)
    window = Window("teach", "plain.yml", cwd=tmp_path, columns=columns, NO_COLOR="1")
    steps = (
        ("", "you >"),
        ("hello\r", "answer >"),
        ("3", "intent >"),
        ("order\r", "answer >"),  # add it?
        ("1", "entities >"),
        ("size=big\r", "answer >"),  # add it as a slot?
        ("1", "answer >"),
        ("2", "action >"),
        ("+utter_size\r", "none) >"),
        ("Which size? \u05e9\u05dc\u05d5\u05dd [/b] " + "very " * 50 + "long\r", "answer >"),
        ("t\r", "(now 0.9) >"),
        ("\r", "answer >"),
        ("f\r", "cancel) >"),
        ("1\r", "answer >"),  # after the corrected message
        ("2", "action >"),
        ("utter_greet\r", "answer >"),  # a contradiction
        ("3", "answer >"),
        ("f\r", "conversation >"),
        ("0\r", "cancel) >"),
        ("\r", "answer >"),
    )
    shown = ""
    try:
        for keys, prompt in steps:
            window.type(keys, prompt)
            shown += window.seen
            interrupt(window, prompt)
        window.type("\x04", "Leave?")
        window.type("no, wait\r", "Leave?")
        window.type("y\r", "Your answers are saved.")
        assert window.process.wait(30) == 0
    finally:
        window.close()
    lines = re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown))
    longest = max(len(line) for line in lines if line.lstrip().startswith(("it says:", "u undo", "slots")))
    assert min(columns, 90) - 15 < longest <= columns
    with Store(tmp_path / "plain-teaching") as store:
        assert [entry.content["name"] for entry in store.entries() if entry.kind == DOMAIN] == [
            "order",
            "size",
            "utter_size",
        ]


def test_ctrl_c_and_ctrl_d_ask_before_teaching_begins(tmp_path: Path) -> None:
    window = Window("teach", "own.yml", cwd=tmp_path, columns=200)
    try:
        for keys, prompt in (("", "answer >"), ("1", "answer >")):
            window.type(keys, prompt)
            interrupt(window, prompt)
        window.type("\x03", "Leave? Nothing was saved.")
        window.type("no, wait\r", "Leave?")
        window.type("y\r", "Nothing was saved.")
        assert window.process.wait(30) == 0 and not list(tmp_path.iterdir())
    finally:
        window.close()
    (tmp_path / "plain.yml").write_text(PLAIN)
    Store(tmp_path / "plain-teaching").close()
    window = Window("teach", "plain.yml", "--scratch", cwd=tmp_path, columns=200)
    try:
        window.type("", "start a new one", "answer >")
        interrupt(window, "answer >")
        window.type("\x04", "Leave?")
        window.type("\x04", "Your answers are saved.")  # a second one is a yes
        assert window.process.wait(30) == 0
    finally:
        window.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plain-teaching", "plain.yml"]


def test_keys_answer_and_ctrl_c_asks_before_leaving(tmp_path: Path) -> None:
    (tmp_path / "plain.yml").write_text(PLAIN)
    window = Window("teach", "plain.yml", cwd=tmp_path, columns=60, NO_COLOR="1")
    try:
        window.type("", "you >")
        window.type("\x03", "Leave?")  # at a line
        window.type("n\r", "you >")
        window.type("\x04", "Leave?")
        window.type("n\r", "you >")
        window.type("x" * 3000 + "\x07 [/b]\r", "means not understood", "answer >")
        assert "x" * 70 not in window.seen.partition("means")[0].rpartition("slots")[2]
        window.type("\x03", "Leave?")  # at a key
        window.type("n\r", "answer >")
        window.type("2", "action >")  # no Enter
        window.type("\x03", "Leave?")  # in a table
        window.type("n\r", "action >")
        window.resize(120)
        window.type("utter_greet\r", "bot   utter_greet", "answer >")
        assert "\x1b[3" not in window.seen.partition("Is this right")[0]
        window.type("u\r", "(undone)", "answer >")
        window.type("t\r", "confidence needed to continue")
        window.type("0\r", "answer >")
        window.type("g\r", "you >")
        window.type("\x03", "Leave?")
        os.write(window.leader, b"\x03")
        assert window.process.wait(30) == 0
    finally:
        window.close()
    with Store(tmp_path / "plain-teaching") as store:
        labels = [entry.content["by"] for entry in store.entries() if entry.kind == LABEL]
        assert labels == ["person", "bot"]


def test_enter_after_a_number_is_not_the_next_answer(tmp_path: Path) -> None:
    (tmp_path / "plain.yml").write_text(PLAIN)
    window = Window("teach", "plain.yml", cwd=tmp_path, columns=80, NO_COLOR="1")
    try:
        window.type("", "you >")
        window.type("/greet\r", "answer >")
        window.type("2\r", "action >")
        window.type("utter_greet\r", "bot   utter_greet", "answer >")  # Enter would have cancelled
        window.type("goodbye\r", "(unknown answer goodbye;", "answer >")
        window.type("2 tickets\r", "(unknown answer 2 tickets;", "answer >")
        window.type("\r\r?", "quit, at every prompt", "answer >")
        window.type(":q\r")
        assert window.process.wait(30) == 0
    finally:
        window.close()
    with Store(tmp_path / "plain-teaching") as store:
        assert [entry.content["action"] for entry in store.entries() if entry.kind == LABEL] == [
            "utter_greet"
        ]
