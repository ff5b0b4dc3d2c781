"""Questions before teaching begins: about a store that exists, about a domain file that does not.

No input or output.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import yaml

from dialogue_gym._text import visible
from dialogue_gym.domain import Domain
from dialogue_gym.domain.model import LISTEN, RESTART, DomainError, Response
from dialogue_gym.teaching.growth import Growth
from dialogue_gym.teaching.terminal.keys import QUIT, KeyCommand
from dialogue_gym.teaching.terminal.prompts import choose, typed
from dialogue_gym.teaching.terminal.screens import Dialog, Line, Table

_Answer = TypeVar("_Answer")
_Shown = tuple[Line | Table, ...]


class Cancel(Exception):
    """The person leaves before teaching begins."""


def should_continue(folder: str) -> Dialog[bool]:
    """Ask whether to continue a store that exists; False to start a new one.

    Raises:
        Cancel: the person leaves.
    """
    shown = (Line(f"{visible(folder)}: this store exists already.", "strong"),)
    answers = ("continue it", "start a new one (the old one is renamed)")
    return (yield from _asked(lambda notes: choose((*notes, *shown), *answers))) == 1


def should_grow(growth: Growth) -> Dialog[bool]:
    """Ask whether to write taught names that the domain file lacks into it; no if the person leaves."""
    shown = (Line(f"{growth}.", "strong"),)
    answers = ("write them into the file", "leave the file as it is")
    try:
        return (yield from _asked(lambda notes: choose((*notes, *shown), *answers))) == 1
    except Cancel:
        return False


def new_domain(file: str, name: str) -> Dialog[Domain | None]:
    """Offer to create a domain, ask for its contents, and return it; None if the person cancels."""
    try:
        return (yield from _new_domain(file, name))
    except Cancel:
        return None


def _new_domain(file: str, name: str) -> Dialog[Domain | None]:
    shown = (Line(f"{visible(file)} does not exist.", "strong"),)
    if (yield from _asked(lambda notes: choose((*notes, *shown), "create it", "cancel"))) == 2:
        return None
    domain = Domain(name)
    domain = yield from _with_names(domain, "intents, separated by commas > ", Domain.with_intent)
    domain = yield from _with_names(
        domain, "the bot's first actions, separated by commas > ", Domain.with_action
    )
    for action in domain.actions[2:]:
        text = yield from _text(f"text of {visible(action, 40)} (Enter for none) > ")
        if text:
            responses = (*domain.responses, Response(action, (text,)))
            domain = Domain(name, domain.intents, responses=responses, actions=domain.actions)
    return domain


def _with_names(domain: Domain, prompt: str, add: Any) -> Dialog[Domain]:
    shown: tuple[Line | Table, ...] = ()
    while True:
        answer = yield from _text(prompt, shown)
        extended = domain
        try:
            for name in filter(None, map(str.strip, answer.split(","))):
                extended = add(extended, name)
        except DomainError as error:
            shown = (Line(f"({error})", "bad"),)
            continue
        if extended is not domain:
            return extended
        shown = (Line("(at least one name is needed)", "bad"),)


def _text(prompt: str, shown: Sequence[Line | Table] = ()) -> Dialog[str]:
    """Ask for a line."""
    return (yield from _asked(lambda notes: typed(notes or tuple(shown), prompt))).strip()


def _asked(question: Callable[[_Shown], Dialog[_Answer]]) -> Dialog[_Answer]:
    """Ask a question, which shows some notes first; of the commands only quitting is available here."""
    notes: _Shown = ()
    while True:
        try:
            return (yield from question(notes))
        except KeyCommand as command:
            if command.key == QUIT:
                raise Cancel from None
            notes = (Line("(commands are available while teaching)", "bad"),)


def domain_text(domain: Domain) -> str:
    """Return the text of the file of a domain from `new_domain`."""
    content: dict[str, Any] = {"version": "3.1", "intents": list(domain.intents)}
    if domain.responses:
        content["responses"] = {
            response.name: [{"text": text} for text in response.texts] for response in domain.responses
        }
    content["actions"] = [action for action in domain.actions if action not in (LISTEN, RESTART)]
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
