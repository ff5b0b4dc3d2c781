"""The report on a bot that talked with a fake user: its figures, and dialogues in which it failed.

One form serves figures that are exact and figures of a sample, bots of this library and any others.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dialogue_gym._text import counted, percent
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.transcripts import transcript

EXACT, SAMPLED = "exact", "sampled"
_USUAL = {"turn_taking": "auto", "format": "sentences"}
_ROUNDING = 1e-12
"""Sums of many chances may be off by this much."""


@dataclass(frozen=True)
class Group:
    """A part of the dialogues, such as those with one goal.

    Attributes:
        name: the goal, in a sample perhaps one value of it, or the user profile.
        share: its share of the dialogues, from 0 to 1.
        success_rate: the chance of success in it.
    """

    name: str
    share: float
    success_rate: float


@dataclass(frozen=True)
class FailedDialogue:
    """A dialogue in which the bot failed.

    Attributes:
        conversation: the dialogue in words, with its outcome.
        user: the user profile.
        goal: the values that the user wanted at the beginning, by slot.
        fault: the reason in a few words, such as "the user hung up".
        seed: the seed that plays it again; None if it was not found.
        chance: its exact chance among all dialogues; None in a sample.
        advice: the action to teach, in a sentence; None if nothing is known.
        right_steps: the number of the bot's actions before its first wrong one; None if none is known to be
            wrong.
    """

    conversation: Conversation
    user: str
    goal: Mapping[str, str]
    fault: str
    seed: int | None = None
    chance: float | None = None
    advice: str | None = None
    right_steps: int | None = None

    def lines(self) -> list[str]:
        """Return a heading and the dialogue, line by line."""
        parts = [self.fault]
        if self.chance is not None:
            parts.append(f"chance {self.chance:.2g}")
        if self.seed is not None:
            parts.append(f"seed {self.seed}")
        wishes = ", ".join(f"{slot}={value}" for slot, value in self.goal.items())
        lines = ["; ".join(parts), f"user {self.user}" + (f", wants {wishes}" if wishes else "")]
        lines += transcript(self.conversation)
        return [*lines, self.advice] if self.advice else lines


def settings_note(settings: Mapping[str, Any]) -> str:
    """Return the settings in brackets, with a space before them; empty if they are the usual ones.

    >>> settings_note({"turn_taking": "auto", "semantic_error_rate": 0.3})
    ' (semantic_error_rate=0.3)'
    """
    shown = [
        f"{name}={value}" for name, value in settings.items() if name != "seed" and _USUAL.get(name) != value
    ]
    return f" ({', '.join(shown)})" if shown else ""


@dataclass(frozen=True)
class Report:
    """Figures of a bot with the fake user of a domain.

    Attributes:
        bot: the name of the bot.
        domain: the name of the domain.
        settings: the arguments of the environment.
        method: `"exact"` or `"sampled"`.
        success_rate: the chance of success, from 0 to 1.
        mean_turns: the mean number of utterances of the user.
        mean_return: the mean return without shaping; None if it is not known.
        success_error: half of the 95 % interval of the success rate; 0 if it is exact.
        return_error: half of the 95 % interval of the mean return; 0 if it is exact, or of one dialogue.
        dialogues: the number of dialogues in the sample; None if the figures are exact.
        states: the number of states that were gone through; None in a sample.
        cut_off: the chance of dialogues that were left out as too rare. The exact success rate lies within
            it, above `success_rate`.
        turns: the chance of each number of turns.
        passes: pass^1, pass^2 and so on: the chance that all of k dialogues with the same user and goal
            succeed, its mean over users and goals.
        users: the dialogues by user profile, the worst first.
        goals: the dialogues by goal, the worst first.
        endings: the chance of each ending, by its name; `"success"` is one of them.
        failures: dialogues that failed, the likeliest first.
        notes: remarks for the reader, such as the reason why figures are not exact.
    """

    bot: str
    domain: str
    settings: Mapping[str, Any]
    method: str
    success_rate: float
    mean_turns: float
    mean_return: float | None = None
    success_error: float = 0.0
    return_error: float = 0.0
    dialogues: int | None = None
    states: int | None = None
    cut_off: float = 0.0
    turns: Mapping[int, float] = field(default_factory=dict)
    passes: tuple[float, ...] = ()
    users: tuple[Group, ...] = ()
    goals: tuple[Group, ...] = ()
    endings: Mapping[str, float] = field(default_factory=dict)
    failures: tuple[FailedDialogue, ...] = ()
    notes: tuple[str, ...] = ()

    def reaches(self, bar: float) -> bool:
        """Return whether the success rate is at least a bar, from 0 to 1.

        Dialogues that were left out as too rare do not count as failures, so that a flawless bot reaches 1.
        """
        return self.success_rate + self.cut_off >= bar - _ROUNDING

    @property
    def shown_success(self) -> str:
        """The success rate in percent; what was left out as too rare does not mar a flawless bot."""
        return percent(1.0 if self.reaches(1.0) else self.success_rate)

    def __str__(self) -> str:
        """The main figures in one line."""
        success = f"success {percent(self.success_rate)}"
        if self.method == EXACT:
            success += f" (exact{f', up to {100 * self.cut_off:.1g}% more' if self.cut_off else ''})"
        else:
            success += (
                f" ± {100 * self.success_error:.1f} points ({counted(self.dialogues or 0, 'dialogue')})"
            )
        parts = [success]
        if self.mean_return is not None:
            error = f" ± {self.return_error:.2f}" if self.return_error else ""
            parts.append(f"mean return {self.mean_return:.2f}{error}")
        return f"{self.bot} on {self.domain}{settings_note(self.settings)}: " + ", ".join(
            [*parts, f"{self.mean_turns:.1f} turns"]
        )

    def lines(self) -> list[str]:
        """Return the report in words, line by line, with the failed dialogues."""
        lines = [str(self)]
        if len(self.passes) > 1:
            shown = ", ".join(map(percent, self.passes))
            lines.append(
                f"pass^k, all of k dialogues with the same user and other chance: {shown}"
                f" (k = 1 to {len(self.passes)})"
            )
        if len(self.users) > 1:
            shown = ", ".join(f"{one.name} {percent(one.success_rate)}" for one in self.users)
            lines.append(f"success by user: {shown}")
        if len(self.goals) > 1 and not self.reaches(1.0):
            worst = self.goals[0]
            lines.append(f"worst goal: {percent(worst.success_rate)} with {worst.name}")
        failed = {name: chance for name, chance in self.endings.items() if name != "success"}
        if failed and self.dialogues:
            counts = {name: round(chance * self.dialogues) for name, chance in failed.items()}
            lines += [f"{name}: {counted(count, 'dialogue')}" for name, count in counts.items()]
        elif failed:
            shown = ", ".join(f"{name} in {chance:.3g}" for name, chance in failed.items())
            lines.append(f"failures, as shares of all dialogues: {shown}")
        lines += [f"({note})" for note in self.notes]
        for number, one in enumerate(self.failures, 1):
            heading, *others = one.lines()
            lines += ["", f"failed dialogue {number}: {heading}", *(f"  {line}" for line in others)]
        return lines

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON-serializable values; failed dialogues as their lines."""
        plain = dict(vars(self))
        for name in ("users", "goals"):
            plain[name] = [dataclasses.asdict(group) for group in plain[name]]
        plain["turns"] = {str(turns): chance for turns, chance in self.turns.items()}
        plain["failures"] = [
            {name: value for name, value in vars(failed).items() if name != "conversation"}
            | {"goal": dict(failed.goal), "transcript": transcript(failed.conversation)}
            for failed in self.failures
        ]
        return (
            plain
            | {name: list(plain[name]) for name in ("passes", "notes")}
            | {"settings": _plain(self.settings), "endings": dict(self.endings)}
        )


def _plain(value: Any) -> Any:
    """Return a setting as a JSON-serializable value; those of a person's code may be numbers of NumPy."""
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return value.item() if hasattr(value, "item") else value


def groups_by_value(results: Iterable[tuple[Mapping[str, str], bool]]) -> tuple[Group, ...]:
    """Return the dialogues by each value of the goal, the worst first: whole goals are too many for a sample.

    Args:
        results: the goal of each dialogue, and whether it succeeded.

    >>> groups_by_value([({"size": "small"}, True), ({"size": "large"}, False)])[0]
    Group(name='size=large', share=0.5, success_rate=0.0)
    """
    found: dict[str, list[bool]] = {}
    count = 0
    for goal, is_success in results:
        count += 1
        for slot, value in goal.items():
            found.setdefault(f"{slot}={value}", []).append(is_success)
    groups = (Group(name, len(own) / count, sum(own) / len(own)) for name, own in found.items())
    return tuple(sorted(groups, key=lambda group: (group.success_rate, group.name)))
