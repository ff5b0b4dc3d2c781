"""`dialogue-gym live`: through pipes, in a pseudo-terminal, and with errors."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from stable_baselines3 import PPO

from dialogue_gym import DialogueEnv, load_domain
from dialogue_gym._text import printable
from dialogue_gym.actions import ActionRunner
from dialogue_gym.cli import main
from dialogue_gym.conversation.events import UserUttered
from dialogue_gym.journal.entry import LABEL, RATING, USER
from dialogue_gym.journal.store import Store
from dialogue_gym.live.bot import LiveBot
from dialogue_gym.live.checkpoints import checkpoints_of, read
from dialogue_gym.live.decision import LiveDecision
from dialogue_gym.nlu.interpreter import FixedFormatInterpreter
from dialogue_gym.policies import save_agent
from dialogue_gym.sb3.conversion import to_numpy
from dialogue_gym.sb3.masked_dqn import MaskedDQN
from dialogue_gym.teaching.session import Session
from tests.commands import call
from tests.terminals import Window

PLAIN = """
intents: [greet, order]
responses: {utter_greet: [{text: "Hello"}], utter_size: [{text: "Which size?"}]}
actions: [utter_greet, utter_size]
"""
NLU = """
nlu:
- intent: greet
  examples: |
    - hello
    - hi there
- intent: order
  examples: |
    - a pizza please
    - i want to order
"""
END = "How was that? +, -, a number from -1 to 1, or Enter > "
Line = str | None | Callable[[], Any]
Command = Callable[..., tuple[int, list[str], str]]


class Typed(io.StringIO):
    """A person who types lines, presses Ctrl-D (None), or runs a function in between."""

    def __init__(self, lines: Iterable[Line]) -> None:
        super().__init__()
        self.lines = list(lines)

    def readline(self, size: int | None = -1) -> str:
        while self.lines:
            line = self.lines.pop(0)
            if not callable(line):
                return "" if line is None else f"{line}\n"
            line()
        return ""


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command, in this process and in a folder of its own; it gives exit status, lines and error."""
    monkeypatch.chdir(tmp_path)
    Path("plain.yml").write_text(PLAIN)

    def run(*words: str, typed: Iterable[Line] = ()) -> tuple[int, list[str], str]:
        monkeypatch.setattr("sys.argv", ["dialogue-gym", *words])
        monkeypatch.setattr("sys.stdin", Typed(typed))
        with pytest.raises(SystemExit) as left:
            main()
        shown = capsys.readouterr()
        return int(left.value.code or 0), shown.out.splitlines(), shown.err

    return run


def contents(folder: str, kind: str) -> list[Any]:
    with Store(Path(folder), create=False, read_only=True) as store:
        return [entry.content for entry in store.entries() if entry.kind == kind]


def test_conversation_is_rated_and_the_next_day_resumes(command: Command) -> None:
    typed = ["+", "/restart", "/greet", "1", "+", "-0.5", "-7", "/restart", "7", "1", "/order", "", "?"]
    status, lines, error = command("live", "plain.yml", typed=typed)
    assert (status, error) == (0, "")
    assert lines[0].startswith("(no agent for this domain, and nothing was taught here")
    assert lines[1] == "(figures of the learning: tensorboard --logdir plain-live/tensorboard)"
    assert lines[2] == "plain: everything is saved in plain-live."
    assert [line for line in lines[5:] if not line.startswith(("bot", "(the bot"))][:18] == [
        "you > +", "(nothing to rate yet)",
        "you > /restart", "(this is a new conversation)",
        "you > /greet",
        "you > 1", "(unknown intent '1'; valid: greet, order)",
        "you > +", "(the last action is rated +1)",
        "you > -0.5", "(the last action is rated -0.5)",
        "you > -7", "(a rating is a number from -1 to 1)",
        "you > /restart", "(all is forgotten, and a new conversation begins)",
        f"{END}7", "(a rating is a number from -1 to 1)",
        f"{END}1",
    ]  # fmt: skip
    assert "(the conversation is rated +1)" in lines and "understood  order (1.00)" in lines
    assert sum(line.startswith("thought") for line in lines) == 3
    assert [content["value"] for content in contents("plain-live", RATING)] == [1, -0.5, 1]
    first = len(contents("plain-live", LABEL))
    assert lines[-1].startswith("(learned from ")
    status, lines, _ = command("live", "plain.yml", "--agent", "random", typed=["/greet"])
    assert lines[0] == ("(the learner of plain-live goes on; --agent is for a new one, and was ignored)")
    assert not any("last time" in line for line in lines) and len(contents("plain-live", LABEL)) > first
    assert [line.split()[-1] for line in command("store", "list", "--store", "plain-live")[1][1:]] == [
        "failure"
    ] * 3
    status, lines, _ = command("chat", "plain.yml", "--agent", "plain-live", typed=["/greet", "?"])
    assert lines[0] == "plain, with the agent 'plain-live'." and lines[-1].startswith(
        "            (values, not prob"
    )


