"""Actions of the concert bot: find concerts and venues, and show their reviews, best first.

The classes have the interface of rasa_sdk's, as a user's own actions do.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

Found = dict[str, Any]

# The C parser is 10 times faster where PyYAML was built with it.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DATA: dict[str, list[Found]] = yaml.load(
    Path(__file__).with_name("concerts.yml").read_text("utf-8"), _LOADER
)


def _slot_set(name: str, value: Any) -> dict[str, Any]:
    return {"event": "slot", "name": name, "value": value}


def _listed(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


class _Search:
    """Search for everything of one kind, which a slot then holds."""

    slot: str
    key: str
    """The key of an item's name."""

    def run(self, dispatcher: Any, tracker: Any, domain: Any) -> list[dict[str, Any]]:
        found = _DATA[self.slot]
        names = _listed([thing[self.key] for thing in found])
        dispatcher.utter_message(text=f"I found {len(found)} {self.slot}: {names}.")
        return [_slot_set(self.slot, found)]


class SearchConcerts(_Search):
    """Search for concerts."""

    slot, key = "concerts", "artist"

    def name(self) -> str:
        """Return the action's name."""
        return "action_search_concerts"


class SearchVenues(_Search):
    """Search for venues."""

    slot, key = "venues", "name"

    def name(self) -> str:
        """Return the action's name."""
        return "action_search_venues"


class _ShowReviews:
    """Reviews of the items in a slot."""

    slot: str
    key: str

    def run(self, dispatcher: Any, tracker: Any, domain: Any) -> list[dict[str, Any]]:
        reviewed = self._reviewed(tracker.get_slot(self.slot))
        if reviewed:
            best_first = sorted(reviewed, key=lambda thing: -thing["reviews"])
            parts = [f"{thing[self.key]} has {thing['reviews']:.1f}" for thing in best_first]
            dispatcher.utter_message(text=f"{_listed(parts)}, out of 5.")
        else:
            dispatcher.utter_message(text=f"I know of no {self.slot} yet. Shall I look for some?")
        return []

    def _reviewed(self, value: Any) -> list[Found]:
        """Return the known items in a slot, which another program may have filled."""
        known = {thing[self.key]: thing for thing in _DATA[self.slot]}
        names = [
            thing.get(self.key) if isinstance(thing, dict) else thing
            for thing in (value if isinstance(value, list) else [value])
        ]
        return [known[name] for name in names if isinstance(name, str) and name in known]


class ShowConcertReviews(_ShowReviews):
    """Reviews of the concerts found."""

    slot, key = "concerts", "artist"

    def name(self) -> str:
        """Return the action's name."""
        return "action_show_concert_reviews"


class ShowVenueReviews(_ShowReviews):
    """Reviews of the venues found."""

    slot, key = "venues", "name"

    def name(self) -> str:
        """Return the action's name."""
        return "action_show_venue_reviews"
