"""`dialogue-gym train` and `evaluate`: of a domain file of one's own, by name, folder and store."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from dialogue_gym.cli import main
from dialogue_gym.conversation.events import UserUttered
from dialogue_gym.domain import load_domain
from dialogue_gym.domain.loader import domain_text
from dialogue_gym.envs import DialogueEnv
from dialogue_gym.journal.store import Store
from dialogue_gym.policies import QTable, save_agent
from dialogue_gym.teaching.session import Session
from dialogue_gym.training.configuration import agent_names
from dialogue_gym.training.progress import progress_bar
from tests.cli.test_live import PLAIN
from tests.commands import run
from tests.conftest import TINY

EXPERT = """
    expert:
    - when: {slots: {size: filled}}
      then: order
    - then: ask_size
"""
FILES = ["agent.json", "metrics.json", "tensorboard", "weights.npz"]
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run commands in a folder with a domain file, in this process."""
    monkeypatch.chdir(tmp_path)
    Path("shop.yml").write_text(TINY + EXPERT)
    Path("tiny.yml").write_text(TINY)
    Path("plain.yml").write_text(PLAIN)

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["dialogue-gym", *words])
        status = 0
        try:
            main()
        except SystemExit as end:
            status = int(end.code or 0)
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


def test_an_agent_for_a_file_of_ones_own(command: Command) -> None:
    status, out, err = command(
        "train", "shop.yml", "user=unfriendly", "--agent", "q_table", "--steps", "3000"
    )
    assert status == 0, err
    first, second, last = out.splitlines()
    assert "(1,000 dialogues)" in first
    assert first.startswith("q_table on shop (user=unfriendly): success 100.0%, mean return ")
    assert last == (
        "It is saved in shop-q_table. Talk to it: dialogue-gym chat shop.yml --agent shop-q_table"
    )
    assert "3000/3000 steps" in err and "1000/1000 dialogues" in err
    assert sorted(path.name for path in Path("shop-q_table").iterdir()) == FILES
    metrics = json.loads(Path("shop-q_table/metrics.json").read_text())
    assert metrics["settings"] == {"domain": "shop.yml", "user": "unfriendly"}
    assert second == f"bound of the mean return: {metrics['bound_return']:.2f}"
    assert metrics["bound_interval"] is None
    assert 0 <= metrics["bound_return"] - metrics["mean_return"] < 0.5

    status, out, err = command("evaluate", "shop.yml", "--agent", "shop-q_table", "--seed", "0")
    assert (status, out) == (0, f"{first}\n"), err
    shown = command("evaluate", "shop.yml", "semantic_error_rate=0.5", "--agent", "shop-q_table", "--json")[1]
    figures = json.loads(shown)
    assert figures["settings"] == {"user": "unfriendly", "semantic_error_rate": 0.5}
    assert figures["mean_return"] < metrics["mean_return"] and figures["dialogues"] == 1000

    shutil.copytree("shop-q_table", "again")
    against = ["--agent", "shop-q_table", "--against", "again", "--dialogues", "20"]
    one, other, less = command("evaluate", "shop.yml", *against)[1].splitlines()
    assert one.startswith("q_table (shop-q_table) on shop ") and other.startswith("q_table (again) on shop ")
    assert less.startswith("q_table (shop-q_table) less q_table (again), on the same dialogues: success +0.0")
    shown = json.loads(command("evaluate", "shop.yml", *against, "--json")[1])
    assert [shown["agent"], shown["against"]["agent"]] == ["q_table (shop-q_table)", "q_table (again)"]


@pytest.mark.parametrize("agent", sorted(set(agent_names()) - {"q_table"}))
def test_every_agent_is_trained_and_evaluated(agent: str, command: Command) -> None:
    steps = "60" if "bootstrapped" in agent else "300"  # that one learns much after every dialogue
    words = ["--agent", agent, "--out", "mine", "--steps", steps, "--dialogues", "20", "--bound", "none"]
    status, out, err = command("train", "shop.yml", *words)
    assert status == 0, err
    assert out.startswith(f"{agent} on shop: success ")
    evaluated = command("evaluate", "shop.yml", "--agent", "mine", "--dialogues", "20", "--seed", "0")
    assert evaluated[:2] == (0, out.splitlines()[0] + "\n")