def test_the_last_message_is_taken_back_aloud(command: Command) -> None:
    status, lines, _ = command("live", "plain.yml", typed=["/back", "/greet", "/back"])
    said = [line for line in lines if "back" in line]
    assert status == 0 and said == [
        "you > /back", "(there is nothing to take back)", "you > /back", "(your last message is taken back)",
    ]  # fmt: skip


def test_ctrl_d_ends_the_conversation_then_the_rating(command: Command) -> None:
    typed: list[Line] = ["/greet", None, "great!", "9", "0.5"]
    status, lines, _ = command("live", "plain.yml", typed=typed)
    assert status == 0 and lines[-6:-1] == [
        f"{END}great!", f"({END.removesuffix(' > ')} for nothing)",
        f"{END}9", "(a rating is a number from -1 to 1)",
        f"{END}0.5", "(the conversation is rated +0.5)",
    ][-5:]  # fmt: skip
    ended: list[list[Line]] = [
        ["/greet", None, None],
        ["/greet", None, ""],
        ["/greet", "/restart", None, "+"],  # at the question itself, with nothing said since
        ["/gret", None, "+"],
        [None, "+"],
    ]
    for typed in ended:
        assert command("live", "plain.yml", typed=typed)[0] == 0
    assert [content["value"] for content in contents("plain-live", RATING)] == [0.5]
    with Store(Path("plain-live")) as store:
        assert store.unfinished("live") == {}


def test_a_long_silence_ends_the_conversation(command: Command) -> None:
    def wait() -> None:
        time.sleep(0.05)

    typed: list[Line] = ["/greet", wait, "/greet", wait, "+", wait, "/restart", None]
    _, lines, _ = command("live", "plain.yml", "--silence", "0.0001", typed=typed)
    assert lines.count("(you were silent for a long time, so that conversation has ended)") == 2
    assert "(the conversation is rated +1)" in lines and "(this is a new conversation)" in lines
    assert [content["outcome"] for content in contents("plain-live", "end")] == ["truncated"] * 2


def test_a_learner_begins_with_taught_labels_and_teaching_continues(command: Command) -> None:
    domain = load_domain("plain.yml")
    with Store(Path("both")) as store:
        store.use_domain("plain.yml", PLAIN)
        session = Session(domain, store)
        for intent, action in (("greet", "utter_greet"), ("order", "utter_size")):
            session.say(UserUttered(f"/{intent}", intent))
            session.correct(action)
            session.correct("action_listen")
    status, lines, _ = command(
        "live", "plain.yml", "--store", "both", "--seed", "1", typed=["/order", "/greet", "/order"]
    )
    assert status == 0 and lines[0] == "(a new learner begins with the labels taught here)"
    assert [line for line in lines if line.startswith("bot")] == [
        "bot   Which size?", "bot   Hello", "bot   Which size?"
    ]  # fmt: skip
    status, lines, _ = command("teach", "plain.yml", "--store", "both", typed=["/order"])
    assert status == 0 and any("user  /order" in line for line in lines)
    assert command("store", "check", "--store", "both")[1] == ["no problems found"]
    refused = command("live", "plain.yml", "--store", "other", "--agent", "both")
    assert refused[0] == 2 and "to continue with it: --store both" in refused[2]


def saved(folder: str, model: Any, env: DialogueEnv, **settings: Any) -> str:
    """Save an agent as training does; return its folder."""
    Path(folder).mkdir()
    save_agent(Path(folder), to_numpy(model, env), name=folder, settings=settings)
    return folder


def former(folder: str, algorithm: str, model: Any, **settings: Any) -> str:
    """Save an agent as earlier versions did; return its folder."""
    Path(folder).mkdir()
    model.save(Path(folder) / "model.zip")
    metrics = {"agent": folder, "algorithm": algorithm, "settings": settings}
    (Path(folder) / "metrics.json").write_text(json.dumps(metrics))
    return folder


