"""Laptops of a maker that does not exist."""

from __future__ import annotations

from collections.abc import Iterator

from agents.worlds.draws import Affinities, Draws, Row, described, listed

SEED, LAPTOPS = 11, 123
PRICES = ("cheap", "mid-priced", "expensive")
SERIES = ("Lantern", "Compass", "Feather", "Anvil")
USES = ("studying", "office work", "travel", "gaming", "programming", "photo editing", "video editing")
SYSTEMS = ("Kite Home", "Kite Pro", "Meadow", "Pebble", "Harbour")
PROCESSORS = (
    "Sable 5", "Sable 3", "Sable 7", "Wren 2", "Wren 4", "Heron 20", "Sable 9", "Wren 1", "Heron 40",
    "Heron 10",
)  # fmt: skip
MEMORIES = ("8 GB", "16 GB", "4 GB", "32 GB", "12 GB", "24 GB", "64 GB")
DRIVES = ("medium", "small", "large")
WEIGHTS = ("mid-weight", "light", "heavy")
BATTERIES = ("standard", "strong", "long-lasting")
WARRANTIES = ("one year", "two years", "three years")
SCREENS = ("matt", "touch")
WORDS = listed(
    "Acorn, Alder, Aster, Basil, Birch, Bramble, Briar, Cedar, Cherry, Clover, Comet, Coral, Dune, Elm, "
    "Fennel, Fern, Fjord, Flint, Frost, Ginger, Grove, Hazel, Heather, Iris, Ivy, Jasper, Juniper, "
    "Kestrel, Larch, Linden, Lotus, Maple, Mint, Moss, Nettle, Nutmeg, Olive, Onyx, Opal, Orchid, "
    "Pepper, Pine, Plum, Poppy, Quartz, Quince, Reed, Robin, Rowan, Sage, Sorrel, Spruce, Swift, Teal, "
    "Thistle, Thyme, Tulip, Umber, Violet, Willow, Wren, Yarrow, Zinnia"
)

SERIES_BY_USE: Affinities = {
    "studying": {"Lantern": 3, "Feather": 1.5, "Anvil": 0.1},
    "office work": {"Compass": 4, "Anvil": 0.2},
    "travel": {"Feather": 9, "Anvil": 0},
    "gaming": {"Anvil": 8, "Compass": 0.1, "Feather": 0.2},
    "programming": {"Compass": 2, "Anvil": 3},
    "photo editing": {"Feather": 2, "Anvil": 4, "Compass": 0.5},
    "video editing": {"Anvil": 10, "Feather": 0.3, "Compass": 0.5},
}
PRICE_BY_USE: Affinities = {
    "studying": {"mid-priced": 1, "expensive": 0.1},
    "office work": {"mid-priced": 3},
    "travel": {"mid-priced": 4, "expensive": 4},
    "gaming": {"cheap": 0.3, "mid-priced": 2, "expensive": 4},
    "programming": {"cheap": 0.6, "mid-priced": 3, "expensive": 2},
    "photo editing": {"cheap": 0.3, "mid-priced": 3, "expensive": 3},
    "video editing": {"cheap": 0.1, "mid-priced": 1.5, "expensive": 6},
}

PROCESSOR_BY_PRICE: Affinities = {
    "cheap": {"Sable 7": 0.1, "Sable 9": 0, "Wren 1": 4, "Wren 2": 3, "Heron 20": 0, "Heron 40": 0},
    "mid-priced": {"Sable 9": 0.3, "Wren 1": 0.3, "Heron 10": 3, "Heron 40": 0.2},
    "expensive": {"Sable 3": 0, "Wren 1": 0, "Wren 2": 0.1, "Sable 9": 6, "Heron 20": 3, "Heron 40": 6},
}
MEMORY_BY_PRICE: Affinities = {
    "cheap": {"4 GB": 3, "16 GB": 0.5, "32 GB": 0, "24 GB": 0, "64 GB": 0},
    "mid-priced": {"4 GB": 0.2, "16 GB": 2, "12 GB": 2, "64 GB": 0},
    "expensive": {"4 GB": 0, "8 GB": 0.2, "32 GB": 5, "24 GB": 4, "64 GB": 6},
}
DRIVE_BY_PRICE: Affinities = {
    "cheap": {"small": 3, "large": 0.3}, "mid-priced": {}, "expensive": {"small": 0.3, "large": 5},
}  # fmt: skip
WEIGHT_BY_SERIES: Affinities = {
    "Lantern": {"light": 0.5}, "Compass": {}, "Feather": {"light": 9, "heavy": 0},
    "Anvil": {"light": 0, "heavy": 9},
}  # fmt: skip
BATTERY_BY_SERIES: Affinities = {
    "Lantern": {}, "Compass": {"strong": 3, "long-lasting": 2}, "Feather": {"strong": 2, "long-lasting": 6},
    "Anvil": {"long-lasting": 0.1},
}  # fmt: skip
SYSTEM_BY_SERIES: Affinities = {
    "Lantern": {"Kite Pro": 0.2, "Harbour": 0.2}, "Compass": {"Kite Home": 0.1, "Kite Pro": 4},
    "Feather": {"Meadow": 3}, "Anvil": {"Kite Pro": 2, "Pebble": 0.2, "Harbour": 4},
}  # fmt: skip

