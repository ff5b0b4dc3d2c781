"""Runs `dialogue-gym teach`: opens the store, and holds the session in the terminal."""

from __future__ import annotations

import json
import time
from pathlib import Path

from dialogue_gym._files import write_text
from dialogue_gym._text import name_fault, printable
from dialogue_gym.domain import Domain, load_domain
from dialogue_gym.domain.loader import builtin_names
from dialogue_gym.factory import EXPORTED_NAME, make_text_interpreter
from dialogue_gym.journal.entry import EXPERT
from dialogue_gym.journal.store import Store
from dialogue_gym.teaching.export import export
from dialogue_gym.teaching.mode import FAKE, ME
from dialogue_gym.teaching.options import TeachOptions
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.simulated_teacher import SimulatedTeacher, teach
from dialogue_gym.teaching.startup import set_up
from dialogue_gym.teaching.terminal.console import Leave, Terminal
from dialogue_gym.teaching.terminal.dialog import TeachingDialog
from dialogue_gym.teaching.terminal.setup import domain_text, goes_on, new_domain

_YAML = (".yml", ".yaml")
_JOURNAL = "journal.sqlite"


def hold(teaching: TeachOptions) -> None:
    """Hold a session in the terminal until the teacher leaves.

    Raises:
        ValueError: an option cannot be used; one line says why.
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
    setup = set_up(
        domain,
        given.source,
        user=FAKE if given.teacher == EXPERT else given.user,
        turn_taking=given.turn_taking,
        pretrained=given.pretrained,
        stories=given.stories,
        actions=given.actions,
        store=given.store,
        seed=given.seed,
    )
    user, folder = setup.user, setup.folder
    # A simulated user's messages have a meaning already: NLU examples would be unused.
    words = (
        make_text_interpreter(given.source, domain, given.nlu, given.seed)
        if user == ME or given.nlu
        else None
    )
    if given.scratch or given.pretrained:
        if given.teacher == EXPERT and (folder / _JOURNAL).exists():
            raise ValueError(f"{folder}: there is a store already; give another one with --store")
        _make_room(terminal, folder.resolve())
    with Store(folder) as store:
        if not setup.prepare(store) and given.stories:
            print("(the stories are ignored: a store keeps those that it began with)")
        if given.teacher == EXPERT:
            _simulate(domain, store, given)
            return
        session = Session(
            domain,
            store,
            turn_taking=given.turn_taking,
            settings={} if user == FAKE else None,
            runner=setup.runner,
            seed=given.seed,
        )
        where = printable(str(folder))
        print(f"{domain.name}: all is saved in {where}. Press ? for help, Ctrl-C to leave.")
        exported = folder / EXPORTED_NAME
        desk = TeachingDialog(
            session,
            words,
            lambda: export(session.history, session.domain, exported, domain_text=setup.text),
            given.wizard,
        )
        terminal.hold(desk.teach())


def _simulate(domain: Domain, store: Store, given: TeachOptions) -> None:
    """Let the domain's expert be the teacher, and print a report."""
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
    """Ask what to do with an existing store; rename it if a new one takes its place."""
    if not (folder / _JOURNAL).exists() or terminal.hold(goes_on(str(folder))):
        return
    Store(folder).close()  # fails while another process writes to it
    date = time.strftime("%Y-%m-%d")
    number, other = 1, folder.with_name(f"{folder.name}-{date}")
    while other.exists():
        number += 1
        other = folder.with_name(f"{folder.name}-{date}-{number}")
    folder.rename(other)
    print(f"(the old store is now {printable(str(other))})")
