"""A domain and the settings of an environment as tables of integers, and the layout of a row.

A row is the whole state of one dialogue: a flat sequence of integers. It begins with the observation, as the
bot sees it. The values of the slots follow, and then the user's half, which no observation shows.

    observation | values | goal | opening | told | heard | scalars

The blocks from `values` to `heard` have one entry per slot of the domain; the scalars are counted from the
row's end, so that their places are the same for every domain. With a search-driven user, the bot's belief and
its search of the database follow the values, and the blocks of the user are other ones:

    observation | values | scores | seconds | second_scores | found | turned_down | figures of the search
    | goal | told | heard | others | refused | behaviour | scalars of the search | scalars
"""

from __future__ import annotations

from collections.abc import MutableSequence
from dataclasses import dataclass, field

from dialogue_gym.domain.model import REACTIONS, SEARCH_ACTS

RANDOM = -1
PATIENCE = -2
UNHEARD = -3
"""Actions since the user spoke last."""
STEPS = -4
TURNS = -5
AWAITED = -6
"""The action that the user will answer; 0 if there is none, `MISTAKEN` for one that goes by wrong values."""
AGENDA = -7
POSITION = -8
SAID_INTENT = -9
HEARD_INTENT = -10
HEARD_CONFIDENCE = -11
SCALARS = 11
(
    CHOSEN,
    WANTED,
    WISHES,
    UNTOLD,
    TOLD,
    RETOLD,
    CONFIRMED,
    IS_FIRST,
    MAY_WISH,
    FIRST_VENUE,
    HAS_REPEATED,
    SAID_ATTRIBUTES,
    HEARD_ATTRIBUTES,
    CONCERNED,
) = range(-12, -26, -1)
"""Scalars of a search-driven user: a venue + 1, sets of attributes and of slots as bits, flags, a venue."""
SEARCH_SCALARS = 14

LISTENING, RESTARTING = 0, 1
"""Indices of the two actions that every domain begins with."""
MISTAKEN = -1
"""Stands in for an action that answers an item of an agenda, but was done on other values than it told."""
OPEN, INFORM, JUDGE, RECONSIDER, DENY = range(len(REACTIONS))
(
    REQUEST,
    CONFIRM,
    SELECT,
    OFFER,
    ALTERNATIVE,
    ANSWER,
    MORE,
    BYE,
    REPEAT,
    GREET,
) = range(1, len(SEARCH_ACTS))
"""The acts of a bot to a search-driven user; 0 stands for all others."""
NO_OFFER, MADE, ACCEPTED, OTHER_WANTED, NO_MATCH, NO_OTHER = range(6)
"""The codes of the observed field `offer`."""
ON_OFFER, ASKED, GIVEN, FILLED_SLOTS = range(4)
"""Figures of a search, from its place on: a venue + 1, sets of attributes as bits, a number of slots."""
SEARCH_FIGURES = 4
COMBINE, RELAX, WANTS_OTHER, CHANGES, TELLS, CORRECTS, ASKS_MORE, LEAVES, GREETS, NEW_WISH = range(10)
"""The behaviour of a search-driven user: for each the table of a chance."""
WORD = 63
"""Venues in a word of a set of venues; a word is never negative."""
MANY_MATCHES = 6
CERTAIN_SCORE = 100
SCORES = (95, 75, 55, 35)
"""The scores of what is heard under noise, in percent."""
SCORE_IF_RIGHT = (0.55, 0.25, 0.13, 0.07)
SCORE_IF_WRONG = (0.15, 0.25, 0.3, 0.3)
SECOND_IF_RIGHT = 0.4
"""Chance that a value that is heard right has a rival."""
SECOND_IF_WRONG = 0.35
"""Chance that the truth is the rival of a value that is heard wrong."""
MAX_UNHEARD = 10
UNIFORM = 4096
"""A table of chances below this number is uniform over that many outcomes."""
HIGH = 3
"""The confidence of certain values."""

SUCCESS, FAILURE, TURN, USELESS, INVALID, TRUNCATED = 1, 2, 4, 8, 16, 32
"""The events of a step, as bits. A turn is useless if it brings the user no closer to what they want."""
EVENT_TERMS = (
    ("success", SUCCESS),
    ("failure", FAILURE),
    ("turn", TURN),
    ("useless", USELESS),
    ("invalid", INVALID),
)
STEP_LIMITS = {"auto": 50, "explicit": 100}

Row = MutableSequence[int]
"""A list or an array of integers; a slice of it can be set to either, or to a tuple."""


@dataclass(frozen=True)
class Settings:
    """The settings of an environment; None leaves the domain's own figure."""

    turn_taking: str = "auto"
    semantic_error_rate: float = 0.0
    user: str = "standard"
    patience: int | None = None
    informativeness: float | None = None
    indecisiveness: float | None = None
    correction_rate: float | None = None
    reward: tuple[tuple[str, float], ...] = ()
    max_episode_steps: int | None = None
    shaping: float = 0.0


