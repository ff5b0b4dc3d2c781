"""Evaluation of agents that talk in text: success, cost, and the chance that several tries all succeed."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dialogue_gym._text import short_percent
from dialogue_gym.envs.settings import whole_number
from dialogue_gym.text.agents import TextAgent
from dialogue_gym.text.chat_endpoint import EndpointError
from dialogue_gym.text.dialogue import TextDialogue
from dialogue_gym.training.environments import EVALUATION, stream
from dialogue_gym.training.evaluation import Evaluation, Progressed, figures_of

_MEANS = ("calls", "tokens_read", "tokens_written", "seconds", "not_understood")


@dataclass(frozen=True)
class TextEvaluation:
    """Figures of an agent in text.

    Attributes:
        figures: success, return and turns.
        calls: requests to a model, per dialogue.
        tokens_read: tokens of these requests, per dialogue.
        tokens_written: tokens of the answers, per dialogue.
        seconds: seconds of waiting for the model, per dialogue.
        not_understood: replies that were not understood, per dialogue.
        is_estimated: whether tokens are estimated, since the server counts none.
        passes: pass^1, pass^2 and so on, as many as the tries: the chance that all of k tries with a user
            succeed, if they share the user and not the chance; its mean over users.
        users: the number of users.
        fault: the reason why the agent was not asked to the end; None if it was.
    """

    figures: Evaluation
    calls: float
    tokens_read: float
    tokens_written: float
    seconds: float
    not_understood: float
    is_estimated: bool
    passes: tuple[float, ...]
    users: int
    fault: str | None = None

    def __str__(self) -> str:
        """Success, return and turns in one line; tries with one user are not independent of each other."""
        return self.figures.in_words(self.users)

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as JSON-serializable values."""
        own = {name: value for name, value in vars(self).items() if name != "figures"}
        return vars(self.figures) | own | {"passes": list(self.passes)}

    def lines(self) -> list[str]:
        """Return the figures beyond success, return and turns in words, line by line."""
        lines = []
        if self.calls:
            about = "about " if self.is_estimated else ""
            lines.append(
                f"per dialogue: {self.calls:.1f} calls, {about}{self.tokens_read + self.tokens_written:,.0f}"
                f" tokens ({self.tokens_written:,.0f} of them written), {self.seconds:.1f} s,"
                f" {self.not_understood:.1f} replies not understood"
            )
        if len(self.passes) > 1:
            shown = ", ".join(map(short_percent, self.passes))
            lines.append(
                f"pass^k, all of k tries with the same user and other chance: {shown}"
                f" (k = 1 to {len(self.passes)})"
            )
        return lines


def evaluate_text(
    dialogue: TextDialogue,
    agent: TextAgent,
    users: int = 20,
    seed: int = 0,
    tries: int = 1,
    progress: Progressed | None = None,
) -> TextEvaluation:
    """Play dialogues in text.

    The first try with each user is the dialogue that `compare` plays with this seed. Further tries have the
    same user, with the same goal and the same first sentence, and chance of their own after that.

    Args:
        dialogue: the dialogues.
        agent: the agent.
        users: the number of users, at least 1.
        seed: seed of the run.
        tries: the number of dialogues with each user, at least 1.
        progress: called with the number of dialogues so far and their success rate.

    Returns:
        The figures. If an endpoint fails after some dialogues, or Ctrl-C interrupts them, they are those of
        all users until then: answers cost money.

    Raises:
        EndpointError: an endpoint fails before all tries with the first user are over.
        KeyboardInterrupt: Ctrl-C comes before that.
        ValueError: the agent cannot act in this mode or domain, or there are no users or tries.
    """
    users, tries = whole_number("users", users, 1), whole_number("tries", tries, 1)
    rows: list[tuple[float, ...]] = []
    first, others = stream(seed, EVALUATION), stream(seed, EVALUATION + 2)
    fault = None
    try:
        for user in range(users):
            for attempt in range(tries):
                chance = others + user * tries + attempt if attempt else None
                rows.append((user, *_play(dialogue, agent, first + user, chance)))
                if progress:
                    progress(len(rows), sum(row[1] for row in rows) / len(rows))
    except (EndpointError, KeyboardInterrupt) as error:
        fault = str(error) or "interrupted"
        rows = rows[: len(rows) // tries * tries]
        if not rows:
            raise
    table = np.array(rows, dtype=np.float64)
    by_user = table.reshape(-1, tries, table.shape[1])
    successes = by_user[:, :, 1].sum(axis=1).astype(int).tolist()
    return TextEvaluation(
        # Tries with one user are not independent, so that users count for the errors.
        dataclasses.replace(figures_of(by_user.mean(axis=1)[:, :4]), dialogues=len(rows)),
        **dict(zip(_MEANS, table[:, 4:].mean(axis=0).tolist(), strict=True)),
        is_estimated=agent.usage.is_estimated,
        passes=tuple(pass_rates(successes, tries)),
        users=len(by_user),
        fault=fault,
    )


def pass_rates(successes: Sequence[int], tries: int) -> list[float]:
    """Return the chance that all of k tries with a user succeed, its mean over users, for k up to `tries`.

    For each user this is the share of the k-subsets of tries in which all succeed, which is an unbiased
    estimate. Source: pass^k of tau-bench, https://arxiv.org/abs/2406.12045.

    Args:
        successes: the number of successful tries with each user.
        tries: the number of tries with each.

    >>> pass_rates([2, 1], 2)
    [0.75, 0.5]
    """
    return [
        sum(math.comb(count, k) for count in successes) / math.comb(tries, k) / len(successes)
        for k in range(1, tries + 1)
    ]


def _play(dialogue: TextDialogue, agent: TextAgent, seed: int, chance: int | None) -> tuple[float, ...]:
    """Play a dialogue; return success, return, turns, calls, tokens read and written, seconds, and errors."""
    message = dialogue.reset(seed)
    if chance is not None:
        dialogue.set_chance(chance)
    agent.begin(dialogue)
    before = dataclasses.replace(agent.usage)
    total, errors, done = 0.0, 0, None
    while done is None or not done.is_over:
        done = dialogue.step(agent.reply(message))
        message = done.message
        total += done.reward
        errors += done.action is None
    after = agent.usage
    return (
        float(done.is_success),
        total,
        dialogue.turns,
        after.calls - before.calls,
        after.tokens_read - before.tokens_read,
        after.tokens_written - before.tokens_written,
        after.seconds - before.seconds,
        errors,
    )
