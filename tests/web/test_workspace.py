"""Teachers at work on one store, without a browser."""

from __future__ import annotations

import dataclasses
import json
import threading
from typing import Any

import pytest

from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import ActionExecuted, Entity, UserUttered, to_json
from dialogue_gym.journal.entry import END, EVENT, LABEL, LIVE, USER, Draft
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.reports import EXACT, Report
from dialogue_gym.teaching.progress import dialogues, success_after
from dialogue_gym.web.commands import dispatch
from dialogue_gym.web.listing import conversation_view, disagreement_rows, rows
from dialogue_gym.web.taught_success import OutdatedError, Taught
from dialogue_gym.web.teaching_config import TeachingConfig
from dialogue_gym.web.workspace import StaleCommand, Workspace, Workspaces
from tests.conftest import domain_from
from tests.web.servers import Expert
from tests.web.workspaces import CONCERT, RESTAURANT, do, faults, workspaces

__all__ = ["workspaces"]


@pytest.fixture
def talk(store: Store) -> Workspace:
    return Workspaces(store, TeachingConfig(CONCERT, user="me")).of("anna")


def test_a_step_is_answered_once(workspaces: Workspaces) -> None:
    workspace = workspaces.of("anna")
    step = workspace.step
    dispatch(workspace, step, "correct", {"action": "utter_greet"})
    entries = len(list(workspaces.store.entries()))
    for again in (step, "", "0.0", workspace.step + "0"):
        with pytest.raises(StaleCommand):
            dispatch(workspace, again, "confirm", {})
    assert len(list(workspaces.store.entries())) == entries
    # Another process numbers its steps differently: a step from before the restart never fits by chance.
    do(workspace, "undo")
    again = Workspaces(workspaces.store, workspaces.config).of("anna")
    assert again.view["chat"] == workspace.view["chat"] and again.step != step


def test_an_unlisted_value_is_told() -> None:
    domain = domain_from("intents: [tell]\nslots: {size: {type: categorical, values: [small, large]}}\n")
    workspace = Workspaces(Store.in_memory(), TeachingConfig(domain, user="me")).of("anna")
    do(workspace, "say", text='/tell{"size": "huge"}')
    told = ["the slot 'size' has no value 'huge', which to the bot is 'other'; valid: large, small", ""]
    assert told in [list(note) for note in workspace.view["notes"]]
    do(workspace, "correct_message", intent="tell", entities=[{"name": "size", "value": "small"}])
    assert not [text for text, _ in workspace.view["notes"] if "the slot" in text]


