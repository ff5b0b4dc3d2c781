"""Export of a store as a project for Rasa 3: data, domain, configuration and actions.

The layout and the keys are those of Rasa's documentation
(https://legacy-docs-oss.rasa.com/docs/rasa/model-configuration).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dialogue_gym._files import read_text
from dialogue_gym._text import printable
from dialogue_gym._yaml import dump_yaml, parse_yaml
from dialogue_gym.check import NLU, data_files
from dialogue_gym.conversation.events import SlotSet
from dialogue_gym.domain import Domain
from dialogue_gym.domain.loader import OWN_KEYS
from dialogue_gym.domain.model import DOMAIN_FILE, DomainError
from dialogue_gym.domain.observation import is_search
from dialogue_gym.domain.sources import builtin_names
from dialogue_gym.factory import imported_examples, is_address, own_examples
from dialogue_gym.journal.entry import LABEL, RESULT, StoreError, entry_events
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.nlu.examples import NluData, builtin_path
from dialogue_gym.stories.model import STORY_FILE
from dialogue_gym.teaching.export import DOMAIN_NAME, existing_text, export, with_additions, write_texts
from dialogue_gym.teaching.export_actions import (
    CODE,
    FOLDER,
    MODULE,
    CodedAction,
    actions_text,
    coded_actions,
)
from dialogue_gym.teaching.export_domain import rasa_domain
from dialogue_gym.teaching.export_nlu import existing_files, training_data, with_data
from dialogue_gym.teaching.export_search import VENUES, SearchExport
from dialogue_gym.teaching.export_stories import has_unknown_stories, lessons_of, superseded, with_stories

RASA, RASA_1 = "rasa", "rasa1"
EXPORT_FOLDERS = {RASA: "rasa", RASA_1: "exported"}
"""By target of an export, its folder in the folder of the store."""
DATA = "data"
PROJECT_FILES = (
    f"{DATA}/stories.yml",
    f"{DATA}/nlu.yml",
    DOMAIN_NAME,
    "config.yml",
    "endpoints.yml",
    "credentials.yml",
    f"{FOLDER}/__init__.py",
    f"{FOLDER}/{MODULE}",
)
"""The files of a project, apart from copied code."""
_STORIES, _NLU, _DOMAIN, _CONFIG, _ENDPOINTS, _CREDENTIALS, _PACKAGE, _ACTIONS = PROJECT_FILES
_HAN = re.compile(r"[\u3400-\u9fff]")
_NOT_DATA = ("domain.yml", "nlu.yml", "nlu_test.yml", "stories.yml")
_ACTION_SERVER = "http://localhost:5055/webhook"


@dataclass(frozen=True)
class Origins:
    """The files and addresses that a bot was made with.

    Attributes:
        source: the name of a built-in domain, or the path of a file.
        text: the text of the domain's file.
        nlu: files with examples.
        actions: files and folders with the code of actions, modules, or the address of an action server.
    """

    source: str
    text: str
    nlu: Sequence[Path] = ()
    actions: Sequence[str] = ()

    @property
    def is_builtin(self) -> bool:
        """Whether the domain is a built-in one."""
        return self.source in builtin_names()


def origins_of(store: Store, nlu: Iterable[str] = (), actions: Iterable[str] = ()) -> Origins:
    """Return the files that a store's bot was made with, as far as the store knows them, and further ones.

    Raises:
        StoreError: the store has no domain yet.
    """
    about, files = store.domain, store.files
    if about is None:
        raise StoreError(f"{store.place}: no domain is known here, since nothing was taught yet")
    given = [
        file
        for path in map(Path, (*files.nlu, *nlu))
        for file in (data_files(path, NLU) if path.is_dir() else [path])
    ]
    examples = [*own_examples(about.source), *given, *imported_examples(store.place)]
    code = (*files.actions, *actions)
    return Origins(about.source, about.text, tuple(dict.fromkeys(examples)), tuple(dict.fromkeys(code)))


@dataclass(frozen=True)
class Exported:
    """The written files, and a line for each thing that a person has to do or know."""

    files: list[Path]
    notes: list[str]


def export_project(history: History, domain: Domain, folder: Path, origins: Origins) -> Exported:
    """Export a store into a folder as a project for Rasa 3.

    Each file is written whole or not at all, and none if one of them has a fault. New content is appended to
    existing stories, examples, actions and domains; any other file that exists is left alone.

    Args:
        history: the history of the store.
        domain: the domain of the history, with or without the additions.
        folder: the folder to write to; it is created if needed.
        origins: the files that the bot was made with.

    Raises:
        FileError: a file cannot be read or added to, or something cannot be written in its format.
        OSError: a file cannot be written.
    """
    domain = history.extended(domain)
    search = SearchExport(domain) if is_search(domain) else None
    notes: list[str] = []
    stories = lessons_of(history, domain)
    told, known = folder / _STORIES, existing_text(folder / _STORIES, STORY_FILE)
    notes += superseded(known, told, stories, domain)
    data = training_data(history, domain, origins.nlu, stories, notes)
    named = [search.story(story) for story in stories] if search else stories
    texts: dict[Path, str | None] = {
        told: with_stories(known, told, named, "yaml", for_training=True),
        folder / _NLU: with_data(folder / _NLU, data, history, notes),
        folder / _DOMAIN: _domain(folder / _DOMAIN, history, domain, origins, notes, search),
    }
    servers = [one for one in origins.actions if is_address(one)]
    if servers:
        notes.append(f"the actions are those of {servers[0]}, as endpoints.yml says")
    else:
        text = texts[folder / _DOMAIN] or read_text(folder / _DOMAIN, DOMAIN_FILE)
        forms = parse_yaml(text, _DOMAIN, DOMAIN_FILE).mapping().get("forms")
        texts |= _code(folder, history, domain, forms.mapping() if forms else (), origins, notes, search)
    endpoints = dump_yaml({"action_endpoint": {"url": servers[0] if servers else _ACTION_SERVER}})
    credentials = dump_yaml({"rest": None})
    settings = ((_CONFIG, _config(domain, data)), (_ENDPOINTS, endpoints), (_CREDENTIALS, credentials))
    for name, text in settings:
        if not (folder / name).exists():
            texts[folder / name] = text
    if has_unknown_stories(history):
        notes.append(f"the stories that this store began with are not known: add their file to {DATA}/")
    if not stories and not told.exists():
        notes.append("no story: no turn of the bot was taught to its end yet")
    return Exported(write_texts(texts), notes)


def export_for(target: str, history: History, domain: Domain, folder: Path, origins: Origins) -> Exported:
    """Export a store for `"rasa"`, see `export_project`, or for `"rasa1"`, in Markdown.

    Raises:
        FileError: a file cannot be read or added to, or something cannot be written in its format.
        OSError: a file cannot be written.
    """
    if target == RASA:
        return export_project(history, domain, folder, origins)
    given = existing_files(origins.nlu)
    return Exported(export(history, domain, folder, "markdown", origins.text, given), [])


# The domain.


def _domain(
    path: Path,
    history: History,
    domain: Domain,
    origins: Origins,
    notes: list[str],
    search: SearchExport | None,
) -> str | None:
    """Return the text of a domain file for Rasa 3; None if nothing is new in it."""
    existing = existing_text(path, DOMAIN_FILE)
    if existing is not None:
        keys = parse_yaml(existing, str(path), DOMAIN_FILE).mapping()
        if own := [key for key in OWN_KEYS if key in keys]:
            raise DomainError(
                f"{path}: Rasa does not know its key {own[0]!r}, which is for a simulation; export to another"
                " folder"
            )
        return with_additions(path, history, domain, None, search.actions if search else ())
    found, silent = rasa_domain(origins.text, origins.source, domain.name, history.extended, search)
    notes += [
        f"{printable(name)} has no text yet: write it under responses in {path.name}" for name in silent
    ]
    return found


# Configuration.


def _config(domain: Domain, data: NluData) -> str:
    """Return a configuration for a bot with few examples, in Chinese or in a language with spaces."""
    is_chinese = sum(bool(_HAN.search(one.text)) for one in data.examples) * 2 > len(data.examples)
    retrieval = any("/" in one.intent for one in data.examples)
    pipeline = [
        {"name": "JiebaTokenizer" if is_chinese else "WhitespaceTokenizer"},
        {"name": "RegexFeaturizer"},
        {"name": "LexicalSyntacticFeaturizer"},
        {"name": "CountVectorsFeaturizer"},
        {"name": "CountVectorsFeaturizer", "analyzer": "char_wb", "min_ngram": 1, "max_ngram": 4},
        {"name": "DIETClassifier", "epochs": 100, "constrain_similarities": True},
        {"name": "EntitySynonymMapper"},
        *([{"name": "ResponseSelector", "epochs": 100}] if retrieval else []),
        {"name": "FallbackClassifier", "threshold": 0.3, "ambiguity_threshold": 0.1},
    ]
    policies = [
        {"name": "MemoizationPolicy"},
        {"name": "RulePolicy"},
        {"name": "TEDPolicy", "max_history": 5, "epochs": 100, "constrain_similarities": True},
    ]
    content = {
        "recipe": "default.v1",
        "assistant_id": domain.name,
        "language": "zh" if is_chinese else "en",
        "pipeline": pipeline,
        "policies": policies,
    }
    return dump_yaml(content)


# Actions.


def _code(
    folder: Path,
    history: History,
    domain: Domain,
    forms: Iterable[str],
    origins: Origins,
    notes: list[str],
    search: SearchExport | None,
) -> dict[Path, str | None]:
    """Return the texts of the folder `actions`: copies of existing code, and a skeleton for the rest."""
    files = _sources(origins, notes)
    coded = [one for one in coded_actions(files) if one.name in domain.actions]
    copies = {file: _copied_name(origins, file, coded) for file in files}
    texts: dict[Path, str | None] = {}
    for file, name in copies.items():
        if not (folder / FOLDER / name).exists():
            texts[folder / FOLDER / name] = code = read_text(file, CODE)
            if not origins.is_builtin and ("open(" in code or "__file__" in code):
                notes.append(f"{FOLDER}/{name} was copied; files that it reads have to lie beside it")
    if origins.is_builtin:
        data = [
            path for path in builtin_path(origins.source).parent.glob("*.yml") if path.name not in _NOT_DATA
        ]
        texts |= {folder / FOLDER / path.name: path.read_text("utf-8") for path in data}
    made = {folder / FOLDER / name: text for name, text in search.files().items()} if search else {}
    texts |= made
    main = folder / _ACTIONS
    existing = texts.get(main) or existing_text(main, CODE)
    beside = [dataclasses.replace(one, file=one.file.with_name(copies[one.file])) for one in coded]
    beside += search.coded if search else []
    text = actions_text(existing, domain, forms, beside, _slots_set(history))
    if text is not None:
        texts[main] = text
    if any(texts.values()) and not (folder / _PACKAGE).exists():
        texts[folder / _PACKAGE] = ""
    # The code of a search follows the domain; the venues are the user's from then on.
    renewed = {path for path in made if path.name != VENUES and existing_text(path, CODE) != made[path]}
    return {path: text for path, text in texts.items() if path in (main, *renewed) or not path.exists()}


def _sources(origins: Origins, notes: list[str]) -> list[Path]:
    """Return the Python files with the code of actions."""
    if origins.is_builtin and not origins.actions:
        path = builtin_path(origins.source, MODULE)
        return [path] if path.is_file() else []
    found: list[Path] = []
    for one in origins.actions:
        path = Path(one)
        if not path.exists() and "/" not in one and not one.endswith(".py"):
            path = Path(*one.split("."))
            path = path if path.is_dir() else path.with_suffix(".py")
        if path.is_dir():
            found += [file for file in sorted(path.glob("*.py")) if file.name != "__init__.py"]
        elif path.is_file():
            found.append(path)
        else:
            notes.append(f"{one}: this code was not found; put it into {FOLDER}/")
    return found


def _copied_name(origins: Origins, file: Path, coded: Iterable[CodedAction]) -> str:
    """Return the name of a file's copy; `actions.py` is extended, and has to be written for rasa_sdk."""
    if file.name != MODULE or all(one.is_sdk for one in coded if one.file == file):
        return file.name
    return f"{origins.source if origins.is_builtin else 'own'}_actions.py"


def _slots_set(history: History) -> dict[str, list[str]]:
    """Return the slots that each action set in the conversations, by action."""
    found: dict[str, dict[str, None]] = {}
    for conversation in history.conversations:
        action = ""
        for entry in history.path(conversation):
            if entry.kind == LABEL:
                action = entry.content["action"]
            elif entry.kind == RESULT:
                names = [event.name for event in entry_events(entry) if isinstance(event, SlotSet)]
                found.setdefault(action, {}).update(dict.fromkeys(names))
    return {name: list(slots) for name, slots in found.items()}
