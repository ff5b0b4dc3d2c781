"""The bot's view of a dialogue: its observations."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from dialogue_gym.domain import Domain
from dialogue_gym.domain.observation import ObservationField, observation_fields
from dialogue_gym.envs.observation_form import FieldCodes, Observation, make_form
from dialogue_gym.envs.player import Player
from dialogue_gym.rules import Tables


class BotView:
    """The bot's view of dialogues, one after the other.

    Attributes:
        fields: the fields of a row's observation.
        form: the form in which observations are given.
        frames: the codes of the last observations, the newest last, where several are given at once.
    """

    def __init__(self, domain: Domain, form: str, max_history: int) -> None:
        """See dialogues of a domain.

        Args:
            domain: the domain.
            form: the name of the form of observations.
            max_history: number of observations given at once.

        Raises:
            ValueError: the form is unknown.
        """
        self.fields = observation_fields(domain)
        self.form = make_form(form, domain, max_history)
        self.frames: deque[list[int]] = deque(maxlen=max_history)
        self._history = max_history
        self._components = len(self.fields)
        self._is_plain = max_history == 1 and isinstance(self.form, FieldCodes)

    def labels(self) -> tuple[ObservationField, ...]:
        """Return the fields of all observations given at once; names of older ones begin with `t-1.` etc."""
        return tuple(
            ObservationField(f"t-{age}.{field.name}" if age else field.name, field.labels)
            for age in reversed(range(self._history))
            for field in self.fields
        )

    def begin(self) -> None:
        """Forget the observations so far; zeros stand in for those before the first."""
        if self._history > 1:
            self.frames.extend([0] * self._components for _ in range(self._history - 1))

    def go_back(self, frames: Iterable[Iterable[int]]) -> None:
        """Go back to earlier frames; the newest is observed again next."""
        self.frames = deque(map(list, frames), self._history)
        self.forget_newest()

    def forget_newest(self) -> None:
        """Forget the newest observation, which is made again next."""
        if self._history > 1:
            self.frames.pop()

    def observe(self, player: Player, tables: Tables) -> Observation:
        """Return the observation of a dialogue as it is now, behind the older ones."""
        if self._is_plain:
            return player.codes()
        row = player.row
        frame = row[: self._components]
        if self._history > 1:
            self.frames.append(frame)
            frame = [code for older in self.frames for code in older]
        return self.form.encode(frame, row, tables)
