"""Loader of Python actions, from a module or file of the user's or from a built-in domain."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import pkgutil
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from dialogue_gym._text import printable, quoted
from dialogue_gym.actions.sdk import Action
from dialogue_gym.domain.sources import builtin_names

_BUILT_IN = "dialogue_gym.domains"
_MAX_WIDTH = 300


class ActionError(ValueError):
    """Raised if Python code cannot be used for actions. The message is one line, with file and line."""

    def __init__(self, message: str) -> None:
        """Keep the message, with unprintable characters escaped."""
        super().__init__(printable(message))


def load_actions(module: str | Path) -> list[Action]:
    """Import Python code and return an instance of every action in it.

    An action is a class that can be called without arguments, with the methods `name()` and `run(...)`. A
    class whose `name()` is not implemented is treated as a base class. A package is searched with all its
    modules. The folder of the code, or the current one, is appended to Python's path for the imports of the
    code.

    Args:
        module: the dotted name of a module or package, or the path of a file or of a package's folder.
            The code is executed: pass only code that you trust.

    Raises:
        ActionError: the module does not exist, fails, or has no usable action.
    """
    try:
        modules = _import_from(Path(module)) if _is_path(module) else _import_named(str(module))
    except ActionError:
        raise
    except (Exception, SystemExit) as error:
        raise ActionError(f"{quoted(str(module))} cannot be imported: {failure(error)}") from None
    if not (actions := _actions_of(modules)):
        raise ActionError(f"{quoted(str(module))} has no class with name() and run(...)")
    return actions


def builtin_actions(domain: str) -> list[Action]:
    """Return the actions that come with a built-in domain, or an empty list for any other name."""
    name = f"{_BUILT_IN}.{domain}.actions"
    is_there = domain in builtin_names() and importlib.util.find_spec(name) is not None
    return _actions_of([importlib.import_module(name)]) if is_there else []


def as_actions(things: Iterable[type | Action]) -> dict[str, Action]:
    """Return actions by their names, from classes or instances.

    Raises:
        ActionError: one is not an action, cannot be instantiated, or has the name of another.
    """
    actions: dict[str, Action] = {}
    for thing in things:
        if not _is_action(thing):
            raise ActionError(f"{quoted(repr(thing))} is not an action: it needs name() and run(...)")
        if isinstance(thing, type):
            action = _instance(thing)
            if action is None:
                raise ActionError(f"{quoted(repr(thing))} is not an action: its name() is not implemented")
        else:
            action = thing
        name: object = action.name()
        file, line = source_location(action)
        if not isinstance(name, str) or not name:
            raise ActionError(f"{file}:{line}: name() must return a name, not {quoted(repr(name))}")
        try:
            inspect.signature(action.run).bind(None, None, None)
        except TypeError:
            raise ActionError(f"{file}:{line}: run() must take dispatcher, tracker and domain") from None
        if name in actions:
            first = "{}:{}".format(*source_location(actions[name]))
            raise ActionError(f"{file}:{line}: duplicate action {quoted(name)}, first defined at {first}")
        actions[name] = action
    return actions


def source_location(action: Action) -> tuple[str, int]:
    """Return the file and the line of an action's `run`."""
    code = getattr(inspect.unwrap(action.run), "__code__", None)
    return (code.co_filename, code.co_firstlineno) if code else (type(action).__module__, 1)


def failure(error: BaseException, action: Action | None = None) -> str:
    """Return an exception in a user's code as one line: file, line and Python's message.

    The file and line are the last ones in the action's own file, which its author knows.
    """
    message = " ".join("".join(traceback.format_exception_only(error)).split())[:_MAX_WIDTH]
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}: SyntaxError: {error.msg}"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith("<")]
    own = [f for f in frames if action and f.filename == source_location(action)[0]]
    others = [f for f in frames if Path(f.filename).parent != Path(__file__).parent]
    if not (found := own or others):
        return message
    return f"{found[-1].filename}:{found[-1].lineno}: {message}"


def _actions_of(modules: Iterable[ModuleType]) -> list[Action]:
    """Return an instance of every action that modules define or import, except for rasa_sdk's own."""
    things = dict.fromkeys(
        thing for module in modules for thing in vars(module).values() if isinstance(thing, type)
    )
    # `from actions.actions import ...` loads a module of a package again, under the package's own name.
    first: dict[tuple[str, str], str] = {}
    classes = [
        thing
        for thing in things
        if _is_action(thing)
        and thing.__module__.partition(".")[0] != "rasa_sdk"
        and first.setdefault((_file_of(thing), thing.__qualname__), thing.__module__) == thing.__module__
    ]
    return list(as_actions(action for thing in classes if (action := _instance(thing))).values())


