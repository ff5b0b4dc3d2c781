"""What the commands make of their options: a domain, an interpreter, actions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from dialogue_gym.actions import Action, ActionRunner, builtin_actions, load_actions
from dialogue_gym.domain import Domain
from dialogue_gym.domain.parse import builtin_names
from dialogue_gym.interpreter import CombinedInterpreter, FixedFormatInterpreter, Interpreter

DomainName = Annotated[
    str, typer.Argument(metavar="DOMAIN|FILE", help="name of a built-in domain, or a domain file")
]
NluOption = Annotated[
    list[str] | None,
    typer.Option("--nlu", metavar="FILE|URL", help="NLU examples to train on, or a Rasa NLU server"),
]
ActionsOption = Annotated[
    list[str] | None,
    typer.Option("--actions", metavar="MODULE|FILE|URL", help="Python code of actions, or an action server"),
]


def is_address(text: str) -> bool:
    """Return whether a text is an address rather than a file or module."""
    return text.startswith(("http://", "https://"))


def make_interpreter(source: str, domain: Domain, nlu: Sequence[str] | None, seed: int) -> Interpreter:
    """Return what understands a person: the fixed format, and words where there is something to learn from.

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
    from dialogue_gym.nlu.examples import builtin_path, read_examples

    paths = [Path(one) for one in given]
    if not paths and source in builtin_names():
        paths = [builtin_path(source, "nlu.yml")]
    if not paths:
        return FixedFormatInterpreter(domain)
    from dialogue_gym.nlu.trained import TrainedInterpreter

    return CombinedInterpreter(TrainedInterpreter(domain, read_examples(paths), seed), domain)


def load_code(actions: Sequence[str]) -> tuple[list[Action], str | None]:
    """Return the code of actions that was named, and the action server, if one was.

    Raises:
        ValueError: the code cannot be loaded, or there are two servers.
    """
    servers = [one for one in actions if is_address(one)]
    if len(servers) > 1:
        raise ValueError("--actions: one action server is enough")
    code = [action for one in actions if not is_address(one) for action in load_actions(one)]
    return code, servers[0] if servers else None


def make_runner(source: str, domain: Domain, actions: Sequence[str] | None, seed: int) -> ActionRunner:
    """Return what does the actions: the code or server that was named, or what a built-in domain brings.

    Raises:
        ValueError: the code cannot be loaded, or there are two servers.
    """
    code, server = load_code(actions or ())
    if not actions and source in builtin_names():
        code = builtin_actions(source)
    return ActionRunner(domain, code, server=server, seed=seed)