EUROS = {"cheap": (279, 499), "mid-priced": (549, 999), "expensive": (1_199, 2_899)}
DRIVE_SIZES = {"small": ("128 GB", "256 GB"), "medium": ("512 GB",), "large": ("1 TB", "2 TB")}
GRAMS = {"light": (980, 1_290), "mid-weight": (1_380, 1_890), "heavy": (2_050, 3_100)}
HOURS = {"standard": (5, 7), "strong": (8, 11), "long-lasting": (13, 19)}
INCHES = {"light": ("12", "13"), "mid-weight": ("14", "15"), "heavy": ("16", "17")}
PIXELS = {"cheap": "1366 by 768", "mid-priced": "1920 by 1200", "expensive": "2880 by 1800"}
PORTS = (
    "two USB-C ports and an HDMI port", "two USB-A ports and an HDMI port", "one USB-C and one USB-A port",
    "three USB-C ports", "two USB-C ports, a USB-A port and a card reader",
)  # fmt: skip
COLOURS = ("silver", "graphite", "midnight blue", "pine green", "copper", "chalk white")
SIZES = {
    "12": "28 by 20 by 1.5 centimetres", "13": "30 by 21 by 1.5 centimetres",
    "14": "32 by 22 by 1.7 centimetres", "15": "35 by 24 by 1.9 centimetres",
    "16": "36 by 26 by 2.1 centimetres", "17": "39 by 28 by 2.6 centimetres",
}  # fmt: skip


def laptops() -> list[Row]:
    """Return the laptops: eleven values to choose by, nine to ask for, and a description."""
    draws = Draws(SEED)
    words = {series: draws.shuffled(WORDS) for series in SERIES}
    return [_laptop(draws, words) for _ in range(LAPTOPS)]


def _laptop(draws: Draws, words: dict[str, Iterator[str]]) -> Row:
    use = draws.skewed(USES)
    series = draws.skewed(SERIES, SERIES_BY_USE[use])
    price = draws.skewed(PRICES, PRICE_BY_USE[use])
    memory = draws.skewed(MEMORIES, MEMORY_BY_PRICE[price])
    drive = draws.skewed(DRIVES, DRIVE_BY_PRICE[price])
    weight = draws.skewed(WEIGHTS, WEIGHT_BY_SERIES[series])
    battery = draws.skewed(BATTERIES, BATTERY_BY_SERIES[series])
    inches = draws.one_of(INCHES[weight])
    graphics = draws.one_of(("a card with 4 GB", "a card with 8 GB", "a card with 12 GB"))
    return {
        "laptop": f"{series} {next(words[series])} {inches}",
        "series": series,
        "use": use,
        "price": price,
        "storage": drive,
        "weight": weight,
        "battery": draws.known(battery),
        "system": draws.known(draws.skewed(SYSTEMS, SYSTEM_BY_SERIES[series])),
        "processor": draws.skewed(PROCESSORS, PROCESSOR_BY_PRICE[price]),
        "memory": memory,
        "warranty": draws.known(
            draws.skewed(WARRANTIES, {"three years": 6.0 if series == "Compass" else 1.0})
        ),
        "screen": draws.skewed(SCREENS, {"touch": 2.0 if weight == "light" else 1.0}),
        "cost": draws.known(f"{draws.number(*EUROS[price], 10)} euros"),
        "drive": draws.one_of(DRIVE_SIZES[drive]),
        "graphics": graphics if series == "Anvil" else "no card of its own",
        "display": f"{inches} inches, {PIXELS[price]} pixels",
        "ports": draws.known(draws.one_of(PORTS)),
        "runtime": f"about {draws.number(*HOURS[battery])} hours",
        "grams": f"{draws.number(*GRAMS[weight], 10)} grams",
        "size": SIZES[inches],
        "colour": draws.known(draws.one_of(COLOURS)),
        "about": f"{described(price, weight, noun='laptop')} for {use} with {memory} of memory",
    }
