"""Arrays and JSON as one NumPy archive. Nothing in it is unpickled."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from dialogue_gym.policies.saved import STRAY_ARRAY

_STATE = "state"


class ArchiveError(ValueError):
    """Bytes that are not such an archive, or a damaged one."""


def pack(arrays: Mapping[str, npt.NDArray[Any]], state: Mapping[str, Any]) -> bytes:
    """Return an archive.

    Args:
        arrays: the arrays by name; none is called `state`.
        state: everything else, as JSON-serializable values.
    """
    file = io.BytesIO()
    np.savez(file, **arrays, **{_STATE: np.array(json.dumps(state))})  # type: ignore[arg-type]
    return file.getvalue()


def unpack(data: bytes) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    """Return the arrays and the state in an archive, whose checksums hold.

    Raises:
        ArchiveError: it is damaged, or something else.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if name := archive.testzip():
                raise zipfile.BadZipFile(name)
        with np.load(io.BytesIO(data), allow_pickle=False) as found:
            arrays = {name: found[name] for name in found.files if name not in (_STATE, STRAY_ARRAY)}
            state = json.loads(str(found[_STATE]))
    except (OSError, EOFError, KeyError, RuntimeError, ValueError, zipfile.BadZipFile) as error:
        raise ArchiveError(type(error).__name__) from None
    if not isinstance(state, dict):
        raise ArchiveError(type(state).__name__)
    return arrays, state