def test_unsuitable_agents_are_refused_before_anything_is_written(command: Command) -> None:
    env = DialogueEnv("restaurant")
    older = DialogueEnv("restaurant", max_history=2)
    ppo = former("ppo", "ppo", PPO("MlpPolicy", env, n_steps=8, batch_size=8, device="cpu"))
    history = saved("history", MaskedDQN("MlpPolicy", older, device="cpu"), older, max_history=2)
    with Store(Path("foreign")) as store:
        store.use_domain("concert", "other")

    def files() -> list[Path]:
        return sorted(path for path in Path().rglob("*") if not path.name.endswith(("-shm", "-wal")))

    before = files()
    for words, message in (
        (["restaurant", "--agent", ppo], "train it again, or add --trust if you know who made it"),
        (["concert", "--agent", history], "for other actions or observations than those of concert"),
        (["restaurant", "--agent", history], "train it with max_history=1"),
        (["restaurant", "--agent", "pretraind"], "did you mean 'pretrained'?"),
        (["plain.yml", "--agent", "random"], "without a fake user"),
        (["plain.yml", "--nlu", "missing.yml"], "missing.yml: there is no such file"),
        (["plain.yml", "--actions", "missing_module"], "missing_module"),
        (["plain.yml", "--store", "foreign"], "this store belongs to the domain 'concert'"),
        (["plain.yml", "--explore", "often"], "--explore 'often': expected 'auto', or a number from 0 to 1"),
        (["restaurnt"], "did you mean 'restaurant'?"),
    ):
        status, lines, error = command("live", *words)
        assert (status, lines) == (2, []) and error.startswith("error: ") and error.count("\n") == 1
        assert message in error
        assert files() == before, words


def test_dqn_resumes_with_its_own_turn_taking(command: Command) -> None:
    env = DialogueEnv("concert", turn_taking="explicit")
    model = MaskedDQN("MlpPolicy", env, device="cpu")
    former("before", "masked_dqn", model, turn_taking="explicit")
    for words in (["--agent", saved("dqn", model, env, turn_taking="explicit")], []):
        status, _, error = command("live", "concert", *words, typed=["/greet"])
        assert (status, error) == (0, "")
    checkpoint = next(checkpoints_of(Path("concert-live")).readable(print))
    assert checkpoint.turn_taking == "explicit"
    first = read(checkpoints_of(Path("concert-live")).paths()[0])
    words = ["concert", "--agent", "before", "--trust", "--store", "other"]
    assert command("live", *words, typed=["/greet"])[0] == 0
    other = read(checkpoints_of(Path("other")).paths()[0])
    weights = [part.detach().numpy() for part in model.q_net.parameters()]
    for number, part in enumerate(weights):
        np.testing.assert_array_equal(first.arrays[f"network.{number}"], part)
        np.testing.assert_array_equal(other.arrays[f"network.{number}"], part)


def test_locked_store_damaged_checkpoint_and_full_disk(command: Command) -> None:
    with Store(Path("plain-live")):
        status, _, error = command("live", "plain.yml")
        assert (
            status == 2 and "is writing to this store; one can at a time" in error and error.count("\n") == 1
        )
    for _ in range(2):
        status, whole, _ = command("live", "plain.yml", typed=["/greet", "/order", None, "+"])
    *_, newest = checkpoints_of(Path("plain-live")).paths()
    newest.write_bytes(newest.read_bytes()[:1000])
    status, lines, error = command("live", "plain.yml")
    assert status == 0 and error == "" and "this checkpoint is damaged and was ignored" in lines[1]
    assert lines[-1] == whole[-1]  # from an older one, and from the journal

    folder, aside = Path("plain-live/checkpoints"), Path("plain-live/aside")

    def lose() -> None:
        folder.rename(aside)
        folder.write_text("in the way")

    status, _, error = command("live", "plain.yml", typed=["/greet", "/order", "/order", lose, None, "-"])
    assert status == 2 and error.count("\n") == 1
    assert "everything is in the journal, and is learned from next time" in error
    folder.unlink()
    aside.rename(folder)
    assert contents("plain-live", RATING)[-1]["value"] == -1
    before, now = (int(shown[-1].split()[2]) for shown in (whole, command("live", "plain.yml")[1]))
    assert now == before + 3


def test_extended_domain_resumes_and_reduced_domain_is_refused(command: Command) -> None:
    command("live", "plain.yml", typed=["/greet", None, "+"])
    grown = PLAIN.replace("actions: [utter_greet", "actions: [utter_more, utter_greet")
    Path("plain.yml").write_text(grown.replace("intents: [greet", "intents: [thank, greet"))
    status, lines, error = command("live", "plain.yml", typed=["/thank", "/thank", "?"])
    assert (status, error) == (0, "") and any("utter_more" in line for line in lines)
    Path("plain.yml").write_text(PLAIN)
    entries = len(contents("plain-live", USER))
    status, lines, error = command("live", "plain.yml", typed=["/greet"])
    assert status == 2 and error.count("\n") == 1
    assert "has lost the action 'utter_more'" in error or "'thank'" in error
    assert len(contents("plain-live", USER)) == entries
    status, _, error = command("chat", "plain.yml", "--agent", "plain-live")
    assert status == 2 and "another version of the domain" in error and error.count("\n") == 1


