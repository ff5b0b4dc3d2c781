"""Lines and tables that show a session to its teacher. No input or output."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from dialogue_gym._text import cut, visible
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import Event, UserUttered, Value
from dialogue_gym.conversation.transcripts import (
    BOT_SIDE,
    USER_SIDE,
    VALUE_WIDTH,
    bubbles,
    either,
    shown_value,
)
from dialogue_gym.domain import Domain
from dialogue_gym.journal.entry import FAKE_USER, LABEL, MEND, RESULT, USER, Entry, entry_events
from dialogue_gym.journal.history import History
from dialogue_gym.teaching.lesson import GOAL
from dialogue_gym.teaching.pending import Change, Proposal
from dialogue_gym.teaching.preview import choices, proposal_preview
from dialogue_gym.teaching.progress import figures
from dialogue_gym.teaching.remarks import remarks
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.terminal.screens import Line, Row, Table
from dialogue_gym.teaching.wish import wish_of

TURNS = 2
"""The number of the user's last messages that the chat shows."""
CONVERSATION_TITLES = ("conversation", "turns", "first message", "")
_CHAT_LINES = 16
ANSWERS = {
    "1": "yes",
    "2": "no, the action is wrong",
    "3": "no, the meaning is wrong",
    "0": "export and quit",
}
"""The answers to a proposal, by key."""


def first_lines(session: Session, is_wizard: bool) -> list[Line | Table]:
    """Return the lines that a teacher reads before the first question; none if anything was taught before."""
    if session.distinct_observations or session.can_undo:
        return []
    is_simulated = session.simulated_user is not None
    who = "A fake user talks to the bot." if is_simulated else "You are the user."
    does = "Pick each step of the bot." if is_wizard else "Approve its next step, or pick a better one."
    if not is_simulated:
        does = does.replace("its", "the bot's")
    wish = "the user's wish, " if is_simulated else ""
    is_ended = session.domain.fake_user is not None
    ends = [] if is_ended else ["When a dialogue is over, start a new one with :n."]
    lines = [
        f"{who} {does}",
        f"Above each question: {wish}the last messages, and the filled slots.",
        "The bot learns from every answer straight away. :u takes the last one back.",
        *ends,
        f"Goal: {GOAL} dialogues in a row without a correction. :goal shows how far you are.",
    ]
    return [Line(line) for line in lines]


def wish_lines(session: Session) -> list[Line]:
    """Return the wish of a fake user, or sentences to begin with for a teacher who is the user."""
    is_over = isinstance(session.pending, Proposal) and session.pending.is_closing
    has_begun = session.conversation.latest_message is not None
    if is_over or (session.simulated_user is None and has_begun):
        return []
    return [Line(str(wish_of(session)), "faint")]


def chat_so_far(conversation: Conversation) -> list[Line]:
    """Return the last turns of a conversation."""
    events = conversation.events
    said = [index for index, event in enumerate(events) if isinstance(event, UserUttered)]
    first = said[-TURNS] if len(said) > TURNS else 0
    lines = chat_lines(events[first:])
    if first or len(lines) > _CHAT_LINES:
        return [Line("…", "faint"), *lines[-_CHAT_LINES:]]
    return lines


def chat_lines(events: Iterable[Event]) -> list[Line]:
    """Return a chat: messages with their meanings, and the bot's actions."""
    lines = []
    for bubble in bubbles(events):
        if bubble.side == USER_SIDE:
            lines.append(Line(f"user  {bubble.texts[0]}", "strong"))
            meaning = "not understood" if bubble.meaning is None else bubble.meaning
            lines.append(Line(f"means {meaning} ({bubble.confidence:.2f})", "faint", indent=6))
        elif bubble.meaning is not None:
            lines.append(Line(f"bot   {bubble.meaning}"))
        said = bubble.texts if bubble.side == BOT_SIDE else bubble.texts[1:]
        lines += [Line(text, indent=6) for text in said]
        lines += [Line(f"{name} := {value}", "faint", indent=6) for name, value in bubble.slots]
    return lines


def slot_line(slots: Mapping[str, Value]) -> Line:
    """Return the values of the slots."""
    known = ", ".join(f"{visible(name)}: {shown_value(value)}" for name, value in slots.items())
    return Line(f"slots {known or 'none'}", "faint")


def search_lines(conversation: Conversation) -> list[Line]:
    """Return the search as the bot knows it; none if the users do not search."""
    search = conversation.search
    return [
        Line(visible(f"{title} {text}"), "faint") if title else Line(visible(text), "faint", indent=6)
        for title, text in (search.lines() if search else ())
    ]


def answer_keys(session: Session) -> str:
    """Return the keys of `ANSWERS` that are of use at the present proposal."""
    return "1230" if session.can_correct_message else "120"


def _commands(session: Session) -> Iterator[str]:
    if session.can_undo:
        yield "u undo"
    if session.can_redo:
        yield "r redo"
    yield from ("f fork", "n new", "g continue", "t confidence", "s statistics", "q quit", "? help")


