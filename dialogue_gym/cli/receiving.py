"""What `dialogue-gym live --http` does: it lets people talk to a bot over HTTP, and learns from them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dialogue_gym.cli.hosting import address_of, password_of, read_tokens
from dialogue_gym.cli.living import Living, Opened, opened
from dialogue_gym.domain import Domain
from dialogue_gym.domain.reader import printable
from dialogue_gym.live.people import People
from dialogue_gym.web.listening import listen, serve
from dialogue_gym.web.live_app import build_live
from dialogue_gym.web.rest import WEBHOOK
from dialogue_gym.web.security import Door
from dialogue_gym.web.visitors import PATH


@dataclass(frozen=True)
class Receiving:
    """How people are let in: what the command was given."""

    living: Living
    host: str
    port: int
    password_file: Path | None
    names: tuple[str, ...]
    origins: tuple[str, ...]
    token_file: Path | None
    trusts_ratings: bool


def receive(given: Receiving) -> None:
    """Serve until Ctrl-C.

    Raises:
        ValueError: what the command was given cannot be used; one line says why.
        OSError: a file cannot be read or written.
    """
    tokens = read_tokens(given.token_file)
    folder = given.living.folder or Path(f"{Domain.load(given.living.source).name}-live")
    password = password_of(given.password_file, given.host)
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(contextlib.closing(listen(given.host, given.port)))
        bot = stack.enter_context(opened(given.living))
        door = Door(given.host, folder, password, given.names, given.origins)
        people = stack.enter_context(gathered(bot, given.trusts_ratings))
        print(f"{bot.live.domain.name}: talk to it at {address_of(given.host, listening, PATH)}", flush=True)
        print(f"Rasa's front ends find it at {WEBHOOK}. All is kept in {printable(str(folder))}.", flush=True)
        serve(build_live(people, door, tokens), listening)


@contextlib.contextmanager
def gathered(bot: Opened, trusts_ratings: bool) -> Iterator[People]:
    """Give everybody who talks to a bot; it goes on where it was about to answer somebody.

    Raises:
        StoreError: that cannot be written down.
    """
    for name in bot.live.open:
        bot.trainer.put(bot.live.go_on(name).transitions, bot.live.upto)
    people = People(bot.live, bot.trainer, trusts_ratings=trusts_ratings)
    with people.looked_after():
        yield people
