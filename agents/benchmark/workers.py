"""Spread cells over the cores of this machine, or over a Ray cluster."""

from __future__ import annotations

import functools
import multiprocessing
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from agents.benchmark.cell import Record, run_cell
from agents.benchmark.grid import Cell

ROOT = Path(__file__).resolve().parent.parent.parent
ATTEMPTS = 3
"""How often a cell is begun whose worker is killed."""


class WorkerDied(ChildProcessError):
    """A worker died again and again."""


def on_cores(cells: list[Cell], jobs: int) -> Iterator[Record]:
    """Yield what comes of cells, in the order in which they are finished.

    Raises:
        WorkerDied: workers were killed several times without a cell being finished in between.
        ValueError: a cell cannot be done, for instance because its domain has no expert.
    """
    left = {cell.fingerprint(): cell for cell in cells}
    deaths = 0
    while left:
        workers = min(jobs, len(left))
        with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _leave_interrupts) as pool:
            try:
                waiting = {pool.submit(run_cell, cell): cell for cell in left.values()}
                while waiting:
                    done = wait(waiting, return_when=FIRST_COMPLETED).done
                    for future in sorted(done, key=_failed):  # what is finished is kept first
                        record = _result(waiting.pop(future), future.result)
                        deaths = 0
                        del left[record["fingerprint"]]
                        yield record
            except BrokenProcessPool:
                deaths += 1
                if deaths == ATTEMPTS:
                    names = ", ".join(cell.name for cell in list(left.values())[:workers])
                    raise WorkerDied(f"a worker died {deaths} times, at one of: {names}") from None
            except BaseException:  # an interrupt, or an error in one cell: nobody waits for the others
                pool.shutdown(wait=False, cancel_futures=True)
                for worker in multiprocessing.active_children():
                    worker.terminate()
                raise


def _result(cell: Cell, get: Callable[[], Record]) -> Record:
    """Return what came of a cell; of an error that a person can mend, say in which cell it was."""
    try:
        return get()
    except ValueError as error:
        cause = getattr(error, "cause", error)  # Ray wraps it, with the whole traceback as its text
        raise ValueError(f"{cell.name}: {cause}") from None


def _failed(future: Future[Record]) -> bool:
    """Whether what is done is an error."""
    return future.exception() is not None


def _leave_interrupts() -> None:
    """Leave it to the parent what becomes of an interrupt from the keyboard."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def on_ray(cells: list[Cell], address: str) -> Iterator[Record]:
    """Yield what comes of cells on a Ray cluster, in the order in which they are finished.

    A cell whose worker is killed is run again.

    Args:
        cells: what is to be done; one processor is reserved for each.
        address: of the cluster, `host:port`; `"auto"` finds the one that this machine belongs to, and
            `"local"` begins one on this machine, for as long as it takes. The repository lies at the same
            path on every machine.

    Raises:
        ValueError: Ray is not installed, or there is no cluster at the address.
        WorkerDied: the worker of one cell was killed again and again.
    """
    try:
        import ray
    except ModuleNotFoundError:
        raise ValueError("ray is not installed: pip install '.[ray]'") from None
    if address not in ("local", "auto"):
        _see_whether_there_is_one(address)
    settings: dict[str, Any] = {"runtime_env": {"env_vars": {"PYTHONPATH": str(ROOT)}}}
    if address == "local":
        settings["include_dashboard"] = False
    try:
        ray.init(address=address, configure_logging=False, log_to_driver=False, **settings)
    except ConnectionError:
        raise ValueError(f"there is no Ray cluster at {address!r}") from None
    try:
        task = ray.remote(num_cpus=1, max_retries=ATTEMPTS - 1)(run_cell)
        waiting = {task.remote(cell): cell for cell in cells}
        while waiting:
            (done,), _ = ray.wait(list(waiting), num_returns=1)
            cell = waiting.pop(done)
            try:
                yield _result(cell, functools.partial(ray.get, done))
            except ray.exceptions.WorkerCrashedError:
                raise WorkerDied(f"a worker died {ATTEMPTS} times, at: {cell.name}") from None
            except ray.exceptions.RayError as error:
                raise WorkerDied(f"Ray gave up, at: {cell.name} ({str(error).splitlines()[0]})") from None
    finally:
        ray.shutdown()


def _see_whether_there_is_one(address: str) -> None:
    """Raise ValueError if nobody listens: Ray itself would wait for a minute, and complain all the while."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except (OSError, ValueError):
        raise ValueError(f"there is no Ray cluster at {address!r}") from None
