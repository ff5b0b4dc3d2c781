"""The people page: follow visitors' conversations, take one over, decide for the bot, hand it back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from nicegui.element import Element
from nicegui.events import GenericEventArguments

from dialogue_gym._text import visible
from dialogue_gym.conversation.transcripts import shown_value
from dialogue_gym.journal.activity import ActivityKind, ActivityLog
from dialogue_gym.journal.entry import StoreError
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.live.handoff import Handoff, OpenConversation
from dialogue_gym.live.turn import LiveError
from dialogue_gym.teaching.preview import preview_of
from dialogue_gym.web.pages.refreshing import keep_fresh
from dialogue_gym.web.pages.teach import PARTS
from dialogue_gym.web.view import Json, chat_of, search_of
from dialogue_gym.web.workspace import Workspace

_EVERY = 1.0
"""Seconds between two updates."""
_MOST = 200
"""The number of conversations listed at most."""
_CHARACTERS = 1000
"""The number of characters of a teacher's message at most."""


class PeopleView(Element, component="people.js", esm=PARTS):
    """The open conversations, and one of them, in the browser."""

    def show(self, shown: Json) -> None:
        """Show the current content."""
        if shown != self._props.get("shown"):
            self._props["shown"] = shown
            self.update()


class Follower:
    """The state of one open page, and the actions of its teacher."""

    def __init__(self, handoff: Handoff, store: Store, teacher: str, log: ActivityLog | None = None) -> None:
        """Begin with all open conversations."""
        self._handoff = handoff
        self._store = store
        self._teacher = teacher
        self._log = log
        self._open: str | None = None
        self._error = ""
        self._answer: Json = {"id": None, "is_done": True}

    def look(self) -> Json:
        """Return the content; this may take a while."""
        talks = self._handoff.open(_MOST)
        error, self._error = self._error, ""
        count = len(self._handoff.sessions.bot.conversations.open) if len(talks) == _MOST else len(talks)
        return {
            "talks": [_talk(talk) for talk in talks],
            "count": count,
            "open": self._reading(),
            "teacher": self._teacher,
            "versions": self._handoff.version_lines(),
            "error": error,
            "answer": self._answer,
            **self._raters(),
        }

    def _raters(self) -> Json:
        """Return the raters whom a teacher should know of, and the number of ratings of bursts that wait."""
        news = self._handoff.raters.news()
        is_weighed = self._handoff.sessions.bot.conversations.reward.weights is not None
        raters = [
            {
                "name": visible(one.rater.name, 20),
                "is_teacher": one.rater.is_teacher,
                "checked": one.checked,
                "contradicted": one.contradicted,
                "weight": round(100 * one.weight) if is_weighed and not one.rater.is_teacher else None,
            }
            for one in news.contrary
        ]
        return {"raters": raters, "burst": news.burst}

    def _reading(self) -> Json | None:
        """Return the selected conversation, even if it has ended."""
        if self._open is None:
            return None
        history = History(self._store.entries(self._open))
        if self._open not in history.conversations:
            return None
        chat = [bubble | {"fork": None} for bubble in chat_of(history, self._open)]
        shown: Json = {"id": self._open, "chat": chat, "talk": None, "step": None, "options": []}
        talk = self._handoff.find(self._open)
        if talk is None:
            return shown
        bot = self._handoff.sessions.bot
        domain = bot.domain
        conversation = history.conversation(domain, self._open)
        shown["slots"] = [[visible(name), shown_value(value)] for name, value in conversation.slots.items()]
        shown["search"] = search_of(conversation)
        shown["talk"] = _talk(talk)
        if talk.teacher == self._teacher and talk.waits:
            try:
                step, thoughts = self._handoff.proposals(self._open)
            except LiveError:  # it has ended since
                return shown | {"talk": None}
            shown["step"] = step
            shown["options"] = [
                {
                    "action": thought.action,
                    "shown": visible(thought.action),
                    "says": str(
                        preview_of(domain, thought.action, bot.foresee(thought.action, conversation))
                    ),
                    "is_possible": thought.is_possible,
                    "worth": round(thought.number, 1),
                }
                for thought in thoughts
            ]
        return shown

    def open(self, conversation: object) -> None:
        """Select a conversation."""
        self._open = str(conversation)

    def take_over(self, given: Any) -> None:
        """Take a conversation over from the bot."""
        self._do(given, lambda name: self._handoff.take_over(name, self._teacher), ActivityKind.TOOK_OVER)

    def give_back(self, given: Any) -> None:
        """Hand a conversation back to the bot."""
        self._do(given, lambda name: self._handoff.give_back(name, self._teacher), ActivityKind.GAVE_BACK)

    def decide(self, given: Any) -> None:
        """Let the bot take the chosen step."""
        if isinstance(given, dict) and isinstance(step := given.get("step"), int):
            action = str(given.get("action"))
            self._do(given, lambda name: self._handoff.decide(name, self._teacher, action, step))

    def say(self, given: Any) -> None:
        """Answer in the teacher's own words."""
        if isinstance(given, dict) and isinstance(step := given.get("step"), int):
            text = str(given.get("text"))[:_CHARACTERS]
            self._do(given, lambda name: self._handoff.say(name, self._teacher, text, step))

    def _do(
        self, given: Any, act: Callable[[str], tuple[str, ...] | None], what: ActivityKind | None = None
    ) -> None:
        """Do what a browser asks for, which may send anything, and keep the answer to it."""
        if not isinstance(given, dict):
            return
        name, is_done = str(given.get("conversation")), False
        try:
            self._error = visible(" ".join(act(name) or ()))
            is_done = True
        except (LiveError, StoreError) as error:
            self._error = visible(str(error))
        if what and is_done and self._log:
            self._log.record(self._teacher, what, name)
        self._answer = {"id": given.get("id"), "is_done": is_done}


def _talk(talk: OpenConversation) -> Json:
    return {
        "id": talk.conversation,
        "person": visible(talk.person, 20),
        "teacher": talk.teacher,
        "waits": talk.waits,
        "is_busy": talk.is_busy,
        "problem": visible(talk.problem),
        "quiet": int(talk.idle_seconds) if talk.waits else int(talk.idle_seconds // 60) * 60,
        "words": visible(talk.last_words, 80),
        "is_from_person": talk.is_from_person,
    }


async def people_page(handoff: Handoff, workspace: Workspace) -> None:
    """Build the page."""
    shared = workspace.shared
    page, watch = PeopleView(), Follower(handoff, shared.store, workspace.teacher, shared.log)

    async def look() -> None:
        page.show(await asyncio.to_thread(watch.look))

    def does(act: Callable[[Any], None]) -> Callable[[GenericEventArguments], Any]:
        async def do(event: GenericEventArguments) -> None:
            await asyncio.to_thread(act, event.args)
            await look()

        return do

    page.on("read", does(watch.open))
    page.on("take_over", does(watch.take_over))
    page.on("give_back", does(watch.give_back))
    page.on("decide", does(watch.decide))
    page.on("say", does(watch.say))
    await keep_fresh(look, look, _EVERY)
