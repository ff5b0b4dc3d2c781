"""A pseudo-terminal, for tests of the command or of other code."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path


class Window:
    """A pseudo-terminal that runs the command, or other Python code."""

    def __init__(self, *words: str, cwd: Path, columns: int, code: str = "", **environment: str) -> None:
        self.leader, follower = pty.openpty()
        self.resize(columns)
        command = [sys.executable, *(["-c", code] if code else ["-m", "dialogue_gym", *words])]
        variables = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            command, stdin=follower, stdout=follower, stderr=follower, cwd=cwd, close_fds=True,
            env=variables | {"TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"} | environment,
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        os.close(follower)
        self.seen = ""

    def resize(self, columns: int) -> None:
        fcntl.ioctl(self.leader, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def type(self, keys: str, *until: str) -> None:
        """Press keys, then wait for each of the texts in turn.

        A prompt, which ends in `>`, is one on a later line: on their own line, the keys' prompt may be drawn
        again with them.
        """
        self.seen, place = "", 0
        os.write(self.leader, keys.encode())
        end = time.monotonic() + 120
        for text in [part for one in until for part in (["\n"] if keys and one[-1:] == ">" else []) + [one]]:
            while (found := self.seen.find(text, place)) < 0:
                ready, _, _ = select.select([self.leader], [], [], max(0, end - time.monotonic()))
                assert ready, self.seen
                self.seen += os.read(self.leader, 10_000).decode(errors="replace")
            place = found + len(text)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.leader)
