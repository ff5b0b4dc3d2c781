"""The commands `dialogue-gym store`: inspect, export, prune and erase conversations."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sqlite3
from pathlib import Path
from typing import Any, cast

import pytest

from dialogue_gym import DialogueEnv, ExpertPolicy, load_domain
from dialogue_gym.conversation.events import WRITER, BotUttered, UserUttered
from dialogue_gym.domain.additions import ACTION, Addition
from dialogue_gym.domain.loader import domain_text
from dialogue_gym.journal.entry import PERSON, USER
from dialogue_gym.journal.store import Store
from dialogue_gym.journal.writer import ConversationWriter
from dialogue_gym.live.bot import LiveBot
from dialogue_gym.live.checkpoints import checkpoints_of
from dialogue_gym.live.exploration import Explorer
from dialogue_gym.live.migration import schema_of
from dialogue_gym.live.simulated_person import SimulatedPerson
from dialogue_gym.live.startup import start_or_resume
from dialogue_gym.nlu.examples import builtin_path
from dialogue_gym.nlu.interpreter import FixedFormatInterpreter
from dialogue_gym.stories import load, parse
from dialogue_gym.stories.io import own_stories
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.story_import import import_stories
from tests import ROOT
from tests.commands import call
from tests.live.handoffs import DOMAIN, Setup


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a conversation, a fork of it that goes on, and one that only began."""
    folder = tmp_path_factory.mktemp("made") / "store"
    with Store(folder) as store:
        store.use_domain("concert", domain_text("concert"))
        session = Session(load_domain("concert"), store)
        session.say(UserUttered("Hello [b]\x1b[2J", "goodbye"))
        session.correct_message(UserUttered("Hello [b]\x1b[2J", "greet"))
        session.add(Addition(ACTION, "utter_both", ("Hi", "you")))
        said = session.history.head("c1")
        session.correct("utter_both")
        assert said is not None
        session.fork(said)
        session.correct("utter_greet")
        session.resolve("new")
        session.restart()
    return folder


def test_a_correction_is_shown_under_its_action_beside_a_teachers_own_words(tmp_path: Path) -> None:
    writer = ConversationWriter("c1", author="ann")
    writer.begin()
    for number in range(2):
        writer.message(UserUttered(f"hello {number}", "greet"))
        writer.utterance(BotUttered("My own words.", {WRITER: "ann"}), "ann")
    writer.message(UserUttered("bye", "goodbye"))
    writer.decision("utter_goodbye", PERSON, details={"proposal": "utter_greet", "probability": 0.5})
    writer.result([])
    with Store(tmp_path / "store") as opened:
        opened.use_domain("concert", domain_text("concert"))
        opened.append_all(writer.take())
    _, lines, _ = store(tmp_path / "store", "show", "c1")
    assert len(lines) == 7 and lines[5].endswith("  utter_goodbye")
    assert lines[6] == "      ^ corrected: the bot proposed utter_greet"


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "store"
    copy.mkdir()
    for path in made.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    return copy


def store(folder: Path, *words: str, typed: str = "") -> tuple[int, list[str], str]:
    done = call("store", *words, "--store", str(folder), typed=typed)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout.splitlines(), done.stderr


def test_store_is_listed_and_shown(made: Path) -> None:
    status, lines, _ = store(made, "list")
    rows = [line.split() for line in lines]
    assert status == 0 and rows[0] == ["conversation", "when", "entries", "turns", "corrections", "outcome"]
    assert [(row[0], *row[4:]) for row in rows[1:]] == [("c1", "1", "2"), ("c2", "1", "2"), ("c3", "0", "0")]
    assert {len(line[: line.index(row[1])]) for line, row in zip(lines, rows, strict=True)} == {14}
    status, lines, _ = store(made, "show", "c1")
    assert status == 0
    assert lines[0].startswith(r"user  Hello [b]\x1b[2J ") and lines[0].endswith("  greet")
    assert lines[1] == "      ^ corrected: understood as goodbye"
    assert lines[2].startswith("bot   ") and lines[2].endswith("  utter_both")
    assert lines[3].startswith("      ^ corrected: the bot proposed utter_greet")
    assert store(made, "check") == (0, ["no problems found"], "")
    done = call("store", "list", str(made))
    assert done.stdout.splitlines() == store(made, "list")[1]
    missing = call("store", "list")
    assert missing.returncode == 2 and "dialogue-gym store list DIR" in missing.stderr