def _file_of(thing: type) -> str:
    return str(getattr(sys.modules.get(thing.__module__), "__file__", None) or thing.__module__)


def _is_action(thing: Any) -> bool:
    return all(callable(getattr(thing, method, None)) for method in ("name", "run"))


def _instance(found: type) -> Action | None:
    """Return an instance of an action class; None if it is only a base class."""
    if inspect.isabstract(found):
        return None
    try:
        action: Action = found()
        action.name()
    except NotImplementedError:
        return None
    except (Exception, SystemExit) as error:
        raise ActionError(f"{quoted(repr(found))} cannot be used: {failure(error)}") from None
    return action


def _is_path(module: str | Path) -> bool:
    return isinstance(module, Path) or module.endswith(".py") or "/" in module or "\\" in module


def _import_named(name: str) -> list[ModuleType]:
    _add_to_path(Path.cwd())
    try:
        return _with_submodules(importlib.import_module(name))
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise  # the module itself needs another one
        raise ActionError(f"no such Python module: {quoted(name)}") from None


def _import_from(path: Path) -> list[ModuleType]:
    """Import a file, or a folder as a package, under a unique name.

    A file in a package, such as `actions/actions.py` of a Rasa project, is imported as a part of it, so both
    `from .prices import ...` and `from actions.prices import ...` work. As in Rasa, the package's folder need
    not have an `__init__.py`.
    """
    if path.is_dir() and not (path / "__init__.py").exists():
        if not any(path.glob("*.py")):
            raise ActionError(f"{path}: no Python files in this folder")
        _forget(_unique_name(path))
        return _with_submodules(_plain_package(path.resolve()))
    file = path / "__init__.py" if path.is_dir() else path
    if not file.is_file():
        raise ActionError(f"{file}: no such file")
    package = _outermost_package(file)
    _add_to_path(package.parent if package else file.resolve().parent)
    if package is None and file.stem.isidentifier():
        name = f"{_plain_package(file.resolve().parent).__name__}.{file.stem}"
        _forget(name)
        return _with_submodules(importlib.import_module(name))
    if package is None:
        return _with_submodules(_load(file, _unique_name(file), None))
    within = file.resolve().relative_to(package).with_suffix("").parts
    parts = [_unique_name(package), *(part for part in within if part != "__init__")]
    _forget(parts[0])
    _load(package / "__init__.py", parts[0], [str(package)])
    module = importlib.import_module(".".join(parts))
    return _with_submodules(module)


def _plain_package(folder: Path) -> ModuleType:
    """Return the package of the files in a folder without `__init__.py`."""
    if folder.name.isidentifier():
        _add_to_path(folder.parent)  # for `from actions.prices import ...`
    if known := sys.modules.get(_unique_name(folder)):
        return known
    package = ModuleType(_unique_name(folder))
    package.__path__ = [str(folder)]
    sys.modules[package.__name__] = package
    return package


def _forget(module: str) -> None:
    """Forget a module, and those of a package, since their files may have changed."""
    for name in [name for name in sys.modules if f"{name}.".startswith(f"{module}.")]:
        del sys.modules[name]


def _outermost_package(file: Path) -> Path | None:
    """Return the folder of the package that a file belongs to; None if it stands alone."""
    found = None
    for folder in file.resolve().parents:
        if not (folder / "__init__.py").is_file():
            break
        found = folder
    return found


def _unique_name(path: Path) -> str:
    return f"actions_{hashlib.sha256(bytes(path.resolve())).hexdigest()[:16]}"


def _load(file: Path, name: str, folders: list[str] | None) -> ModuleType:
    """Run a file as a module of some name; `folders` are those of a package's modules."""
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=folders)
    if spec is None or spec.loader is None:
        raise ActionError(f"{file}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # before it runs, as dataclasses and pickles look it up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _with_submodules(module: ModuleType) -> list[ModuleType]:
    modules = [module]
    for found in pkgutil.iter_modules(getattr(module, "__path__", ()), module.__name__ + "."):
        modules.extend(_with_submodules(importlib.import_module(found.name)))
    return modules


def _add_to_path(folder: Path) -> None:
    if str(folder) not in sys.path:
        # At the end, so that files of the user's cannot replace installed modules.
        sys.path.append(str(folder))
