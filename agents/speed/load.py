"""Load test of `dialogue-gym serve`: many people talk at once, and no messages may be mixed up.

python -m agents.speed.load restaurant --people 50 --seconds 120

With `--store URL` the journal is in a PostgreSQL database, which `--workers` processes may share. With
`--every 60` each minute's latency, memory and bytes on the disk are printed, and their slopes after the first
five minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import random
import re
import secrets
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil

from dialogue_gym.utils import counted

WEBHOOK, API = "/webhooks/rest/webhook", "/api"
"""The routes of the server: Rasa's, and its own."""

_LINES = {
    "restaurant": (
        "i want {word} food in paris",
        "somewhere cheap please",
        "for four people",
        "yes please",
        "no, something else",
        "/restart",
    )
}
_WORDS = ("indian", "italian", "french", "british", "spanish")
_ANY = ("hello", "yes", "no")
_START, _PATIENCE = 120.0, 30.0
_STEADY = 5
"""The minutes after which a long run should be steady."""


# The people come from one address, whose limits a channel with a token does not have.
_CHANNEL, _TOKEN = "load", secrets.token_urlsafe(16)


class Connection:
    """A person's own connection to the server, as a browser keeps it.

    It does little, since the people share the processor with the server that is measured.
    """

    def __init__(self, address: str, secret: str) -> None:
        """Connect with the first request; the secret is sent as a bearer token."""
        self._host, self._port = address.removeprefix("http://").split(":")
        self._secret = secret
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, given: Any = None) -> tuple[int, Any]:
        """Return the status and the content of the answer to a request; contents are JSON.

        Raises:
            OSError, EOFError, ValueError: there is no such answer in time.
        """
        body = b"" if given is None else json.dumps(given).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\nhost: {self._host}:{self._port}\r\n"
            f"authorization: Bearer {self._secret}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        try:
            async with asyncio.timeout(_PATIENCE):
                if self._streams is None or self._streams[0].at_eof():  # the server ends idle ones
                    self.close()
                    self._streams = await asyncio.open_connection(self._host, int(self._port))
                reader, writer = self._streams
                writer.write(head.encode() + body)
                lines = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
                lengths = [line.split(":")[1] for line in lines if line.startswith("content-length:")]
                content = await reader.readexactly(int(lengths[0])) if lengths else b""
        except BaseException:
            self.close()
            raise
        return int(lines[0].split()[1]), json.loads(content)

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


@dataclass
class Person:
    """A simulated person, with the messages they sent, the response times and the faults."""

    name: str
    sent: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


async def _talk(address: str, person: Person, lines: tuple[str, ...], pause: float, until: float) -> None:
    connection = Connection(address, _TOKEN)
    chance = random.Random(person.name)
    await asyncio.sleep(chance.random() * pause)
    while time.monotonic() < until:
        line = chance.choice(lines)
        # The name in each message shows mix-ups.
        text = line if line.startswith("/") else f"{line.format(word=chance.choice(_WORDS))} ({person.name})"
        began = time.monotonic()
        given = {"sender": person.name, "message": text}
        try:
            status, messages = await connection.ask("POST", WEBHOOK, given)
            if status != 200:
                person.faults.append(f"{status}: {messages}")
            elif any(message["recipient_id"] != person.name for message in messages):
                person.faults.append(f"a reply to another person: {messages}")
        except (OSError, EOFError, ValueError) as error:
            person.faults.append(repr(error))
        ended = time.monotonic()
        person.seconds.append(ended - began)
        person.ends.append(ended)
        person.sent.append(text)
        await asyncio.sleep(pause)
    connection.close()


async def _check(connection: Connection, person: Person) -> None:
    """Compare the recorded messages of a person with those sent since their last restart."""
    path = f"{API}/people/{_CHANNEL}/{person.name}/tracker"
    status, tracker = await connection.ask("GET", path)
    if status != 200:
        person.faults.append(f"{status}: {tracker}")
        return
    known = [event["text"] for event in tracker["events"] if event["event"] == "user"]
    if known != person.sent[len(person.sent) - len(known) :]:
        person.faults.append(f"mixed up: {known[-3:]} recorded, {person.sent[-3:]} sent")


async def load(
    address: str, pid: int, store: str, people: list[Person], moments: list[Moment], given: argparse.Namespace
) -> None:
    """Run simulated people, and check their recorded messages."""
    lines = _LINES.get(given.domain, _ANY)
    until = time.monotonic() + given.seconds
    watching = given.every and asyncio.create_task(_watch(pid, store, given.every, moments))
    await asyncio.gather(*(_talk(address, person, lines, given.pause, until) for person in people))
    if watching:
        watching.cancel()
    checking = Connection(address, given.password)
    for person in people:
        await _check(checking, person)
    checking.close()


def _processes(pid: int) -> list[psutil.Process]:
    """Return a server's processes."""
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def _used(pid: int) -> tuple[float, int]:
    """Return the seconds of processor time that a server has used, and the bytes that it has written."""
    found = [(one.cpu_times(), one.io_counters()) for one in _processes(pid)]
    return sum(times.user + times.system for times, _ in found), sum(done.write_bytes for _, done in found)


def _memory(pid: int) -> float:
    """Return the memory that a server's processes have to themselves, in MiB."""
    return float(sum(one.memory_full_info().uss for one in _processes(pid))) / 2**20


