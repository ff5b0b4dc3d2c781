"""The goal of a first lesson: some dialogues in a row without a correction, counted from the journal."""

from __future__ import annotations

from dataclasses import dataclass

from dialogue_gym._text import counted
from dialogue_gym.journal.entry import END, LIVE, MEND
from dialogue_gym.journal.history import History

GOAL = 3
"""The number of dialogues in a row without a correction that make a first lesson complete."""


@dataclass(frozen=True)
class LessonProgress:
    """The state of a lesson.

    Attributes:
        in_a_row: the number of dialogues since the last correction.
        longest: the most dialogues in a row so far.
    """

    in_a_row: int = 0
    longest: int = 0

    @property
    def is_reached(self) -> bool:
        """Whether the goal was reached at any time; later corrections leave it reached."""
        return self.longest >= GOAL

    def __str__(self) -> str:
        """The goal and the count, in one line."""
        if not self.is_reached:
            return f"Goal: {GOAL} dialogues in a row without a correction. So far: {self.in_a_row}."
        return f"Goal reached. Now {counted(self.in_a_row, 'dialogue')} in a row without a correction."


_Mark = tuple[int, bool]
"""The id of an entry, and whether it adds to the row; otherwise it ends the row."""


class Lesson:
    """Count of the dialogues of a store that needed no correction, by all of its teachers.

    Every correction in effect, of an action or of a meaning, ends the row at once, and so does a user who
    gives up. A dialogue adds to the row when it ends if a teacher answered in it and corrected nothing. A
    fork begins in the middle, so it adds nothing, and neither do a dialogue that was left before its end,
    imported stories, and the conversations of visitors. Undone answers do not count.
    """

    def __init__(self, history: History, has_endings: bool) -> None:
        """Count in a history, which may grow.

        Args:
            history: the history.
            has_endings: whether the domain's fake user says when a dialogue is over. Otherwise it is over
                when the teacher begins another one.
        """
        self._history = history
        self._good_ends: tuple[str | None, ...] = ("success",) if has_endings else ("success", None)
        self._marks: dict[str, tuple[int | None, tuple[_Mark, ...]]] = {}
        self._progress = LessonProgress()

    def progress(self) -> LessonProgress:
        """Return the count; conversations whose head has not moved since the last call are not read again."""
        history, known = self._history, self._marks
        heads = {name: history.head(name) for name in history.conversations}
        if heads == {name: head for name, (head, _) in known.items()}:
            return self._progress
        self._marks = {
            name: known[name] if name in known and known[name][0] == head else (head, self._read(name))
            for name, head in heads.items()
        }
        in_a_row = longest = 0
        for _, adds in sorted(mark for _, marks in self._marks.values() for mark in marks):
            in_a_row = in_a_row + 1 if adds else 0
            longest = max(longest, in_a_row)
        self._progress = LessonProgress(in_a_row, longest)
        return self._progress

    def _read(self, name: str) -> tuple[_Mark, ...]:
        path = self._history.path(name)
        is_fork = bool(path) and path[0].conversation != name
        if not path or (LIVE in path[0].content and not is_fork):
            return ()
        own = [entry for entry in path if entry.conversation == name]
        marks = [(entry.id, False) for entry in own if entry.kind == MEND or entry.is_correction]
        last = path[-1]
        if last.kind == END and any(entry.is_answer for entry in own):
            if last.content["outcome"] == "failure":
                marks.append((last.id, False))
            elif last.content["outcome"] in self._good_ends and not marks and not is_fork:
                marks.append((last.id, True))
        return tuple(marks)
