"""Teaching in a terminal: as a talk of screens and answers, through a pipe, and through a pseudo-terminal."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialogue_gym import Domain
from dialogue_gym.actions import ActionRunner, builtin_actions
from dialogue_gym.entries import LABEL, MEND, STORY, USER
from dialogue_gym.events import UserUttered
from dialogue_gym.history import History
from dialogue_gym.nlu.examples import builtin_path
from dialogue_gym.store import Store
from dialogue_gym.stories import load, parse
from dialogue_gym.teaching.importing import import_stories
from dialogue_gym.teaching.journal import MemoryJournal
from dialogue_gym.teaching.mode import use_mode
from dialogue_gym.teaching.pending import AwaitsMessage, MissingResult, Proposal
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.terminal.desk import Desk
from dialogue_gym.teaching.terminal.screens import Line, Screen, Talk
from dialogue_gym.teaching.understanding import mended
from tests.conftest import domain_from
from tests.terminal import Window

PLAIN = """
intents: [greet]
responses: {utter_greet: [{text: "Hello"}]}
actions: [utter_greet]
"""
STORIES = builtin_path("concert", "stories.md")


def text_of(screen: Screen) -> str:
    lines = []
    for part in screen.shown:
        if isinstance(part, Line):
            lines.append(part.text)
        else:
            lines += [" ".join([row.name, *row.cells]) for row in part.rows]
    return "\n".join([*lines, screen.prompt or ""])


def played(talk: Talk[None], answers: Iterable[str]) -> Iterator[str]:
    """Yield what is shown at first, and after each answer."""
    screen = next(talk)
    yield text_of(screen)
    for answer in answers:
        try:
            screen = talk.send(answer)
        except StopIteration:
            return
        yield text_of(screen)


def concert(journal: MemoryJournal, stories: bool = True) -> Session:
    domain = Domain.load("concert")
    if stories and not list(journal.entries()):
        import_stories(journal, domain, load(STORIES))
    return Session(domain, journal, runner=ActionRunner(domain, builtin_actions("concert")))


def desk(session: Session, is_wizard: bool = False) -> Talk[None]:
    return Desk(session, None, lambda: [Path("stories.md")], is_wizard).teach()


def taught(talk: Talk[None], session: Session, answers: dict[str, str], acts: Iterable[str]) -> int:
    """Answer as a person who knows what each message calls for; return how often that was a correction."""
    corrections = 0
    acts = iter(acts)
    screen = next(talk)
    while True:
        pending = session.pending
        if isinstance(pending, AwaitsMessage):
            act = next(acts, None)
            if act is None:
                return corrections
            wanted = answers[act]
            screen = talk.send(act)
        elif isinstance(pending, Proposal):
            action = "action_listen" if session.conversation.latest_action == wanted else wanted
            if pending.best.action == action:
                screen = talk.send("1")
            else:
                corrections += 1
                assert "2  no" in text_of(screen)
                assert action in text_of(talk.send("2"))
                screen = talk.send(action)
        else:
            screen = talk.send("1")


def test_the_walk_through_is_right_the_second_time() -> None:
    journal = MemoryJournal()
    session = concert(journal)
    answers = {
        "/greet": "utter_greet",
        "/search_concerts": "action_search_concerts",
        "/search_venues": "action_search_venues",
        "/thankyou": "utter_youarewelcome",
        "/compare_reviews ": "action_show_concert_reviews",
        "/compare_reviews": "action_show_venue_reviews",
    }
    acts = ["/greet", "/search_concerts", "/compare_reviews ", "/search_venues", "/compare_reviews"]
    assert taught(desk(session), session, answers, acts) >= 1
    session.restart()
    assert taught(desk(session), session, answers, acts) == 0


def test_a_question_shows_the_chat_the_slots_and_how_sure_the_bot_is() -> None:
    session = concert(MemoryJournal())
    *_, shown = played(desk(session), ["/greet"])
    assert shown.startswith("\nuser  /greet\nmeans greet (1.00)\nslots concerts: empty, venues: empty")
    assert "The bot wants to do [utter_greet] (1.00). Is this right?\nit says: Hey there!" in shown
    *_, shown = played(desk(session), ["2", "review", ":u"])
    assert "action_show_concert_reviews 0.00 not possible now" not in shown and "(undone)" in shown


@pytest.mark.parametrize(
    ("typed", "action"),
    [("8", "action_show_concert_reviews"), ("rt_rev", "action_show_concert_reviews"), ("VENUE_R", None)],
)
def test_an_action_is_picked_by_number_or_by_a_part_of_its_name(typed: str, action: str | None) -> None:
    session = concert(MemoryJournal(), stories=False)
    answers = ["/greet", "2", typed]
    *_, shown = played(desk(session), answers)
    expected = action or "action_show_venue_reviews"
    assert session.conversation.latest_action == expected
    assert f"after: {expected} (1.00)" in shown


def test_what_cannot_be_picked_is_said_and_asked_again() -> None:
    session = concert(MemoryJournal(), stories=False)
    answers = ["/greet", "x", "2", "99", "reviews", "+\x1b", "sing", "2", ""]
    shown = list(played(desk(session), answers))
    assert "(x is none of the answers: one of 1 2 3 u r f n g t s ? 0 q is expected)" in shown[2]
    assert "(the numbers go from 0 to 9)" in shown[4]
    assert shown[5].splitlines()[0].startswith("action_show_concert_reviews") and "utter" not in shown[5]
    assert "(\\x1b is no name for an action: it has control characters)" in shown[6]
    assert "sing is no action here" in shown[7] and "make it a new action" in shown[7]
    assert "Is this right?" in shown[9]
    assert session.history.labels(session.domain) == []


def test_new_actions_intents_and_slots_are_typed_freely() -> None:
    session = Session(domain_from(PLAIN), MemoryJournal())
    answers = [
        'order me one', "3", "order", "1", "size=one", "1",  # the intent, its entity as a slot
        "2", "utter_size", "1", "Which size?",  # the action, and what it says
        "2", "listen", "order  ME one",
    ]  # fmt: skip
    shown = list(played(desk(session), answers))
    assert "means not understood" in shown[1]
    assert session.domain.intents == ("greet", "order")
    assert [slot.name for slot in session.domain.slots] == ["size"]
    assert session.domain.texts("utter_size") == ("Which size?",)
    assert 'means order{"size": "one"} (1.00)' in shown[-1]  # the same sentence
    (message,) = mended(session.history).values()
    assert message.entities[0].start == len("order me ")
    session.undo()  # what was said last
    while session.history.can_undo(session.id):
        session.undo()
    assert mended(session.history) == {}


def test_an_act_of_an_unknown_intent_can_make_it_one() -> None:
    session = Session(domain_from(PLAIN), MemoryJournal())
    *_, shown = played(desk(session), ["/order", "2"])
    assert "order" not in session.domain.intents and isinstance(session.pending, AwaitsMessage)
    *_, shown = played(desk(session), ["/order", "1"])
    assert session.domain.intents[-1] == "order" and "means order (1.00)" in shown


@pytest.mark.parametrize(
    ("answer", "right"), [("1", {"utter_goodbye"}), ("2", {"utter_default"}), ("3", None)]
)
def test_a_contradiction_is_settled(answer: str, right: set[str] | None) -> None:
    session = concert(MemoryJournal(), stories=False)
    first = ["/greet", "2", "utter_default", "n", "/greet", "2", "utter_goodbye"]
    *_, shown = played(desk(session), first)
    assert "you said that utter_default is right" in shown
    *_, shown = played(desk(session), [answer])
    labels = session.history.labels(session.domain)
    assert set(labels[-1].right) == (right or {"utter_default", "utter_goodbye"})


def test_undo_redo_fork_figures_and_sureness() -> None:
    session = concert(MemoryJournal())
    shown = list(played(desk(session), ["/greet", "1", "u", "u", ":u", ":r", "r", "s", "t", "2", "t", "0.5"]))
    assert "(undone)" in shown[3] and "[utter_greet]" in shown[3]
    assert "(there is nothing to undo)" in shown[5]
    assert "[action_listen]" in shown[7]
    assert "\nanswers 1\n" in f"\n{shown[8]}\n" and "corrections 0" in shown[8]
    assert "2 is no number from 0 to 1" in shown[10]
    *_, asked, shown_last = played(desk(session), ["f", "0"])
    assert "user  /greet" in asked and "bot   utter_greet" in asked
    assert len(session.history.conversations[-1]) and session.id == session.history.conversations[-1]
    assert "[utter_greet]" in shown_last
    *_, shown_last = played(desk(session), ["?", "q"])
    assert session.conversation.latest_action is None


def test_the_bot_goes_on_by_itself_until_it_is_unsure_or_stopped() -> None:
    session = concert(MemoryJournal(), stories=False)
    list(played(desk(session), ["/greet", "2", "utter_greet", "2", "listen"]))
    before = len(session.history.labels(session.domain, "explicit"))
    shown = list(played(desk(session), [":t", "1", ":n", "/greet", "g", "", "", "/thankyou", "g"]))
    assert shown[5].startswith("bot   utter_greet") and shown[6].startswith("bot   action_listen")
    assert shown[7].endswith("you > ")
    assert "not sure any more, after 0 steps" in shown[9]
    assert len(session.history.labels(session.domain, "explicit")) == before == 2
    stopped = list(played(desk(session), ["t", "0", "g", "stop"]))
    assert "(stopped)" in stopped[-1]


def test_a_wizard_picks_everything_and_then_lets_the_bot_play() -> None:
    session = concert(MemoryJournal(), stories=False)
    answers = [
        "/greet",
        "utter_greet",
        "action_listen",
        "/thankyou",
        "utter_youa",
        "listen",
        ":n",
        "/greet",
        ":p",
    ]
    shown = list(played(desk(session, is_wizard=True), answers))
    assert not any(re.search(r"\d\.\d\d\)\. Is this right|probability", one) for one in shown[:8])
    assert "bot   utter_greet" in shown[9]


def test_the_fake_user_talks_and_the_next_dialogue_begins() -> None:
    session = Session(Domain.load("restaurant"), MemoryJournal(), settings={}, seed=1)
    talk, first = desk(session), session.id
    screen, seen = next(talk), ""
    while session.id == first:
        slots = session.conversation.slots
        missing = [name for name in ("cuisine", "people", "location", "price") if not slots[name]]
        assert isinstance(session.pending, Proposal)
        if session.pending.is_closing:
            action = "utter_goodbye"
        elif session.conversation.events[-1] != session.conversation.latest_message:
            action = "action_listen"
        else:
            ask = {"people": "numpeople"}.get(missing[0], missing[0]) if missing else ""
            action = f"utter_ask_{ask}" if missing else "action_suggest"
        for answer in ["1"] if session.pending.best.action == action else ["2", action]:
            screen = talk.send(answer)
            seen += text_of(screen)
    assert "This is what the bot does last" in seen
    assert "--- the user has what they wanted ---\n--- conversation c2 ---" in seen


def test_what_died_before_its_result_is_asked_about() -> None:
    journal = MemoryJournal()
    session = concert(journal)
    list(played(desk(session), ["/search_concerts"]))
    label = session._draft(LABEL, {"action": "action_search_concerts", "right": [], "by": "person"})
    session._write(label)  # as if the process had been killed here
    again = concert(journal)
    assert isinstance(again.pending, MissingResult)
    first, then = played(desk(again), ["2"])
    assert "Nothing says whether action_search_concerts was done" in first
    assert again.conversation.slots["concerts"] is None
    assert "[action_" in then or "[utter_" in then


def test_stories_are_imported_with_their_effects_and_listens() -> None:
    domain = Domain.load("concert")
    journal = MemoryJournal()
    told = ["## one", "* search_concerts", "  - action_search_concerts", '  - slot{"concerts": ["a"]}']
    text = "\n".join([*told, "* compare_reviews", "  - action_restart", ""])
    import_stories(journal, domain, parse(text))
    history = History(journal.entries())
    labels = history.labels(domain, "explicit")
    assert [label.right[0] for label in labels[:4]] == [
        "action_search_concerts", "action_listen", "action_restart", "action_listen"
    ]  # fmt: skip
    assert {label.by for label in labels} == {STORY}
    kinds = [entry.kind for entry in history.path("story 1")]
    assert kinds == [
        "event",
        "user",
        "label",
        "result",
        "label",
        "result",
        "user",
        *["label", "result"] * 2,
        "end",
    ]


def test_a_conversation_with_another_user_is_not_gone_on_with() -> None:
    journal = MemoryJournal()
    domain = Domain.load("restaurant")
    use_mode(journal, "me", "explicit")
    first = Session(domain, journal)
    first.say(UserUttered("hi", "greet"))
    use_mode(journal, "me", "explicit")
    assert Session(domain, journal).id == first.id
    use_mode(journal, "fake", "auto")
    other = Session(domain, journal, settings={}, turn_taking="auto")
    assert other.id != first.id and isinstance(other.pending, Proposal)


ANSWERS = [
    "1",
    "2",
    "3",
    "0",
    "",
    "u",
    "r",
    "f",
    "n",
    "g",
    "t",
    "s",
    "?",
    ":u",
    ":n",
    ":g",
    ":p",
    ":x",
    "/greet",
]
ANSWERS += [
    "/compare_reviews",
    '/sing{"song": "a"}',
    "/x{",
    "reviews",
    "listen",
    "99",
    "-",
    "a=b",
    "=",
    "[/b]",
]


@settings(max_examples=30)
@given(
    st.lists(st.sampled_from(ANSWERS) | st.text(max_size=8), max_size=14),
    st.booleans(),
    st.booleans(),
)
def test_no_answer_is_too_odd(answers: list[str], is_wizard: bool, is_fake: bool) -> None:
    journal = MemoryJournal()
    session = Session(Domain.load("restaurant"), journal, settings={} if is_fake else None)
    talk = desk(session, is_wizard)
    for _ in played(talk, answers):
        pass
    again = Session(Domain.load("restaurant"), journal, settings={} if is_fake else None)
    assert again.conversation == session.conversation and again.actions == session.actions


# The command.


def run(*words: str, typed: str, cwd: Path, columns: int = 80) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dialogue_gym", "teach", *words]
    environment = os.environ | {"COLUMNS": str(columns)}
    return subprocess.run(
        command, input=typed, capture_output=True, text=True, check=False, cwd=cwd, env=environment
    )


def test_through_a_pipe_the_seeds_walk_through_is_taught_and_exported(tmp_path: Path) -> None:
    typed = [
        "hello!", "2", "utter_greet", "1", "/search_concerts", "2", "search_concerts", "1",
        "which has better reviews?", "2", "concert_rev", "1", ":0",
    ]  # fmt: skip
    result = run(
        "concert", "--stories", str(STORIES), typed="\n".join(typed) + "\n", cwd=tmp_path, columns=60
    )
    assert result.returncode == 0 and result.stderr == ""
    assert "user  which has better reviews?\n      means compare_reviews" in result.stdout
    assert "bot   action_show_concert_reviews\n" in result.stdout
    assert "\x1b" not in result.stdout and max(map(len, result.stdout.splitlines())) <= 80
    exported = tmp_path / "concert-teaching" / "exported" / "stories.md"
    assert "action_show_concert_reviews" in exported.read_text()
    again = run("concert", typed=":n\nwhich has better reviews?\n", cwd=tmp_path)
    assert again.returncode == 0 and "conversation c" in again.stdout


def test_a_file_that_is_not_there_is_made_and_a_store_can_be_begun_anew(tmp_path: Path) -> None:
    typed = "1\norder, greet\nutter_hi\nHello: [you]\nhow are you [/b] \u202eשלום\n3\ngreet\n-\n:q\n"
    made = run("own.yml", typed=typed, cwd=tmp_path, columns=60)
    assert made.returncode == 0 and made.stderr == "", made.stderr
    domain = Domain.load(tmp_path / "own.yml")
    assert domain.intents == ("order", "greet") and domain.texts("utter_hi") == ("Hello: [you]",)
    assert "how are you [/b] \\u202eשלום" in made.stdout
    with Store(tmp_path / "own-teaching") as store:
        assert [entry.kind for entry in store.entries()].count(MEND) == 1
    anew = run("own.yml", "--scratch", typed="2\n/greet\n", cwd=tmp_path)
    assert anew.returncode == 0 and "Is this right?" in anew.stdout
    assert len(list(tmp_path.glob("own-teaching-*"))) == 1
    goes_on = run("own.yml", "--scratch", typed="1\n", cwd=tmp_path)
    assert "user  /greet" in goes_on.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["concrt"], "did you mean 'concert'?"),
        (["concert", "--scratch", "--pretrained"], "--scratch, --pretrained: give one of the two"),
        (["concert", "--stories", "missing.md"], "missing.md: there is no such file"),
        (["plain.yml", "--user", "fake"], "fake_user"),
        (["plain.yml", "--pretrained"], "has no stories.yml or stories.md"),
    ],
)
def test_what_is_wrong_is_one_line(words: list[str], message: str, tmp_path: Path) -> None:
    (tmp_path / "plain.yml").write_text(PLAIN)
    result = run(*words, typed="", cwd=tmp_path)
    assert result.returncode == 2 and message in result.stderr
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1


def test_in_a_terminal_keys_answer_and_ctrl_c_asks_before_leaving(tmp_path: Path) -> None:
    (tmp_path / "plain.yml").write_text(PLAIN)
    window = Window("teach", "plain.yml", cwd=tmp_path, columns=60, NO_COLOR="1")
    try:
        window.type("", "you >")
        window.type("\x03", "Leave?")  # at a line
        window.type("n", "you >")
        window.type("\x04", "Leave?")
        window.type("n", "you >")
        window.type("x" * 3000 + "\x07 [/b]\r", "means not understood", "answer >")
        assert "x" * 70 not in window.seen.partition("means")[0].rpartition("slots")[2]
        window.type("\x03", "Leave?")  # at a key
        window.type("n", "answer >")
        window.type("2", "action >")  # no Enter
        window.type("\x03", "Leave?")  # in a table
        window.type("n", "action >")
        window.resize(120)
        window.type("utter_greet\r", "bot   utter_greet", "answer >")
        assert "\x1b[3" not in window.seen.partition("Is this right")[0]
        window.type("u", "(undone)", "answer >")
        window.type("t", "sure the bot has to be")
        window.type("0\r", "answer >")
        window.type("g", "you >")
        window.type("\x03", "Leave?")
        os.write(window.leader, b"\x03")
        assert window.process.wait(30) == 0
    finally:
        window.close()
    with Store(tmp_path / "plain-teaching") as store:
        labels = [entry.content["by"] for entry in store.entries() if entry.kind == LABEL]
        assert labels == ["person", "bot"]


def test_what_was_answered_before_a_kill_is_there_after_it(tmp_path: Path) -> None:
    (tmp_path / "plain.yml").write_text(PLAIN)
    words = [sys.executable, "-m", "dialogue_gym", "teach", "plain.yml"]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    assert process.stdin and process.stdout
    for answer in ("/greet", "2", "utter_greet"):
        process.stdin.write(f"{answer}\n")
        process.stdin.flush()
    for line in process.stdout:
        if line.startswith("bot   utter_greet"):
            break
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()
    with Store(tmp_path / "plain-teaching") as store:
        session = Session(Domain.load(tmp_path / "plain.yml"), store)
        assert session.conversation.latest_action == "utter_greet"
        assert [label.right for label in session.history.labels(session.domain)] == [("utter_greet",)]
        assert sum(entry.kind == USER for entry in store.entries()) == 1
