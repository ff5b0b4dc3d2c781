"""The page on which a person is the bot. Plain HTML; its address holds the match, which is played again."""

from __future__ import annotations

import asyncio
import contextlib
import html
import re
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from dialogue_gym._text import visible
from dialogue_gym.bounds import Bound, Bounding, BoundMethod
from dialogue_gym.conversation.transcripts import USER_SIDE, Bubble
from dialogue_gym.domain import Domain, load_domain
from dialogue_gym.domain.model import LISTEN
from dialogue_gym.domain.slot import EMPTY
from dialogue_gym.play import Game, Match, Move, new_seed
from dialogue_gym.play.report import best, ending, points, rules, standing
from dialogue_gym.training.environments import ANY_DOMAIN, check_user
from dialogue_gym.web.access import AccessPolicy
from dialogue_gym.web.addresses import address_of
from dialogue_gym.web.responses import INLINE_STYLES
from dialogue_gym.web.security import AccessMiddleware
from dialogue_gym.web.server import listen, serve

PATH = "/play"
"""The path of the page where it stands alone."""
_MOST_MOVES = 1000
_NEXT = "n"
"""The sign between two dialogues of a match."""
_MOVES = re.compile(r"(?:\d{1,3}|n)(?:\.(?:\d{1,3}|n))*")
_NOISE = {"0": "always understands", "0.15": "sometimes mishears", "0.3": "often mishears"}
_STATIC = Path(__file__).parent / "static"
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>{style}</style>{head}</head>
<body>{parts}</body></html>"""


class UnknownMove(ValueError):
    """An address names an action that is not possible."""


@dataclass(frozen=True)
class _Place:
    """The place in a match that an address names.

    Attributes:
        chosen: the settings that the person has chosen.
        seed: the seed of the match.
        moves: the numbers of the actions so far, and `_NEXT` between dialogues.
    """

    chosen: tuple[tuple[str, str], ...]
    seed: int
    moves: tuple[str, ...] = ()

    def link(self, *more: str, **other: str) -> str:
        """Return the address of this place after further moves."""
        query: dict[str, Any] = {**dict(self.chosen), "seed": self.seed, **other}
        if moves := (*self.moves, *more):
            query["moves"] = ".".join(moves)
        return f"?{urlencode(query)}#now"


class PlayPage:
    """The page of one domain with a fake user.

    The best possible scores are computed in another process, one after the other, until the page is closed.
    """

    def __init__(
        self,
        domain: Domain,
        settings: Mapping[str, Any] | None = None,
        seed: int | None = None,
        head: str = "",
    ) -> None:
        """Prepare the page.

        Args:
            domain: a domain with a fake user.
            settings: settings of all dialogues, beside those that people choose.
            seed: the seed of matches that begin; None for random ones.
            head: HTML for the end of the page's head.
        """
        self._domain, self._settings = domain, dict(settings or {})
        self._seed, self._head = seed, head
        self._bounds: dict[tuple[tuple[str, str], ...], Bound | None] = {}
        self._running: tuple[tuple[tuple[str, str], ...], Bounding] | None = None
        self._stack = contextlib.ExitStack()
        self._lock = threading.Lock()
        Game(domain, self._settings, 0)  # errors in settings show at the start

    async def respond(self, request: Request, top: str = "") -> Response:
        """Return the page that an address names; `top` is HTML to stand above it."""
        return await asyncio.to_thread(self._respond, request, top)

    def close(self) -> None:
        """Stop what is still computed."""
        with self._lock:
            self._stack.close()

    def _respond(self, request: Request, top: str) -> Response:
        query = request.query_params
        place = self._place(query)
        if place is None:
            return self._html("Be the bot", top + _main(self._welcome()))
        if str(place.seed) != query["seed"]:  # in the address, so that the page can be loaded again
            return RedirectResponse(place.link(), status_code=303)
        try:
            match = self._match(place)
        except UnknownMove:
            lost = '<h1>This address leads nowhere</h1><p><a href="?">Start again</a></p>'
            return self._html("Be the bot", top + _main(lost), 404)
        parts = self._play(match, place, "hint" in query)
        return self._html(f"Be the bot: {self._domain.name}", top + _main(parts))

    def _place(self, query: Mapping[str, str]) -> _Place | None:
        """Return the place that an address names; None for the start."""
        if "seed" not in query:
            return None
        chosen = [(key, query[key]) for key, valid in self._choices.items() if query.get(key) in valid]
        seed, moves = query["seed"], query.get("moves", "")
        is_whole = seed == str(self._seed) or (len(seed) < 10 and seed.isascii() and seed.isdigit())
        if not is_whole:
            return _Place(tuple(chosen), self._seed if self._seed is not None else new_seed())
        readable = moves.split(".") if _MOVES.fullmatch(moves) else ["0"] if moves else []
        return _Place(tuple(chosen), int(seed), tuple(readable[: _MOST_MOVES + 1]))

    @property
    def _choices(self) -> dict[str, dict[str, str]]:
        """The settings that people choose: for each its values, with their texts."""
        users = [name for name, _ in self._domain.fake_user.profiles] if self._domain.fake_user else []
        choices: dict[str, dict[str, str]] = {}
        if "semantic_error_rate" not in self._settings:
            choices["noise"] = _NOISE
        if len(users) > 1 and "user" not in self._settings:
            choices["user"] = {name: visible(name.replace("_", " "), 40) for name in users}
        return choices

    def _match(self, place: _Place) -> Match:
        """Play a match again.

        Raises:
            UnknownMove: a move is not possible, or there are too many.
        """
        match = Match(self._domain, self._settings_of(place), place.seed)
        if len(place.moves) > _MOST_MOVES:
            raise UnknownMove
        for move in place.moves:
            game = match.game
            if move == _NEXT:
                if not game.is_over:
                    raise UnknownMove
                match.begin()
                continue
            names = game.env.action_names
            if not 1 <= int(move) <= len(names):
                raise UnknownMove
            try:
                game.do(names[int(move) - 1])
            except ValueError:
                raise UnknownMove from None
        return match

    def _settings_of(self, place: _Place) -> dict[str, Any]:
        chosen: dict[str, Any] = dict(place.chosen)
        if "noise" in chosen:
            chosen["semantic_error_rate"] = float(chosen.pop("noise"))
        return self._settings | chosen

    def _bound(self, place: _Place) -> Bound | None:
        """Return the bound if it is known; else let it be computed, unless another one is."""
        with self._lock:
            if self._running is not None and self._running[1].is_ready:
                key, bounding = self._running
                try:
                    self._bounds[key] = bounding.result()
                except (ImportError, RuntimeError):  # SciPy comes with another extra; or it was killed
                    self._bounds[key] = None
                self._stack.close()
                self._running = None
            if place.chosen not in self._bounds and self._running is None:
                settings = {"domain": self._domain} | self._settings_of(place)
                bounding = Bounding(ANY_DOMAIN, settings, BoundMethod.AUTO, 0, lambda line: None)
                self._running = place.chosen, self._stack.enter_context(bounding)
            return self._bounds.get(place.chosen)

    def _html(self, title: str, parts: str, status: int = 200) -> HTMLResponse:
        style = "".join((_STATIC / name).read_text(encoding="utf-8") for name in ("style.css", "play.css"))
        page = _PAGE.format(title=html.escape(visible(title)), style=style, head=self._head, parts=parts)
        return HTMLResponse(page, status)

    # The parts of the page.

    def _welcome(self) -> str:
        fields = "".join(
            f'<p><label for="{key}">{"The bot" if key == "noise" else "The user"}</label>'
            f'<select id="{key}" name="{key}">'
            + "".join(
                f'<option value="{html.escape(value)}">{html.escape(text)}</option>'
                for value, text in values.items()
            )
            + "</select></p>"
            for key, values in self._choices.items()
        )
        about = html.escape(visible(self._domain.description or "", 200))
        seed = "" if self._seed is None else self._seed
        return f"""<section class="welcome"><h1>Be the bot</h1>
{f"<p>{about}</p>" if about else ""}
<p>The computer plays a user who wants something. You are the bot: read what the user says, and choose what
the bot does next, until the user has it. Each step costs a little, so be quick.</p>
<p>At the end you see how an expert did with the same user.</p>
<form method="get"><input type="hidden" name="seed" value="{seed}">{fields}
<p><button class="primary large">Start</button></p></form></section>"""

    def _play(self, match: Match, place: _Place, wants_hint: bool) -> str:
        game = match.game
        chat = game.chat
        last = max((i for i, one in enumerate(chat) if one.side != USER_SIDE), default=0)
        before, now = chat[:last], chat[last:]
        asks = _end(match, place, self._bound(place)) if game.is_over else _options(game, place, wants_hint)
        if not game.is_over:
            self._bound(place)  # let it be computed meanwhile
        number = f"Dialogue {len(match.games)}"
        slots = game.env.conversation.slots
        brief = [points(game.score)]
        brief += [f"{_plain(name)}: {text}" for name, text in game.known if slots.get(name) is not None]
        rule = "".join(f"<li>{html.escape(line)}</li>" for line in rules(game))
        return f"""<div class="talk"><h1>Be the bot</h1>
