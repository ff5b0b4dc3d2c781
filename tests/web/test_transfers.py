"""Export and import in the browser."""

from __future__ import annotations

import io
import json
import textwrap
import zipfile
from pathlib import Path

import pytest

from dialogue_gym.domain.loader import domain_text
from dialogue_gym.web.listing import disagreement_rows
from dialogue_gym.web.options import ServeOptions
from dialogue_gym.web.run import teaching_interpreter
from dialogue_gym.web.teaching_config import TeachingConfig
from dialogue_gym.web.transfers import Transfer, TransferError
from dialogue_gym.web.workspace import Workspaces
from tests.web.workspaces import RESTAURANT, do, workspaces

__all__ = ["workspaces"]


STORIES = """
    ## one
    * greet
      - utter_greet
    ## other
    * greet
      - utter_goodbye
    """


def test_files_are_exported_and_imported(workspaces: Workspaces, tmp_path: Path) -> None:
    workspace = workspaces.of("anna")
    transfer = Transfer(workspace)
    workspaces.store.use_domain("restaurant", domain_text("restaurant"))
    with pytest.raises(TransferError, match=r"no such export: 'rasa/domain.yml'; there are none"):
        transfer.exported("rasa/domain.yml")
    do(workspace, "correct", action="utter_ask_cuisine")
    assert transfer.export("rasa1")["files"] == ["exported/domain.yml", "exported/stories.md"]
    assert "rasa/data/nlu.yml" in transfer.export("rasa")["files"]
    assert "utter_ask_cuisine" in transfer.exported("exported/stories.md").read_text(encoding="utf-8")
    archive = transfer.archive(transfer.export("rasa")["archive"])
    assert archive is not None
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert sorted(opened.namelist()) == sorted(transfer.export("rasa")["files"])
        assert opened.testzip() is None and b"utter_ask_cuisine" in opened.read("rasa/domain.yml")
    chats = transfer.export("chats")
    assert chats["archive"] == "chats.zip" and chats["files"] == ["chats/conversations.jsonl"]
    assert chats["notes"] == [
        "1 line in conversations.jsonl",
        "no correction of an action: preferences.jsonl is not written",
        "1 correction about listening left out",
    ]
    (line,) = transfer.exported("chats/conversations.jsonl").read_text().splitlines()
    assert json.loads(line)["messages"][-1]["tool_calls"][0]["function"]["name"] == "utter_ask_cuisine"
    for trick in ("journal.zip", "../store.zip", "rasa", ".zip", "rasa/data.zip"):
        assert transfer.archive(trick) is None
    for trick in ("../journal.sqlite", "journal.sqlite", "/etc/passwd", "..", "", "rasa/../journal.sqlite"):
        with pytest.raises(TransferError, match="no such export"):
            transfer.exported(trick)
    with pytest.raises(TransferError, match="unknown target 'docx'"):
        transfer.export("docx")

    stories = textwrap.dedent(STORIES).encode()
    line = transfer.take("stories", "../../mine.md", stories)
    assert line == "Imported 2 stories (4 new conversations)."
    assert "2 stories" in transfer.take("stories", "mine.md", stories)  # under other numbers
    found = disagreement_rows(workspace.session.history, workspace.session.domain, "explicit")
    assert found[0]["is_open"]
    do(workspace, "fork", entry=found[0]["fork"])
    assert workspace.view["options"][0]["probability"] == 0.5
    do(workspace, "correct", action="utter_greet")
    assert not any(
        one["is_open"]
        for one in disagreement_rows(workspace.session.history, workspace.session.domain, "explicit")
    )

    line = transfer.take("domain", "domain.yml", b"intents: [cancel]\nactions: [utter_cancelled]\n")
    assert line == "Added 2 names: utter_cancelled, cancel."
    assert "cancel" in workspace.session.domain.intents
    assert transfer.take("nlu", "x.yml", b'nlu:\n- intent: greet\n  examples: "- hello"\n').startswith(
        "Imported 1 example."
    )
    assert {path.name for path in tmp_path.iterdir()} == {"store"}


def test_imported_examples_are_understood(workspaces: Workspaces) -> None:
    pytest.importorskip("sklearn")
    folder = workspaces.store.folder
    given = ServeOptions("restaurant", store=folder)
    config = TeachingConfig(
        RESTAURANT, user="me", interpreter=teaching_interpreter(given, RESTAURANT, folder)
    )
    workspace = Workspaces(workspaces.store, config).of("anna")
    assert do(workspace, "say", text="toodle pip")["chat"][0]["meaning"] != "goodbye"
    examples = "".join(f"    - toodle {word}\n" for word in ("pip", "oo", "loo", "dee"))
    Transfer(workspace).take("nlu", "x.yml", f"nlu:\n- intent: goodbye\n  examples: |\n{examples}".encode())
    do(workspace, "restart")
    assert do(workspace, "say", text="toodle pip")["chat"][0]["meaning"] == "goodbye"


def test_examples_of_several_files_are_kept(workspaces: Workspaces) -> None:
    """A file of the same name takes the place of its former content, and of nothing else."""
    pytest.importorskip("sklearn")
    folder = workspaces.store.folder
    words = teaching_interpreter(ServeOptions("restaurant", store=folder), RESTAURANT, folder)
    workspace = Workspaces(workspaces.store, TeachingConfig(RESTAURANT, interpreter=words)).of("anna")

    def imported(name: str, text: str) -> str:
        return Transfer(workspace).take(
            "nlu", name, f'nlu:\n- intent: greet\n  examples: "- {text}"\n'.encode()
        )

    for name, text in (
        ("greet.yml", "toodle one"),
        ("order.yml", "toodle two"),
        ("привет.yml", "toodle three"),
    ):
        assert imported(name, text) == "Imported 1 example. The bot learns them now."
    said = "Imported 1 example, in the place of those from order.yml before. The bot learns them now."
    assert imported("order.yml", "toodle four") == said
    next_start = teaching_interpreter(ServeOptions("restaurant", store=folder), RESTAURANT, folder)
    for one in (words, next_start):
        found = {example.text for example in one.all_examples if example.text.startswith("toodle")}
        assert found == {"toodle one", "toodle three", "toodle four"}


@pytest.mark.parametrize(
    ("kind", "content", "fault"),
    [
        ("stories", b"\xff", "mine.yml: not a UTF-8 text file"),
        ("stories", b"", "mine.yml: the file has no stories"),
        ("stories", b"## a\n* greet\n  - utter_gret\n", "unknown action 'utter_gret'"),
        ("nlu", b"nlu: 3", "mine.yml"),
        ("nlu", b"", "mine.yml: the file has no examples"),
        ("domain", b"actions: {", "mine.yml"),
        ("domain", b"actions: [success]", "an action cannot be called 'success'"),
        ("secrets", b"", "'secrets' cannot be imported"),
    ],
)
def test_invalid_imports_change_nothing(
    workspaces: Workspaces, kind: str, content: bytes, fault: str
) -> None:
    workspace = workspaces.of("anna")
    before = [entry.id for entry in workspaces.store.entries()]
    with pytest.raises(ValueError, match=fault) as error:
        Transfer(workspace).take(kind, "mine.yml", content)
    assert "\n" not in str(error.value) and str(workspaces.store.folder) not in str(error.value)
    assert [entry.id for entry in workspaces.store.entries()] == before
    assert not any((workspaces.store.folder / "imported").glob("*"))
