"""The options of `dialogue-gym serve`; without the packages of the server, which it loads when it runs."""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dialogue_gym._text import shorten
from dialogue_gym.live.options import exploration_rates
from dialogue_gym.nlu.interpreter import FALLBACK

TEACHING = ("pretrained", "stories", "user", "turn_taking")
"""Options that affect only the teachers' pages."""
TALKING = (
    "agent", "trust", "silence", "checkpoints", "fall", "roll_back", "count_outcomes", "explore", "origin",
    "token_file", "trust_ratings", "title", "color", "logo", "allow_origin",
)  # fmt: skip
"""Options that have an effect only if visitors talk to the bot."""
_ORIGIN = re.compile(r"https?://(\[[0-9a-f:]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?")
"""The origin of a site as browsers send it."""


@dataclass(frozen=True)
class ServeOptions:
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
        store: the folder for conversations and checkpoints; None for `NAME-teaching`, or `NAME-live` without
            the teachers' pages.
        nlu: files with NLU examples, or the address of one NLU server.
        actions: modules or files with the code of actions, or the address of an action server.
        fallback: the confidence under which a sentence is not understood, from 0 to 1.
        seed: the seed of everything random.
        pretrained: whether a new store begins with the domain's own stories.
        stories: story files that a new store begins with.
        user: `"fake"` or `"me"`; None for the fake user if it has a goal.
        turn_taking: `"explicit"` or `"auto"`, while teaching.
        agent: the start of a new learner: `"pretrained"`, `"expert"`, or the folder of a trained agent.
        trust: whether an agent of earlier versions is loaded, which can run code.
        silence: minutes after which a silent visitor counts as gone; 0 for never.
        checkpoints: the number of checkpoints to keep.
        fall: the largest drop in success with the fake user, from 0 to 1, that is not reported.
        roll_back: whether a drop larger than `fall` brings the best checkpoint back.
        count_outcomes: whether the end of an unrated conversation is rewarded by its outcome.
        explore: `"auto"`, or the share of decisions that try another action out; None for none.
        origin: other sites whose pages may talk to the bot.
        token_file: a file with the tokens of channels.
        title: the bot's name on the visitors' page; None for the name of the domain.
        color: the color of buttons there, `#rrggbb`.
        logo: an image file to show there.
        allow_origin: other sites that may embed the visitors' page.
        trust_ratings: whether visitors' ratings count before a teacher approves them.
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
    store: Path | None = None
    nlu: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    fallback: float = FALLBACK
    seed: int = 0
    pretrained: bool = False
    stories: tuple[Path, ...] = ()
    user: str | None = None
    turn_taking: str = "explicit"
    agent: str | None = None
    trust: bool = False
    silence: float = 30
    checkpoints: int = 7
    fall: float = 0.1
    roll_back: bool = False
    count_outcomes: bool = False
    explore: str | None = None
    origin: tuple[str, ...] = ()
    token_file: Path | None = None
    trust_ratings: bool = False
    title: str | None = None
    color: str | None = None
    logo: Path | None = None
    allow_origin: tuple[str, ...] = ()

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
        if not self.teach and (flag := self._changed(TEACHING)):
            raise ValueError(f"{flag}: this is for teachers; leave out --no-teach")
        if not self.talk and (flag := self._changed(TALKING)):
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

    def _changed(self, names: Iterable[str]) -> str | None:
        """Return the flag of an option with another value than its default; None if all have theirs."""
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        changed = (name for name in names if getattr(self, name) != defaults[name])
        return next((f"--{name.replace('_', '-')}" for name in changed), None)
