"""Verdicts on bots: the bar that they must reach, and the output of a report."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from dialogue_gym._files import check_target, write_text
from dialogue_gym._text import percent, printable
from dialogue_gym.exact.evaluation import SECONDS
from dialogue_gym.reports import HTML_REPORT, JUNIT_REPORT, Report, html_page, junit_xml
from dialogue_gym.training.progress import progress_bar

VERDICT = "Verdict"
"""The group of these options in `--help`."""
MinSuccessOption = Annotated[
    float | None,
    typer.Option(
        "--min-success",
        min=0,
        max=1,
        help="The success rate to reach, from 0 to 1; below it the exit status is 1.",
        rich_help_panel=VERDICT,
    ),
]
ExactOption = Annotated[
    bool,
    typer.Option(
        "--exact",
        help="Go through every outcome of chance: exact figures, and the likeliest failed dialogues. Where"
        " that is out of reach, a sample is taken, and the output says so.",
        rich_help_panel=VERDICT,
    ),
]
JUnitOption = Annotated[
    Path | None,
    typer.Option(
        "--junit",
        metavar="FILE",
        help="Write a report for CI services: JUnit XML.",
        rich_help_panel=VERDICT,
    ),
]
HtmlOption = Annotated[
    Path | None,
    typer.Option(
        "--html",
        metavar="FILE",
        help="Write a report for people: one page of HTML.",
        rich_help_panel=VERDICT,
    ),
]
SecondsOption = Annotated[
    float | None,
    typer.Option(
        "--seconds",
        min=1,
        help=f"The longest time that --exact may take before it takes a sample; default: {SECONDS:g}.",
        rich_help_panel=VERDICT,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@contextlib.contextmanager
def late_progress_bar(title: str, dialogues: int) -> Iterator[Callable[[int, float], None]]:
    """Yield the function that advances a bar of dialogues; the bar is shown once the first is played."""
    bar: Callable[[int, float], None] | None = None

    def advance(played: int, success_rate: float) -> None:
        nonlocal bar
        bar = bar or stack.enter_context(progress_bar(title, dialogues, "dialogues"))
        bar(played, success_rate)

    with contextlib.ExitStack() as stack:
        yield advance


def print_report(report: Report, as_json: bool) -> None:
    """Print a report, as text or as JSON."""
    if as_json:
        print(json.dumps(report.as_dict(), indent=2))
        return
    print("\n".join(printable(line) for line in report.lines()))


def check_targets(junit: Path | None, html: Path | None) -> None:
    """Check that reports can be written to files, before the bot is judged.

    Raises:
        OSError: one of them cannot be written.
        FileError: one of them exists, and is not such a report.
        ValueError: both are the same file.
    """
    for path, kind in ((junit, JUNIT_REPORT), (html, HTML_REPORT)):
        if path:
            check_target(path, kind)
    if junit and html and junit.resolve() == html.resolve():
        raise ValueError(f"--junit and --html: both are {junit}")


@contextlib.contextmanager
def written(report: Report, bar: float | None, junit: Path | None, html: Path | None) -> Iterator[None]:
    """Write a report to the files that are wanted before the context, which prints it in any case.

    A reader of the output, such as `head`, may stop reading at any time; the files are written by then.

    Args:
        report: the report.
        bar: the success rate to reach.
        junit: the file for JUnit XML.
        html: the file for HTML.

    Raises:
        OSError: one of them cannot be written; the context has been entered nevertheless.
    """
    fault: OSError | None = None
    try:
        if junit:
            write_text(junit, junit_xml(report, bar))
        if html:
            write_text(html, html_page(report, bar))
    except OSError as error:
        fault = error
    yield
    if fault:
        raise fault


def judge(success_rate: float, least: float | None) -> None:
    """Exit with status 1 if a success rate is below the bar; None is a bar that every rate reaches."""
    if least is not None and success_rate < least:
        _fail(success_rate, least)


def judge_report(report: Report, least: float | None) -> None:
    """Exit with status 1 if a report does not reach the bar."""
    if least is not None and not report.reaches(least):
        _fail(report.success_rate, least)


def _fail(success_rate: float, least: float) -> None:
    print(f"failed: success {percent(success_rate)} is below {percent(least)}", file=sys.stderr)
    raise typer.Exit(1)
