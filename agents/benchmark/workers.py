"""The runs of a study spread over the cores of this machine, or over a Ray cluster."""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, Protocol, TypeVar

from agents.benchmark.record import Record

ROOT = Path(__file__).resolve().parent.parent.parent
ATTEMPTS = 3
"""Number of times a task is started if its worker is killed."""


class Task(Protocol):
    """One run of a study, such as a cell of the benchmark; workers import its class."""

    @property
    def name(self) -> str:
        """The task in one line of text."""

    def fingerprint(self) -> str:
        """Return a hash of all that its record depends on."""


Kind = TypeVar("Kind", bound=Task)
Run = Callable[[Kind], Record]
"""A function at module level, since workers import it; its record has the `fingerprint` of its task."""


class WorkerDied(ChildProcessError):
    """A worker died repeatedly."""


def on_cores(run: Run[Kind], tasks: list[Kind], jobs: int) -> Iterator[Record]:
    """Yield the records of tasks, in the order in which they finish.

    Raises:
        WorkerDied: workers were killed several times in a row, with no task finishing in between.
        ValueError: a task cannot run, for instance because its domain has no expert.
    """
    left = {task.fingerprint(): task for task in tasks}
    deaths = 0
    while left:
        workers = min(jobs, len(left))
        with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
            try:
                with interrupts_held():
                    waiting = {pool.submit(run, task): task for task in left.values()}
                while waiting:
                    done = wait(waiting, return_when=FIRST_COMPLETED).done
                    for future in sorted(done, key=_failed):  # finished ones first, so that they are kept
                        record = _result(waiting.pop(future), future.result)
                        deaths = 0
                        del left[record["fingerprint"]]
                        yield record
            except BrokenProcessPool:
                deaths += 1
                if deaths == ATTEMPTS:
                    names = ", ".join(task.name for task in list(left.values())[:workers])
                    raise WorkerDied(f"a worker died {deaths} times, at one of: {names}") from None
            except BaseException:  # an interrupt, or an error in one task: do not wait for the others
                pool.shutdown(wait=False, cancel_futures=True)
                for worker in multiprocessing.active_children():
                    worker.terminate()
                raise


def _result(task: Task, get: Callable[[], Record]) -> Record:
    """Return the record of a task; errors in its settings name the task."""
    try:
        return get()
    except ValueError as error:
        cause = getattr(error, "cause", error)  # Ray wraps it, with the whole traceback as its text
        raise ValueError(f"{task.name}: {cause}") from None


def _failed(future: Future[Record]) -> bool:
    """Return whether a finished task failed."""
    return future.exception() is not None


@contextlib.contextmanager
def interrupts_held() -> Iterator[None]:
    """Hold back interrupts from the keyboard; processes that are started meanwhile never receive any.

    (They inherit the mask. An initializer that ignores interrupts runs only once a worker has loaded, which
    takes seconds: an interrupt in between would print a traceback. The mask of this thread alone does not
    hold them: the system hands the signal to any other thread, and Python interrupts the main one.)
    """
    held: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, frame: held.append(number))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        signal.signal(signal.SIGINT, handler)
        if held:
            signal.raise_signal(signal.SIGINT)


def on_ray(run: Run[Kind], tasks: list[Kind], address: str) -> Iterator[Record]:
    """Yield the records of tasks run on a Ray cluster, in the order in which they finish.

    A task whose worker is killed is run again.

    Args:
        run: the function that runs one.
        tasks: the tasks; one processor is reserved for each.
        address: `host:port` of the cluster; `"auto"` finds the one that this machine belongs to, and
            `"local"` starts a temporary one on this machine. The repository must be at the same path on
            every machine.

    Raises:
        ValueError: Ray is not installed, or no cluster answers at the address.
        WorkerDied: the worker of one task was killed repeatedly.
    """
    try:
        import ray
    except ModuleNotFoundError:
        raise ValueError("ray is not installed: pip install '.[ray]'") from None
    if address not in ("local", "auto"):
        _check_address(address)
    settings: dict[str, Any] = {"runtime_env": {"env_vars": {"PYTHONPATH": str(ROOT)}}}
    if address == "local":
        settings["include_dashboard"] = False
    try:
        ray.init(address=address, configure_logging=False, log_to_driver=False, **settings)
    except ConnectionError:
        raise ValueError(f"no Ray cluster answers at {address!r}") from None
    try:
        remote = ray.remote(num_cpus=1, max_retries=ATTEMPTS - 1)(run)
        waiting = {remote.remote(task): task for task in tasks}
        while waiting:
            (done,), _ = ray.wait(list(waiting), num_returns=1)
            task = waiting.pop(done)
            try:
                yield _result(task, functools.partial(ray.get, done))
            except ray.exceptions.WorkerCrashedError:
                raise WorkerDied(f"a worker died {ATTEMPTS} times, at: {task.name}") from None
            except ray.exceptions.RayError as error:
                raise WorkerDied(f"Ray gave up, at: {task.name} ({str(error).splitlines()[0]})") from None
    finally:
        ray.shutdown()


def _check_address(address: str) -> None:
    """Raise ValueError if nothing listens there: Ray itself would wait for a minute, printing warnings."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except (OSError, ValueError):
        raise ValueError(f"no Ray cluster answers at {address!r}") from None
