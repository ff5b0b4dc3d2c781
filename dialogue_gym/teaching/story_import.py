"""Import of stories into a journal, as conversations with labels."""

from __future__ import annotations

from collections.abc import Iterable

from dialogue_gym.conversation.conversation import decisions
from dialogue_gym.domain import Domain
from dialogue_gym.journal.entry import STORY, Draft
from dialogue_gym.journal.store import Store
from dialogue_gym.journal.writer import ConversationWriter
from dialogue_gym.stories import Story, join, replay

ROUNDS = 2
"""Rounds of joining, by counting corrections: with short stories alone the bot knows only first turns."""
MAX_JOINED = 1000


def import_stories(journal: Store, domain: Domain, stories: Iterable[Story], after: int = 0) -> int:
    """Write stories as successful conversations, all or none; return the number of conversations.

    Checkpoints and ORs are expanded, and short stories also joined into longer dialogues. Implied listening
    is written as well. The first conversation has the number `after + 1`.

    Raises:
        StoryError: a story has an action or slot that the domain does not have; see also `join`.
        StoreError: they cannot be written, or exist already.
    """
    drafts: list[Draft] = []
    joined = join(stories, domain, ROUNDS, limit=MAX_JOINED)
    for number, story in enumerate(joined, after + 1):
        drafts += _drafts(f"{STORY} {number}", domain, story)
    journal.append_all(drafts)
    return len(joined)


def _drafts(conversation: str, domain: Domain, story: Story) -> list[Draft]:
    replayed = replay(domain, story)
    chosen = {decision.event: decision.action for decision in decisions(replayed, "explicit")}
    writer = ConversationWriter(conversation, author=STORY)
    writer.begin()
    writer.events(replayed.events, chosen, by=STORY, user=STORY)
    # Without an end a session would resume it.
    writer.end("success")
    return writer.take()
