"""Hotels of a city by the sea that does not exist."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from agents.worlds.draws import Affinities, Draws, Row, described, listed

SEED, HOTELS = 36, 270
PRICES = ("cheap", "mid-priced", "expensive")
STARS = ("three stars", "four stars", "two stars", "five stars")
LANDMARKS = (
    "station", "beach", "old market", "airport", "university", "opera", "cathedral", "ferry", "trade fair",
)  # fmt: skip
NEIGHBOURHOODS = {
    "Alder Hill": ("station", "cathedral"),
    "Seawell": ("beach",),
    "Lantern Row": ("old market", "opera"),
    "Cloverfield": ("airport", "trade fair"),
    "Saltmarsh": ("beach", "ferry"),
    "Kingfisher Park": ("university",),
    "Copperfields": ("station", "old market"),
    "Marigold Square": ("opera",),
    "Northgate": ("station", "trade fair"),
    "Pebble Bay": ("beach",),
    "Hawthorn Heights": ("university", "cathedral"),
    "Millrace": ("old market",),
    "Dovecote": ("cathedral",),
    "Fernbank": ("airport",),
    "Gull Point": ("ferry", "beach"),
    "Larkrise": ("university",),
    "Tanners Yard": ("old market", "cathedral"),
    "Violet Bank": ("opera", "station"),
    "Eastgate": ("trade fair",),
    "Willowmere": ("university",),
    "Anchor Hill": ("ferry",),
    "Bramblewood": ("airport",),
    "Glasshouse": ("trade fair", "station"),
    "Otterford": ("airport", "university"),
    "Quince Gardens": ("opera",),
    "Rookery": ("cathedral",),
    "Sandpiper Quay": ("ferry", "beach"),
    "Thistledown": ("airport",),
    "Weavers Green": ("old market",),
    "Appleyard Mead": ("trade fair",),
    "Foxhollow": ("university",),
    "Juniper Rise": ("opera", "cathedral"),
    "Little Haven": ("beach",),
    "Moorside": ("airport",),
    "Swanbridge": ("station", "ferry"),
    "Windmill End": ("trade fair",),
}
"""The neighbourhoods, each with the landmarks that are near."""
STREETS = (
    "Chestnut Road", "Harbour View", "Primrose Street", "Bakers Row", "Signal Street", "Garden Street",
    "Tollhouse Lane", "Mercer Street", "Bluebell Avenue", "Cobbler Street", "Hill Rise", "Fountain Street",
    "Ropemaker Lane", "Station Approach", "Elm Terrace", "Sailmaker Street",
)  # fmt: skip
TITLES = listed(
    "Acorn, Amber, Aurora, Azure, Birch, Bluebird, Cobalt, Coral, Cygnet, Damson, Dolphin, Elder, Ember, "
    "Finch, Gable, Halcyon, Harvest, Heron, Indigo, Ivory, Jasper, Juniper, Larkspur, Lilac, Linnet, "
    "Lupin, Magpie, Maple, Meridian, Nightingale, Opal, Orchard, Pearl, Plover, Polaris, Quill, Robin, "
    "Rosemary, Saffron, Silver, Starling, Swallow, Tansy, Tamarisk, Teal, Velvet, Walnut"
)
PEOPLE = listed(
    "Abernathy, Bloom, Cartwright, Dunmore, Ellery, Fairweather, Goodfellow, Hollis, Ingram, Jessop, "
    "Kettering, Lovelace, Merriweather, Nettle, Oakley, Pennyworth, Quincey, Rosewood, Summers, "
    "Thornbury, Underhill, Vickers, Whitlock, Yardley"
)
KINDS: dict[str, tuple[tuple[str, ...], tuple[float, float, float]]] = {
    "city hotel": (("Hotel {title}", "The {person} Hotel", "{title} Court"), (2, 5, 3)),
    "guest house": (("{title} House", "The {person} House"), (5, 4, 0.3)),
    "bed and breakfast": (("{person} Cottage", "{title} Cottage"), (4, 4, 0.5)),
    "boutique hotel": (("The {title}", "{person} & {title}"), (0.2, 3, 6)),
    "hostel": (("The {title} Hostel", "Sleepy {title}"), (9, 1, 0)),
    "holiday flat": (("{title} Apartments", "{person} Flats"), (2, 5, 1)),
    "spa hotel": (("{title} Springs", "The {title} Spa"), (0, 2, 6)),
    "lodge": (("{title} Lodge", "{person} Lodge"), (2, 4, 2)),
}
"""The kinds of hotel, each with patterns of names, and weights of the prices."""
STARS_BY_PRICE: Affinities = {
    "cheap": {"three stars": 2, "four stars": 0.1, "two stars": 8, "five stars": 0},
    "mid-priced": {"three stars": 5, "four stars": 3, "two stars": 2, "five stars": 0.1},
    "expensive": {"three stars": 0.5, "four stars": 5, "two stars": 0, "five stars": 9},
}
RATES = {"cheap": (38, 72), "mid-priced": (78, 136), "expensive": (152, 340)}
"""Euros a night, from and to."""
RECEPTION = {
    "cheap": ("open from 8 am to 8 pm", "open from 7 am to 11 pm", "open around the clock"),
    "mid-priced": ("open from 7 am to 11 pm", "open around the clock", "open from 6 am to midnight"),
    "expensive": ("open around the clock", "open from 6 am to midnight"),
}


def hotels() -> list[Row]:
    """Return the hotels: six values to choose by, four to ask for, and a description."""
    draws = Draws(SEED)
    names = {kind: draws.shuffled(_names(patterns)) for kind, (patterns, _) in KINDS.items()}
    phones = draws.phones()
    return [_hotel(draws, names, next(phones)) for _ in range(HOTELS)]


def _names(patterns: tuple[str, ...]) -> list[str]:
    """Return all names of some patterns."""
    people = itertools.cycle(PEOPLE)
    pairs = [(title, next(people)) for title in TITLES]
    return list(
        dict.fromkeys(pattern.format(title=title, person=one) for pattern in patterns for title, one in pairs)
    )


def _hotel(draws: Draws, names: dict[str, Iterator[str]], phone: str) -> Row:
    kind = draws.skewed(list(KINDS))
    name = next(names[kind])
    neighbourhood = draws.skewed(list(NEIGHBOURHOODS))
    near = draws.one_of(NEIGHBOURHOODS[neighbourhood])
    price = draws.weighted(dict(zip(PRICES, KINDS[kind][1], strict=True)))
    stars = "" if kind == "holiday flat" else draws.weighted(STARS_BY_PRICE[price])
    view = draws.known(draws.skewed(("garden", "sea"), {"sea": 6.0 if near in ("beach", "ferry") else 0.6}))
    rate = draws.number(*RATES[price], 2)
    place = f"{described(price, noun=kind)} in {neighbourhood} near the {near}"
    extras = " and ".join(filter(None, (stars, view and f"a {view} view")))
    return {
        "hotel": name,
        "neighbourhood": neighbourhood,
        "kind": kind,
        "landmark": near,
        "price": price,
        "category": stars,
        "view": view,
        "phone": draws.known(phone),
        "address": f"{draws.number(1, 120)} {draws.one_of(STREETS)}, {neighbourhood}",
        "rate": draws.known(f"{rate} euros a night"),
        "reception": draws.known(draws.one_of(RECEPTION[price])),
        "about": f"{place} with {extras}" if extras else place,
    }
