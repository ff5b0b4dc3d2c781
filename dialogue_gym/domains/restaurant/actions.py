"""Actions of the restaurant bot: search for restaurants that fit the wishes, and suggest one.

The classes have the interface of rasa_sdk's, as a user's own actions do.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

Restaurant = dict[str, Any]

# The C parser is 10 times faster where PyYAML was built with it.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESTAURANTS: list[Restaurant] = yaml.load(
    Path(__file__).with_name("restaurants.yml").read_text("utf-8"), _LOADER
)["restaurants"]
_FOUND = "restaurants"
"""The slot with the names of the restaurants found."""
_WISHES = ("price", "cuisine", "location")
"""Slots that a restaurant must match if they are filled."""


def _fits(restaurant: Restaurant, tracker: Any) -> bool:
    wishes = {name: tracker.get_slot(name) for name in _WISHES}
    is_like_that = all(
        wish is None or str(wish).strip().lower() == restaurant[name] for name, wish in wishes.items()
    )
    people = _number(tracker.get_slot("people"))
    return is_like_that and (people is None or people <= restaurant["capacity"])


def _number(value: Any) -> int | None:
    """Return the number of people; None if it is unknown or not a number."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _search(tracker: Any) -> list[Restaurant]:
    return [restaurant for restaurant in _RESTAURANTS if _fits(restaurant, tracker)]


def _remember(found: list[Restaurant]) -> list[dict[str, Any]]:
    return [{"event": "slot", "name": _FOUND, "value": [restaurant["name"] for restaurant in found]}]


def _party(tracker: Any) -> str:
    people = tracker.get_slot("people")
    if people is None:
        return ""
    return f", for {people} {'person' if _number(people) == 1 else 'people'}"


class SearchRestaurants:
    """Search for the restaurants that fit the wishes, without a message."""

    def name(self) -> str:
        """Return the action's name."""
        return "action_search_restaurants"

    def run(self, dispatcher: Any, tracker: Any, domain: Any) -> list[dict[str, Any]]:
        """Store the names of the restaurants found."""
        return _remember(_search(tracker))


class Suggest:
    """Suggestion of the first restaurant found; another search if that one does not fit."""

    def name(self) -> str:
        """Return the action's name."""
        return "action_suggest"

    def run(self, dispatcher: Any, tracker: Any, domain: Any) -> list[dict[str, Any]]:
        """Name a restaurant, or say that there is none."""
        known = {restaurant["name"]: restaurant for restaurant in _RESTAURANTS}
        names = tracker.get_slot(_FOUND)
        found = [known.get(name) for name in names] if isinstance(names, list) else []
        if found and found[0] and _fits(found[0], tracker):
            dispatcher.utter_message(text=self._suggestion(found[0], tracker))
            return []
        searched = _search(tracker)
        if searched:
            dispatcher.utter_message(text=self._suggestion(searched[0], tracker))
        else:
            wishes = [str(wish) for name in _WISHES[:2] if (wish := tracker.get_slot(name)) is not None]
            kind = " ".join([*wishes, "restaurant"])
            place = tracker.get_slot("location")
            where = "" if place is None else f" in {place}"
            dispatcher.utter_message(text=f"I know of no {kind}{where}{_party(tracker)}.")
        return _remember(searched)

    def _suggestion(self, restaurant: Restaurant, tracker: Any) -> str:
        article = "an" if restaurant["price"][0] in "aeiou" else "a"
        kind = f"{article} {restaurant['price']} {restaurant['cuisine']} restaurant"
        return f"How about {restaurant['name']}, {kind} in {restaurant['location']}{_party(tracker)}?"
