"""The command `dialogue-gym teach`: through a pipe, with wrong arguments, and killed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from dialogue_gym import load_domain
from dialogue_gym.conversation.events import UserUttered
from dialogue_gym.journal.entry import MEND, USER
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.teaching.options import TeachOptions
from dialogue_gym.teaching.pending import Proposal
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.startup import set_up
from dialogue_gym.teaching.story_import import imported_stories
from tests.commands import call, run
from tests.teaching.terminal.dialogs import PLAIN, STORIES


def test_walk_through_in_a_pipe_is_taught_and_exported(tmp_path: Path) -> None:
    typed = [
        "hello!", "2", "utter_greet", "1", "/search_concerts", "2", "search_concerts", "1",
        "which has better reviews?", "2", "concert_rev", "1", ":0",
    ]  # fmt: skip
    words = [sys.executable, "-m", "dialogue_gym", "teach", "concert", "--stories", str(STORIES)]
    result = run(words, tmp_path, typed="\n".join(typed) + "\n", COLUMNS="60")
    assert result.stderr == ""
    assert "user  which has better reviews?\n      means compare_reviews" in result.stdout
    assert "bot   action_show_concert_reviews\n" in result.stdout
    table = result.stdout.partition("probability")[2].partition("number, part")[0]
    assert "action_show_concert_reviews " in table  # names are in one piece, and no text is lost
    assert "Sorry, I did not get that." in " ".join(
        re.sub(r"\d|action_\w+|utter_\w+|\.\d+", "", table).split()
    )
    assert "\x1b" not in result.stdout and max(map(len, result.stdout.splitlines())) <= 80
    exported = tmp_path / "concert-teaching" / "rasa" / "data" / "stories.yml"
    assert "action_show_concert_reviews" in exported.read_text()
    again = call("teach", "concert", typed=":n\nwhich has better reviews?\n", cwd=tmp_path)
    assert again.returncode == 0 and "conversation c" in again.stdout


def test_missing_file_is_created_and_a_new_store_can_be_started(tmp_path: Path) -> None:
    bot = "1\n\n2\nhi\nhello\n\ngreet\norder\nI order\n\norder\n\n\n1\nHello: [you]\nhi\n3\n1\n"
    typed = f"{bot}how are you [/b] \u202eשלום\n3\ngreet\n-\n:q\n"
    made = call("teach", "own.yml", typed=typed, cwd=tmp_path, columns=60)
    assert made.returncode == 0 and made.stderr == "", made.stderr
    domain = load_domain(tmp_path / "own.yml")
    assert domain.intents == ("greet", "order") and domain.texts("utter_hi") == ("Hello: [you]",)
    assert "how are you [/b] \\u202eשלום" in made.stdout
    with Store(tmp_path / "own-teaching") as store:
        assert [entry.kind for entry in store.entries()].count(MEND) == 1
    anew = call("teach", "own.yml", "--scratch", typed="2\n/greet\n", cwd=tmp_path)
    assert anew.returncode == 0 and "Is this right?" in anew.stdout
    assert len(list(tmp_path.glob("own-teaching-*"))) == 1
    continued = call("teach", "own.yml", "--scratch", typed="1\n", cwd=tmp_path)
    assert "user  /greet" in continued.stdout


@pytest.mark.parametrize(
    ("source", "user"), [("restaurant", "fake"), ("concert", "me"), ("city", "fake"), ("hotel", "fake")]
)
def test_a_fake_user_with_a_wish_talks_first(source: str, user: str) -> None:
    assert set_up(load_domain(source), TeachOptions(source)).user == user


def test_a_new_store_begins_with_the_stories_and_rules_of_a_folder(tmp_path: Path) -> None:
    steps = "steps: [{intent: greet}, {action: utter_hi}]"
    (tmp_path / "domain.yml").write_text("intents: [greet, bye]\nresponses: {utter_hi: [{text: Hi}]}\n")
    (tmp_path / "rules.yml").write_text(f"rules: [{{rule: a, {steps}}}]\nstories: [{{story: b, {steps}}}]\n")
    (tmp_path / "given.yml").write_text(f"stories: [{{story: c, {steps}}}]\n")
    domain, source = load_domain(tmp_path), str(tmp_path)
    setup = set_up(domain, TeachOptions(source))
    with Store.in_memory() as store:
        assert setup.prepare(store) == ["2 stories and 1 rule of the folder are known"]
        assert len(imported_stories(History(store.entries()))) == 3
        session = Session(domain, store)
        session.say(UserUttered("hello", "greet"))
        assert isinstance(session.pending, Proposal)
        assert session.pending.best.action == "utter_hi" and session.pending.best.ruling
        assert setup.prepare(store) == []  # nobody has named them
    assert set_up(domain, TeachOptions(source, scratch=True)).stories == []
    given = set_up(domain, TeachOptions(source, stories=(tmp_path / "given.yml",)))
    assert [story.name for story in given.stories] == ["c"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["concrt"], "did you mean 'concert'?"),
        (["concert", "--scratch", "--pretrained"], "--scratch, --pretrained: give only one of the two"),
        (["concert", "--stories", "missing.md"], "missing.md: there is no such file"),
        (["concert", "--stories", "rules.yml"], "rules.yml:5: unknown action 'utter_greeet'; did you mean"),
        (["concert", "--json"], "--json: it is for --teacher expert"),
        (["concert", "--mistakes", "0.5"], "--mistakes: it is for --teacher expert"),
        (["concert", "--teacher", "expert", "--wizard"], "--wizard: it is for a person"),
        (["plain.yml", "--user", "fake"], "fake_user"),
        (["plain.yml", "--pretrained"], "has no stories.yml or stories.md"),
    ],
)
def test_errors_are_one_line(words: list[str], message: str, tmp_path: Path) -> None:
    (tmp_path / "plain.yml").write_text(PLAIN)
    (tmp_path / "rules.yml").write_text(
        "rules:\n- rule: hi\n  steps:\n  - intent: greet\n  - action: utter_greeet\n"
    )
    result = call("teach", *words, cwd=tmp_path)
    assert result.returncode == 2 and message in result.stderr
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1


def test_answers_survive_a_kill(tmp_path: Path) -> None:
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
        session = Session(load_domain(tmp_path / "plain.yml"), store)
        assert session.conversation.latest_action == "utter_greet"
        assert [label.right for label in session.history.labels(session.domain)] == [("utter_greet",)]
        assert sum(entry.kind == USER for entry in store.entries()) == 1
