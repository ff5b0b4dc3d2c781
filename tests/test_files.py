"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from dialogue_gym._files import create_text


@pytest.mark.parametrize("has_links", [True, False])
def test_a_new_file_appears_with_all_of_its_text(
    has_links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "new" / "bot.yml"
    seen: list[bool] = []
    link, replace = os.link, Path.replace

    def watched_link(old: Path, new: Path) -> None:
        seen.append(path.exists())
        if not has_links:
            raise PermissionError
        link(old, new)

    def watched_replace(self: Path, target: Any) -> Path:
        seen.append(path.exists() and has_links)
        return replace(self, target)

    monkeypatch.setattr(os, "link", watched_link)
    monkeypatch.setattr(Path, "replace", watched_replace)
    create_text(path, "intents: [café]\n")
    assert not any(seen) and path.read_text(encoding="utf-8") == "intents: [café]\n"
    assert path.stat().st_mode & 0o400 and list(path.parent.iterdir()) == [path]
    with pytest.raises(FileExistsError):
        create_text(path, "other")
    assert path.read_text(encoding="utf-8") == "intents: [café]\n" and list(path.parent.iterdir()) == [path]
