"""Progress bars of training and evaluation, on standard error."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_LOG = logging.getLogger("dialogue_gym")


@contextlib.contextmanager
def progress_bar(title: str, total: int, unit: str = "steps") -> Iterator[Callable[[int, float], None]]:
    """Show a bar while the context lasts; yield the function that advances it.

    Above it stands what the library logs, such as that it compiles: each line once in a process.

    Args:
        title: the text before the bar.
        total: the number of units of work.
        unit: the name of the units.

    Yields:
        A function of the units done so far and of the success rate, from 0 to 1.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn(f"{{task.completed}}/{{task.total}} {unit}"),
        TextColumn("success {task.fields[success]:.0%}"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console) as bars, _shown(console):
        bar = bars.add_task(title, total=total, success=0.0)

        def advance(done: int, success: float) -> None:
            bars.update(bar, completed=min(done, total), success=success)

        yield advance


_told: set[str] = set()


class _ConsoleHandler(logging.Handler):
    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Print a line that was not printed before, in parentheses like other notes."""
        line = record.getMessage()
        if line not in _told:
            _told.add(line)
            self._console.print(f"({line})", markup=False, highlight=False, soft_wrap=True)


@contextlib.contextmanager
def _shown(console: Console) -> Iterator[None]:
    """Print the library's log on a console, above the bar that is shown there."""
    handler, level = _ConsoleHandler(console), _LOG.level
    _LOG.addHandler(handler)
    _LOG.setLevel(logging.INFO)
    try:
        yield
    finally:
        _LOG.setLevel(level)
        _LOG.removeHandler(handler)
