"""The rules of a dialogue, written once: plain functions over one row of integers.

They hold no strings, allocate nothing and use the subset of Python that Numba compiles. The single
environment runs them interpreted on a list. The caller passes the source of chance.
"""

import functools

from dialogue_gym._digest import digest, sibling_sources
from dialogue_gym.rules.bot import allowed, blocked, did, forget, hear, mask, set_slot
from dialogue_gym.rules.build import build_tables, reward_terms
from dialogue_gym.rules.chance import draw, mix
from dialogue_gym.rules.dialogue import begin, step
from dialogue_gym.rules.potential import progress
from dialogue_gym.rules.tables import (
    AGENDA,
    AWAITED,
    FAILURE,
    HEARD_CONFIDENCE,
    HEARD_INTENT,
    LISTENING,
    MAX_UNHEARD,
    MISTAKEN,
    OPEN,
    PATIENCE,
    POSITION,
    RANDOM,
    RESTARTING,
    SAID_INTENT,
    STEPS,
    SUCCESS,
    TRUNCATED,
    TURN,
    TURNS,
    UNHEARD,
    USELESS,
    Row,
    Settings,
    Tables,
)

# Read at import, so that they are the rules in use even if the files change later. Parsing takes some twenty
# milliseconds and most programs need no digest, so that waits for the first call.
_MODULES = sibling_sources(__file__)


@functools.cache
def sources() -> bytes:
    """Return a digest that identifies the rules; neither comments nor imports change it."""
    return digest(_MODULES)


__all__ = [
    "AGENDA",
    "AWAITED",
    "FAILURE",
    "HEARD_CONFIDENCE",
    "HEARD_INTENT",
    "LISTENING",
    "MAX_UNHEARD",
    "MISTAKEN",
    "OPEN",
    "PATIENCE",
    "POSITION",
    "RANDOM",
    "RESTARTING",
    "SAID_INTENT",
    "STEPS",
    "SUCCESS",
    "TRUNCATED",
    "TURN",
    "TURNS",
    "UNHEARD",
    "USELESS",
    "Row",
    "Settings",
    "Tables",
    "allowed",
    "begin",
    "blocked",
    "build_tables",
    "did",
    "draw",
    "forget",
    "hear",
    "mask",
    "mix",
    "progress",
    "reward_terms",
    "set_slot",
    "sources",
    "step",
]
