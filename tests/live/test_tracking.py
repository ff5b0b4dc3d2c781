"""Live learning with a tool that keeps its figures, and fails."""

from __future__ import annotations

from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator, ScalarEvent

from dialogue_gym._files import FIGURES
from dialogue_gym.journal.store import Store
from dialogue_gym.live.learning_figures import LearningFigures
from dialogue_gym.training.tracker import TrackingTool, tracking
from tests.live.people import Days

FULL = Path("/dev/full")
TRACKED = "the figures of the learning are tracked no longer"


def rows(folder: Path) -> list[ScalarEvent]:
    """Return the satisfaction in the rows of TensorBoard's files."""
    found = EventAccumulator(str(folder / FIGURES))
    found.Reload()
    return found.Scalars("live/satisfaction")  # type: ignore[no-any-return]


def test_a_file_is_made_by_the_first_dialogue_and_has_few_rows(store: Store, tmp_path: Path) -> None:
    reports: list[str] = []
    with tracking(TrackingTool.TENSORBOARD, tmp_path, "run", {}, reports.append, waits=True) as logger:
        idle = Days(store, 10_000, figures=LearningFigures(logger))
        idle.trainer.stop()
        assert not (tmp_path / FIGURES).exists()
        live = Days(store, 10_000, figures=LearningFigures(logger, every=1e9))
        for _ in range(5):
            live.talk()
            live.trainer.work()
        assert len(rows(tmp_path)) == 1
        live.trainer.stop()
    first, last = rows(tmp_path)
    assert 0 < first.step < last.step == live.trainer.learner.transitions and not reports


def test_a_file_that_cannot_be_made_ends_the_tracking_alone(store: Store, tmp_path: Path) -> None:
    (tmp_path / FIGURES).write_text("a file in the place of the folder")
    reports: list[str] = []
    with tracking(TrackingTool.TENSORBOARD, tmp_path, "run", {}, reports.append, waits=True) as logger:
        live = Days(store, 10_000, figures=LearningFigures(logger, every=0))
        for _ in range(3):
            live.talk()
            live.trainer.work()
        live.trainer.stop()
    (report,) = reports
    assert report.startswith(f"{TRACKED} (FileExistsError: ") and live.trainer.fault is None


@pytest.mark.skipif(not FULL.exists(), reason="only Linux has /dev/full")
def test_a_full_disk_ends_the_tracking_and_not_the_learning(store: Store, tmp_path: Path) -> None:
    reports: list[str] = []
    with tracking(TrackingTool.TENSORBOARD, tmp_path, "run", {}, reports.append) as logger:
        live = Days(store, 10_000, figures=LearningFigures(logger, every=0))
        live.talk()
        live.trainer.work()
        (file,) = (tmp_path / FIGURES).iterdir()
        assert not reports and file.stat().st_size > 0
        before = live.trainer.learner.transitions
        file.unlink()
        file.symlink_to(FULL)  # TensorBoard opens it anew for each write
        for _ in range(5):
            live.talk()
            live.trainer.work()
    (report,) = reports
    assert report.startswith(f"{TRACKED} (OSError: ")
    assert "No space left on device" in report
    assert live.trainer.learner.transitions > before and live.trainer.fault is None
    live.trainer.stop()
