"""The part of a process among several that serve one bot, as its parent has told it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

_VARIABLE = "DIALOGUE_GYM_PART"
_READY = b"r"


class Role(StrEnum):
    """The work of a process: to serve people, or to learn and to serve teachers."""

    WORKER = "worker"
    LEARNER = "learner"


@dataclass(frozen=True)
class Part:
    """A process of a server, and what it has inherited from its parent.

    Attributes:
        role: its work.
        listening: the descriptor of the socket to serve on, or beside which to open one.
        control: the descriptor of a socket to the parent, which ends when either of both ends.
    """

    role: Role
    listening: int
    control: int

    @classmethod
    def of_environment(cls) -> Part | None:
        """Return the part of this process; None without a parent. Processes that it starts have none."""
        told = os.environ.pop(_VARIABLE, None)
        if told is None:
            return None
        role, *descriptors = told.split()
        listening, control = map(int, descriptors)
        for descriptor in (listening, control):  # a process of an action, say, would keep them open
            os.set_inheritable(descriptor, False)
        return cls(Role(role), listening, control)

    def environment(self) -> Mapping[str, str]:
        """Return the variables that tell a process that this is its part."""
        return {_VARIABLE: f"{self.role} {self.listening} {self.control}"}

    def tell_ready(self) -> None:
        """Tell the parent that the options can be used, and that requests are answered from now on."""
        with contextlib.suppress(OSError):  # without a parent this process is about to stop
            os.write(self.control, _READY)

    def stop_with_parent(self) -> None:
        """Stop this process as if it was asked to, once the parent has ended in whatever way."""

        def wait() -> None:
            with contextlib.suppress(OSError):
                os.read(self.control, 1)  # the parent sends nothing: this is the end
            os.kill(os.getpid(), signal.SIGTERM)

        threading.Thread(target=wait, name="parent", daemon=True).start()


def is_ready(control: socket.socket) -> bool:
    """Return whether a process has told its parent that it is ready; False once it has ended."""
    with contextlib.suppress(OSError):
        return control.recv(1) == _READY
    return False
