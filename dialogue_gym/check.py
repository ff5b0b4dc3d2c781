"""Check the files of a bot together: its domain, stories and NLU examples."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from dialogue_gym._files import FileError, FileKind, Problem, read_text
from dialogue_gym._markdown import is_markdown
from dialogue_gym._yaml import parse_yaml
from dialogue_gym.actions import Action, ActionRunner, check_actions
from dialogue_gym.domain import Domain, load_domain
from dialogue_gym.domain.loader import OWN_KEYS, RASA_KEYS, builtin_names
from dialogue_gym.nlu.checks import check_examples
from dialogue_gym.nlu.examples import read_examples
from dialogue_gym.stories import Story, check_stories, load

DOMAIN, STORIES, NLU = "domain", "stories", "nlu"
_ANY_FILE = FileKind("file of a bot", FileError, max_bytes=200_000_000)
_KEYS = {"stories": STORIES, "rules": STORIES, "nlu": NLU} | dict.fromkeys((*RASA_KEYS, *OWN_KEYS), DOMAIN)
_TOP_LEVEL_KEY = re.compile(r"^[\"']?([A-Za-z_]+)[\"']?\s*:", re.MULTILINE)
_NLU_HEADING = re.compile(r"^##\s*(intent|synonym|lookup|regex)\s*:", re.MULTILINE)


def kinds_of(path: Path) -> set[str]:
    """Return the kinds of content in a file: a domain, stories, NLU examples, or several of them.

    Raises:
        FileError: the file cannot be read, or holds none of them.
    """
    text = read_text(path, _ANY_FILE)
    if is_markdown(path):
        return {NLU if _NLU_HEADING.search(text) else STORIES}
    keys = _TOP_LEVEL_KEY.findall(text)
    if not any(key in _KEYS for key in keys) and text.lstrip().startswith("{"):  # or JSON
        keys = list(parse_yaml(text, str(path), _ANY_FILE).mapping())
    kinds = {_KEYS[key] for key in keys if key in _KEYS}
    if not kinds:
        found = ", ".join(dict.fromkeys(keys)) or "nothing of the kind"
        raise FileError(
            f"{path}:1: neither a domain (intents, slots, actions ...), nor stories, nor nlu: it has {found}"
        )
    return kinds


def check_files(files: Iterable[str], actions: Sequence[Action] = (), server: str | None = None) -> list[str]:
    """Return the problems of files, one line each: `error:` or `warning:`, the place, and the problem.

    Args:
        files: domain, story and NLU files in any mixture; for the domain the name of a built-in one will do.
        actions: Python code of the domain's actions, to compare with the effects that the domain declares.
        server: an action server, for the same.
    """
    domains: list[Domain] = []
    stories: list[Story] = []
    examples: list[Path] = []
    problems: list[Problem] = []
    unusable: list[str] = []
    for file in dict.fromkeys(files):
        try:
            if file in builtin_names() and not Path(file).is_file():
                domains.append(load_domain(file))
                continue
            path = Path(file)
            kinds = kinds_of(path)
            if DOMAIN in kinds:
                domains.append(load_domain(path))
                if len(domains) > 1:
                    problems.append(Problem(file, 1, "a second domain: the files are of one bot"))
            if STORIES in kinds:
                stories += load(path)
            if NLU in kinds:
                read_examples(path)
                examples.append(path)
        except FileError as error:
            unusable.append(f"error: {error}")
    domain = domains[0] if domains else None
    if stories:
        problems += check_stories(domain, stories)
    if examples:
        problems += check_examples(domain, read_examples(examples))
    if domain:
        problems += check_actions(domain, ActionRunner(domain, actions, server=server))
    return unusable + [str(problem) for problem in sorted(problems)]
