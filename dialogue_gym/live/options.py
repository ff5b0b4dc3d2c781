"""The options of `dialogue-gym live`; without PyTorch, which the command loads when it runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dialogue_gym._text import fraction, shorten
from dialogue_gym.nlu.interpreter import FALLBACK

AUTO = "auto"
LEAST, MOST = 0.02, 0.5
"""The automatic exploration rate where all people are content, and where none is."""
NEVER = 0.0, 0.0


def exploration_rates(explore: str | None) -> tuple[float, float]:
    """Return the exploration rates when all people are content, and when none is.

    Args:
        explore: `"auto"`, or one rate as a text; None for never.

    Raises:
        ValueError: it is neither.
    """
    if explore is None:
        return NEVER
    if explore == AUTO:
        return LEAST, MOST
    try:
        rate = fraction(explore)
    except ValueError:
        reason = "expected 'auto', or a number from 0 to 1"
        raise ValueError(f"--explore {shorten(explore)}: {reason}") from None
    return rate, rate


@dataclass(frozen=True)
class LiveOptions:
    """Options for a bot that learns from people.

    Attributes:
        source: a built-in domain's name, or a domain file.
        store: the folder for conversations and checkpoints; None for `NAME-live`.
        agent: the start of a new learner: `"pretrained"`, `"expert"`, or the folder of a trained agent.
        trust: whether an agent of earlier versions is loaded, which can run code.
        nlu: files with NLU examples, or the address of one NLU server.
        actions: modules or files with the code of actions, or the address of an action server.
        silence: minutes after which a silent person counts as gone; 0 for never.
        checkpoints: the number of checkpoints to keep.
        fall: the largest drop in success with the fake user, from 0 to 1, that is not reported.
        roll_back: whether a drop larger than `fall` brings the best checkpoint back.
        count_outcomes: whether the end of an unrated conversation is rewarded by its outcome.
        explore: `"auto"`, or the share of decisions that try another action out; None for none.
        fallback: the confidence under which a sentence is not understood, from 0 to 1.
        seed: the seed of everything random.
    """

    source: str
    store: Path | None = None
    agent: str | None = None
    trust: bool = False
    nlu: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    silence: float = 30
    checkpoints: int = 7
    fall: float = 0.1
    roll_back: bool = False
    count_outcomes: bool = False
    explore: str | None = None
    fallback: float = FALLBACK
    seed: int = 0
