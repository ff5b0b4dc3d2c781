"""Films for the README and the site, as GIF files: `python -m docs.make_films`.

A trained agent talks to a user who searches a database; a bot is taught in the browser, and in the terminal.
"""

from __future__ import annotations

import argparse
import html
import io
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pexpect
import pyte
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from dialogue_gym import DialogueEnv, PretrainedPolicy
from docs.make_pictures import launched, served

Frames = list[tuple[Image.Image, int]]
"""The pictures of a film, each with its time in milliseconds."""
READING, TYPING, ENDING = 1800, 900, 3500
_COLORS = 96
_COLUMNS, _LINES = 82, 27
_ASKS = {"people": "utter_ask_numpeople", "location": "utter_ask_location", "price": "utter_ask_price",
         "cuisine": "utter_ask_cuisine"}  # fmt: skip
_NAMED = {
    "black": "#2e3436", "red": "#ef7f74", "green": "#8fd6a4", "brown": "#e6c07b", "blue": "#79b0ff",
    "magenta": "#c99bdb", "cyan": "#7fd1c7", "white": "#e8e6e1",
}  # fmt: skip
_TERMINAL = """<style>body {{ margin: 0; background: #16191c }}
pre {{ margin: 0; padding: 14px 18px; color: #d6d3cc; font: 15px/20px "DejaVu Sans Mono", monospace;
display: inline-block }} i {{ font-style: normal; background: #d6d3cc }}</style><pre>{}</pre>"""


