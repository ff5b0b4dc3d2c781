"""Files that hold nothing, and names as they are typed, in the browser and on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("nicegui", reason="the extra web is missing")

from dialogue_gym._files import FileError
from dialogue_gym.check import check_files
from dialogue_gym.factory import chat_stories, make_stories, read_given
from dialogue_gym.web.transfers import Transfer
from dialogue_gym.web.workspace import Workspaces
from tests.web.workspaces import do, workspaces

__all__ = ["workspaces"]

HASHES = "#" * 900_000


@pytest.mark.parametrize(
    ("kind", "name", "text", "fault"),
    [
        ("stories", "a.md", HASHES, "a.md: the file has no stories"),
        ("stories", "a.md", "## one\n## two\n", "a.md: the file has no stories"),
        ("stories", "a.yml", "stories:\n- story: one\n  steps: []\n", "a.yml: the file has no stories"),
        ("nlu", "a.yml", HASHES, "a.yml:1: the file is empty"),
        ("nlu", "a.md", "## intent:greet\n", "a.md: the file has no examples"),
        ("domain", "a.yml", HASHES, "a.yml:1: the file is empty"),
        ("domain", "a.yml", "version: '3.1'\n", "a.yml: the file has no intents, actions or slots"),
    ],
)
def test_an_import_of_nothing_is_refused(
    workspaces: Workspaces, kind: str, name: str, text: str, fault: str
) -> None:
    workspace = workspaces.of("anna")
    before = len(list(workspaces.store.entries()))
    with pytest.raises(FileError) as refused:
        Transfer(workspace).take(kind, name, text.encode())
    assert str(refused.value) == fault and len(list(workspaces.store.entries())) == before


def test_an_import_without_news_says_so(workspaces: Workspaces) -> None:
    take = Transfer(workspaces.of("anna")).take
    line = take("domain", "a.yml", b"intents: [greet]")
    assert line == "Nothing was added: the bot has all these names already."
    line = take("stories", "a.md", b"## nothing\n## some\n* greet\n  - utter_greet\n")
    assert line.startswith("Imported 1 story ")


def test_options_refuse_files_that_hold_nothing(tmp_path: Path) -> None:
    for name, text in (("stories.md", HASHES), ("nlu.yml", "nlu: []\n"), ("empty.md", "")):
        (tmp_path / name).write_text(text)
    stories = tmp_path / "stories.md"
    with pytest.raises(FileError, match=r"stories\.md: the file has no stories"):
        make_stories("restaurant", False, [stories])
    with pytest.raises(FileError, match=r"stories\.md: the file has no stories"):
        chat_stories("restaurant", [stories])
    with pytest.raises(FileError, match=r"nlu\.yml: the file has no examples"):
        read_given([str(tmp_path / "nlu.yml")])
    found = "\n".join(check_files([str(tmp_path / "empty.md"), str(tmp_path / "nlu.yml")]))
    assert "empty.md:1: the file has no stories" in found and "nlu.yml:1: the file has no examples" in found


def test_typed_names_are_checked_as_they_are_written(workspaces: Workspaces) -> None:
    workspace = workspaces.of("anna")
    do(workspace, "user", user="me")
    do(workspace, "say", text="/greet")
    do(workspace, "correct_with_new", action="  utter_gru\u0308ezi ", text="Grüezi")
    actions = workspace.session.domain.actions
    assert actions[-1] == "utter_gr\u00fcezi"
    do(workspace, "undo")
    do(workspace, "correct_with_new", action=" utter_greet ", text="")
    assert workspace.session.domain.actions == actions[:-1]  # known, and no second one of that look
    do(workspace, "undo")
    do(workspace, "correct_message", intent=" thankyou ", entities=[{"name": " cuisine ", "value": "french"}])
    message = workspace.session.conversation.latest_message
    assert message is not None and message.intent == "thankyou" and message.entities[0].name == "cuisine"
    wrong = do(workspace, "correct_message", intent=" ", entities=[])
    assert "is not an intent: it is empty" in str(wrong["notes"])