@dataclass(frozen=True, slots=True)
class Tables:
    """Tables for the rules: plain integers, and tuples of them, by slot, action, intent or agenda item.

    (Python reads attributes in slots fastest.)
    """

    # The layout of a row.
    size: int
    slots: int
    start: tuple[int, ...]
    nothing: tuple[int, ...]
    intent: int
    intent_confidence: int
    filled_last: int
    said: int
    spoken: int
    done: int
    values: int
    goal: int
    opening: int
    told: int
    heard: int
    start_block: slice
    unheard_block: slice
    opening_block: slice
    told_block: slice
    heard_block: slice
    # By slot: the place of its observation (-1: none), the place of its change by the last message (all
    # zeros, `unheard`: none), its rank, and the label of each code.
    slot_at: tuple[int, ...]
    heard_at: tuple[int, ...]
    unheard: tuple[int, ...]
    slot_rank: tuple[int, ...]
    seen: tuple[tuple[int, ...], ...]
    # By action.
    actions: int
    speaks: tuple[bool, ...]
    reaction: tuple[int, ...]
    about: tuple[int, ...]
    effects: tuple[tuple[int, ...], ...]
    effect_slot: tuple[int, ...]
    effect_value: tuple[int, ...]
    # Preconditions: each is a bit, and blocks the actions that have it if one of its clauses does not hold.
    precondition: tuple[int, ...]
    restricted: tuple[int, ...]
    clause_field: tuple[int, ...]
    clause_blocks: tuple[tuple[int, ...], ...]
    # The user.
    intents: int
    is_agenda: bool
    goal_size: tuple[int, ...]
    goal_draw: tuple[int, ...]
    changeable: tuple[int, ...]
    opens: int
    inform: int
    affirm: int
    deny: int
    greet: int
    agenda_length: tuple[int, ...]
    agenda_items: tuple[tuple[int, ...], ...]
    item_intent: tuple[int, ...]
    item_tells: tuple[tuple[bool, ...], ...]
    item_answers: tuple[tuple[bool, ...], ...]
    # Settings.
    is_auto: bool
    is_noisy: bool
    patience: int
    step_limit: int
    # Chances: uniform over k outcomes is table k; the others are numbered from `UNIFORM` on.
    chances: tuple[tuple[int, ...], ...]
    opening_chance: int
    mind_chance: int
    corrects_chance: int
    error_chance: int
    right_chance: int
    wrong_chance: int
    fault_chance: int
    agenda_chance: int
    # Rewards, by event bits and by action, and for the whole progress of a dialogue.
    event_reward: tuple[float, ...]
    action_reward: tuple[float, ...]
    shaping: float
    # With a search-driven user, else zeros: the places of observed fields, of the bot's search and of the
    # user's half.
    is_search: bool = False
    known: int = 0
    matches: int = 0
    left: int = 0
    offer: int = 0
    pending: int = 0
    over: int = 0
    scores: int = 0
    seconds: int = 0
    second_scores: int = 0
    found: int = 0
    turned_down: int = 0
    search: int = 0
    others: int = 0
    others_block: slice = field(default_factory=lambda: slice(0, 0))
    refused: int = 0
    behaviour: int = 0
    user_block: slice = field(default_factory=lambda: slice(0, 0))
    no_user: tuple[int, ...] = ()
    # By slot: whether it is a constraint, its number of values, and the place of its sets of venues; then the
    # constraints and the other slots.
    is_constraint: tuple[bool, ...] = ()
    values_of: tuple[int, ...] = ()
    match_at: tuple[int, ...] = ()
    constraints: tuple[int, ...] = ()
    plain_slots: tuple[int, ...] = ()
    # The database: venues, words of a set of them, all venues, the sets by slot and code, and the codes of
    # every venue, by constraint (0: not known).
    venues: int = 0
    words: int = 0
    all_venues: tuple[int, ...] = ()
    venues_with: tuple[int, ...] = ()
    venue_codes: tuple[int, ...] = ()
    attribute_count: int = 0
    fewest_constraints: int = 0
    constraint_counts: int = 0
    fewest_wishes: int = 0
    wish_counts: int = 0
    request: int = 0
    alternative: int = 0
    find: int = 0
    thank: int = 0
    # By persona: patience, its possible numbers, and four tables of chances for each figure of behaviour.
    least_patience: tuple[int, ...] = ()
    patience_counts: tuple[int, ...] = ()
    levels: tuple[tuple[int, ...], ...] = ()
    persona_chance: int = 0
    unmet_chance: int = 0
    rival_chance: int = 0
    truth_chance: int = 0
