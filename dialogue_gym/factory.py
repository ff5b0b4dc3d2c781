"""Objects for the names in a user's options: examples, actions, stories, a domain's text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from dialogue_gym._files import FileError, FileKind, Problem, read_text
from dialogue_gym._text import as_typed, counted
from dialogue_gym._yaml import parse_yaml
from dialogue_gym.actions import Action, ActionRunner, builtin_actions, load_actions
from dialogue_gym.check import KINDS, NLU, STORIES, data_files, has_examples
from dialogue_gym.domain import Domain
from dialogue_gym.domain.loader import read_domain
from dialogue_gym.domain.sources import builtin_names
from dialogue_gym.journal.data_folder import DataPath, data_folder, local_file
from dialogue_gym.journal.place import StorePlace
from dialogue_gym.nlu.examples import NluData, builtin_path, read_examples
from dialogue_gym.nlu.interpreter import Interpreter
from dialogue_gym.stories import Story, load
from dialogue_gym.stories.io import own_stories

_ENDPOINTS = FileKind("file of endpoints", FileError)
IMPORTED_NAME = "imported"
"""The folder in a store for imported files."""


def is_address(text: str) -> bool:
    """Return whether a text is an address rather than a file or module."""
    return text.startswith(("http://", "https://"))


def domain_notes(source: str) -> list[str]:
    """Return a line on the warnings of a domain, for the start of a command; empty without any.

    Raises:
        DomainError: the domain cannot be used.
    """
    warnings: list[Problem] = []
    read_domain(source, warnings)
    if len(warnings) < 2:
        return [str(warning) for warning in warnings]
    return [f"{counted(len(warnings), 'warning')} about this domain: dialogue-gym check {as_typed(source)}"]


def nlu_server(nlu: Sequence[str]) -> Interpreter | None:
    """Return the NLU server that is given in the place of files; None without one.

    Raises:
        ValueError: there are files beside it.
    """
    addresses = [one for one in nlu if is_address(one)]
    if not addresses:
        return None
    if len(nlu) > 1:
        raise ValueError("--nlu: an NLU server cannot be combined with files or another server")
    from dialogue_gym.nlu.rasa import RasaInterpreter

    return RasaInterpreter(addresses[0])


def read_given(nlu: Iterable[str]) -> NluData:
    """Return the examples of files and folders.

    Raises:
        ValueError: a file cannot be used.
    """
    paths = _with_folders(nlu, NLU)
    data = read_examples(paths)
    if paths and data == NluData():
        raise FileError(f"{paths[0]}: the file has no examples")
    return data


def own_examples(source: str) -> list[Path]:
    """Return the example files of a built-in domain or a project's folder; a domain file may have its own."""
    if source in builtin_names():
        return [builtin_path(source, "nlu.yml")]
    path = Path(source)
    if path.is_dir():
        return data_files(path, NLU)
    is_own = path.is_file() and has_examples(path) and bool(read_examples(path).examples)
    return [path] if is_own else []


def _with_folders(given: Iterable[str | Path], kind: str) -> list[Path]:
    """Return files, with the files of one kind in the place of folders.

    Raises:
        FileError: a folder has none of that kind, or a file in it cannot be read.
    """
    paths: list[Path] = []
    for path in map(Path, given):
        found = data_files(path, kind) if path.is_dir() else [path]
        if not found:
            raise FileError(f"{path}: no file of this folder has {KINDS[kind]}")
        paths += found
    return paths


def imported_examples(store: StorePlace) -> list[Path]:
    """Return the example files that were imported into a store, or copies of those in a database.

    Raises:
        OSError: the database cannot be used.
    """
    folder: DataPath = data_folder(store) / IMPORTED_NAME
    found: list[DataPath] = list(folder.glob("nlu.*"))
    return [local_file(path) for path in sorted(found, key=str)]


def how_to_talk(domain: Domain, knows_words: bool) -> str:
    """Return a sentence on how to talk to a bot, which may know plain words."""
    example = f"/{domain.intents[0]}" if domain.intents else "/greet"
    if knows_words:
        return f"Talk to it in plain English, or in the fixed format, such as {example}."
    return f"Talk to it in the fixed format, such as {example} (for plain English, give --nlu)."


