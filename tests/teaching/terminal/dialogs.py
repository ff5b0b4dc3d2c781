"""Dialogs of a teacher whose answers are a list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from dialogue_gym import load_domain
from dialogue_gym.actions import ActionRunner, builtin_actions
from dialogue_gym.journal.store import Store
from dialogue_gym.nlu.examples import builtin_path
from dialogue_gym.stories import load
from dialogue_gym.teaching.export_rasa import Exported
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.story_import import import_stories
from dialogue_gym.teaching.terminal.dialog import TeachingDialog
from dialogue_gym.teaching.terminal.screens import Dialog, Line, Screen

PLAIN = """
intents: [greet]
responses: {utter_greet: [{text: "Hello"}]}
actions: [utter_greet]
"""
STORIES = builtin_path("concert", "stories.md")


def text_of(screen: Screen) -> str:
    lines = []
    for part in screen.shown:
        if isinstance(part, Line):
            lines.append(part.text)
        else:
            lines += [" ".join([row.name, *row.cells]) for row in part.rows]
    return "\n".join([*lines, screen.prompt or ""])


def played(dialog: Dialog[None], answers: Iterable[str]) -> Iterator[str]:
    """Yield the first screen, and the one after each answer."""
    yield text_of(next(dialog))
    yield from answered(dialog, answers)


def answered(dialog: Dialog[None], answers: Iterable[str]) -> Iterator[str]:
    """Yield the screen after each answer, in a dialog that has begun."""
    for answer in answers:
        try:
            screen = dialog.send(answer)
        except StopIteration:
            return
        yield text_of(screen)


def concert(journal: Store, stories: bool = True) -> Session:
    domain = load_domain("concert")
    if stories and not list(journal.entries()):
        import_stories(journal, domain, load(STORIES))
    return Session(domain, journal, runner=ActionRunner(domain, builtin_actions("concert")))


def dialog(session: Session, is_wizard: bool = False) -> Dialog[None]:
    return TeachingDialog(session, lambda: Exported([Path("stories.yml")], []), is_wizard).teach()
