"""`dialogue-gym new`: a bot from a few answers, at a terminal."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dialogue_gym import load_domain
from tests.commands import call
from tests.terminals import Window


@pytest.mark.parametrize("written", ["pizza.yml", "pizza-2.yml"])
def test_a_bot_is_made_and_taught_at_a_terminal(written: str, tmp_path: Path) -> None:
    """Its file takes another name if somebody has made one of that name meanwhile."""
    window = Window("new", "pizza.yml", cwd=tmp_path, columns=100, NO_COLOR="1")
    try:
        window.type("", "What is the bot for?", ">")
        window.type("It sells pizza.\r", "hello, thanks", "answer >")
        window.type("1", "What do users want?", "1 >")
        window.type("I want a pizza\r", "2 >")
        window.type(":back\r", "taken back", "1 >")
        window.type(":back\r", "hello, thanks", "answer >")
        window.type("1", "1 >")
        window.type("hello\r", "2 >")
        window.type("hi there\r", "3 >")
        window.type("\r", "'hello' means 'greet' already", "3 >")
        window.type(":back\r", "taken back: hi there", "2 >")
        window.type(":back\r", "taken back: hello", "1 >")
        window.type("I'd like to order a pizza\r", "2 >")
        window.type("a small pizza please\r", "3 >")
        window.type("\r", "[order_pizza]", ">")
        window.type(":back\r", "2  a small pizza please", "3 >")
        window.type("\r", "[order_pizza]", ">")
        window.type("\r", "What else do users want?", "1 >")
        window.type("\r", "need to know", ">")
        window.type("size\r", "How do users tell the size?", "answer >")
        window.type("1", "Which choices", "1 >")
        window.type("small\r", "2 >")
        window.type("large\r", "3 >")
        window.type("\r", "ask for the size?", ">")
        window.type("Which size?\r", "What else does it need to know?", ">")
        window.type("\r", "What else does the bot do?", "answer >")
        window.type("3", "“I'd like to order a pizza” (and 1 more)", "Is this your bot?", "answer >")
        assert re.search(r"utter_ask_size +“Which size\?”", window.seen)
        told: tuple[str, ...] = ()
        if written != "pizza.yml":
            (tmp_path / "pizza.yml").write_text("mine")
            told = ("(pizza.yml was made meanwhile, and stays as it is: the bot is in pizza-2.yml)",)
        window.type("1", *told, f"Wrote {written}.", "answer >")
        window.type("1", "you >")
        window.type("a large pizza please\r", "means order_pizza", "size: large", "answer >")
    finally:
        window.close()
    assert load_domain(tmp_path / written).texts("utter_ask_size") == ("Which size?",)
    if written != "pizza.yml":
        assert (tmp_path / "pizza.yml").read_text() == "mine"


def test_an_existing_file_is_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "pizza.yml"
    file.write_text("intents: [greet]\n")
    for name, problem in (("pizza.yml", "exists already"), ("pizza", "ends in .yml")):
        done = call("new", name, cwd=tmp_path)
        assert done.returncode == 2 and problem in done.stderr
    assert file.read_text() == "intents: [greet]\n"
