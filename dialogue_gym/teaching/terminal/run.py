"""What `dialogue-gym teach` does: it opens or makes what is needed, and holds the session in the terminal."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

from dialogue_gym._files import write_text
from dialogue_gym._text import name_fault, printable
from dialogue_gym.domain import Domain, load_domain
from dialogue_gym.domain.loader import builtin_names
from dialogue_gym.factory import EXPORTED_NAME, domain_text_of, make_runner, make_stories, make_words
from dialogue_gym.journal.entry import EXPERT
from dialogue_gym.journal.store import Store
from dialogue_gym.teaching.export import export
from dialogue_gym.teaching.import_stories import import_stories
from dialogue_gym.teaching.mode import FAKE, ME, use_mode
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.simulated_teacher import SimulatedTeacher, teach
from dialogue_gym.teaching.terminal.console import Leave, Terminal
from dialogue_gym.teaching.terminal.dialog import TeachingDialog
from dialogue_gym.teaching.terminal.setup import domain_text, goes_on, new_domain

_YAML = (".yml", ".yaml")
_JOURNAL = "journal.sqlite"


@dataclass(frozen=True)
class TeachOptions:
    """How a bot is to be taught: what the command was given."""

    source: str
    is_scratch: bool
    is_pretrained: bool
    stories: tuple[Path, ...]
    nlu: tuple[str, ...]
    actions: tuple[str, ...]
    user: str | None
    store: Path | None
    turn_taking: str
    is_wizard: bool
    seed: int
    is_simulated: bool
    mistakes: float
    dialogues: int
    as_json: bool


def hold(teaching: TeachOptions) -> None:
    """Hold a session in the terminal until the teacher leaves.

    Raises:
        ValueError: what the command was given cannot be used; one line says why.
        OSError: a file cannot be read or written.
    """
    terminal = Terminal()
    try:
        domain = _domain(terminal, teaching.source)
        if domain is not None:
            _teach(terminal, domain, teaching)
    except Leave as leave:
        print(leave)


def _teach(terminal: Terminal, domain: Domain, given: TeachOptions) -> None:
    told = make_stories(given.source, given.is_pretrained, given.stories)
    is_talking = given.is_simulated or (domain.fake_user is not None and domain.fake_user.kind == "goal")
    user = given.user or (FAKE if is_talking else ME)
    folder = given.store or Path(f"{domain.name}-teaching")
    # A fake user says what it means, so that examples of what people say are of no use.
    words = make_words(given.source, domain, given.nlu, given.seed) if user == ME or given.nlu else None
    runner = make_runner(given.source, domain, given.actions, given.seed)
    text = domain_text_of(given.source)
    if given.is_scratch or given.is_pretrained:
        if given.is_simulated and (folder / _JOURNAL).exists():
            raise ValueError(f"{folder}: there is a store already; give another one with --store")
        _make_room(terminal, folder.resolve())
    if user == FAKE and domain.fake_user is None:
        raise ValueError(f"{domain.name}: this domain has no fake user to talk to (the key 'fake_user')")
    with Store(folder) as store:
        store.use_domain(given.source, text)
        use_mode(store, user, given.turn_taking)
        if not store.conversations():
            import_stories(store, domain, told)
        elif given.stories:
            print("(the stories are left alone: those of a store are the ones that it began with)")
        if given.is_simulated:
            _simulate(domain, store, given)
            return
        session = Session(
            domain,
            store,
            turn_taking=given.turn_taking,
            settings={} if user == FAKE else None,
            runner=runner,
            seed=given.seed,
        )
        print(f"{domain.name}: all is kept in {printable(str(folder))}. ? is for help, Ctrl-C leaves.")
        exported = folder / EXPORTED_NAME
        desk = TeachingDialog(
            session,
            words,
            lambda: export(session.history, session.domain, exported, domain_text=text),
            given.is_wizard,
        )
        terminal.hold(desk.teach())


def _simulate(domain: Domain, store: Store, given: TeachOptions) -> None:
    """Let the domain's expert be the teacher, and say what it took."""
    teacher = SimulatedTeacher(domain, given.turn_taking, given.mistakes, given.seed)
    session = Session(
        domain,
        store,
        turn_taking=given.turn_taking,
        settings={},
        author=EXPERT,
        seed=given.seed,
        asks_for_closing=False,
    )
    report = teach(session, teacher, given.dialogues).to_json()
    if given.as_json:
        print(json.dumps(report, indent=2))
        return
    for name, value in report.items():
        print(f"{name.replace('_', ' ')}: {'none' if value is None else format(value, 'g')}")


def _domain(terminal: Terminal, source: str) -> Domain | None:
    path = Path(source)
    is_missing = source not in builtin_names() and path.suffix.lower() in _YAML and not path.exists()
    if is_missing and not name_fault(path.stem):
        made = terminal.hold(new_domain(source, printable(path.stem)), "Nothing was written.")
        if made is None:
            return None
        text = domain_text(made)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    return load_domain(source)


def _make_room(terminal: Terminal, folder: Path) -> None:
    """Ask what is to become of a store that is there already; where it is in the way it gets another name."""
    if not (folder / _JOURNAL).exists() or terminal.hold(goes_on(str(folder))):
        return
    Store(folder).close()  # nobody else may be writing to it
    date = time.strftime("%Y-%m-%d")
    number, other = 1, folder.with_name(f"{folder.name}-{date}")
    while other.exists():
        number += 1
        other = folder.with_name(f"{folder.name}-{date}-{number}")
    folder.rename(other)
    print(f"(the old store is {printable(str(other))} now)")
