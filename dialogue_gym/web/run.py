"""What `dialogue-gym web` does: it opens the store, and serves the pages until it is stopped."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.types import ASGIApp

from dialogue_gym._text import printable
from dialogue_gym.domain import Domain, load_domain
from dialogue_gym.factory import (
    domain_text_of,
    is_address,
    make_runner,
    make_stories,
    make_words,
    own_examples,
)
from dialogue_gym.journal.store import Store
from dialogue_gym.live.handoff import Handoff
from dialogue_gym.live.run import LiveOptions, Opened, opened
from dialogue_gym.live.sessions import Sessions
from dialogue_gym.nlu.interpreter import Interpreter
from dialogue_gym.teaching.import_stories import import_stories
from dialogue_gym.teaching.mode import FAKE, ME, use_mode
from dialogue_gym.web.api import WEBHOOK, build_live
from dialogue_gym.web.app import PATH, build
from dialogue_gym.web.security import AccessPolicy
from dialogue_gym.web.server import address_of, listen, password_of, read_tokens, serve
from dialogue_gym.web.talk_page import PATH as VISITORS
from dialogue_gym.web.transfers import imported_examples
from dialogue_gym.web.workspace import TeachingConfig, Workspaces


@dataclass(frozen=True)
class TalkOptions:
    """How others are let in to talk to the bot, and how it learns from them: what the command was given."""

    agent: str | None
    silence: float | None
    kept: int
    fall: float
    rolls_back: bool
    counts_outcome: bool
    origins: tuple[str, ...]
    token_file: Path | None
    trusts_ratings: bool


@dataclass(frozen=True)
class ServeOptions:
    """How the pages are to be served: what the command was given."""

    source: str
    store: Path | None
    host: str
    port: int
    password_file: Path | None
    names: tuple[str, ...]
    is_pretrained: bool
    stories: tuple[Path, ...]
    nlu: tuple[str, ...]
    actions: tuple[str, ...]
    user: str | None
    turn_taking: str
    seed: int
    opens: bool
    live: TalkOptions | None = None


def hold(given: ServeOptions) -> None:
    """Serve until Ctrl-C.

    Raises:
        ValueError: what the command was given cannot be used; one line says why.
        OSError: a file cannot be read or written.
    """
    domain = load_domain(given.source)
    text = domain_text_of(given.source)
    told = make_stories(given.source, given.is_pretrained, given.stories)
    is_talking = domain.fake_user is not None and domain.fake_user.kind == "goal"
    user = given.user or (FAKE if is_talking else ME)
    if user == FAKE and domain.fake_user is None:
        raise ValueError(f"{domain.name}: this domain has no fake user to talk to (the key 'fake_user')")
    runner = make_runner(given.source, domain, given.actions, given.seed)
    folder = given.store or Path(f"{domain.name}-teaching")
    tokens = read_tokens(given.live.token_file) if given.live else {}
    password = password_of(given.password_file, given.host)
    if given.live is not None and given.names and password is None:
        raise ValueError(
            f"--live --name {printable(given.names[0])}: who reaches the bot by that name reaches its"
            " teachers' pages too, so a password is needed: set DIALOGUE_GYM_PASSWORD, or give"
            " --password-file"
        )
    lesson = TeachingConfig(
        domain, user, given.turn_taking, runner, lambda: words_of(given, domain, folder), given.seed
    )
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(contextlib.closing(listen(given.host, given.port)))
        door = AccessPolicy(given.host, folder, password, given.names)
        with Store(folder) as store:
            store.use_domain(given.source, text)
            use_mode(store, user, given.turn_taking)
            if not store.conversations():
                import_stories(store, domain, told)
        if given.live is None:
            server: ASGIApp = build(Workspaces(stack.enter_context(Store(folder)), lesson), door, text)
        else:
            server = stack.enter_context(_with_people(given, given.live, tokens, folder, lesson, door, text))
        address = address_of(given.host, listening, PATH)
        print(f"{domain.name}: teach it at {address}", flush=True)
        if given.live is not None:
            print(f"Others talk to it at {address_of(given.host, listening, VISITORS)}", flush=True)
        print(f"All is kept in {printable(str(folder))}. Ctrl-C stops.", flush=True)
        serve(server, listening, address if given.opens else None)
        print("(all that was answered is kept)")


@contextlib.contextmanager
def _with_people(
    given: ServeOptions,
    live: TalkOptions,
    tokens: Mapping[str, str],
    folder: Path,
    lesson: TeachingConfig,
    door: AccessPolicy,
    text: str,
) -> Iterator[ASGIApp]:
    """Give the server of teachers and of the people who talk to the bot; it learns until this is left.

    Raises:
        ValueError: what the command was given cannot be used; one line says why.
        OSError: a file cannot be read or written.
    """
    from dialogue_gym.live.run import LiveOptions, opened

    pass

    living = LiveOptions(
        source=given.source,
        folder=folder,
        agent=live.agent,
        nlu=given.nlu,
        actions=given.actions,
        silence=live.silence,
        kept=live.kept,
        fall=live.fall,
        rolls_back=live.rolls_back,
        counts_outcome=live.counts_outcome,
        seed=given.seed,
    )
    with opened(living, is_attended=True) as bot, gathered(bot, live.trusts_ratings) as people:
        rooms = Workspaces(bot.store, lesson, Handoff(people))
        # Other sites may talk to the bot; to what teachers do they have no business.
        beside = build_live(people, dataclasses.replace(door, origins=live.origins), tokens)
        yield build(rooms, door, text, beside)


def words_of(given: ServeOptions, domain: Domain, folder: Path) -> Interpreter | None:
    """Return what understands words: from the examples that were given, and those imported into the store.

    Without the extra that learns them acts in the fixed format have to do.

    Raises:
        ValueError: the examples cannot be used.
    """
    nlu = list(given.nlu) or [str(path) for path in own_examples(given.source)]
    if not any(map(is_address, nlu)):
        nlu += map(str, imported_examples(folder))
    try:
        return make_words(given.source, domain, nlu, given.seed)
    except ImportError:
        if given.nlu:
            raise
        return None


@dataclass(frozen=True)
class ReceiveOptions:
    """How people are let in: what the command was given."""

    living: LiveOptions
    host: str
    port: int
    password_file: Path | None
    names: tuple[str, ...]
    origins: tuple[str, ...]
    token_file: Path | None
    trusts_ratings: bool


def receive(given: ReceiveOptions) -> None:
    """Serve until Ctrl-C.

    Raises:
        ValueError: what the command was given cannot be used; one line says why.
        OSError: a file cannot be read or written.
    """
    tokens = read_tokens(given.token_file)
    folder = given.living.folder or Path(f"{load_domain(given.living.source).name}-live")
    password = password_of(given.password_file, given.host)
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(contextlib.closing(listen(given.host, given.port)))
        bot = stack.enter_context(opened(given.living))
        door = AccessPolicy(given.host, folder, password, given.names, given.origins)
        people = stack.enter_context(gathered(bot, given.trusts_ratings))
        print(
            f"{bot.live.domain.name}: talk to it at {address_of(given.host, listening, VISITORS)}", flush=True
        )
        print(f"Rasa's front ends find it at {WEBHOOK}. All is kept in {printable(str(folder))}.", flush=True)
        serve(build_live(people, door, tokens), listening)


@contextlib.contextmanager
def gathered(bot: Opened, trusts_ratings: bool) -> Iterator[Sessions]:
    """Give everybody who talks to a bot; it goes on where it was about to answer somebody.

    Raises:
        StoreError: that cannot be written down.
    """
    for name in bot.live.open:
        bot.trainer.put(bot.live.go_on(name).transitions, bot.live.upto)
    people = Sessions(bot.live, bot.trainer, trusts_ratings=trusts_ratings)
    with people.looked_after():
        yield people
