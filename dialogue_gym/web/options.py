"""The options of `dialogue-gym serve`; without the packages of the server, which it loads when it runs."""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from dialogue_gym._text import quoted
from dialogue_gym.journal.place import DatabaseUrl
from dialogue_gym.live.options import (
    BURST_LIMIT,
    LearningOptions,
    burst_limit,
    check_promotion,
    exploration_rates,
)
from dialogue_gym.teaching.options import SessionOptions

_TEACHING = tuple(SessionOptions.__annotations__)
"""Options that affect only the teachers' pages."""
_TALKING = (
    *LearningOptions.__annotations__,
    *("origin", "token_file", "callback", "slack", "trust_ratings", "burst", "title", "color", "logo"),
    "allow_origin",
)
"""Options that have an effect only if visitors talk to the bot."""
_OPENENV = ("mode", "setting", "sessions", "idle")
"""Options that have an effect only with OpenEnv."""
_BOT = ("store", "nlu", "actions", "fallback", "seed", "trust", "stories")
"""Options of the bot, which OpenEnv does without: its clients are the bot."""
_LAST_PORT = 65535
_ORIGIN = re.compile(r"https?://(\[[0-9a-f:]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?")
"""The origin of a site as browsers send it."""
_ADDRESS = re.compile(_ORIGIN.pattern + r"([/?][!-~]*)?")
_USUAL_PORTS = {"http": ":80", "https": ":443"}
_HOST_NAME = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
"""A name of a host, or an IPv6 address, as the header of a request has it before the port."""


