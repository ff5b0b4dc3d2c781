"""The folder `actions` of a Rasa project: code that exists, and a skeleton for the rest."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dialogue_gym._files import FileError, FileKind, read_text
from dialogue_gym._text import printable, take_name
from dialogue_gym.domain import Domain
from dialogue_gym.domain.default_names import DEFAULT_ACTIONS

FOLDER, MODULE = "actions", "actions.py"
_HEAD = '''"""The bot's actions for Rasa's action server: `rasa run actions`."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher
'''
_CLASS = re.compile(r"^class\s+(\w+)", re.MULTILINE)
_RUN = """
    def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[dict[str, Any]]:
"""


class CodeFileError(FileError):
    """A file of Python code that cannot be exported."""


CODE = FileKind("Python file", CodeFileError)


@dataclass(frozen=True)
class CodedAction:
    """An action that exists as a class in a Python file.

    Attributes:
        name: the name of the action.
        file: the file.
        cls: the name of the class.
        is_sdk: whether the class has bases, as one that is written for rasa_sdk has `Action`.
    """

    name: str
    file: Path
    cls: str
    is_sdk: bool


def coded_actions(files: Iterable[Path]) -> list[CodedAction]:
    """Return the actions in Python files, which are read and not run.

    A class is found if its `name` returns a literal.

    Raises:
        CodeFileError: a file cannot be read, or is not Python.
    """
    found = []
    for file in files:
        try:
            tree = ast.parse(read_text(file, CODE))
        except SyntaxError as error:
            raise CodeFileError(f"{file}:{error.lineno}: SyntaxError: {error.msg}") from None
        for cls in (node for node in tree.body if isinstance(node, ast.ClassDef)):
            is_sdk = any("Action" in ast.unparse(base) or "Form" in ast.unparse(base) for base in cls.bases)
            found += [CodedAction(name, file, cls.name, is_sdk) for name in _returned(cls)]
    return found


def _returned(cls: ast.ClassDef) -> Iterator[str]:
    for node in cls.body:
        if isinstance(node, ast.FunctionDef) and node.name == "name":
            for part in ast.walk(node):
                if isinstance(part, ast.Return) and isinstance(part.value, ast.Constant):
                    yield str(part.value.value)


def custom_actions(domain: Domain) -> list[str]:
    """Return the actions of a domain that Rasa runs on an action server."""
    own = tuple(DEFAULT_ACTIONS)
    return [name for name in domain.actions if name not in own and not name.startswith("utter_")]


def actions_text(
    existing: str | None,
    domain: Domain,
    forms: Iterable[str],
    coded: Iterable[CodedAction],
    sets: Mapping[str, Iterable[str]],
) -> str | None:
    """Return the text of `actions.py` with every action that is not coded yet; None without a new one.

    Args:
        existing: the text of the file; None if it does not exist.
        domain: the domain.
        forms: the forms, which Rasa runs itself.
        coded: the actions that exist in files beside it.
        sets: by action, the slots that it set in the lessons.
    """
    by_name = {one.name: one for one in coded}
    # A wrapper names the class, and any other class the action.
    marks = {
        name: (*_literals(name), f"({one.file.stem}.{one.cls}," if (one := by_name.get(name)) else "")
        for name in custom_actions(domain)
    }
    there = {
        name for name, some in marks.items() if existing and any(mark and mark in existing for mark in some)
    }
    wanted = [name for name in custom_actions(domain) if name not in (*there, *forms)]
    wrapped = [one for name in wanted if (one := by_name.get(name)) and not one.is_sdk]
    skeletons = [name for name in wanted if name not in by_name]
    if not wrapped and not skeletons:
        return None if existing is not None or not by_name else _HEAD
    modules = sorted({one.file.stem for one in wrapped})
    imports = f"\nfrom . import {', '.join(modules)}\n" if modules else ""
    taken = {"Action", *_CLASS.findall(existing or "")}
    classes = [_wrapper(one, taken) for one in wrapped]
    classes += [_skeleton(name, domain, sets.get(name, ()), taken) for name in skeletons]
    imported = _HEAD.partition("annotations")[2].strip()
    head = _HEAD if existing is None else f"{existing.rstrip()}\n\n\n{imported}\n"
    return head + imports + "".join(f"\n\n{one}" for one in classes)


def _literals(name: str) -> tuple[str, ...]:
    """Return the ways in which code may name an action: people and formatters choose the quotes."""
    return json.dumps(name, ensure_ascii=False), json.dumps(name), repr(name)


def _class_name(action: str, taken: set[str]) -> str:
    words = [word for word in re.split(r"[\W_]+", action) if word]
    base = "".join(word[0].upper() + word[1:] for word in words)
    base = base if base.startswith("Action") else f"Action{base}"
    return take_name(base, taken, "{name}{number}")


def _wrapper(action: CodedAction, taken: set[str]) -> str:
    name = _class_name(action.name, taken)
    return (
        f"class {name}({action.file.stem}.{action.cls}, Action):\n"
        f'    """{printable(action.name)}, as `{action.file.name}` has it."""\n'
    )


def _skeleton(action: str, domain: Domain, sets: Iterable[str], taken: set[str]) -> str:
    texts = domain.texts(action)
    has_response = any(response.name == action for response in domain.responses)
    lines = [f"class {_class_name(action, taken)}(Action):", "    def name(self) -> str:"]
    lines += [f"        return {json.dumps(action, ensure_ascii=False)}", *_RUN.rstrip("\n").split("\n")]
    lines.append("        # To be written: in the lessons it was only talked about.")
    if has_response:
        lines.append(f"        dispatcher.utter_message(response={json.dumps(action, ensure_ascii=False)})")
    elif texts:
        lines.append(f"        # It was to say: {printable(texts[0])}")
    if slots := ", ".join(map(printable, sets)):
        lines.append(f"        # It set these slots: {slots}")
    return "\n".join([*lines, "        return []", ""])
