"""Silence ends the conversations of people."""

from __future__ import annotations

from dialogue_gym.journal.store import Store
from tests.live.bots import (
    CUISINE,
    talking,
)


def test_silence_ends_a_conversation(store: Store) -> None:
    clock = [1000.0]
    live = talking(store, silence=60, clock=lambda: clock[0])
    talks, types, rates, silent = (live.begin() for _ in range(4))
    for name in (talks, types, rates, silent):
        live.reply(name, CUISINE)
    clock[0] += 40
    live.reply(talks, CUISINE)
    live.reply(types, "what?")  # not understood, but they are there
    live.rate(rates, 1)
    assert list(live.expire()) == []
    clock[0] += 20
    assert [heard.ended for heard in live.expire()] == [silent]
    clock[0] += 1e9  # the machine slept
    assert {heard.ended for heard in live.expire()} == {talks, types, rates}
    assert live.conversations.open == {} and list(live.expire()) == []
    assert list(talking(store, clock=lambda: clock[0]).expire()) == []


def test_silence_is_measured_across_a_clock_reset(store: Store) -> None:
    clock = [1000.0]
    live = talking(store, silence=60, clock=lambda: clock[0])
    name = live.begin()
    clock[0] = 10.0
    assert list(live.expire()) == []
    clock[0] = 69.0
    assert list(live.expire()) == []
    clock[0] = 70.0
    assert [heard.ended for heard in live.expire()] == [name]