@dataclass(frozen=True)
class ServeOptions(SessionOptions, LearningOptions):
    """Options for the web server.

    Attributes:
        source: a built-in domain's name, or a domain file; empty for a new bot, which the first page asks
            about.
        teach: whether to serve the teachers' pages.
        talk: whether to serve the visitors' page, the REST channel and the interface for programs.
        openenv: whether to serve dialogues with the fake user over the OpenEnv protocol.
        host: the address to listen on.
        port: the port to listen on; 0 for a free one.
        workers: the number of processes that serve people, beside one that learns; None for one process that
            does all of it.
        teachers_port: the port of the teachers' pages beside workers; None for the one after `port`.
        metrics_token: a file with the token for `/metrics`, which this machine alone may read without.
        log_json: whether to write the log as one JSON object a line.
        log_texts: whether such a log has the words of people.
        password_file: a file with the teachers' password.
        name: further host names of the server.
        behind_proxy: addresses or networks of proxies, whose forwarded headers name the client.
        open: whether to open the teachers' page in the browser.
        origin: other sites whose pages may talk to the bot.
        token_file: a file with the tokens of channels.
        callback: addresses to which the callback channel may post answers; without any, there is none.
        slack: whether to be an app in Slack, whose secrets are in the environment.
        trust_ratings: whether visitors' ratings count before a teacher approves them.
        burst: ratings and minutes, `"30/10"`: more ratings of one person, or from one address, in these
            minutes are a burst, which always waits for approval.
        title: the bot's name on the visitors' page; None for the name of the domain.
        color: the color of buttons there, `#rrggbb`.
        logo: an image file to show there.
        allow_origin: other sites that may embed the visitors' page.
        mode: the way to act over OpenEnv, if a client chooses no other.
        setting: settings of these dialogues, `KEY=VALUE`, if a client chooses no others.
        sessions: the number of OpenEnv's sessions that may be open at once.
        idle: the minutes after which a session without a message ends; 0 for never.
    """

    source: str = ""
    teach: bool = True
    talk: bool = False
    openenv: bool = False
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int | None = None
    teachers_port: int | None = None
    metrics_token: Path | None = None
    log_json: bool = False
    log_texts: bool = False
    password_file: Path | None = None
    name: tuple[str, ...] = ()
    behind_proxy: tuple[str, ...] = ()
    open: bool = True
    origin: tuple[str, ...] = ()
    token_file: Path | None = None
    callback: tuple[str, ...] = ()
    slack: bool = False
    trust_ratings: bool = False
    burst: str = BURST_LIMIT
    title: str | None = None
    color: str | None = None
    logo: Path | None = None
    allow_origin: tuple[str, ...] = ()
    mode: str = "names"
    setting: tuple[str, ...] = ()
    sessions: int = 1000
    idle: float = 30.0

    def check(self) -> None:
        """Refuse options that would have no effect.

        Raises:
            ValueError: an option has no effect, or there is nothing to serve, or a value is wrong; one line
                names it.
        """
        if not self.source and self.openenv:
            raise ValueError("--openenv: there is no fake user yet; name a domain")
        if not self.source and (self.talk or not self.teach):
            raise ValueError("there is no bot for visitors yet; name a domain, or leave out --talk")
        if not (self.teach or self.talk or self.openenv):
            raise ValueError("--no-teach: there is nothing to serve; add --talk or --openenv")
        if not self.teach and (flag := self._changed(_TEACHING)):
            raise ValueError(f"{flag}: this is for teachers; leave out --no-teach")
        if not self.talk and (flag := self._changed(_TALKING)):
            raise ValueError(f"{flag}: this is for visitors; add --talk")
        if not self.openenv and (flag := self._changed(_OPENENV)):
            raise ValueError(f"{flag}: this is for OpenEnv; add --openenv")
        if not (self.teach or self.talk) and (flag := self._changed(_BOT)):
            raise ValueError(
                f"{flag}: over OpenEnv the client is the bot; leave out --no-teach, or add --talk"
            )
        if self.log_texts and not self.log_json:
            raise ValueError("--log-texts: there is no log of messages; add --log-json")
        self._check_processes()
        exploration_rates(self.explore)
        check_promotion(self.promote, self.explore)
        burst_limit(self.burst)
        self._check_addresses()

    def _check_processes(self) -> None:
        if self.workers is None:
            if self.teachers_port is not None:
                raise ValueError("--teachers-port: one process has one port; add --workers")
            return
        if not self.talk:
            raise ValueError("--workers: they serve visitors; add --talk")
        if self.openenv:
            raise ValueError("--openenv: its dialogues are held in one process; leave out --workers")
        if not isinstance(self.store, DatabaseUrl):
            raise ValueError(
                "--workers: several processes share a store in PostgreSQL alone; add --store"
                " postgresql://USER@HOST/DATABASE"
            )
        if os.name == "nt":
            raise ValueError("--workers: Windows lacks sockets that several processes share")
        if self.port and self.port == self.teachers_port:
            raise ValueError(f"--teachers-port {self.port}: this is the port of --port; choose another one")

    @property
    def port_for_teachers(self) -> int:
        """The port of the teachers' pages beside workers; 0 for a free one."""
        if self.teachers_port is not None:
            return self.teachers_port
        return (self.port + 1) % (_LAST_PORT + 1) if self.port else 0

    def _check_addresses(self) -> None:
        for proxy in self.behind_proxy:
            try:
                network = ipaddress.ip_network(proxy, strict=False)
            except ValueError:
                raise ValueError(
                    f"--behind-proxy {quoted(proxy)}: expected an address such as 127.0.0.1 or a network"
                    " such as 10.0.0.0/8"
                ) from None
            if not network.prefixlen:
                raise ValueError(
                    f"--behind-proxy {proxy}: everybody could then choose an address; name that of the proxy"
                )
        for name in self.name:
            if not _HOST_NAME.fullmatch(name):
                raise ValueError(
                    f"--name {quoted(name)}: expected the name of a host, such as bot.example.org, without"
                    " https:// and a port"
                )
        for url in self.callback:
            if not _is_address(url):
                raise ValueError(
                    f"--callback {quoted(url)}: expected an address such as https://shop.example/answers"
                )
        for flag, origins in (("--origin", self.origin), ("--allow-origin", self.allow_origin)):
            for origin in origins:
                if not _ORIGIN.fullmatch(origin):
                    raise ValueError(f"{flag} {quoted(origin)}: expected a site such as https://shop.example")
        for origin in self.origin:
            usual = _USUAL_PORTS[origin.partition(":")[0]]
            if origin.endswith(usual):
                shorter = origin.removesuffix(usual)
                raise ValueError(f"--origin {quoted(origin)}: browsers leave out {usual}; write {shorter}")

    def _changed(self, names: Iterable[str]) -> str | None:
        """Return the flag of an option with another value than its default; None if all have theirs."""
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        changed = (name for name in names if getattr(self, name) != defaults[name])
        return next((f"--{name.replace('_', '-')}" for name in changed), None)


def _is_address(url: str) -> bool:
    """Return whether answers can be posted to an address, as far as one can tell without a connection."""
    try:
        return _ADDRESS.fullmatch(url) is not None and urlsplit(url).port != 0
    except ValueError:  # a port that there is not
        return False
