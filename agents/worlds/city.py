"""Restaurants, bars and cafes of a city that does not exist."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from agents.worlds.draws import Draws, Row, described, listed, slug

SEED, VENUES = 20, 120
PRICES = ("cheap", "mid-priced", "expensive")
ATMOSPHERES = ("lively", "quiet", "family-friendly", "romantic")
STREETS = {
    "old town": ("Candle Lane", "Cooper Street", "Bell Yard", "Saint Orla Square", "Needle Passage"),
    "harbour district": ("Rope Walk", "Herring Quay", "Lighthouse Road", "Chandler Street"),
    "market quarter": ("Plum Street", "Corn Square", "Weaver Street", "Spice Row"),
    "university quarter": ("Library Road", "Inkwell Street", "Tutor Lane"),
    "west end": ("Opera Avenue", "Magnolia Street", "Velvet Row"),
    "north end": ("Mill Road", "Orchard Way", "Tramline Street"),
}
"""The areas, each with its streets."""


@dataclass(frozen=True)
class _Kind:
    """A kind of venue: how it differs from the others."""

    names: tuple[str, ...]
    prices: tuple[float, float, float]
    atmospheres: tuple[float, float, float, float]
    outdoors: float
    """The chance of tables outdoors."""
    hours: tuple[str, ...]
    at_home: str = ""
    """The area where it is most at home."""


def _pairs(pattern: str, firsts: str, seconds: str) -> tuple[str, ...]:
    pairs = itertools.product(firsts.split(), seconds.split())
    return tuple(pattern.format(first, second) for first, second in pairs)


_DAY = ("from 8 am to 6 pm", "from 7 am to 4 pm", "from 9 am to 8 pm, closed on Mondays")
_MEALS = ("from noon to 10 pm", "from 5 pm to 11 pm, closed on Mondays", "from noon to 9 pm")
_NIGHT = ("from 5 pm to 1 am", "from 6 pm to 2 am", "from 4 pm to midnight")

KINDS = {
    "cafe": _Kind(
        _pairs(
            "The {} {}",
            "Copper Paper Crooked Sunday Wooden Sleepy Striped",
            "Kettle Spoon Saucer Sparrow Window Biscuit Umbrella",
        ),
        (5, 3, 0.5), (2, 4, 3, 1), 0.6, _DAY,
    ),
    "pub": _Kind(
        _pairs("The {} {}", "Patient Honest Wandering Idle Lucky Merry", "Heron Badger Goose Otter Hare"),
        (4, 4, 0.5), (6, 2, 2, 0.3), 0.4, _NIGHT,
    ),
    "pizzeria": _Kind(
        listed(
            "Da Ombretta, Da Filomena, Da Tullio, Da Renzo, Da Serafina, Da Ottavio, Da Clelia, "
            "Da Nerina, Da Basilio, Da Fosca, Forno Alto, Forno Piccolo, I Gatti Blu, Quattro Mani, "
            "Via Lunga, Mezzaluna Rossa, Il Cortile Verde, Pomodoro Blu, Zio Amedeo, Nonna Ilda"
        ),
        (5, 4, 0.5), (3, 1, 5, 1), 0.5, _MEALS, "market quarter",
    ),
    "wine bar": _Kind(
        listed(
            "Cork & Candle, Grape & Gravel, The Second Glass, The Long Pour, Cellar Door Six, "
            "Vine & Violin, The Empty Barrel, Half Past Red, Oak & Echo, The Slow Decanter, "
            "Rosewater & Rye, Stem & Stone, The Quiet Cork, Blanc & Page, The Tilted Glass, "
            "Vintage Nine"
        ),
        (1, 5, 4), (2, 3, 0.3, 5), 0.5, _NIGHT, "west end",
    ),
    "noodle bar": _Kind(
        listed(
            "Slow Noodle, Ginger Moon, The Golden Ladle, Red Paper Crane, Tangle, Bowl & Broth, "
            "Little Steam, Nine Dumplings, The Long Noodle, Lotus Corner, Sesame & Steam, Plum Rain, "
            "Hot Spring Onion, Quick Chopstick"
        ),
        (6, 3, 0.3), (5, 2, 3, 0.5), 0.2, _MEALS, "university quarter",
    ),
    "curry house": _Kind(
        listed(
            "Saffron Lantern, The Clay Oven, Cardamom Hill, Mustard & Mint, Tamarind Tree, "
            "The Brass Elephant, Cumin Corner, Monsoon Supper, Chutney Lane, Clove & Coconut, "
            "The Peacock Plate, Turmeric Garden"
        ),
        (4, 5, 1), (3, 2, 4, 1), 0.2, _MEALS,
    ),
    "tapas bar": _Kind(
        listed(
            "La Sobremesa, Siete Aceitunas, El Gato Azul, Casa Limonera, Pan y Luna, Los Dos Primos, "
            "La Media Naranja, El Rincon Verde, Tortilla & Tango, La Silla Roja, Vermut Hour, "
            "Bodega Chica"
        ),
        (2, 5, 1), (6, 1, 1, 3), 0.6, _NIGHT,
    ),
    "fish restaurant": _Kind(
        listed(
            "The Grumpy Mackerel, Salt & Ladder, The Ninth Wave, Oyster Mile, The Blue Anchorage, "
            "Shell & Pepper, Tide Table, The Clever Crab, Net & Needle, Sardine Sunday, The Flat Fish, "
            "Harbour Lights Kitchen"
        ),
        (1, 4, 4), (2, 3, 3, 3), 0.6, _MEALS, "harbour district",
    ),
    "cocktail bar": _Kind(
        listed(
            "Velvet Hour, The Bitter End, Juniper & Smoke, Room Eleven, The Nightcap Club, Moth & Flame, "
            "Lemon Twist, The Olive Branch Line, After the Opera, The Silver Shaker, Indigo Ice, "
            "Paper Parasol"
        ),
        (0.5, 4, 5), (6, 1, 0.1, 3), 0.3, _NIGHT, "west end",
    ),
    "vegetarian restaurant": _Kind(
        listed(
            "Marigold & Thyme, The Happy Beet, Fig & Fennel, Green Thursday, The Kind Carrot, "
            "Seed & Season, Pumpkin Parade, The Leafy Table, Clover Kitchen, Barley & Bloom, "
            "Peas at Last, Root Cellar"
        ),
        (3, 5, 1), (2, 4, 4, 1), 0.4, _MEALS, "university quarter",
    ),
    "steakhouse": _Kind(
        listed(
            "Ember & Oak, The Iron Skillet, Charcoal Yard, The Red Apron, Butcher & Brick, Smoke Signal, "
            "The Hungry Saddle, Salt Block, Fire & Fork, The Last Ranch, Cattle Bell, Grill Number Five"
        ),
        (0.3, 3, 6), (3, 2, 2, 3), 0.2, _MEALS,
    ),
    "tea room": _Kind(
        listed(
            "The Porcelain Room, Steep & Stir, The Patterned Cup, Bergamot House, Two Lumps, "
            "The Tea Cosy Corner, Jasmine & Jam, The Quiet Leaf, Scone & Thistle, The Linden Parlour, "
            "Four O'Clock, Honey & Crumb"
        ),
        (3, 4, 2), (0.5, 6, 3, 3), 0.4, _DAY,
    ),
}  # fmt: skip


def city() -> list[Row]:
    """Return the venues of the city: five values to choose by, four to ask for, and a description."""
    draws = Draws(SEED)
    names = {kind: draws.shuffled(details.names) for kind, details in KINDS.items()}
    phones = draws.phones()
    return [_venue(draws, names, next(phones)) for _ in range(VENUES)]


def _venue(draws: Draws, names: dict[str, Iterator[str]], phone: str) -> Row:
    kind = draws.skewed(list(KINDS))
    details = KINDS[kind]
    name = next(names[kind])
    area = draws.skewed(list(STREETS), {details.at_home: 2.0})
    price = draws.known(draws.weighted(dict(zip(PRICES, details.prices, strict=True))))
    seating = draws.known("outdoors" if draws.happens(details.outdoors) else "indoors")
    atmosphere = draws.known(draws.weighted(dict(zip(ATMOSPHERES, details.atmospheres, strict=True))))
    about = f"{described(price, atmosphere, noun=kind)} in the {area}"
    return {
        "place": name,
        "kind": kind,
        "area": area,
        "price": price,
        "seating": seating,
        "atmosphere": atmosphere,
        "phone": draws.known(phone),
        "address": f"{draws.number(1, 88)} {draws.one_of(STREETS[area])}",
        "hours": draws.known(draws.one_of(details.hours)),
        "website": draws.known(slug(name)),
        "about": about + (" with tables outdoors" if seating == "outdoors" else ""),
    }
