"""Limits of an address, whose senders may be names that somebody makes up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dialogue_gym.live.rate_limit import Limits
from dialogue_gym.live.request_limits import Rejected
from tests.live.test_sessions import Bot


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[Bot]:
    made = Bot(tmp_path / "store", Limits(address_per_minute=6, new_per_hour=4))
    yield made
    made.store.close()


def refused(bot: Bot, sender: str, address: str) -> Rejected:
    with pytest.raises(Rejected) as caught:
        bot.sessions.reply(sender, "/greet", None, address)
    return caught.value


def test_new_people_are_limited_by_address(bot: Bot) -> None:
    for number in range(4):
        bot.sessions.reply(f"person {number}", "/greet", None, "a")
    over = refused(bot, "person 4", "a")
    assert over.status == 429 and over.wait == 900 and "too many new people" in str(over)
    assert not bot.sessions.knows("person 4") and bot.sessions.knows("person 3")
    bot.sessions.reply("person 3", "/greet", None, "a")  # no new one
    bot.sessions.reply("person 4", "/greet", None, "b")
    bot.sessions.reply("person 5", "/greet")  # a known program has many people
    bot.clock.now += 900
    bot.sessions.reply("person 6", "/greet", None, "a")


def test_everything_written_down_counts_for_the_address(bot: Bot) -> None:
    for number in range(3):
        bot.sessions.reply(f"person {number}", "/greet", None, "a")
    bot.sessions.rate("person 0", 1.0, address="a")
    bot.sessions.rate("person 1", 1.0, address="a")
    bot.sessions.leave("person 2", "a")
    over = refused(bot, "person 0", "a")
    assert over.status == 429 and over.wait == pytest.approx(10)
    for name in ("rate", "leave"):
        with pytest.raises(Rejected):
            getattr(bot.sessions, name)("person 1", *([1.0] if name == "rate" else []), address="a")
    bot.sessions.history("person 1")  # looking is free
    bot.sessions.reply("person 0", "/greet", None, "b")
