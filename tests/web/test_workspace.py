"""Teachers at work on one store, without a browser: what is answered, and by whom."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from dialogue_gym.conversation.events import Entity, UserUttered, to_json
from dialogue_gym.journal.entry import END, EVENT, LABEL, LIVE, USER, Draft
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.teaching.progress import dialogues, success_after
from dialogue_gym.web.listing import differing, reading, rows
from dialogue_gym.web.workspace import StaleAnswer, TeachingConfig, Workspace, Workspaces
from tests.web.servers import Expert
from tests.web.workspaces import CONCERT, RESTAURANT, do, rooms

__all__ = ["rooms"]


@pytest.fixture
def talk(store: Store) -> Workspace:
    return Workspaces(store, TeachingConfig(CONCERT, user="me")).room("anna")


def faults(room: Workspace) -> list[str]:
    return [text for text, style in room.view["notes"] if style == "bad"]


def test_a_step_is_answered_once(rooms: Workspaces) -> None:
    room = rooms.room("anna")
    step = room.step
    room.answer(step, "correct", {"action": "utter_greet"})
    entries = len(list(rooms.store.entries()))
    for again in (step, "", "0.0", room.step + "0"):
        with pytest.raises(StaleAnswer):
            room.answer(again, "confirm", {})
    assert len(list(rooms.store.entries())) == entries
    # Another process begins other steps, so that one of before the restart never fits by chance.
    do(room, "undo")
    again = Workspaces(rooms.store, rooms.lesson).room("anna")
    assert again.view["chat"] == room.view["chat"] and again.step != step


def test_many_at_once_count_once(rooms: Workspaces) -> None:
    room = rooms.room("anna")
    step, stale = room.step, []

    def answer() -> None:
        try:
            room.answer(step, "confirm", {})
        except StaleAnswer:
            stale.append(1)

    threads = [threading.Thread(target=answer) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    labels = [entry for entry in rooms.store.entries() if entry.kind == LABEL]
    assert len(labels) == 1 and len(stale) == 7


@pytest.mark.parametrize(
    ("what", "given", "fault"),
    [
        ("confirmed", {}, "'confirmed' is no answer"),
        ("correct", {}, "the answer lacks 'action'"),
        ("correct", {"action": 3}, "the answer lacks 'action'"),
        ("correct", {"action": "utter_gret"}, "'utter_gret' is no action; did you mean 'utter_greet'"),
        ("say", {"text": "x" * 2001}, "a text has at most 2000 characters, this one 2001"),
        ("fork", {"entry": True}, "the answer lacks 'entry'"),
        ("fork", {"entry": 10**9}, "there is no entry 1000000000"),
        ("mend", {"intent": "a\nb", "entities": []}, "is no intent"),
        ("mend", {"intent": "greet", "entities": [{"name": "cuisine"}]}, "an entity has a name and a value"),
        ("mend", {"intent": "greet", "entities": [{}] * 51}, "a message has at most 50 entities"),
        ("threshold", {"threshold": 7}, "7 is no number from 0 to 1"),
        ("user", {"user": "nobody"}, "this domain has no simulated user"),
        ("take_up", {"conversation": "../c1"}, "'../c1' is no conversation"),
        ("settle", {"which": "new"}, "there is no contradiction to settle"),
        ("redo", {}, "there is nothing to redo"),
    ],
)
def test_what_does_not_fit_is_said_and_changes_nothing(
    rooms: Workspaces, what: str, given: dict[str, Any], fault: str
) -> None:
    room = rooms.room("anna")
    before = [entry.id for entry in rooms.store.entries()]
    do(room, what, **given)
    assert len(faults(room)) == 1 and fault in faults(room)[0]
    assert [entry.id for entry in rooms.store.entries()] == before


def test_teachers_have_their_own_conversations_and_learn_from_each_other(rooms: Workspaces) -> None:
    anna, ben = rooms.room("anna"), rooms.room("ben")
    assert anna.conversation != ben.conversation
    before = ben.view["options"][0]
    do(anna, "correct", action="utter_ask_cuisine")
    asked = ben.step
    assert ben.catch_up() and ben.step != asked  # what is proposed has changed, so earlier answers do not fit
    assert ben.view["options"][0]["probability"] > before["probability"]
    with pytest.raises(StaleAnswer):
        ben.answer(asked, "confirm", {})
    do(ben, "confirm")
    authors = {entry.conversation: entry.author for entry in rooms.store.entries() if entry.kind == LABEL}
    assert authors == {anna.conversation: "anna", ben.conversation: "ben"}
    # Nobody takes back what another one said, and each goes on with their own after a restart.
    do(ben, "undo")
    assert not ben.view["can_undo"] and anna.view["can_undo"]
    again = Workspaces(rooms.store, rooms.lesson)
    assert again.room("ben").conversation == ben.conversation
    assert again.room("anna").conversation == anna.conversation
    assert again.room("cora").conversation not in (anna.conversation, ben.conversation)


def test_what_another_teacher_adds_is_there(rooms: Workspaces) -> None:
    anna, ben = rooms.room("anna"), rooms.room("ben")
    do(anna, "correct_with_new", action="utter_weather", text="It rains.")
    ben.catch_up()
    assert "utter_weather" in {option["action"] for option in ben.view["options"]}
    do(ben, "correct", action="utter_weather")
    assert faults(ben) == [] and ben.session.conversation.latest_action == "utter_weather"


def test_what_came_with_an_answer_goes_with_it_for_all(rooms: Workspaces) -> None:
    anna, ben = rooms.room("anna"), rooms.room("ben")
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
    assert "'utter_weather' is no action" in faults(ben)[0]
    do(anna, "redo")
    ben.catch_up()
    do(ben, "correct", action="utter_weather")
    assert faults(ben) == [] and ben.view["chat"][-1]["texts"] == ["It rains."]


def test_a_conversation_is_taken_over(rooms: Workspaces) -> None:
    anna, ben = rooms.room("anna"), rooms.room("ben")
    do(anna, "correct", action="utter_ask_cuisine")
    taken = anna.conversation
    ben.catch_up()
    do(ben, "take_up", conversation=taken)
    assert ben.conversation == taken and rooms.owner(taken) == "ben"
    anna.catch_up()
    assert anna.conversation != taken
    assert anna.view["notes"] == [[f"ben has taken over {taken}.", ""]]
    assert Workspaces(rooms.store, rooms.lesson).room("ben").conversation == taken


def test_what_people_say_live_is_forked_not_taken_up(rooms: Workspaces) -> None:
    begins = Draft("talk", EVENT, {"event": "session_started", LIVE: "somebody"}, None, "bot")
    said = Draft("talk", USER, to_json(UserUttered("hello", "greet")), begins, "somebody")
    entries = rooms.store.append_all([begins, said])
    room = rooms.room("anna")
    do(room, "take_up", conversation="talk")
    assert faults(room) == ["people talk to the bot in 'talk': fork it instead"]
    assert rooms.owner("talk") is None  # who talks to the bot is no teacher
    do(room, "fork", entry=entries[1].id)
    fork = room.conversation
    do(room, "correct", action="utter_greet")
    do(room, "undo")
    assert fork != "talk" and room.conversation == fork and room.view["asks"] == "proposal"
    again = Workspaces(rooms.store, TeachingConfig(RESTAURANT, user="me"))
    assert again.room("anna").conversation == fork


@pytest.mark.parametrize("name", ["fake user", "bot", "story", "expert", "", "a\nb", "x" * 41])
def test_some_names_are_no_teachers(rooms: Workspaces, name: str) -> None:
    with pytest.raises(ValueError, match="is no name for a teacher"):
        rooms.room(name)


def test_new_names_are_asked_about(talk: Workspace) -> None:
    view = do(talk, "say", text='/book{"day": "monday"}')
    assert [name for _, name, _ in view["unknown"]["names"]] == ["book", "day"]
    view = do(talk, "leave_unknown")
    assert view["unknown"] is None and view["chat"] == []
    do(talk, "say", text='/book{"day": "monday"}')
    view = do(talk, "add_unknown")
    assert view["chat"][0]["meaning"] == 'book{"day": "monday"}' and ["day", "monday"] in view["slots"]
    do(talk, "undo")
    assert talk.session.domain == CONCERT


def test_a_new_name_that_another_teacher_has_added_by_then_is_no_fault(store: Store) -> None:
    rooms = Workspaces(store, TeachingConfig(CONCERT, user="me"))
    anna, ben = rooms.room("anna"), rooms.room("ben")
    for room in (anna, ben):
        do(room, "say", text='/book{"day": "monday"}')
    do(anna, "add_unknown")
    ben.catch_up()
    assert ben.view["unknown"] is not None
    do(ben, "add_unknown")
    assert faults(ben) == [] and ["day", "monday"] in ben.view["slots"]


def test_a_message_is_mended_by_marking_words(talk: Workspace) -> None:
    view = do(talk, "say", text="gigs in 東京 🎸 please")
    assert view["chat"][0]["meaning"] is None
    start = "gigs in 東京 🎸 please".index("東京")
    marked = {"name": "city", "value": "東京", "start": start, "end": start + 2}
    do(talk, "mend", intent="search_concerts", entities=[marked])
    view = do(talk, "add_unknown")
    assert view["chat"][0]["meaning"] == 'search_concerts{"city": "東京"}'
    assert view["chat"][0]["corrected"] == "?"
    do(talk, "restart")
    view = do(talk, "say", text="gigs in 東京 🎸 please")  # it is understood from then on
    assert view["chat"][0]["meaning"] == 'search_concerts{"city": "東京"}'


def test_halves_of_characters_do_not_break_the_page(talk: Workspace) -> None:
    entities = (Entity("city", "\udcff"),)
    talk.session.say(UserUttered("to \udcff \ud800", "greet", entities))
    view = do(talk, "wizard", on=True)
    assert json.dumps(view, ensure_ascii=False).encode() and view["mend"]["text"] == "to ? ?"
    do(talk, "mend", intent="goodbye", entities=view["mend"]["entities"])
    assert talk.view["asks"] == "proposal"


def test_a_contradiction_is_settled(talk: Workspace) -> None:
    do(talk, "say", text="/greet")
    do(talk, "correct", action="utter_goodbye")
    do(talk, "restart")
    do(talk, "say", text="/greet")
    do(talk, "correct", action="utter_greet")
    assert (talk.view["action"], talk.view["before"]) == ("utter_greet", ["utter_goodbye"])
    do(talk, "reconsider")
    assert talk.view["asks"] == "proposal"
    do(talk, "correct", action="utter_greet")
    view = do(talk, "settle", which="new")
    assert view["change"]["right"] == ["utter_greet"]
    found = differing(talk.session.history, talk.session.domain, "explicit")
    assert [one["right"] for one in found[0]["answers"]] == [["utter_goodbye"], ["utter_greet"]]
    assert not found[0]["is_open"]
    # It can be decided again, at that very point.
    do(talk, "fork", entry=found[0]["fork"])
    do(talk, "correct", action="utter_goodbye")
    view = do(talk, "settle", which="both")
    assert view["change"]["right"] == ["utter_greet", "utter_goodbye"]
    assert differing(talk.session.history, talk.session.domain, "explicit") == []


def test_the_bot_goes_on_until_it_is_unsure(rooms: Workspaces) -> None:
    room, expert = rooms.room("anna"), Expert()
    conversation = room.conversation
    while room.conversation == conversation:
        right = expert.right(room.session.history, conversation)
        right = ["utter_goodbye"] if room.view["is_closing"] else right
        is_right = room.view["options"][0]["action"] in right
        do(room, "confirm") if is_right else do(room, "correct", action=right[0])
    assert room.view["notes"][0][0].startswith(f"{conversation} is over: the user has what they wanted.")
    do(room, "threshold", threshold=0.0)
    do(room, "run")
    room.stop()
    assert not room.run_on()
    do(room, "threshold", threshold=0.999)
    do(room, "run")
    steps = 0
    while room.run_on():
        steps += 1
        assert steps < 200
    assert not room.view["is_running"] and room.view["notes"][-1][0].startswith(
        "The bot is not sure any more"
    )
    by_itself = [
        entry for entry in rooms.store.entries() if entry.kind == LABEL and entry.content["by"] == "bot"
    ]
    assert len(by_itself) == steps


def test_a_wizard_sees_no_proposal_and_can_undo_and_fork(rooms: Workspaces) -> None:
    room = rooms.room("anna")
    view = do(room, "wizard", on=True)
    assert [option["action"] for option in view["options"]] == list(room.session.actions)
    do(room, "correct", action="utter_ask_cuisine")
    assert room.view["change"] is None
    conversation = room.conversation
    do(room, "correct", action="action_listen")
    did = room.view["chat"]
    do(room, "undo")
    assert room.view["can_redo"] and len(room.view["chat"]) < len(did)
    do(room, "redo")
    assert room.view["chat"] == did
    asked = next(bubble for bubble in did if bubble["meaning"] == "utter_ask_cuisine")
    view = do(room, "fork", entry=asked["fork"])
    assert view["conversation"] != conversation and [bubble["side"] for bubble in view["chat"]] == ["user"]


def test_somebody_else_can_be_the_user(rooms: Workspaces) -> None:
    room = rooms.room("anna")
    with_fake = room.conversation
    view = do(room, "user", user="me")
    assert view["asks"] == "message" and room.conversation != with_fake
    do(room, "say", text="/greet")
    said = next(entry for entry in rooms.store.entries() if entry.kind == USER and entry.author == "anna")
    do(room, "user", user="fake")
    assert room.conversation == with_fake  # the one that had begun
    do(room, "fork", entry=said.id)
    assert room.view["user"] == "me" and room.view["asks"] == "proposal"


def test_conversations_are_found_read_and_approved(rooms: Workspaces) -> None:
    anna, ben = rooms.room("anna"), rooms.room("ben")
    do(anna, "correct", action="utter_ask_cuisine")
    do(anna, "restart")
    ben.catch_up()
    history = ben.session.history
    assert [row["id"] for row in rows(history, rooms.owner, "ANNA ask_cuisine")] == ["c1"]
    assert rows(history, rooms.owner, "nobody said this") == []
    shown = reading(history, "c1")
    assert shown["has_ended"] and not shown["is_approved"]
    ben.rate("c1", 1.0)
    assert reading(ben.session.history, "c1")["is_approved"]
    assert History(rooms.store.entries()).path("c1")[-1].kind == END


def test_figures_of_progress(rooms: Workspaces) -> None:
    room, expert = rooms.room("anna"), Expert()
    while len(dialogues(room.session.history)) < 6:
        right = expert.right(room.session.history, room.conversation)
        right = ["utter_goodbye"] if room.view["is_closing"] else right
        is_right = room.view["options"][0]["action"] in right
        do(room, "confirm") if is_right else do(room, "correct", action=right[0])
    history = room.session.history
    found = dialogues(history)
    assert found[0].corrections > found[-2].corrections and found[0].outcome == "success"
    assert all(one.seconds is not None and one.seconds >= 0 for one in found)
    labels = history.labels(RESTAURANT, "explicit")
    first = [label for label in labels if label.entry <= found[0].last]
    assert success_after(RESTAURANT, first, "explicit", 20) < success_after(
        RESTAURANT, labels, "explicit", 20
    )
