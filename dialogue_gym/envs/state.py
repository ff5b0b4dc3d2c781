"""The state of a dialogue, from which it continues as often as one likes."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from typing import Any

from dialogue_gym.domain import Domain
from dialogue_gym.rules import Settings


@dataclass(frozen=True)
class DialogueState:
    """A dialogue at one moment, its chance included: for `DialogueEnv.set_state`. It can be pickled.

    Attributes:
        rules: identifies the domain and the settings that it is played with.
        user: the user that the reset chose; None is the one of the settings.
        row: the row of the rules.
        frames: the older observations that are given with the newest.
        is_over: whether the dialogue has ended.
        is_success: whether it ended in success.
        record: the conversation so far.
    """

    rules: str
    user: str | None
    row: tuple[int, ...]
    frames: tuple[tuple[int, ...], ...]
    is_over: bool
    is_success: bool
    record: Any = dataclasses.field(repr=False)


def rules_key(domain: Domain, settings: Settings, max_history: int) -> str:
    """Return a text that is the same for environments between which states can be exchanged."""
    return hashlib.sha256(repr((domain, settings, max_history)).encode()).hexdigest()
