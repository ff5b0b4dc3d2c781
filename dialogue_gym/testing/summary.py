"""The report on the dialogues with a foreign bot."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from dialogue_gym._intervals import half_of_mean, half_of_rate
from dialogue_gym._text import counted
from dialogue_gym.reports.report import SAMPLED, FailedDialogue, Group, Report, groups_by_value
from dialogue_gym.testing.reading import NOT_UNDERSTOOD
from dialogue_gym.testing.runner import Result
from dialogue_gym.training.text_evaluation import pass_rates

MOST_FAILURES = 10
"""The failed dialogues that a report shows."""
_MOST_NOTES = 10


def summarize(
    bot: str,
    domain: str,
    user: str,
    settings: Mapping[str, Any],
    results: Sequence[Result],
    notes: Iterable[str] = (),
) -> Report:
    """Return the report on some dialogues, at least one.

    Failed dialogues with different faults come first, the most frequent fault before the others.
    """
    count = len(results)
    successes = sum(one.is_success for one in results)
    by_user: dict[int, list[bool]] = defaultdict(list)
    for one in results:
        by_user[one.user].append(one.is_success)
    tries = max(map(len, by_user.values()))
    whole = [sum(tried) for tried in by_user.values() if len(tried) == tries]
    returns = [one.total for one in results]
    mean = sum(returns) / count
    spread = math.sqrt(sum((one - mean) ** 2 for one in returns) / max(count - 1, 1))
    endings = Counter(one.ending for one in results)
    return Report(
        bot=bot,
        domain=domain,
        settings=dict(settings),
        method=SAMPLED,
        success_rate=successes / count,
        mean_turns=sum(one.turns for one in results) / count,
        mean_return=mean,
        # Tries with one user are not independent, so that users count for the errors.
        success_error=half_of_rate(successes / count, len(by_user)),
        return_error=half_of_mean(spread / math.sqrt(len(by_user)), len(by_user)),
        dialogues=count,
        passes=tuple(pass_rates(whole, tries)) if tries > 1 else (),
        turns=_shares(Counter(one.turns for one in results), count),
        users=(Group(user, 1.0, successes / count),),
        goals=groups_by_value((one.goal, one.is_success) for one in results),
        endings={name: number / count for name, number in endings.most_common()},
        failures=tuple(_failures(results, user)),
        notes=(*notes, *_remarks(results)),
    )


def _shares(counts: Counter[int], total: int) -> dict[int, float]:
    return {key: counts[key] / total for key in sorted(counts)}


def _failures(results: Sequence[Result], user: str) -> Iterator[FailedDialogue]:
    by_kind: dict[str, list[Result]] = defaultdict(list)
    for one in results:
        if one.fault is not None:
            by_kind[one.ending].append(one)
    queues = sorted(by_kind.values(), key=len, reverse=True)
    chosen = [queue[place] for place in range(MOST_FAILURES) for queue in queues if place < len(queue)]
    for one in chosen[:MOST_FAILURES]:
        assert one.fault is not None
        yield FailedDialogue(one.conversation, user, one.goal, one.fault.sentence, one.seed)


def _remarks(results: Sequence[Result]) -> Iterator[str]:
    """Yield the remarks on the reading of texts, the most frequent first."""
    counts = Counter(note for one in results for note in one.notes)
    if unread := sum(one.has_unread for one in results):
        yield (
            f"in {counted(unread, 'dialogue')} a text of the bot was not known, which is of use to nobody:"
            " responses of the domain can have such a text, or the bot can serve its tracker"
        )
    if puzzled := counts.pop(NOT_UNDERSTOOD, 0):
        yield (
            f"in {counted(puzzled, 'dialogue')} {NOT_UNDERSTOOD}: more examples of their sentences help,"
            " and the fixed format leaves the understanding out"
        )
    for note, number in counts.most_common(_MOST_NOTES):
        yield f"{note} ({counted(number, 'dialogue')})"
    if len(counts) > _MOST_NOTES:
        others = counted(len(counts) - _MOST_NOTES, "further remark")
        yield f"{others} on the reading of the bot's texts"
