"""The options of `dialogue-gym serve`; without the packages of the server, which it loads when it runs."""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path

from dialogue_gym._text import shorten
from dialogue_gym.live.options import LearningOptions, exploration_rates
from dialogue_gym.teaching.options import BotOptions, SessionOptions

_ORIGIN = re.compile(r"https?://(\[[0-9a-f:]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?")
"""The origin of a site as browsers send it."""


@dataclass(frozen=True, kw_only=True)
class VisitorOptions(LearningOptions):
    """Options for the visitors of a server.

    Attributes:
        origin: other sites whose pages may talk to the bot.
        token_file: a file with the tokens of channels.
        trust_ratings: whether visitors' ratings count before a teacher approves them.
        title: the bot's name on the visitors' page; None for the name of the domain.
        color: the color of buttons there, `#rrggbb`.
        logo: an image file to show there.
        allow_origin: other sites that may embed the visitors' page.
    """

    origin: tuple[str, ...] = ()
    token_file: Path | None = None
    trust_ratings: bool = False
    title: str | None = None
    color: str | None = None
    logo: Path | None = None
    allow_origin: tuple[str, ...] = ()


@dataclass(frozen=True)
class ServeOptions(SessionOptions, VisitorOptions):
    """Options for the web server.

    Attributes:
        source: a built-in domain's name, or a domain file; empty for a new bot, which the first page asks
            about.
        teach: whether to serve the teachers' pages.
        talk: whether to serve the visitors' page, the REST channel and the interface for programs.
        host: the address to listen on.
        port: the port to listen on; 0 for a free one.
        password_file: a file with the teachers' password.
        name: further host names of the server.
        behind_proxy: addresses or networks of proxies, whose forwarded headers name the client.
        open: whether to open the teachers' page in the browser.
    """

    source: str = ""
    teach: bool = True
    talk: bool = False
    host: str = "127.0.0.1"
    port: int = 8080
    password_file: Path | None = None
    name: tuple[str, ...] = ()
    behind_proxy: tuple[str, ...] = ()
    open: bool = True

    def check(self) -> None:
        """Refuse options that would have no effect.

        Raises:
            ValueError: an option has no effect, or there is nothing to serve, or a value is wrong; one line
                names it.
        """
        if not self.source and (self.talk or not self.teach):
            raise ValueError("there is no bot for visitors yet; name a domain, or leave out --talk")
        if not (self.teach or self.talk):
            raise ValueError("--no-teach: there is nothing to serve; add --talk")
        if not self.teach and (flag := self._changed(SessionOptions)):
            raise ValueError(f"{flag}: this is for teachers; leave out --no-teach")
        if not self.talk and (flag := self._changed(LearningOptions, VisitorOptions)):
            raise ValueError(f"{flag}: this is for visitors; add --talk")
        exploration_rates(self.explore)
        for proxy in self.behind_proxy:
            try:
                ipaddress.ip_network(proxy, strict=False)
            except ValueError:
                raise ValueError(
                    f"--behind-proxy {shorten(proxy)}: expected an address such as 127.0.0.1 or a network"
                    " such as 10.0.0.0/8"
                ) from None
        for flag, origins in (("--origin", self.origin), ("--allow-origin", self.allow_origin)):
            for origin in origins:
                if not _ORIGIN.fullmatch(origin):
                    raise ValueError(
                        f"{flag} {shorten(origin)}: expected a site such as https://shop.example"
                    )

    def _changed(self, *groups: type[BotOptions]) -> str | None:
        """Return the flag of an option of some groups that differs from its default; None without one."""
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        names = (name for group in groups for name in group.__annotations__)
        changed = (name for name in names if getattr(self, name) != defaults[name])
        return next((f"--{name.replace('_', '-')}" for name in changed), None)