def test_stories_are_listed_apart_and_actions_renamed(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    with Store(folder) as opened:
        opened.use_domain("concert", domain_text("concert"))
        import_stories(opened, load_domain("concert"), own_stories(builtin_path("concert", "domain.yml"))[:1])
        rule = "rules: [{rule: r, steps: [{intent: goodbye}, {action: utter_default}]}]"
        import_stories(opened, load_domain("concert"), parse(rule))
        Session(load_domain("concert"), opened).say(UserUttered("hello", "greet"))
    lines = store(folder, "list")[1]
    titles = [line.split()[0] for line in lines if "entries" in line]
    assert titles == ["story", "conversation"] and lines[lines.index("") - 1].startswith("story ")
    assert lines[-1].startswith("c1 ") and not lines[-2].startswith("story")
    status, lines, _ = store(folder, "rename-action", "utter_greet", "utter Hello")  # names have no spaces
    assert status == 0 and lines == [
        "utter_greet is utter_hello in 6 entries",
        "(concert still has utter_greet: rename it there as well)",
    ]
    assert store(folder, "rename-action", "utter_default", "utter_sorry")[1][0].endswith(
        "utter_sorry in 0 entries"
    )
    assert store(folder, "rename-action", "utter_default", "utter_sorry")[0] == 2  # nothing has it any more
    other = tmp_path / "other.yml"
    other.write_text("intents: [order]\nactions: [utter_hello]\n")
    status, lines, _ = store(folder, "adopt", str(other))
    assert status == 0 and lines[-1] == f"{folder} belongs to {other}"
    assert "lacks the intent greet" in lines[0]


def test_a_store_is_exported(made: Path, tmp_path: Path) -> None:
    target = tmp_path / "files"
    status, lines, _ = store(made, "export", str(target))
    assert status == 0 and {str(target / name) for name in ("data/nlu.yml", "domain.yml")} <= set(lines)
    assert lines[-1] == "(no story: no turn of the bot was taught to its end yet)"
    assert "utter_both" in load_domain(target / "domain.yml").actions
    assert store(made, "export", str(target))[1][0] == f"{target}: nothing new to write"
    old = tmp_path / "old"
    status, lines, _ = store(made, "export", str(old), "--for", "rasa1")
    assert status == 0 and lines == [str(old / name) for name in ("stories.md", "domain.yml")]
    assert [story.name for story in load(old / "stories.md")] == ["c1 greet", "c2 greet"]
    assert store(made, "export", str(old), "--for", "rasa1")[1] == [f"{old}: nothing new to write"]
    status, _, error = store(made, "export", str(old), "--for", "rasa1", "--actions", "code.py")
    assert (status, error) == (2, "error: --actions: it is for --for rasa\n")
    status, _, error = store(made, "export", str(target), "--for", "rasa2")
    assert status == 2 and "did you mean 'rasa" in error


def test_forgotten_conversation_is_erased(folder: Path) -> None:
    status, _, error = store(folder, "forget", "c1", "--yes")
    assert (status, error) == (2, "error: 'c1' has forks that share its beginning: 'c2'\n")
    status, lines, _ = store(folder, "forget", "c1", "--with-forks", typed="n\n")
    assert status == 1 and lines[0].startswith("Erase c1, c2 for good?")
    assert len(store(folder, "list")[1]) == 4
    status, lines, _ = store(folder, "forget", "c1", "--with-forks", typed="y\n")
    assert status == 0 and lines[-1] == "c2 erased"
    assert [line.split()[0] for line in store(folder, "list")[1]] == ["conversation", "c3"]
    done = [line.split("  ")[-1] for line in store(folder, "log")[1]]
    assert done == ["about", "c1", "c2"]


@pytest.mark.parametrize(
    "command",
    [
        "list",
        "show c1",
        "export there",
        "forget c1 --yes",
        "check",
        "rollback",
        "rollback best",
        "prune --yes",
    ],
)
def test_missing_store_is_reported_in_one_line(command: str, tmp_path: Path) -> None:
    status, lines, error = store(tmp_path / "no", *command.split())
    assert status == 2 and lines == []
    assert error.startswith(f"error: {tmp_path / 'no'}: ") and error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_broken_store_is_reported_in_one_line(folder: Path) -> None:
    (journal,) = (path for path in folder.iterdir() if path.read_bytes().startswith(b"SQLite format 3"))
    with sqlite3.connect(journal) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("UPDATE entries SET content = '{}' WHERE id = 2")
    connection.close()
    for words in (["list"], ["show", "c1"], ["export", str(folder / "there")]):
        status, lines, error = store(folder, *words)
        assert (status, lines) == (2, []) and error.count("\n") == 1 and "entry 2" in error
    status, lines, _ = store(folder, "check")
    assert status == 2 and lines and lines[0].startswith("error: entry 2: ")
    status, _, error = store(folder, "show", "c7")
    assert status == 2 and error.count("\n") == 1


def test_all_of_a_person_is_erased_or_nothing(tmp_path: Path) -> None:
    """Of two conversations one has a fork, which a teacher began."""
    setup = Setup(tmp_path / "store")
    for text in ("/greet", "/order"):
        setup.say(text=text)
        setup.sessions.leave("ann", "192.0.2.1")
    session = Session(DOMAIN, setup.store, author="tina")
    session.fork(next(entry.id for entry in setup.store.entries("live2") if entry.kind == USER))
    setup.store.close()
    before = store(tmp_path / "store", "list")[1]
    status, lines, error = store(tmp_path / "store", "forget", "--person", "ann", "--yes")
    assert (status, lines) == (2, []) and error.startswith(
        "error: 'live2' has forks that share its beginning"
    )
    assert store(tmp_path / "store", "list")[1] == before
    status, lines, _ = store(tmp_path / "store", "forget", "--person", "ann", "--with-forks", "--yes")
    assert status == 0 and lines[:3] == ["live1 erased", "live2 erased", "c2 erased"]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which a bot has learned from people, with three checkpoints."""
    folder = tmp_path_factory.mktemp("lived") / "store"
    domain = load_domain("restaurant")
    with Store(folder) as store:
        store.use_domain("restaurant", domain_text("restaurant"))
        trainer, _ = start_or_resume(store, domain, None)
        person = SimulatedPerson(domain)
        live = LiveBot(
            domain,
            store,
            trainer.explorer,
            FixedFormatInterpreter(domain),
            person,
            on_transitions=trainer.submit,
        )
        for _ in range(2):
            person.talk(live)
            trainer.work()
            trainer.checkpoint()
    return folder


@pytest.fixture
def live_folder(lived: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(lived, tmp_path / "store"))


def test_trained_bot_rolls_back_to_a_checkpoint(live_folder: Path) -> None:
    status, lines, _ = store(live_folder, "rollback")
    rows = [line.split() for line in lines]
    assert status == 0 and rows[0] == ["checkpoint", "when", "steps", "success"]
    assert [row[0][:7] for row in rows[1:]] == ["000001-", "000002-", "000003-", "best"]
    steps = [int(row[3]) for row in rows[1:4]]
    assert 0 == steps[0] < steps[1] < steps[2]
    for name, steps_then in (("2", steps[1]), (rows[1][0], 0), ("best", steps[2])):
        status, lines, _ = store(live_folder, "rollback", name)
        assert status == 0 and lines[0].startswith("The next conversation begins with ")
        newest = next(checkpoints_of(live_folder).readable(print))
        assert newest is not None and lines[0].endswith(f" {newest.path.stem}.")
        assert newest.state["learner"]["transitions"] == steps_then
        with Store(live_folder) as opened:  # later messages are not learned again
            assert newest.state["upto"] == opened.last_id()
            trainer, _ = start_or_resume(opened, load_domain("restaurant"), None)
            trainer.work()
            assert trainer.learner.transitions == steps_then
    assert len(store(live_folder, "rollback")[1]) == 8  # nothing is overwritten
    status, lines, error = store(live_folder, "rollback", "bset")
    assert (status, lines) == (2, []) and "did you mean 'best'?" in error and error.count("\n") == 1
    (live_folder / "checkpoints" / f"{rows[1][0]}.npz").write_bytes(b"PK")
    assert "damaged" in store(live_folder, "rollback")[1][1]
    status, lines, error = store(live_folder, "rollback", "1")
    assert (status, lines) == (2, []) and "damaged" in error and error.count("\n") == 1


def test_learned_actions_are_renamed(live_folder: Path) -> None:
    status, lines, _ = store(live_folder, "rename-action", "action_suggest", "action_propose")
    assert status == 0 and lines[0].startswith("action_suggest is action_propose in ")
    text = domain_text("restaurant").replace("action_suggest", "action_propose")
    (live_folder / "renamed.yml").write_text(text)
    domain = load_domain(live_folder / "renamed.yml")
    newest = next(checkpoints_of(live_folder).readable(print))
    assert newest.state["knows"]["actions"] == schema_of(DialogueEnv(domain))["actions"]
    with Store(live_folder) as opened:
        assert opened.use_domain("renamed.yml", text) == []
        trainer, _ = start_or_resume(opened, domain, None)
        assert trainer.learner.transitions == newest.state["learner"]["transitions"] > 0


def test_old_checkpoints_and_conversations_are_pruned(live_folder: Path) -> None:
    status, lines, _ = store(live_folder, "prune", "--checkpoints", "1")
    assert (status, lines) == (0, ["2 checkpoints removed"])
    assert [line.split()[0][:7] for line in store(live_folder, "rollback")[1][1:]] == ["000003-", "best"]
    status, lines, _ = store(live_folder, "prune", "--conversations", "1", typed="n\n")
    assert status == 1 and lines[0].startswith(
        "Erase all live conversations that have ended, but the newest 1 of them, for good?"
    )
    status, lines, _ = store(live_folder, "prune", "--conversations", "1", "--yes")
    assert (status, lines) == (0, ["1 conversation erased", "0 checkpoints removed"])
    assert [line.split()[0] for line in store(live_folder, "list")[1]] == ["conversation", "live2"]
    with Store(live_folder) as opened:  # its lessons stay learned
        trainer, _ = start_or_resume(opened, load_domain("restaurant"), None)
        assert len(trainer.learner.replay) == trainer.learner.transitions
    assert store(live_folder, "show", "live2")[1][-1].startswith("--- ")


def test_untrained_store_is_reported_in_one_line(made: Path, folder: Path) -> None:
    assert store(made, "rollback")[1] == ["checkpoint  when  steps  success"]
    status, _, error = store(folder, "rollback", "best")
    assert status == 2 and error.count("\n") == 1
    with Store(folder):
        for words in (["rollback", "best"], ["prune", "--yes"]):
            status, _, error = store(folder, *words)
            assert status == 2 and "one can at a time" in error


def test_an_agent_is_evaluated_by_the_logs_of_another(tmp_path: Path) -> None:
    class Trying(ExpertPolicy):
        version = 0

    domain, folder = load_domain("restaurant"), tmp_path / "restaurant-live"
    with Store(folder) as opened:
        opened.use_domain("restaurant", domain_text("restaurant"))
        person = SimulatedPerson(domain)
        explorer = Explorer(cast(Any, Trying(DialogueEnv(domain))), rates=(0.1, 0.1))
        live = LiveBot(domain, opened, explorer, FixedFormatInterpreter(domain), person)
        for _ in range(100):
            person.talk(live)
    done = call("store", "evaluate", str(folder), "--agent", "expert", "--against", "expert")
    assert done.returncode == 0, done.stderr
    assert f"{folder}: 100 conversations with 1 version of the bot" in done.stdout
    assert done.stdout.count("doubly robust") == 3 and "expert less expert:" in done.stdout
    done = call("store", "evaluate", str(folder), "--agent", "expert", "--json")
    found = json.loads(done.stdout)
    (figures,) = found["agents"]
    rate = figures["success_rate"]["doubly robust"]
    assert rate["low"] <= 1 <= rate["high"] + 1e-9 and 50 <= figures["effective_size"] <= 100
    done = call("store", "evaluate", str(folder), "--agent", "random")
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "these logs cannot say how random would do: in about" in done.stderr
    for words in (("expert", "random"), ("random", "expert")):  # the figures of the other are shown
        done = call("store", "evaluate", str(folder), "--agent", words[0], "--against", words[1])
        assert done.returncode == 2 and "cannot say how random would do" in done.stderr
        assert "expert: rests on" in done.stdout and "less" not in done.stdout
    with Store(tmp_path / "new") as opened:
        opened.use_domain("restaurant", domain_text("restaurant"))
    done = call("store", "evaluate", str(folder), "--agent", "expert", "--against", str(tmp_path / "new"))
    nothing = f"error: {tmp_path}/new: nothing was taught or learned here yet, so that it has no agent\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", nothing)
    page = (ROOT / "docs/learning-from-logs.md").read_text(encoding="utf-8")
    for line in page.partition("```sh\n")[2].partition("```")[0].splitlines():
        # The agents of the page are trained: that of the store by months of ratings.
        words = shlex.split(re.sub(r"--(agent|against) \S+", r"--\1 expert", line))
        done = call(*words[1:], cwd=tmp_path)
        assert done.returncode == 0, (line, done.stderr)
