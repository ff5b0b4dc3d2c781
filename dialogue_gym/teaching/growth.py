"""The growth of a bot while it is taught, written into its own files, whose other content stays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dialogue_gym._files import read_text
from dialogue_gym._markdown import is_markdown
from dialogue_gym._text import printable, quoted, visible
from dialogue_gym.check import NLU, data_files
from dialogue_gym.domain.additions import Addition
from dialogue_gym.domain.changes import changed_names
from dialogue_gym.domain.default_names import without_used_defaults
from dialogue_gym.domain.edits import action_of
from dialogue_gym.domain.loader import load_domain
from dialogue_gym.domain.markdown_responses import texts_of, with_texts_of
from dialogue_gym.domain.model import DOMAIN_FILE, Domain
from dialogue_gym.domain.sources import builtin_names, files_of
from dialogue_gym.domain.writer import extended_texts
from dialogue_gym.factory import is_address
from dialogue_gym.journal.history import History
from dialogue_gym.nlu.examples import NLU_FILE, Example, parse_examples
from dialogue_gym.teaching.example_lines import rewritten
from dialogue_gym.teaching.export import write_texts
from dialogue_gym.teaching.export_examples import is_writable
from dialogue_gym.teaching.taught_examples import learned_examples, word_lessons

_MOST_SHOWN = 3
_NEW_FILE = "nlu.yml"


@dataclass(frozen=True)
class Growth:
    """Everything that was taught and edited, and that the files of a bot lack."""

    path: Path
    actions: tuple[str, ...]
    intents: tuple[str, ...]
    slots: tuple[str, ...]
    changes: tuple[str, ...]
    """The responses and slots that are in another form."""
    examples: tuple[str, ...]
    """The texts of new examples, and of those that have gone."""
    texts: Mapping[Path, str]
    """The texts of the files with it."""

    def __str__(self) -> str:
        """The growth as a clause: `pizza.yml lacks 1 action and 2 slots: utter_price, size, topping`."""
        kinds = (
            ("action", self.actions),
            ("intent", self.intents),
            ("slot", self.slots),
            ("change", self.changes),
            ("example", self.examples),
        )
        counted = [f"{len(names)} {kind}{'s' * (len(names) > 1)}" for kind, names in kinds if names]
        amount = " and ".join(filter(None, [", ".join(counted[:-1]), counted[-1]]))
        named = [printable(name) for _, names in kinds[:-1] for name in names]
        shown = [quoted(text) for text in self.examples[:_MOST_SHOWN]]
        rest = ["…"] if len(self.examples) > _MOST_SHOWN else []
        listed = visible(", ".join([*named, *shown, *rest]), 500)
        where = f" ({self.files} would have them)" if self.path.is_dir() else ""
        return f"{visible(self.path.resolve().name)} lacks {amount}: {listed}{where}"

    @property
    def files(self) -> str:
        """The names of the files that it changes, as `pizza.yml and nlu.yml`."""
        return " and ".join(visible(path.name) for path in self.texts)

    def write(self) -> None:
        """Write it into the files, which keep their comments and order.

        Raises:
            OSError: a file cannot be written.
        """
        write_texts(self.texts)


def growth_of(history: History, source: str, nlu: Sequence[str] = ()) -> Growth | None:
    """Return the growth that the files of a bot lack as they are now.

    Args:
        history: the history of the store.
        source: the path of the domain file, or of a project's folder.
        nlu: the files with examples, or the address of an NLU server; without any, the examples are in the
            domain file.

    Returns:
        The growth; None without any, or for a built-in domain.

    Raises:
        FileError: a file cannot be read, or nothing can be changed in it in place.
    """
    path = Path(source)
    if source in builtin_names() or not path.exists():
        return None
    name, files = files_of(source, [])
    domain = load_domain(source)
    grown = without_used_defaults(domain, history.extended(domain))
    texts, examples = _examples(history, path, nlu, grown, files)
    written = {
        str(file): texts.get(file) or read_text(file, DOMAIN_FILE) for file in files if not is_markdown(file)
    }
    texts |= {Path(file): text for file, text in extended_texts(written, name, history.extended).items()}
    texts |= _answers([file for file in files if is_markdown(file)], domain, grown)
    if not texts:
        return None
    slots = {slot.name for slot in domain.slots}
    return Growth(
        path,
        tuple(one for one in grown.actions if one not in domain.actions),
        tuple(one for one in grown.intents if one not in domain.intents),
        tuple(slot.name for slot in grown.slots if slot.name not in slots),
        tuple(dict.fromkeys(changed_names(domain, grown) + _new_responses(domain, grown))),
        tuple(example.text for example in examples),
        texts,
    )


def _answers(files: Sequence[Path], domain: Domain, grown: Domain) -> dict[Path, str]:
    """Return the texts of Markdown files of responses that have changed."""
    changed = {}
    for file in files:
        text = read_text(file, DOMAIN_FILE)
        # Of several files with a response, the first one counts.
        old = {name: said for name, said in texts_of(text, str(file)).items() if said == domain.texts(name)}
        new = {name: grown.texts(name) for name, said in old.items() if grown.texts(name) != said}
        if new:
            changed[file] = with_texts_of(text, str(file), new)
    return changed


def _new_responses(domain: Domain, grown: Domain) -> list[str]:
    """Return the responses that actions of a domain have got."""
    new = (response.name for response in grown.responses[len(domain.responses) :])
    return [name for name in new if action_of(name) in domain.actions]


def _examples(
    history: History, path: Path, nlu: Sequence[str], domain: Domain, domain_files: Iterable[Path]
) -> tuple[dict[Path, str], list[Example]]:
    """Return the texts of the files of examples that have changed, and the examples.

    A file that is given by several paths is there once, under that of the domain's files if it is one.
    """
    lessons = word_lessons(history)
    if not lessons or any(map(is_address, nlu)):
        return {}, []
    paths = [one for one in map(Path, nlu) if one.exists()]
    given = [file for one in paths for file in (data_files(one, NLU) if one.is_dir() else [one])]
    own = data_files(path, NLU) if path.is_dir() else [path]
    by_place = {file.resolve(): file for file in reversed([*domain_files, *given, *own])}
    wanted_files = dict.fromkeys(by_place[file.resolve()] for file in given or own)
    texts = {file: read_text(file, NLU_FILE) for file in wanted_files}
    if not texts and path.is_dir() and not (first := path / _NEW_FILE).exists():
        texts = {first: ""}  # the folder has no examples yet
    known = [example for file, text in texts.items() for example in parse_examples(text, file).examples]
    learned = learned_examples(known, lessons)
    # Few taught sentences make no interpreter, and so stay in the store; edits are asked for.
    is_wanted = learned.is_enough or any(isinstance(lesson, Addition) for lesson in lessons)
    if not is_wanted or not texts:
        return {}, []
    gone, new = Counter(known), Counter(learned.examples)
    gone, new = gone - new, new - gone
    made = [one for one in new.elements() if domain.intent_of(one.intent) and is_writable(one)]
    wanted = made
    left = [one for one in known if gone[one]]
    changed: dict[Path, str] = {}
    for file, text in texts.items():
        here = {one.intent for one in known if one.file == str(file)}
        others = {one.intent for one in known} - here
        is_first = file == next(iter(texts))
        mine = [one for one in wanted if one.intent in here or (is_first and one.intent not in others)]
        wanted = [one for one in wanted if one not in mine]
        out = [one for one in left if one.file == str(file)]
        if mine or out:
            changed[file] = rewritten(text, file, out, mine)
    return changed, [*made, *left]