def main() -> None:
    """Make the films."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("docs/films"))
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as started:
        browser = launched(started)
        films: dict[str, Callable[[Browser], Frames]] = {
            "agent": film_agent, "browser": film_browser, "terminal": film_terminal,
        }  # fmt: skip
        for name, film in films.items():
            path = out / f"{name}.gif"
            write_film(path, film(browser))
            print(f"{path}: {path.stat().st_size / 1000:.0f} kB")
        browser.close()


def write_film(path: Path, frames: Frames) -> None:
    """Write a film whose frames share one palette, so that each holds only the part that changes."""
    pictures = [picture for picture, _ in frames]
    width, height = pictures[0].size
    all_of_them = Image.new("RGB", (width, height * len(pictures)))
    for number, picture in enumerate(pictures):
        all_of_them.paste(picture, (0, number * height))
    palette = all_of_them.quantize(_COLORS, Image.Quantize.MAXCOVERAGE)
    first, *others = (picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures)
    times = [time for _, time in frames]
    first.save(path, save_all=True, append_images=others, duration=times, loop=0, optimize=True)


def film_agent(browser: Browser) -> Frames:
    """Return a dialogue of the trained agent, as the environment draws it.

    It begins with the picture of its end: the first one of the dialogue is nearly empty, and stands alone
    where a film does not move.
    """
    env = DialogueEnv("hotel", semantic_error_rate=0.15, render_mode="rgb_array")
    agent = PretrainedPolicy(env)
    observation, info = env.reset(seed=5)
    frames = [(_drawn(env), READING)]
    is_over = False
    while not is_over:
        action, _ = agent.predict(observation, deterministic=True, action_masks=info["action_mask"])
        observation, _, terminated, truncated, info = env.step(action)
        frames.append((_drawn(env), READING))
        is_over = terminated or truncated
    assert info["is_success"]
    last, _ = frames[-1]
    return [(last, READING), *frames[:-1], (last, ENDING)]


def _drawn(env: DialogueEnv) -> Image.Image:
    picture = env.render()
    assert isinstance(picture, np.ndarray)
    return Image.fromarray(picture)


def right_actions(slots: Mapping[str, str], is_closing: bool) -> list[str]:
    """Return the right actions in the restaurant, the preferred one first."""
    if is_closing:
        return ["utter_goodbye"]
    return [action for slot, action in _ASKS.items() if slots[slot] == "empty"] or ["action_suggest"]


def film_browser(browser: Browser) -> Frames:
    """Return a lesson in the browser, up to the first dialogue in which nothing is corrected."""
    frames: Frames = []
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder) / "store", "--turn-taking", "auto", "--seed", "7") as address,
    ):
        context = browser.new_context(viewport={"width": 1280, "height": 860})
        context.add_init_script(
            "localStorage.setItem('dialogue-gym.theme', 'light');"
            " localStorage.setItem('dialogue-gym.guide', 'seen')"
        )
        page = context.new_page()
        page.goto(address)
        page.click("text=Start teaching")
        dialogue, corrections = 1, 0
        while True:
            page.wait_for_selector(".proposed")
            is_closing = page.locator("text=The user has everything they wanted").count() > 0
            right = right_actions(_slots(page), is_closing)
            is_right = page.inner_text(".proposed") in right
            corrections += not is_right
            target = ".confirm" if is_right else f'[data-action="{right[0]}"]'
            page.locator(target).scroll_into_view_if_needed()
            frames.append((_shot(page), READING if dialogue == 1 else TYPING))
            page.eval_on_selector(target, "one => { one.style.outline = '5px solid #d9480f'; }")
            frames.append((_shot(page), TYPING if dialogue == 1 else TYPING // 2))
            page.eval_on_selector(target, "one => { one.style.outline = ''; }")
            before = page.get_attribute("#main", "data-step")
            page.click(target)
            page.wait_for_function(
                "before => { const main = document.querySelector('#main');"
                " return main.dataset.step !== before && main.getAttribute('aria-busy') === 'false'; }",
                arg=before,
            )
            page.mouse.move(2, 2)
            page.wait_for_timeout(300)
            if is_closing and corrections == 0:
                break
            if is_closing:
                dialogue, corrections = dialogue + 1, 0
        frames.append((_shot(page), ENDING))
        context.close()
    return [(picture.resize((960, 645), Image.Resampling.LANCZOS), time) for picture, time in frames]


def _slots(page: Page) -> dict[str, str]:
    names, values = (page.locator(f".side .slots {one}").all_inner_texts() for one in ("dt", "dd"))
    found = {name.strip(): value.split("\n")[0].strip() for name, value in zip(names, values, strict=True)}
    return {slot: found.get(slot, "empty") or "empty" for slot in _ASKS}


def _shot(page: Page) -> Image.Image:
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def film_terminal(browser: Browser) -> Frames:
    """Return the first dialogue of the same lesson in the terminal, and the beginning of the second one."""
    screen = pyte.Screen(_COLUMNS, _LINES)
    page = browser.new_page(viewport={"width": 790, "height": _LINES * 20 + 28})
    frames: Frames = []

    def frame(time: int) -> None:
        page.set_content(_TERMINAL.format("\n".join(_line_html(screen, line) for line in range(_LINES))))
        frames.append((_shot(page), time))

    with tempfile.TemporaryDirectory() as folder:
        words = ["-m", "dialogue_gym", "teach", "restaurant", "--scratch", "--turn-taking", "auto"]
        child = pexpect.spawn(
            sys.executable, [*words, "--seed", "7"], cwd=folder, encoding="utf-8", timeout=60,
            dimensions=(_LINES, _COLUMNS), env={**_environment(), "PROMPT_TOOLKIT_NO_CPR": "1"},
        )  # fmt: skip
        child.logfile_read = _Display(screen)

        def send(keys: str, prompt: str, time: int) -> None:
            """Press keys, wait for a prompt, and let the screen come to rest."""
            child.send(keys)
            child.expect_exact(prompt)
            child.expect(pexpect.TIMEOUT, timeout=0.5)
            frame(time)

        send("", "answer >", READING)
        is_closing = False
        while not is_closing:
            asked = " ".join(line.strip() for line in screen.display).rpartition("slots ")[2]
            is_closing = "The user has everything they wanted" in asked
            right = right_actions(dict(re.findall(r"(\w+): ([^,]+?)(?:,| {2})", asked)), is_closing)
            (proposed,) = re.findall(r"The bot would do \[(\w+)\]", asked)
            if proposed in right:
                send("1", "answer >", READING)
            else:
                send("2", "action >", TYPING)
                send(right[0], right[0], TYPING)
                send("\r", "answer >", READING)
        child.close(force=True)
    page.close()
    return [*frames[:-1], (frames[-1][0], ENDING)]


class _Display:
    """A terminal's screen as a file that a program writes to."""

    def __init__(self, screen: pyte.Screen) -> None:
        self._stream = pyte.Stream(screen)

    def write(self, text: str) -> None:
        self._stream.feed(text)

    def flush(self) -> None:
        """Do nothing: the screen shows all at once."""


def _environment() -> dict[str, str]:
    return {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(Path(__file__).parents[1])}


def _line_html(screen: pyte.Screen, number: int) -> str:
    """Return a line of a terminal's screen as HTML."""

    def cells() -> Iterator[str]:
        for column in range(screen.columns):
            cell = screen.buffer[number][column]
            text = html.escape(cell.data)
            if (number, column) == (screen.cursor.y, screen.cursor.x):
                text = f"<i>{text}</i>"
            color = _NAMED.get(cell.fg, "" if cell.fg == "default" else f"#{cell.fg}")
            style = f"color:{color};" * bool(color) + "font-weight:bold;" * cell.bold
            yield f'<span style="{style}">{text}</span>' if style else text

    return "".join(cells()).rstrip()


if __name__ == "__main__":
    main()
