"""The page People and the server's log say which version answers, in a real browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import TINY
from tests.web.browsers import browser, playwright, signed_in
from tests.web.requests import PASSWORD
from tests.web.servers import served

__all__ = ["browser"]


@pytest.mark.slow
def test_version_that_answers_is_shown_and_stays_after_a_restart(
    browser: playwright.Browser, tmp_path: Path
) -> None:
    (tmp_path / "tiny.yml").write_text(TINY)
    options = ("--talk", "--explore", "auto", "--promote", "safely")
    with served(tmp_path / "store", *options, domain="tiny.yml", DIALOGUE_GYM_PASSWORD=PASSWORD) as server:
        for _ in range(2):
            tab = signed_in(browser, server, "tina", PASSWORD)
            tab.page.click("text=People")
            shown = tab.page.wait_for_selector(".versions")
            assert shown is not None
            lines = shown.inner_text().splitlines()
            assert re.fullmatch(r"Version 0 answers, since .*: it was in use when safe .* began\.", lines[0])
            assert lines[-1] == "Next comparison: after 100 more conversations."
            assert f"({lines[0]})" in server.log.read_text()
            server.stop()
            server.start()
        assert server.log.read_text().count(f"({lines[0]})") >= 2
