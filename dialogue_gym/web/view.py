"""The content of the teaching page, as JSON. No input or output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dialogue_gym._text import as_sentence, visible, whole_characters
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import Entity, UserUttered
from dialogue_gym.conversation.transcripts import USER_SIDE, bubbles, shown_value
from dialogue_gym.domain import Domain
from dialogue_gym.journal.entry import BOT, FAKE_USER, LABEL, MEND, RESULT, TEACHERS, USER, Entry, in_words
from dialogue_gym.journal.history import History
from dialogue_gym.teaching.pending import MissingResult, Option, PendingContradiction, Proposal
from dialogue_gym.teaching.preview import ActionPreview, choices
from dialogue_gym.teaching.remarks import remarks
from dialogue_gym.teaching.review import corrections
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.wish import UserWish, wish_of

Json = dict[str, Any]

SAYS, PROPOSES, CONTRADICTS, LACKS = "message", "proposal", "contradiction", "result"
"""The values of `asks`: the question that the page shows."""


@dataclass(frozen=True)
class Note:
    """One line for the teacher to read; `style` is `""`, `"good"` or `"bad"`."""

    text: str
    style: str = ""


@dataclass(frozen=True)
class UnknownNames:
    """A new or corrected message with names that the domain lacks.

    Attributes:
        message: the message.
        is_correction: whether it corrects the last one.
        names: the kind, the name and a hint of each.
        meant: the known names instead, if each of them is a slip; otherwise none.
    """

    message: UserUttered
    is_correction: bool
    names: tuple[tuple[str, str, str], ...]
    meant: tuple[str, ...] = ()

    def to_json(self) -> Json:
        """Return the question about it, for a page."""
        names = [[kind, visible(name), visible(hint)] for kind, name, hint in self.names]
        text = visible(self.message.text or "/" + self.message.act)
        return {"names": names, "meant": [visible(name) for name in self.meant], "text": text}


def view_of(session: Session, is_wizard: bool = False, has_learned: bool = False) -> Json:
    """Return the question that a session waits for, and everything shown around it.

    Args:
        session: the session of the teacher.
        is_wizard: whether the teacher picks every action, and therefore sees no proposals.
        has_learned: whether the last command was a correction, whose effect is shown.
    """
    history, pending = session.history, session.pending
    latest = session.conversation.latest_message if session.can_correct_message else None
    shown: Json = {
        "domain": visible(session.domain.name),
        "conversation": session.id,
        "head": history.head(session.id),
        "is_new": not session.distinct_observations and not history.can_undo(session.id),
        "chat": chat_of(history, session.id),
        "slots": [[visible(name), shown_value(value)] for name, value in session.conversation.slots.items()],
        "search": search_of(session.conversation),
        "wish": _wish(wish_of(session)),
        "asks": SAYS,
        "tally": tally_of(history, session.id),
        "change": _change(session) if has_learned and not is_wizard else None,
        "note": visible(session.note) if session.note else None,
        "overruled": visible(as_sentence(session.overruled)) if session.overruled else None,
        "can_undo": session.can_undo,
        "can_redo": session.can_redo,
        "correctable": _message(latest) if latest else None,
    }
    if isinstance(pending, Proposal):
        shown |= {
            "asks": PROPOSES,
            "is_closing": pending.is_closing,
            "options": [
                _option(option) | _preview(preview)
                for option, preview in choices(session, pending, is_wizard)
            ],
            "remarks": remarks(history, session.conversation, pending),
        }
    elif isinstance(pending, PendingContradiction):
        shown |= {
            "asks": CONTRADICTS,
            "action": visible(pending.action),
            "before": [visible(name) for name in pending.before],
        }
    elif isinstance(pending, MissingResult):
        shown |= {"asks": LACKS, "action": visible(pending.action)}
    return shown


def names_of(domain: Domain) -> Json:
    """Return the intents and entities that a message can be corrected to."""
    return {"intents": list(domain.intents), "entities": list(domain.entities)}


def _wish(wish: UserWish) -> Json:
    return {"title": wish.title, "parts": [[part.text, part.is_told] for part in wish.parts]}


def search_of(conversation: Conversation) -> Json | None:
    """Return the search as the bot knows it, for a page; None if the users do not search."""
    if (search := conversation.search) is None:
        return None
    return {
        "counts": search.counts,
        "venue": None if search.name is None else visible(search.name),
        "status": search.status,
        "details": [[visible(name), shown_value(cell)] for name, cell in search.details.items()],
        "asked": [visible(name) for name in search.asked],
        "doubts": {
            visible(slot): [[visible(value), score] for value, score in both]
            for slot, both in search.doubts.items()
        },
    }


def _change(session: Session) -> Json | None:
    if (change := session.change) is None:
        return None
    before, after = (_option(one) for one in (change.before, change.after))
    return {"before": before, "after": after, "right": [visible(name) for name in change.right]}


def _option(option: Option) -> Json:
    return {
        "action": option.action,
        "shown": visible(option.action),
        "probability": round(option.probability, 4),
        "evidence": option.evidence,
        "is_possible": option.is_possible,
    }


def _preview(preview: ActionPreview) -> Json:
    return {"says": preview.text, "runs_code": preview.runs_code}


def _message(message: UserUttered) -> Json:
    return {
        "text": message.text and whole_characters(message.text),
        "intent": message.intent,
        "entities": [_entity(entity) for entity in message.entities],
    }


def _entity(entity: Entity) -> Json:
    value = whole_characters(str(entity.value))
    return {"name": entity.name, "value": value, "start": entity.start, "end": entity.end}


def tally_of(history: History, conversation: str) -> dict[str, int]:
    """Return the numbers of answers and of corrections in a conversation."""
    path = history.path(conversation)
    return {
        "answers": sum(entry.is_answer for entry in path),
        "corrections": sum(entry.is_correction for entry in path),
    }


def chat_of(history: History, conversation: str) -> list[Json]:
    """Return a conversation as a chat, with its corrections and the entries to fork from.

    A fork of a user's message continues after it; a fork of a bot's step begins before it, so that another
    step can be tried.
    """
    words = in_words(history.path(conversation))
    corrected = {correction.event: correction for correction in corrections(history, conversation)}
    shown = []
    for bubble in bubbles(event for _, event in words):
        entry = words[bubble.place][0]
        correction = corrected.get(bubble.place)
        shown.append(
            {
                "key": f"{entry.id}.{bubble.place}",
                "side": bubble.side,
                "texts": bubble.texts,
                "meaning": bubble.meaning,
                "confidence": None if bubble.confidence is None else round(bubble.confidence, 4),
                "slots": bubble.slots,
                "by": _by(entry),
                "corrected": visible(correction.before) if correction else None,
                "fork": _fork_point(history, entry, bubble.side),
            }
        )
    return shown


def _by(entry: Entry) -> str:
    """Return the author of a step or message."""
    if entry.kind == LABEL:
        by = entry.content["by"]
        return visible(entry.author or by) if by in TEACHERS else BOT
    return visible(entry.author or (BOT if entry.kind == RESULT else FAKE_USER))


def _fork_point(history: History, entry: Entry, side: str) -> int | None:
    if side == USER_SIDE and entry.kind in (USER, MEND):
        return entry.id
    return history.before(entry.id) if entry.kind == LABEL else None
