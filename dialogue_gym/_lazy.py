"""Public names of a package that load when they are first used."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def lazy_getattr(package: str, names: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package, which imports a module when one of its names is used.

    Args:
        package: the package, as its `__name__`.
        names: the public names of each module of the package. The `__init__` also imports them under
            `TYPE_CHECKING`, so that type checkers and editors know them.
    """
    modules = {name: module for module, own in names.items() for name in own}

    def load(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{package}.{modules[name]}"), name)

    return load