@dataclass(frozen=True)
class Moment:
    """The state of a server at a moment of a long run.

    Attributes:
        at: seconds of a monotonic clock.
        memory: MiB.
        written: bytes written so far.
        stored: bytes of the store.
    """

    at: float
    memory: float
    written: int
    stored: int


async def _watch(pid: int, store: str, every: float, moments: list[Moment]) -> None:
    """Record a moment every so many seconds, until it is cancelled."""
    while True:
        moments.append(Moment(time.monotonic(), _memory(pid), _used(pid)[1], _stored(store)))
        await asyncio.sleep(every)


def _stored(store: str) -> int:
    """Return the size of a store in bytes."""
    if store.startswith("postgresql:"):
        import psycopg

        with psycopg.connect(store) as connection:
            found = connection.execute("SELECT pg_database_size(current_database())").fetchone()
            return int(found[0]) if found else 0
    return sum(path.stat().st_size for path in Path(store).rglob("*") if path.is_file())


def _report_moments(people: list[Person], moments: list[Moment]) -> None:
    """Print a line for each moment, and the slopes after the first five minutes."""
    rows = []
    for before, now in itertools.pairwise(moments):
        window = [
            seconds
            for person in people
            for seconds, end in zip(person.seconds, person.ends, strict=True)
            if before.at <= end < now.at
        ]
        if len(window) > 1:
            late = 1000 * statistics.quantiles(window, n=20)[-1]
            messages = now.stored - before.stored
            rows.append(((now.at - moments[0].at) / 60, late, now.memory, messages / len(window)))
    for minute, late, memory, each in rows:
        print(
            f"minute {minute:4.1f}: p95 {late:5.0f} ms, {memory:5.0f} MiB, {each:5.0f} bytes stored a message"
        )
    if len(steady := [row for row in rows if row[0] > _STEADY]) > 2:
        minutes, late, memory, each = np.array(steady).T
        slopes = [np.polyfit(minutes, values, 1)[0] for values in (late, memory, each)]
        latency, space, size = (f"{slope:+.2f}" for slope in slopes)
        print(
            f"slopes a minute after minute {_STEADY}: p95 {latency} ms, {space} MiB, {size} bytes a message"
        )


@contextlib.contextmanager
def _served(
    domain: str, store: str, folder: Path, password: str, log: Path, workers: int | None
) -> Iterator[tuple[str, int]]:
    """Serve a new store; yield the address and the process id."""
    command = [sys.executable, "-m", "dialogue_gym", "serve", domain, "--no-teach", "--talk"]
    tokens = folder / "tokens"
    tokens.write_text(f"{_CHANNEL} {_TOKEN}\n")
    command += ["--token-file", str(tokens), "--port", "0", "--store"]
    if workers is not None:
        command[-1:] = ["--workers", str(workers), "--store"]
    environment = os.environ | {"DIALOGUE_GYM_PASSWORD": password}
    with log.open("wb") as file:
        process = subprocess.Popen([*command, store], stdout=file, stderr=file, env=environment)
    try:
        until = time.monotonic() + _START
        while not (found := re.search(r"(http://[^/]*)/talk/", log.read_text())):
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(log.read_text())
            time.sleep(0.1)
        while not _is_ready(found[1]):
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(log.read_text())
            time.sleep(0.1)
        yield found[1], process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _is_ready(address: str) -> bool:
    """Return whether all workers of a server answer; each request reaches any of them."""
    try:
        return all(httpx.get(f"{address}/health/ready").is_success for _ in range(20))
    except httpx.TransportError:
        return False


def main() -> None:
    """Start a server, run the load test, and print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("domain", nargs="?", default="restaurant")
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between two messages of one person")
    parser.add_argument("--store", help="the address of a database; by default a new folder")
    parser.add_argument("--workers", type=int, help="processes that share the database")
    parser.add_argument("--every", type=float, default=0.0, help="seconds between two lines of a long run")
    given = parser.parse_args()
    given.password = secrets.token_urlsafe(16)
    run = secrets.token_hex(3)  # a database may have people of an earlier one
    people = [Person(f"{run}-{number}") for number in range(given.people)]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        store = given.store or str(Path(folder, "store"))
        served = _served(given.domain, store, Path(folder), given.password, log, given.workers)
        moments: list[Moment] = []
        with served as (address, pid):
            before, own = _used(pid), -time.process_time()
            asyncio.run(load(address, pid, store, people, moments, given))
            own += time.process_time()
            processor, written = (now - then for now, then in zip(_used(pid), before, strict=True))
            memory = _memory(pid)
        last_line = log.read_text().splitlines()[-1]
    seconds = [one for person in people for one in person.seconds]
    faults = [fault for person in people for fault in person.faults]
    cuts = statistics.quantiles(seconds, n=100)
    count = len(seconds)
    sent = f"{counted(count, 'message')} in {given.seconds:g} s"
    print(f"{counted(len(people), 'person', 'people')}, {sent}, {counted(len(faults), 'fault')}")
    print(f"{count / given.seconds:.0f} messages a second; for each the server took", end=" ")
    print(f"{1000 * processor / count:.1f} ms of processor time and wrote {written / count / 1000:.1f} kB")
    print(f"the people took {1000 * own / count:.1f} ms of it themselves")
    print(f"replies took {1000 * cuts[49]:.0f} ms (median), {1000 * cuts[94]:.0f} ms (95th percentile)")
    print(f"{memory:.0f} MiB at the end; {last_line}")
    _report_moments(people, moments)
    for fault in faults[:5]:
        print(fault)


if __name__ == "__main__":
    main()
