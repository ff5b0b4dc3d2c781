"""The progress page: figures and live plots."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from nicegui import background_tasks, ui

from dialogue_gym._text import as_sentence, counted, percent, visible
from dialogue_gym._threads import is_leaving
from dialogue_gym.conversation.transcripts import USER_SIDE, Bubble, bubbles
from dialogue_gym.domain.model import LISTEN
from dialogue_gym.journal.labels import Label
from dialogue_gym.reports import EXACT, FailedDialogue, Report
from dialogue_gym.teaching.progress import TaughtDialogue, dialogues, figures, success_after
from dialogue_gym.web.pages.refreshing import patient
from dialogue_gym.web.pages.teach import Watchers
from dialogue_gym.web.taught_success import OutdatedError, Taught
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
    _taught: Taught | None = None
    success: Report | str | None = None
    """The success of the bot so far, or the reason why it is not known; None while it is computed first."""
    is_outdated: bool = True
    """Whether the success is that of an earlier state of the store."""

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
            taught = Taught.of(session)
            self._labels = taught.labels
            if not taught.is_like(self._taught):
                self._taught, self.is_outdated = taught, True
        return True

    def evaluate(self) -> bool:
        """Compute the success of the bot if it has changed; return whether there is anything new to show.

        This takes a while, without holding the lock; a change of the store ends it, and so does a server that
        stops.
        """
        if self._taught is None or not self.is_outdated:
            return False
        shared, seen = self.workspace.shared, self._seen
        try:
            self.success = shared.success.report(self._taught, lambda: is_leaving() or shared.written != seen)
        except OutdatedError:
            return False
        except Exception:
            self.is_outdated, self.success = False, "Something went wrong. See the server's log."
            raise
        self.is_outdated = False
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


async def show_progress(workspace: Workspace, watchers: Watchers) -> None:
    """Build the page."""
    progress = Progress(workspace)
    await asyncio.to_thread(progress.look)  # it waits for the lock, which a slow action may have

    async def teach_failed(failed: FailedDialogue) -> None:
        await asyncio.to_thread(workspace.replay, failed)
        watchers.show(workspace)
        ui.navigate.to("/")
        await watchers.update_others(workspace)

    with ui.element("div").props("id=main").classes("charts"):
        ui.label("Progress").classes("title").props("role=heading aria-level=1")
        numbers = ui.element("dl").classes("numbers")
        judged = ui.element("section").props("aria-labelledby=judged").classes("judged")
        empty = ui.label("No data yet. Each conversation you teach adds a point.")
        empty.classes("empty")
        corrections = _plot("Corrections per conversation", "bar")
        success = _plot("Success with the fake user (%)", "line", most=100)
        seconds = _plot("Seconds per answer", "line")
        table = ui.element("details").classes("table")

    judgement: tuple[Report | str | None, bool] | None = None

    def show() -> None:
        found = progress.found
        numbers.clear()
        with numbers:
            for name, count in progress.figures.items():
                with ui.element("div"):
                    ui.element("dt")._text = name
                    ui.element("dd")._text = str(count)
        nonlocal judgement
        before, judgement = judgement, (progress.success, progress.is_outdated)
        if before is None or before[0] is not judgement[0] or before[1] != judgement[1]:
            judged.clear()  # a click on a button that is built anew meanwhile would be lost
            with judged:
                show_success(progress, teach_failed)
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
        if await asyncio.to_thread(progress.evaluate) and not table.is_deleted:
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
    ui.timer(_EVERY, lambda: background_tasks.create(patient(tick)()))


def show_success(progress: Progress, teach: Callable[[FailedDialogue], Awaitable[None]]) -> None:
    """Show the success of the bot, and its likeliest failing dialogue with a button to teach it."""
    success = progress.success
    failed = success.failures[0] if isinstance(success, Report) and success.failures else None
    with ui.element("div"):
        ui.element("h2").props("id=judged")._text = "Success so far"
        if not isinstance(success, Report):
            ui.element("p").classes("is-faint")._text = "Computing…" if success is None else success
        else:
            is_exact = success.method == EXACT
            ui.element("p").classes("rate")._text = ("" if is_exact else "about ") + success.shown_success
            for line in _method(success):
                ui.element("p").classes("is-faint")._text = line
            if progress.is_outdated:
                ui.element("p").classes("is-faint")._text = "Updating…"
            if failed is not None:
                title = "Likeliest failing dialogue" if is_exact else "A failing dialogue"
                _offer(failed, title, teach)
    if failed is not None:
        with ui.element("ol").classes("log").props('tabindex=0 aria-label="Failing dialogue"'):
            for bubble in bubbles(failed.conversation.events):
                if bubble.texts or bubble.meaning != LISTEN:
                    _show_bubble(bubble)


def _method(report: Report) -> list[str]:
    if report.method == EXACT:
        return ["of all dialogues with the fake user. This is exact: every outcome of chance counts."]
    points = f"± {100 * report.success_error:.1f} points"
    said = f"of {counted(report.dialogues or 0, 'dialogue')} with the fake user succeed ({points})."
    return [said, *(visible(as_sentence(note), 500) for note in report.notes)]


def _offer(failed: FailedDialogue, title: str, teach: Callable[[FailedDialogue], Awaitable[None]]) -> None:
    ui.element("h3")._text = title
    chance = "" if failed.chance is None else f", in {percent(failed.chance)} of all dialogues"
    ui.element("p")._text = visible(as_sentence(f"{failed.fault}{chance}"))
    if failed.advice:
        ui.element("p").classes("breaks")._text = visible(as_sentence(failed.advice))
    if failed.seed is None:
        ui.element("p").classes("is-faint")._text = "No seed was found that plays this dialogue again."
    else:
        button = ui.element("button").props("type=button").classes("primary")
        button._text = "Teach this dialogue"
        button.on("click", lambda: teach(failed))


def _show_bubble(bubble: Bubble) -> None:
    with ui.element("li").classes(f"bubble is-{bubble.side}"):
        ui.element("span").classes("sr")._text = "User:" if bubble.side == USER_SIDE else "Bot:"
        with ui.element("div").classes("texts"):
            for text in bubble.texts:
                ui.element("p").props("dir=auto")._text = text
            if not bubble.texts:
                ui.element("p").classes("silent")._text = bubble.meaning or ""
        if bubble.texts and bubble.meaning:
            with ui.element("div").classes("about"):
                ui.element("code")._text = bubble.meaning


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
