"""Objects for the names in a user's options: interpreters, actions, stories, a domain's text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from dialogue_gym._files import read_text
from dialogue_gym.actions import Action, ActionRunner, builtin_actions, load_actions
from dialogue_gym.domain import Domain
from dialogue_gym.domain.loader import builtin_names
from dialogue_gym.domain.model import DOMAIN_FILE
from dialogue_gym.nlu.examples import builtin_path
from dialogue_gym.nlu.interpreter import CombinedInterpreter, FixedFormatInterpreter, Interpreter
from dialogue_gym.stories import Story, load
from dialogue_gym.stories.io import own_stories

EXPORTED_NAME = "exported"
"""The folder in a store for exported files."""


def is_address(text: str) -> bool:
    """Return whether a text is an address rather than a file or module."""
    return text.startswith(("http://", "https://"))


def make_interpreter(source: str, domain: Domain, nlu: Sequence[str] | None, seed: int) -> Interpreter:
    """Return an interpreter of the fixed format, and of free text if there are examples to learn.

    A built-in domain brings its own examples.

    Raises:
        ValueError: the files or addresses cannot be used.
    """
    given = list(nlu or ())
    addresses = [one for one in given if is_address(one)]
    if addresses:
        if len(given) > 1:
            raise ValueError("--nlu: an NLU server stands alone, without files or a second server")
        from dialogue_gym.nlu.rasa import RasaInterpreter

        return CombinedInterpreter(RasaInterpreter(addresses[0]), domain)
    from dialogue_gym.nlu.examples import read_examples

    paths = [Path(one) for one in given] or own_examples(source)
    if not paths:
        return FixedFormatInterpreter(domain)
    from dialogue_gym.nlu.trained import TrainedInterpreter

    return CombinedInterpreter(TrainedInterpreter(domain, read_examples(paths), seed), domain)


def own_examples(source: str) -> list[Path]:
    """Return the example files of a built-in domain; an empty list for any other."""
    return [builtin_path(source, "nlu.yml")] if source in builtin_names() else []


def how_to_talk(domain: Domain, interpreter: Interpreter) -> str:
    """Return a sentence on how to talk to a bot."""
    example = f"/{domain.intents[0]}" if domain.intents else "/greet"
    if isinstance(interpreter, CombinedInterpreter):
        return f"Talk to it in plain words, or as {example}."
    return f"Talk to it in the fixed format alone (for plain words give --nlu), as {example}."


def load_code(actions: Sequence[str]) -> tuple[list[Action], str | None]:
    """Return the actions of the given modules and files, and the address of the action server, if any.

    Raises:
        ValueError: the code cannot be loaded, or there are two servers.
    """
    servers = [one for one in actions if is_address(one)]
    if len(servers) > 1:
        raise ValueError("--actions: one action server is enough")
    code = [action for one in actions if not is_address(one) for action in load_actions(one)]
    return code, servers[0] if servers else None


def make_runner(source: str, domain: Domain, actions: Sequence[str] | None, seed: int) -> ActionRunner:
    """Return a runner for the given actions or action server, or for those of a built-in domain.

    Raises:
        ValueError: the code cannot be loaded, or there are two servers.
    """
    code, server = load_code(actions or ())
    if not actions and source in builtin_names():
        code = builtin_actions(source)
    return ActionRunner(domain, code, server=server, seed=seed)


def make_text_interpreter(
    source: str, domain: Domain, nlu: Sequence[str] | None, seed: int
) -> Interpreter | None:
    """Return an interpreter of free text alone, without the fixed format; None without examples.

    Raises:
        ValueError: the files or addresses cannot be used.
    """
    interpreter = make_interpreter(source, domain, nlu, seed)
    return interpreter.other if isinstance(interpreter, CombinedInterpreter) else None


def domain_file(source: str) -> Path:
    """Return the file of a domain, given its path or a built-in name."""
    return builtin_path(source, "domain.yml") if source in builtin_names() else Path(source)


def domain_text_of(source: str) -> str:
    """Return the text of a domain's file.

    Raises:
        DomainError: the file cannot be read.
    """
    return read_text(domain_file(source), DOMAIN_FILE)


def make_stories(source: str, with_own: bool, paths: Iterable[Path]) -> list[Story]:
    """Return the stories that a new store begins with: the domain's own on request, and those of files.

    Raises:
        ValueError: they cannot be read, or the domain has none.
    """
    own = own_stories(domain_file(source)) if with_own else []
    return own + [story for path in paths for story in load(path)]
