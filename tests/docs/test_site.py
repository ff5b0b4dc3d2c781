"""The site as it is built: links, search, weight, and accessibility in a browser."""

from __future__ import annotations

import functools
import html.parser
import http.server
import io
import re
import sys
import threading
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("furo", reason="the extra docs is missing")

from axe_playwright_python.sync_playwright import Axe
from PIL import Image

from docs.site.search_index import option_pages, search_words
from tests import ROOT
from tests.commands import run
from tests.domain.keys import IGNORED, KNOWN, KNOWN_IN_SEARCH
from tests.test_architecture import exports, is_package, library
from tests.web.browsers import browser, playwright

pytestmark = pytest.mark.slow
__all__ = ["browser"]
KINDS = (
    "index",
    "your-domain",
    "environments/restaurant",
    "reference/dialogue_gym.wrappers",
    "search",
)
"""A page of each kind: they share a theme, and what one has, those of its kind have."""
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` does it: a warning is an error."""
    out = tmp_path_factory.mktemp("site")
    run([sys.executable, "-m", "docs.site.build", "--out", str(out)], ROOT)
    return out / "html"


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """The site on a server, without compression."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(site))
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Page(html.parser.HTMLParser):
    """The anchors of a page, its links, and what it loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        self.ids.add(values.get("id") or "")
        if tag == "a":
            self.links.add(values.get("href") or "")
        elif tag == "link":
            self.loaded.add(values.get("href") or "")
        else:
            self.loaded.add(values.get("src") or "")


def test_every_link_has_its_target_and_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    pages = {path: Page(path) for path in site.rglob("*.html")}
    assert len(pages) > 60
    for path, page in pages.items():
        for link in page.links | page.loaded:
            target = urllib.parse.urlsplit(link)
            if target.scheme or target.netloc:
                assert link not in page.loaded or target.scheme == "data", (path, link)
                continue
            file = (path.parent / urllib.parse.unquote(target.path)).resolve() if target.path else path
            assert file.is_file(), (path, link)
            if target.fragment and file.suffix == ".html":
                assert urllib.parse.unquote(target.fragment) in pages[file].ids, (path, link)
        text = path.read_text(encoding="utf-8")
        read = re.findall(r'<a class="[^"]*internal"[^>]*>(?:<[^>]*>)*([\w./-]+\.md)<', text)
        assert not read, (path, read)  # a page is no file to a reader
    for style in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(https?:)?//", style.read_text(encoding="utf-8")), style


FIND = """names => names.map(name => {
    const query = Search._parseQuery(name);
    const found = Search._performSearch(...query);
    return found.map(([page, title, anchor]) => `${page} ${title} ${anchor}`);
})"""


def test_the_search_finds_each_public_name_and_each_key(browser: playwright.Browser, address: str) -> None:
    page = browser.new_page()
    page.goto(f"{address}/search.html")
    page.wait_for_function("Search._index !== null")
    for package in filter(is_package, library()):
        names = sorted(exports(package))
        for name, found in zip(names, page.evaluate(FIND, names), strict=True):
            assert any(
                f"reference/{package} " in hit and hit.endswith(f"#{package}.{name}") for hit in found
            ), (package, name)
    keys = {key for known in (KNOWN, KNOWN_IN_SEARCH) for group in known.values() for key in group} | {
        *IGNORED
    }
    for key, found in zip(keys, page.evaluate(FIND, [*keys]), strict=True):
        anchor = rf"#key-(\w+-)?{key.replace('_', '-')}\b"
        first = found[:-4:-1]  # a word may be the key of several pages, and also lead to another one
        assert any(re.match(rf"(domain-files|search-users) .*{anchor}", hit) for hit in first), (key, first)
    page.close()


def test_the_search_shows_first_what_a_word_is_about(browser: playwright.Browser, address: str) -> None:
    """The last hit of Sphinx's list is the first one on the page."""
    wanted = {word: place for place, words in search_words().items() for word in words}
    options = {name: page for name, page in option_pages(ROOT / "docs").items() if name not in wanted}
    assert wanted["play"] == "play" and options["--promote"] == "learning-from-logs"
    page = browser.new_page()
    page.goto(f"{address}/search.html")
    page.wait_for_function("Search._index !== null")
    words = [*wanted, *options]
    for word, found in zip(words, page.evaluate(FIND, words), strict=True):
        about = wanted.get(word) or options[word]
        name, _, heading = about.partition("#")
        first = next(hit for hit in found[::-1] if not hit.endswith(f"#key-{word}"))  # which leads to itself
        assert first.startswith(f"{name} ") and first.endswith(f"#{heading}" * bool(heading)), (word, first)
    page.goto(f"{address}/search.html?q=--promote")
    first = page.locator("#search-results li a").first
    assert first.get_attribute("href", timeout=60_000).startswith("learning-from-logs.html#option-promote")
    page.close()


def test_the_first_page_is_light(browser: playwright.Browser, address: str) -> None:
    page = browser.new_page()
    sizes: dict[str, int] = {}
    page.on("response", lambda response: sizes.update({response.url: len(response.body())}))
    page.goto(f"{address}/index.html", wait_until="networkidle")
    page.close()
    assert len(sizes) > 5 and all(url.startswith(address) for url in sizes)
    assert sum(size for url, size in sizes.items() if not url.endswith(".gif")) < 200_000, sizes


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("kind", KINDS)
def test_a_page_of_each_kind_is_accessible(
    browser: playwright.Browser, address: str, kind: str, width: int
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(f"{address}/{kind}.html")
    found = Axe().run(page, options={"runOnly": LEVELS, "resultTypes": ["violations"]})
    assert not found.response["violations"], found.generate_report()
    page.close()


BROKEN = """() => {
    const found = [];
    for (const heading of document.querySelectorAll('h1, h2, h3, h4')) {
        const texts = document.createTreeWalker(heading, NodeFilter.SHOW_TEXT);
        while (texts.nextNode()) {
            for (const word of texts.currentNode.data.matchAll(/[^\\s-]+/g)) {
                const range = document.createRange();
                range.setStart(texts.currentNode, word.index);
                range.setEnd(texts.currentNode, word.index + word[0].length);
                if (new Set([...range.getClientRects()].map(one => Math.round(one.top))).size > 1)
                    found.push(word[0]);
            }
        }
    }
    return found;
}"""


def test_no_page_is_wider_than_a_phone(browser: playwright.Browser, site: Path, address: str) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 800})
    for path in site.rglob("*.html"):
        page.goto(f"{address}/{path.relative_to(site)}", wait_until="domcontentloaded")
        assert page.evaluate("document.documentElement.scrollWidth") == 360, path
        assert page.evaluate(BROKEN) == [], path  # long names break between their parts
    page.close()


def test_a_button_copies_the_commands_without_prompts_and_results(
    browser: playwright.Browser, address: str
) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(f"{address}/your-domain.html")
    chat = page.locator(".highlight", has_text="dialogue-gym chat bikes.yml").first
    chat.hover()
    chat.locator("button.copybtn").click()
    assert page.evaluate("navigator.clipboard.readText()") == "dialogue-gym chat bikes.yml"
    page.goto(f"{address}/train.html")
    commands = page.locator(".highlight").first
    commands.hover()
    commands.locator("button.copybtn").click()
    assert page.evaluate("navigator.clipboard.readText()").strip() == commands.inner_text().strip()
    context.close()


def test_what_goes_on_beyond_its_edge_has_a_shadow_there(browser: playwright.Browser, address: str) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 800})
    page.goto(f"{address}/domain-files.html")
    for name in (".table-wrapper", ".highlight pre"):
        goes_on = "it => it.scrollWidth > it.clientWidth"
        wide = next(one for one in page.locator(name).all() if one.evaluate(goes_on))
        wide.scroll_into_view_if_needed()
        before = edge_of(wide)
        wide.evaluate("it => { it.scrollLeft = it.scrollWidth; }")
        assert before < edge_of(wide) - 20, name
    page.close()


def edge_of(wide: playwright.Locator) -> float:
    """Return the brightness of the last column of pixels, between the texts: the 90 % quantile."""
    with Image.open(io.BytesIO(wide.screenshot())) as picture:
        grey = picture.convert("L")
        column = sorted(grey.getpixel((grey.width - 2, y)) for y in range(grey.height))
    return float(column[len(column) * 9 // 10])
