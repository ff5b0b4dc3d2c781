"""A bot in a process without a learner: it acts by what the learner of its store publishes.

It also finds out about messages that other processes have written, such as those of teachers.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from dialogue_gym._threads import repeating
from dialogue_gym.conversation.bot_state import with_user
from dialogue_gym.conversation.events import BotUttered
from dialogue_gym.domain import Domain
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.journal.data_folder import DataPath
from dialogue_gym.journal.entry import StoreError
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.live.checkpoints import checkpoints_in
from dialogue_gym.live.exploration import Explorer
from dialogue_gym.live.options import exploration_rates
from dialogue_gym.live.publication import Publication, PublicationError
from dialogue_gym.live.sessions import Sessions
from dialogue_gym.teaching.learner import rule_book
from dialogue_gym.teaching.taught_interpreter import TaughtInterpreter

EVERY = 1.0
"""Seconds between two looks at the publication."""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class TaughtBot:
    """A bot as it was taught, with weights that fit it.

    Attributes:
        history: the entries that it was taught with.
        domain: the domain with its additions.
        env: the environment that defines observations and actions.
        publication: the weights.
    """

    history: History
    domain: Domain
    env: DialogueEnv
    publication: Publication


class PublishedBot:
    """Reader of the bot that the learner of a store publishes."""

    def __init__(self, store: Store, original: Domain) -> None:
        """Read what was published for a store; `original` is the domain without additions."""
        self._store, self._original = store, original
        self._file: DataPath = checkpoints_in(store.data).published
        self._version: int | None = None
        self._fault = ""

    def newer(self, known: TaughtBot | None = None) -> TaughtBot | None:
        """Return the bot that was published since the last call; None if it is as before, or none yet.

        The journal may be ahead of the weights, or they may be for another domain, as after a change of its
        file. Then the next publication is awaited.

        Args:
            known: the bot so far.

        Raises:
            StoreError: the journal cannot be read.
        """
        try:
            version = self._file.stat().st_mtime_ns
            if version == self._version:
                return None
            publication = Publication.read(self._file)
            self._fault = ""
        except FileNotFoundError:
            return None
        except (OSError, PublicationError) as error:  # bots go on with the weights that they have
            if str(error) != self._fault:
                self._fault = str(error)
                _LOG.error("%s", self._fault)
            return None
        if (
            known is not None
            and publication.taught == known.publication.taught
            and publication.fits(known.env)
        ):
            found = TaughtBot(known.history, known.domain, known.env, publication)
        else:
            history = History(self._store.taught())
            domain = history.extended(self._original)
            env = DialogueEnv(with_user(domain), turn_taking=publication.knows["turn_taking"])
            found = TaughtBot(history, domain, env, publication)
        self._version = version  # not before the journal was read, which may fail
        return found if publication.fits(found.env) else None

    def explorer(self, bot: TaughtBot, explore: str | None) -> Explorer:
        """Return the choice of actions of a bot, with an exploration of this process alone."""
        rates = exploration_rates(explore)
        explorer = Explorer(bot.publication.actor.policy(bot.env), secrets.randbits(64), rates)
        bot.publication.hand_to(explorer, bot.env)
        return explorer


class BotUpdates:
    """Lets the sessions of a process go on with each newer bot, as soon as no action is under way."""

    def __init__(
        self,
        published: PublishedBot,
        known: TaughtBot,
        explorer: Explorer,
        sessions: Sessions,
        interpreter: TaughtInterpreter,
    ) -> None:
        """Begin with the known bot.

        Args:
            published: reads the newer ones.
            known: the bot so far.
            explorer: its choice of actions.
            sessions: the people who talk to it.
            interpreter: learns the examples that it was taught.
        """
        self._published, self._known = published, known
        self._explorer = explorer
        self._sessions = sessions
        self._interpreter = interpreter
        self._waiting: TaughtBot | None = None
        sessions.before_turn = self._take

    def look(self) -> None:
        """Take over what was published since the last look.

        Raises:
            StoreError: the journal cannot be read.
        """
        newer = self._published.newer(self._known)
        with self._sessions.lock:
            self._waiting = newer or self._waiting
            self._take()

    def _take(self) -> bool:
        """Take the newer bot over, if there is one; return whether that has to wait. The lock is held."""
        newer, bot = self._waiting, self._sessions.bot
        if newer is None:
            return False
        if newer.domain != bot.domain and not bot.conversations.is_quiet:
            return True
        known, self._known, self._waiting = self._known, newer, None
        newer.publication.hand_to(self._explorer, newer.env)
        if newer.history is not known.history:
            settings = newer.env.settings
            rules = rule_book(newer.history, newer.domain, newer.env.action_names, settings.turn_taking)
            if newer.domain != bot.domain:
                bot.use_domain(newer.domain, rules)
            bot.manager.rules = rules
            self._interpreter.learn(newer.history, newer.domain)
        return False


OnLate = Callable[[str, tuple[BotUttered, ...]], object]
"""Takes a person, and the messages since their last one that did not come as the answer to it."""


class LateMessages:
    """Reader of the conversations that teachers have taken over, in a store that processes share."""

    def __init__(self, sessions: Sessions, on_late: OnLate) -> None:
        """Begin to watch.

        Args:
            sessions: the sessions of this process, which find out about the conversations of others.
            on_late: called for each conversation with news.
        """
        self._sessions = sessions
        self._store: Store = sessions.bot.conversations.store
        self._on_late = on_late
        self._known: dict[str, int] = {}
        """The id of the last entry that was read, by conversation."""

    def look(self) -> None:
        """Report what was written since the last look.

        Raises:
            StoreError: the journal cannot be read.
        """
        conversations = self._sessions.bot.conversations
        with self._sessions.lock:
            now = conversations.teachers
        # The bot may have answered since a teacher gave one back.
        for name in now.keys() | self._known.keys():
            last = self._known.get(name, 0)
            for entry in self._store.entries(name, after=last):
                last = entry.id
            if last > self._known.get(name, 0):
                trace = conversations.on_record(name)
                if trace.late:
                    self._on_late(trace.person, tuple(trace.late))
            self._known[name] = last
        self._known = {name: last for name, last in self._known.items() if name in now}


@contextlib.contextmanager
def each_second(*looks: Callable[[], object]) -> Iterator[None]:
    """Call functions every second, each in a thread, within the context; the next second may succeed."""

    def try_to(look: Callable[[], object]) -> None:
        with contextlib.suppress(StoreError):  # messages report it
            look()

    with contextlib.ExitStack() as stack:
        for look in looks:
            stack.enter_context(repeating(partial(try_to, look), EVERY, "news"))
        yield
