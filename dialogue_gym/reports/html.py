"""A report as one HTML file, which needs no network and runs no scripts."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from importlib.resources import files
from string import Template

from dialogue_gym._files import OutputKind, bears
from dialogue_gym._text import as_sentence, counted, percent, visible
from dialogue_gym.conversation.events import UserUttered
from dialogue_gym.conversation.transcripts import USER_SIDE, Bubble, bubbles
from dialogue_gym.conversation.wording import silence
from dialogue_gym.domain.model import LISTEN
from dialogue_gym.reports.report import EXACT, FailedDialogue, Group, Report

HTML_REPORT = OutputKind(
    "a report of dialogue-gym in HTML", bears('<meta name="generator" content="dialogue-gym">')
)
_TEMPLATE = "page.html"
_SHOWN_GROUPS = 12
"""Further groups, which are not the worst, are folded in."""
_MOST_GROUPS = 500
_MOST_PASSES = 10
"""Tries of pass^k at most, as far as rounding goes: so many times, dialogues may be left out as too rare."""
_MOST_LABELS = 8
"""Labels below the chart; on a phone there is no room for more."""


def html_page(report: Report, bar: float | None = None) -> str:
    """Return a report as a page that a browser shows without a network; the same for the same report.

    All texts are shown as text, with control characters visible.

    Args:
        report: the report.
        bar: the least success rate, from 0 to 1, that the bot has to reach; None for none.
    """
    sections = [
        _header(report, bar),
        _figures(report),
        _advice(report.failures),
        _columns(_groups(report, "Success by user", "User", report.users), _endings(report), _passes(report)),
        _turns(report),
        _failures(report),
        _groups(report, "Success by goal", "Goal", report.goals),
        _settings(report),
    ]
    template = Template(files(__package__).joinpath(_TEMPLATE).read_text(encoding="utf-8"))
    title = _text(f"{report.bot} on {report.domain}: success {report.shown_success}")
    return template.substitute(title=title, body="\n".join(filter(None, sections)))


def _text(text: str, width: int = 300) -> str:
    return html.escape(visible(text, width))


def _header(report: Report, bar: float | None) -> str:
    parts = [f"<h1><small>Report</small> {_text(report.bot)} on {_text(report.domain)}</h1>"]
    if bar is not None:
        reaches = report.reaches(bar)
        words = f"Reaches the bar of {percent(bar)}" if reaches else f"Below the bar of {percent(bar)}"
        style = "is-good" if reaches else "is-bad"
        parts.append(f'<p class="verdict {style}">{words}: success {report.shown_success}</p>')
    parts.append(f'<p class="soft">{_method(report)}</p>')
    if report.notes:
        notes = "".join(f"<li>{_text(as_sentence(note), 1000)}</li>" for note in report.notes)
        parts.append(f'<ul class="notes">{notes}</ul>')
    return "<header>" + "\n".join(parts) + "</header>"


def _method(report: Report) -> str:
    if report.method != EXACT:
        return (
            f"Figures of {counted(report.dialogues or 0, 'dialogue')} with simulated users;"
            " ± is half of the 95% interval."
        )
    text = "Exact figures: every outcome of chance was followed"
    if report.states is not None:
        text += f", through {counted(report.states, 'state')}"
    if report.cut_off:
        text += f". Dialogues with a chance of {report.cut_off:.1g} in all were left out as too rare"
    return text + "."


def _figures(report: Report) -> str:
    is_exact = report.method == EXACT
    points = f"± {100 * report.success_error:.1f} points"
    figures = [("Success", report.shown_success, "exact" if is_exact else points)]
    if len(report.passes) > 1:
        tries = len(report.passes)
        figures.append(("pass^k", _rate(report, report.passes[-1]), f"all of {tries} tries succeed"))
    figures.append(("Turns on average", f"{report.mean_turns:.1f}", ""))
    if report.mean_return is not None:
        error = f"± {report.return_error:.2f}" if report.return_error else ""
        figures.append(("Return on average", f"{report.mean_return:.2f}".replace("-", "−"), error))
    shown = "".join(
        f"<div><dt>{name}</dt><dd>{value}{f'<small>{note}</small>' if note else ''}</dd></div>"
        for name, value, note in figures
    )
    return f'<dl class="figures">{shown}</dl>'


def _advice(failures: Sequence[FailedDialogue]) -> str:
    """Return the advice of all dialogues, each once, in the order of the dialogues."""
    found: dict[str, list[int]] = {}
    for number, failed in enumerate(failures, 1):
        if failed.advice:
            found.setdefault(failed.advice, []).append(number)
    if not found:
        return ""
    items = []
    for advice, numbers in found.items():
        links = ", ".join(f'<a href="#dialogue-{number}">{number}</a>' for number in numbers)
        word = "dialogue" if len(numbers) == 1 else "dialogues"
        items.append(
            f'<li>{_text(as_sentence(advice), 1000)} <span class="soft">(see {word} {links})</span></li>'
        )
    return _card("advice", "What to teach next", f"<ol>{''.join(items)}</ol>")


def _card(kind: str, title: str, content: str) -> str:
    return (
        f'<section class="card {kind}" aria-labelledby="{kind}">'
        f'<h2 id="{kind}">{title}</h2>\n{content}</section>'
    )


def _failures(report: Report) -> str:
    is_exact = report.method == EXACT
    title = "Likeliest failing dialogues" if is_exact else "Failing dialogues"
    if not report.failures:
        return _card("failures", title, f"<p>{_no_failures(report)}</p>")
    lost = 1 - report.success_rate
    count = len(report.failures)
    if is_exact:
        chance = sum(failed.chance or 0 for failed in report.failures)
        text = f"{counted(count, 'dialogue')}, with {percent(min(1.0, chance / lost))} of all failures."
        if not chance or lost <= 0:
            text = f"{counted(count, 'dialogue')}."
    else:
        text = f"{count:,} of {counted(round(lost * (report.dialogues or 0)), 'failed dialogue')}."
    if any(failed.seed is not None for failed in report.failures):
        text += " The seed of a dialogue plays it again."
    shown = "\n".join(_failed(number, failed) for number, failed in enumerate(report.failures, 1))
    return _card("failures", title, f'<p class="soft">{text}</p>\n{shown}')


def _no_failures(report: Report) -> str:
    if not report.reaches(1.0):
        return "No failing dialogue was kept."
    if report.method == EXACT:
        return "There are none: the bot succeeds in every dialogue that these users can have."
    if report.dialogues == 1:
        return "The dialogue did not fail."
    return f"None of the {counted(report.dialogues or 0, 'dialogue')} failed."


def _failed(number: int, failed: FailedDialogue) -> str:
    facts = [f"{_text(failed.user)} user"]
    if failed.chance is not None:
        facts.append(f"chance&nbsp;{percent(failed.chance)}")
    if failed.seed is not None:
        facts.append(f"seed&nbsp;{failed.seed}")
    wish = ""
    if failed.goal:
        values = "".join(f"<b>{_text(_pair(slot, value))}</b> " for slot, value in failed.goal.items())
        wish = f'<span class="wish">wants {values}</span>'
    events = failed.conversation.events
    chat = "\n".join(
        _bubble(bubble, events)
        for bubble in bubbles(events)
        if bubble.texts or bubble.meaning != LISTEN  # with explicit turn taking, the bot listens each turn
    )
    advice = (
        f'<p class="teach"><strong>Teach next:</strong> {_text(as_sentence(failed.advice), 1000)}</p>'
        if failed.advice
        else ""
    )
    fault = _text(as_sentence(failed.fault).removesuffix("."))
    return f"""<details class="failed"{" open" if number == 1 else ""}>
