"""The settings of the teachers' pages of a server."""

from __future__ import annotations

from dataclasses import dataclass

from dialogue_gym.actions import ActionRunner
from dialogue_gym.domain import Domain
from dialogue_gym.teaching.mode import FAKE
from dialogue_gym.teaching.taught_interpreter import TaughtInterpreter


@dataclass(frozen=True)
class TeachingConfig:
    """Settings that all teachers of a store share.

    Attributes:
        domain: the domain, read from its file.
        user: `"fake"` or `"me"`, the user that a teacher begins with.
        turn_taking: `"explicit"`, where the bot is taught to listen as well, or `"auto"`.
        runner: runs the actions when the teacher is the user.
        interpreter: understands their messages; None for one that begins without examples.
        seed: the seed of the fake users.
    """

    domain: Domain
    user: str = FAKE
    turn_taking: str = "explicit"
    runner: ActionRunner | None = None
    interpreter: TaughtInterpreter | None = None
    seed: int = 0

    @property
    def has_fake_user(self) -> bool:
        """Whether a fake user can talk in the teacher's place."""
        return self.domain.fake_user is not None
