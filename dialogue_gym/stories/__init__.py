"""Stories in Rasa's formats: read, written, expanded, joined, checked, counted and drawn."""

from dialogue_gym.stories.checks import check_stories
from dialogue_gym.stories.contradictions import (
    Contradiction,
    StoryAnswer,
    check_actions,
    contradictions,
    replay,
    unknown_actions,
    with_names_of,
)
from dialogue_gym.stories.expansion import expand
from dialogue_gym.stories.io import (
    FORMATS,
    WRITTEN_STORIES,
    dump,
    format_of,
    load,
    own_stories,
    parse,
    story_of,
)
from dialogue_gym.stories.join import join
from dialogue_gym.stories.mermaid import STORY_GRAPH, mermaid
from dialogue_gym.stories.model import Either, OtherEvent, Place, Step, Story, StoryCheckpoint, StoryError
from dialogue_gym.stories.statistics import Statistics, statistics

__all__ = [
    "FORMATS",
    "STORY_GRAPH",
    "WRITTEN_STORIES",
    "Contradiction",
    "Either",
    "OtherEvent",
    "Place",
    "Statistics",
    "Step",
    "Story",
    "StoryAnswer",
    "StoryCheckpoint",
    "StoryError",
    "check_actions",
    "check_stories",
    "contradictions",
    "dump",
    "expand",
    "format_of",
    "join",
    "load",
    "mermaid",
    "own_stories",
    "parse",
    "replay",
    "statistics",
    "story_of",
    "unknown_actions",
    "with_names_of",
]
