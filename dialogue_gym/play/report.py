"""The texts of a match: its rules, and the score beside those of the expert and of the best bot."""

from __future__ import annotations

from collections.abc import Sequence

from dialogue_gym._text import counted, visible
from dialogue_gym.bounds import Bound
from dialogue_gym.play.game import Game, GameResult, Match
from dialogue_gym.teaching.wish import user_wish

_ENDINGS = {
    "success": "Success: the user has what they wanted.",
    "failure": "The user has given up.",
    "truncated": "The dialogue was cut off: it took too many steps.",
}


def points(score: float) -> str:
    """Return a score in words.

    >>> points(1.0), points(-2.5), points(1000.0)
    ('1 point', '-2.5 points', '1000 points')
    """
    number = f"{score:.2f}".rstrip("0").rstrip(".")
    number = "0" if number == "-0" else number
    return f"{number} {'point' if number in ('1', '-1') else 'points'}"


def rules(game: Game) -> list[str]:
    """Return the sentences that a person reads before a match."""
    weights = dict(game.env.domain.reward) | dict(game.env.settings.reward)
    parts = [f"success is worth {points(weights.pop('success', 0))}"]
    parts += [f"{name.replace('_', ' ')} {points(weight)}" for name, weight in weights.items() if weight]
    lines = [
        "You are the bot. A user talks to you, and you do not know yet what they want.",
        "Choose what the bot does next, until the user has it.",
        f"Your score: {', '.join(parts)}.",
    ]
    if game.is_noisy:
        lines.append("You may mishear the user: you read what the bot has understood.")
    if game.env.first_action == 0:
        lines.append(f"The user answers once you choose {game.env.action_names[0]}.")
    return lines


def ending(game: Game) -> list[str]:
    """Return the end of a dialogue, with all that the bot did not know."""
    result = game.result
    lines = [_ENDINGS[result.outcome], f"You: {_scored(result)}."]
    if (expert := game.of_expert) is not None:
        lines.append(
            f"The expert, with the same user: {_scored(expert.result)}. {_compared(result, expert.result)}"
        )
    if parts := user_wish(game.env).parts:
        lines.append(f"The user wanted: {', '.join(part.text for part in parts)}.")
    lines += [f'You heard "{heard}", but the user said "{said}"' for heard, said in game.misheard]
    return [visible(line) for line in lines]


def _scored(result: GameResult) -> str:
    return f"{points(result.score)}, {result.outcome} after {counted(result.steps, 'step')}"


def _compared(mine: GameResult, other: GameResult) -> str:
    difference = mine.score - other.score
    if abs(difference) < 0.005:
        return "You are as good."
    return f"You are {points(abs(difference))} {'ahead' if difference > 0 else 'behind'}."


def standing(match: Match) -> list[str]:
    """Return the mean scores of the dialogues that have ended; none before the second."""
    results = match.results
    if len(results) < 2:
        return []
    mean = sum(mine.score for mine, _ in results) / len(results)
    lines = [f"So far: {counted(len(results), 'dialogue')}, {points(mean)} on average."]
    theirs = [other.score for _, other in results if other is not None]
    if theirs:
        lines.append(f"The expert: {points(sum(theirs) / len(theirs))} on average.")
    return lines


def best(bound: Bound | None) -> str:
    """Return a sentence on the best possible score; empty if it is not known."""
    if bound is None:
        return ""
    return f"The best possible score, on average over all users: {bound}."


def totals(match: Match) -> list[str]:
    """Return the lines for a person who leaves a match."""
    results: Sequence[tuple[GameResult, GameResult | None]] = match.results
    if not results:
        return ["No dialogue was finished."]
    successes = sum(mine.is_success for mine, _ in results)
    return [f"{successes} of {counted(len(results), 'dialogue')} with success.", *standing(match)]
