"""The time from a key to the next proposal on the teaching page of `dialogue-gym serve`, in a real browser.

`make bench-web`, or `python -m agents.speed.web`: an untaught bot is taught by keys alone. Every second
answer to an uncertain proposal is a correction, so that it keeps learning. Time runs from the key's event
until the frame after the one that shows the next proposal.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, sync_playwright

_MEASURE = """
() => { window.times = []; const main = () => document.querySelector('#main');
  document.addEventListener('keydown', (event) => {
    const before = main().dataset.step;
    const observer = new MutationObserver(() => {
      if (main().dataset.step === before || main().getAttribute('aria-busy') !== 'false') return;
      observer.disconnect();
      requestAnimationFrame(() => requestAnimationFrame(() => {
        window.times.push(performance.now() - event.timeStamp);
      }));
    });
    observer.observe(main(), { attributes: true, subtree: true, childList: true });
  }, true); }
"""
_CERTAIN = "100% sure"


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--answers", type=int, default=300)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), given.answers)
    if given.json:
        print(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        print(f"{name.replace('_', ' ')}: {value:g}")


def measure(folder: Path, answers: int) -> dict[str, float]:
    """Return latency statistics in milliseconds over `answers` answers.

    The last third of the answers has the most labels to learn.
    """
    command = [sys.executable, "-m", "dialogue_gym", "serve", "restaurant", "--no-open", "--port", "0"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    server = subprocess.Popen(
        [*command, "--store", str(folder / "store")], stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        assert server.stdout is not None
        found = (re.search(r"http\S+/teach/", line) for line in server.stdout)
        address = next(one for one in found if one)
        with sync_playwright() as started:
            path = shutil.which("chromium") or shutil.which("chromium-browser")
            browser = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
            times = _teach(browser.new_page(), address[0], answers)
            browser.close()
    finally:
        server.kill()
        server.wait()
    last = times[-len(times) // 3 :]
    return {
        "answers": len(times),
        "ms_median": _rounded(np.median(times)),
        "ms_p95": _rounded(np.percentile(times, 95)),
        "ms_worst": _rounded(max(times)),
        "ms_median_of_last_third": _rounded(np.median(last)),
        "ms_p95_of_last_third": _rounded(np.percentile(last, 95)),
    }


def _rounded(value: Any) -> float:
    return round(float(value), 1)


def _teach(page: Page, address: str, answers: int) -> list[float]:
    page.goto(address)
    page.click("text=Start teaching")
    page.wait_for_selector(".proposed")
    page.evaluate(_MEASURE)
    for number in range(answers):
        is_certain = page.inner_text(".chance span") == _CERTAIN
        page.keyboard.press("Enter" if is_certain or number % 2 else str(2 + number % 8))
        page.wait_for_function("count => window.times.length > count", arg=number)
    times: list[float] = page.evaluate("window.times")
    return times


if __name__ == "__main__":
    main()
