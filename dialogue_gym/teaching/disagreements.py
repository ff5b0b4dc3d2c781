"""Where answers in effect differ for the same situation. No input or output."""

from __future__ import annotations

from dataclasses import dataclass

from dialogue_gym.domain import Domain
from dialogue_gym.entries import STORY
from dialogue_gym.history import History, Label


@dataclass(frozen=True)
class Disagreement:
    """A situation for which different actions were right.

    Attributes:
        labels: the first label that says so for each set of actions, in order; the last one holds.
        is_open: only stories speak of it, of which none holds more than another.
    """

    labels: tuple[Label, ...]
    is_open: bool


def disagreements(history: History, domain: Domain, turn_taking: str) -> list[Disagreement]:
    """Return where what is in effect differs: what stories leave open first, then what a teacher settled.

    That several actions are right is no disagreement where a teacher said so.

    Raises:
        StoreError: the content of an entry is none of its kind.
        DomainError: an event names an action or a slot that the domain does not have.
    """
    by_observation: dict[bytes, list[Label]] = {}
    for label in history.labels(domain, turn_taking):
        by_observation.setdefault(label.observation.tobytes(), []).append(label)
    found = []
    for labels in by_observation.values():
        taught = [label for label in labels if label.by != STORY]
        holds = set(taught[-1].right) if taught else set()
        if (
            all(set(label.right) <= holds for label in labels)
            or len({frozenset(la.right) for la in labels}) < 2
        ):
            continue
        distinct = {label.right: label for label in reversed(labels)}
        if taught:
            distinct[taught[-1].right] = taught[-1]
        in_order = sorted(distinct.values(), key=lambda label: (label.by != STORY, label.entry))
        found.append(Disagreement(tuple(in_order), is_open=not taught))
    return sorted(found, key=lambda one: (not one.is_open, -one.labels[-1].entry))