<ol class="said" aria-label="Conversation so far">{"".join(_bubble(one, game) for one in before)}</ol>
<section id="now" tabindex="-1" aria-label="Now">
<ol class="said" aria-label="Last messages">{"".join(_bubble(one, game) for one in now)}</ol>
<p class="brief">{html.escape(visible(" · ".join(brief)))}</p>{asks}</section></div>
<section class="side" aria-label="The bot's notes"><h2>{number}</h2>
<p class="score">{html.escape(points(game.score))}</p>
<h2>What you know</h2><dl class="slots">{_known(game)}</dl>
<details><summary>Rules</summary><ul>{rule}</ul></details>
<p><a href="?">Start again</a></p></section>"""


def _main(parts: str) -> str:
    return f'<main class="play" id="main">{parts}</main>'


def _bubble(bubble: Bubble, game: Game) -> str:
    texts = bubble.texts or ["(says nothing)"]
    is_user = bubble.side == USER_SIDE
    who = "User" if is_user else "You, the bot"
    about = []
    if not is_user and bubble.meaning and not bubble.texts:
        about.append(f"<span>{html.escape(_plain(bubble.meaning))}</span>")
    if is_user and game.is_noisy and bubble.confidence is not None:
        about.append(f"<span>{bubble.confidence:.0%} sure to have heard that</span>")
    shown = "<br>".join(map(html.escape, texts))
    return (
        f'<li class="bubble{" is-user" if is_user else ""}"><span class="sr">{who}: </span>'
        f'<span class="texts" dir="auto">{shown}</span>'
        + (f'<span class="about">{"".join(about)}</span>' if about else "")
        + "</li>"
    )


def _known(game: Game) -> str:
    """Return the bot's knowledge; a text without a title belongs to the one before it."""
    rows: list[tuple[str, str]] = []
    for title, text in game.known:
        if title or not rows:
            rows.append((title, text))
        else:
            rows[-1] = (rows[-1][0], f"{rows[-1][1]} {text}")
    return "".join(
        f"<div{' class=is-faint' if text == EMPTY else ''}><dt>{html.escape(_plain(title))}</dt>"
        f"<dd>{html.escape(visible(text))}</dd></div>"
        for title, text in rows
    )


