"""Stand-ins for the packages of Rasa 3 that are not installed, such as TensorFlow; an import puts them there.

It runs under Python 3.10, beside Rasa and few of its dependencies.
"""

import importlib.abc
import importlib.machinery
import sys
import types

import pkg_resources  # noqa: F401  before packages of which it tries variants are stood in for

OPTIONAL = ("uvloop", "ujson", "simplejson", "pandas", "msvcrt")
"""Packages that others do without."""
KNOWN = ("rasa", "numpy", "scipy", "portalocker", "structlog", "jsonpickle", "ruamel", "cloudpickle", "redis")


class StandInType(type):
    """The type of classes that have any attribute, each a stand-in."""

    def __getattr__(cls, name):
        return attribute(cls, name)

    def __or__(cls, other):
        return cls

    __ror__ = __or__

    def __getitem__(cls, key):
        return cls


def attribute(owner, name):
    if name.startswith("__"):
        raise AttributeError(name)
    methods = {
        "__init_subclass__": classmethod(lambda cls, **options: None),
        "__init__": lambda self, *values, **options: None,
        "__call__": lambda self, decorated=None, *values, **options: decorated,
        "__getattr__": attribute,
    }
    return StandInType(name, (), methods)


class StandIn(types.ModuleType):
    """A package that is not installed, such as TensorFlow, which the rule policy imports and does not use."""

    __path__ = ()

    def __getattr__(self, name):
        return attribute(self, name)


class StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finder of a stand-in for every package that nothing else finds."""

    def find_spec(self, name, path=None, target=None):
        if name.startswith("_") or name.partition(".")[0] in (*KNOWN, *OPTIONAL):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        return StandIn(spec.name)

    def exec_module(self, module):
        pass


sys.meta_path.append(StandIns())
