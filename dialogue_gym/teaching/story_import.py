"""Import of stories into a journal, as conversations with labels."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from dialogue_gym._text import quoted
from dialogue_gym.conversation.conversation import decisions
from dialogue_gym.conversation.events import ActionExecuted, ActiveLoop
from dialogue_gym.domain import Domain
from dialogue_gym.domain.additions import ACTION, INTENT, Addition
from dialogue_gym.journal.entry import DOMAIN, IMPORTED, NOTE, STORY, Draft
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.journal.writer import ConversationWriter
from dialogue_gym.stories import (
    FORMATS,
    Story,
    StoryError,
    check_actions,
    dump,
    join,
    parse,
    replay,
    with_names_of,
)

ROUNDS = 2
"""Rounds of joining short stories into longer dialogues. Two needed the fewest corrections; without any the
bot knew first turns alone."""
MAX_JOINED = 1000
_WRITTEN, _FORMAT = "stories", "format"
"""Keys of the note that holds stories as they were written."""


def import_stories(journal: Store, domain: Domain, stories: Iterable[Story], after: int = 0) -> int:
    """Write stories as successful conversations, all or none; return the number of conversations.

    Checkpoints and ORs are expanded, and short stories also joined into longer dialogues. Implied listening
    is written as well. Known names that the domain does not list, such as Rasa's own actions, are added to
    it. The first conversation has the number `after + 1`.

    Raises:
        StoryError: a story has an action or slot that the domain does not have; see also `join`.
        StoreError: they cannot be written, or exist already.
    """
    stories = list(stories)
    drafts = [Draft(IMPORTED, NOTE, _written(stories))] if stories else []
    joined = join(stories, domain, ROUNDS, limit=MAX_JOINED)
    rules = [story for story in stories if story.is_rule]
    check_actions(domain, rules)
    listed, domain = domain, with_names_of(domain, [*joined, *rules])
    additions = [Addition(ACTION, name) for name in domain.actions[len(listed.actions) :]]
    additions += [Addition(INTENT, name) for name in domain.intents[len(listed.intents) :]]
    drafts += [Draft("", DOMAIN, addition.content(), None, STORY) for addition in additions]
    for number, story in enumerate(joined, after + 1):
        drafts += _drafts(f"{STORY} {number}", domain, story)
    journal.append_all(drafts)
    return len(joined)


def _written(stories: list[Story]) -> dict[str, str]:
    """Return the stories in YAML, or in Markdown if YAML cannot express them, as the content of a note."""
    markdown, yaml = FORMATS
    try:
        return {_WRITTEN: dump(stories, yaml), _FORMAT: yaml}
    except StoryError:
        return {_WRITTEN: dump(stories, markdown), _FORMAT: markdown}


def imported_stories(history: History) -> list[Story]:
    """Return the imported stories and rules as they were written; version 0.1 did not keep them.

    Actions that were renamed since have their new names. A rule holds in the place of one with its name that
    was imported before.
    """
    found: list[Story] = []
    for note in history.noted(_WRITTEN):
        written = parse(note.content[_WRITTEN], "imported stories", note.content[_FORMAT])
        for old, new in history.renames_since(note.id):
            written = [_with_action(story, old, new) for story in written]
        renewed = {story.name for story in written if story.is_rule and story.name}
        found = [one for one in found if not (one.is_rule and one.name in renewed)] + written
    return found


def _with_action(story: Story, old: str, new: str) -> Story:
    """Return a story with a new name of an action or a form; alternatives have none."""
    steps = (
        dataclasses.replace(step, name=new)
        if isinstance(step, (ActionExecuted, ActiveLoop)) and step.name == old
        else step
        for step in story.steps
    )
    return dataclasses.replace(story, steps=tuple(steps))


def is_told(history: History, action: str) -> bool:
    """Return whether imported stories or rules have an action."""
    steps = (step for story in imported_stories(history) for step in story.steps)
    return any(isinstance(step, ActionExecuted) and step.name == action for step in steps)


@dataclass(frozen=True)
class StoryNews:
    """The stories and rules of files that a store lacks, or has in another form.

    Attributes:
        added: rules with new names.
        changed: rules whose names are known.
        stories: plain stories.
    """

    added: tuple[Story, ...]
    changed: tuple[Story, ...]
    stories: tuple[Story, ...]

    @classmethod
    def of(cls, history: History, stories: Iterable[Story]) -> StoryNews:
        """Compare the stories of files with those that were imported."""
        imported = imported_stories(history)
        known = {_text(story) for story in imported}
        names = {story.name for story in imported if story.is_rule}
        new = [story for story in stories if _text(story) not in known]
        rules = [story for story in new if story.is_rule]
        return cls(
            tuple(story for story in rules if story.name not in names),
            tuple(story for story in rules if story.name in names),
            tuple(story for story in new if not story.is_rule),
        )

    @property
    def rules(self) -> tuple[Story, ...]:
        """All rules."""
        return self.added + self.changed

    def __str__(self) -> str:
        """The rules as a clause: `1 rule is new and 1 has changed: 'Greet', 'Begin'`; empty without any."""
        kinds = ((len(self.added), "is new", "are new"), (len(self.changed), "has changed", "have changed"))
        parts = [f"{count} {one if count == 1 else many}" for count, one, many in kinds if count]
        if not parts:
            return ""
        number, _, rest = " and ".join(parts).partition(" ")
        names = ", ".join(quoted(story.name) for story in self.rules)
        return f"{number} rule{'s' * (number != '1')} {rest}: {names}"


def _text(story: Story) -> str:
    """Return a story as it is written, whatever file it is from."""
    return _written([story])[_WRITTEN]


def _drafts(conversation: str, domain: Domain, story: Story) -> list[Draft]:
    replayed = replay(domain, story)
    chosen = {decision.event: decision.action for decision in decisions(replayed, "explicit")}
    writer = ConversationWriter(conversation, author=STORY)
    writer.begin()
    writer.events(replayed.events, chosen, by=STORY, user=STORY)
    # Without an end a session would resume it.
    writer.end("success")
    return writer.take()
