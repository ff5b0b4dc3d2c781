"""The `info` of many lanes, whose reward terms are worked out only if they are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from dialogue_gym.vector.buffers import StepResult
    from dialogue_gym.vector.lanes import Lanes  # needs Numba

Array = npt.NDArray[Any]
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


def lane_info(
    lanes: Lanes,
    seen: StepResult,
    successes: Array,
    everywhere: Array,
    where: Array | None = None,
    final: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    """Return the `info` of a reset or a step, whose terms are worked out when they are read.

    Args:
        lanes: the lanes.
        seen: the results of the step.
        successes: bool, the lanes in which it ended a dialogue in success.
        everywhere: True for each lane.
        where: bool, the lanes whose terms are not 0; None for all.
        final: more entries.
    """
    info = LazyInfo(
        action_mask=seen.masks,
        _action_mask=everywhere,
        turns=seen.turns,
        _turns=everywhere,
        is_success=successes,
        _is_success=everywhere,
        _reward_terms=everywhere,
        **final,
    )
    info.late = lanes.late_terms(where)
    return info


def final_info(lanes: Lanes, seen: StepResult) -> dict[str, Any]:
    """Return the entries of `info` about the dialogues that ended in a step, in the mode `"SameStep"`."""
    ended = np.flatnonzero(seen.ended)
    final = lanes.final(ended)
    observations = np.full(len(seen.ended), None, dtype=object)
    observations[ended] = np.fromiter(final.observations, dtype=object, count=len(ended))
    masks, turns = np.zeros_like(seen.masks), np.zeros_like(seen.turns)
    masks[ended], turns[ended] = final.masks, final.turns
    own = {"action_mask": masks, "turns": turns, "is_success": seen.successes}
    own |= {f"_{key}": seen.ended for key in (*own, "reward_terms")}
    info = LazyInfo(own)
    info.late = lanes.late_terms(seen.ended)
    return {
        "final_obs": observations,
        "final_info": info,
        "_final_obs": seen.ended,
        "_final_info": seen.ended,
    }
