"""Start of teaching, in the terminal or the browser: from options to a prepared store."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dialogue_gym._text import counted, printable, quoted
from dialogue_gym.actions import ActionRunner
from dialogue_gym.domain import Domain
from dialogue_gym.domain.loader import domain_text
from dialogue_gym.factory import (
    imported_examples,
    make_runner,
    make_stories,
    nlu_server,
    own_examples,
    project_stories,
    read_given,
    remembered_stories,
    unused_code,
)
from dialogue_gym.journal.entry import EXPERT
from dialogue_gym.journal.history import History
from dialogue_gym.journal.location import default_store, has_store
from dialogue_gym.journal.place import StorePlace
from dialogue_gym.journal.store import Store
from dialogue_gym.nlu.examples import NluData
from dialogue_gym.nlu.interpreter import FALLBACK, CombinedInterpreter, FixedFormatInterpreter, Interpreter
from dialogue_gym.stories import Story, StoryError, check_actions, unknown_actions
from dialogue_gym.teaching.mode import FAKE, ME, use_mode
from dialogue_gym.teaching.options import TeachOptions
from dialogue_gym.teaching.story_import import StoryNews, import_stories, imported_stories
from dialogue_gym.teaching.taught_interpreter import TaughtInterpreter

_MOMENT = 1.0


@dataclass(frozen=True)
class TeachingSetup:
    """The objects that the options of teaching name.

    Attributes:
        source: the domain's name or file.
        domain: the domain.
        text: the text of its file.
        user: `FAKE` or `ME`.
        turn_taking: `"explicit"` or `"auto"`.
        stories: the stories that a new store begins with.
        is_project: whether the stories are those of a project's folder, which nobody has named.
        runner: runs the actions if the teacher is the user.
        place: the place of the store.
        nlu: the given files with examples, or the address of an NLU server.
        actions: the given code of actions, or the address of an action server.
        story_files: the given files with stories and rules.
    """

    source: str
    domain: Domain
    text: str
    user: str
    turn_taking: str
    stories: Sequence[Story]
    runner: ActionRunner
    place: StorePlace
    nlu: Sequence[str] = ()
    actions: Sequence[str] = ()
    is_project: bool = False
    story_files: Sequence[Path] = ()

    def prepare(self, store: Store) -> list[str]:
        """Note domain and mode in a store, and import the stories into a new one.

        A store with conversations takes new and changed rules alone, also those of files that it knows.

        Returns:
            Lines for the teacher: on changes of the domain and the rules, on unused code of actions, on the
            stories of the folder, and on stories that were not imported.

        Raises:
            StoreError: the store is of another domain, or cannot be written.
            FileError: the stories do not fit the domain.
        """
        notes = store.use_domain(self.source, self.text)
        store.use_files(self.nlu, self.actions, map(str, self.story_files))
        use_mode(store, self.user, self.turn_taking)
        notes += unused_code(self.source, self.actions)
        history = History(store.taught())
        if not store.conversations() and not imported_stories(history):
            import_stories(store, self.domain, self.stories)
            if self.is_project:
                rules = sum(story.is_rule for story in self.stories)
                kinds = (
                    (len(self.stories) - rules, "story", "stories"),
                    (rules, "rule", "rules"),
                )
                counts = " and ".join(counted(count, one, many) for count, one, many in kinds if count)
                verb = "is" if len(self.stories) == 1 else "are"
                notes.append(f"{counts} of the folder {verb} known")
            return notes
        given = {str(path) for path in self.story_files}
        others, faults = remembered_stories(one for one in store.files.stories if one not in given)
        extended = history.extended(self.domain)
        others = _without_unknown(others, extended, faults)
        news = StoryNews.of(history, [*self.stories, *others])
        if news.rules:
            import_stories(store, extended, news.rules)
            notes.append(f"{news}; they hold from now on")
            history = History(store.taught())
        notes += _lost_actions(history, self.domain)
        if not self.is_project and StoryNews.of(history, self.stories).stories:
            notes.append("--stories has no effect but for rules: this store has conversations already")
        return notes + faults


def _without_unknown(stories: Iterable[Story], domain: Domain, faults: list[str]) -> list[Story]:
    """Return stories without the rules whose actions a domain lacks, for which `faults` gets a line.

    Nobody has named their files this time, so that they must not prevent the start.
    """
    kept = []
    for story in stories:
        try:
            check_actions(domain, [story] if story.is_rule else [])
            kept.append(story)
        except StoryError as error:
            faults.append(f"{error}; the rule {quoted(story.name)} is left out")
    return kept


def _lost_actions(history: History, domain: Domain) -> list[str]:
    """Return a line for each action of imported rules that the domain has lost."""
    extended = history.extended(domain)
    lost: dict[str, str] = {}
    for rule in (story for story in imported_stories(history) if story.is_rule):
        for name, _ in unknown_actions(extended, rule):
            lost.setdefault(name, rule.name)
    return [
        f"the domain lacks the action {printable(name)}, so that the rule {quoted(rule)} does not hold; if it"
        f" was renamed: dialogue-gym store rename-action {printable(name)} NEW"
        for name, rule in lost.items()
    ]


def set_up(domain: Domain, options: TeachOptions) -> TeachingSetup:
    """Return the objects that the options of teaching name; nothing is written.

    The domain's expert teaches with the fake user. A teacher without a chosen user gets the fake user if it
    has a goal, which the bot can then learn to serve. A project's folder brings its stories and rules, unless
    others are given.

    Raises:
        ValueError: an option cannot be used; one line says why.
    """
    check_examples(options.nlu)
    user = FAKE if options.teacher == EXPERT else options.user
    if user == FAKE and domain.fake_user is None:
        raise ValueError(f"{domain.name}: this domain has no fake user (key 'fake_user')")
    has_goal = domain.fake_user is not None and domain.fake_user.kind != "agenda"
    source, text = options.source, domain_text(options.source)
    is_project = not (options.stories or options.pretrained or options.scratch)
    stories = (
        project_stories(source) if is_project else make_stories(source, options.pretrained, options.stories)
    )
    return TeachingSetup(
        source,
        domain,
        text,
        user or (FAKE if has_goal else ME),
        options.turn_taking,
        stories,
        make_runner(source, domain, options.actions, options.seed),
        options.store or default_store(domain.name, "teaching", source, text),
        options.nlu,
        options.actions,
        is_project and bool(stories),
        options.stories,
    )


def check_examples(nlu: Sequence[str]) -> None:
    """Refuse files of examples that cannot be used.

    Raises:
        ValueError: they cannot be read, or there is an error in them.
    """
    if nlu and nlu_server(nlu) is None:
        read_given(nlu)


def make_interpreter(
    source: str,
    domain: Domain,
    nlu: Sequence[str],
    seed: int,
    place: StorePlace | None = None,
    fallback: float = FALLBACK,
) -> TaughtInterpreter:
    """Return an interpreter, which trains in the background on the given examples and the taught sentences.

    Args:
        source: the name or file of the domain.
        domain: the domain.
        nlu: files with examples, or the address of an NLU server; empty for the domain's own examples.
        seed: the seed of the training.
        place: the place of a store, which may have corrections and imported examples.
        fallback: the confidence under which a sentence is not understood.

    Raises:
        ValueError: the files or addresses cannot be used.
        ImportError: there are examples to train on, and the extra `nlu` is missing.
    """

    def read() -> NluData:
        given = list(nlu) or [str(path) for path in own_examples(source)]
        return read_given([*given, *(map(str, imported_examples(place)) if place else ())])

    history = None
    if place is not None and has_store(place):
        with Store(place, create=False, read_only=True) as store:
            history = History(store.taught())
        domain = history.extended(domain)
    server = nlu_server(nlu)
    return TaughtInterpreter(domain, NluData if server else read, seed, server, history, fallback)


def await_training(interpreter: TaughtInterpreter) -> None:
    """Wait until an interpreter is trained; at a terminal, show a bar if that takes longer than a moment."""
    if interpreter.wait(_MOMENT if sys.stderr.isatty() else None):
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        progress.add_task(f"Training on {counted(interpreter.examples, 'example')}", total=None)
        interpreter.wait()


def for_people(words: TaughtInterpreter, domain: Domain, is_attended: bool = False) -> Interpreter:
    """Return an interpreter of people's messages: plain sentences, and acts with the domain's names.

    Args:
        words: understands the sentences.
        domain: the domain of the acts.
        is_attended: whether teachers may teach the first sentences meanwhile. Otherwise, where no sentence
            is understood, an act needs no slash.
    """
    knows_words = words.knows_words or is_attended
    return CombinedInterpreter(words, domain) if knows_words else FixedFormatInterpreter(domain)
