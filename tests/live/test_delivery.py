"""A learner has transitions in the order of their entries, whichever turn goes on first after the disk."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogue_gym.journal.entry import LABEL
from dialogue_gym.live.follower import unlearned
from dialogue_gym.live.transitions import Transition
from dialogue_gym.live.turn import OrderedDelivery
from tests.live.bots import all_plain
from tests.live.handoffs import DOMAIN, Setup
from tests.live.learning import until


@given(st.permutations(range(6)), st.sets(st.integers(0, 5)))
def test_what_is_written_is_delivered_in_the_order_of_submission(order: list[int], failed: set[int]) -> None:
    told: list[int] = []
    delivery = OrderedDelivery(lambda transitions, last_entry, is_boundary: told.append(last_entry))
    parcels = [delivery.expect() for _ in order]
    for place in order:
        assert delivery.is_pending
        delivery.fill(parcels[place], None if place in failed else ((), place, False))
    assert told == [place for place in range(6) if place not in failed] and not delivery.is_pending


def test_a_rating_is_not_followed_by_the_reward_without_it(setup: Setup) -> None:
    """The rating was written before a turn that could go on first."""
    learned: list[Transition] = []
    setup.bot.conversations.delivery.listener = lambda found, last_entry, is_boundary: learned.extend(found)
    setup.say()
    (name,) = setup.bot.conversations.open
    rating = setup.bot.ratings.take(name, 1.0)
    flush = rating.send(None)
    with ThreadPoolExecutor(1) as threads:
        turn = threads.submit(setup.say)
        until(lambda: [entry.kind for entry in setup.store.entries(name)].count(LABEL) == 2)
        wait([turn], timeout=0.5)
        written = flush.block()
        with setup.sessions.lock, pytest.raises(StopIteration):
            rating.send(written)
        turn.result()
    reward = setup.bot.conversations.reward
    expected = [one for _, found in unlearned(setup.store, DOMAIN, reward, 0) for one in found]
    assert all_plain(learned) == all_plain(expected) and learned[-1].reward == reward.step + reward.rating
