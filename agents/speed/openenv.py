"""Load test of `dialogue-gym serve --openenv`: many sessions are open at once, and play dialogues.

python -m agents.speed.openenv restaurant --sessions 1000 --seconds 30
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp

from dialogue_gym.utils import counted

_START = 120.0


class Player:
    """A session that plays one dialogue after another by random actions, and times its steps."""

    def __init__(self, number: int) -> None:
        """Begin without a socket."""
        self.seconds: list[float] = []
        self.faults: list[str] = []
        self._chance = random.Random(number)
        self._number = number

    async def play(
        self, session: aiohttp.ClientSession, address: str, given: argparse.Namespace, opened: asyncio.Barrier
    ) -> None:
        """Open a socket, wait for all others, and play until the time is up."""
        async with session.ws_connect(f"{address}ws", max_msg_size=0) as socket:
            await self._ask(socket, "reset", {"seed": self._number})
            await opened.wait()
            await opened.wait()
            until = time.monotonic() + given.seconds
            await asyncio.sleep(self._chance.random() * given.pause)
            while time.monotonic() < until:
                began = time.monotonic()
                result = await self._ask(socket, "step", {"message": self._chance.choice(given.actions)})
                self.seconds.append(time.monotonic() - began)
                if result.get("done"):
                    await self._ask(socket, "reset", {})
                await asyncio.sleep(given.pause)

    async def _ask(self, socket: Any, kind: str, data: dict[str, Any]) -> dict[str, Any]:
        await socket.send_json({"type": kind, "data": data})
        answer = await socket.receive_json()
        if answer["type"] != "observation":
            self.faults.append(str(answer))
        content: dict[str, Any] = answer["data"]
        return content


async def load(address: str, pid: int, given: argparse.Namespace) -> tuple[list[Player], float]:
    """Run all players; return them, and the memory of a session in KiB."""
    players = [Player(number) for number in range(given.sessions)]
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        async with session.get(f"{address}schema") as answer:
            given.actions = (await answer.json())["action"]["properties"]["message"]["enum"]
        async with session.ws_connect(f"{address}ws") as socket:  # loads what the first session loads
            await socket.send_json({"type": "reset"})
            await socket.receive_json()
        before = _memory(pid)
        opened = asyncio.Barrier(given.sessions + 1)
        tasks = [asyncio.create_task(player.play(session, address, given, opened)) for player in players]
        await opened.wait()
        size = (_memory(pid) - before) / given.sessions
        await opened.wait()
        await asyncio.gather(*tasks)
    return players, size


def _memory(pid: int) -> int:
    """Return the resident memory of a process in KiB."""
    found = re.search(r"VmRSS:\s*(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) if found else 0


@contextlib.contextmanager
def _served(given: argparse.Namespace, log: Path) -> Iterator[tuple[str, int]]:
    """Serve the domain; yield the address and the process id."""
    command = [sys.executable, "-m", "dialogue_gym", "serve", given.domain, "--no-teach", "--openenv"]
    command += ["--port", "0", "--sessions", str(given.sessions)]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env=environment)
    try:
        until = time.monotonic() + _START
        while not (found := re.search(r"http://\S*/openenv/", log.read_text())):
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(log.read_text())
            time.sleep(0.1)
        yield found[0], process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def main() -> None:
    """Start a server, run the load test, and print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("domain", nargs="?", default="restaurant")
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between two steps of one session")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, _served(given, Path(folder, "log")) as (address, pid):
        players, size = asyncio.run(load(address, pid, given))
    seconds = [one for player in players for one in player.seconds]
    faults = [fault for player in players for fault in player.faults]
    cuts = statistics.quantiles(seconds, n=100)
    rate = len(seconds) / given.seconds
    print(f"{counted(len(players), 'session')}, {rate:.0f} steps/s, {counted(len(faults), 'fault')}")
    print(f"a step took {1000 * cuts[49]:.1f} ms (median), {1000 * cuts[94]:.1f} ms (95th percentile)")
    print(f"a session takes {size:.0f} KiB")
    for fault in faults[:5]:
        print(fault)


if __name__ == "__main__":
    main()
