"""The commands `dialogue-gym store ratings` and `raters`, on the ratings of visitors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dialogue_gym.actions import ActionRunner
from dialogue_gym.domain import load_domain
from dialogue_gym.domain.loader import domain_text
from dialogue_gym.journal.store import Store
from dialogue_gym.live.bot import LiveBot
from dialogue_gym.live.rate_limit import Limits
from dialogue_gym.live.sessions import Sessions
from dialogue_gym.nlu.interpreter import FixedFormatInterpreter
from tests.commands import call
from tests.live.test_sessions import Hello

DOMAIN = """
intents: [greet]
entities: []
slots: {}
responses: {utter_hello: [{text: "Hello"}]}
actions: [utter_hello]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A store in which ten visitors have rated the same reply; one of them eight times, in a burst."""
    source = tmp_path / "hello.yml"
    source.write_text(DOMAIN, encoding="utf-8")
    domain = load_domain(str(source))
    with Store(tmp_path / "store") as store:
        store.use_domain(str(source), domain_text(str(source)))
        bot = LiveBot(domain, store, Hello(), FixedFormatInterpreter(domain), ActionRunner(domain))
        people = Sessions(bot, Limits(ratings=2), trusts_ratings=True)
        for number in range(10):
            people.reply(f"visitor {number}", "/greet")
            people.rate(f"visitor {number}", -1 if number == 9 else 1)
        for _ in range(8):
            people.reply("visitor 9", "/greet")
            people.rate("visitor 9", -1)
    yield tmp_path / "store"


def run(*words: str) -> list[str]:
    done = call("store", *words)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_bursts_are_listed_and_settled_apart(folder: Path) -> None:
    lines = run("ratings", "--store", str(folder))
    assert len(lines) == 8 and all(line.endswith("-1  burst") for line in lines[1:])
    assert run("ratings", "--approve", "all", "--store", str(folder)) == [
        "0 ratings approved",
        "(7 ratings left to review)",
    ]
    one = lines[1].split()[0]
    settled = run("ratings", "--approve", one, "--store", str(folder))
    assert settled == ["1 rating approved", "(6 ratings left to review)"]
    assert run("ratings", "--decline", "burst", "--store", str(folder)) == ["6 ratings rejected"]
    log = [json.loads(line) for line in run("log", "--json", "--store", str(folder))]
    assert (log[0]["who"], log[0]["what"], log[0]["about"]) == ("command line", "approved", f"rating {one}")
    assert [entry["what"] for entry in log[1:]] == ["rejected"] * 6
    assert len(run("ratings", "--store", str(folder))) == 1
    done = call("store", "ratings", "--decline", one, "--store", str(folder))
    assert done.returncode == 2 and "no such rating awaits approval" in done.stderr


@pytest.mark.parametrize("which", ["all", "burst", "7"])
def test_nothing_is_approved_and_declined_at_once(folder: Path, which: str) -> None:
    """Not even where nothing waits."""
    for _ in range(2):
        done = call("store", "ratings", "--approve", which, "--decline", which, "--store", str(folder))
        error = f"error: --decline {which}: the same is to be approved; give one of the two\n"
        assert (done.returncode, done.stdout, done.stderr) == (2, "", error)
        run("ratings", "--decline", "burst", "--store", str(folder))


def test_raters_are_reported_on(folder: Path) -> None:
    lines = run("raters", str(folder))
    assert lines[0] == "11 ratings by 10 raters; 7 ratings to be reviewed"
    assert lines[1].startswith("agreement: unknown, as several rated fewer than 10 things")
    assert lines[4].split() == ["visitor", "9", "2", "1", "1", "0.78"]
    report = json.loads("\n".join(run("raters", str(folder), "--json")))
    assert (report["ratings"], report["waiting"], report["outcomes"]) == (11, 7, 0)
    assert [one["contradicted"] for one in report["raters"]] == [1, *[0] * 9]
    with Store(folder / "new") as store:
        store.use_domain("restaurant", domain_text("restaurant"))
    done = call("store", "raters", str(folder / "new"))
    assert done.returncode == 2 and "nobody has rated anything yet" in done.stderr
