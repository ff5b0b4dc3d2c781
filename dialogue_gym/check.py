"""The files of a bot, by kind, and a check of all of them together."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from dialogue_gym._files import FileError, FileKind, Problem, read_text
from dialogue_gym._markdown import MARKDOWN_SUFFIXES, is_markdown
from dialogue_gym._text import quoted
from dialogue_gym._yaml import parse_yaml
from dialogue_gym.actions import Action, ActionRunner, check_actions
from dialogue_gym.domain import Domain
from dialogue_gym.domain.loader import (
    OWN_KEYS,
    RASA_KEYS,
    errors_of_domain,
    intent_places,
    read_domain,
    read_file,
)
from dialogue_gym.domain.markdown_responses import has_responses
from dialogue_gym.domain.sources import YAML_SUFFIXES, builtin_names, files_of, is_domain, project_files
from dialogue_gym.nlu.checks import check_examples, with_retrieval_actions
from dialogue_gym.nlu.examples import NluData, errors_of_examples, read_examples
from dialogue_gym.stories import Story, check_stories, load
from dialogue_gym.stories.io import errors_of_stories

DOMAIN, STORIES, NLU = "domain", "stories", "nlu"
KINDS = {DOMAIN: "a domain", STORIES: "stories", NLU: "NLU examples"}
"""The kinds of content, in words."""
_ANY_FILE = FileKind("file of a bot", FileError, max_bytes=200_000_000)
_KEYS = {"stories": STORIES, "rules": STORIES, "nlu": NLU} | dict.fromkeys((*RASA_KEYS, *OWN_KEYS), DOMAIN)
_TOP_LEVEL_KEY = re.compile(r"^[\"']?([A-Za-z_]+)[\"']?\s*:", re.MULTILINE)
_STORY = re.compile(r"^##.*\n+\*[ \t]*[\w./+-]+[ \t]*(\{.*\})?[ \t]*\n", re.MULTILINE)
_SUFFIXES = (*YAML_SUFFIXES, *MARKDOWN_SUFFIXES)
_NLU_HEADING = re.compile(r"^##\s*(intent|synonym|lookup|regex)\s*:", re.MULTILINE)


def kinds_of(path: Path) -> set[str]:
    """Return the kinds of content in a file: a domain, stories, NLU examples, or several of them.

    Raises:
        FileError: the file cannot be read, or holds none of them.
    """
    text = read_text(path, _ANY_FILE)
    if is_markdown(path):
        return {_kind_in_markdown(text)}
    kinds, _ = _kinds(text, str(path))
    if not kinds:
        found = ", ".join(map(quoted, parse_yaml(text, str(path), _ANY_FILE).mapping())) or "nothing"
        raise FileError(
            f"{path}:1: neither a domain (intents, slots, actions ...), nor stories, nor nlu: it has {found}"
        )
    return kinds


def _kind_in_markdown(text: str) -> str:
    if _NLU_HEADING.search(text):
        return NLU
    return DOMAIN if has_responses(text) else STORIES


def has_examples(path: Path) -> bool:
    """Return whether a YAML file, such as a domain, has NLU examples.

    Raises:
        FileError: the file cannot be read.
    """
    return NLU in _kinds(read_text(path, _ANY_FILE), str(path))[0]


def _kinds(text: str, file: str) -> tuple[set[str], list[str]]:
    """Return the kinds of content of a YAML text, and its top-level keys."""
    keys = _TOP_LEVEL_KEY.findall(text)
    if not any(key in _KEYS for key in keys) and text.lstrip().startswith("{"):  # or JSON
        keys = list(parse_yaml(text, file, _ANY_FILE).mapping())
    return {_KEYS[key] for key in keys if key in _KEYS}, keys


def data_files(folder: Path, kind: str) -> list[Path]:
    """Return the files of a folder with stories or NLU examples; test stories and other files are left out.

    Raises:
        FileError: a file cannot be read.
    """
    return [path for path in project_files(folder, _SUFFIXES) if kind in _kinds_in_project(path)]


def _kinds_in_project(path: Path) -> set[str]:
    """Return the kinds of content in a file that nobody has named; a readme, for instance, has none."""
    if path.name.startswith("test_"):
        return set()
    text = read_text(path, _ANY_FILE)
    if not is_markdown(path):
        kinds, _ = _kinds(text, str(path)) if _TOP_LEVEL_KEY.search(text) else (set(), [])
        return kinds - {DOMAIN} | ({DOMAIN} if is_domain(text) else set())
    kind = _kind_in_markdown(text)
    return {kind} if kind != STORIES or _STORY.search(text) else set()


def check_files(
    files: Iterable[str],
    actions: Sequence[Action] = (),
    server: str | None = None,
    is_strict: bool = False,
) -> list[str]:
    """Return the problems of files, one line each: `error:` or `warning:`, the place, and the problem.

    Args:
        files: domain, story and NLU files in any mixture, and folders of them; several domain files are
            merged. For the domain the name of a built-in one will do.
        actions: Python code of the domain's actions, to compare with the effects that the domain declares.
        server: an action server, for the same.
        is_strict: whether warnings are errors.
    """
    unusable: list[FileError] = []
    problems: list[Problem] = []
    sources, stories, examples = _usable(_with_kinds(files, unusable), unusable, problems)
    domain: Domain | None = None
    whole = [one for one in sources if not isinstance(one, Path)]
    if whole and len(sources) > 1:
        other = next(one for one in sources if one != whole[0])
        unusable.append(
            FileError(f"{whole[0]}: a built-in domain is complete; check {other} by another command")
        )
        sources = [*whole[:1]]
    try:
        domain = read_domain(sources, problems) if sources else None
    except FileError:
        unusable += errors_of_domain(sources)
    data = read_examples(examples) if examples else NluData()
    if examples:
        problems += check_examples(domain, data, intent_places(sources) if domain else {})
    if stories:
        problems += check_stories(with_retrieval_actions(domain, data) if domain else None, stories)
    if domain:
        problems += check_actions(domain, ActionRunner(domain, actions, server=server))
    if is_strict:
        problems = [dataclasses.replace(problem, is_error=True) for problem in problems]
    errors = dict.fromkeys(f"error: {error}" for error in unusable)  # a file may fail in each of its kinds
    return [*errors, *(str(problem) for problem in sorted(problems))]


def _usable(
    files: Iterable[tuple[str | Path, set[str]]], unusable: list[FileError], problems: list[Problem]
) -> tuple[list[str | Path], list[Story], list[Path]]:
    """Return the files of a domain, all stories, and the files of examples that can be read.

    Args:
        files: the files with the kinds of their content.
        unusable: gets all errors of those that cannot be read.
        problems: gets a warning for each that is empty.
    """
    sources: list[str | Path] = []
    stories: list[Story] = []
    examples: list[Path] = []
    for file, kinds in files:
        path = Path(file)
        if DOMAIN in kinds:
            try:
                if isinstance(file, Path):
                    read_file(file)  # alone first: an error here hides no other file
                sources.append(file)
            except FileError as error:
                unusable.append(error)
        if STORIES in kinds:
            try:
                stories += (found := load(path))
                if not found:
                    problems.append(Problem(str(file), 1, "the file has no stories", is_error=False))
            except FileError:
                unusable += errors_of_stories(path)
        if NLU in kinds:
            try:
                if read_examples(path) == NluData():
                    problems.append(Problem(str(file), 1, "the file has no examples", is_error=False))
                examples.append(path)
            except FileError:
                unusable += errors_of_examples(path)
    return sources, stories, examples


def _with_kinds(files: Iterable[str], unusable: list[FileError]) -> Iterator[tuple[str | Path, set[str]]]:
    """Yield the files that are named, and those of folders, with the kinds of their content."""
    for file in dict.fromkeys(files):
        path = Path(file)
        try:
            if file in builtin_names():
                yield file, {DOMAIN}
            elif not file or not path.exists():
                files_of(file, [])  # names the domain that may be meant
                yield path, kinds_of(path)
            elif path.is_dir():
                found = [(one, _kinds_in_project(one)) for one in project_files(path, _SUFFIXES)]
                if not any(kinds for _, kinds in found):
                    unusable.append(FileError(f"{path}: no domain, stories or NLU examples in this folder"))
                yield from found
            else:
                yield path, kinds_of(path)
        except FileError as error:
            unusable.append(error)
