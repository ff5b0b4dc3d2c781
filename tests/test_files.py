"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from dialogue_gym._files import FileError, create_folder, create_text, prepare_folder, write_text, write_whole
from tests.commands import call


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
    with pytest.raises(FileExistsError) as raised:
        create_text(path, "other")
    assert raised.value.filename == str(path)
    assert path.read_text(encoding="utf-8") == "intents: [café]\n" and list(path.parent.iterdir()) == [path]


def test_an_error_names_the_file_that_was_asked_for() -> None:
    """Nobody can write files below /proc."""
    if not Path("/proc/self").exists():
        pytest.skip("only Linux has /proc")
    nowhere = Path("/proc/bot.yml")
    for write in (write_text, create_text):
        with pytest.raises(OSError) as raised:
            write(nowhere, "intents: []")
        assert raised.value.filename == str(nowhere), write
    for make in (prepare_folder, lambda folder: create_folder(folder / "bot", {}, print)):
        with pytest.raises(OSError) as raised:
            make(Path("/proc"))
        assert str(raised.value.filename) in ("/proc", "/proc/bot")
    done = call("train", "restaurant", "--out", "/proc/bot")
    assert (done.returncode, done.stderr) == (2, "error: /proc/bot: No such file or directory\n")


def test_a_file_that_is_written_anew_keeps_its_permissions_and_its_link(tmp_path: Path) -> None:
    path, link = tmp_path / "bot.yml", tmp_path / "link.yml"
    path.write_text("intents: []\n")
    path.chmod(0o640)
    link.symlink_to(path)
    write_text(link, "slots: {}\n")
    assert link.is_symlink() and path.read_text(encoding="utf-8") == "slots: {}\n"
    assert path.stat().st_mode & 0o777 == 0o640
    write_whole(tmp_path / "secret", lambda temporary: temporary.write_text("word"), 0o600)
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_line_ends_stay_as_they_are_on_windows_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In texts, Python writes each line feed as two characters there, also one that has the other already."""

    def write_on_windows(self: Path, data: str, *_: Any, newline: str | None = None, **__: Any) -> int:
        return self.write_bytes((data if newline == "" else data.replace("\n", "\r\n")).encode())

    monkeypatch.setattr(Path, "write_text", write_on_windows)
    text = "intents:\r\n- greet\n"
    write_text(tmp_path / "a.yml", text)
    create_text(tmp_path / "b.yml", text)
    assert {path.read_bytes() for path in tmp_path.iterdir()} == {text.encode()}


def test_a_full_disk_is_an_error_of_the_file(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("only Linux has /dev/full")

    def write(temporary: Path) -> None:
        with full.open("w") as stream:
            stream.write("x" * 100_000)

    with pytest.raises(OSError, match=f"No space left on device: '{tmp_path}/bot.yml'"):
        write_whole(tmp_path / "bot.yml", write)
    assert list(tmp_path.iterdir()) == []


def test_a_new_folder_that_fails_its_check_is_named_in_the_error(tmp_path: Path) -> None:
    def check(folder: Path) -> None:
        raise FileError(f"{folder / 'bot.yml'}:3: unknown key 'x'")

    with pytest.raises(FileError, match=f"^{tmp_path}/bot/bot.yml:3: unknown key 'x'$"):
        create_folder(tmp_path / "bot", {"bot.yml": ""}, check)
    assert list(tmp_path.iterdir()) == []
