"""Files of a trained agent: `agent.json` describes it, `weights.npz` has its numbers.

Nothing in them is code, and nothing is unpickled: JSON, and plain arrays of NumPy.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dialogue_gym._files import (
    AGENT_FILE,
    FIGURES,
    FileError,
    check_folder,
    read_bytes,
    write_text,
    write_whole,
)
from dialogue_gym._text import nearest, quoted
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.policies.network import NetworkPolicy
from dialogue_gym.policies.q_table import QTable

WEIGHTS_FILE = "weights.npz"
STRAY_ARRAY = "allow_pickle"
"""An array in archives of earlier versions: for older NumPy each keyword of `savez` is one, this one too."""
FORMAT = 1
NETWORK, TABLE = "network", "table"
"""The kinds of policies that can be saved."""


_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "agent": str,
    "algorithm": str,
    "domain": str,
    "settings": dict,
    "fields": list,
    "actions": list,
    "policy": dict,
    "weights": str,
    "env_id": (str, type(None)),
}


class AgentError(FileError):
    """An agent cannot be used. The message is one line."""


@dataclass(frozen=True)
class SavedAgent:
    """The content of `agent.json`.

    Attributes:
        agent: the name of the agent.
        algorithm: the name of the algorithm that trained it.
        domain: the name of its domain.
        settings: the arguments of its environment.
        fields: the components of an observation: name and labels of each, the oldest first.
        actions: the names of the actions, in order.
        policy: the kind of the policy, and the description of its numbers.
        weights: SHA-256 of `weights.npz`.
        env_id: the id of its environment; None if it has none.
        format: the version of this format.
    """

    agent: str
    algorithm: str
    domain: str
    settings: Mapping[str, Any]
    fields: list[list[Any]]
    actions: list[str]
    policy: Mapping[str, Any]
    weights: str
    env_id: str | None = None
    format: int = FORMAT


def is_agent(folder: Path) -> bool:
    """Return whether a folder has a trained agent in the format of this version."""
    return (folder / AGENT_FILE).is_file()


def check_agent_folder(folder: str | Path, domain: str) -> None:
    """Check that an agent may be written into a folder: a new or empty one, or that of an earlier such agent.

    Args:
        folder: the folder, which need not exist.
        domain: the name of the agent's domain.

    Raises:
        NotADirectoryError: it is a file.
        AgentError: it has an agent for another domain, or has other files and no agent.
    """
    folder = Path(folder)
    check_folder(folder)
    if is_agent(folder):
        if (other := read_agent(folder).domain) != domain:
            raise AgentError(
                f"{folder}: this folder has an agent for {quoted(other)}, not {quoted(domain)}; an agent for"
                " another domain needs another folder"
            )
        return
    others = sorted(one.name for one in folder.iterdir()) if folder.is_dir() else []
    # The figures of a training that was interrupted, and hidden files, are in nobody's way.
    if named := [name for name in others if name != FIGURES and not name.startswith(".")]:
        raise AgentError(
            f"{folder}: this folder has other files, such as {quoted(named[0])}; an agent needs a new or"
            " empty one"
        )


def save_agent(
    folder: str | Path,
    policy: NetworkPolicy | QTable,
    *,
    name: str,
    algorithm: str | None = None,
    settings: Mapping[str, Any] | None = None,
    env_id: str | None = None,
) -> None:
    """Write `agent.json` and `weights.npz`.

    Args:
        folder: an existing folder.
        policy: the policy to save, with its environment.
        name: the name of the agent.
        algorithm: the algorithm that trained it; by default `name`.
        settings: the arguments of its environment, as JSON-serializable values.
        env_id: the id of its environment.

    Raises:
        OSError: a file cannot be written.
        TypeError: the policy is of another kind.
    """
    description, arrays = _described(policy)
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)  # type: ignore[arg-type]  # none is called allow_pickle
    data = packed.getvalue()
    saved = SavedAgent(
        agent=name,
        algorithm=algorithm or name,
        domain=policy.env.domain.name,
        settings=dict(settings or {}),
        fields=_fields(policy.env),
        actions=list(policy.env.action_names),
        policy=description,
        weights=hashlib.sha256(data).hexdigest(),
        env_id=env_id,
    )
    text = json.dumps(asdict(saved), ensure_ascii=False, indent=1) + "\n"
    write_whole(Path(folder) / WEIGHTS_FILE, lambda temporary: temporary.write_bytes(data))
    write_text(Path(folder) / AGENT_FILE, text)


def read_agent(folder: Path) -> SavedAgent:
    """Return the content of `agent.json`.

    Raises:
        AgentError: the file does not exist, or is not in this format.
    """
    path = folder / AGENT_FILE
    try:
        content = json.loads(read_bytes(path))
    except OSError as error:
        raise AgentError(f"{folder}: not a trained agent ({AGENT_FILE}: {error.strerror})") from None
    except json.JSONDecodeError as error:
        raise AgentError(f"{path}:{error.lineno}: damaged: not JSON ({error.msg})") from None
    except (ValueError, RecursionError):
        raise AgentError(f"{path}: damaged: not JSON") from None
    if not isinstance(content, dict) or "format" not in content:
        raise AgentError(f"{path}: not the file of an agent (the key 'format' is missing)")
    if content["format"] != FORMAT:
        raise AgentError(
            f"{path}: format {quoted(str(content['format']), 20)}, and this version of dialogue_gym reads"
            f" format {FORMAT}; a newer version reads it"
        )
    known = [one.name for one in fields(SavedAgent)]
    for key in content:
        if key not in known:
            raise AgentError(f"{path}: unknown key {quoted(key)}; {nearest(key, known)}")
    for key, kind in _KINDS.items():
        if key not in content and key != "env_id":
            raise AgentError(f"{path}: the key {key!r} is missing")
        if not isinstance(content.get(key), kind):
            raise AgentError(f"{path}: {key}: {quoted(repr(content.get(key)))} cannot be used")
    saved = SavedAgent(**content)
    _check_names(path, saved)
    return saved


def _check_names(path: Path, saved: SavedAgent) -> None:
    for one in saved.fields:
        if not (isinstance(one, list) and len(one) == 2 and isinstance(one[0], str)):
            raise AgentError(f"{path}: fields: {quoted(repr(one))} is not a name with its labels")
    for name in saved.actions:
        if not isinstance(name, str):
            raise AgentError(f"{path}: actions: {quoted(repr(name))} is not the name of an action")


def load_policy(folder: Path, saved: SavedAgent, env: DialogueEnv) -> NetworkPolicy | QTable:
    """Return the policy of a saved agent for an environment.

    Raises:
        AgentError: the numbers cannot be read, or are for other actions or observations.
    """
    if (saved.fields, saved.actions) != (_fields(env), list(env.action_names)):
        raise AgentError(
            f"{folder}: this agent is for other actions or observations than those of {env.domain.name}"
            f" ({_difference(saved, env)}); train it again"
        )
    return _policy(folder / WEIGHTS_FILE, io.BytesIO(read_weights(folder, saved)), saved, env)


def read_weights(folder: Path, saved: SavedAgent) -> bytes:
    """Return the content of `weights.npz`, which has the digest that `agent.json` names.

    Raises:
        AgentError: the file cannot be read, or is another one.
    """
    path = folder / WEIGHTS_FILE
    try:
        data = read_bytes(path)
    except OSError as error:
        raise AgentError(f"{folder}: not a trained agent ({WEIGHTS_FILE}: {error.strerror})") from None
    if hashlib.sha256(data).hexdigest() != saved.weights:
        raise AgentError(f"{path}: damaged, or of another agent than {AGENT_FILE}; train it again")
    return data


def read_table(path: Path, env: DialogueEnv) -> QTable:
    """Return the Q-table in a `model.zip`, where earlier versions saved it: arrays of NumPy, not pickled.

    Raises:
        AgentError: the file cannot be read, or is for another environment.
    """
    table = QTable(env)
    try:
        table.load(**_arrays(io.BytesIO(read_bytes(path))))
    except OSError as error:
        raise AgentError(f"{path.parent}: not a trained agent (model.zip: {error.strerror})") from None
    except (TypeError, ValueError) as error:
        raise AgentError(f"{path}: not a model of q_table ({first_line(error)})") from None
    return table


def _described(policy: NetworkPolicy | QTable) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    if isinstance(policy, QTable):
        described = {"kind": TABLE, "optimism": policy.optimism, "is_masked": policy.is_masked}
        return described, policy.arrays()
    if not isinstance(policy, NetworkPolicy):
        raise TypeError(f"{type(policy).__name__} cannot be saved, only a NetworkPolicy or a QTable")
    arrays: dict[str, npt.NDArray[Any]] = {}
    for number, (weights, biases) in enumerate(policy.layers):
        arrays |= {f"weights_{number}": weights, f"biases_{number}": biases}
    described = {
        "kind": NETWORK,
        "layers": [list(weights.shape) for weights, _ in policy.layers],
        "activation": policy.activation,
        "has_values": policy.has_values,
        "is_masked": policy.is_masked,
    }
    return described, arrays


def _policy(path: Path, file: io.BytesIO, saved: SavedAgent, env: DialogueEnv) -> NetworkPolicy | QTable:
    described = saved.policy
    try:
        arrays = _arrays(file)
        if described["kind"] == TABLE:
            optimism, is_masked = float(described["optimism"]), bool(described["is_masked"])
            table = QTable(env, optimism=optimism, use_mask=is_masked)
            table.load(**arrays)
            return table
        if described["kind"] != NETWORK:
            raise ValueError(f"unknown kind of policy {described['kind']!r}")
        layers = [
            (arrays[f"weights_{number}"], arrays[f"biases_{number}"])
            for number in range(len(described["layers"]))
        ]
        return NetworkPolicy(
            env,
            layers,
            described["activation"],
            has_values=bool(described["has_values"]),
            is_masked=bool(described["is_masked"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise AgentError(f"{path}: cannot be used ({first_line(error)})") from None


def _arrays(file: io.BytesIO) -> dict[str, npt.NDArray[Any]]:
    try:
        archive = np.load(file, allow_pickle=False)
        arrays = {name: archive[name] for name in archive.files if name != STRAY_ARRAY}
    except Exception:  # a broken archive raises errors of many kinds, and NumPy's advises to unpickle it
        raise ValueError("it is not an archive of plain arrays") from None
    for name, array in arrays.items():
        if array.dtype.kind not in "iuf":
            raise ValueError(f"{name}: its numbers are of type {array.dtype}")
    return arrays


def _fields(env: DialogueEnv) -> list[list[Any]]:
    return [[one.name, list(one.labels)] for one in env.observation_fields]


def _difference(saved: SavedAgent, env: DialogueEnv) -> str:
    """Return the first difference between the observations and actions of an agent and an environment."""
    pairs = (
        ("the action", saved.actions, list(env.action_names)),
        ("the field", [str(one[0]) for one in saved.fields], [one.name for one in env.observation_fields]),
    )
    for what, before, now in pairs:
        for name in before:
            if name not in now:
                return f"it knows {what} {quoted(name)}"
        for name in now:
            if name not in before:
                return f"it does not know {what} {quoted(name)}"
        if before != now:
            return f"{what.removeprefix('the ')}s are in another order"
    labels = dict(map(tuple, saved.fields))
    changed = next(one.name for one in env.observation_fields if labels[one.name] != list(one.labels))
    return f"the field {quoted(changed)} has other values"


def first_line(error: Exception) -> str:
    """Return the kind and the message of an error on one line."""
    return f"{type(error).__name__}: {error}".splitlines()[0]
