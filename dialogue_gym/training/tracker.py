"""Tracking of a training: its figures on the way, for TensorBoard, trackio or Weights & Biases."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stable_baselines3.common.logger import Logger

PROJECT = "dialogue_gym"
FOLDER = "tensorboard"
"""The folder of TensorBoard's files, in that of the agent."""


class TrackingTool(StrEnum):
    """A way to keep the figures of a training: the name of a package, or none."""

    TENSORBOARD = "tensorboard"
    TRACKIO = "trackio"
    WANDB = "wandb"
    NONE = "none"


def available_tracker(name: str | None) -> TrackingTool:
    """Return a tracker that works here: by default TensorBoard, and none where it is not installed.

    Raises:
        ValueError: the name is unknown.
        ImportError: the package of the chosen one is missing.
    """
    if name is None:
        return (
            TrackingTool.TENSORBOARD
            if importlib.util.find_spec(TrackingTool.TENSORBOARD)
            else TrackingTool.NONE
        )
    chosen = TrackingTool(name)
    if chosen is not TrackingTool.NONE and not importlib.util.find_spec(chosen):
        raise ImportError(f"{chosen} is missing: pip install {chosen} installs it")
    return chosen


@contextlib.contextmanager
def tracking(
    tracker: TrackingTool, folder: Path, name: str, parameters: Mapping[str, Any]
) -> Iterator[Logger]:
    """Yield the logger of a run, which Stable-Baselines3's algorithms take as it is.

    Args:
        tracker: the tracker.
        folder: the folder of the agent.
        name: the name of the run.
        parameters: the parameters of the run.
    """
    from stable_baselines3.common.logger import KVWriter, Logger, TensorBoardOutputFormat

    outputs: list[KVWriter] = []
    if tracker is TrackingTool.TENSORBOARD:
        outputs.append(TensorBoardOutputFormat(str(folder / FOLDER)))
    elif tracker is not TrackingTool.NONE:
        outputs.append(_service(tracker, name, parameters))
    logger = Logger(None, outputs)
    try:
        yield logger
    finally:
        logger.close()


def _service(package: TrackingTool, name: str, parameters: Mapping[str, Any]) -> Any:
    """Return an output for a package that keeps runs; its messages go to standard error."""
    from stable_baselines3.common.logger import KVWriter

    module = importlib.import_module(package)
    options = {"auto_log_cpu": False, "auto_log_gpu": False} if package is TrackingTool.TRACKIO else {}

    class TrackedRun(KVWriter):
        def __init__(self) -> None:
            with contextlib.redirect_stdout(sys.stderr):
                self._run = module.init(project=PROJECT, name=name, config=dict(parameters), **options)

        def write(
            self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0
        ) -> None:
            numbers = {key: value for key, value in key_values.items() if isinstance(value, int | float)}
            self._run.log(numbers, step=step)

        def close(self) -> None:
            with contextlib.redirect_stdout(sys.stderr):
                module.finish()

    return TrackedRun()
