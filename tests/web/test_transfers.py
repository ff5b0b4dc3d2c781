"""Files that go out of the teaching in the browser, and come in."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from dialogue_gym.web.listing import differing
from dialogue_gym.web.options import ServeOptions
from dialogue_gym.web.run import teaching_interpreter
from dialogue_gym.web.transfers import Transfer, TransferError
from dialogue_gym.web.workspace import TeachingConfig, Workspaces
from tests.web.workspaces import RESTAURANT, do, rooms

__all__ = ["rooms"]


STORIES = """
    ## one
    * greet
      - utter_greet
    ## other
    * greet
      - utter_goodbye
    """


def test_files_go_out_and_come_in(rooms: Workspaces, tmp_path: Path) -> None:
    room = rooms.room("anna")
    transfer = Transfer(room)
    with pytest.raises(TransferError, match=r"stories\.md was not exported yet"):
        transfer.exported("stories.md")
    do(room, "correct", action="utter_ask_cuisine")
    assert transfer.export("markdown") == ["stories.md", "domain.yml"]
    assert "utter_ask_cuisine" in transfer.exported("stories.md").read_text(encoding="utf-8")
    for trick in ("../journal.sqlite", "journal.sqlite", "/etc/passwd", "..", "", "stories.md/../nlu.yml"):
        with pytest.raises(TransferError, match="is no export"):
            transfer.exported(trick)
    with pytest.raises(TransferError, match="'docx' is no format of stories"):
        transfer.export("docx")

    stories = textwrap.dedent(STORIES).encode()
    assert "2 stories are read" in transfer.take("stories", "../../mine.md", stories)
    assert "2 stories are read" in transfer.take("stories", "mine.md", stories)  # under other numbers
    found = differing(room.session.history, room.session.domain, "explicit")
    assert found[0]["is_open"]
    do(room, "fork", entry=found[0]["fork"])
    assert room.view["options"][0]["probability"] == 0.5
    do(room, "correct", action="utter_greet")
    assert not any(one["is_open"] for one in differing(room.session.history, room.session.domain, "explicit"))

    line = transfer.take("domain", "domain.yml", b"intents: [cancel]\nactions: [utter_cancelled]\n")
    assert line == "2 names are new: utter_cancelled, cancel."
    assert "cancel" in room.session.domain.intents
    assert transfer.take("nlu", "x.yml", b'nlu:\n- intent: greet\n  examples: "- hello"\n').startswith("1 ex")
    assert {path.name for path in tmp_path.iterdir()} == {"store"}


def test_what_is_imported_is_understood(rooms: Workspaces) -> None:
    pytest.importorskip("sklearn")
    folder = rooms.store.folder
    given = ServeOptions("restaurant", store=folder)
    lesson = TeachingConfig(
        RESTAURANT, user="me", words=lambda: teaching_interpreter(given, RESTAURANT, folder)
    )
    room = Workspaces(rooms.store, lesson).room("anna")
    assert do(room, "say", text="toodle pip")["chat"][0]["meaning"] != "goodbye"
    examples = "".join(f"    - toodle {word}\n" for word in ("pip", "oo", "loo", "dee"))
    Transfer(room).take("nlu", "x.yml", f"nlu:\n- intent: goodbye\n  examples: |\n{examples}".encode())
    do(room, "restart")
    assert do(room, "say", text="toodle pip")["chat"][0]["meaning"] == "goodbye"


@pytest.mark.parametrize(
    ("kind", "content", "fault"),
    [
        ("stories", b"\xff", "mine.yml: this is no text in UTF-8"),
        ("stories", b"", "mine.yml: there are no stories in it"),
        ("stories", b"## a\n* greet\n  - utter_gret\n", "'utter_gret' is no action"),
        ("nlu", b"nlu: 3", "mine.yml"),
        ("nlu", b"", "mine.yml: there are no examples in it"),
        ("domain", b"actions: {", "mine.yml"),
        ("domain", b"actions: [success]", "an action cannot be called 'success'"),
        ("secrets", b"", "'secrets' cannot be imported"),
    ],
)
def test_what_cannot_come_in_changes_nothing(
    rooms: Workspaces, kind: str, content: bytes, fault: str
) -> None:
    room = rooms.room("anna")
    before = [entry.id for entry in rooms.store.entries()]
    with pytest.raises(ValueError, match=fault) as error:
        Transfer(room).take(kind, "mine.yml", content)
    assert "\n" not in str(error.value) and str(rooms.store.folder) not in str(error.value)
    assert [entry.id for entry in rooms.store.entries()] == before
    assert not any((rooms.store.folder / "imported").glob("*"))
