"""Public names of a package that load when they are first used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def lazy_getattr(
    package: str, names: Mapping[str, Sequence[str]], packages: Sequence[str] = ()
) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package, which imports a module when one of its names is used.

    The package gets a `__dir__` as well, which lists these names before they are loaded: for completion.

    Args:
        package: the package, as its `__name__`.
        names: the public names of each module of the package. The `__init__` also imports them under
            `TYPE_CHECKING`, so that type checkers and editors know them.
        packages: the sub-packages that load like names, so that they need no import of their own.
    """
    modules = {name: module for module, own in names.items() for name in own}
    of_package = vars(sys.modules[package])
    of_package["__dir__"] = lambda: sorted({*of_package, *modules, *packages})

    def load(name: str) -> Any:
        if name in packages:
            return importlib.import_module(f"{package}.{name}")
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{package}.{modules[name]}"), name)

    return load
