"""A fake user fitted to logged dialogues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from dialogue_gym._text import counted
from dialogue_gym.domain import Domain
from dialogue_gym.domain.model import CONFIDENCES
from dialogue_gym.fitting.dialogues import LoggedDialogue, turn_taking_of
from dialogue_gym.fitting.figures import Figure, figures_of
from dialogue_gym.fitting.lattice import Lattice, PathFinder
from dialogue_gym.fitting.likelihood import likeliest
from dialogue_gym.fitting.unknowns import Unknowns
from dialogue_gym.fitting.user_paths import UserPaths

DIALOGUES = 20
"""The smallest number of dialogues that a user is fitted to."""


class CannotFit(ValueError):
    """Dialogues to which no fake user can be fitted. The message is one line."""


@dataclass(frozen=True)
class FittedUser:
    """A fake user fitted to people.

    Attributes:
        figures: all figures, with their intervals.
        dialogues: the number of dialogues that they rest on.
        cut: the number of dialogues that count up to a message that the fake user cannot have said.
        left_out: the number of dialogues that begin with such a message.
        is_noisy: whether messages are misheard.
        turn_taking: that of most dialogues, `"auto"` or `"explicit"`.
    """

    figures: tuple[Figure, ...]
    dialogues: int
    cut: int
    left_out: int
    is_noisy: bool
    turn_taking: str

    def figure(self, name: str, part: str = "") -> Figure:
        """Return a figure by name and part.

        Raises:
            KeyError: there is none of this name.
        """
        for one in self.figures:
            if (one.name, one.part) == (name, part):
                return one
        raise KeyError(f"{name} {part}".strip())


def fit_user(domain: Domain, dialogues: Sequence[LoggedDialogue]) -> FittedUser:
    """Return the fake user of a domain under whom logged dialogues are likeliest.

    Messages may have been misheard, unless all of them were understood with high confidence and make sense
    as they are.

    Raises:
        CannotFit: the domain has no goal-driven or agenda-driven user, or there are too few dialogues.
    """
    user = domain.fake_user
    if user is None:
        raise CannotFit(f"{domain.name}: this domain has no fake user (the key 'fake_user')")
    if user.search is not None:
        raise CannotFit(f"{domain.name}: users who search a database cannot be fitted yet")
    if len(dialogues) < DIALOGUES:
        raise CannotFit(
            f"{counted(len(dialogues), 'conversation')} with people: it takes {DIALOGUES} at least"
        )
    unknowns = Unknowns(user)
    turn_takings = Counter(map(turn_taking_of, dialogues))

    def lattice(is_noisy: bool) -> Lattice:
        paths = {one: UserPaths(domain, one, is_noisy, unknowns) for one in turn_takings}
        finder = PathFinder(lambda dialogue: paths[turn_taking_of(dialogue)], unknowns)
        return Lattice(finder, dialogues, unknowns)

    is_noisy = not all(map(_is_clear, dialogues))
    found = lattice(is_noisy)
    if not is_noisy and found.cut and (other := lattice(True)).cut < found.cut:
        found, is_noisy = other, True
    if len(found) < DIALOGUES:
        raise CannotFit(
            f"of {counted(len(dialogues), 'conversation')} only {len(found)} may be with the fake user of"
            f" {domain.name}, by the way they begin: it takes {DIALOGUES}"
        )
    best = likeliest(found, unknowns)
    figures = figures_of(user, unknowns, best, is_noisy=is_noisy, messages=found.messages)
    left_out = len(dialogues) - len(found)
    ((turn_taking, _),) = turn_takings.most_common(1)
    return FittedUser(tuple(figures), len(found), found.cut - left_out, left_out, is_noisy, turn_taking)


def _is_clear(dialogue: LoggedDialogue) -> bool:
    """Return whether all messages were understood with the highest confidence, and as they were meant."""
    heard = [
        (dialogue.opening, dialogue.opening_meant),
        *((step.heard, step.meant) for step in dialogue.steps),
    ]
    return all(
        one is None or (one[2] == len(CONFIDENCES) - 1 and meant in (None, one[:2])) for one, meant in heard
    )
