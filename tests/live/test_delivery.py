"""A learner has transitions in the order of their entries, whichever turn goes on first after the disk."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dialogue_gym.live.turn import OrderedDelivery


@given(st.permutations(range(6)), st.sets(st.integers(0, 5)))
def test_what_is_written_is_delivered_in_the_order_of_submission(order: list[int], failed: set[int]) -> None:
    told: list[int] = []
    delivery = OrderedDelivery(lambda transitions, last_entry, is_boundary: told.append(last_entry))
    parcels = [delivery.expect() for _ in order]
    for place in order:
        assert delivery.is_pending
        delivery.fill(parcels[place], None if place in failed else ((), place, False))
    assert told == [place for place in range(6) if place not in failed] and not delivery.is_pending
