"""A report as JUnit XML, the form in which CI services read the results of tests."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from dialogue_gym._files import OutputKind, bears
from dialogue_gym._text import cut, percent, printable, take_name
from dialogue_gym.reports.report import FailedDialogue, Report

JUNIT_REPORT = OutputKind("a report of dialogue-gym in JUnit XML", bears('<testsuites name="dialogue-gym"'))
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MAX_NAME = 200


def junit_xml(report: Report, bar: float | None = None) -> str:
    """Return a report as JUnit XML.

    One test case stands for the success rate. It fails if the rate is below the bar; then each listed
    dialogue is a failed test case too. Otherwise nothing fails, and the dialogues are its output. The figures
    are properties. The text is the same for the same report.

    Args:
        report: the report.
        bar: the least success rate, from 0 to 1; None if any is good enough.
    """
    is_missed = bar is not None and not report.reaches(bar)
    name = _text(f"{report.bot} on {report.domain}", _MAX_NAME)
    cases = 1 + (len(report.failures) if is_missed else 0)
    counts = {"tests": str(cases), "failures": str(cases if is_missed else 0), "errors": "0", "time": "0"}
    root = ElementTree.Element("testsuites", {"name": "dialogue-gym"} | counts)
    suite = ElementTree.SubElement(root, "testsuite", {"name": name} | counts | {"skipped": "0"})
    properties = ElementTree.SubElement(suite, "properties")
    for key, value in _properties(report, bar).items():
        ElementTree.SubElement(properties, "property", {"name": _text(key), "value": _text(value)})
    # CI services take the last dot for the end of the package.
    group = ".".join(_text(part, _MAX_NAME).replace(".", "_") for part in (report.domain, report.bot))
    case = ElementTree.SubElement(
        suite, "testcase", {"classname": group, "name": "success rate", "time": "0"}
    )
    lines = [str(report), *report.notes]
    if is_missed:
        assert bar is not None
        message = f"success {percent(report.success_rate)}, below {percent(bar)}"
        _fail(case, message, "success", lines)
    else:
        for failed in report.failures:
            lines += ["", *failed.lines()]
        ElementTree.SubElement(case, "system-out").text = _block(lines)
    names: set[str] = set()
    for failed in report.failures if is_missed else ():
        shown = take_name(_name(failed), names)
        case = ElementTree.SubElement(suite, "testcase", {"classname": group, "name": shown, "time": "0"})
        _fail(case, failed.fault, "dialogue", failed.lines())
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, "unicode") + "\n"


def _properties(report: Report, bar: float | None) -> dict[str, str]:
    figures = {
        "method": report.method,
        "success_rate": report.success_rate,
        "success_error": report.success_error,
        "min_success": bar,
        "mean_return": report.mean_return,
        "mean_turns": report.mean_turns,
        "dialogues": report.dialogues,
        "states": report.states,
    }
    passes = {f"pass^{tries}": chance for tries, chance in enumerate(report.passes, 1)}
    figures |= passes
    shown = {key: str(value) for key, value in figures.items() if value is not None}
    return shown | {f"setting {key}": str(value) for key, value in report.settings.items()}


def _name(failed: FailedDialogue) -> str:
    """Return a name of a dialogue that stays the same from run to run."""
    parts = [failed.fault, f"user {failed.user}", *(f"{slot} {value}" for slot, value in failed.goal.items())]
    if failed.seed is not None:
        parts.append(f"seed {failed.seed}")
    return _text(", ".join(parts), _MAX_NAME)


def _fail(case: ElementTree.Element, message: str, kind: str, lines: list[str]) -> None:
    failure = ElementTree.SubElement(case, "failure", {"message": _text(message), "type": kind})
    failure.text = _block(lines)


def _block(lines: list[str]) -> str:
    return "\n".join(["", *map(_text, lines), ""])


def _text(text: str, width: int = 2000) -> str:
    """Return a text on one line that XML can hold."""
    return _NOT_XML.sub(lambda found: f"\\u{ord(found[0]):04x}", cut(printable(text), width))
