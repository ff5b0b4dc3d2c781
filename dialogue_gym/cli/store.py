"""`dialogue-gym store`: inspect, export, prune and erase conversations, and invite teachers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from dialogue_gym._files import check_folder
from dialogue_gym._text import counted, nearest, printable, quoted
from dialogue_gym.cli.erasure import forget, prune
from dialogue_gym.cli.fit import fit
from dialogue_gym.cli.logs import domain_of, evaluate_by_logs, export_dataset
from dialogue_gym.cli.options import (
    STORE_PLACE,
    ActionsOption,
    DomainName,
    GivenPlace,
    OptionalPlaceArgument,
    PlaceOption,
    tell_namesakes,
)
from dialogue_gym.cli.ratings import judge_store, review_ratings
from dialogue_gym.cli.tables import table, when
from dialogue_gym.cli.teachers import invite, list_teachers, show_log
from dialogue_gym.conversation.events import UserUttered
from dialogue_gym.conversation.transcripts import placed_transcript
from dialogue_gym.domain import load_domain
from dialogue_gym.domain.loader import domain_text
from dialogue_gym.journal.entry import STORY
from dialogue_gym.journal.history import History
from dialogue_gym.journal.place import StorePlace
from dialogue_gym.journal.store import Store
from dialogue_gym.journal.store_copy import copy_store
from dialogue_gym.live.checkpoints import (
    CheckpointError,
    Checkpoints,
    checkpoints_of,
    knows_action,
    roll_back,
)
from dialogue_gym.live.checkpoints import read as read_checkpoint
from dialogue_gym.live.checkpoints import rename_action as rename_learned
from dialogue_gym.outline.names import written_name
from dialogue_gym.teaching.export_chat import export_chats
from dialogue_gym.teaching.export_rasa import EXPORT_FOLDERS, RASA, export_for, origins_of
from dialogue_gym.teaching.review import Correction, corrections
from dialogue_gym.teaching.story_import import is_told
from dialogue_gym.teaching.tracker_import import import_trackers
from dialogue_gym.teaching.tracker_store import read_trackers

store = typer.Typer(
    help="Inspect, export, prune and erase conversations; invite teachers.", no_args_is_help=True
)
store.command(name="evaluate")(evaluate_by_logs)
store.command(name="ratings")(review_ratings)
store.command(name="raters")(judge_store)
store.command(name="fit")(fit)
store.command(name="forget")(forget)
store.command(name="prune")(prune)
store.command(name="invite")(invite)
store.command(name="teachers")(list_teachers)
store.command(name="log")(show_log)

Name = Annotated[str, typer.Argument(metavar="CONVERSATION", help="A name shown by `list`.")]
OptionalPlace = Annotated[
    GivenPlace | None, typer.Option("--store", help="The same as STORE.", **STORE_PLACE)
]
_HEADINGS = ("conversation", "when", "entries", "turns", "corrections", "outcome")
_CHECKPOINT_HEADINGS = ("checkpoint", "when", "steps", "success")
_NUMBERS = ("entries", "turns", "corrections", "steps", "success")


@store.command(name="list")
def list_command(place: OptionalPlaceArgument = None, *, store_place: OptionalPlace = None) -> None:
    """List conversations, oldest change first, after the imported stories."""
    stories: list[tuple[str, ...]] = []
    conversations: list[tuple[str, ...]] = []
    with _reading(_given(place, store_place)) as opened:
        history = History(opened.entries())
        for summary in opened.conversations():
            if summary.id not in history.conversations:
                continue  # it consists of notes only
            messages = [event for event in history.events(summary.id) if isinstance(event, UserUttered)]
            row = (
                summary.id,
                when(summary.began),
                str(summary.entries),
                str(len(messages)),
                str(len(corrections(history, summary.id))),
                history.outcome(summary.id) or "",
            )
            is_story = re.fullmatch(rf"{STORY} \d+", summary.id)
            (stories if is_story else conversations).append(row)
    if stories:
        for line in table(("story", *_HEADINGS[1:]), stories, _NUMBERS):
            print(line)
        print()
    for line in table(_HEADINGS, conversations, _NUMBERS):
        print(line)


def _given(place: StorePlace | None, option: StorePlace | None) -> StorePlace:
    """Return the place of a store, which is given as an argument or as an option."""
    if place and option and place != option:
        raise ValueError(f"--store {option}: the store {place} is given as well; give one of the two")
    if (found := place or option) is None:
        raise ValueError("give the folder of a store, as in: dialogue-gym store list DIR")
    return found


@store.command()
def show(conversation: Name, *, place: PlaceOption) -> None:
    """Show a conversation as a chat, with its corrections."""
    with _reading(place) as opened:
        history = History(opened.entries())
        corrected = corrections(history, conversation)
        record = history.conversation(history.extended(domain_of(opened)), conversation)
    for line in _annotated(placed_transcript(record), corrected):
        print(line)


def _annotated(lines: Iterable[tuple[str, int | None]], corrected: Iterable[Correction]) -> Iterator[str]:
    """Yield the lines of a chat, with a note under each correction.

    Args:
        lines: the lines, each with the event that it begins with; None if it continues one, or ends the chat.
        corrected: the corrections in the conversation.
    """
    notes = {correction.event: correction for correction in corrected}
    note: Correction | None = None
    for line, place in lines:
        begins = not line.startswith(" ")  # indented lines continue a message of the bot
        if begins and note:
            yield _note(note)
        if begins:
            note = None if place is None else notes.get(place)
        yield line
    if note:
        yield _note(note)


def _note(correction: Correction) -> str:
    what = "understood as" if correction.message else "the bot proposed"
    return f"      ^ corrected: {what} {printable(correction.before)}"


@store.command(name="export")
def export_command(
    target: Annotated[Path | None, typer.Argument(metavar="FOLDER", help="Folder for the files.")] = None,
    *,
    place: PlaceOption,
    reader: Annotated[
        str,
        typer.Option(
            "--for",
            metavar="|".join(EXPORT_FOLDERS),
            help="rasa: a project for Rasa 3; rasa1: stories in Markdown, for Rasa 1.",
        ),
    ] = RASA,
    nlu: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="Further NLU examples of the project.")
    ] = None,
    actions: ActionsOption = None,
    chat: Annotated[
        bool,
        typer.Option(
            "--chat",
            help="Write conversations as chats with calls of tools, and corrections as pairs of a chosen and"
            " a rejected answer, for language models.",
        ),
    ] = False,
    minari: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Write people's conversations with the live bot as a data set of Minari, without names and"
            " texts; a name such as people, or a whole id. It takes no FOLDER.",
        ),
    ] = None,
) -> None:
    """Write what was taught as a project for Rasa: stories, examples, the domain, and actions."""
    if minari is not None:
        if target or chat or nlu or actions or reader != RASA:
            raise ValueError("--minari: it takes no FOLDER and no other options but --store")
        with _reading(place) as opened:
            export_dataset(opened, minari)
        return
    if target is None:
        raise ValueError("give the folder for the files, as in: dialogue-gym store export FOLDER --store DIR")
    if reader not in EXPORT_FOLDERS:
        raise ValueError(f"--for: unknown target {quoted(reader)}; {nearest(reader, EXPORT_FOLDERS)}")
    if actions and reader != RASA:
        raise ValueError(f"--actions: it is for --for {RASA}")
    check_folder(target)
    if chat and (nlu or actions or reader != RASA):
        raise ValueError("--chat: it takes neither --for, --nlu nor --actions, which are about Rasa")
    with _reading(place) as opened:
        history, domain = History(opened.entries()), domain_of(opened)
        if chat:
            done = export_chats(history, domain, target)
        else:
            origins = origins_of(opened, nlu or (), actions or ())
            done = export_for(reader, history, domain, target, origins)
    for path in done.files:
        print(path)
    if not done.files:
        print(f"{target}: nothing new to write")
    for note in done.notes:
        print(f"({printable(note)})")


@store.command()
def rollback(
    checkpoint: Annotated[
        str | None,
        typer.Argument(metavar="CHECKPOINT", help="A number, or best; without it, all are listed."),
    ] = None,
    *,
    place: PlaceOption,
) -> None:
    """Go back to an earlier checkpoint; later conversations are kept but not relearned."""
    if checkpoint is None:
        with _reading(place):  # fails if there is no store
            for line in table(_CHECKPOINT_HEADINGS, _checkpoint_rows(checkpoints_of(place)), _NUMBERS):
                print(line)
        return
    with Store(place, create=False) as opened:
        path = roll_back(opened, checkpoint)
    print(f"The next conversation begins with {path.stem}.")


def _checkpoint_rows(checkpoints: Checkpoints) -> Iterator[tuple[str, ...]]:
    for path in [*checkpoints.paths(), checkpoints.best]:
        if not path.exists():
            continue
        try:
            state = read_checkpoint(path).state
        except CheckpointError:
            yield path.stem, "damaged", "", ""
            continue
        rate = state["success_rate"]
        steps = str(state["learner"]["transitions"])
        yield path.stem, when(state["time"]), steps, "" if rate is None else f"{rate:.0%}"


@store.command(name="import-tracker")
def import_tracker(
    trackers: Annotated[
        str,
        typer.Argument(
            metavar="FILE|URL", help="A SQLite or JSON file of Rasa's tracker store, or a postgresql:// URL."
        ),
    ],
    *,
    place: PlaceOption,
    domain: Annotated[
        str | None,
        typer.Option(
            metavar="DOMAIN|FILE", help="The domain; a store that exists knows it.", callback=tell_namesakes
        ),
    ] = None,
) -> None:
    """Import conversations with a Rasa bot, to replay, correct and teach from."""
    found = read_trackers(trackers)
    if domain is not None:
        load_domain(domain)
    with Store(place, create=domain is not None) as opened:
        if domain is not None:
            for line in opened.use_domain(domain, domain_text(domain)):
                print(f"({printable(line)})")
        count, notes = import_trackers(opened, domain_of(opened), found)
    for note in notes:
        print(f"({note})")
    print(counted(count, "conversation"), "imported")


@store.command(name="copy")
def copy_command(
    source: Annotated[
        GivenPlace, typer.Argument(help="The store.", show_default=False, **STORE_PLACE | {"metavar": "FROM"})
    ],
    target: Annotated[
        GivenPlace,
        typer.Argument(help="A new place for it.", show_default=False, **STORE_PLACE | {"metavar": "TO"}),
    ],
) -> None:
    """Copy a store to a new folder or database, and compare the two entry by entry."""
    done = copy_store(source, target)
    what = f"{counted(done.entries, 'entry', 'entries')} and {counted(done.files, 'file')}"
    print(f"{printable(str(target))} has all of {printable(str(source))}: {what}")


@store.command()
def adopt(source: DomainName, *, place: PlaceOption) -> None:
    """Use a store with another domain from now on."""
    load_domain(source)
    with Store(place, create=False) as opened:
        lines = opened.use_domain(source, domain_text(source), adopts=True)
    for line in lines:
        print(f"({printable(line)})")
    print(f"{place} belongs to {printable(source)}")


@store.command(name="rename-action")
def rename_action(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The name in the conversations.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The name in the domain.")],
    *,
    place: PlaceOption,
) -> None:
    """Rename an action in everything that was taught or learned."""
    with Store(place, create=False) as opened:
        checkpoints = checkpoints_of(place)
        new = written_name(new, "action", domain_of(opened).actions)
        is_known = knows_action(checkpoints, old) or is_told(History(opened.taught()), old)
        count = opened.rename_action(old, new, is_learned=is_known)
        rename_learned(checkpoints, old, new)
        domain = domain_of(opened)
    print(f"{printable(old)} is {printable(new)} in {counted(count, 'entry', 'entries')}")
    if old in domain.actions and new not in domain.actions:
        print(f"({domain.name} still has {printable(old)}: rename it there as well)")


@store.command()
def check(place: OptionalPlaceArgument = None, *, store_place: OptionalPlace = None) -> None:
    """Check a store for errors; any error gives exit status 2."""
    with _reading(_given(place, store_place)) as opened:
        lines = opened.check()
    for line in lines or ["no problems found"]:
        print(printable(line))
    if any(line.startswith("error:") for line in lines):
        raise typer.Exit(2)


def _reading(place: StorePlace) -> Store:
    return Store(place, create=False, read_only=True)
