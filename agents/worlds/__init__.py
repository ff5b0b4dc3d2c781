"""Tables of invented venues, hotels and laptops, as the built-in domains with a database have them."""

from agents.worlds.city import city
from agents.worlds.hotels import hotels
from agents.worlds.laptops import laptops

__all__ = ["city", "hotels", "laptops"]