<summary><h3>{number}. {fault}</h3><span class="facts">{", ".join(facts)}</span>{wish}</summary>
<div id="dialogue-{number}">
<ol class="chat" aria-label="Dialogue {number}">
{chat}
<li class="end">{fault}</li>
</ol>
{advice}</div>
</details>"""


def _pair(slot: str, value: object) -> str:
    return f"{slot.replace('_', ' ')}: {value}"


def _bubble(bubble: Bubble, events: Sequence[object]) -> str:
    event = events[bubble.place]
    who = "User" if bubble.side == USER_SIDE else "Bot"
    meaning = bubble.meaning or ""
    if texts := "\n".join(html.escape(text) for text in bubble.texts).strip("\n"):
        said = f'<div class="bubble" dir="auto"><span class="sr">{who}: </span>{texts}</div>'
    else:
        said = f'<div class="bubble silent"><span class="sr">{who}: </span>{_text(silence(meaning))}</div>'
    notes = f"<small>{_text(meaning)}</small>" if meaning else ""
    if isinstance(event, UserUttered) and event.meant not in (None, event.act):
        notes = f'<small class="misheard">heard as {_text(event.act)}</small>'
        notes += f"<small>meant {_text(event.meant or '')}</small>"
    if bubble.slots:
        slots = ", ".join(_pair(name, value) for name, value in bubble.slots)
        notes += f"<small>stored {_text(slots)}</small>"
    return f'<li class="{bubble.side}">{said}{notes}</li>'


def _track(share: float) -> str:
    width = max(0.0, min(100.0, 100 * share))
    return f'<span class="track" aria-hidden="true"><i style="width:{width:.2f}%"></i></span>'


def _row(name: str, rate: float, shown: str | None = None, share: float | None = None) -> str:
    cells = "" if share is None else f'<td class="number">{percent(share)}</td>'
    cells += f'<td class="rate">{shown or percent(rate)}{_track(rate)}</td>'
    return f'<tr><th scope="row">{_text(name)}</th>{cells}</tr>'


def _table(heads: Iterable[tuple[str, str]], rows: Iterable[str]) -> str:
    head = "".join(
        f'<th scope="col"{kind and f" class={chr(34)}{kind}{chr(34)}"}>{name}</th>' for name, kind in heads
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _rate(report: Report, rate: float, share: float = 1.0) -> str:
    """Return a success rate in a part of the dialogues; see `Report.shown_success`."""
    return percent(1.0 if _is_flawless(report, rate, share) else rate)


def _is_flawless(report: Report, rate: float, share: float) -> bool:
    return (1 - rate) * (share or 1.0) <= _MOST_PASSES * report.cut_off + 1e-12


def _groups(report: Report, title: str, head: str, groups: Sequence[Group]) -> str:
    if not groups:
        return ""
    heads = ((head, ""), ("Share", "number"), ("Success", "rate"))
    rows = [
        _row(group.name, group.success_rate, _rate(report, group.success_rate, group.share), group.share)
        for group in groups[:_MOST_GROUPS]
    ]
    shown = _SHOWN_GROUPS
    notes = ["The worst first."] if len(groups) > 1 else []
    if len(groups) > 1 and all(_is_flawless(report, group.success_rate, group.share) for group in groups):
        notes, shown = [f"All {counted(len(groups), head.lower())} succeed in every dialogue."], 0
    if any(not group.share for group in groups):
        notes.append(f"{head}s without a share are not part of the other figures.")
    content = f'<p class="soft">{" ".join(notes)}</p>' if notes else ""
    if shown:
        content += _table(heads, rows[:shown])
    if others := rows[shown:]:
        summary = f"{len(others):,} more" if shown else "Show as table"
        content += _folded(summary, _table(heads, others))
    if len(groups) > _MOST_GROUPS:
        content += f'<p class="soft">{counted(len(groups) - _MOST_GROUPS, "more group")} not shown.</p>'
    return _card(f"{head.lower()}s", title, content)


def _folded(summary: str, content: str) -> str:
    return f'<details class="more"><summary>{summary}</summary>{content}</details>'


def _columns(*cards: str) -> str:
    shown = "\n".join(filter(None, cards))
    return f'<div class="columns">{shown}</div>' if shown else ""


def _endings(report: Report) -> str:
    if not report.endings:
        return ""
    rows = [_row(name, share) for name, share in report.endings.items()]
    return _card("endings", "Endings", _table((("Ending", ""), ("Share", "rate")), rows))


def _passes(report: Report) -> str:
    if len(report.passes) < 2:
        return ""
    rows = [
        _row(f"pass^{tries}", chance, _rate(report, chance)) for tries, chance in enumerate(report.passes, 1)
    ]
    note = (
        '<p class="soft">The chance that all of k dialogues with the same user and goal succeed, on average'
        " over users and goals.</p>"
    )
    return _card("passes", "Success every time", note + _table((("Tries", ""), ("Chance", "rate")), rows))


def _turns(report: Report) -> str:
    """Return a chart and a table of the numbers of turns.

    Places and widths are shares of the chart, so that letters are as large on a phone as on a screen.
    """
    turns = report.turns
    if not turns:
        return ""
    first, last = min(turns), max(turns)
    numbers = range(first, last + 1)
    most = _rounded_up(max(turns.values()))
    left, bottom, height = 10.0, 84.0, 78.0
    slot = (100 - left) / len(numbers)
    marks = []
    for part in (0.0, 0.5, 1.0):
        y = bottom - height * part
        label = percent(most * part)
        marks.append(f'<line x1="{left:g}%" x2="100%" y1="{y:g}%" y2="{y:g}%"/>')
        marks.append(f'<text x="{left - 1:g}%" y="{y:g}%" dy=".3em" text-anchor="end">{label}</text>')
    stride = -(-len(numbers) // _MOST_LABELS)
    for place, number in enumerate(numbers):
        share = turns.get(number, 0.0)
        x = left + slot * place
        if share:
            tall = height * share / most
            marks.append(
                f'<rect x="{x + slot * 0.12:.3f}%" y="{bottom - tall:.3f}%" width="{slot * 0.76:.3f}%"'
                f' height="{tall:.3f}%"><title>{counted(number, "turn")}: {percent(share)}</title></rect>'
            )
        if place % stride == 0:
            middle = x + slot / 2
            marks.append(
                f'<text x="{middle:.3f}%" y="{bottom:g}%" dy="1.4em" text-anchor="middle">{number}</text>'
            )
    likeliest = max(turns, key=lambda number: turns[number])
    summary = (
        f"{first} to {counted(last, 'turn')}, {report.mean_turns:.1f} on average."
        f" The most frequent number is {likeliest}, with {percent(turns[likeliest])} of the dialogues."
    )
    table = _table((("Turns", ""), ("Share", "rate")), (_row(str(one), turns[one]) for one in sorted(turns)))
    return _card(
        "turns",
        "Turns of a dialogue",
        f'<figure><figcaption class="soft">{summary}</figcaption>'
        f'<svg class="chart" role="img" aria-label="Bar chart of the numbers of turns; a table follows">'
        f"{''.join(marks)}</svg></figure>" + _folded("Show as table", table),
    )


def _rounded_up(share: float) -> float:
    """Return the end of an axis that is easy to read and halve.

    >>> _rounded_up(0.234), _rounded_up(0.51)
    (0.3, 0.6)
    """
    return next((end for end in (0.02, 0.04, 0.06, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8) if share <= end), 1.0)


def _settings(report: Report) -> str:
    if not report.settings:
        return ""
    rows = [
        f'<tr><th scope="row">{_text(str(name))}</th><td>{_text(str(value))}</td></tr>'
        for name, value in report.settings.items()
    ]
    return _card("settings", "Settings", _table((("Setting", ""), ("Value", "")), rows))
