"""A learner whose domain has grown: its knowledge is carried over by name, not by position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dialogue_gym._text import nearest, shorten
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.live.checkpoints import Checkpoint, CheckpointError
from dialogue_gym.live.replay_buffer import Arrays

if TYPE_CHECKING:
    from dialogue_gym.live.learner import LiveLearner  # needs torch, which a reader may lack

_INPUTS = ("network", "target", "exp_avg", "exp_avg_sq")


class MigrationError(CheckpointError):
    """A domain that lacks something that was learned with. The message is one line."""


def load_checkpoint(learner: LiveLearner, checkpoint: Checkpoint) -> None:
    """Load a checkpoint into a learner; additions to its domain keep their fresh weights.

    Raises:
        MigrationError: the domain has lost something that the checkpoint knows, or the turn taking differs.
        CheckpointError: the state is not a live learner's. The learner is unchanged.
    """
    state = checkpoint.state
    try:
        arrays = migrate_arrays(checkpoint.arrays, state["knows"], learner.arrays(), learner.env)
        learner.load(arrays, state["learner"])
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
) -> Arrays:
    """Return a learner's arrays as a domain that has grown needs them.

    Args:
        arrays: the arrays of the learner (`LiveLearner.arrays`).
        before: the learner's observations and actions at that time (`schema_of`).
        fresh: the arrays of a learner of the grown domain, for everything new. But the first label of a new
            field, which all past observations have, counts for nothing yet.
        env: an environment of the domain as it is now.

    Raises:
        MigrationError: the domain has lost something that the learner knows, or the turn taking differs.
    """
    now = schema_of(env)
    if before == now:
        return dict(arrays)
    if before["turn_taking"] != now["turn_taking"]:
        raise MigrationError(
            f"turn_taking: until now it was {before['turn_taking']!r}, not {now['turn_taking']!r}"
        )
    actions = np.array(_places("the action", before["actions"], now["actions"]))
    codes = _codes(before["fields"], now["fields"])
    fields = [name for name, _ in now["fields"]]
    columns = [fields.index(name) for name, _ in before["fields"]]
    first = np.cumsum([0, *(len(labels) for _, labels in now["fields"])])
    inputs = np.concatenate([first[column] + code for column, code in zip(columns, codes, strict=True)])
    unknown = [first[place] for place in range(len(fields)) if place not in columns]
    carried = dict(arrays)
    for name in ("replay.observations", "replay.next_observations"):
        grown = np.zeros((len(arrays[name]), len(fields)), fresh[name].dtype)
        for old, (column, code) in enumerate(zip(columns, codes, strict=True)):
            grown[:, column] = code[arrays[name][:, old]]
        carried[name] = grown
    carried["replay.actions"] = actions[arrays["replay.actions"]]
    last = max(int(name.split(".")[1]) for name in arrays if name.startswith("network."))
    for kind in _INPUTS:
        for number, grows in ((0, (slice(None), inputs)), (last - 1, (actions,)), (last, (actions,))):
            name = f"{kind}.{number}"
            grown = fresh[name].copy()
            if number == 0:
                grown[:, unknown] = 0.0
            grown[grows] = arrays[name]
            carried[name] = grown
    return carried


def _codes(before: Sequence[Any], now: Sequence[Any]) -> list[npt.NDArray[np.int64]]:
    """Return for each field that there was its new code for each old one."""
    labels = dict(now)
    _places("the field", [name for name, _ in before], list(labels))
    return [np.array(_places(f"{name}:", known, labels[name])) for name, known in before]


def _places(what: str, before: Sequence[str], now: Sequence[str]) -> list[int]:
    """Return where each name is now."""
    for name in before:
        if name not in now:
            raise MigrationError(
                f"the domain has lost {what} {shorten(name)}, which was learned with;"
                f" {nearest(name, now)}. Bring it back, or begin anew in another folder"
            )
    return [list(now).index(name) for name in before]
