"""Ctrl-C while a language model is asked: the answers that were paid for are not lost."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dialogue_gym.nlu import read_examples
from tests.processes import command_process
from tests.text import test_paraphrases
from tests.text.chat_server import attentive, chat_server


def interrupted(words: tuple[str, ...], folder: Path, model: Callable[..., Any], answers: int) -> str:
    """Interrupt a command while it waits for an answer after some; return what it prints, to its end."""
    waits, over = threading.Event(), threading.Event()
    count = iter(range(answers))

    def slow(request: dict[str, Any]) -> Any:
        if next(count, None) is None:
            waits.set()
            over.wait()
        return model(request)

    log = folder / "log"
    with chat_server(slow) as server:
        process = command_process((*words, "--base-url", server.url), folder, log)
        assert waits.wait(120), log.read_text()
        assert process.pid is not None
        os.kill(process.pid, signal.SIGINT)
        process.join(60)
        over.set()
    assert process.exitcode == 2, log.read_text()
    return log.read_text()


def test_an_evaluation_shows_the_figures_of_the_dialogues_until_then(tmp_path: Path) -> None:
    words = ("evaluate", "restaurant", "--agent", "openai:tiny", "--dialogues", "50")
    shown = interrupted(words, tmp_path, attentive, 30)
    found = re.search(r"success 100.0%.*\((\d+) dialogues\)", shown)
    assert found and 2 < int(found[1]) < 10, shown
    assert f"error: the figures are those of {found[1]} dialogues: interrupted\n" in shown


def test_paraphrases_until_then_are_written(tmp_path: Path) -> None:
    words = ("paraphrase", "restaurant", "--model", "tiny", "--out", "nlu.yml")
    shown = interrupted(words, tmp_path, test_paraphrases.model, 5)
    assert "error: this is what 5 answers gave: interrupted\n" in shown
    assert len(read_examples(tmp_path / "nlu.yml").examples) > len(test_paraphrases.DATA.examples)