def test_hostile_input_through_a_pipe_is_plain_text(tmp_path: Path) -> None:
    (tmp_path / "plain.yml").write_text(PLAIN)
    (tmp_path / "nlu.yml").write_text(NLU)
    hostile = [
        "hello \x1b[2J\x07",
        "hello \u202eolleh",
        "hello " * 2000,
        "/" + "x" * 10_000,
        '/greet{"a": "\\ud800"}',
    ]
    typed = "".join(f"{line}\n" for line in hostile)
    shown = call("live", "plain.yml", "--nlu", "nlu.yml", typed=typed, cwd=tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert all(line == printable(line) for line in shown.stdout.split("\n"))
    assert [content["text"] for content in contents(str(tmp_path / "plain-live"), USER)] == [
        line.strip() for line in hostile[:3]
    ]


def test_conversation_resumes_after_a_kill(tmp_path: Path) -> None:
    (tmp_path / "plain.yml").write_text(PLAIN)
    words = [sys.executable, "-m", "dialogue_gym", "live", "plain.yml"]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    assert process.stdin and process.stdout
    process.stdin.write("/order\n+\n")
    process.stdin.flush()
    for line in process.stdout:
        if "is rated" in line:
            break
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()
    again = call("live", "plain.yml", typed="/greet\n", cwd=tmp_path)
    assert again.returncode == 0
    assert "(continuing your last conversation)\nyou   /order\n" in again.stdout
    folder = str(tmp_path / "plain-live")
    assert [content["value"] for content in contents(folder, RATING)] == [1]
    assert len(contents(folder, USER)) == 2 and len(contents(folder, "end")) == 1


class First:
    """Decides for the first action that speaks."""

    def decide(self, observation: npt.NDArray[Any], possible: npt.NDArray[np.bool_]) -> LiveDecision:
        return LiveDecision("utter_greet")


def test_learning_reports_leave_typed_text_intact(tmp_path: Path) -> None:
    (tmp_path / "plain.yml").write_text(PLAIN)
    folder = tmp_path / "plain-live"
    assert call("live", "plain.yml", cwd=tmp_path).returncode == 0
    domain = load_domain(tmp_path / "plain.yml")
    with Store(folder) as store:  # as many steps as the next checkpoint waits for
        talk = LiveBot(domain, store, First(), FixedFormatInterpreter(domain), ActionRunner(domain))
        name = talk.begin()
        for _ in range(510):
            talk.take(name, UserUttered("/greet", "greet"))
        talk.leave(name)
    checkpoints, aside = folder / "checkpoints", folder / "aside"
    window = Window("live", "plain.yml", cwd=tmp_path, columns=100)
    try:
        window.type("", "Ctrl-D ends.", "you >")
        window.type("?", "understood  nothing yet", "you >")  # no Enter
        checkpoints.rename(aside)
        checkpoints.write_text("in the way")
        window.type("/greet\r", "bot", "you >")
        window.type("/restart\r/gre", "no checkpoint could be written")
        window.type("et\r", "bot", "you >")
        checkpoints.unlink()
        aside.rename(checkpoints)
        window.type("+\r", "(the last action is rated +1)", "you >")
        window.type("\x03", "How was that?")  # Ctrl-C is as Ctrl-D
        window.type("-\r", "(the conversation is rated -1)", "it goes on from here")
        assert window.process.wait(60) == 0
    finally:
        window.close()
    assert [content["text"] for content in contents(str(folder), USER)][-2:] == ["/greet"] * 2
    assert [content["value"] for content in contents(str(folder), RATING)] == [1, -1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "typed", "slot"),
    [
        ("restaurant", "cheap indian food in paris, please", "indian"),
        ("concert", "find me a concert", "search_concerts"),
    ],
)
def test_pretrained_agent_continues_with_plain_text(name: str, typed: str, slot: str, tmp_path: Path) -> None:
    shown = call("live", name, typed=f"{typed}\n?\n", cwd=tmp_path)
    assert shown.returncode == 0 and shown.stderr == ""
    assert shown.stdout.startswith("(a new learner begins with the agent 'pretrained'")
    assert (
        "Talk to it in plain English" in shown.stdout and slot in shown.stdout and "\nbot   " in shown.stdout
    )
    rows = call("store", "rollback", "--store", f"{name}-live", cwd=tmp_path).stdout.splitlines()
    first = rows[1].split()
    assert first[0].startswith("000001") and int(first[-1].rstrip("%")) >= 95