def load_code(actions: Sequence[str], sources: Iterable[str]) -> tuple[list[Action], str | None]:
    """Return the actions of the given modules and files, and the address of the action server, if any.

    If none are given, the actions are those of the built-in domains among the sources.

    Raises:
        ValueError: the code cannot be loaded, or there are two servers.
    """
    if not actions:
        known = [source for source in sources if source in builtin_names()]
        return [action for source in known for action in builtin_actions(source)], None
    servers = [one for one in actions if is_address(one)]
    if len(servers) > 1:
        raise ValueError("--actions: only one action server is supported")
    code = [action for one in actions if not is_address(one) for action in load_actions(one)]
    return code, servers[0] if servers else None


def make_runner(source: str, domain: Domain, actions: Sequence[str] | None, seed: int) -> ActionRunner:
    """Return a runner for the given actions or action server, or for those of a built-in domain.

    Raises:
        ValueError: the code cannot be loaded, or there are two servers.
    """
    code, server = load_code(actions or (), [source])
    return ActionRunner(domain, code, server=server, seed=seed)


def unused_code(source: str, actions: Sequence[str] | None) -> list[str]:
    """Return a line on the code of actions in a project's folder if no actions are given.

    Raises:
        FileError: the project's file of endpoints cannot be read.
    """
    folder = Path(source)
    if actions or not folder.is_dir():
        return []
    places = [folder / "actions" / "actions.py", folder / "actions.py"]
    code, endpoints = next((path for path in places if path.is_file()), None), folder / "endpoints.yml"
    unused, options = [], []
    if code:
        unused.append(str(code))
        options.append(f"--actions {code.parent if code.parent != folder else code}")
    text = read_text(endpoints, _ENDPOINTS) if endpoints.is_file() else ""
    content = parse_yaml(text, str(endpoints), _ENDPOINTS).value() if text.strip() else None
    server = content.get("action_endpoint") if isinstance(content, dict) else None
    if isinstance(server, dict) and is_address(str(server.get("url"))):
        unused.append(f"the action server of {endpoints}")
        options.append(f"--actions {server['url']}")
    verb = "is" if len(unused) == 1 else "are"
    return [f"{' and '.join(unused)} {verb} not used: add {' or '.join(options)}"] if unused else []


def make_stories(source: str, with_own: bool, paths: Iterable[Path]) -> list[Story]:
    """Return the stories that a new store begins with: the domain's own on request, and those of files.

    Raises:
        ValueError: they cannot be read, or the domain has none.
    """
    own = _own_stories(source) if with_own else []
    return own + [story for path in _with_folders(paths, STORIES) for story in _given_stories(path)]


def _given_stories(path: Path) -> list[Story]:
    """Return the stories of a file that somebody has named.

    Raises:
        FileError: the file cannot be read, or has none.
    """
    stories = load(path)
    if not any(story.steps for story in stories):
        raise FileError(f"{path}: the file has no stories")
    return stories


def remembered_stories(paths: Iterable[str]) -> tuple[list[Story], list[str]]:
    """Return the stories of files that a store began with, and a line for each that cannot be read."""
    stories: list[Story] = []
    faults: list[str] = []
    for path in map(Path, paths):
        try:
            stories += [story for one in _with_folders([path], STORIES) for story in load(one)]
        except FileError as error:
            faults += [str(error)] if path.exists() else []  # else the project has moved, or is elsewhere
    return stories, faults


def chat_stories(source: str, paths: Iterable[Path]) -> list[Story]:
    """Return the stories and rules of files, or without any those in a project's folder.

    Raises:
        FileError: a file cannot be read.
    """
    if given := _with_folders(paths, STORIES):
        return [story for path in given for story in _given_stories(path)]
    return project_stories(source)


def project_stories(source: str) -> list[Story]:
    """Return the stories and rules in a project's folder; none for anything else.

    Raises:
        FileError: a file cannot be read.
    """
    found = data_files(Path(source), STORIES) if Path(source).is_dir() else []
    return [story for path in found for story in load(path)]


def _own_stories(source: str) -> list[Story]:
    if source in builtin_names():
        return own_stories(builtin_path(source, "domain.yml"))
    if Path(source).is_dir():
        return [story for path in _with_folders([source], STORIES) for story in load(path)]
    return own_stories(Path(source))
