"""Trackers: the figures that TensorBoard and trackio keep of a training, and chosen hyperparameters."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.commands import call
from tests.conftest import TINY


def train(cwd: Path, *more: str) -> tuple[int, str, str]:
    words = ("train", "concert", "--steps", "1500", "--dialogues", "10", "--bound", "none", "--out", "mine")
    done = call(*words, *more, cwd=cwd)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("agent", ["masked_dqn", "masked_q_table"])
def test_tensorboard_has_the_success_of_training_by_default(agent: str, tmp_path: Path) -> None:
    status, _, shown = train(tmp_path, "--agent", agent)
    assert status == 0, shown
    found = EventAccumulator(str(tmp_path / "mine/tensorboard"))
    found.Reload()
    success, number = (found.Scalars(f"dialogues/{name}") for name in ("success_rate", "number"))
    assert len(success) > 1 and all(0 <= one.value <= 1 for one in success)
    assert [one.step for one in success] == [one.step for one in number]
    assert success[-1].step >= 1500 - 256 and number[-1].value > number[0].value >= 100
    if agent == "masked_dqn":
        assert "train/loss" in found.Tags()["scalars"]


def test_trackio_keeps_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "runs"))
    status, printed, shown = train(tmp_path, "--agent", "masked_q_table", "--track", "trackio")
    assert status == 0, shown
    assert printed.startswith("masked_q_table on concert: success") and "Trackio" not in printed
    assert not (tmp_path / "mine/tensorboard").exists()
    (path,) = (tmp_path / "runs").glob("*.db")
    with sqlite3.connect(path) as database:
        rows = [json.loads(one) for (one,) in database.execute("SELECT metrics FROM metrics ORDER BY step")]
    database.close()
    assert len(rows) > 1 and all(0 <= row["dialogues/success_rate"] <= 1 for row in rows)


def test_live_learning_is_tracked_by_default(tmp_path: Path) -> None:
    (tmp_path / "shop.yml").write_text(TINY)
    words, typed = ("live", "shop.yml", "--store", "live"), "/affirm\n/restart\n+\n" * 3
    done = call(*words, "--track", "none", cwd=tmp_path, typed=typed)
    assert done.returncode == 0 and "figures" not in done.stdout, done.stderr
    assert not (tmp_path / "live/tensorboard").exists()
    done = call(*words, cwd=tmp_path, typed=typed)
    assert done.returncode == 0, done.stderr
    assert "(figures of the learning: tensorboard --logdir live/tensorboard)" in done.stdout
    found = EventAccumulator(str(tmp_path / "live/tensorboard"))
    found.Reload()
    rows = found.Scalars("live/satisfaction")
    assert len(rows) == 2 and rows[0].step < rows[1].step == 6 and rows[0].value < rows[1].value <= 1
    assert {one.value for one in found.Scalars("live/exploration_rate")} == {0}
    assert call("store", "check", "live", cwd=tmp_path).returncode == 0


def test_hyperparameters_and_settings_are_chosen_as_in_rl_zoo(tmp_path: Path) -> None:
    chosen = ("--hyperparams", "learning_rate:1e-3", "--env-kwargs", "patience:8", "--track", "none")
    status, printed, shown = train(tmp_path, "--agent", "masked_q_table", *chosen)
    assert status == 0 and "(patience=8)" in printed, shown
    metrics = json.loads((tmp_path / "mine/metrics.json").read_text())
    assert metrics["hyperparameters"] == {"learning_rate": 0.001} and metrics["settings"] == {"patience": 8}
    for option, value, message in (
        ("--hyperparams", "learning_rat:1", "unknown hyperparameter 'learning_rat' of q_table; did you mean"),
        ("--env-kwargs", "patience=8", "'patience=8': expected the form key:value"),
        ("--track", "wanb", "unknown track 'wanb'; did you mean 'wandb'?"),
    ):
        status, _, shown = train(tmp_path, "--agent", "masked_q_table", option, value)
        assert status == 2 and message in shown


def test_a_tool_that_does_not_start_is_an_error_before_the_training(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/tensorboard").write_text("a file in the place of the folder")
    status, _, shown = train(tmp_path, "--agent", "masked_q_table")
    assert status == 2 and "error: --track tensorboard: it does not start (FileExistsError: " in shown
    assert "steps" not in shown and not (tmp_path / "mine/agent.json").exists()
