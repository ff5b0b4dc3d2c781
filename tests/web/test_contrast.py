"""Colors of the pages: texts at 4.5:1, edges and marks at 3:1, in the light and the dark."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("nicegui", reason="the extra web is missing")

from dialogue_gym.web.branding import contrast
from dialogue_gym.web.pages.progress import SERIES
from tests import ROOT

STATIC = ROOT / "dialogue_gym/web/static"
STYLE, TALK = ((STATIC / name).read_text(encoding="utf-8") for name in ("style.css", "talk.css"))
REPORT = (ROOT / "dialogue_gym/reports/page.html").read_text(encoding="utf-8")
TEXTS = {
    "ink": ("ground", "card", "user", "bot"),
    "faint": ("ground", "card", "user", "bot"),
    "accent": ("ground", "card"),
    "accent-ink": ("accent",),
    "good": ("good-ground",),
    "bad": ("bad-ground", "card", "bot"),
}
MARKS = {"edge": ("ground", "card"), "bar": ("card", "line"), "focus": ("ground", "card")}


def colors(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block))


def themes() -> dict[str, dict[str, str]]:
    light = STYLE[: STYLE.index("}")]
    dark = STYLE.partition(':root[data-theme="dark"] {')[2].partition("}")[0]
    return {"light": colors(light), "dark": colors(dark)}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_texts_and_edges_of_teachers_can_be_told_from_the_ground(theme: str) -> None:
    known = themes()[theme]
    for wanted, pairs in ((4.5, TEXTS), (3.0, MARKS)):
        for color, grounds in pairs.items():
            for ground in grounds:
                assert contrast(known[color], known[ground]) >= wanted, (color, ground)
    assert contrast(SERIES, known["card"]) >= 3
    # Who has chosen no theme sees these before the page's script has run, and signs in with them.
    first = colors(STYLE.partition("@media (prefers-color-scheme: dark)")[2].partition("}\n}")[0])
    assert first.items() <= themes()["dark"].items() and "edge" in first


def test_controls_have_edges_and_charts_readable_labels() -> None:
    for rule in ("button", "input, select, textarea", ".pick"):
        found = re.findall(rf"^{re.escape(rule)} {{(.*?)}}", STYLE, re.DOTALL | re.MULTILINE)[-1]
        assert "border: 1px solid var(--edge)" in found, rule
    assert ".plot svg text { fill: var(--faint) !important; }" in STYLE


def both_themes(style: str, index: int) -> dict[str, str]:
    pairs = re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]+), (#[0-9a-f]+)\);", style)
    return {name: re.sub("^#(.)(.)(.)$", r"#\1\1\2\2\3\3", both[index]) for name, *both in pairs}


@pytest.mark.parametrize("index", [0, 1])
def test_texts_and_bars_of_reports_can_be_told_from_the_ground(index: int) -> None:
    known = both_themes(REPORT, index)
    texts = {"ink": ("back", "card", "bot", "mine", "good-back"), "soft": ("back", "card", "bot")}
    texts |= {"accent": ("back", "card"), "good": ("good-back",), "bad": ("back", "bad-back")}
    for color, grounds in texts.items():
        for ground in grounds:
            assert contrast(known[color], known[ground]) >= 4.5, (color, ground)
    assert min(contrast(known["bar"], known[ground]) for ground in ("card", "track")) >= 3


@pytest.mark.parametrize("index", [0, 1])
def test_texts_and_edges_of_visitors_can_be_told_from_the_ground(index: int) -> None:
    known = both_themes(TALK, index)
    for color in ("ink", "soft"):
        for ground in ("back", "card", "mine"):
            assert contrast(known[color], known[ground]) >= 4.5, (color, ground)
    assert contrast(known["accent"], known["back"]) >= 3
    # A color of one's own is behind texts alone, whose color is chosen to fit.
    assert not re.search(r"(?<![a-z-])color: var\(--accent\)", TALK)


def test_no_sign_needs_a_font_of_emoji() -> None:
    for path in (ROOT / "dialogue_gym/web").rglob("*.[jhc]*"):
        if path.suffix in (".js", ".html", ".css"):
            text = path.read_text(encoding="utf-8")
            assert not [char for char in text if ord(char) > 0xFFFF], path.name
