"""Stories as labels: what a domain's own stories say is right, written into a journal."""

from __future__ import annotations

from collections.abc import Iterable

from dialogue_gym.conversation.conversation import decisions
from dialogue_gym.conversation.events import ActionExecuted, Event, SessionStarted, UserUttered, to_json
from dialogue_gym.domain import Domain
from dialogue_gym.journal.entry import END, EVENT, LABEL, RESULT, STORY, USER, Draft
from dialogue_gym.journal.store import Store
from dialogue_gym.stories import Story, join, replay

ROUNDS = 2
"""Of joining: with short stories alone the bot knows only first turns. Found by counting corrections."""
MAX_JOINED = 1000


def import_stories(journal: Store, domain: Domain, stories: Iterable[Story], after: int = 0) -> int:
    """Write stories down as conversations that ended well, all or none; return how many there are.

    Checkpoints and ORs are expanded, and short stories also joined into longer dialogues. That the bot
    listened is said, where it follows from the stories. They are numbered from the one after `after`.

    Raises:
        StoryError: a story has an action or slot that the domain does not have; see also `join`.
        StoreError: they cannot be written, or were before.
    """
    drafts: list[Draft] = []
    joined = join(stories, domain, ROUNDS, limit=MAX_JOINED)
    for number, story in enumerate(joined, after + 1):
        drafts += _drafts(f"{STORY} {number}", domain, story)
    journal.append_all(drafts)
    return len(joined)


def _drafts(conversation: str, domain: Domain, story: Story) -> list[Draft]:
    drafts: list[Draft] = []
    effects: list[Event] = []

    def write(kind: str, content: dict[str, object]) -> None:
        drafts.append(Draft(conversation, kind, content, drafts[-1] if drafts else None, STORY))

    def write_effects() -> None:
        """Write down what came of the last decision."""
        if drafts[-1].kind == LABEL:
            write(RESULT, {"events": [to_json(event) for event in effects]})
        else:
            for event in effects:
                write(EVENT, to_json(event))
        effects.clear()

    told = replay(domain, story)
    chosen = {decision.event: decision.action for decision in decisions(told, "explicit")}
    write(EVENT, to_json(SessionStarted()))
    for index, event in enumerate((*told.events, None)):
        if event is None or index in chosen or isinstance(event, (UserUttered, SessionStarted)):
            write_effects()
        if action := chosen.get(index):
            write(LABEL, {"action": action, "right": [action], "by": STORY})
            if not isinstance(event, ActionExecuted):  # it listens, which the story does not say
                write_effects()
        if isinstance(event, UserUttered):
            write(USER, to_json(event))
        elif isinstance(event, SessionStarted):
            write(EVENT, to_json(event))
        elif event is not None and not isinstance(event, ActionExecuted):
            effects.append(event)
    # A conversation that has not ended is one that a session would go on with.
    write(END, {"outcome": "success"})
    return drafts
