"""The whole way of a bot builder: from nothing to a bot that Rasa reads and a customer rates."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from dialogue_gym.journal.entry import RATING
from dialogue_gym.journal.store import Store
from tests.teaching.rasa_install import rasa, read_by
from tests.terminals import Window
from tests.web.browsers import Visitor, browser, playwright, signed_in, take_over
from tests.web.requests import PASSWORD
from tests.web.servers import served

__all__ = ["browser", "rasa"]

NEW = (
    ("", "One sentence."),
    ("It takes orders for a pizza place.", "Shall the bot understand hello"),
    ("1", "What do users want?"),
    ("I'd like to order a pizza", "2"),
    ("a pizza, please", "3"),
    ("can I get a pizza?", "4"),
    ("", "A short name"),
    ("", "What else do users want?"),
    ("when do you open?", "2"),
    ("until when are you open?", "3"),
    ("", "A short name"),
    ("hours", "What else do users want?"),
    ("", "need to know from users?"),
    ("size", "How do users tell the size?"),
    ("1", "Which choices are there?"),
    ("small", "2"),
    ("large", "3"),
    ("", "How does the bot ask for the size?"),
    ("Which size would you like?", "What else does it need to know?"),
    ("delivery", "How do users tell the delivery?"),
    ("3", "How do users say yes to it?"),
    ("yes", "2"),
    ("yes please", "3"),
    ("sure", "4"),
    ("of course", "5"),
    ("that's right", "6"),
    ("", "How do users say no to it?"),
    ("", "How does the bot ask for the delivery?"),
    ("Shall we bring it?", "What else does it need to know?"),
    ("", "nothing else"),
    ("1", "What does it say?"),
    ("A {size} pizza comes at once.", "A short name"),
    ("confirm_order", "nothing else"),
    ("1", "What does it say?"),
    ("We open at eight.", "A short name"),
    ("opening_hours", "nothing else"),
    ("3", "Is this your bot?"),
    ("1", "Teach it now?"),
    ("1", "you >"),
)
"""The answers about a new bot, each with a text that follows it."""
TALK = (
    ("hello", "utter_greet"),
    ("a pizza please", "utter_ask_size"),
    ("small", "delivery_form"),
    ("yes", "delivery_form", "utter_confirm_order"),
    ("when do you open", "utter_opening_hours"),
)
PROPOSED, YOU = ("Is this right?", "answer >"), ("you >",)
"""The texts that end a screen with a proposal, and one that waits for a message."""


def run(*words: str, cwd: Path, typed: str = "") -> str:
    command = [sys.executable, "-m", "dialogue_gym", *words]
    done = subprocess.run(command, cwd=cwd, input=typed, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def answer(window: Window, right: str, until: tuple[str, ...]) -> bool:
    """Confirm the proposal, or correct it by name; return whether it was a correction."""
    found = re.findall(r"The bot would do\s+\[?(?:\x1b\[[0-9;]*m)*(\w+)", window.seen)
    assert found, window.seen
    if found[-1] == right:
        window.type("1", *until)
        return False
    window.type("2", "action >")
    window.type(f"{right}\r", *until)
    return True


def taught(window: Window, *actions: str) -> int:
    """Teach the bot to do actions and then to listen; return the number of corrections."""
    return sum(answer(window, one, PROPOSED) for one in actions) + answer(window, "action_listen", YOU)


@pytest.mark.slow
def test_a_bot_from_nothing_reaches_rasa_and_a_customer(
    tmp_path: Path, browser: playwright.Browser, rasa: Path
) -> None:
    window = Window("new", "pizza.yml", cwd=tmp_path, columns=160, NO_COLOR="1")
    try:
        for number, (line, until) in enumerate(NEW):
            # At the choices a digit acts by itself.
            window.type(line if not number or line.isdigit() else f"{line}\r", until)
        corrections = []
        for again in ("", ":n\r"):  # the second time it knows all
            count = 0
            if again:
                window.type(again, "empty", *YOU)
            for said, *actions in TALK:
                window.type(f"{said}\r", *PROPOSED)
                count += taught(window, *actions)
            corrections.append(count)
        assert corrections[0] > corrections[1] == 0
        window.type("what does a pizza cost?\r", *PROPOSED)
        window.type("3", "intent >")
        window.type("price\r", "add it", "answer >")  # a new one: add it?
        window.type("1", "entities >")
        window.type("-\r", *PROPOSED)
        window.type("2", "action >")
        window.type("+utter_price\r", "none) >")
        window.type("Ten euros.\r", *PROPOSED)
        answer(window, "action_listen", YOU)
        window.type("what does a coke cost?\r", *PROPOSED)
        assert "means price" in window.seen
        assert taught(window, "utter_price") == 0
        window.type(":q\r", "write them into the file", "answer >")
        window.type("1", "Wrote pizza.yml.")
        assert window.process.wait(60) == 0
    finally:
        window.close()

    lines = (tmp_path / "pizza.yml").read_text().splitlines()
    line = next(number for number, text in enumerate(lines, 1) if "what does a pizza cost?" in text)
    assert run("check", "pizza.yml", cwd=tmp_path).splitlines() == [
        f"warning: pizza.yml:{line}: the intent 'price' has 1 example",
        "0 errors, 1 warning",
    ]
    run("store", "export", "rasa", "--store", "pizza-teaching", cwd=tmp_path)
    found = read_by(rasa, str(tmp_path / "rasa"))
    assert found["failed"] == []
    # Of the ready-made intents and responses, four were not taught.
    assert not [one for one in found["warnings"] if "not used in any story" not in one]
    assert ["what does a pizza cost?", "price"] in found["examples"]
    assert any(["price", []] in steps and "utter_price" in steps for steps in found["stories"].values())

    options = ("--stories", "rasa/data", "--nlu", "rasa/data", "--user", "me", "--store", "again")
    run("teach", "rasa/domain.yml", *options, typed=":q\n", cwd=tmp_path)
    talk = ("--talk", "--nlu", "rasa/data", "--title", "Pizza Mia", "--seed", "1")
    with served(
        tmp_path / "again", *talk, domain="rasa/domain.yml", DIALOGUE_GYM_PASSWORD=PASSWORD
    ) as server:
        customer = Visitor(browser, server)
        assert customer.page.inner_text("h1") == "Pizza Mia"
        customer.say("hello")
        customer.say("a pizza please")
        customer.page.wait_for_selector("text=Which size would you like?")
        customer.say("large")
        customer.page.wait_for_selector("text=Shall we bring it?")
        customer.say("yes please")
        customer.page.wait_for_selector("text=A large pizza comes at once.")
        customer.say("what does an ice cream cost?")
        customer.page.wait_for_selector("text=Ten euros.")
        tab = signed_in(browser, server, "tina", PASSWORD)
        take_over(tab, "live1", active=1)
        customer.say("can you leave it with my neighbour?")
        tab.page.fill("[aria-label='Your own words']", "Of course, we will ring there.")
        tab.page.click("text=Send")
        customer.page.wait_for_selector("text=Of course, we will ring there.")
        customer.page.click(".thumbs >> nth=-1 >> [aria-label='Good answer']")  # the teacher's words
        customer.page.wait_for_selector("text=Thank you.")
        assert customer.faults == tab.faults == []
        server.stop()
    with Store(tmp_path / "again", create=False, read_only=True) as store:
        entries = list(store.entries())
    (rating,) = (entry for entry in entries if entry.kind == RATING)
    (words,) = (entry for entry in entries if entry.id == rating.content["about"])
    assert rating.content["value"] == 1 and "we will ring there" in str(words.content)
    assert any(entry.author == "tina" and entry.conversation == rating.conversation for entry in entries)