def _options(game: Game, place: _Place, wants_hint: bool) -> str:
    hints = game.hint if wants_hint else ()
    options = "".join(
        f'<li><a class="option{" is-hint" if move.action in hints else ""}"'
        f' href="{html.escape(place.link(str(move.number)))}"><span>{html.escape(_shown(move))}</span>'
        f"<code>{html.escape(visible(move.action))}</code>"
        f"{'<span class=hint>the expert would choose this</span>' if move.action in hints else ''}</a></li>"
        for move in game.moves
    )
    has_expert = bool(game.hint)
    hint = (
        f'<p><a href="{html.escape(place.link(hint="yes"))}">What would an expert do?</a></p>'
        if has_expert
        else ""
    )
    return f'<h2>What does the bot do next?</h2><ul class="choices">{options}</ul>{"" if hints else hint}'


def _shown(move: Move) -> str:
    if move.action == LISTEN:
        return "(listen to the user)"
    return move.says or f"({_plain(move.action)}, without a word)"


def _plain(name: str) -> str:
    """Return the name of an action or a slot in words."""
    return visible(name.removeprefix("action_").removeprefix("utter_").replace("_", " "))


def _end(match: Match, place: _Place, bound: Bound | None) -> str:
    game = match.game
    first, *others = (html.escape(line) for line in ending(game))
    known = best(bound)
    lines = [*others, *map(html.escape, standing(match)), *([html.escape(known)] if known else [])]
    style = "is-good" if game.result.is_success else "is-bad"
    shown = "".join(f"<li>{line}</li>" for line in lines)
    expert = ""
    if game.of_expert is not None:
        chat = "".join(_bubble(one, game.of_expert) for one in game.of_expert.chat)
        expert = (
            f'<details><summary>See how the expert did it</summary><ol class="said">{chat}</ol></details>'
        )
    again = f'<a class="button" href="{html.escape(place.link(_NEXT))}">Next user</a>'
    return f"""<div class="card"><h2 class="note {style}">{first}</h2><ul>{shown}</ul>
<p class="row">{again}</p>{expert}</div>"""


def run(source: str, settings: dict[str, Any], seed: int | None, port: int = 0, opens: bool = True) -> None:
    """Serve the page on this machine alone, until Ctrl-C.

    Args:
        source: a built-in domain's name, or a domain file.
        settings: settings of all dialogues.
        seed: the seed of each match; None for random ones.
        port: the port to listen on; 0 for a free one.
        opens: whether to open the page in the browser.

    Raises:
        ValueError: the domain, a setting or the port cannot be used; the message is one line.
    """
    host = "127.0.0.1"
    domain = load_domain(source)
    check_user(source, domain)
    page = PlayPage(domain, settings, seed)
    with contextlib.closing(listen(host, port)) as listening, tempfile.TemporaryDirectory() as folder:
        address = address_of(host, listening, PATH)
        print(f"Be the bot at {address} (Ctrl-C stops).", flush=True)
        try:
            guarded = AccessMiddleware(
                play_app(page), AccessPolicy(host, Path(folder)), content=INLINE_STYLES
            )
            serve(guarded, listening, address if opens else None)
        finally:
            page.close()


def play_app(page: PlayPage) -> Starlette:
    """Return an application with the page under its path, to which all others lead."""

    async def show(request: Request) -> Response:
        return await page.respond(request)

    async def home(request: Request) -> Response:
        return RedirectResponse(f"{PATH}/", status_code=307)

    return Starlette(
        routes=[
            Route(f"{PATH}/", show, methods=["GET"]),
            Route("/{path:path}", home, methods=["GET"]),
        ]
    )
