"""The rules of a dialogue, written once: plain functions over one row of integers.

They hold no strings, allocate nothing and use the subset of Python that Numba compiles. Environments run
them interpreted on a list, or compiled. The caller passes the source of chance.
"""

import functools

from dialogue_gym._digest import digest, sibling_sources
from dialogue_gym.rules.belief import belief
from dialogue_gym.rules.bot import allowed, blocked, did, forget, hear, mask, set_slot
from dialogue_gym.rules.build import build_tables, reward_terms
from dialogue_gym.rules.chance import CERTAIN, draw, mix
from dialogue_gym.rules.dialogue import begin, meet, open_dialogue, step
from dialogue_gym.rules.potential import progress
from dialogue_gym.rules.search import hear_search, serve, store
from dialogue_gym.rules.search_tables import attribute_columns
from dialogue_gym.rules.search_user import rival_score
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
    UNIFORM,
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
    "CERTAIN",
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
    "UNIFORM",
    "USELESS",
    "Row",
    "Settings",
    "Tables",
    "allowed",
    "attribute_columns",
    "begin",
    "belief",
    "blocked",
    "build_tables",
    "did",
    "draw",
    "forget",
    "hear",
    "hear_search",
    "mask",
    "meet",
    "mix",
    "open_dialogue",
    "progress",
    "reward_terms",
    "rival_score",
    "serve",
    "set_slot",
    "sources",
    "step",
    "store",
]
