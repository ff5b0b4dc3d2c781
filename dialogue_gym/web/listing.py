"""The content of the conversations page: a searchable list, one to read, disagreements, ratings. No page."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable

from dialogue_gym._text import visible
from dialogue_gym.conversation.events import ActionExecuted, BotUttered, UserUttered
from dialogue_gym.domain import Domain
from dialogue_gym.journal.entry import BURST, EVENT, LABEL, RESULT, STORY, USER, Entry, entry_events
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.teaching.own_words import unnamed
from dialogue_gym.teaching.review import disagreements
from dialogue_gym.web.view import Json, chat_of, tally_of

MOST_ROWS = 200
"""The number of conversations listed at most; a search finds the others."""


def rows(history: History, owner: Callable[[str], str | None], text: str = "") -> list[Json]:
    """Return the conversations that match a search, the latest first.

    Args:
        history: the history of all conversations.
        owner: returns the teacher of a conversation.
        text: words to find in names of conversations and teachers, messages and actions.
    """
    wanted = text.casefold().split()
    found: list[Json] = []
    for name in reversed(history.conversations):
        if len(found) == MOST_ROWS:
            break
        path = history.path(name)
        if not _has_words(path):
            continue
        teacher = _teacher(owner(name), name)
        words = [name, teacher, *_words(history, name)]
        searched = " ".join(words).casefold()
        if not all(word in searched for word in wanted):
            continue
        tally = tally_of(history, name)
        found.append(
            {
                "id": name,
                "began": path[0].time,
                "teacher": visible(teacher),
                "answers": tally["answers"],
                "corrections": tally["corrections"],
                "outcome": history.outcome(name),
                "has_ended": history.has_ended(name),
                "is_approved": history.rating(path[-1].id) == 1,
                "begins": visible(next((word for word in words[2:] if word), ""), 80),
            }
        )
    return found


def unnamed_words(history: History, store: Store) -> list[Json]:
    """Return the messages that teachers wrote in the place of the bot and that no action stands for yet."""
    return [
        {
            "entry": words.entry,
            "conversation": words.conversation,
            "text": visible(words.text),
            "by": visible(words.writer),
        }
        for words in itertools.islice(unnamed(history, store), MOST_ROWS)
    ]


def _teacher(owner: str | None, name: str) -> str:
    return owner or (STORY if name.startswith(STORY) else "")


def _has_words(path: Iterable[Entry]) -> bool:
    return any(entry.kind in (USER, LABEL) for entry in path)


def _words(history: History, conversation: str) -> list[str]:
    """Return the messages and actions of a conversation, the user's messages first."""
    events = history.events(conversation)
    said = [event.text or "/" + event.act for event in events if isinstance(event, UserUttered)]
    answered = [event.text or "" for event in events if isinstance(event, BotUttered)]
    return said + answered + [event.name for event in events if isinstance(event, ActionExecuted)]


def conversation_view(history: History, conversation: str) -> Json:
    """Return the content of one conversation."""
    path = history.path(conversation)
    return {
        "id": conversation,
        "chat": chat_of(history, conversation),
        "has_ended": history.has_ended(conversation),
        "outcome": history.outcome(conversation),
        "is_approved": bool(path) and history.rating(path[-1].id) == 1,
    }


def disagreement_rows(history: History, domain: Domain, turn_taking: str) -> list[Json]:
    """Return the situations with different right actions, each with the entry to decide it again from."""
    return [
        {
            "is_open": one.is_open,
            "fork": history.before(one.labels[-1].entry),
            "answers": [
                {
                    "right": [visible(name) for name in label.right],
                    "conversation": label.conversation,
                    "by": visible(history.entry(label.entry).author or label.by),
                }
                for label in one.labels
            ],
        }
        for one in disagreements(history, domain, turn_taking)
    ]


def ratings(history: History, waiting: Iterable[Entry]) -> list[Json]:
    """Return the visitors' ratings that await approval, the oldest first."""
    return [
        {
            "id": rating.id,
            "conversation": rating.conversation,
            "value": rating.content["value"],
            "about": _rated(history, rating),
            "when": rating.time,
            "is_burst": bool(rating.content.get(BURST)),
        }
        for rating in itertools.islice(waiting, MOST_ROWS)
    ]


def _rated(history: History, rating: Entry) -> str:
    """Return the rated message or action; empty for a whole conversation."""
    if rating not in history:
        return ""  # written since the history was read
    path = history.path(rating.conversation)
    done = itertools.dropwhile(lambda entry: entry.id != rating.content["about"], path)
    decision, result = next(done, None), next(done, None)
    if decision is None or decision.kind not in (LABEL, EVENT):
        return ""
    saying = decision if decision.kind == EVENT else result  # a teacher's own words, or an action's
    said = entry_events(saying) if saying is not None and saying.kind in (EVENT, RESULT) else []
    texts = [event.text for event in said if isinstance(event, BotUttered) and event.text]
    return visible(" ".join(texts) or decision.content.get("action", ""), 80)
