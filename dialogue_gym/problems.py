"""What a check finds in files: errors and warnings, each with its place."""

from __future__ import annotations

from dataclasses import dataclass

from dialogue_gym.domain.reader import printable


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong, or that may not be meant."""

    file: str
    line: int
    message: str
    is_error: bool = True

    def __str__(self) -> str:
        """The problem on one line, with what cannot be printed escaped."""
        kind = "error" if self.is_error else "warning"
        return printable(f"{kind}: {self.file}:{self.line}: {self.message}")
