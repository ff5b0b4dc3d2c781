"""Live learning with a tool that keeps its figures, and fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialogue_gym.journal.store import Store
from dialogue_gym.training.tracker import FOLDER, TrackingTool, tracking
from tests.live.people import Days

FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="only Linux has /dev/full")
def test_a_full_disk_ends_the_tracking_and_not_the_learning(store: Store, tmp_path: Path) -> None:
    reports: list[str] = []
    with tracking(TrackingTool.TENSORBOARD, tmp_path, "run", {}, reports.append) as logger:
        live = Days(store, 10_000, logger=logger)
        live.talk()
        live.trainer.work()
        (file,) = (tmp_path / FOLDER).iterdir()
        assert not reports and file.stat().st_size > 0
        before = live.trainer.learner.transitions
        file.unlink()
        file.symlink_to(FULL)  # TensorBoard opens it anew for each write
        for _ in range(5):
            live.talk()
            live.trainer.work()
    (report,) = reports
    assert "the figures of the learning are tracked no longer (OSError: " in report
    assert "No space left on device" in report
    assert live.trainer.learner.transitions > before and live.trainer.fault is None
    live.trainer.stop()
