"""The dialog with a person who plays the bot: screens, and their answers as actions. No input or output."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dialogue_gym._text import counted, nearest, visible
from dialogue_gym.conversation.transcripts import USER_SIDE, Bubble
from dialogue_gym.play.game import Game, Match, Move
from dialogue_gym.play.report import ending, points, rules, standing, totals
from dialogue_gym.teaching.terminal.screens import Dialog, Line, Row, Screen, Table
from dialogue_gym.text.tools import needs_text

HELP, HINT, QUIT = "?", "h", "q"
_KEYS = (
    ("number", "do this action; its name or a part of it will do, too (Tab completes)"),
    (HINT, "hint: what the expert would do"),
    (HELP, "this help"),
    (QUIT, "quit, with the score so far"),
)
_SHOWN = 6


class PlayDialog:
    """Dialog with a person from the first message of a user until they stop."""

    def __init__(self, match: Match, best: Callable[[], str]) -> None:
        """Prepare to play.

        Args:
            match: the match.
            best: returns a sentence on the best possible score.
        """
        self._match = match
        self._best = best
        self._shown = 0

    def play(self) -> Dialog[None]:
        """Play one dialogue after the other."""
        lines = [Line(line) for line in rules(self._match.game)]
        while (yield from self._one(lines)) and (yield from self._again()):
            self._match.begin()
            lines = []
        yield Screen(tuple(Line(line) for line in totals(self._match)))

    def _one(self, lines: list[Line]) -> Dialog[bool]:
        """Play a dialogue; return whether it was played to its end."""
        game, self._shown = self._match.game, 0
        lines += [Line(""), Line(f"Dialogue {len(self._match.games)} (seed {game.seed})", "faint")]
        while not game.is_over:
            moves = game.moves
            shown = [*lines, *self._new_chat(game), *_situation(game, moves)]
            move, lines = (yield from self._choose(game, moves, shown)), []
            if move is None:
                return False
            game.do(move.action)
        yield Screen((*self._new_chat(game), Line(""), *self._end(game)))
        return True

    def _choose(
        self, game: Game, moves: Sequence[Move], shown: Sequence[Line | Table]
    ) -> Dialog[Move | None]:
        """Ask for an action; None if the person quits."""
        names = tuple(move.action for move in moves)
        while True:
            answer = (yield Screen(tuple(shown), "action > ", names=names)).strip()
            if answer == QUIT:
                return None
            if answer == HELP:
                shown = [Line(f"{key:<6}  {effect}", indent=2) for key, effect in _KEYS]
            elif answer == HINT:
                shown = [_hint(game)]
            else:
                found = _moves_of(answer, game, moves)
                if isinstance(found, Move):
                    return found
                shown = [Line(f"({found})", "bad")]

    def _new_chat(self, game: Game) -> list[Line]:
        """Return the lines of the chat that the person has not seen yet."""
        chat = game.chat
        new, self._shown = chat[self._shown :], len(chat)
        return [line for bubble in new for line in _lines(bubble, game.is_noisy)]

    def _end(self, game: Game) -> list[Line]:
        first, *others = ending(game)
        lines = [Line(first, "good" if game.result.is_success else "bad"), *map(Line, others)]
        lines += map(Line, standing(self._match))
        return [*lines, Line(self._best())]

    def _again(self) -> Dialog[bool]:
        """Ask whether to go on, and show the expert's dialogue before that on request."""
        has_expert = self._match.game.of_expert is not None
        keys = f"y yes, n no{', e see how the expert did it' if has_expert else ''}"
        shown: tuple[Line, ...] = (Line(""),)
        while True:
            answer = (yield Screen(shown, f"Again? ({keys}) ", "yn" + "e" * has_expert)).strip().lower()
            if answer in ("y", "yes", ""):
                return True
            if answer in ("n", "no", QUIT):
                return False
            expert = self._match.game.of_expert
            if answer == "e" and expert is not None:
                chat = [line for bubble in expert.chat for line in _lines(bubble, expert.is_noisy)]
                shown = (Line(""), *chat, Line(""))
            else:
                shown = (Line(f"(unknown answer {visible(answer, 40)}; {keys})", "bad"),)


def _situation(game: Game, moves: Sequence[Move]) -> list[Line | Table]:
    known = [f"{title}: {text}" if title else text for title, text in game.known]
    first, *others = _joined(known) or ["nothing yet"]
    rows = tuple(Row(move.action, (move.says or "(says nothing)",)) for move in moves)
    return [
        Line(""),
        Line(visible(f"known {first}"), "faint"),
        *(Line(visible(line), "faint", indent=6) for line in others),
        Line(f"score {points(game.score)}", "faint"),
        Table(("action", "you say"), rows, tuple(move.number for move in moves)),
        Line(f"a number or a name; {HINT} hint, {HELP} help, {QUIT} quit", "faint"),
    ]


def _joined(parts: Sequence[str], width: int = 72) -> list[str]:
    """Return parts as lines of at most a width, unless a part is longer itself."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(part) + 3 <= width:
            lines[-1] += f" · {part}"
        else:
            lines.append(part)
    return lines


def _lines(bubble: Bubble, is_noisy: bool) -> list[Line]:
    """Return the lines of a message."""
    if bubble.side == USER_SIDE:
        text, *others = bubble.texts
        heard = f"  ({bubble.confidence:.0%} sure)" if is_noisy and bubble.confidence is not None else ""
        return [Line(f"user  {text}{heard}", "strong"), *(Line(other, "strong", 6) for other in others)]
    text, *others = bubble.texts or [f"({bubble.meaning})"]
    return [Line(f"bot   {text}"), *(Line(other, indent=6) for other in others)]


def _hint(game: Game) -> Line:
    if not (right := game.hint):
        return Line("(this domain has no expert who could give a hint)", "faint")
    numbers = {action: number for number, action in enumerate(game.env.action_names, 1)}
    named = " or ".join(f"{numbers[action]} {action}" for action in right)
    return Line(f"The expert would choose {named}.", "good")


def _moves_of(answer: str, game: Game, moves: Sequence[Move]) -> Move | str:
    """Return the action that an answer names, or the reason why it names none."""
    if not answer:
        return "no answer; type the number of an action"
    names = game.env.action_names
    if answer.isascii() and answer.isdigit():
        number = int(answer) if len(answer) < 6 else 0
        if not 1 <= number <= len(names):
            return f"there is no number {visible(answer, 20)}; the last one is {len(names)}"
        answer = names[number - 1]
    by_name = {move.action: move for move in moves}
    if answer in by_name:
        return by_name[answer]
    if answer in names:
        needs = needs_text(game.env.domain.action_model(answer).needs)
        return f"{answer} is not possible now: it needs {needs}"
    part = answer.casefold()
    found = [move for move in moves if part in move.action.casefold()]
    if len(found) == 1:
        return found[0]
    if not found:
        return f"unknown action {visible(answer, 40)}; {visible(nearest(answer, by_name))}"
    shown = ", ".join(move.action for move in found[:_SHOWN]) + ", …" * (len(found) > _SHOWN)
    return f"{visible(answer, 40)} is part of {counted(len(found), 'name')}: {shown}"
