"""The body of `dialogue-gym serve --workers`: the processes that serve people, and the one that learns."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from dialogue_gym._text import printable
from dialogue_gym._threads import wait_no_longer
from dialogue_gym.domain import load_domain
from dialogue_gym.domain.loader import domain_text
from dialogue_gym.factory import how_to_talk, make_runner
from dialogue_gym.journal.data_folder import data_folder
from dialogue_gym.journal.entry import StoreError
from dialogue_gym.journal.place import DatabaseUrl
from dialogue_gym.journal.seat import LearnerSeat
from dialogue_gym.journal.store import Store
from dialogue_gym.live.bot import LiveBot
from dialogue_gym.live.handoff import Handoff
from dialogue_gym.live.reward import LiveReward
from dialogue_gym.live.worker import BotUpdates, LateMessages, PublishedBot, TaughtBot, each_second
from dialogue_gym.teaching.learner import rule_book
from dialogue_gym.teaching.options import TeachOptions
from dialogue_gym.teaching.startup import await_training, for_people, make_interpreter, set_up
from dialogue_gym.web.access import AccessPolicy
from dialogue_gym.web.account_file import AccountFile
from dialogue_gym.web.api import build_teachers_app, build_visitor_app
from dialogue_gym.web.app import PATH, build
from dialogue_gym.web.branding import Branding
from dialogue_gym.web.channels.inbox import Inbox
from dialogue_gym.web.channels.slack import SlackChannel
from dialogue_gym.web.credentials import password_for, read_metrics_token
from dialogue_gym.web.domain_desk import DomainDesk
from dialogue_gym.web.monitoring.health import READY_PATH, MonitoredApp, ServerState
from dialogue_gym.web.monitoring.logs import json_log
from dialogue_gym.web.options import ServeOptions
from dialogue_gym.web.part import Part, Role
from dialogue_gym.web.run import channels_of, check_visitors, options_for, sessions_of, visitors
from dialogue_gym.web.security import AccessMiddleware
from dialogue_gym.web.server import CAN_LISTEN_BESIDE, listen_beside, serve
from dialogue_gym.web.stopping import stopping_in_time
from dialogue_gym.web.teaching_config import TeachingConfig
from dialogue_gym.web.workspace import Workspaces

_YIELDS = 10
"""The niceness of the learner: people wait for the workers, and nobody for it."""
_LOOKS_EVERY = 0.5
"""Seconds between two looks for that which a process waits for."""


def run_part(options: ServeOptions, part: Part) -> None:
    """Serve as one of several processes, until it is asked to terminate.

    Raises:
        ValueError: an option cannot be used; one line gives the reason.
        OSError: a file cannot be read or written.
    """
    part.stop_with_parent()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # lines of others come between
    with contextlib.ExitStack() as stack:
        if options.log_json:
            stack.enter_context(json_log(options.log_texts))
        process = _Process(options, part, stack)
        process.work() if part.role == Role.WORKER else process.learn()


class _Process:
    """One of several processes of a server."""

    def __init__(self, options: ServeOptions, part: Part, stack: contextlib.ExitStack) -> None:
        self._options, self._part, self._stack = options, part, stack
        self._listening = socket.socket(fileno=part.listening)
        if CAN_LISTEN_BESIDE and not self._listening.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            self._listening = listen_beside(self._listening)
        self._domain = load_domain(options.source)
        assert isinstance(options.store, DatabaseUrl)  # options.check() has refused others
        self._place = options.store
        self._token = read_metrics_token(options.metrics_token)
        self._state = ServerState()
        self._state.on_stop.append(stack.enter_context(stopping_in_time()))
        files = data_folder(self._place)
        has_accounts = AccountFile(files).is_used
        self._policy = AccessPolicy(options.host, files, password_for(options, has_accounts), options.name)
        stack.enter_context(self._policy.attempts.shared(self._place))

    def work(self) -> None:
        """Serve people, by the weights that the learner publishes."""
        options, stack, domain = self._options, self._stack, self._domain
        channels, branding = (
            channels_of(options),
            Branding.read(domain.name, options.title, options.color, options.logo),
        )
        runner = make_runner(options.source, domain, options.actions, options.seed)
        store = stack.enter_context(Store(self._place, is_shared=True))
        store.use_domain(options.source, domain_text(options.source))
        words = make_interpreter(
            options.source, domain, options.nlu, options.seed, self._place, options.fallback
        )
        published = PublishedBot(store, domain)
        self._part.tell_ready()
        found: list[TaughtBot] = []

        def is_published() -> bool:
            newer = published.newer()
            found.extend([newer] if newer else [])
            return bool(found)

        if not self._await(
            "weights", "the bot is about to be ready; please come back in a moment", is_published
        ):
            return
        taught = found[0]
        explorer = published.explorer(taught, options.explore)
        turn_taking = taught.env.settings.turn_taking
        bot = LiveBot(
            taught.domain,
            store,
            explorer,
            for_people(words, taught.domain, options.teach),
            runner,
            turn_taking=turn_taking,
            reward=LiveReward.of(taught.domain, counts_outcome=options.count_outcomes),
            silence=options.silence * 60 or None,
            rules=rule_book(taught.history, taught.domain, taught.env.action_names, turn_taking),
        )
        people = sessions_of(options, bot)
        updates = BotUpdates(published, taught, explorer, people, words)
        stack.enter_context(people.expiring())
        inbox = Inbox(people, self._state)
        late = LateMessages(people, inbox.hear_from_others)
        stack.enter_context(each_second(updates.look, late.look))
        self._state.metrics.watch_people(people, explorer)
        self._state.checks["store"] = store.last_id
        # Other sites may talk to the bot.
        own = dataclasses.replace(self._policy, origins=options.origin, frames=options.allow_origin)
        self._serve(build_visitor_app(inbox, own, channels, branding))

    def learn(self) -> None:
        """Learn once this process is elected, and serve the teachers meanwhile."""
        os.nice(_YIELDS)
        options, stack, domain = self._options, self._stack, self._domain
        channels = channels_of(options)
        setup = set_up(domain, options_for(options, TeachOptions)) if options.teach else None
        check_visitors(options, self._place)  # later than that, the parent would start this process again
        seat = stack.enter_context(contextlib.closing(LearnerSeat(self._place)))
        self._part.tell_ready()
        if not self._take(seat):
            return
        if setup:
            with Store(self._place, is_shared=True) as opened:
                for note in setup.prepare(opened):
                    print(f"({printable(note)})")
        bot, people = stack.enter_context(visitors(options, self._place, seat))
        handoff = Handoff(people, bot.trainer)
        desk = DomainDesk(domain, bot.store, bot.interpreter, handoff, self._policy.log)
        if channels.slack:
            SlackChannel(Inbox(people, self._state), channels.slack)  # posts what teachers write
        if not bot.interpreter.knows_words:
            print(f"({how_to_talk(domain, False)})")
        self._state.metrics.watch_learner(bot.trainer)
        self._state.metrics.count_ends(people)  # of people who fell silent, as in the workers
        self._state.checks["store"] = bot.store.last_id
        server = build_teachers_app(people, self._policy, desk, f"{PATH}/" if setup else READY_PATH)
        if setup:
            await_training(bot.interpreter)  # NiceGUI looks at all objects when it starts, see `run`
            config = TeachingConfig(
                domain, setup.user, setup.turn_taking, setup.runner, bot.interpreter, options.seed
            )
            policy = self._policy
            workspaces = Workspaces(bot.store, config, handoff, desk, policy.allows, policy.log)
            server = build(workspaces, policy, server)
        from dialogue_gym.live.shared_learner import SharedLearner  # needs PyTorch, which workers lack

        ended = threading.Event()
        reasons: list[str] = []

        def end(reason: str) -> None:
            reasons.append(reason)
            ended.set()

        learner = SharedLearner(bot.trainer, seat, handoff, domain, end)
        learner.start()
        stack.callback(learner.stop)
        self._serve(server, ended)
        if reasons:
            raise StoreError(reasons[0])

    def _take(self, seat: LearnerSeat) -> bool:
        """Wait until this process is elected; return False if it is to stop."""
        if seat.take():
            return True
        elsewhere = "another process learns, and serves the teachers' pages, at present"
        print(f"({elsewhere}; this one waits to take over)", flush=True)
        is_taken = self._await("seat", elsewhere, seat.take)
        if is_taken:
            print("(this process learns now, and serves the teachers' pages)", flush=True)
        return is_taken

    def _await(self, what: str, line: str, is_there: Callable[[], bool]) -> bool:
        """Wait for something, and refuse requests meanwhile; return False if the process is to stop.

        Args:
            what: its name among the parts that are not ready.
            line: the answer to requests.
            is_there: returns whether it is there.
        """
        if is_there():
            return True
        found, is_over = threading.Event(), threading.Event()
        faults: list[Exception] = []

        def look() -> None:
            try:
                while not is_over.wait(_LOOKS_EVERY):
                    if is_there():
                        found.set()
                        return
            except Exception as error:  # raised again below: this thread has nobody to tell
                faults.append(error)
                found.set()

        def fail() -> None:
            raise ValueError(line)

        thread = threading.Thread(target=look, name="waiting", daemon=True)
        thread.start()
        state = ServerState(checks={what: fail})
        refusal = PlainTextResponse(f"{line}\n", 503, {"retry-after": "5"})
        server = MonitoredApp(AccessMiddleware(refusal, self._policy), state, self._policy, self._token)
        is_found = self._run(server, state, found)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # nothing is under way until it serves again
        is_over.set()
        thread.join()
        if faults:
            raise faults[0]
        return is_found

    def _serve(self, server: ASGIApp, ends: threading.Event | None = None) -> None:
        """Serve an application until the process is to stop, or until an event."""
        with self._state.metrics.refreshing():
            monitored = MonitoredApp(server, self._state, self._policy, self._token)
            self._run(monitored, self._state, ends)
            wait_no_longer()

    def _run(self, app: ASGIApp, state: ServerState, ends: threading.Event | None) -> bool:
        """Serve; see `serve`."""
        options = self._options
        return serve(
            app,
            self._listening,
            ends=ends,
            proxies=options.behind_proxy,
            on_start=state.start,
            on_stop=state.stop,
            logs_json=options.log_json,
        )
