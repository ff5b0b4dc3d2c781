"""The leaderboard: our entries play again to the digit, the page shows them, and wrong ones are found."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from agents.leaderboard import BUILT_IN, read_entry, with_table
from dialogue_gym import DialogueEnv
from dialogue_gym.policies.q_table import QTable
from dialogue_gym.policies.saved import save_agent
from dialogue_gym.training.environments import builtin_ids
from tests import ROOT
from tests.agents.commands import agents

FOLDER = ROOT / "docs/leaderboard"
PAGE = ROOT / "docs/leaderboard.md"
ENTRIES = sorted(FOLDER.glob("*.json"))


@pytest.fixture
def entry(tmp_path: Path) -> Path:
    """An entry of a trained agent, without figures yet."""
    folder = tmp_path / "board"
    (folder / "agents/table").mkdir(parents=True)
    policy = QTable(DialogueEnv("concert"))
    save_agent(folder / "agents/table", policy, name="q_table", env_id="FakeUserConcert-v0")
    content = {
        "name": "A | table", "agent": "agents/table", "author": "me", "code": "here", "settings": {},
        "env_id": "FakeUserConcert-v0", "seeds": [4, 5], "dialogues": 30,
    }  # fmt: skip
    (folder / "table.json").write_text(json.dumps(content))
    return folder / "table.json"


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def error(path: Path) -> str:
    done = agents("verify", str(path))
    assert (
        done.returncode == 2 and done.stderr.startswith(f"error: {path}: ") and "\n" not in done.stderr[:-1]
    )
    return done.stderr.removeprefix(f"error: {path}: ")


def test_there_are_entries_of_each_policy_on_each_domain() -> None:
    found = {(one.env_id, one.agent) for one in map(read_entry, ENTRIES)}
    assert found >= {(env_id, name) for env_id in builtin_ids().values() for name in BUILT_IN}


def test_two_of_our_entries_play_again_to_the_digit() -> None:
    """One of them as the page does it."""
    page = PAGE.read_text(encoding="utf-8")
    line = next(line for line in page.splitlines() if line.startswith("python -m agents verify docs/"))
    words = line.removeprefix("python -m agents ").replace("docs/", f"{ROOT}/docs/").split()
    done = agents(*words, str(FOLDER / "concert-random.json"))
    assert (done.returncode, done.stdout.count(": verified: success ")) == (0, 2), done.stdout


@pytest.mark.slow
def test_all_entries_play_again_to_the_digit() -> None:
    done = agents("verify", *map(str, ENTRIES))
    assert done.returncode == 0, done.stdout
    assert done.stdout.count(": verified: ") == len(ENTRIES)


def test_the_page_has_the_table_of_the_entries() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_table(page, FOLDER)
    assert all(f"](leaderboard/{path.name}) |" in page for path in ENTRIES)


def test_an_entry_is_submitted_as_the_page_says(entry: Path, tmp_path: Path) -> None:
    """The entry on the page is one; the command adds its figures and its row, and it can be verified."""
    page = PAGE.read_text(encoding="utf-8")
    shown = entry.with_name("NAME.json")
    shown.write_text(page.partition("```json\n")[2].partition("```")[0])
    assert "agent: 'agents/NAME' is not a folder beside it" in error(shown)
    shown.unlink()

    shutil.copy(PAGE, tmp_path / "board.md")
    assert agents("verify", str(entry)).stdout.startswith(f"{entry}: its protocol is 'missing'")
    assert agents("verify", "--write", str(entry)).returncode == 0
    assert agents("verify", str(entry)).returncode == 0
    board = (tmp_path / "board.md").read_text(encoding="utf-8")
    rows = [line for line in board.splitlines() if line.startswith("| `")]
    assert len(rows) == 1 and rows[0].startswith(
        r"| `FakeUserConcert-v0` | [A \| table](board/table.json) | me"
    )
    assert rows[0].endswith("| 2 × 30 |")


def test_a_figure_that_is_not_played_is_named(entry: Path) -> None:
    assert agents("verify", "--write", str(entry)).returncode == 0
    written = json.loads(entry.read_text())
    right = written["figures"][1]["mean_return"]
    written["figures"][1]["mean_return"] += 1e-12
    change(entry, figures=written["figures"])
    done = agents("verify", str(entry))
    wrong = f"seed 5: mean_return is {right!r}, not {right + 1e-12!r}"
    assert (done.returncode, done.stdout) == (1, f"{entry}: {wrong}\n")
    change(entry, dialogues=31)
    done = agents("verify", str(entry))
    assert done.returncode == 1 and f"its protocol is {written['protocol']!r}" in done.stdout


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"agnet": "random"}, "unknown key 'agnet'; did you mean 'agent'?"),
        ({"author": 3}, "author: expected a text, not 3"),
        ({"env_id": "FakeUserConcrt-v0"}, "env_id: unknown environment 'FakeUserConcrt-v0'; did you mean"),
        ({"seeds": [1, 1]}, "seeds: expected different numbers"),
        ({"seeds": [-1]}, "seeds: -1 is not a number from 0"),
        ({"dialogues": 0}, "dialogues: 0 is not"),
        ({"settings": {"usr": "friendly"}}, "unknown setting 'usr'"),
        ({"settings": {"user": "friend"}}, "unknown user 'friend'"),
        ({"settings": {"max_history": 2}}, "agents/table: max_history cannot be changed"),
        ({"agent": "randm"}, "agent: 'randm' is not a folder beside it; did you mean 'random'?"),
        ({"figures": [{"seed": 4}]}, "figures: each has the keys"),
    ],
)
def test_a_mistake_in_an_entry_is_one_sentence(entry: Path, values: dict[str, Any], message: str) -> None:
    change(entry, **values)
    assert message in error(entry)