def test_simultaneous_commands_count_once(workspaces: Workspaces) -> None:
    workspace = workspaces.of("anna")
    step, stale = workspace.step, []

    def answer() -> None:
        try:
            dispatch(workspace, step, "confirm", {})
        except StaleCommand:
            stale.append(1)

    threads = [threading.Thread(target=answer) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    labels = [entry for entry in workspaces.store.entries() if entry.kind == LABEL]
    assert len(labels) == 1 and len(stale) == 7


@pytest.mark.parametrize(
    ("what", "given", "fault"),
    [
        ("confirmed", {}, "unknown command 'confirmed'; did you mean 'confirm'?"),
        ("correct", {}, "the command lacks 'action'"),
        ("correct", {"action": 3}, "the command lacks 'action'"),
        ("correct", {"action": "utter_gret"}, "unknown action 'utter_gret'; did you mean 'utter_greet'"),
        ("say", {"text": "x" * 2001}, "a text has at most 2000 characters, this one 2001"),
        ("fork", {"entry": True}, "the command lacks 'entry'"),
        ("fork", {"entry": 10**9}, "unknown entry 1000000000"),
        ("correct_message", {"intent": "a\nb", "entities": []}, "is not an intent"),
        (
            "correct_message",
            {"intent": "greet", "entities": [{"name": "cuisine"}]},
            "an entity has a name and a value",
        ),
        ("correct_message", {"intent": "greet", "entities": [{}] * 51}, "a message has at most 50 entities"),
        ("threshold", {"threshold": 7}, "a confidence is a number from 0 to 1, not 7"),
        ("user", {"user": "nobody"}, "this domain has no fake user"),
        ("resume", {"conversation": "../c1"}, "unknown conversation '../c1'"),
        ("resolve", {"which": "new"}, "no contradiction is pending"),
        ("redo", {}, "there is nothing to redo"),
    ],
)
def test_invalid_commands_are_reported_without_effect(
    workspaces: Workspaces, what: str, given: dict[str, Any], fault: str
) -> None:
    workspace = workspaces.of("anna")
    before = [entry.id for entry in workspaces.store.entries()]
    do(workspace, what, **given)
    assert len(faults(workspace)) == 1 and fault in faults(workspace)[0]
    assert [entry.id for entry in workspaces.store.entries()] == before


def test_a_conversation_is_taken_over(workspaces: Workspaces) -> None:
    anna, ben = workspaces.of("anna"), workspaces.of("ben")
    do(anna, "correct", action="utter_ask_cuisine")
    taken = anna.conversation
    ben.catch_up()
    do(ben, "resume", conversation=taken)
    assert ben.conversation == taken and workspaces.owner(taken) == "ben"
    anna.catch_up()
    assert anna.conversation != taken
    assert anna.view["notes"] == [[f"ben has taken over {taken}.", ""]]
    assert Workspaces(workspaces.store, workspaces.config).of("ben").conversation == taken


def test_live_conversations_are_forked_not_resumed(workspaces: Workspaces) -> None:
    begins = Draft("talk", EVENT, {"event": "session_started", LIVE: "somebody"}, None, "bot")
    said = Draft("talk", USER, to_json(UserUttered("hello", "greet")), begins, "somebody")
    entries = workspaces.store.append_all([begins, said])
    workspace = workspaces.of("anna")
    do(workspace, "resume", conversation="talk")
    assert faults(workspace) == ["people talk to the bot in 'talk': fork it instead"]
    assert workspaces.owner("talk") is None  # a visitor is not a teacher
    do(workspace, "fork", entry=entries[1].id)
    fork = workspace.conversation
    do(workspace, "correct", action="utter_greet")
    do(workspace, "undo")
    assert fork != "talk" and workspace.conversation == fork and workspace.view["asks"] == "proposal"
    again = Workspaces(workspaces.store, TeachingConfig(RESTAURANT, user="me"))
    assert again.of("anna").conversation == fork


@pytest.mark.parametrize("name", ["fake user", "bot", "story", "expert", "", "a\nb", "x" * 41])
def test_reserved_and_malformed_names_are_refused(workspaces: Workspaces, name: str) -> None:
    with pytest.raises(ValueError, match="cannot be a teacher's name"):
        workspaces.of(name)


def test_new_names_need_confirmation(talk: Workspace) -> None:
    view = do(talk, "say", text='/book{"day": "monday"}')
    assert [name for _, name, _ in view["unknown"]["names"]] == ["book", "day"]
    view = do(talk, "dismiss_unknown")
    assert view["unknown"] is None and view["chat"] == []
    do(talk, "say", text='/book{"day": "monday"}')
    view = do(talk, "add_unknown")
    assert view["chat"][0]["meaning"] == 'book{"day": "monday"}' and ["day", "monday"] in view["slots"]
    do(talk, "undo")
    assert talk.session.domain == CONCERT


def test_new_name_can_be_added_by_two_teachers(store: Store) -> None:
    workspaces = Workspaces(store, TeachingConfig(CONCERT, user="me"))
    anna, ben = workspaces.of("anna"), workspaces.of("ben")
    for workspace in (anna, ben):
        do(workspace, "say", text='/book{"day": "monday"}')
    do(anna, "add_unknown")
    ben.catch_up()
    assert ben.view["unknown"] is not None
    do(ben, "add_unknown")
    assert faults(ben) == [] and ["day", "monday"] in ben.view["slots"]


def test_a_message_is_corrected_by_selecting_words(talk: Workspace) -> None:
    view = do(talk, "say", text="gigs in 東京 🎸 please")
    assert view["chat"][0]["meaning"] is None
    start = "gigs in 東京 🎸 please".index("東京")
    marked = {"name": "city", "value": "東京", "start": start, "end": start + 2}
    do(talk, "correct_message", intent="search_concerts", entities=[marked])
    view = do(talk, "add_unknown")
    assert view["chat"][0]["meaning"] == 'search_concerts{"city": "東京"}'
    assert view["chat"][0]["corrected"] == "?"
    do(talk, "restart")
    view = do(talk, "say", text="gigs in 東京 🎸 please")  # the correction is remembered
    assert view["chat"][0]["meaning"] == 'search_concerts{"city": "東京"}'


def test_lone_surrogates_do_not_break_the_page(talk: Workspace) -> None:
    entities = (Entity("city", "\udcff"),)
    talk.session.say(UserUttered("to \udcff \ud800", "greet", entities))
    view = do(talk, "wizard", on=True)
    assert json.dumps(view, ensure_ascii=False).encode() and view["correctable"]["text"] == "to ? ?"
    do(talk, "correct_message", intent="goodbye", entities=view["correctable"]["entities"])
    assert talk.view["asks"] == "proposal"


def test_a_contradiction_is_resolved(talk: Workspace) -> None:
    do(talk, "say", text="/greet")
    do(talk, "correct", action="utter_goodbye")
    do(talk, "restart")
    do(talk, "say", text="/greet")
    do(talk, "correct", action="utter_greet")
    assert (talk.view["action"], talk.view["before"]) == ("utter_greet", ["utter_goodbye"])
    do(talk, "cancel")
    assert talk.view["asks"] == "proposal"
    do(talk, "correct", action="utter_greet")
    view = do(talk, "resolve", which="new")
    assert view["change"]["right"] == ["utter_greet"]
    found = disagreement_rows(talk.session.history, talk.session.domain, "explicit")
    assert [one["right"] for one in found[0]["answers"]] == [["utter_goodbye"], ["utter_greet"]]
    assert not found[0]["is_open"]
    # It can be decided again, at that very point.
    do(talk, "fork", entry=found[0]["fork"])
    do(talk, "correct", action="utter_goodbye")
    view = do(talk, "resolve", which="both")
    assert view["change"]["right"] == ["utter_greet", "utter_goodbye"]
    assert disagreement_rows(talk.session.history, talk.session.domain, "explicit") == []


def test_the_bot_continues_until_it_is_unsure(workspaces: Workspaces) -> None:
    workspace, expert = workspaces.of("anna"), Expert()
    conversation = workspace.conversation
    while workspace.conversation == conversation:
        right = expert.right(workspace.session.history, conversation)
        right = ["utter_goodbye"] if workspace.view["is_closing"] else right
        is_right = workspace.view["options"][0]["action"] in right
        do(workspace, "confirm") if is_right else do(workspace, "correct", action=right[0])
    assert workspace.view["notes"][0][0].startswith(
        f"{conversation} has ended: the user has what they wanted."
    )
    do(workspace, "threshold", threshold=0.0)
    do(workspace, "run")
    workspace.stop()
    assert not workspace.run_on()
    do(workspace, "threshold", threshold=0.999)
    do(workspace, "run")
    steps = 0
    while workspace.run_on():
        steps += 1
        assert steps < 200
    assert not workspace.view["is_running"] and workspace.view["notes"][-1][0].startswith("The bot is unsure")
    by_itself = [
        entry for entry in workspaces.store.entries() if entry.kind == LABEL and entry.content["by"] == "bot"
    ]
    assert len(by_itself) == steps


def test_wizard_has_no_proposals_but_undo_and_fork(workspaces: Workspaces) -> None:
    workspace = workspaces.of("anna")
    view = do(workspace, "wizard", on=True)
    assert [option["action"] for option in view["options"]] == list(workspace.session.actions)
    do(workspace, "correct", action="utter_ask_cuisine")
    assert workspace.view["change"] is None
    conversation = workspace.conversation
    do(workspace, "correct", action="action_listen")
    did = workspace.view["chat"]
    do(workspace, "undo")
    assert workspace.view["can_redo"] and len(workspace.view["chat"]) < len(did)
    do(workspace, "redo")
    assert workspace.view["chat"] == did
    asked = next(bubble for bubble in did if bubble["meaning"] == "utter_ask_cuisine")
    view = do(workspace, "fork", entry=asked["fork"])
    assert view["conversation"] != conversation and [bubble["side"] for bubble in view["chat"]] == ["user"]


def test_the_user_can_be_changed(workspaces: Workspaces) -> None:
    workspace = workspaces.of("anna")
    with_fake = workspace.conversation
    view = do(workspace, "user", user="me")
    assert view["asks"] == "message" and workspace.conversation != with_fake
    do(workspace, "say", text="/greet")
    said = next(
        entry for entry in workspaces.store.entries() if entry.kind == USER and entry.author == "anna"
    )
    do(workspace, "user", user="fake")
    assert workspace.conversation == with_fake  # the one begun before
    do(workspace, "fork", entry=said.id)
    assert workspace.view["user"] == "me" and workspace.view["asks"] == "proposal"


def test_conversations_are_found_read_and_approved(workspaces: Workspaces) -> None:
    anna, ben = workspaces.of("anna"), workspaces.of("ben")
    do(anna, "correct", action="utter_ask_cuisine")
    do(anna, "restart")
    ben.catch_up()
    history = ben.session.history
    assert [row["id"] for row in rows(history, workspaces.owner, "ANNA ask_cuisine")] == ["c1"]
    assert rows(history, workspaces.owner, "nobody said this") == []
    shown = conversation_view(history, "c1")
    assert shown["has_ended"] and not shown["is_approved"]
    ben.rate("c1", 1.0)
    assert conversation_view(ben.session.history, "c1")["is_approved"]
    assert History(workspaces.store.entries()).path("c1")[-1].kind == END


def test_progress_figures_are_computed(workspaces: Workspaces) -> None:
    workspace, expert = workspaces.of("anna"), Expert()
    while len(dialogues(workspace.session.history)) < 6:
        right = expert.right(workspace.session.history, workspace.conversation)
        right = ["utter_goodbye"] if workspace.view["is_closing"] else right
        is_right = workspace.view["options"][0]["action"] in right
        do(workspace, "confirm") if is_right else do(workspace, "correct", action=right[0])
    history = workspace.session.history
    found = dialogues(history)
    assert found[0].corrections > found[-2].corrections and found[0].outcome == "success"
    assert all(one.seconds is not None and one.seconds >= 0 for one in found)
    labels = history.labels(RESTAURANT, "explicit")
    first = [label for label in labels if label.entry <= found[0].last]
    assert success_after(RESTAURANT, first, "explicit", 20) < success_after(
        RESTAURANT, labels, "explicit", 20
    )


def steps(conversation: Conversation) -> list[str]:
    """The acts and actions of a conversation, in order."""
    return [
        event.act if isinstance(event, UserUttered) else event.name
        for event in conversation.events
        if isinstance(event, (UserUttered, ActionExecuted))
    ]


def test_a_failing_dialogue_becomes_a_lesson_and_is_taught(workspaces: Workspaces) -> None:
    pytest.importorskip("numba", reason="the extra agents is missing")
    workspace, expert = workspaces.of("anna"), Expert()

    def success(is_outdated: bool = False) -> Report | str:
        return workspaces.success.report(Taught.of(workspace.session), lambda: is_outdated)

    assert success() == "Nothing has been taught yet."
    while not dialogues(workspace.session.history) or workspace.conversation == "c1":
        right = expert.right(workspace.session.history, workspace.conversation)
        do(workspace, "correct", action="utter_goodbye" if workspace.view["is_closing"] else right[0])
    with pytest.raises(OutdatedError):
        success(is_outdated=True)
    before = success()
    assert isinstance(before, Report) and before.method == EXACT and before.success_rate < 0.5
    assert success(is_outdated=True) is before, "it is computed once for all pages"
    (failed,) = before.failures
    do(workspace, "user", user="me")
    workspace.replay(failed)
    assert workspace.view["user"] == "fake" and "Here it goes wrong" in workspace.view["notes"][-1][0]
    replayed = steps(workspace.session.conversation)
    assert [*replayed, workspace.view["options"][0]["action"]] == steps(failed.conversation)[
        : len(replayed) + 1
    ]
    right = expert.right(workspace.session.history, workspace.conversation)
    assert workspace.view["options"][0]["action"] not in right
    do(workspace, "correct", action=right[0])
    after = success()
    assert isinstance(after, Report) and after.success_rate > before.success_rate
    workspace.replay(failed)
    assert "By now its next step is another one" in workspace.view["notes"][-1][0]
    workspace.replay(dataclasses.replace(failed, right_steps=None))
    assert "until one is wrong" in workspace.view["notes"][-1][0] and len(workspace.view["chat"]) == 1
    assert steps(workspace.session.conversation) == steps(failed.conversation)[:1]
    workspace.replay(dataclasses.replace(failed, seed=None))
    assert faults(workspace) == ["no seed is known that plays this dialogue again"]


def test_success_without_a_fake_user_is_not_computed() -> None:
    workspace = Workspaces(Store.in_memory(), TeachingConfig(domain_from("intents: [tell]\n"), user="me")).of(
        "a"
    )
    told = workspace.shared.success.report(Taught.of(workspace.session), lambda: False)
    assert told == "This domain has no fake user, so there is nobody to try the bot on."


def test_typed_names_have_no_spaces_and_slips_are_told(talk: Workspace) -> None:
    do(talk, "say", text='/book table{"Katy Perry\'s": "x"}')
    asked = [(kind, name) for kind, name, _ in talk.view["unknown"]["names"]]
    assert asked == [("intent", "book_table"), ("entity", "katy_perrys")]
    do(talk, "dismiss_unknown")
    do(talk, "say", text="/serch_concerts")
    assert talk.view["unknown"]["names"] == [["intent", "serch_concerts", "did you mean 'search_concerts'?"]]
    do(talk, "use_meant")
    assert talk.session.domain == CONCERT and talk.view["chat"][-1]["meaning"] == "search_concerts"
    do(talk, "restart")
    do(talk, "say", text="/greet")
    do(talk, "correct_with_new", action="utter_gret", text="Hi")
    assert faults(talk) == ["unknown action 'utter_gret'; did you mean 'utter_greet'?"]
    do(talk, "correct_with_new", action="utter Tour dates", text="In May")
    assert talk.view["notes"][-1] == ["The action is called utter_tour_dates.", ""]
    do(talk, "correct_with_new", action="tell prices", text="9 euros")  # Rasa says utter_... alone
    assert talk.session.domain.texts("utter_tell_prices") == ("9 euros",)
    do(talk, "correct_with_new", action="utter_place", text="In {venus}")
    assert talk.view["notes"][-1][0].startswith("But: unknown slot 'venus' in braces; did you mean 'venues'?")
    do(talk, "correct_with_new", action="book it", text="")
    assert "book_it" in talk.session.domain.actions
    assert "utter_tour_dates" in talk.session.domain.actions
