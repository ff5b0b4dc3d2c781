"""Helpers for tests in a browser: the server as a process of its own, and a network that can be cut."""

from __future__ import annotations

import re
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from dialogue_gym import load_domain
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.policies.base import ExpertPolicy
from tests.processes import command_process

LONG = 180.0
"""Seconds for an action that takes one on an idle machine, and much longer beside other tests."""


def wait_for(holds: Callable[[], Any], seconds: float = LONG) -> Any:
    """Wait for a true value, and return it."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if result := holds():
            return result
        time.sleep(0.02)
    raise AssertionError("timed out")


class Served:
    """`dialogue-gym serve` on a store; it can be killed, and started again at the same port."""

    command = ("serve", "--no-open")
    page = "/teach/"

    def __init__(self, folder: Path, *options: str, domain: str = "restaurant", **environment: str) -> None:
        self.folder = folder
        name, *own = self.command
        words = [domain, "--store", str(folder)] if domain else []
        self._words = (name, *words, *own, *options)
        self._environment = environment
        self.port = 0
        self.log = folder.with_suffix(".log")
        self.start()

    def start(self) -> None:
        self.log.touch()
        known = len(self._ports())
        words = (*self._words, "--port", str(self.port))
        self._process = command_process(words, self.folder.parent, self.log, **self._environment)

        def port() -> int | None:
            assert self._process.is_alive(), self.log.read_text()
            return self._ports()[-1] if len(self._ports()) > known else None

        if self.port:
            wait_for(self._accepts)
        else:
            self.port = wait_for(port)

    def _ports(self) -> list[int]:
        return [int(found) for found in re.findall(rf"http://[^/]*:(\d+){self.page}", self.log.read_text())]

    def _accepts(self) -> bool:
        assert self._process.is_alive(), self.log.read_text()
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    def stop(self) -> None:
        self._process.terminate()
        self._process.join(LONG)

    def address(self, port: int | None = None) -> str:
        return f"http://127.0.0.1:{port or self.port}{self.page}"

    def history(self) -> History:
        """The history on the disk."""
        with Store(self.folder, create=False, read_only=True) as store:
            return History(store.entries())


@contextmanager
def served(folder: Path, *options: str, **keywords: str) -> Iterator[Served]:
    server = Served(folder, *options, **keywords)
    try:
        yield server
    finally:
        server.kill()


class Network:
    """The network between browser and server, which can be cut and joined again."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._whole = threading.Event()
        self._whole.set()
        self._ends: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def cut(self) -> None:
        self._whole.clear()

    def join(self) -> None:
        self._whole.set()

    def close(self) -> None:
        self.join()
        _end(self._listening)
        self._threads[0].join()
        for one in self._ends:
            _end(one)
        for thread in self._threads:
            thread.join()
        for one in [self._listening, *self._ends]:
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                one, _ = self._listening.accept()
                other = socket.create_connection(("127.0.0.1", self._to))
                self._ends += [one, other]
                for pair in ((one, other), (other, one)):
                    self._threads.append(threading.Thread(target=self._carry, args=pair))
                    self._threads[-1].start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while part := one.recv(65536):
                self._whole.wait()  # sent data is under way until then
                other.sendall(part)
        _end(one)
        _end(other)


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)


@contextmanager
def network_to(port: int) -> Iterator[Network]:
    network = Network(port)
    try:
        yield network
    finally:
        network.close()


def chromium() -> str | None:
    """The path of the browser, if there is one."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Expert:
    """The domain's expert: it knows the right actions in a conversation."""

    def __init__(self, name: str = "restaurant", turn_taking: str = "explicit") -> None:
        self._domain = load_domain(name)
        self._env = DialogueEnv(self._domain, turn_taking=turn_taking)
        self._policy = ExpertPolicy(self._env, 0)

    def right(self, history: History, conversation: str) -> list[str]:
        """Return the actions that are right now, sorted."""
        observation = history.conversation(self._domain, conversation).observation()
        return sorted(self._env.action_names[one] for one in self._policy.right_actions(observation))
