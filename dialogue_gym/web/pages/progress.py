"""The progress page: figures and live plots."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from nicegui import background_tasks, ui

from dialogue_gym.journal.labels import Label
from dialogue_gym.teaching.progress import TaughtDialogue, dialogues, figures, success_after
from dialogue_gym.web.workspace import Workspace

UNSEEN = 40
"""Dialogues with the fake user behind each success rate."""
POINTS = 12
"""Success rates at most; beyond that, every second one is measured, then every fourth, and so on."""
_EVERY = 1.0
SERIES, _GREY = "#3f8a76", "#8a8f96"
"""The color of lines and bars on both grounds, and that of the lines behind them."""


@dataclass
class Progress:
    """The progress of teaching in a store, with the success rates measured so far."""

    workspace: Workspace
    found: list[TaughtDialogue] = field(default_factory=list)
    figures: dict[str, int] = field(default_factory=dict)
    _success: dict[tuple[int, int], float] = field(default_factory=dict)
    """By the last learned entry, and the number of learned entries."""
    _rates: dict[int, float] = field(default_factory=dict)
    _seen: int = -1

    def look(self) -> bool:
        """Read the figures; return whether anything has changed."""
        with self.workspace.shared.lock:
            if self._seen == self.workspace.shared.written:
                return False
            self._seen = self.workspace.shared.written
            self.workspace.catch_up()
            session = self.workspace.session
            self.figures = figures(session)
            self.found = dialogues(session.history)
            self._domain, self._turn_taking = session.domain, session.turn_taking
            self._labels = session.history.labels(session.domain, session.turn_taking)
        return True

    def measure(self) -> bool:
        """Measure one missing success rate; return whether there was one.

        This takes a while, without holding the lock.
        """
        if not self.workspace.shared.config.has_fake_user:
            return False
        ends = [self.found[place].last for place in _spread(len(self.found), POINTS)]
        for last in reversed(ends):
            known: list[Label] = [label for label in self._labels if label.entry <= last]
            key = last, len(known)
            if key not in self._success:
                self._success[key] = success_after(self._domain, known, self._turn_taking, UNSEEN)
                self._rates[last] = self._success[key]
                return True
        return False

    def rates(self) -> list[float | None]:
        """Return the success rate after each dialogue, as far as it is known."""
        return [self._rates.get(dialogue.last) for dialogue in self.found]


def _spread(count: int, most: int) -> list[int]:
    """Return evenly spread places and the last one; with more places, each stays or every second one does.

    >>> _spread(5, 3)
    [0, 2, 4]
    >>> _spread(8, 3)
    [0, 4, 7]
    """
    stride = 1
    while count > most * stride:
        stride *= 2
    return sorted({*range(0, count, stride), count - 1}) if count else []


def show_progress(workspace: Workspace) -> None:
    """Build the page."""
    progress = Progress(workspace)
    progress.look()
    with ui.element("div").props("id=main").classes("charts"):
        ui.label("Progress").classes("title").props("role=heading aria-level=1")
        numbers = ui.element("dl").classes("numbers")
        empty = ui.label("No data yet. Each conversation you teach adds a point.")
        empty.classes("empty")
        corrections = _plot("Corrections per conversation", "bar")
        success = _plot("Success with the fake user (%)", "line", most=100)
        seconds = _plot("Seconds per answer", "line")
        table = ui.element("details").classes("table")

    def show() -> None:
        found = progress.found
        numbers.clear()
        with numbers:
            for name, count in progress.figures.items():
                with ui.element("div"):
                    ui.element("dt")._text = name
                    ui.element("dd")._text = str(count)
        empty.set_visibility(not found)
        names = [one.conversation for one in found]
        rates = progress.rates()
        _draw(corrections, names, [one.corrections for one in found])
        _draw(success, names, [rate and round(100 * rate, 1) for rate in rates])
        _draw(seconds, names, [one.seconds and round(one.seconds, 1) for one in found])
        table.clear()
        with table:
            _fill(found, rates)

    async def watch() -> None:
        if await asyncio.to_thread(progress.look):
            show()
        while not table.is_deleted and await asyncio.to_thread(progress.measure):
            show()
            await asyncio.sleep(0)

    is_busy = False

    async def tick() -> None:
        nonlocal is_busy
        if not is_busy:
            is_busy = True
            try:
                await watch()
            finally:
                is_busy = False

    show()
    ui.timer(_EVERY, lambda: background_tasks.create(tick()))


def _plot(title: str, kind: str, most: float | None = None) -> ui.echart:
    with ui.element("figure").classes("plot"):
        ui.element("figcaption")._text = title
        return ui.echart(
            {
                "animation": False,
                "grid": {"left": 40, "right": 12, "top": 12, "bottom": 28},
                "tooltip": {"trigger": "axis"},
                "xAxis": {"type": "category", "data": [], "axisLabel": {"color": _GREY}},
                "yAxis": {
                    "type": "value",
                    "min": 0,
                    "max": most,
                    "axisLabel": {"color": _GREY},
                    "splitLine": {"lineStyle": {"color": _GREY, "opacity": 0.25}},
                },
                "series": [
                    {
                        "type": kind,
                        "data": [],
                        "connectNulls": True,
                        "symbolSize": 7,
                        "barMaxWidth": 28,
                        "itemStyle": {"color": SERIES},
                        "lineStyle": {"color": SERIES, "width": 2},
                    }
                ],
            },
            renderer="svg",
        ).props(f'role=img aria-label="{title}; see the table below"')


def _draw(plot: ui.echart, names: list[str], values: Sequence[Any]) -> None:
    plot.options["xAxis"]["data"] = names
    plot.options["series"][0]["data"] = list(values)
    plot.update()


def _fill(found: list[TaughtDialogue], rates: list[float | None]) -> None:
    """Fill the table, for those who cannot see the plots."""
    ui.element("summary")._text = "Show as table"
    with ui.element("table"):
        with ui.element("thead"), ui.element("tr"):
            for title in ("conversation", "answers", "corrections", "success", "seconds per answer"):
                ui.element("th").props("scope=col")._text = title
        with ui.element("tbody"):
            for one, rate in zip(found, rates, strict=True):
                with ui.element("tr"):
                    cells = (
                        one.conversation,
                        str(one.answers),
                        str(one.corrections),
                        "" if rate is None else f"{rate:.0%}",
                        "" if one.seconds is None else f"{one.seconds:.1f}",
                    )
                    for cell in cells:
                        ui.element("td")._text = cell
