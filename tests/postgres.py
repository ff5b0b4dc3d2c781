"""A PostgreSQL server of the tests' own: in a temporary folder, as an ordinary user, on a free port."""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

USER, PASSWORD = "tester", "a secret/with@all:that?"
ESCAPED = "a%20secret%2Fwith%40all%3Athat%3F"
_START = 60.0


def programs() -> Path | None:
    """Return the folder of the server's programs, the newest if there are several; None without any."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)  # as on Debian


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


class PostgresServer:
    """A server that can be killed, and started again at the same port."""

    def __init__(self, bin: Path) -> None:
        self.bin = bin
        self.folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self.port = _free_port()
        self._names = itertools.count(1)
        # The server refuses to run as root.
        self._account: dict[str, Any] = {}
        if os.getuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            self._account = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        self._run(
            "initdb", "--pgdata", "data", "--username", USER, "--pwfile", "password", "--no-sync",
            "--encoding", "UTF8", "--locale", "C", "--auth-host", "scram-sha-256", "--auth-local", "trust",
        )  # fmt: skip
        self._log = (self.folder / "log").open("wb")
        self.start()

    def _run(self, program: str, *words: str) -> None:
        command = [str(self.bin / program), *words]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True, **self._account)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        # A killed server loses nothing without fsync, a machine without power would.
        settings = {
            "port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": self.folder,
            "fsync": "off", "shared_buffers": "32MB", "max_connections": 100, "autovacuum": "off",
        }  # fmt: skip
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self.process = subprocess.Popen(
            [str(self.bin / "postgres"), "-D", "data", *words],
            cwd=self.folder, stdout=self._log, stderr=self._log, **self._account,
        )  # fmt: skip
        until = time.monotonic() + _START
        while True:
            try:
                self.sql("SELECT 1")
                return
            except Exception:
                assert self.process.poll() is None and time.monotonic() < until, (
                    self.folder / "log"
                ).read_text()
                time.sleep(0.05)

    def kill(self) -> None:
        """Kill it with all of its processes, at once."""
        import psutil

        # One that is left for a moment would keep the next start from the memory that they share.
        others = psutil.Process(self.process.pid).children()
        self.process.kill()
        for one in others:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        self.process.wait()
        psutil.wait_procs(others)

    def stop(self) -> None:
        """Stop it for good."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()
        self._log.close()
        shutil.rmtree(self.folder)

    def url(self, database: str) -> str:
        return f"postgresql://{USER}:{ESCAPED}@127.0.0.1:{self.port}/{database}"

    def sql(self, *statements: str, database: str = "postgres") -> list[Any]:
        """Run statements as the administrator; return the rows of the last one."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def new_database(self) -> str:
        """Make a database; return its name."""
        name = f"test{next(self._names)}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE template0")
        return name
