"""The parent of several processes that serve one bot: it starts them, and again when they die.

It serves nothing itself and loads neither PyTorch nor the pages, so that nothing but a kill ends it.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client.multiprocess import mark_process_dead

from dialogue_gym._text import counted, printable
from dialogue_gym.domain import load_domain
from dialogue_gym.factory import domain_notes
from dialogue_gym.journal.data_folder import data_folder
from dialogue_gym.web.account_file import AccountFile
from dialogue_gym.web.addresses import address_of, talking_lines, told_address
from dialogue_gym.web.credentials import PASSWORD, PASSWORD_IS_IDLE, password_for
from dialogue_gym.web.monitoring.logs import json_log
from dialogue_gym.web.monitoring.metrics import FOLDER
from dialogue_gym.web.options import ServeOptions
from dialogue_gym.web.part import Part, Role, is_ready
from dialogue_gym.web.paths import TEACH_PATH
from dialogue_gym.web.server import CAN_LISTEN_BESIDE, listen, open_soon

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
"""Seconds before a process that has died is started again; they double while it dies soon."""
_SOON = 60.0
_ALL_STOP = 9.8
"""Seconds after which processes that do not stop are killed: they stop waiting a little before."""
_REFUSED = 2
"""The exit status of a command whose options cannot be used."""


@dataclass(eq=False)
class _Child:
    """A process that is to run.

    Attributes:
        name: its name, as people read it.
        role: its work.
        listening: the socket that it serves on, or beside which it opens its own.
        process: the process; None while it is not running.
        control: the socket to it.
        began: the time of its last start.
        due: the time of its next start.
        pause: the seconds before the start after that.
    """

    name: str
    role: Role
    listening: socket.socket
    process: subprocess.Popen[bytes] | None = None
    control: socket.socket | None = None
    began: float = 0.0
    due: float = 0.0
    pause: float = _FIRST_PAUSE


class Supervisor:
    """The parent of a learner and some workers, which inherit their sockets from it."""

    def __init__(
        self,
        workers: int,
        for_people: socket.socket,
        for_teachers: socket.socket,
        on_ready: Callable[[], object],
        environment: Mapping[str, str],
    ) -> None:
        """Prepare the processes.

        Args:
            workers: the number of workers.
            for_people: the socket that the workers serve on, or beside which each of them opens its own.
            for_teachers: the socket that the learner serves on.
            on_ready: called once, when a worker and the learner answer requests.
            environment: further variables for the processes.
        """
        self._learner = _Child("the learner", Role.LEARNER, for_teachers)
        self._workers = [
            _Child(f"worker {number}", Role.WORKER, for_people) for number in range(1, workers + 1)
        ]
        self._sockets = (for_people, for_teachers)
        self._on_ready = on_ready
        self._environment = environment
        self._ready: set[Role] = set()
        self._selector = selectors.DefaultSelector()

    def run(self) -> int:
        """Keep the processes running until SIGTERM or SIGINT; return the exit status.

        That is 2 if the processes cannot use the options, which they have said themselves.
        """
        with tempfile.TemporaryDirectory(prefix="dialogue-gym-") as figures, self._signals() as stopping:
            environment = {**os.environ, **self._environment, FOLDER: figures}
            try:
                while not stopping():
                    for child in self._due():
                        try:
                            self._start(child, environment)
                        except OSError as error:  # the machine is short of something, perhaps for a while
                            self._plan(child, error.strerror or str(error))
                    for child in self._changed():
                        status = self._status(child, figures)
                        if status is None:
                            continue
                        if status == _REFUSED and child.role not in self._ready:
                            return _REFUSED
                        self._plan(child, _told(status))
            finally:
                is_orderly = self._stop()
        return 0 if is_orderly else 1

    @contextlib.contextmanager
    def _signals(self) -> Iterator[Callable[[], bool]]:
        """Give a function that returns whether one of the signals has come, which ends each wait."""
        found: list[int] = []
        reading, writing = socket.socketpair()
        for end in (reading, writing):
            end.setblocking(False)
        self._selector.register(reading, selectors.EVENT_READ)
        before = {
            number: signal.signal(number, lambda signum, frame: found.append(signum))
            for number in (signal.SIGTERM, signal.SIGINT)
        }
        wakes = signal.set_wakeup_fd(writing.fileno())
        try:
            yield lambda: bool(found)
        finally:
            signal.set_wakeup_fd(wakes)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._selector.close()
            reading.close()
            writing.close()

    @property
    def _wanted(self) -> list[_Child]:
        """The processes that are to run: at first one after the other, so that each error is told once."""
        if Role.WORKER not in self._ready:
            return self._workers[:1]
        if Role.LEARNER not in self._ready:
            return [self._workers[0], self._learner]
        return [*self._workers, self._learner]

    def _due(self) -> list[_Child]:
        """Return the processes to start now."""
        return [child for child in self._wanted if child.process is None and child.due <= time.monotonic()]

    def _start(self, child: _Child, environment: Mapping[str, str]) -> None:
        child.began = time.monotonic()
        ours, theirs = socket.socketpair()
        part = Part(child.role, child.listening.fileno(), theirs.fileno())
        with theirs:
            child.process = subprocess.Popen(
                _command(),
                env={**environment, **part.environment()},
                pass_fds=(part.listening, part.control),
                stdin=subprocess.DEVNULL,
                process_group=0,  # Ctrl-C reaches this process alone, which tells the others
            )
        child.control = ours
        self._selector.register(ours, selectors.EVENT_READ, child)

    def _changed(self) -> list[_Child]:
        """Wait for news of processes, a signal or the time of a start; return the processes with news."""
        waiting = [child.due for child in self._wanted if child.process is None]
        timeout = max(0.0, min(waiting) - time.monotonic()) if waiting else None
        return [key.data for key, _ in self._selector.select(timeout) if key.data is not None]

    def _status(self, child: _Child, figures: str) -> int | None:
        """Return the exit status of a process with news; None if it has told that it is ready."""
        assert child.process is not None and child.control is not None  # its news come from there
        if is_ready(child.control):
            if child.role == Role.LEARNER and child.role not in self._ready:
                self._on_ready()
            self._ready.add(child.role)
            return None
        self._selector.unregister(child.control)
        child.control.close()
        status = child.process.wait()
        mark_process_dead(child.process.pid, figures)  # type: ignore[no-untyped-call]
        child.process = child.control = None
        return status

    def _plan(self, child: _Child, reason: str) -> None:
        """Plan the next start of a process that has ended, or could not be started."""
        now = time.monotonic()
        child.pause = _FIRST_PAUSE if now - child.began > _SOON else child.pause
        child.due = now + child.pause
        told = f"{child.name} has ended ({reason}), and starts again in {child.pause:g} s"
        print(f"({told})", flush=True)
        child.pause = min(2 * child.pause, _LONGEST_PAUSE)

    def _stop(self) -> bool:
        """Stop all processes; return whether they have stopped by themselves and in order."""
        for listening in self._sockets:
            listening.close()  # the system refuses connections once the processes have closed theirs
        running = {child.name: child.process for child in self._wanted if child.process is not None}
        for process in running.values():
            process.terminate()
        until, statuses = time.monotonic() + _ALL_STOP, []
        late = []
        for name, process in running.items():
            try:
                statuses.append(process.wait(max(0.0, until - time.monotonic())))
            except subprocess.TimeoutExpired:
                process.kill()
                statuses.append(process.wait())
                late.append(name)
        if late:
            print(f"({' and '.join(late)} did not stop in time)", flush=True)
        for child in self._wanted:
            if child.control is not None:
                child.control.close()
        return {*statuses} <= {0, -signal.SIGTERM}


def _command() -> Sequence[str]:
    """Return this command, as another process runs it; it finds the same modules."""
    has_here = os.getcwd() in map(os.path.abspath, sys.path)
    return [sys.executable, *(() if has_here else ("-P",)), "-m", "dialogue_gym", *sys.argv[1:]]


def _told(status: int) -> str:
    if status >= 0:
        return f"status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"


def supervise(options: ServeOptions) -> int:
    """Serve with several processes until Ctrl-C or SIGTERM; return the exit status.

    Raises:
        ValueError: an option cannot be used; one line gives the reason.
        OSError: a file cannot be read.
    """
    assert options.workers is not None
    with contextlib.ExitStack() as stack:
        if options.log_json:
            stack.enter_context(json_log(options.log_texts))
        domain = load_domain(options.source)
        for note in domain_notes(options.source):
            print(f"({printable(note)})")
        assert options.store is not None  # options.check() has refused that
        has_accounts = AccountFile(data_folder(options.store)).is_used
        password = password_for(options, has_accounts)
        if has_accounts and password is not None:
            print(f"({PASSWORD_IS_IDLE})")
        only_keeps = CAN_LISTEN_BESIDE and options.workers > 1
        for_people = listen(options.host, options.port, only_keeps)
        stack.enter_context(contextlib.closing(for_people))
        for_teachers = listen(options.host, options.port_for_teachers)
        stack.enter_context(contextlib.closing(for_teachers))

        def tell() -> None:
            processes = f"{counted(options.workers or 0, 'worker')} and a learner"
            kept = f"everything is kept in {printable(str(options.store))}"
            print(f"{domain.name}: {kept}. {processes} run. Ctrl-C stops.")
            if options.teach:
                print(f"Teach the bot at {told_address(options, for_teachers, TEACH_PATH)}")
            for line in talking_lines(options, for_people):
                print(line)
            sys.stdout.flush()
            if options.teach and options.open:
                open_soon(address_of(options.host, for_teachers, TEACH_PATH))

        # A password that was typed is not asked for again.
        environment = {} if password is None else {PASSWORD: password}
        status = Supervisor(options.workers, for_people, for_teachers, tell, environment).run()
        if status == 0:
            print("(everything is saved)")
        return status
