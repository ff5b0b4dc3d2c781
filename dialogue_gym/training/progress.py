"""Progress bars of training and evaluation, on standard error."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def progress_bar(title: str, total: int, unit: str = "steps") -> Iterator[Callable[[int, float], None]]:
    """Show a bar while the context lasts; yield the function that advances it.

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
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn(f"{{task.completed}}/{{task.total}} {unit}"),
        TextColumn("success {task.fields[success]:.0%}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        bar = bars.add_task(title, total=total, success=0.0)

        def advance(done: int, success: float) -> None:
            bars.update(bar, completed=min(done, total), success=success)

        yield advance
