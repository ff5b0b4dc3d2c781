"""The command `dialogue-gym teach`: opens or creates domain and store, and teaches in the terminal."""

from __future__ import annotations

import json
import time
from pathlib import Path

from dialogue_gym._files import write_text
from dialogue_gym._text import name_fault, printable
from dialogue_gym.domain import Domain, load_domain
from dialogue_gym.domain.loader import builtin_names
from dialogue_gym.factory import make_text_interpreter
from dialogue_gym.journal.database import JOURNAL
from dialogue_gym.journal.entry import EXPERT
from dialogue_gym.journal.store import Store
from dialogue_gym.teaching.export_rasa import EXPORT_FOLDERS, RASA, export_for, origins_of
from dialogue_gym.teaching.growth import growth_of
from dialogue_gym.teaching.mode import FAKE, ME
from dialogue_gym.teaching.options import TeachOptions
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.simulated_teacher import SimulatedTeacher, teach
from dialogue_gym.teaching.startup import set_up
from dialogue_gym.teaching.terminal.console import KEPT, Leave, Terminal
from dialogue_gym.teaching.terminal.dialog import TeachingDialog
from dialogue_gym.teaching.terminal.setup import (
    Cancel,
    domain_text,
    new_domain,
    should_continue,
    should_grow,
)

_YAML = (".yml", ".yaml")


def run(options: TeachOptions) -> None:
    """Teach in the terminal until the teacher leaves.

    Raises:
        ValueError: an option cannot be used; the message is one line.
        OSError: a file cannot be read or written.
    """
    terminal = Terminal()
    try:
        domain = _domain(terminal, options.source)
        if domain is not None:
            _teach(terminal, domain, options)
    except Cancel:
        print(KEPT)
    except Leave as leave:
        print(leave)


def _teach(terminal: Terminal, domain: Domain, options: TeachOptions) -> None:
    setup = set_up(domain, options)
    user, folder = setup.user, setup.folder
    # A fake user sends acts, so an interpreter of plain English would be of no use.
    interpreter = (
        make_text_interpreter(options.source, domain, options.nlu, options.seed)
        if user == ME or options.nlu
        else None
    )
    if options.scratch or options.pretrained:
        if options.teacher == EXPERT and (folder / JOURNAL).exists():
            raise ValueError(f"{folder}: a store exists already; choose another one with --store")
        _set_store_aside(terminal, folder.resolve())
    with Store(folder) as store:
        for note in setup.prepare(store):
            print(f"({printable(note)})")
        if options.teacher == EXPERT:
            _simulate(domain, store, options)
            return
        session = Session(
            domain,
            store,
            turn_taking=options.turn_taking,
            settings={} if user == FAKE else None,
            runner=setup.runner,
            seed=options.seed,
        )
        print(f"{domain.name}: answers are saved in {printable(str(folder))}. ? for help, Ctrl-C to leave.")
        exported = folder / EXPORT_FOLDERS[RASA]
        dialog = TeachingDialog(
            session,
            interpreter,
            lambda: export_for(RASA, session.history, session.domain, exported, origins_of(store)),
            options.wizard,
        )
        terminal.run(dialog.teach())
        _offer_growth(terminal, session, options.source)


def _offer_growth(terminal: Terminal, session: Session, source: str) -> None:
    """Offer to write the taught names into the domain file; an export works without it."""
    growth = growth_of(session.history, source)
    if growth is not None and terminal.run(should_grow(growth)):
        growth.write()
        print(f"Wrote {printable(source)}.")


def _simulate(domain: Domain, store: Store, options: TeachOptions) -> None:
    """Let the domain's expert teach, and print a report."""
    teacher = SimulatedTeacher(domain, options.turn_taking, options.mistakes, options.seed)
    session = Session(
        domain,
        store,
        turn_taking=options.turn_taking,
        settings={},
        author=EXPERT,
        seed=options.seed,
        asks_for_closing=False,
    )
    report = teach(session, teacher, options.dialogues).to_json()
    if options.as_json:
        print(json.dumps(report, indent=2))
        return
    for name, value in report.items():
        print(f"{name.replace('_', ' ')}: {'none' if value is None else format(value, 'g')}")


def _domain(terminal: Terminal, source: str) -> Domain | None:
    """Return the domain of a name or file; offer to create a YAML file that does not exist."""
    path = Path(source)
    is_missing = source not in builtin_names() and path.suffix.lower() in _YAML and not path.exists()
    if is_missing and not name_fault(path.stem):
        made = terminal.run(new_domain(source, printable(path.stem)), "Nothing was saved.")
        if made is None:
            return None
        text = domain_text(made)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    return load_domain(source)


def _set_store_aside(terminal: Terminal, folder: Path) -> None:
    """Ask whether to continue an existing store; if not, rename it."""
    if not (folder / JOURNAL).exists() or terminal.run(should_continue(str(folder))):
        return
    Store(folder).close()  # fails if another process is writing to it
    date = time.strftime("%Y-%m-%d")
    number, other = 1, folder.with_name(f"{folder.name}-{date}")
    while other.exists():
        number += 1
        other = folder.with_name(f"{folder.name}-{date}-{number}")
    folder.rename(other)
    print(f"(the old store was renamed to {printable(str(other))})")
