"""Reports as JUnit XML and as HTML pages: figures, failed dialogues, and hostile texts."""

from __future__ import annotations

import dataclasses
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from dialogue_gym._files import check_target, write_text
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import ActionExecuted, BotUttered, Entity, SlotSet, UserUttered
from dialogue_gym.domain import load_domain
from dialogue_gym.reports import FailedDialogue, Group, Report, html_page, junit_xml

HOSTILE = "</script><img src=x onerror=alert(1)>\"'&\x00\x1b\u202e\ufffe\ud800 ]]>"


def a_report(text: str = "plain") -> Report:
    """Return a report with a text in all of its places."""
    conversation = Conversation(
        load_domain("restaurant"),
        [
            UserUttered(text, "inform", (Entity("cuisine", text),), meant=text),
            ActionExecuted("utter_greet"),
            BotUttered(text),
            SlotSet("cuisine", text),
        ],
    )
    conversation.outcome = "failure"
    failed = FailedDialogue(conversation, text, {text: text}, text, 7, 0.0123, text)
    return Report(
        text, text, {text: text}, "exact", 0.9, 5.0, -1.25, states=1000, cut_off=1e-10,
        turns={3: 0.25, 5: 0.75}, passes=(0.9, 0.85), users=(Group(text, 1.0, 0.9), Group(text, 0.0, 0.5)),
        goals=(Group(text, 0.5, 0.8), Group(text, 0.5, 1.0)), endings={"success": 0.9, text: 0.1},
        failures=(failed, failed), notes=(text,),
    )  # fmt: skip


def cases(text: str) -> tuple[ElementTree.Element, list[ElementTree.Element]]:
    suite = ElementTree.fromstring(text)[0]
    return suite, suite.findall("testcase")


def test_the_suite_fails_below_the_bar_alone() -> None:
    report = a_report()
    for bar in (None, 0.9):
        suite, (case,) = cases(junit_xml(report, bar))
        assert suite.get("failures") == "0" and case.find("failure") is None
        assert "plain; chance 0.012; seed 7" in (case.findtext("system-out") or "")
    suite, found = cases(junit_xml(report, 0.95))
    assert (suite.get("tests"), suite.get("failures")) == ("3", "3")
    failures = [case.find("failure") for case in found]
    assert [one.get("message") for one in failures if one is not None] == [
        "success 90%, below 95%",
        "plain",
        "plain",
    ]
    assert "wants plain=plain" in (found[1].findtext("failure") or "")
    assert len({case.get("name") for case in found}) == 3, "readers merge test cases of one name"
    flawless = dataclasses.replace(report, success_rate=1 - 1e-10)
    assert cases(junit_xml(flawless, 1.0))[0].get("failures") == "0"


class Page(HTMLParser):
    """Tags, attributes and texts of a page; an end that fits no beginning is an error."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag != "meta":
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_hostile_texts_are_shown_as_texts() -> None:
    known, report = a_report(), a_report(HOSTILE)
    page = html_page(report, 0.95)
    seen, usual = Page(page), Page(html_page(known, 0.95))
    assert (seen.tags, seen.attributes) == (usual.tags, usual.attributes)
    assert not {"script", "img", "link", "iframe"} & set(seen.tags)
    assert "//" not in page, "the page names an address"
    assert "\\u202e" in page and not {"\x00", "\x1b", "\u202e", "\ud800"} & set(page)
    assert "onerror=alert(1)" in "".join(seen.texts)
    _, found = cases(junit_xml(report, 0.95))
    assert "onerror=alert(1)" in (found[1].findtext("failure") or "")
    assert page == html_page(report, 0.95) and junit_xml(report) == junit_xml(report)


def test_a_page_tells_the_verdict_and_the_figures() -> None:
    text = " ".join("".join(Page(html_page(a_report(), 0.95)).texts).split())
    for said in (
        "Below the bar of 95%: success 90%",
        "through 1,000 states",
        "−1.25",
        "3 to 5 turns, 5.0 on average",
    ):
        assert said in text, said
    assert "Plain. (see dialogues 1, 2)" in text and "chance 1.23%" in text
    assert "plain0%50%" in text, "a user without a share"
    assert "Reaches the bar of 90%" in html_page(a_report(), 0.9)
    nothing = Report("bot", "shop", {}, "sampled", 1.0, 4.0, dialogues=1)
    assert "None of the 1 dialogue failed" not in html_page(nothing) and "did not fail" in html_page(nothing)


def test_a_file_cannot_be_in_the_place_of_anything_else(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none" / "report.html", Path("/dev/null")):
        for check in (check_target, lambda path: write_text(path, "")):
            with pytest.raises(OSError, match=r"not a file|no such folder"):
                check(path)
    assert not list(tmp_path.iterdir()) and Path("/dev/null").is_char_device()