@pytest.mark.slow
def test_a_line_is_printed_while_the_rules_compile_and_none_later(tmp_path: Path) -> None:
    words = ["-m", "dialogue_gym", "evaluate", "restaurant", "--agent", "expert", "--dialogues", "20"]
    first, second = (run([sys.executable, *words], tmp_path, NUMBA_CACHE_DIR="cache") for _ in range(2))
    told = [line for line in first.stderr.splitlines() if line.startswith("(compiling the rules")]
    assert told == ["(compiling the rules for this domain: a few seconds, and kept for later runs)"]
    assert "compiling" not in second.stderr and first.stdout == second.stdout != ""


def test_what_the_library_logs_stands_once_above_the_bar(capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger("dialogue_gym.compiled.kernel")
    log.info("unseen")
    for _ in range(2):
        with progress_bar("learning", 10):
            log.info("compiling [red]")
            log.debug("unseen")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "(compiling [red])" and [line[:8] for line in lines[1:]] == ["learning"] * 2
    assert not logging.getLogger("dialogue_gym").handlers


def test_an_agent_that_seldom_succeeds_is_told_of_more_steps_and_metrics_keep_the_curriculum(
    command: Command,
) -> None:
    words = ["concert", "patience=1", "--dialogues", "20", "--out", "mine", "--bound", "none"]
    status, out, err = command("train", *words, "--steps", "2000")
    assert status == 0 and "success 0.0%" in out, err
    told = "It seldom succeeds after 2,000 steps: without --steps it trains for 100,000."
    assert out.splitlines()[1] == told
    status, out, err = command(
        "train", *words, "--curriculum", "--agent", "masked_q_table", "--steps", "3000"
    )
    assert status == 0, err
    metrics = json.loads(Path("mine/metrics.json").read_text())
    assert metrics["curriculum"] is True and metrics["settings"] == {"patience": 1}
    assert json.loads(Path("mine/agent.json").read_text())["settings"] == {"patience": 1}


def test_a_stop_keeps_what_was_learned_but_never_instead_of_an_earlier_agent(command: Command) -> None:
    words = ["train", "shop.yml", "--agent", "q_table", "--out", "out/mine", "--bound", "none"]
    endless = [*words, "--steps", "1000000000"]
    status, out, err = interrupted(command, signal.SIGTERM, *endless, "--track", "tensorboard")
    assert (status, out) == (143, "")
    assert re.fullmatch(
        r"\(stopped after [\d,]+ of 1,000,000,000 steps; the agent learned until then is saved in out/mine\)",
        err.splitlines()[-1],
    )
    assert command("evaluate", "shop.yml", "--agent", "out/mine", "--dialogues", "5")[0] == 0
    before = Path("out/mine/weights.npz").read_bytes()
    shutil.rmtree("out/mine/tensorboard")
    status, _, err = interrupted(command, signal.SIGINT, *endless, "--track", "tensorboard")
    assert status == 130 and err.splitlines()[-1].endswith("its earlier agent, and nothing was saved)")
    assert Path("out/mine/weights.npz").read_bytes() == before
    assert command(*words, "--steps", "100", "--dialogues", "5")[0] == 0  # but to its end it replaces it


def interrupted(command: Command, number: int, *words: str) -> tuple[int, str, str]:
    """Run a training until its tracker has figures, then send a signal."""
    is_over = threading.Event()

    def press() -> None:
        while not is_over.wait(0.02):
            if any(path.stat().st_size > 500 for path in Path().glob("out/*/tensorboard/*")):
                os.kill(os.getpid(), number)
                return

    presser = threading.Thread(target=press)
    presser.start()
    try:
        return command(*words)
    finally:
        is_over.set()
        presser.join()


@pytest.mark.parametrize(
    ("agent", "given", "wish"),
    [
        ("maskable_ppo", "batch_size:-3", "a whole number of at least 2, not -3"),
        ("ppo", "n_epochs:2.5", "a whole number of at least 1, not 2.5"),
        ("dqn", "learning_rate:fast", "above 0, not 'fast'"),
        ("masked_dqn", "gradient_steps:-2", "a whole number of at least -1, not -2"),
        ("masked_bootstrapped_dqn", "gamma:7", "from 0 to 1, not 7"),
        ("masked_bootstrapped_dqn", "dropout:1", "at least 0 and below 1, not 1"),
        ("masked_bootstrapped_dqn", "heads:true", "a whole number of at least 1, not True"),
        ("q_table", "use_mask:3", "true or false, not 3"),
        ("q_table", "optimism:.nan", "a number, not nan"),
        ("ppo", "ent_coef:-1", "at least 0, not -1"),
        ("ppo", "policy_kwargs:deep", "given in code, not 'deep'"),
    ],
)
def test_hyperparameters_that_cannot_be(command: Command, agent: str, given: str, wish: str) -> None:
    words = ["train", "shop.yml", "--agent", agent, "--out", "bad", "--hyperparams", given]
    assert command(*words) == (2, "", f"error: {given.partition(':')[0]}: must be {wish}\n")
    assert not Path("bad").exists()


def test_keywords_of_policies_that_cannot_be(command: Command) -> None:
    words = ["train", "shop.yml", "--out", "bad", "--bound", "none", "--track", "none"]
    status, _, err = command(*words, "--hyperparams", "policy_kwargs:{net_arc: [3]}")
    assert status == 2 and "\nerror: maskable_ppo cannot be made with these values of policy_kwargs: " in err
    assert err.endswith("got an unexpected keyword argument 'net_arc'\n") and not Path("bad").exists()


def test_a_training_that_fails_leaves_no_empty_folder(command: Command) -> None:
    words = ["train", "shop.yml", "--agent", "bootstrapped_dqn", "--out", "new/mine", "--track", "none"]
    status, _, err = command(*words, "--bound", "none", "--hyperparams", "window:7")
    assert status == 2 and err.endswith("batch_size: must be a multiple of the window, 7, not 64\n"), err
    assert not Path("new").exists()


def test_agents_by_name_and_of_a_store(command: Command) -> None:
    assert "success 100.0%" in command("evaluate", "restaurant", "--dialogues", "50")[1]
    status, out, _ = command("evaluate", "shop.yml", "turn_taking=explicit", "--agent", "expert")
    assert status == 0 and out.startswith("expert on shop (turn_taking=explicit): success ")
    with Store(Path("taught")) as store:
        store.use_domain("tiny.yml", TINY)
        session = Session(load_domain("tiny.yml"), store)
        for intent, action in (("deny", "ask_size"), ("inform", "order")):
            session.say(UserUttered(f"/{intent}", intent))
            session.correct(action)
            session.correct("action_listen")
    status, out, err = command("evaluate", "tiny.yml", "--agent", "taught", "--dialogues", "20")
    assert status == 0 and out.startswith("taught on tiny (turn_taking=explicit): success "), err
    exact = json.loads(command("evaluate", "tiny.yml", "--agent", "taught", "--exact", "--json")[1])
    assert exact["method"] == "exact" and exact["bot"] == "taught"
    words = ["--agent", "warm_masked_dqn", "--labels", "taught", "--steps", "200", "--dialogues", "5"]
    words += ["--bound", "none"]
    status, out, err = command("train", "tiny.yml", *words)
    assert status == 0 and "It is saved in tiny-warm_masked_dqn." in out, err


def test_two_agents_are_compared_on_the_same_dialogues(command: Command) -> None:
    words = ["evaluate", "restaurant", "--agent", "expert", "--against", "random", "--dialogues", "40"]
    status, out, err = command(*words)
    assert status == 0 and "80/80 dialogues" in err
    first, second, differences = out.splitlines()
    assert first.startswith("expert on restaurant: success 100.0%")
    assert second.startswith("random on restaurant: success ")
    assert differences.startswith("expert less random, on the same dialogues: success +")
    shown = json.loads(command(*words, "--json")[1])
    assert shown["against"]["agent"] == "random"
    means = shown["mean_return"], shown["against"]["mean_return"]
    assert shown["differences"]["mean_return"] == pytest.approx(means[0] - means[1])
    assert f"mean return {means[0] - means[1]:+.2f} ± " in differences
    assert (
        command("evaluate", "shop.yml", "max_history=2", "--agent", "expert", "--against", "expert")[0] == 0
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "plain.yml"], "plain.yml: there is nobody to play with, since"),
        (["evaluate", "plain.yml"], "plain.yml: there is nobody to play with"),
        (["train", "shop.yml", "--agent", "pp"], "unknown agent 'pp'; did you mean 'ppo'?"),
        (["train", "shop.yml", "pacience=3"], "unknown setting 'pacience'; did you mean 'patience'?"),
        (["train", "shop.yml", "patience=3", "patience=4"], "'patience' is given twice"),
        (["train", "shop.yml", "domain=concert"], "unknown setting 'domain'"),
        (["train", "shop.yml", "observation=flat"], "'observation' cannot be set here: the agents"),
        (["train", "shop.yml", "patience=lots"], "patience='lots': must be a whole number"),
        (["train", "shp.yml"], "shp.yml: there is no such file"),
        (["train", "tiny.yml", "--agent", "warm_ppo"], "warm_ppo: it begins with the domain's expert"),
        (["train", "shop.yml", "--labels", "x"], "maskable_ppo starts from scratch; labels are only for"),
        (["train", "shop.yml", "--agent", "behaviour_cloning", "--curriculum"], "learns without rewards; a"),
        (["train", "shop.yml", "--out", "shop.yml/x"], "shop.yml/x: Not a directory"),
        (["train", "shop.yml", "--out", "store"], "store: this is a store; give another folder"),
        (["train", "shop.yml", "--agent", "warm_ppo", "--labels", "no"], "no: there is no store here"),
        (["train", "shop.yml", "--agent", "warm_ppo", "--labels", "store"], "store: this store belongs to"),
        (["train", "shop.yml", "--agent", "warm_ppo", "--labels", "empty"], "empty: the store has no labels"),
        (["train", "shop.yml", "--out", "shop.yml"], "shop.yml: this is a file, not a folder"),
        (["train", "shop.yml", "--out", "."], ".: this folder has other files, such as 'agent'"),
        (["train", "shop.yml", "--out", "agent"], "agent: this folder has an agent for 'tiny', not 'shop'"),
        (["teach", "tiny.yml", "--store", "agent"], "agent: this folder has a trained agent; a store needs"),
        (["live", "tiny.yml", "--store", "agent"], "agent: this folder has a trained agent; a store needs"),
        (["serve", "tiny.yml", "--talk", "--store", "agent"], "agent: this folder has a trained agent"),
        (["live", "tiny.yml", "--store", "shop.yml"], "shop.yml: this is a file, and a store is a folder"),
        (["evaluate", "shop.yml", "--agent", "store"], "store: this store belongs to the domain 'concert'"),
        (["chat", "shop.yml", "--agent", "store"], "store: this store belongs to the domain 'concert'"),
        (["test", "store", "--domain", "shop.yml"], "store: this store belongs to the domain 'concert'"),
        (["evaluate", "tiny.yml"], "tiny.yml: no agent exists for this domain; `dialogue-gym train"),
        (["evaluate", "shop.yml", "--agent", "exprt"], "did you mean 'expert'?"),
        (["evaluate", "shop.yml", "--agent", "expert", "--against", "exprt"], "did you mean 'expert'?"),
    ],
)  # fmt: skip
def test_mistakes_are_reported_in_one_line(words: list[str], message: str, command: Command) -> None:
    with Store(Path("store")) as store:
        store.use_domain("concert", domain_text("concert"))
    Store(Path("empty")).close()
    Path("agent").mkdir()
    save_agent(Path("agent"), QTable(DialogueEnv("tiny.yml")), name="mine")
    before = files()
    status, out, err = command(*words)
    assert (status, out, err.count("\n")) == (2, "", 1), err
    assert err.startswith("error: ") and message in err
    assert files() == before


def files() -> list[Path]:
    """Return what lies here and in the folder of the agent; readers of a store may leave files beside it."""
    return sorted([*Path().iterdir(), *Path("agent").iterdir()])


@pytest.mark.parametrize("package", ["torch", "stable_baselines3", "sb3_contrib", "numba"])
def test_a_missing_package_is_named_before_anything_is_written(
    package: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(sys.modules):
        if name.startswith(("dialogue_gym.training.a", "dialogue_gym.training.r", "dialogue_gym.sb3.")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    status, out, err = command("train", "shop.yml", "--agent", "ppo")
    assert (status, out) == (2, "") and f'needs {package}: pip install "dialogue_gym[agents]"' in err
    assert not Path("shop-ppo").exists()
