"""The options of `dialogue-gym live`; without PyTorch, which the command loads when it runs."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dialogue_gym._text import fraction, nearest, quoted
from dialogue_gym.domain import Domain
from dialogue_gym.teaching.options import BotOptions

AUTO = "auto"
LEAST, MOST = 0.02, 0.5
"""The automatic exploration rate where all people are content, and where none is."""
NEVER = 0.0, 0.0
BURST_LIMIT = "30/10"
"""The number of ratings of one source in so many minutes that are not yet a burst."""
NEWEST, SAFELY = "newest", "safely"
"""The ways for newly learned weights to take over: always, or once the logs show that they are better."""


def check_promotion(promote: str, explore: str | None, domain: Domain | None = None) -> None:
    """Check that versions can be compared by the conversations.

    Args:
        promote: `"newest"` or `"safely"`.
        explore: `"auto"`, or one rate as a text; None for never.
        domain: the domain; None if it is not known yet.

    Raises:
        ValueError: they cannot, or `promote` is neither.
    """
    if promote not in (NEWEST, SAFELY):
        raise ValueError(f"--promote: unknown way {quoted(promote)}; {nearest(promote, (NEWEST, SAFELY))}")
    if promote == SAFELY and domain is not None and domain.fake_user is None:
        raise ValueError(
            f"--promote safely: {domain.name} has no fake user (the key 'fake_user'), so it is unknown which"
            " conversations are a success"
        )
    if promote == SAFELY and exploration_rates(explore) == NEVER:
        raise ValueError(
            "--promote safely: a bot that never tries anything else out shows nothing on newer versions; add"
            " --explore auto"
        )


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
        raise ValueError(f"--explore {quoted(explore)}: {reason}") from None
    return rate, rate


def burst_limit(burst: str) -> tuple[int, float]:
    """Return the number of ratings of one source that are not yet a burst, and the minutes of these.

    Args:
        burst: both as a text, such as `"30/10"`.

    Raises:
        ValueError: it is something else.
    """
    match = re.fullmatch(r"(\d{1,9})/(\d{1,9}(?:\.\d{1,9})?)", burst, re.ASCII)
    if not match or not int(match[1]) or not float(match[2]):
        raise ValueError(f"--burst {quoted(burst)}: expected RATINGS/MINUTES, such as {BURST_LIMIT}")
    return int(match[1]), float(match[2])


@dataclass(frozen=True, kw_only=True)
class LearningOptions(BotOptions):
    """Options for a bot that learns from people.

    Attributes:
        agent: the start of a new learner: `"pretrained"`, `"expert"`, or the folder of a trained agent.
        trust: whether an agent of earlier versions is loaded, which can run code.
        silence: minutes after which a silent person counts as gone; 0 for never.
        checkpoints: the number of checkpoints to keep.
        fall: the largest drop in success with the fake user, from 0 to 1, that is not reported.
        roll_back: whether a drop larger than `fall` brings the best checkpoint back.
        count_outcomes: whether the end of an unrated conversation is rewarded by its outcome.
        explore: `"auto"`, or the share of decisions that try another action out; None for none.
        weigh_raters: whether ratings count less if their raters contradict the others, or outcomes.
        promote: `"newest"` for the newest weights always, `"safely"` for those that are surely better.
        track: the tool that keeps the figures of the learning: one of `TrackingTool`; None for TensorBoard,
            where it is installed and the store is a folder.
    """

    agent: str | None = None
    trust: bool = False
    silence: float = 30
    checkpoints: int = 7
    fall: float = 0.1
    roll_back: bool = False
    count_outcomes: bool = False
    explore: str | None = None
    weigh_raters: bool = False
    promote: str = NEWEST
    track: str | None = None


@dataclass(frozen=True)
class LiveOptions(LearningOptions):
    """Options for talking to a bot in the terminal.

    Attributes:
        source: a built-in domain's name, or a domain file.
    """

    source: str
