"""Export of conversations as chats with calls of tools, and of corrections as pairs of answers.

The lines are those that trainers of language models read: `messages` and `tools`, as OpenAI's files for
fine-tuning (https://platform.openai.com/docs/guides/supervised-fine-tuning), and `prompt`, `chosen` and
`rejected`, as TRL's for preferences (https://huggingface.co/docs/trl/dataset_formats).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dialogue_gym._files import OutputKind, refuse_other_kinds
from dialogue_gym._text import counted
from dialogue_gym.conversation.bot_state import BotState
from dialogue_gym.conversation.conversation import is_rejected
from dialogue_gym.conversation.events import ActionExecuted, BotUttered, UserUttered
from dialogue_gym.domain import Domain
from dialogue_gym.journal.entry import in_words
from dialogue_gym.journal.history import History
from dialogue_gym.teaching.export import write_texts
from dialogue_gym.teaching.export_rasa import Exported
from dialogue_gym.teaching.export_stories import Right
from dialogue_gym.teaching.learner import right_actions
from dialogue_gym.teaching.mode import turn_taking_in
from dialogue_gym.text.chat_messages import ChatMessages
from dialogue_gym.text.dialogue import TextDialogue
from dialogue_gym.text.tools import instructions, tools_of

CONVERSATIONS, PREFERENCES = "conversations.jsonl", "preferences.jsonl"
"""The files of an export."""
_WAITING = "(the user is waiting)"
Line = dict[str, Any]


@dataclass
class Chats:
    """Conversations and corrections for language models, as JSON-serializable values.

    Attributes:
        conversations: the conversations, with `messages`, `tools`, `conversation` and `outcome`.
        preferences: the corrected actions, with `prompt`, `chosen`, `rejected`, `tools` and `conversation`.
        left_out: the number of corrections that are not about the choice between two tools.
    """

    conversations: list[Line] = field(default_factory=list)
    preferences: list[Line] = field(default_factory=list)
    left_out: int = 0


def export_chats(history: History, domain: Domain, folder: Path) -> Exported:
    """Write the conversations and corrections of a store as two files of JSON lines.

    Args:
        history: the history of the store.
        domain: the domain of the history, with or without the additions.
        folder: the folder to write to; it is created if needed.

    Raises:
        StoreError: the content of an entry does not fit its kind.
        DomainError: an event names an action or a slot that the domain does not have.
        FileError: one of the files exists, and is not of an earlier export.
        OSError: a file cannot be written.
    """
    for name in (CONVERSATIONS, PREFERENCES):
        refuse_other_kinds(folder / name, _CHATS)
    chats = chats_of(history, domain)
    lines = {CONVERSATIONS: chats.conversations, PREFERENCES: chats.preferences}
    # Without any content, only a file of an earlier export is written: it must not keep its lines.
    texts = {
        folder / name: "".join(map(_json_line, found))
        for name, found in lines.items()
        if found or (folder / name).exists()
    }
    notes = [_note(name, len(found), folder / name in texts) for name, found in lines.items()]
    if chats.left_out:
        notes.append(f"{counted(chats.left_out, 'correction')} about listening left out")
    return Exported(write_texts(texts), notes)


def _is_export(path: Path) -> bool:
    """Return whether a file has the lines of an export."""
    with path.open(encoding="utf-8", errors="replace") as stream:
        first = stream.readline()
    try:
        keys = set(json.loads(first))
    except (ValueError, TypeError):
        return False
    return {"tools", "conversation"} <= keys


_CHATS = OutputKind("an export of a store", _is_export)


def _note(name: str, lines: int, is_written: bool) -> str:
    if lines:
        return f"{counted(lines, 'line')} in {name}"
    reason = "no action of the bot" if name == CONVERSATIONS else "no correction of an action"
    return f"{reason}: {name} is " + ("empty now" if is_written else "not written")


def chats_of(history: History, domain: Domain) -> Chats:
    """Return the conversations and the corrections in effect.

    A chat is as in dialogues in text with tools: the user's messages after the first one are the results of
    calls. It ends with the last action, or before the first one that a teacher called wrong later. Listening
    is left out. A correction that forks share counts once, and one that was overruled not at all.

    Raises:
        StoreError: the content of an entry does not fit its kind.
        DomainError: an event names an action or a slot that the domain does not have.
    """
    domain = history.extended(domain)
    right = right_actions(history, domain, domain.actions, turn_taking_in(history))
    chats = Chats()
    known: set[int] = set()
    for conversation in history.conversations:
        chat = _Chat(domain, right)
        chat.read(history, conversation, chats, known)
        about = {"conversation": conversation, "outcome": history.outcome(conversation)}
        if chat.has_actions:
            chats.conversations.append({"messages": chat.written(), "tools": chat.messages.tools} | about)
    return chats


class _Chat:
    """One conversation as messages."""

    def __init__(self, domain: Domain, right: Right) -> None:
        tools = tools_of(domain)
        prompt = (
            TextDialogue(domain, "tools").instructions
            if domain.fake_user
            else instructions(domain, "tools", tools)
        )
        self.messages = ChatMessages(prompt, tools)
        self.has_actions = False
        self._arguments = {tool.name: [one.name for one in tool.arguments] for tool in tools}
        self._domain, self._right = domain, right
        self._state = BotState(domain)
        self._heard: list[str] = []
        self._user_spoke = self._tells = False
        self._end = 1

    def read(self, history: History, conversation: str, chats: Chats, known: set[int]) -> None:
        """Read the events, and add new corrections."""
        words = in_words(history.path(conversation))
        events = [event for _, event in words]
        for index, (entry, event) in enumerate(words):
            if isinstance(event, UserUttered):
                self._heard.append(event.text or f"/{event.act}")
                self._user_spoke = True
            elif isinstance(event, BotUttered) and event.text:
                if event.teacher:
                    self._say(event.text)
                elif self._tells:
                    self._heard.append(f"(you said: {event.text})")
            elif isinstance(event, ActionExecuted) and not is_rejected(events, index):
                holds = self._right.get(self._state.observation.tobytes(), (event.name,))
                if entry.is_correction and entry.id not in known:
                    known.add(entry.id)
                    pair = event.name, entry.content["proposal"]
                    if not all(name in self._arguments for name in pair):
                        chats.left_out += 1
                    elif pair[0] in holds and pair[1] not in holds:
                        chats.preferences.append(self._preference(*pair) | {"conversation": conversation})
                if event.name not in holds:
                    return
                if event.name in self._arguments:
                    self._act(event.name)
            self._state.apply(event)

    def written(self) -> list[Line]:
        """Return the messages up to the last one of the bot."""
        return self.messages.messages[: self._end]

    def _message(self) -> str:
        """Return all that the bot has heard since its last message."""
        return "\n".join([*self._heard, *([] if self._user_spoke else [_WAITING])])

    def _hear(self) -> None:
        self.messages.hear(self._message())
        self._heard, self._user_spoke = [], False

    def _say(self, text: str) -> None:
        """Add a message that a teacher wrote in the bot's place."""
        self._hear()
        self.messages.read({"content": text})
        self._end = len(self.messages.messages)

    def _act(self, action: str) -> None:
        is_service = self._state.service(action) is not None
        self._tells = is_service or not self._domain.texts(action)
        self._hear()
        self.messages.act(action, self._known(action))
        self._end, self.has_actions = len(self.messages.messages), True

    def _known(self, action: str) -> Mapping[str, Any]:
        slots = self._state.slots
        return {name: slots[name] for name in self._arguments[action] if slots.get(name) is not None}

    def _preference(self, chosen: str, rejected: str) -> Line:
        """Return the right and the wrong next message."""
        answers = []
        for action in (chosen, rejected):
            messages = copy.deepcopy(self.messages)
            messages.hear(self._message())
            messages.act(action, self._known(action))
            answers.append(messages.messages)
        *prompt, right = answers[0]
        return {
            "prompt": prompt,
            "chosen": [right],
            "rejected": [answers[1][-1]],
            "tools": self.messages.tools,
        }


def _json_line(line: Line) -> str:
    """Return a line of JSON; halves of characters, which a terminal may give, are question marks."""
    whole = json.dumps(line, ensure_ascii=False).encode("utf-8", "replace")
    return json.dumps(json.loads(whole)) + "\n"
