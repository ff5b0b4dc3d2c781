"""The options of `dialogue-gym teach`, apart from the terminal, whose packages load when it runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dialogue_gym.journal.place import StorePlace
from dialogue_gym.nlu.interpreter import FALLBACK


@dataclass(frozen=True, kw_only=True)
class BotOptions:
    """Options for any bot with a store.

    Attributes:
        store: the folder or the database for conversations and checkpoints; None for a folder named after
            the domain.
        nlu: files with NLU examples, or the address of one NLU server.
        actions: modules or files with the code of actions, or the address of an action server.
        fallback: the confidence under which a sentence is not understood, from 0 to 1.
        seed: the seed of everything random.
    """

    store: StorePlace | None = None
    nlu: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    fallback: float = FALLBACK
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class SessionOptions(BotOptions):
    """Options for a session of teaching.

    Attributes:
        pretrained: whether a new store begins with the domain's own stories.
        stories: story files that a new store begins with.
        user: `"fake"` or `"me"`; None for the fake user if it has a goal.
        turn_taking: `"explicit"` or `"auto"`.
    """

    pretrained: bool = False
    stories: tuple[Path, ...] = ()
    user: str | None = None
    turn_taking: str = "explicit"


@dataclass(frozen=True)
class TeachOptions(SessionOptions):
    """Options for teaching a bot in the terminal.

    Attributes:
        source: a built-in domain's name, or a domain file; a YAML file that does not exist is created.
        scratch: whether to begin with an empty store, also without the stories of a project's folder.
        wizard: whether the teacher picks every action.
        teacher: `"me"`, or `"expert"` for the domain's expert in a teacher's place.
        mistakes: the expert's rate of wrong answers, from 0 to 1.
        dialogues: the number of dialogues that the expert teaches.
        as_json: whether the expert's report is printed as JSON.
    """

    source: str
    scratch: bool = False
    wizard: bool = False
    teacher: str = "me"
    mistakes: float = 0.0
    dialogues: int = 60
    as_json: bool = False
