"""The command `dialogue-gym teach`: opens or creates domain and store, and teaches in the terminal."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dialogue_gym._files import create_text
from dialogue_gym._text import as_typed, name_fault, printable
from dialogue_gym.domain import Domain, load_domain
from dialogue_gym.domain.sources import YAML_SUFFIXES, builtin_names
from dialogue_gym.factory import domain_notes
from dialogue_gym.journal.entry import EXPERT
from dialogue_gym.journal.location import has_store
from dialogue_gym.journal.place import DatabaseUrl, StorePlace
from dialogue_gym.journal.store import Store
from dialogue_gym.teaching.growth import growth_of
from dialogue_gym.teaching.mode import FAKE, ME
from dialogue_gym.teaching.options import TeachOptions
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.simulated_teacher import SimulatedTeacher, teach
from dialogue_gym.teaching.startup import await_training, make_interpreter, set_up
from dialogue_gym.teaching.terminal.console import KEPT, Leave, Terminal
from dialogue_gym.teaching.terminal.dialog import TeachingDialog
from dialogue_gym.teaching.terminal.setup import (
    Cancel,
    should_continue,
    should_create,
    should_grow,
)

if TYPE_CHECKING:
    from dialogue_gym.teaching.export_rasa import Exported

NOTHING_SAVED = "Nothing was saved."
"""Shown on exit before a new file is written."""


def run(options: TeachOptions) -> None:
    """Teach in the terminal until the teacher leaves.

    Raises:
        ValueError: an option cannot be used; the message is one line.
        OSError: a file cannot be read or written.
    """
    terminal = Terminal()
    try:
        path = Path(options.source)
        is_missing = options.source not in builtin_names() and not path.exists() and _fault(path) is None
        if is_missing and not (
            terminal.run(should_create(options.source), NOTHING_SAVED) and _written(terminal, path)
        ):
            return
        _teach(terminal, load_domain(options.source), options)
    except Cancel:
        print(KEPT)
    except Leave as leave:
        print(leave)


def make_bot(path: Path) -> None:
    """Ask for the parts of a new bot, write its domain file, and teach it if the person wants to.

    Raises:
        ValueError: the file cannot be made; the message is one line.
        OSError: the file cannot be written.
    """
    from dialogue_gym.teaching.terminal.guide import should_teach

    if path.exists():
        raise ValueError(
            f"{path}: this file exists already; choose another name, or dialogue-gym teach {as_typed(path)}"
        )
    if fault := _fault(path):
        raise ValueError(f"{path}: {fault}")
    terminal = Terminal()
    try:
        made = _written(terminal, path)
        if made and terminal.run(should_teach(str(made)), f"{made} is saved."):
            _teach(terminal, load_domain(made), TeachOptions(str(made)))
    except Cancel:
        print(KEPT)
    except Leave as leave:
        print(leave)


def _fault(path: Path) -> str | None:
    """Return the reason why a path cannot be that of a new domain file; None if it can."""
    if path.suffix.lower() not in YAML_SUFFIXES:
        file = f"{printable(str(path))}.yml"
        if str(path) in builtin_names():
            return f"this is the built-in domain; for a file of your own write ./{file}"
        return f"the name of a domain file ends in .yml, as in {file}"
    return name_fault(path.stem)


def _written(terminal: Terminal, path: Path) -> Path | None:
    """Ask for the parts of a new bot, write its file and return it; None if the person leaves before the end.

    If somebody has made such a file meanwhile, a free name is taken: the answers are not lost.
    """
    from dialogue_gym.outline.file import domain_file  # only new bots need the interview
    from dialogue_gym.teaching.terminal.guide import new_bot

    outline = terminal.run(new_bot(str(path)), NOTHING_SAVED)
    if outline is None:
        print(NOTHING_SAVED)
        return None
    for number in itertools.count(1):
        free = path if number == 1 else path.with_stem(f"{path.stem}-{number}")
        try:
            create_text(free, domain_file(outline))
        except FileExistsError:
            continue
        if free != path:
            print(printable(f"({path} was made meanwhile, and stays as it is: the bot is in {free})"))
        return free
    return None


def _teach(terminal: Terminal, domain: Domain, options: TeachOptions) -> None:
    setup = set_up(domain, options)
    for note in [] if options.as_json else domain_notes(options.source):
        print(f"({printable(note)})")
    user, place = setup.user, setup.place
    # A fake user sends acts, so an interpreter of plain English would be of no use.
    interpreter = (
        make_interpreter(options.source, domain, options.nlu, options.seed, place, options.fallback)
        if user == ME or options.nlu
        else None
    )
    if options.scratch or options.pretrained:
        if options.teacher == EXPERT and has_store(place):
            raise ValueError(f"{place}: a store exists already; choose another one with --store")
        _set_store_aside(terminal, place)
    with Store(place) as store:
        notes = setup.prepare(store)
        for note in [] if options.as_json else notes:
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
            interpreter=interpreter,
        )
        await_training(session.interpreter)
        print(f"{domain.name}: answers are saved in {printable(str(place))}. ? for help, Ctrl-C to leave.")
        dialog = TeachingDialog(
            session,
            lambda: _export(session, store),
            options.wizard,
            _next_steps(options.source, place),
        )
        try:
            terminal.run(dialog.teach())
        except Leave:
            if growth := growth_of(session.history, options.source, options.nlu):
                print(f"{growth}. Leave with q to have it written.")
            raise
        _offer_growth(terminal, session, options.source, options.nlu)


def _export(session: Session, store: Store) -> Exported:
    from dialogue_gym.teaching.export_rasa import EXPORT_FOLDERS, RASA, export_for, origins_of

    folder = store.folder / EXPORT_FOLDERS[RASA]
    return export_for(RASA, session.history, session.domain, folder, origins_of(store))


def _next_steps(source: str, place: StorePlace) -> tuple[str, ...]:
    bot, store = as_typed(source), as_typed(place)
    return (
        f"Talk to it yourself: dialogue-gym chat {bot} --agent {store}",
        f"Let others talk to it: dialogue-gym serve {bot} --store {store} --talk",
        "Export it for Rasa: 0",
    )


def _offer_growth(terminal: Terminal, session: Session, source: str, nlu: Sequence[str]) -> None:
    """Offer to write what was taught into the files of the bot; an export works without it."""
    growth = growth_of(session.history, source, nlu)
    if growth is not None and terminal.run(should_grow(growth)):
        growth.write()
        print(f"Wrote {growth.files}.")


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


def _set_store_aside(terminal: Terminal, place: StorePlace) -> None:
    """Ask whether to continue an existing store; if not, rename it.

    Raises:
        ValueError: it is in a database.
    """
    folder = place if isinstance(place, DatabaseUrl) else place.resolve()
    if not has_store(folder) or terminal.run(should_continue(str(folder))):
        return
    if isinstance(folder, DatabaseUrl):
        raise ValueError(f"{folder}: a store in a database stays there; choose another one with --store")
    Store(folder).close()  # fails if another process is writing to it
    date = time.strftime("%Y-%m-%d")
    number, other = 1, folder.with_name(f"{folder.name}-{date}")
    while other.exists():
        number += 1
        other = folder.with_name(f"{folder.name}-{date}-{number}")
    folder.rename(other)
    print(f"(the old store was renamed to {printable(str(other))})")
