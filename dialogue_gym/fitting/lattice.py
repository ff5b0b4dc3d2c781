"""The hidden paths that may have led to logged dialogues, as arrays, and their likelihood.

The algorithm is that of Baum et al. 1970, A maximization technique occurring in the statistical analysis of
probabilistic functions of Markov chains, with tables of shares as parameters.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dialogue_gym.fitting.dialogues import Act, Heard, LoggedDialogue, LoggedStep
from dialogue_gym.fitting.unknowns import PATIENCE, Factor, Floats, Unknowns
from dialogue_gym.fitting.user_paths import UserMove, UserPaths, UserState

Ints = npt.NDArray[np.int64]
_Node = tuple[UserState, int, bool]
"""A user, the number of their useless turns so far, and whether they have left content."""
_Edges = dict[tuple[int, _Node, Factor], float]
NEGLIGIBLE = 1e-6
"""Paths that are so much less likely than the likeliest one, at the first guess, are left out."""


class _Names:
    """The renaming of the values of one dialogue, by slot: those that it has come first."""

    def __init__(self, paths: UserPaths, dialogue: LoggedDialogue) -> None:
        sizes = paths.tables.goal_size
        place = paths.tables.values
        self._codes: list[dict[int, int]] = [{} for _ in sizes]
        acts = [dialogue.opening[1], *(step.heard[1] for step in dialogue.steps if step.heard)]
        acts += [dialogue.opening_meant[1]] if dialogue.opening_meant else []
        acts += [step.meant[1] for step in dialogue.steps if step.meant]
        acts += [step.bot_half[place:] for step in dialogue.steps]
        if not paths.is_renamed:
            acts = [tuple(min(code, size) for size in sizes) for code in range(1, max(sizes, default=0) + 1)]
        for codes in acts:
            for slot in paths.goal_slots:
                code = codes[slot]
                if 0 < code <= sizes[slot] and code not in self._codes[slot]:
                    self._codes[slot][code] = len(self._codes[slot]) + 1
        self.seen = tuple(map(len, self._codes))
        self._place = place

    def act(self, codes: Sequence[int]) -> tuple[int, ...]:
        return tuple(known.get(code, code) for known, code in zip(self._codes, codes, strict=True))

    def row(self, bot_half: Sequence[int]) -> tuple[int, ...]:
        return (*bot_half[: self._place], *self.act(bot_half[self._place :]))

    def step(self, step: LoggedStep) -> LoggedStep:
        heard = step.heard and (step.heard[0], self.act(step.heard[1]), step.heard[2])
        meant = step.meant and (step.meant[0], self.act(step.meant[1]))
        return LoggedStep(step.action, self.row(step.bot_half), heard, meant)


@dataclass
class _HiddenPaths:
    """The paths of one dialogue: edges by step, from the nodes of one to those of the next."""

    layers: list[_Edges] = field(default_factory=list)
    is_cut: bool = False


class PathFinder:
    """Finds the paths of logged dialogues."""

    def __init__(self, paths_of: Callable[[LoggedDialogue], UserPaths], unknowns: Unknowns) -> None:
        """Take the moves of the user in a dialogue, and the numbers of the unknown chances."""
        self._paths_of = paths_of
        self._unknowns = unknowns
        self._guess: dict[Factor, float] = {}

    def _guessed(self, factor: Factor) -> float:
        if factor not in self._guess:
            self._guess[factor] = float(np.prod(self._unknowns.guess[list(factor)]))
        return self._guess[factor]

    def find(self, dialogue: LoggedDialogue) -> _HiddenPaths:
        """Return the paths of a dialogue, up to the first message that the user cannot have said."""
        paths = self._paths_of(dialogue)
        names = _Names(paths, dialogue)
        steps = [names.step(step) for step in dialogue.steps]
        reopens = any(step.action in paths.reopening for step in steps)
        found = _HiddenPaths()
        heard = (dialogue.opening[0], names.act(dialogue.opening[1]), dialogue.opening[2])
        meant = dialogue.opening_meant and (dialogue.opening_meant[0], names.act(dialogue.opening_meant[1]))
        edges: _Edges = defaultdict(float)
        for share, factor, state, said in paths.beginnings(names.seen, reopens=reopens):
            for part, more in _heard(paths, said, heard, meant):
                edges[0, (state, 0, False), tuple(sorted(factor + more))] += share * part
        nodes = self._add(found, edges, {0: 1.0})
        for number, step in enumerate(steps):
            if not nodes:
                break
            is_last = number == len(steps) - 1
            if is_last and step.heard is None and dialogue.outcome is None:
                break  # nobody knows how they would have answered
            for is_loose in (False, True):
                ending = dialogue.outcome if is_last else None
                edges = self._step(paths, nodes, step, names.seen, ending, is_last=is_last, is_loose=is_loose)
                if edges or not is_last:
                    break
            nodes = self._add(
                found, edges, {number: weight for number, (_, weight) in enumerate(nodes.items())}
            )
        found.is_cut = not nodes
        return found

    def _add(self, found: _HiddenPaths, edges: _Edges, weights: dict[int, float]) -> dict[_Node, float]:
        """Add the edges of a step, without negligible ones; return the nodes after it with their weights."""
        nodes: dict[_Node, float] = defaultdict(float)
        for (start, node, factor), share in edges.items():
            nodes[node] += weights[start] * share * self._guessed(factor)
        if not nodes:
            return {}
        most = max(nodes.values())
        kept = {node: weight / most for node, weight in nodes.items() if weight > NEGLIGIBLE * most}
        found.layers.append({key: share for key, share in edges.items() if key[1] in kept})
        return kept

    def _step(
        self,
        paths: UserPaths,
        nodes: dict[_Node, float],
        step: LoggedStep,
        seen: Sequence[int],
        outcome: str | None,
        *,
        is_last: bool,
        is_loose: bool,
    ) -> _Edges:
        """Return the edges of a step.

        Args:
            paths: the moves of the user.
            nodes: the nodes before it.
            step: the step.
            seen: by slot, the number of values that the dialogue has.
            outcome: the outcome, if this is the last step.
            is_last: whether it is.
            is_loose: whether the last step may have any end, such as a person who leaves for other reasons.
        """
        edges: _Edges = defaultdict(float)
        for start, (state, useless, is_content) in enumerate(nodes):
            if is_content:
                if step.heard is None:
                    edges[start, (state, useless, True), ()] += 1.0
                continue
            for move in paths.moves(step.bot_half, state, step.action, seen):
                after = (move.state, useless + move.is_useless, move.is_success)
                has_spoken = move.said is not None
                if (
                    step.heard is None
                    and has_spoken
                    and not self._is_silent(move, outcome, is_last, is_loose)
                ):
                    continue
                if step.heard is not None and not has_spoken:
                    continue
                stays = self._patience(move, useless, outcome if is_last else None, is_loose)
                if stays is None:
                    continue
                if step.heard is None:
                    edges[start, after, tuple(sorted(move.factor + stays))] += move.share
                    continue
                assert move.said is not None
                for part, more in _heard(paths, move.said, step.heard, step.meant):
                    edges[start, after, tuple(sorted(move.factor + more + stays))] += move.share * part
        return edges

    @staticmethod
    def _is_silent(move: UserMove, outcome: str | None, is_last: bool, is_loose: bool) -> bool:
        """Return whether a user says nothing although they would: they have hung up, or left like that."""
        return is_last and (is_loose or (move.is_useless and outcome == "failure"))

    def _patience(self, move: UserMove, useless: int, outcome: str | None, is_loose: bool) -> Factor | None:
        """Return the factor of staying after a useless turn, or of leaving; None if it cannot be so."""
        if outcome == "failure" and not is_loose and not move.is_success and not move.is_useless:
            return None
        if not move.is_useless or move.is_success:
            return ()
        has_left = outcome == "failure"
        name = f"{PATIENCE} {useless + 1}"
        return (self._unknowns.number(name, int(has_left)),) if name in self._unknowns.tables else ()


def _heard(paths: UserPaths, said: Act, heard: Heard, meant: Act | None) -> Sequence[tuple[float, Factor]]:
    """Return the ways in which an act may have been understood so, if it is what was meant."""
    return () if meant not in (None, said) else paths.hearings(said).get(heard, ())


@dataclass(frozen=True, eq=False)
class _Layer:
    """The edges of one step of all dialogues, by edge; the last array is by node."""

    starts: Ints
    ends: Ints
    shares: Floats
    factors: Ints
    dialogues: Ints
    owners: Ints
    """The dialogue of each node after it."""

    @property
    def size(self) -> int:
        return len(self.owners)


class Lattice:
    """The paths of many dialogues; equal dialogues count once, with their number.

    Attributes:
        counts: the number of dialogues of each kind, shape (kinds,).
        cut: the number of dialogues that end with a message that the user cannot have said.
        messages: the number of messages in all dialogues.
    """

    def __init__(self, finder: PathFinder, dialogues: Sequence[LoggedDialogue], unknowns: Unknowns) -> None:
        """Find the paths of all dialogues."""
        kinds = Counter(dialogues)
        found = [finder.find(dialogue) for dialogue in kinds]
        self.cut = sum(count for one, count in zip(found, kinds.values(), strict=True) if one.is_cut)
        self.messages = sum(
            count * (1 + sum(step.heard is not None for step in dialogue.steps))
            for dialogue, count in kinds.items()
        )
        pairs = [(one, count) for one, count in zip(found, kinds.values(), strict=True) if one.layers]
        self.counts = np.array([count for _, count in pairs], np.float64)
        self._unknowns = unknowns
        self._factors: dict[Factor, int] = {}
        self._layers: list[_Layer] = []
        places = [{0: number} for number in range(len(pairs))]
        for depth in range(max((len(one.layers) for one, _ in pairs), default=0)):
            edges = [one.layers[depth] if depth < len(one.layers) else {} for one, _ in pairs]
            layer, places = self._layer(edges, places)
            self._layers.append(layer)
        self._lasts = np.array([len(one.layers) for one, _ in pairs], np.int64)
        self._outcomes = np.zeros((len(self._factors), unknowns.size))
        for factor, row in self._factors.items():
            for number in factor:
                self._outcomes[row, number] += 1

    def _layer(
        self, edges: Sequence[_Edges], before: Sequence[dict[int, int]]
    ) -> tuple[_Layer, list[dict[int, int]]]:
        """Return a step of all dialogues, and the number among all of each dialogue's nodes after it."""
        starts, ends, shares, factors, dialogues = [], [], [], [], []
        owners: list[int] = []
        places: list[dict[int, int]] = []
        for number, one in enumerate(edges):
            numbers: dict[_Node, int] = {}
            for (start, node, factor), share in one.items():
                if node not in numbers:
                    numbers[node] = len(owners)
                    owners.append(number)
                starts.append(before[number][start])
                ends.append(numbers[node])
                shares.append(share)
                factors.append(self._factors.setdefault(factor, len(self._factors)))
                dialogues.append(number)
            places.append(dict(enumerate(numbers.values())))
        arrays = map(np.array, (starts, ends, shares, factors, dialogues, owners))
        return _Layer(*arrays), places

    def __len__(self) -> int:
        """Return the number of dialogues."""
        return int(self.counts.sum())

    def likelihoods(self, chances: Floats) -> Floats:
        """Return the logarithm of the likelihood of each kind of dialogue, shape (kinds,)."""
        return self._forward(chances)[0]

    def log_likelihood(self, chances: Floats) -> float:
        """Return the logarithm of the likelihood of all dialogues."""
        return float(self.counts @ self.likelihoods(chances))

    def _weights(self, chances: Floats) -> list[Floats]:
        with np.errstate(divide="ignore"):
            logs = np.log(chances)
        used = self._outcomes > 0
        powers = np.exp(np.where(used, self._outcomes * np.where(used, logs, 0.0), 0.0).sum(axis=1))
        return [layer.shares * powers[layer.factors] for layer in self._layers]

    def _forward(self, chances: Floats) -> tuple[Floats, list[Floats], list[Floats]]:
        kinds = len(self.counts)
        total = np.zeros(kinds)
        before = np.ones(kinds)
        alphas = [before]
        weights = self._weights(chances)
        for layer, weight in zip(self._layers, weights, strict=True):
            flow = before[layer.starts] * weight
            after = np.bincount(layer.ends, flow, layer.size)
            mass = np.bincount(layer.dialogues, flow, kinds)
            is_here = np.bincount(layer.dialogues, minlength=kinds) > 0
            with np.errstate(divide="ignore"):
                total[is_here] += np.log(mass[is_here])
            before = after / np.where(mass > 0, mass, 1.0)[layer.owners]
            alphas.append(before)
        return total, alphas, weights

    def expected(self, chances: Floats) -> tuple[Floats, Floats]:
        """Return the expected number of each outcome of the unknown chances in each kind of dialogue.

        Returns:
            The logarithm of the likelihood of each kind, shape (kinds,), and the numbers, shape (kinds,
            outcomes).
        """
        total, alphas, weights = self._forward(chances)
        kinds = len(self.counts)
        flows = np.zeros(kinds * len(self._factors))
        following: Floats = np.ones(0)
        for depth in reversed(range(len(self._layers))):
            layer = self._layers[depth]
            is_last = self._lasts[layer.owners] == depth + 1
            beta = np.where(is_last, 1.0, following if len(following) else 1.0)
            flow = alphas[depth][layer.starts] * weights[depth] * beta[layer.ends]
            mass = np.bincount(layer.dialogues, flow, kinds)
            share = flow / np.where(mass[layer.dialogues] > 0, mass[layer.dialogues], 1.0)
            flows += np.bincount(layer.dialogues * len(self._factors) + layer.factors, share, len(flows))
            back = weights[depth] * beta[layer.ends] / np.where(mass > 0, mass, 1.0)[layer.dialogues]
            following = np.bincount(layer.starts, back, len(alphas[depth])).astype(np.float64)
        return total, flows.reshape(kinds, -1) @ self._outcomes
