"""The looks of the visitors' page: checks of options, and colors that can be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dialogue_gym.web.branding import Branding, contrast, ink
from dialogue_gym.web.options import ServeOptions


def test_text_on_a_color_can_be_read() -> None:
    assert round(contrast("#000000", "#ffffff"), 2) == 21 and contrast("#777777", "#777777") == 1
    assert ink("#ffcc00") == "#101820" and ink("#1f6b58") == "#ffffff"
    levels = ("00", "55", "aa", "ff")
    colors = [f"#{red}{green}{blue}" for red in levels for green in levels for blue in levels]
    assert min(contrast(ink(color), color) for color in colors) > 4.2


def test_looks_are_read(tmp_path: Path) -> None:
    (tmp_path / "logo.PNG").write_bytes(b"image")
    looks = Branding.read("shop", "Shop's </script>", "#FC0", tmp_path / "logo.PNG")
    assert looks.logo == (b"image", "image/png") and looks.color == "#ffcc00"
    assert "#ffcc00" in looks.stylesheet and "#101820" in looks.stylesheet
    assert looks.widget("a LOOKS b").startswith('a {"title": "Shop\'s </script>"')
    plain = Branding.read("x" * 80, None, None, None)
    assert len(plain.title) == 60 and plain.stylesheet == ""


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ((" ", None, None), "--title: it is empty"),
        (("x" * 61, None, None), "--title: it is longer than 60 characters"),
        ((None, "green", None), "--color 'green': expected a color such as '#1f6b58'"),
        ((None, "#12345", None), "--color '#12345'"),
        ((None, "#fff;}", None), "--color '#fff;}'"),
        ((None, None, Path("logo.bmp")), "--logo 'logo.bmp': expected a file .svg, .png"),
    ],
)
def test_wrong_looks_are_refused(given: tuple[str | None, str | None, Path | None], fault: str) -> None:
    with pytest.raises(ValueError, match=re.escape(fault)):
        Branding.read("shop", *given)


def test_wrong_sites_are_refused() -> None:
    right = ("https://shop.example", "http://localhost:8000", "http://[::1]:80")
    ServeOptions("shop.yml", talk=True, allow_origin=right, origin=right[:2]).check()
    for usual in ("http://[::1]:80", "https://shop.example:443"):  # no browser names it
        with pytest.raises(ValueError, match=r"browsers leave out :\d+; write http"):
            ServeOptions("shop.yml", talk=True, origin=(usual,)).check()
    for wrong in (
        "shop.example",
        "https://shop.example/",
        "https://a; script-src *",
        "*",
        "https://A.example",
    ):
        for flag in ("allow_origin", "origin"):
            with pytest.raises(ValueError, match="expected a site such as https://shop"):
                ServeOptions("shop.yml", talk=True, **{flag: (wrong,)}).check()  # type: ignore[arg-type]
