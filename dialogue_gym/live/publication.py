"""The state of a learner that bots in other processes act by: one file of the store, replaced as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.journal.data_folder import DataPath, write_data
from dialogue_gym.live.archive import ArchiveError, pack, unpack
from dialogue_gym.live.exploration import Explorer, Labels, QPolicy
from dialogue_gym.live.migration import schema_of
from dialogue_gym.live.promotion import LabelledQPolicy

if TYPE_CHECKING:
    from dialogue_gym.live.trainer import Trainer  # needs torch, which the readers lack

_FORMAT = 1
_ACTOR, _CANDIDATE = "actor", "candidate"
_OBSERVATIONS, _RIGHT = "labels.observations", "labels.right"


class PublicationError(Exception):
    """A publication that cannot be read. The message is one line."""


@dataclass(frozen=True, eq=False)
class PublishedWeights:
    """The weights and biases of a network in turns, from the first layer on, and their version."""

    parts: tuple[npt.NDArray[np.float32], ...]
    version: int

    @classmethod
    def of(cls, policy: QPolicy) -> PublishedWeights:
        """Return the weights of a policy."""
        return cls(tuple(policy.weights), policy.version)

    def policy(self, env: DialogueEnv) -> QPolicy:
        """Return the policy with these weights."""
        return QPolicy(env, list(self.parts), self.version)


@dataclass(frozen=True, eq=False)
class Publication:
    """The state of a learner that bots act by.

    Attributes:
        knows: the fields of observations and the actions (`schema_of`).
        actor: the weights in use.
        candidate: newer weights that wait to take over; None without any.
        is_labelled: whether the labels of teachers go before the weights in use.
        satisfaction: the mean satisfaction of people, from 0 to 1, by which bots explore.
        labels: the labels of teachers.
        taught: the id of the last entry that the labels and the domain follow from, as far as it is known.
        entry: the id of the last entry that the learner has learned from.
    """

    knows: Mapping[str, Any]
    actor: PublishedWeights
    candidate: PublishedWeights | None
    is_labelled: bool
    satisfaction: float
    labels: Labels
    taught: int
    entry: int

    @classmethod
    def of(cls, trainer: Trainer, taught: int) -> Publication:
        """Return the present state of a trainer, whose labels follow from the journal up to an entry."""
        explorer = trainer.explorer
        actor, candidate = explorer.actor, explorer.candidate
        return cls(
            schema_of(actor.env),
            PublishedWeights.of(actor),
            None if candidate is None else PublishedWeights.of(candidate),
            isinstance(actor, LabelledQPolicy),
            explorer.satisfaction,
            trainer.taught,
            taught,
            trainer.last_entry,
        )

    def is_like(self, other: Publication) -> bool:
        """Return whether bots act by it as by another one of the same learner."""
        pairs = [(one.actor.version, one.candidate and one.candidate.version) for one in (self, other)]
        others = [
            (one.knows, one.is_labelled, one.satisfaction, one.labels, one.taught) for one in (self, other)
        ]
        return pairs[0] == pairs[1] and others[0] == others[1]

    def fits(self, env: DialogueEnv) -> bool:
        """Return whether the weights are for the observations and actions of an environment."""
        return self.knows == schema_of(env)

    def hand_to(self, explorer: Explorer, env: DialogueEnv) -> None:
        """Let bots act by it, in an environment that it fits. No decision may be under way."""
        actor = self.actor.policy(env)
        if self.is_labelled:
            actor = LabelledQPolicy(actor, self.labels)
        explorer.use_actor(actor, has_grown=not self.fits(explorer.actor.env))
        explorer.candidate = None if self.candidate is None else self.candidate.policy(env)
        explorer.taught = self.labels
        explorer.satisfaction = self.satisfaction

    def write(self, path: DataPath) -> None:
        """Replace the file.

        Raises:
            OSError: it cannot be written; the old one is unchanged.
        """
        actions = self.knows["actions"]
        arrays: dict[str, npt.NDArray[Any]] = {
            _OBSERVATIONS: np.array([np.frombuffer(key, np.uint8) for key in self.labels], np.uint8),
            _RIGHT: np.array([[name in names for name in actions] for names in self.labels.values()], bool),
        }
        versions = {}
        for name, weights in ((_ACTOR, self.actor), (_CANDIDATE, self.candidate)):
            if weights is not None:
                versions[name] = weights.version
                arrays |= {f"{name}.{number}": part for number, part in enumerate(weights.parts)}
        state = {
            "format": _FORMAT,
            "versions": versions,
            "knows": self.knows,
            "is_labelled": self.is_labelled,
            "satisfaction": self.satisfaction,
            "taught": self.taught,
            "entry": self.entry,
        }
        write_data(path, pack(arrays, state))

    @classmethod
    def read(cls, path: DataPath) -> Publication:
        """Return the publication in a file.

        Raises:
            FileNotFoundError: there is none.
            OSError: the database cannot be used.
            PublicationError: it is of another version of this library, or damaged.
        """
        try:
            arrays, state = unpack(path.read_bytes())
            if state["format"] != _FORMAT:
                raise PublicationError(f"{path}: another version of dialogue_gym wrote these weights")
            versions, actions = state["versions"], state["knows"]["actions"]
            found = {name: PublishedWeights(_parts(arrays, name), int(versions[name])) for name in versions}
            rows = zip(arrays[_OBSERVATIONS], arrays[_RIGHT], strict=True)
            labels = {
                seen.tobytes(): tuple(actions[one] for one in np.flatnonzero(is_right))
                for seen, is_right in rows
            }
            return cls(
                state["knows"],
                found[_ACTOR],
                found.get(_CANDIDATE),
                bool(state["is_labelled"]),
                float(state["satisfaction"]),
                labels,
                int(state["taught"]),
                int(state["entry"]),
            )
        except (ArchiveError, KeyError, LookupError, TypeError, ValueError) as error:
            raise PublicationError(f"{path}: damaged weights ({type(error).__name__})") from None


def _parts(arrays: Mapping[str, npt.NDArray[Any]], name: str) -> tuple[npt.NDArray[Any], ...]:
    count = sum(key.startswith(f"{name}.") for key in arrays)
    return tuple(arrays[f"{name}.{number}"] for number in range(count))
