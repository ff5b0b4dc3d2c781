"""A learner whose domain has grown: its knowledge is carried over by name, not by position."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dialogue_gym._text import nearest, quoted
from dialogue_gym.domain.additions import ACTION, INTENT, SLOT
from dialogue_gym.domain.slot import FILLED, OTHER
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.live.checkpoints import Checkpoint, CheckpointError
from dialogue_gym.live.replay_buffer import Arrays

if TYPE_CHECKING:
    from dialogue_gym.live.learner import LiveLearner  # needs torch, which a reader may lack

Names = Collection[tuple[str, str]]
"""Pairs of action, intent or slot, and the name."""
_INPUTS = ("network", "target", "exp_avg", "exp_avg_sq")
OTHER_WEIGHTS = ("talking", "candidate")
"""Other weights of the same network that a checkpoint may have."""
_GONE = -1


class MigrationError(CheckpointError):
    """A domain that lacks something that was learned with. The message is one line."""


def load_checkpoint(learner: LiveLearner, checkpoint: Checkpoint, own: Names = frozenset()) -> Arrays:
    """Load a checkpoint into a learner; additions to its domain keep their fresh weights.

    See `migrate_arrays` for the names that are a teacher's own.

    Returns:
        The arrays of the checkpoint as the domain needs them now, those that are not the learner's as well.

    Raises:
        MigrationError: the domain has lost something that the checkpoint knows, or the turn taking differs.
        CheckpointError: the state is not a live learner's. The learner is unchanged.
    """
    state = checkpoint.state
    try:
        arrays = migrate_arrays(checkpoint.arrays, state["knows"], learner.arrays(), learner.env, own)
        learner.load(arrays, state["learner"])
        return arrays
    except MigrationError as error:
        raise MigrationError(f"{checkpoint.path}: {error}") from None
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{checkpoint.path}: not a checkpoint of a live learner; ignored ({type(error).__name__})"
        ) from None


def schema_of(env: DialogueEnv) -> dict[str, Any]:
    """Return the fields of observations and the actions, as JSON-serializable values."""
    return {
        "fields": [[field.name, list(field.labels)] for field in env.fields],
        "actions": list(env.action_names),
        "turn_taking": env.settings.turn_taking,
    }


def migrate_arrays(
    arrays: Mapping[str, npt.NDArray[Any]],
    before: Mapping[str, Any],
    fresh: Mapping[str, npt.NDArray[Any]],
    env: DialogueEnv,
    own: Names = frozenset(),
) -> Arrays:
    """Return a learner's arrays as a domain that has grown needs them.

    Args:
        arrays: the arrays of the learner (`LiveLearner.arrays`), and perhaps other weights of its network
            (`Promotion.arrays`).
        before: the learner's observations and actions at that time (`schema_of`).
        fresh: the arrays of a learner of the grown domain, for everything new. But the first label of a new
            field, which all past observations have, counts for nothing yet.
        env: an environment of the domain as it is now.
        own: names that teachers added or edited (`History.own_names`): these may be gone, or be slots with
            other labels. What was learned about them is forgotten.

    Raises:
        MigrationError: the domain has lost something else that the learner knows, or the turn taking differs.
    """
    now = schema_of(env)
    if before == now:
        return dict(arrays)
    if before["turn_taking"] != now["turn_taking"]:
        raise MigrationError(
            f"turn_taking: until now it was {before['turn_taking']!r}, not {now['turn_taking']!r}"
        )
    actions = np.array(_places("the action", before["actions"], now["actions"], _own(own, ACTION)))
    fields = _Fields.between(before["fields"], now["fields"], own)
    carried = dict(arrays)
    kept = actions[arrays["replay.actions"]] != _GONE
    for name in (name for name in arrays if name.startswith("replay.")):
        carried[name] = arrays[name][kept]
    for name in ("replay.observations", "replay.next_observations"):
        carried[name] = fields.carried(carried[name], fresh[name].dtype)
    carried["replay.actions"] = actions[carried["replay.actions"]]
    outputs = np.flatnonzero(actions != _GONE)
    last = max(int(name.split(".")[1]) for name in arrays if name.startswith("network."))
    for kind in (*_INPUTS, *(kind for kind in OTHER_WEIGHTS if f"{kind}.0" in arrays)):
        new = kind if kind in _INPUTS else "network"
        name = f"{kind}.0"
        carried[name] = fresh[f"{new}.0"].copy()
        carried[name][:, fields.unknown] = 0.0
        carried[name][:, fields.inputs[1]] = arrays[name][:, fields.inputs[0]]
        for number in (last - 1, last):
            name = f"{kind}.{number}"
            carried[name] = fresh[f"{new}.{number}"].copy()
            carried[name][actions[outputs]] = arrays[name][outputs]
    return carried


@dataclass(frozen=True)
class _Fields:
    """The fields of observations before and now.

    Attributes:
        columns: for each field before, its place now; `_GONE` if it is gone.
        codes: for each field before, its new code for each old one.
        inputs: the places of the labels that are still there, before and now, in one-hot observations.
        unknown: the places of the first labels of new fields.
        count: the number of fields now.
    """

    columns: Sequence[int]
    codes: Sequence[npt.NDArray[np.int64]]
    inputs: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
    unknown: Sequence[int]
    count: int

    @classmethod
    def between(cls, before: Sequence[Any], now: Sequence[Any], own: Names) -> _Fields:
        labels = dict(now)
        slots = _own(own, SLOT)
        may_go = {f"{part}.{slot}" for slot in slots for part in ("slot", "confidence", "heard")}
        columns = _places("the field", [name for name, _ in before], list(labels), may_go)
        first = np.cumsum([0, *(len(found) for _, found in now)])
        first_before = np.cumsum([0, *(len(found) for _, found in before)])
        codes: list[npt.NDArray[np.int64]] = []
        old: list[int] = []
        new: list[int] = []
        for (name, known), column, start in zip(before, columns, first_before, strict=False):
            if column == _GONE:
                codes.append(np.zeros(len(known), np.int64))
                continue
            places = np.array(_places(f"{name}:", known, labels[name], _labels_to_lose(name, known, own)))
            there = np.flatnonzero(places != _GONE)
            old += (start + there).tolist()
            new += (first[column] + places[there]).tolist()
            codes.append(np.where(places == _GONE, _stand_in(labels[name]), places))
        unknown = [int(first[place]) for place in range(len(now)) if place not in columns]
        return cls(columns, codes, (np.array(old), np.array(new)), unknown, len(now))

    def carried(self, observations: npt.NDArray[Any], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        """Return old observations as they are now."""
        grown = np.zeros((len(observations), self.count), dtype)
        for old, (column, code) in enumerate(zip(self.columns, self.codes, strict=True)):
            if column != _GONE:
                grown[:, column] = code[observations[:, old]]
        return grown


def _own(own: Names, kind: str) -> set[str]:
    return {name for known, name in own if known == kind}


def _labels_to_lose(field: str, labels: Sequence[str], own: Names) -> set[str]:
    """Return the labels of a field that may be gone; a slot's may all be, once a teacher has edited it."""
    part, _, slot = field.partition(".")
    if part == "slot":
        return set(labels) if slot in _own(own, SLOT) else set()
    kind = {"intent": INTENT, "filled_last": SLOT, "said": ACTION, "done": ACTION}.get(field)
    names = _own(own, kind) if kind else set()
    return names | {f"named {name}" for name in names}


def _stand_in(labels: Sequence[str]) -> int:
    """Return the code for a value of a slot that has other labels now."""
    return next((labels.index(label) for label in (OTHER, FILLED) if label in labels), 0)


def _places(what: str, before: Sequence[str], now: Sequence[str], may_go: Container[str] = ()) -> list[int]:
    """Return where each name is now; `_GONE` for those that may be gone."""
    for name in before:
        if name not in now and name not in may_go:
            raise MigrationError(
                f"the domain has lost {what} {quoted(name)}, which was learned with;"
                f" {nearest(name, now)}. Bring it back, or begin anew in another folder"
            )
    return [now.index(name) if name in now else _GONE for name in before]
