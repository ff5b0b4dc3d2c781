"""The `info` of many lanes, whose reward terms are worked out only if they are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

LATE = "reward_terms"
"""The entry that is computed when it is read, or when all entries are."""


class LazyInfo(dict[str, Any]):
    """A dict with one late entry: whatever reads it, or all entries, has it computed first."""

    __slots__ = ("late",)
    late: Callable[[], Any] | None
    """The function that computes the entry; None once that is done."""

    def _complete(self) -> None:
        if self.late is not None:
            late, self.late = self.late, None
            super().__setitem__(LATE, late())

    def __missing__(self, name: str) -> Any:
        """Compute the late entry."""
        if name != LATE or self.late is None:
            raise KeyError(name)
        self._complete()
        return self[name]

    def __setitem__(self, name: str, value: Any) -> None:
        """Set an entry, late or not."""
        if name == LATE:
            self.late = None
        super().__setitem__(name, value)

    def __contains__(self, name: object) -> bool:
        """Return whether there is such an entry; this computes nothing."""
        return super().__contains__(name) or (name == LATE and self.late is not None)

    def __len__(self) -> int:
        """Return the number of entries; this computes nothing."""
        return super().__len__() + (self.late is not None)

    def get(self, name: str, default: Any = None) -> Any:
        """Return an entry, or the default."""
        try:
            return self[name]
        except KeyError:
            return default

    def __reduce__(self) -> Any:
        """Pickle and copy it as a plain dict."""
        return dict, (self.copy(),)


def _completing(name: str) -> Callable[..., Any]:
    plain = getattr(dict, name)

    def method(self: LazyInfo, *arguments: Any, **keywords: Any) -> Any:
        self._complete()
        return plain(self, *arguments, **keywords)

    method.__doc__ = plain.__doc__
    return method


for _name in (
    "__delitem__", "__eq__", "__ior__", "__iter__", "__ne__", "__or__", "__repr__", "__reversed__", "__ror__",
    "clear", "copy", "items", "keys", "pop", "popitem", "setdefault", "update", "values",
):  # fmt: skip
    setattr(LazyInfo, _name, _completing(_name))
