"""The summary of an outline: each part of the bot in a line, with a sentence of it."""

from __future__ import annotations

from collections.abc import Iterator

from dialogue_gym.outline.model import CHOICE, INFORM, YES_NO, Fact, Outline

_EXAMPLES = 3
"""So many choices or values of a fact are named at most."""


def summary(outline: Outline) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the parts of the bot under their titles, each as its name and a sentence."""
    parts = (
        ("It understands", list(_understood(outline))),
        ("It knows", [(fact.name, _told(fact)) for fact in outline.facts]),
        ("It says and does", list(_done(outline))),
    )
    return [(title, lines) for title, lines in parts if lines]


def _understood(outline: Outline) -> Iterator[tuple[str, str]]:
    for intent, sentences in outline.intents.items():
        if intent == INFORM:
            yield intent, _listed(sentences)
        else:
            more = f" (and {len(sentences) - 1} more)" if len(sentences) > 1 else ""
            yield intent, f"“{sentences[0]}”{more}"


def _told(fact: Fact) -> str:
    if fact.kind == YES_NO:
        return "yes or no"
    return ("one of " if fact.kind == CHOICE else "such as ") + _listed(fact.examples)


def _listed(texts: tuple[str, ...]) -> str:
    return ", ".join(texts[:_EXAMPLES]) + (", …" if len(texts) > _EXAMPLES else "")


def _done(outline: Outline) -> Iterator[tuple[str, str]]:
    forms = {fact.form: fact for fact in outline.facts if fact.form}
    for action in outline.actions:
        if action in forms:
            fact = forms[action]
            taken = "yes or no" if fact.kind == YES_NO else "the whole message"
            yield action, f"asks {outline.question_name(fact)} and takes {taken} for an answer"
        else:
            text = outline.responses.get(action)
            yield action, f"“{text}”" if text else "code, to be written"
