"""Several teachers on one store, without a browser."""

from __future__ import annotations

import pytest

from dialogue_gym.domain.loader import domain_text
from dialogue_gym.journal.activity import ActivityLog
from dialogue_gym.journal.entry import LABEL
from dialogue_gym.journal.store import Store
from dialogue_gym.web.accounts import RoleError, TeacherRole
from dialogue_gym.web.commands import dispatch
from dialogue_gym.web.pages.conversations import Reader
from dialogue_gym.web.teaching_config import TeachingConfig
from dialogue_gym.web.transfers import Transfer
from dialogue_gym.web.workspace import StaleCommand, Workspaces
from tests.teaching.test_lesson import SHORT
from tests.web.workspaces import RESTAURANT, do, faults, workspaces

__all__ = ["workspaces"]


def test_teachers_have_their_own_conversations_and_learn_from_each_other(workspaces: Workspaces) -> None:
    anna, ben = workspaces.of("anna"), workspaces.of("ben")
    assert anna.conversation != ben.conversation
    before = ben.view["options"][0]
    do(anna, "correct", action="utter_ask_cuisine")
    asked = ben.step
    assert ben.catch_up() and ben.step != asked  # the proposal has changed, so earlier commands are stale
    assert ben.view["options"][0]["probability"] > before["probability"]
    assert ben.view["notes"] == [["anna taught the bot something: it proposes another step now.", ""]]
    assert ben.view["changes"] == 1 and anna.view["changes"] == 0
    with pytest.raises(StaleCommand):
        dispatch(ben, asked, "confirm", {})
    do(ben, "confirm")
    authors = {
        entry.conversation: entry.author for entry in workspaces.store.entries() if entry.kind == LABEL
    }
    assert authors == {anna.conversation: "anna", ben.conversation: "ben"}
    # Teachers undo only their own steps, and each resumes their own conversation after a restart.
    do(ben, "undo")
    assert not ben.view["can_undo"] and anna.view["can_undo"]
    again = Workspaces(workspaces.store, workspaces.config)
    assert again.of("ben").conversation == ben.conversation
    assert again.of("anna").conversation == anna.conversation
    assert again.of("cora").conversation not in (anna.conversation, ben.conversation)


def test_the_count_of_the_lesson_is_shared_and_makes_no_answer_stale(store: Store) -> None:
    workspaces = Workspaces(store, TeachingConfig(SHORT, turn_taking="auto"))
    anna, ben = workspaces.of("anna"), workspaces.of("ben")
    do(ben, "user", user="me")
    do(anna, "correct", action="utter_greet")
    assert ben.catch_up()
    step = ben.step
    do(anna, "confirm")
    do(anna, "confirm")
    assert ben.catch_up() and ben.step == step
    assert ben.view["lesson"] == anna.view["lesson"] == {"goal": 3, "in_a_row": 2, "is_reached": False}
    do(anna, "confirm")
    assert anna.view["lesson"]["is_reached"] and "Goal reached." in anna.view["notes"][-1][0]


def test_additions_of_another_teacher_can_be_used(workspaces: Workspaces) -> None:
    anna, ben = workspaces.of("anna"), workspaces.of("ben")
    do(anna, "correct_with_new", action="utter_weather", text="It rains.")
    ben.catch_up()
    assert "utter_weather" in {option["action"] for option in ben.view["options"]}
    do(ben, "correct", action="utter_weather")
    assert faults(ben) == [] and ben.session.conversation.latest_action == "utter_weather"


def test_undoing_an_addition_removes_it_for_all_teachers(workspaces: Workspaces) -> None:
    anna, ben = workspaces.of("anna"), workspaces.of("ben")
    said = anna.session.history.head(anna.conversation)
    do(anna, "correct_with_new", action="utter_weather", text="It rains.")
    did = anna.view["chat"][1]
    assert did["meaning"] == "utter_weather" and did["fork"] == said
    ben.catch_up()
    assert anna.session.domain == ben.session.domain != RESTAURANT
    do(anna, "undo")
    ben.catch_up()
    assert anna.session.domain == ben.session.domain == RESTAURANT
    assert ben.session.conversation.domain == RESTAURANT
    do(ben, "correct", action="utter_weather")
    assert "unknown action 'utter_weather'" in faults(ben)[0]
    do(anna, "redo")
    ben.catch_up()
    do(ben, "correct", action="utter_weather")
    assert faults(ben) == [] and ben.view["chat"][-1]["texts"] == ["It rains."]


def test_roles_are_checked_and_changes_are_written_down_without_a_page(store: Store) -> None:
    log = ActivityLog(store.data)
    roles = {"anna": TeacherRole.ADMINISTER, "ben": TeacherRole.TEACH, "cora": TeacherRole.APPROVE}
    config = TeachingConfig(RESTAURANT)
    workspaces = Workspaces(store, config, allows=lambda name, role: roles[name].includes(role), log=log)
    store.use_domain("restaurant", domain_text("restaurant"))
    ben, cora, anna = map(workspaces.of, ("ben", "cora", "anna"))
    do(ben, "correct_with_new", action="utter_weather", text="It rains.")
    do(ben, "undo")
    approval = {"conversation": ben.conversation, "is_right": True}
    for change in (
        lambda reader: reader.approve(approval),
        lambda reader: reader.settle_rating({"rating": 1, "is_right": True}),
        lambda reader: reader.decline_bursts(),
    ):
        reader = Reader(ben)
        change(reader)
        assert "needs the role \u201capprove\u201d" in reader.look()["error"]
    for workspace in (ben, cora):
        transfer = Transfer(workspace)
        for move in (
            lambda transfer: transfer.export("rasa"),
            lambda transfer: transfer.exported("rasa/domain.yml"),
            lambda transfer: transfer.archive("rasa.zip"),
            lambda transfer: transfer.take("stories", "stories.md", b"## one\n* greet\n  - utter_greet\n"),
        ):
            with pytest.raises(RoleError, match="needs the role \u201cadminister\u201d"):
                move(transfer)
    Reader(cora).approve(approval)
    Transfer(anna).export("chats")
    roles["cora"] = TeacherRole.TEACH
    reader = Reader(cora)
    reader.approve(approval | {"is_right": False})
    assert reader.error and not reader.look()["may_approve"]
    assert [str(one) for one in log.latest()][::-1] == [
        "ben edited action utter_weather",
        "ben edited action utter_weather",
        f"cora approved {ben.conversation}",
        "anna exported chats",
    ]
