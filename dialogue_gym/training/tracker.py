"""Tracking of a learning: its figures on the way, for TensorBoard, trackio or Weights & Biases."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dialogue_gym._files import FIGURES
from dialogue_gym.policies.saved import first_line

if TYPE_CHECKING:
    from stable_baselines3.common.logger import KVWriter, Logger

PROJECT = "dialogue_gym"


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
    tracker: TrackingTool,
    folder: Path,
    name: str,
    parameters: Mapping[str, Any],
    report: Callable[[str], object],
    *,
    waits: bool = False,
) -> Iterator[Logger]:
    """Yield the logger of a run, which Stable-Baselines3's algorithms take as it is.

    If the tool fails on the way, the run goes on without it.

    Args:
        tracker: the tracker.
        folder: the folder of the agent or the store; TensorBoard's files lie in its folder `tensorboard`.
        name: the name of the run.
        parameters: the parameters of the run.
        report: called with one line if the tool fails.
        waits: whether TensorBoard's file is only made for the first figures, in the thread that has them: a
            start is not slower, does not fail, and leaves no file if nobody comes.

    Raises:
        ValueError: the tool fails at the start.
    """
    from stable_baselines3.common.logger import Logger, TensorBoardOutputFormat

    def make() -> KVWriter:
        if tracker is TrackingTool.TENSORBOARD:
            return TensorBoardOutputFormat(str(folder / FIGURES))
        return _service(tracker, name, parameters)

    outputs: list[KVWriter] = []
    if tracker is not TrackingTool.NONE:
        try:
            made = None if waits and tracker is TrackingTool.TENSORBOARD else make()
        except Exception as error:  # whatever a tool raises, such as one that nobody is signed in to
            raise ValueError(f"--track {tracker}: it does not start ({first_line(error)})") from None
        outputs.append(_lasting(made, make, report))
    logger = Logger(None, outputs)
    with _quiet_threads(tracker):
        try:
            yield logger
        finally:
            logger.close()


@contextlib.contextmanager
def _quiet_threads(package: str) -> Iterator[None]:
    """Print no traceback of a package's threads: TensorBoard's writer raises its error again when asked."""
    before = threading.excepthook

    def show(error: threading.ExceptHookArgs) -> None:
        if not type(error.thread).__module__.startswith(f"{package}."):
            before(error)

    threading.excepthook = show
    try:
        yield
    finally:
        threading.excepthook = before


def _lasting(
    made: KVWriter | None, make: Callable[[], KVWriter], report: Callable[[str], object]
) -> KVWriter:
    """Return an output that ends with its first failure, which is reported.

    Args:
        made: the output that writes; None to make it for the first figures.
        make: makes it.
        report: called with one line.
    """
    from stable_baselines3.common.logger import KVWriter

    class LastingOutput(KVWriter):
        def __init__(self) -> None:
            self._output = made
            self._has_failed = False

        def write(self, *figures: Any) -> None:
            self._try(lambda: self._made().write(*figures))

        def close(self) -> None:
            if self._output is not None:
                self._try(self._output.close)

        def _made(self) -> KVWriter:
            if self._output is None:
                self._output = make()
            return self._output

        def _try(self, action: Callable[[], None]) -> None:
            if self._has_failed:
                return
            try:
                action()
            except Exception as error:  # a full disk or a lost network must not end hours of learning
                self._has_failed = True
                report(f"the figures of the learning are tracked no longer ({first_line(error)})")

    return LastingOutput()


def _service(package: TrackingTool, name: str, parameters: Mapping[str, Any]) -> KVWriter:
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
