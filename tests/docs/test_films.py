"""The films of the README and the site: small, long enough to read, shown, and made by their script."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from tests import ROOT

Image = pytest.importorskip("PIL.Image", reason="the extra render is missing")
FILMS = sorted((ROOT / "docs/films").glob("*.gif"))
FRAMES = {"agent": 6, "browser": 20, "terminal": 12}
"""The fewest frames of each film."""


def check(path: Path) -> None:
    with Image.open(path) as film:
        seconds = 0.0
        for frame in range(film.n_frames):
            film.seek(frame)
            seconds += film.info["duration"] / 1000
        assert film.n_frames >= FRAMES[path.stem] and film.size[0] >= 600
    assert path.stat().st_size < 1_000_000 and 10 < seconds < 60


@pytest.mark.parametrize("path", FILMS, ids=lambda path: path.stem)
def test_a_film_is_small_and_shown(path: Path) -> None:
    check(path)
    for pages in (["README.md"], ["docs/index.md", "docs/teach.md", "docs/environments.md"]):
        assert any(f"films/{path.name})" in (ROOT / page).read_text(encoding="utf-8") for page in pages)


def test_a_film_begins_with_a_picture_that_is_full() -> None:
    """Where it does not move, only the first one is seen: its lower and its upper half have content."""
    for path in FILMS:
        with Image.open(path) as film:
            picture = film.convert("L")
        width, height = picture.size
        for part in ((0, height // 8, width // 2, height // 2), (0, height // 2, width // 2, height)):
            darkest, brightest = picture.crop(part).getextrema()
            assert brightest - darkest > 100, (path.name, part)


@pytest.mark.slow
def test_the_script_makes_the_films(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("playwright", reason="the package playwright is missing")
    from tests.web.servers import chromium

    if chromium() is None:
        pytest.skip("chromium is missing: apt-get install chromium")
    monkeypatch.setattr(sys, "argv", ["make_films", "--out", str(tmp_path)])
    runpy.run_module("docs.make_films", run_name="__main__")
    assert [path.name for path in FILMS] == [path.name for path in sorted(tmp_path.iterdir())]
    for path in tmp_path.iterdir():
        check(path)
    # The dialogue follows from its seed; fonts of the system may differ.
    assert (tmp_path / "agent.gif").stat().st_size == pytest.approx(FILMS[0].stat().st_size, rel=0.2)
