"""Rasa's stories, read from files and written to them, and what can be done with them."""

from dialogue_gym.stories.answers import Answer, Contradiction, contradictions, replay
from dialogue_gym.stories.checks import check_stories
from dialogue_gym.stories.counting import Statistics, statistics
from dialogue_gym.stories.expansion import expand
from dialogue_gym.stories.files import FORMATS, dump, format_of, load, parse, story_of
from dialogue_gym.stories.graph import mermaid
from dialogue_gym.stories.joining import join
from dialogue_gym.stories.model import Checkpoint, Either, OtherEvent, Place, Step, Story, StoryError

__all__ = [
    "FORMATS",
    "Answer",
    "Checkpoint",
    "Contradiction",
    "Either",
    "OtherEvent",
    "Place",
    "Statistics",
    "Step",
    "Story",
    "StoryError",
    "check_stories",
    "contradictions",
    "dump",
    "expand",
    "format_of",
    "join",
    "load",
    "mermaid",
    "parse",
    "replay",
    "statistics",
    "story_of",
]