def proposal_lines(session: Session, proposal: Proposal) -> list[Line]:
    """Return the bot's proposal, and the possible answers."""
    best = proposal.best
    preview = proposal_preview(session, proposal, best.action)
    sure = f"{best.probability:.0%}, {best.evidence}"
    lines = [Line(f"The bot would do [{visible(best.action)}] ({sure}). Is this right?")]
    if preview.runs_code:
        lines.append(Line(f"it {preview}", "faint", indent=6))
    elif preview.text:
        lines.append(Line(f"it says: {preview}", "faint", indent=6))
    lines += [Line(remark, "strong") for remark in remarks(session.history, session.conversation, proposal)]
    lines += [Line(f"{key}  {ANSWERS[key]}", indent=2) for key in answer_keys(session)]
    lines.append(Line(f"{', '.join(_commands(session))}; letters need Enter", "faint"))
    if proposal.is_closing:
        lines.insert(0, Line("The user has everything they wanted. Choose the bot's closing step.", "good"))
    return lines


def wizard_lines(session: Session) -> list[Line]:
    """Return the question about the next action to a teacher who picks every one."""
    meaning = ":m the meaning is wrong, " if session.can_correct_message else ""
    undo = ":u undo, " if session.can_undo else ""
    return [
        Line("Which action is right?"),
        Line(f"{meaning}:p let the bot propose, {undo}q quit, ? help", "faint"),
    ]


def action_rows(session: Session, proposal: Proposal, with_probabilities: bool) -> list[Row]:
    """Return the actions as rows to pick from."""
    rows = []
    for option, preview in choices(session, proposal, is_wizard=not with_probabilities):
        notes = cut(str(preview), VALUE_WIDTH) if option.is_possible else "not possible now"
        cells = (f"{option.probability:.2f}", notes) if with_probabilities else (notes,)
        rows.append(Row(option.action, cells, is_faint=not option.is_possible))
    return rows


def action_titles(with_probabilities: bool) -> tuple[str, ...]:
    """Return the titles of the columns of `action_rows`."""
    return ("action", "probability", "") if with_probabilities else ("action", "")


def intent_rows(domain: Domain, ranking: Sequence[tuple[str, float]]) -> list[Row]:
    """Return the intents as rows to pick from, the most probable ones first."""
    confidence = dict(ranking)
    ranked = sorted(domain.intents, key=lambda intent: -confidence.get(intent, 0.0))
    return [Row(intent, (f"{confidence.get(intent, 0.0):.2f}",)) for intent in ranked]


def change_line(change: Change) -> Line:
    """Return the effect of a correction."""
    was = f"{visible(change.before.action)} ({change.before.probability:.0%})"
    now = f"{either(change.right)} ({change.after.probability:.0%}"
    each = " each)" if len(change.right) > 1 else ")"
    learned = f"Learned. Before: {was}. Now, in the same situation: {now}{each}."
    if change.after.is_possible:
        return Line(learned, "good")
    return Line(f"{learned} But its needs do not hold here.", "bad")


def conversation_rows(session: Session) -> list[Row]:
    """Return the conversations that can be forked as rows to pick from.

    The current one comes first, then the latest ones, and stories at the end.
    """
    history, here = session.history, session.id
    names = sorted(history.conversations[::-1], key=lambda name: (name != here, name.startswith("story ")))
    rows = []
    for name in names:
        path = history.path(name)
        said = [message for _, message in _messages(path)]
        if said and session.can_fork(path[0].id):
            outcome = "current" if name == here else history.outcome(name) or ""
            rows.append(Row(name, (f"{len(said)}", said[0], outcome)))
    return rows


def points(history: History, conversation: str) -> list[tuple[int, str]]:
    """Return the entries after which a conversation can be forked, each with a description."""
    path = history.path(conversation)
    found = []
    for index, entry in enumerate(path):
        following = path[index + 1] if index + 1 < len(path) else None
        if step := _step(entry, path[index - 1] if index else None, following):
            found.append((entry.id, step))
    return found


def _step(entry: Entry, before: Entry | None, following: Entry | None) -> str | None:
    for _, said in _messages([entry]):
        return f"user  {said}" + ("  (corrected)" if entry.kind == MEND else "")
    # A fake user's message follows from the action, so a fork goes after both.
    is_answered = following is not None and following.kind == USER and following.author == FAKE_USER
    if entry.kind == RESULT and before is not None and before.kind == LABEL and not is_answered:
        return f"bot   {visible(before.content['action'], VALUE_WIDTH)}"
    return None


def figures_table(session: Session) -> Table:
    """Return the statistics of a store."""
    rows = tuple(Row(name, (str(count),)) for name, count in figures(session).items())
    return Table(("statistics", ""), rows, ())


def _messages(path: Iterable[Entry]) -> Iterator[tuple[Entry, str]]:
    for entry in path:
        if entry.kind in (USER, MEND):
            (message,) = entry_events(entry)
            assert isinstance(message, UserUttered)
            yield entry, visible(message.text or "/" + message.act, VALUE_WIDTH)
