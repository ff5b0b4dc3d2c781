"""The body of `dialogue-gym serve`: pages for teachers, a page and interfaces for visitors, on one port."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Router
from starlette.types import ASGIApp

from dialogue_gym._text import printable
from dialogue_gym._threads import wait_no_longer
from dialogue_gym.domain import Domain, load_domain
from dialogue_gym.domain.loader import domain_text
from dialogue_gym.domain.sources import builtin_names
from dialogue_gym.factory import domain_notes, how_to_talk
from dialogue_gym.journal.data_folder import data_folder
from dialogue_gym.journal.location import default_store
from dialogue_gym.journal.place import StorePlace
from dialogue_gym.journal.store import Store
from dialogue_gym.live.handoff import Handoff
from dialogue_gym.live.options import LiveOptions, burst_limit
from dialogue_gym.live.rate_limit import Limits
from dialogue_gym.live.sessions import Sessions
from dialogue_gym.teaching.options import TeachOptions
from dialogue_gym.teaching.startup import TeachingSetup, await_training, make_interpreter, set_up
from dialogue_gym.teaching.taught_interpreter import TaughtInterpreter
from dialogue_gym.text.dialogue import TextDialogue
from dialogue_gym.training.environments import check_user, parse_text_settings
from dialogue_gym.web.access import AccessPolicy, is_loopback
from dialogue_gym.web.account_file import AccountFile
from dialogue_gym.web.addresses import address_of, talking_lines, told_address
from dialogue_gym.web.api import Channels, build_visitor_app
from dialogue_gym.web.app import PATH, build
from dialogue_gym.web.branding import Branding
from dialogue_gym.web.channels.inbox import Inbox
from dialogue_gym.web.channels.slack import SlackSettings
from dialogue_gym.web.credentials import PASSWORD_IS_IDLE, password_for, read_metrics_token, read_tokens
from dialogue_gym.web.domain_desk import DomainDesk
from dialogue_gym.web.first_page import PATH as NEW_PATH
from dialogue_gym.web.first_page import FirstPage
from dialogue_gym.web.monitoring.health import MonitoredApp, ServerState
from dialogue_gym.web.monitoring.logs import json_log
from dialogue_gym.web.openenv_app import PATH as OPENENV_PATH
from dialogue_gym.web.openenv_app import OpenEnvOffer, openenv_app
from dialogue_gym.web.options import ServeOptions
from dialogue_gym.web.responses import INLINE_STYLES
from dialogue_gym.web.security import AccessMiddleware
from dialogue_gym.web.server import allow_open_files, listen, serve
from dialogue_gym.web.stopping import stopping_in_time
from dialogue_gym.web.teaching_config import TeachingConfig
from dialogue_gym.web.workspace import Workspaces

if TYPE_CHECKING:
    from dialogue_gym.journal.seat import LearnerSeat
    from dialogue_gym.live.bot import LiveBot
    from dialogue_gym.live.run import OpenLiveBot

_OPENENV_AT = "Clients of OpenEnv reach the fake user at"
_Options = TypeVar("_Options", TeachOptions, LiveOptions)


def run(options: ServeOptions) -> None:
    """Serve until Ctrl-C, or until the process is asked to terminate.

    Raises:
        ValueError: an option cannot be used; one line gives the reason.
        OSError: a file cannot be read or written.
    """
    options.check()
    with contextlib.ExitStack() as stack:
        if options.log_json:
            stack.enter_context(json_log(options.log_texts))
        listening = stack.enter_context(contextlib.closing(listen(options.host, options.port)))
        if not options.source:
            made = _make_bot(options, listening)
            if made is None:
                return
            options = dataclasses.replace(options, source=str(made), open=False)
        _serve_bot(options, listening)


def _make_bot(options: ServeOptions, listening: socket.socket) -> Path | None:
    """Serve the questions about a new bot; return its domain file, or None if the person stops before."""
    if not is_loopback(options.host):
        raise ValueError(
            f"--host {printable(options.host)}: a new bot is made on this machine alone; name a domain, which"
            " `dialogue-gym new` can make"
        )
    ends = threading.Event()
    page = FirstPage(Path(), ends.set)
    with tempfile.TemporaryDirectory() as folder:
        policy = AccessPolicy(options.host, Path(folder), names=options.name)
        address = address_of(options.host, listening, NEW_PATH)
        print(f"Make a new bot at {address} (Ctrl-C stops).", flush=True)
        server = AccessMiddleware(page.app(f"{PATH}/"), policy, content=INLINE_STYLES)
        is_made = serve(server, listening, address if options.open else None, ends)
    return page.path if is_made else None


def _serve_bot(options: ServeOptions, listening: socket.socket) -> None:
    domain = load_domain(options.source)
    for note in domain_notes(options.source):
        print(f"({printable(note)})")
    offer = _offer(options, domain) if options.openenv else None
    if offer and not (options.teach or options.talk):
        _serve_openenv(options, listening, offer, password_for(options))
        return
    branding = Branding.read(domain.name, options.title, options.color, options.logo)
    setup, place = _beginning(options, domain)
    channels = channels_of(options)
    has_accounts = AccountFile(data_folder(place)).is_used
    password = password_for(options, has_accounts)
    state, figures_token = ServerState(), read_metrics_token(options.metrics_token)
    with contextlib.ExitStack() as stack:
        state.on_stop.append(stack.enter_context(stopping_in_time()))
        policy = AccessPolicy(options.host, data_folder(place), password, options.name)
        if has_accounts and password is not None:
            print(f"({PASSWORD_IS_IDLE})")
        if setup:
            with Store(place) as opened:
                notes = setup.prepare(opened)
            for note in notes:
                print(f"({printable(note)})")
        store: Store | None = None
        people: Sessions | None = None
        handoff: Handoff | None = None
        server: ASGIApp | None = None
        words: TaughtInterpreter | None = None
        desk: DomainDesk | None = None
        if options.talk:
            bot, people = stack.enter_context(visitors(options, place))
            store, handoff, words = bot.store, Handoff(people, bot.trainer), bot.interpreter
            # Other sites may talk to the bot, but not reach the teachers' pages.
            own = dataclasses.replace(policy, origins=options.origin, frames=options.allow_origin)
            desk = DomainDesk(domain, store, words, handoff, policy.log)
            state.metrics.watch_people(people, bot.trainer.explorer)
            state.metrics.watch_learner(bot.trainer)
            server = build_visitor_app(Inbox(people, state), own, channels, branding, desk)
        if offer:
            server = _with_openenv(offer, policy, server)
        if setup:
            store = store or stack.enter_context(Store(place))
            words = words or teaching_interpreter(options, domain, place)
            # NiceGUI looks through all objects when it starts, which can break a training in another thread.
            await_training(words)
            config = TeachingConfig(
                domain,
                setup.user,
                setup.turn_taking,
                setup.runner,
                words,
                options.seed,
            )
            workspaces = Workspaces(store, config, handoff, desk, policy.allows, policy.log)
            server = build(workspaces, policy, server)
        assert store is not None and server is not None  # options.check() has refused to serve nothing
        state.checks["store"] = store.last_id
        print(f"{domain.name}: everything is kept in {printable(str(place))}. Ctrl-C stops.")
        teaching = address_of(options.host, listening, PATH)
        if setup:
            print(f"Teach the bot at {told_address(options, listening, PATH)}")
        if offer:
            print(f"{_OPENENV_AT} {told_address(options, listening, OPENENV_PATH)}")
        if people:
            first, *others = talking_lines(options, listening)
            print(first)
            if words is not None and not words.knows_words:
                print(f"({how_to_talk(domain, False)})")
            for line in others:
                print(line, flush=True)
        opens = teaching if setup and options.open else None
        serve(
            MonitoredApp(server, state, policy, figures_token),
            listening,
            opens,
            proxies=options.behind_proxy,
            compresses=not offer,
            on_start=state.start,
            on_stop=state.stop,
            logs_json=options.log_json,
        )
        wait_no_longer()
        print("(everything is saved)")


def _beginning(options: ServeOptions, domain: Domain) -> tuple[TeachingSetup | None, StorePlace]:
    """Return the set-up of the teaching, and the place of the store, where nothing is written yet."""
    setup = set_up(domain, options_for(options, TeachOptions)) if options.teach else None
    place = setup.place if setup else options.store or _live_store(options.source, domain)
    if options.talk:
        check_visitors(options, place)
    return setup, place


def _offer(options: ServeOptions, domain: Domain) -> OpenEnvOffer:
    """Return the dialogues that are offered over OpenEnv.

    Raises:
        ValueError: there are none, or an option cannot be used.
    """
    check_user(options.source, domain)
    try:
        settings = parse_text_settings(options.setting)
        TextDialogue(domain, str(options.mode), **settings)
    except ValueError as error:
        raise ValueError(f"--setting: {error}") from None
    return OpenEnvOffer(
        domain,
        str(options.mode),
        settings,
        options.sessions,
        60 * options.idle,
        "MIT" if options.source in builtin_names() else None,
    )


def _with_openenv(offer: OpenEnvOffer, policy: AccessPolicy, others: ASGIApp | None) -> ASGIApp:
    """Return an application with OpenEnv under its path, and with another one for all other paths."""
    allow_open_files(offer.most_sessions)
    here = f"OpenEnv is at {OPENENV_PATH}\n"
    nothing = AccessMiddleware(PlainTextResponse(here, status_code=404), policy)
    return Router([Mount(OPENENV_PATH, openenv_app(offer, policy)), Mount("/", others or nothing)])


def _serve_openenv(
    options: ServeOptions, listening: socket.socket, offer: OpenEnvOffer, password: str | None
) -> None:
    """Serve dialogues over OpenEnv alone; nothing is kept."""
    with tempfile.TemporaryDirectory() as folder:
        policy = AccessPolicy(options.host, Path(folder), password, options.name)
        state, token = ServerState(), read_metrics_token(options.metrics_token)
        server = MonitoredApp(_with_openenv(offer, policy, None), state, policy, token)
        print(f"{offer.domain.name}: Ctrl-C stops.")
        print(f"{_OPENENV_AT} {told_address(options, listening, OPENENV_PATH)}", flush=True)
        serve(
            server,
            listening,
            proxies=options.behind_proxy,
            compresses=False,
            on_start=state.start,
            on_stop=state.stop,
            logs_json=options.log_json,
        )


def channels_of(options: ServeOptions) -> Channels:
    """Return the channels for messages; errors are those of the options."""
    return Channels(
        read_tokens(options.token_file),
        options.callback,
        SlackSettings.of_environment() if options.slack else None,
        polls=options.workers is None,
    )


def sessions_of(options: ServeOptions, bot: LiveBot) -> Sessions:
    """Return the sessions of people with a bot, within the limits of the options."""
    ratings, minutes = burst_limit(options.burst)
    limits = Limits(ratings=ratings, ratings_minutes=minutes)
    return Sessions(bot, limits, trusts_ratings=options.trust_ratings)


def _live_store(source: str, domain: Domain) -> Path:
    return default_store(domain.name, "live", source, domain_text(source))


def options_for(options: ServeOptions, kind: type[_Options], **changes: Any) -> _Options:
    """Return the options that another command has as well, with some changes."""
    names = {field.name for field in dataclasses.fields(kind)}
    given = {field.name: getattr(options, field.name) for field in dataclasses.fields(options)}
    return kind(**{name: value for name, value in given.items() if name in names} | changes)


@contextlib.contextmanager
def visitors(
    options: ServeOptions, place: StorePlace, seat: LearnerSeat | None = None
) -> Iterator[tuple[OpenLiveBot, Sessions]]:
    """Open the bot for visitors, which learns until the context ends, and continue their conversations.

    Arguments are those of `open_live_bot`.

    Raises:
        ValueError: an option cannot be used; one line gives the reason.
        OSError: a file cannot be read or written.
    """
    # PyTorch comes with another extra, which the teachers' pages do without.
    from dialogue_gym.live.run import open_live_bot

    with open_live_bot(
        options_for(options, LiveOptions, store=place), is_attended=options.teach, seat=seat
    ) as bot:
        # Some may wait for a reply since the last stop; others' are found by their leases.
        for name in bot.live.conversations.open if seat is None else ():
            bot.live.resume(name)
        people = sessions_of(options, bot.live)
        with people.expiring():
            yield bot, people


def check_visitors(options: ServeOptions, place: StorePlace) -> None:
    """Refuse options with which no bot can talk to visitors; errors are those of `visitors`."""
    from dialogue_gym.live.run import check_live  # needs PyTorch, as in `visitors`

    check_live(options_for(options, LiveOptions, store=place))


def teaching_interpreter(options: ServeOptions, domain: Domain, place: StorePlace) -> TaughtInterpreter:
    """Return the interpreter of teachers' messages, from the given examples and those in the store.

    Without the extra `nlu`, teachers type in the fixed format, unless examples were given.

    Raises:
        ValueError: the examples cannot be used.
    """
    try:
        return make_interpreter(options.source, domain, options.nlu, options.seed, place, options.fallback)
    except ImportError:
        if options.nlu:
            raise
        return TaughtInterpreter(domain)
