"""Load test of `dialogue-gym serve`: many people talk at once, and no messages may be mixed up.

python -m agents.speed.load restaurant --people 50 --seconds 120

With `--store URL` the journal is in a PostgreSQL database.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
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

import aiohttp
import psutil

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
_START = 120.0


# The people come from one address, whose limits a channel with a token does not have.
_CHANNEL, _TOKEN = "load", secrets.token_urlsafe(16)


def _bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


@dataclass
class Person:
    """A simulated person, with the messages they sent, the response times and the faults."""

    name: str
    sent: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


async def _talk(
    session: aiohttp.ClientSession, person: Person, lines: tuple[str, ...], pause: float, until: float
) -> None:
    chance = random.Random(person.name)
    await asyncio.sleep(chance.random() * pause)
    while time.monotonic() < until:
        line = chance.choice(lines)
        # The name in each message shows mix-ups.
        text = line if line.startswith("/") else f"{line.format(word=chance.choice(_WORDS))} ({person.name})"
        began = time.monotonic()
        given = {"sender": person.name, "message": text}
        try:
            async with session.post(WEBHOOK, json=given, headers=_bearer(_TOKEN)) as answer:
                messages = await answer.json()
                if answer.status != 200:
                    person.faults.append(f"{answer.status}: {messages}")
                elif any(message["recipient_id"] != person.name for message in messages):
                    person.faults.append(f"a reply to another person: {messages}")
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            person.faults.append(repr(error))
        person.seconds.append(time.monotonic() - began)
        person.sent.append(text)
        await asyncio.sleep(pause)


async def _check(session: aiohttp.ClientSession, person: Person, password: str) -> None:
    """Compare the recorded messages of a person with those sent since their last restart."""
    path = f"{API}/people/{_CHANNEL}/{person.name}/tracker"
    async with session.get(path, headers=_bearer(password)) as answer:
        tracker = await answer.json()
    known = [event["text"] for event in tracker["events"] if event["event"] == "user"]
    if known != person.sent[len(person.sent) - len(known) :]:
        person.faults.append(f"mixed up: {known[-3:]} recorded, {person.sent[-3:]} sent")


async def load(address: str, people: list[Person], lines: tuple[str, ...], given: argparse.Namespace) -> None:
    """Run simulated people, and check their recorded messages."""
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(30)
    async with aiohttp.ClientSession(address, connector=connector, timeout=timeout) as session:
        until = time.monotonic() + given.seconds
        await asyncio.gather(*(_talk(session, person, lines, given.pause, until) for person in people))
        for person in people:
            await _check(session, person, given.password)


def _used(process: psutil.Process) -> tuple[float, int]:
    """Return the seconds of processor time that a process has used, and the bytes that it has written."""
    times, written = process.cpu_times(), process.io_counters()
    return times.user + times.system, written.write_bytes


@contextlib.contextmanager
def _served(domain: str, store: str, folder: Path, password: str, log: Path) -> Iterator[tuple[str, int]]:
    """Serve a new store; yield the address and the process id."""
    command = [sys.executable, "-m", "dialogue_gym", "serve", domain, "--no-teach", "--talk"]
    tokens = folder / "tokens"
    tokens.write_text(f"{_CHANNEL} {_TOKEN}\n")
    command += ["--token-file", str(tokens), "--port", "0", "--store"]
    environment = os.environ | {"DIALOGUE_GYM_PASSWORD": password}
    with log.open("wb") as file:
        process = subprocess.Popen([*command, store], stdout=file, stderr=file, env=environment)
    try:
        until = time.monotonic() + _START
        while not (found := re.search(r"(http://[^/]*)/talk/", log.read_text())):
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(log.read_text())
            time.sleep(0.1)
        yield found[1], process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def main() -> None:
    """Start a server, run the load test, and print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("domain", nargs="?", default="restaurant")
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between two messages of one person")
    parser.add_argument("--store", help="the address of a database; by default a new folder")
    given = parser.parse_args()
    given.password = secrets.token_urlsafe(16)
    people = [Person(f"person-{number}") for number in range(given.people)]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        store = given.store or str(Path(folder, "store"))
        with _served(given.domain, store, Path(folder), given.password, log) as (address, pid):
            server = psutil.Process(pid)
            before = _used(server)
            asyncio.run(load(address, people, _LINES.get(given.domain, _ANY), given))
            processor, written = (now - then for now, then in zip(_used(server), before, strict=True))
            memory = re.search(r"VmHWM:\s*(\d+)", Path(f"/proc/{pid}/status").read_text())
        last_line = log.read_text().splitlines()[-1]
    seconds = [one for person in people for one in person.seconds]
    faults = [fault for person in people for fault in person.faults]
    cuts = statistics.quantiles(seconds, n=100)
    count = len(seconds)
    print(f"{len(people)} people, {count} messages in {given.seconds:g} s, {len(faults)} faults")
    print(f"{count / given.seconds:.0f} messages a second; for each the server took", end=" ")
    print(f"{1000 * processor / count:.1f} ms of processor time and wrote {written / count / 1000:.1f} kB")
    print(f"replies took {1000 * cuts[49]:.0f} ms (median), {1000 * cuts[94]:.0f} ms (95th percentile)")
    print(f"{int(memory[1]) // 1024 if memory else '?'} MiB at most; {last_line}")
    for fault in faults[:5]:
        print(fault)


if __name__ == "__main__":
    main()
