"""Pictures of the pages of `dialogue-gym serve`, for the README: `python -m docs.make_pictures`.

Two teachers, played by the domain's expert, teach a restaurant bot; then the pages are shown at three widths,
in light and dark.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin
from urllib.request import Request, urlopen

import numpy as np
from playwright.sync_api import Browser, Playwright, sync_playwright

from dialogue_gym import DialogueEnv, load_domain
from dialogue_gym.journal import Store
from dialogue_gym.policies import ExpertPolicy
from dialogue_gym.teaching import FAKE, use_mode
from dialogue_gym.web import TeachingConfig, Workspace, Workspaces, dispatch

PICTURES = (
    ("guide-1280", "", 1280, 860, "light"),
    ("teach-360", "", 360, 780, "dark"),
    ("teach-1920", "", 1920, 1000, "dark"),
    ("progress-1280", "progress", 1280, 960, "light"),
    ("conversations-1280", "conversations", 1280, 860, "light"),
)
"""Name, page, width, height, theme."""
_LAST = "utter_goodbye"


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("docs/web"))
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as started:
        browser = launched(started)
        for dialogues in (1, 3):  # an untaught bot; one with progress to show
            right = _fill(Path(folder) / str(dialogues), dialogues)
            options = ("--talk",) if dialogues > 1 else ()
            with served(Path(folder) / str(dialogues), *options) as address:
                if dialogues == 1:
                    _correct(browser, address, right)
                for name, page, width, height, theme in PICTURES:
                    if (dialogues == 1) == (page == ""):
                        _shoot(browser, address + page, width, height, theme, out / f"{name}.png")
                        print(out / f"{name}.png")
                if dialogues == 1:
                    _report(browser, Path(folder) / str(dialogues), out / "report-1280.png")
                    print(out / "report-1280.png")
                if dialogues > 1:
                    _look_after(browser, address, out / "people-1280.png")
                    print(out / "people-1280.png")
        browser.close()


def launched(started: Playwright) -> Browser:
    """Return a browser: the system's Chromium, or else the one of Playwright."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    return started.chromium.launch(executable_path=path, args=["--no-sandbox"])


@contextmanager
def served(store: Path, *options: str) -> Iterator[str]:
    """Serve the restaurant with a store; yield the address of the teachers' pages."""
    command = [sys.executable, "-m", "dialogue_gym", "serve", "restaurant", "--no-open", "--port", "0"]
    command += ["--store", str(store), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            found = (re.search(r"http\S+/teach/", line) for line in server.stdout)
            yield next(address[0] for address in found if address)
        finally:
            server.kill()


def _look_after(browser: Browser, address: str, path: Path) -> None:
    """Let people talk to the bot, and a teacher take over one of their conversations."""

    def say(person: str, message: str) -> None:
        body = json.dumps({"sender": person, "message": message}).encode()
        headers = {"content-type": "application/json"}
        where = urljoin(address, "/webhooks/rest/webhook")
        urlopen(Request(where, body, headers)).close()

    for person, message in (
        ("bela", '/inform{"cuisine": "thai"}'),
        ("anna", '/inform{"cuisine": "french", "people": "6"}'),
    ):
        say(person, message)
    page = browser.new_page(viewport={"width": 1280, "height": 860})
    page.goto(address + "people")
    page.click("text=anna")
    page.click("text=Take over")
    page.wait_for_selector("text=taken over by you")
    say("anna", '/inform{"location": "rome"}')
    page.wait_for_selector(".option")
    page.screenshot(path=path)
    page.close()


def _fill(folder: Path, dialogues: int) -> str:
    """Teach until the bot is wrong in the last workspace; return the right action there."""
    domain = load_domain("restaurant")
    env = DialogueEnv(domain, turn_taking="explicit")
    expert = ExpertPolicy(env, 0)
    pause = np.random.default_rng(0)
    now = time.time() - 3600

    def clock() -> float:
        nonlocal now
        now += pause.uniform(1.5, 4.5)
        return now

    def right(workspace: Workspace) -> tuple[str, bool]:
        observation = workspace.session.conversation.observation()
        names = [env.action_names[action] for action in expert.right_actions(observation)]
        names = [_LAST] if workspace.view["is_closing"] else names
        return names[0], workspace.view["options"][0]["action"] in names

    def answer(workspace: Workspace) -> None:
        action, is_right = right(workspace)
        do, given = ("confirm", {}) if is_right else ("correct", {"action": action})
        dispatch(workspace, workspace.step, do, given)

    with Store(folder, clock=clock) as store:
        use_mode(store, FAKE, "explicit")
        workspaces = Workspaces(store, TeachingConfig(domain))
        for teacher in ("anna", "person"):
            workspace = workspaces.of(teacher)
            for _ in range(dialogues if teacher == "anna" else dialogues - 1):
                conversation = workspace.conversation
                while workspace.conversation == conversation:
                    answer(workspace)
        workspaces.of("anna").rate("c1", 1)
        for _ in range(200):
            action, is_right = right(workspace)
            if not is_right and len(workspace.view["chat"]) > 1:
                break
            answer(workspace)
        if dialogues > 1:  # a disagreement to resolve
            dispatch(workspace, workspace.step, "restart", {})
            dispatch(workspace, workspace.step, "correct", {"action": "utter_ask_howcanhelp"})
            dispatch(workspace, workspace.step, "resolve", {"which": "new"})
        return action


def _correct(browser: Browser, address: str, action: str) -> None:
    page = browser.new_page()
    page.goto(address)
    page.click(f'[data-action="{action}"]')
    page.wait_for_selector(".change")
    page.close()


def _report(browser: Browser, store: Path, path: Path) -> None:
    """Take the picture of the report on a taught bot."""
    named, file = store.with_name("restaurant-teaching"), store.with_name("report.html")
    shutil.copytree(store, named)
    evaluate = [
        sys.executable,
        "-m",
        "dialogue_gym",
        "evaluate",
        "restaurant",
        "--agent",
        str(named),
        "--exact",
    ]
    subprocess.run([*evaluate, "--html", str(file)], check=True, stdout=subprocess.DEVNULL)
    page = browser.new_page(viewport={"width": 1280, "height": 1500})
    page.goto(file.as_uri())
    page.screenshot(path=path)
    page.close()


def _shoot(browser: Browser, address: str, width: int, height: int, theme: str, path: Path) -> None:
    context = browser.new_context(viewport={"width": width, "height": height})
    context.add_init_script(f"localStorage.setItem('dialogue-gym.theme', '{theme}')")
    if not path.stem.startswith("guide"):
        context.add_init_script("localStorage.setItem('dialogue-gym.guide', 'seen')")
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("#main")
    if path.stem.startswith("guide"):
        for _ in range(2):
            page.click(".guide .primary")
    if address.endswith("conversations"):
        page.click(".conversation >> nth=2")
        page.wait_for_selector(".reader .bubble")
    if address.endswith("progress"):
        page.click("summary")
        page.wait_for_function(
            "() => [...document.querySelectorAll('tbody tr')].every((row) => /%/.test(row.textContent))"
        )
        page.click("summary")
        page.wait_for_selector(".judged .rate")
    page.wait_for_timeout(500)
    page.screenshot(path=path)
    context.close()


if __name__ == "__main__":
    main()
