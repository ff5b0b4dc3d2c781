"""Conversations as chats with calls of tools, and corrections as pairs of answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dialogue_gym.conversation.events import UserUttered
from dialogue_gym.domain.additions import ACTION, Addition
from dialogue_gym.domain.loader import domain_text
from dialogue_gym.journal.store import Store
from dialogue_gym.teaching.export_chat import Chats, chats_of
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.simulated_teacher import SimulatedTeacher, teach
from dialogue_gym.text import TextDialogue
from tests.commands import call
from tests.conftest import domain_from
from tests.teaching.sessions import CITY, CONCERT, RESTAURANT, say, talk
from tests.text.chat_server import check_messages


def calls(messages: list[dict[str, Any]]) -> list[str]:
    return [one["function"]["name"] for message in messages for one in message.get("tool_calls", ())]


def pairs(chats: Chats) -> list[tuple[str, str]]:
    """The right and the wrong action of each pair."""
    return [(*calls(line["chosen"]), *calls(line["rejected"])) for line in chats.preferences]


def decide(session: Session, act: str, action: str, which: str | None = None) -> None:
    """Say an act, and answer with an action."""
    say(session, act)
    proposed = session.pending.best.action
    session.confirm() if proposed == action else session.correct(action)
    if which:
        session.resolve(which)


def test_a_chat_is_as_a_dialogue_in_text() -> None:
    for domain, turn_taking in ((RESTAURANT, "explicit"), (CITY, "auto")):
        session = Session(
            domain, Store.in_memory(), turn_taking=turn_taking, settings={}, author="expert",
            asks_for_closing=False,
        )  # fmt: skip
        teach(session, SimulatedTeacher(domain, turn_taking), 3, unseen=1)
        chats = chats_of(session.history, domain)
        text = TextDialogue(domain, "tools")
        assert len(chats.conversations) == 3 and chats.preferences
        for line in chats.conversations:
            *messages, last = line["messages"]
            check_messages(messages)
            assert messages[0] == {"role": "system", "content": text.instructions}
            assert line["tools"] == text.tools and line["outcome"] == "success"
            events = session.history.events(line["conversation"])
            said = [event.text for event in events if isinstance(event, UserUttered)]
            heard = [one["content"].splitlines()[-1] for one in messages[1:] if one["role"] != "assistant"]
            assert heard == said[: len(heard)] and len(heard) >= len(said) - 1
            if domain is RESTAURANT:
                (made,) = last["tool_calls"]
                known = session.history.conversation(domain, line["conversation"]).slots
                told = {name: known[name] for name in ("cuisine", "people", "location", "price")}
                assert json.loads(made["function"]["arguments"]) == told
            else:
                assert any("(you said: " in one["content"] for one in messages)
        for line in chats.preferences:
            check_messages(line["prompt"])
            assert set(calls(line["chosen"]) + calls(line["rejected"])) <= set(domain.actions)


def test_an_answer_taken_back_is_in_no_pair() -> None:
    session = talk(turn_taking="auto")
    decide(session, "search_concerts", "action_search_venues")
    session.undo()
    session.correct("utter_default")
    (pair,) = pairs(chats_of(session.history, CONCERT))
    assert pair[0] == "utter_default"
    head = session.history.head(session.id)
    assert head is not None
    session.fork(head)
    decide(session, "thankyou", "utter_greet")
    chats = chats_of(session.history, CONCERT)
    assert [one for one, _ in pairs(chats)] == [
        "utter_default",
        "utter_greet",
    ]  # the shared one is there once
    assert [calls(line["messages"]) for line in chats.conversations] == [
        ["utter_default"],
        ["utter_default", "utter_greet"],
    ]


def test_the_last_word_of_a_teacher_holds() -> None:
    session = talk(turn_taking="auto")
    decide(session, "search_concerts", "utter_default")
    session.restart()
    decide(session, "search_concerts", "action_search_venues", "both")
    chats = chats_of(session.history, CONCERT)
    assert [one for one, _ in pairs(chats)] == ["utter_default"] and len(chats.conversations) == 2
    session.undo()
    session.correct("action_search_venues")
    session.resolve("new")
    chats = chats_of(session.history, CONCERT)
    assert pairs(chats) == [("action_search_venues", "utter_default")]
    assert [line["conversation"] for line in chats.conversations] == [
        "c2"
    ]  # c1 begins with what is wrong now


def test_listening_is_left_out_and_waiting_is_told() -> None:
    session = talk()
    say(session, "greet")
    for action in ("utter_greet", "utter_default", "action_listen"):
        proposed = session.pending.best.action
        session.confirm() if proposed == action else session.correct(action)
    chats = chats_of(session.history, CONCERT)
    (line,) = chats.conversations
    assert calls(line["messages"]) == ["utter_greet", "utter_default"]
    assert line["messages"][-2]["content"] == "(the user is waiting)"
    assert chats.left_out == 1 and len(chats.preferences) <= 2


def test_a_plain_domain_with_a_new_action() -> None:
    domain = domain_from("""
        intents: [greet]
        actions: [utter_hi, count]
        responses: {utter_hi: [{text: "Hi."}]}
    """)
    session = Session(domain, Store.in_memory(), turn_taking="auto")
    say(session, "greet")
    session.correct("utter_wave", [Addition(ACTION, "utter_wave", ("*waves*",))])
    chats = chats_of(session.history, domain)
    (line,) = chats.conversations
    assert calls(line["messages"]) == ["utter_wave"]
    assert "The user leaves in anger" not in line["messages"][0]["content"]
    assert '- utter_wave: Says "*waves*"' in line["messages"][0]["content"]


def test_the_command_writes_lines_of_json(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    with Store(folder) as store:
        store.use_domain("concert", domain_text("concert"))
        session = Session(CONCERT, store, turn_taking="auto")
        session.say(UserUttered("Hello [b]\x1b[2J \ud83d", "greet"))
        session.correct("utter_greet") if session.pending.best.action != "utter_greet" else session.confirm()
        decide(session, "thankyou", "utter_youarewelcome")
    done = call("store", "export", "out", "--store", str(folder), "--chat", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == "out/conversations.jsonl"
    (line,) = (tmp_path / "out/conversations.jsonl").read_text().splitlines()
    assert json.loads(line)["messages"][1] == {"role": "user", "content": "Hello [b]\x1b[2J ?"}
    with Store(folder) as store:
        for summary in store.conversations():
            store.forget(summary.id)
    done = call("store", "export", "out", "--store", str(folder), "--chat", cwd=tmp_path)
    assert done.stdout.splitlines()[2:] == [
        "(no action of the bot: conversations.jsonl is empty now)",
        "(no correction of an action: preferences.jsonl is empty now)",
    ]
    assert (tmp_path / "out/conversations.jsonl").read_text() == ""
    for other in ("mine\n", '{"messages": []}\n', "[1]\n", "\n", "1"):
        (tmp_path / "out/preferences.jsonl").write_text(other)
        done = call("store", "export", "out", "--store", str(folder), "--chat", cwd=tmp_path)
        error = "error: out/preferences.jsonl: this file exists, and is not an export of a store; "
        assert done.returncode == 2 and done.stderr == f"{error}remove it, or write elsewhere\n"
        assert (tmp_path / "out/preferences.jsonl").read_text() == other
    wrong = call("store", "export", "out", "--store", str(folder), "--chat", "--nlu", "x.yml", cwd=tmp_path)
    assert wrong.returncode == 2
    assert (
        wrong.stderr == "error: --chat: it takes neither --for, --nlu nor --actions, which are about Rasa\n"
    )
