"""The lines that commands print at their start about a domain."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands import call, dialogue_gym

ODD = """
intents: [greet]
entities: [size]
slots:
  size: {type: categorical, values: [small, large], initial_value: big}
responses: {utter_greet: [text: Hi]}
forms: {order: {required_slots: [size]}}
"""
COMMANDS = {
    "chat": (),
    "teach": ("--user", "me"),
    "live": (),
    "serve": ("--no-open", "--port", "0"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_warnings_about_the_domain_are_shown_at_the_start(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if command == "serve":
        web = pytest.importorskip("dialogue_gym.web.run")
        monkeypatch.setattr(web, "serve", lambda *arguments, **options: None)
    odd = tmp_path / "odd.yml"
    odd.write_text(ODD)
    words = (command, "odd.yml", *COMMANDS[command])
    printed = dialogue_gym(*words, cwd=tmp_path).splitlines()
    assert printed.count("(2 warnings about this domain: dialogue-gym check odd.yml)") == 1
    if command == "chat":
        odd.write_text(ODD.replace(", initial_value: big", ""))
        (note,) = [line for line in dialogue_gym(*words, cwd=tmp_path).splitlines() if "warning" in line]
        assert note.startswith("(warning: odd.yml:7: forms.order: nothing asks for the slot 'size'")
        odd.write_text(ODD.partition("forms")[0].replace(", initial_value: big", ""))
        assert "warning" not in dialogue_gym(*words, cwd=tmp_path)


@pytest.mark.parametrize(
    "words",
    [
        ("check", "restaurant"),
        ("chat", "restaurant"),
        ("stories", "stats", "some.md", "--domain", "restaurant"),
        ("evaluate", "restaurant", "--agent", "random", "--dialogues", "1"),
    ],
)
@pytest.mark.parametrize("name", ["restaurant.yml", "restaurant"])
def test_a_file_called_like_a_built_in_domain_is_told(
    words: tuple[str, ...], name: str, tmp_path: Path
) -> None:
    (tmp_path / "some.md").write_text("## hi\n* greet\n  - utter_greet\n")
    assert "built-in" not in call(*words, cwd=tmp_path).stderr
    (tmp_path / name).write_text("intents: [greet]\n")
    done = call(*words, cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr.startswith(f"(restaurant is the built-in domain; for your own write ./{name})\n")
    assert "built-in" not in call("check", f"./{name}", cwd=tmp_path).stderr


def test_the_suffix_of_a_domain_file_is_missed(tmp_path: Path) -> None:
    (tmp_path / "pizza.yml").write_text("intents: [greet]\n")
    assert "did you mean 'pizza.yml'?" in call("chat", "pizza", cwd=tmp_path).stderr
    done = call("new", "restaurant", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: restaurant: this is the built-in domain; for a file of your own write ./restaurant.yml\n"
    )
