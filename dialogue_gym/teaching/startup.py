"""Start of teaching, in the terminal or the browser: from options to a prepared store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dialogue_gym.actions import ActionRunner
from dialogue_gym.domain import Domain
from dialogue_gym.domain.loader import domain_text
from dialogue_gym.factory import make_runner, make_stories
from dialogue_gym.journal.location import default_store
from dialogue_gym.journal.store import Store
from dialogue_gym.stories import Story
from dialogue_gym.teaching.mode import FAKE, ME, use_mode
from dialogue_gym.teaching.story_import import import_stories


@dataclass(frozen=True)
class TeachingSetup:
    """The objects that the options of teaching name.

    Attributes:
        source: the domain's name or file.
        domain: the domain.
        text: the text of its file.
        user: `FAKE` or `ME`.
        turn_taking: `"explicit"` or `"auto"`.
        stories: the stories that a new store begins with.
        runner: runs the actions if the teacher is the user.
        folder: the folder of the store.
        nlu: the given files with examples, or the address of an NLU server.
        actions: the given code of actions, or the address of an action server.
    """

    source: str
    domain: Domain
    text: str
    user: str
    turn_taking: str
    stories: Sequence[Story]
    runner: ActionRunner
    folder: Path
    nlu: Sequence[str] = ()
    actions: Sequence[str] = ()

    def prepare(self, store: Store) -> list[str]:
        """Note domain and mode in a store, and import the stories into a new one.

        Returns:
            Lines for the teacher: on changes of the domain, and on stories that were not imported.

        Raises:
            StoreError: the store is of another domain, or cannot be written.
            FileError: the stories do not fit the domain.
        """
        notes = store.use_domain(self.source, self.text)
        store.use_files(self.nlu, self.actions)
        use_mode(store, self.user, self.turn_taking)
        if not store.conversations():
            import_stories(store, self.domain, self.stories)
        elif self.stories:
            notes.append("--stories has no effect: this store has conversations already")
        return notes


def set_up(
    domain: Domain,
    source: str,
    *,
    user: str | None,
    turn_taking: str,
    pretrained: bool,
    stories: Iterable[Path],
    nlu: Sequence[str],
    actions: Sequence[str],
    store: Path | None,
    seed: int,
) -> TeachingSetup:
    """Return the objects that the options of teaching name; nothing is written.

    Args:
        domain: the domain to teach.
        source: the name or file of the domain.
        user: `FAKE` or `ME`; None for the fake user if it has a goal, which the bot can then learn to serve.
        turn_taking: `"explicit"` or `"auto"`.
        pretrained: whether a new store begins with the domain's own stories.
        stories: story files that a new store begins with as well.
        nlu: files with examples, or the address of an NLU server.
        actions: modules or files with the code of actions, or the address of an action server.
        store: the folder of the store; None for `NAME-teaching`.
        seed: the seed of built-in actions.

    Raises:
        ValueError: an option cannot be used; one line says why.
    """
    if user == FAKE and domain.fake_user is None:
        raise ValueError(f"{domain.name}: this domain has no fake user (key 'fake_user')")
    has_goal = domain.fake_user is not None and domain.fake_user.kind == "goal"
    text = domain_text(source)
    return TeachingSetup(
        source,
        domain,
        text,
        user or (FAKE if has_goal else ME),
        turn_taking,
        make_stories(source, pretrained, stories),
        make_runner(source, domain, actions, seed),
        store or default_store(domain.name, "teaching", source, text),
        nlu,
        actions,
    )
