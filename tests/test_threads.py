"""Work in threads that goes on as long as a server."""

from __future__ import annotations

import logging

import pytest

from dialogue_gym._threads import repeating
from tests.live.learning import until


def test_an_error_ends_no_repeated_work_and_is_told_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dialogue_gym._threads._AFTER_ERRORS", 0.0)
    calls: list[int] = []

    def work() -> None:
        calls.append(len(calls))
        if len(calls) in (1, 2, 4):
            raise KeyError("lost")

    with caplog.at_level(logging.ERROR), repeating(work, 0.0, "working"):
        until(lambda: len(calls) > 4)
    assert [record.getMessage() for record in caplog.records] == ["working: KeyError: 'lost'"] * 2
