"""The lines that commands print at their start about a domain."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands import dialogue_gym

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
