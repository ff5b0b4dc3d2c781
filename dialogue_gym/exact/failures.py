"""The likeliest dialogues of a chain that fail, and the seeds that play them again."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from dialogue_gym import rules
from dialogue_gym.bounds.enumeration import Chance, TooLarge
from dialogue_gym.conversation.recorder import Recorder
from dialogue_gym.envs.simulation import Simulation
from dialogue_gym.exact.advice import BeliefAdviser, ExpertAdviser, WrongChoice
from dialogue_gym.exact.aim import AimedSeeds, Drawn
from dialogue_gym.exact.chain import Chain
from dialogue_gym.exact.choices import Observed
from dialogue_gym.exact.flow import Backwards
from dialogue_gym.exact.player import (
    BotChoice,
    JudgedBot,
    PlayedDialogue,
    last_act,
    named_goal,
    play_seed,
)
from dialogue_gym.exact.sample import failed_dialogue
from dialogue_gym.exact.seeds import find_seeds
from dialogue_gym.reports import FailedDialogue
from dialogue_gym.rules import PATIENCE, SUCCESS, USELESS

_MOST_VALUES = 60_000_000
"""Values of states by step and patience that are kept at once: some 240 megabytes."""


_TRIES = 4
"""Paths that are looked at for each dialogue that is listed."""


class FailingPath(NamedTuple):
    """One way through the chain to a failure: its beginning, by its place, and its edges."""

    beginning: int
    edges: tuple[int, ...]


class Failures:
    """The failed dialogues of a bot, the likeliest first, each of another kind.

    Two dialogues are of one kind if their first wrong choice is the same: the same observation. If all
    choices were right, it is the last action that counts. The domain's expert says what is right; without
    one, a bot does that sees the user's half, if that is not too large.
    """

    def __init__(self, bot: JudgedBot, chain: Chain) -> None:
        """Prepare to search a chain that has been followed."""
        self._bot, self._chain = bot, chain
        self._expert = ExpertAdviser(bot.env)
        self._backwards = Backwards(chain)
        self._chance = chain.edges.chance.copy()
        self._begins = np.array([one.chance for one in chain.beginnings])

    @property
    def is_too_large(self) -> bool:
        """Whether the chain has too many states to be searched."""
        tables = self._chain.tables
        values = (len(self._chain.states) + 1) * (tables.patience + 1) * (tables.step_limit + 1)
        return values > _MOST_VALUES

    def likeliest(self, most: int, effort: int) -> Iterator[FailedDialogue]:
        """Yield failed dialogues.

        Args:
            most: their largest number.
            effort: the largest effort in the search of each seed, see `find_seeds`.
        """
        kinds: set[Any] = set()
        for _ in range(_TRIES * most):
            path = self._best_path() if len(kinds) < most else None
            if path is None:
                return
            decisions = self._decisions(path)
            fault = self._first_fault(decisions)
            decision = decisions[-2 if fault is None else fault.place]
            self._block(decision)
            kind = self._choice(decision).action if fault is None else decision
            if kind not in kinds:
                kinds.add(kind)
                shared = len(decisions) if fault is None else fault.place
                yield self._failed(path, decisions, shared, effort)

    def _first_fault(self, decisions: Sequence[int]) -> WrongChoice | None:
        if self._expert.is_there:
            return self._expert.first_fault([self._choice(decision) for decision in decisions[:-1]])
        return self._by_belief.first_fault(decisions) if self._by_belief else None

    @functools.cached_property
    def _by_belief(self) -> BeliefAdviser | None:
        try:
            return BeliefAdviser(self._chain)
        except (TooLarge, ImportError):  # it needs SciPy, which `fast` does not bring
            return None

    def _block(self, decision: int) -> None:
        """Leave all dialogues with a decision out of the search."""
        self._chance[self._chain.edges.decision == decision] = 0.0
        for place, beginning in enumerate(self._chain.beginnings):
            if beginning.decision == decision:
                self._begins[place] = 0.0

    def _best_path(self) -> FailingPath | None:
        """Return the likeliest path to a failure; None if there is none."""
        chain, edges = self._chain, self._chain.edges
        steps = self._backwards.values(self._chance, success=0.0, hang_up=1.0, limit=1.0, is_best=True)
        by_step = [values.astype(np.float32) for values in steps][::-1]
        patience = chain.tables.patience
        states = np.array([one.state for one in chain.beginnings])
        scores = self._begins * by_step[0][states, patience]
        beginning = int(scores.argmax())
        if scores[beginning] <= 0:
            return None
        path: list[int] = []
        state = int(states[beginning])
        for values in by_step[1:]:
            own = slice(chain.start[state], chain.start[state] + chain.count[state])
            left = patience - edges.is_useless[own]
            edge = int(own.start + (self._chance[own] * values[edges.next[own], left]).argmax())
            path.append(edge)
            patience -= int(edges.is_useless[edge])
            state = int(edges.next[edge])
            if patience <= 0:
                break
        return FailingPath(beginning, tuple(path))

    def _decisions(self, path: FailingPath) -> list[int]:
        """Return the numbers of the observations along a path, the last one included."""
        after = self._chain.edges.decision[list(path.edges)].tolist()
        return [self._chain.beginnings[path.beginning].decision, *after]

    def _choice(self, decision: int, act: str = "?") -> BotChoice:
        choices = self._chain.choices
        codes = np.array(choices.observed[decision], choices.env.observation_form.code_dtype)
        return BotChoice(act, codes, choices.env.domain.actions[choices.actions[decision]])

    def _failed(
        self, path: FailingPath, decisions: Sequence[int], shared: int, effort: int
    ) -> FailedDialogue:
        """Return the dialogue of a path: one with a seed if it is found, else the path itself."""
        wanted = self._bot.env, self._chain.choices, decisions, shared, effort
        if not (seeds := find_seeds(*wanted)):
            walked, drawn = self._walk(path, decisions)
            seeds = find_seeds(*wanted, AimedSeeds(self._chain.tables, drawn)) if drawn and effort else []
        found = [(self._chance_of(self._shown(seed)), -seed) for seed in seeds]
        chance, seed = (max(found)[0], -max(found)[1]) if found else (self._chance_of(decisions), None)
        if seed is not None:
            decisions = self._shown(seed)
        played = walked if seed is None else play_seed(self._bot, seed)
        return failed_dialogue(self._bot, played, self._first_fault(decisions), seed, chance)

    def _shown(self, seed: int) -> list[int]:
        """Return the numbers of the observations in the dialogue of a seed."""
        played = play_seed(self._bot, seed)
        observed = [tuple(choice.codes.tolist()) for choice in played.choices]
        return self._chain.choices.indices([*observed, tuple(played.last.tolist())])

    def _chance_of(self, decisions: Sequence[int]) -> float:
        """Return the chance that a dialogue shows these observations and fails at the last one."""
        chain, edges = self._chain, self._chain.edges
        weights: dict[tuple[int, int], float] = defaultdict(float)
        for one in chain.beginnings:
            if one.decision == decisions[0]:
                weights[one.state, chain.tables.patience] += one.chance
        failed = 0.0
        for step, decision in enumerate(decisions[1:], 1):
            following: dict[tuple[int, int], float] = defaultdict(float)
            is_last = step + 1 == len(decisions)
            for (state, patience), weight in weights.items():
                if chain.start[state] < 0:
                    continue
                for edge in range(chain.start[state], chain.start[state] + chain.count[state]):
                    if edges.decision[edge] != decision:
                        continue
                    left = patience - int(edges.is_useless[edge])
                    if is_last and (left <= 0 or step == chain.tables.step_limit):
                        failed += weight * float(edges.chance[edge])
                    elif left > 0:
                        following[int(edges.next[edge]), left] += weight * float(edges.chance[edge])
            weights = following
        return failed

    def _walk(self, path: FailingPath, decisions: Sequence[int]) -> tuple[PlayedDialogue, list[Drawn]]:
        """Return the dialogue of a path, with the first values that fit, and the draws that lead to it."""
        chain, env = self._chain, self._bot.env
        edges = chain.edges
        source = Chance(chain.tables)
        row = [0] * chain.tables.size
        sequence: list[Drawn] = []
        drawn: list[Drawn] = []

        def draw(row: rules.Row, tables: rules.Tables, table: int) -> int:
            outcome = source.draw(row, tables, table)
            drawn.append((table, outcome))
            return outcome

        recorder = Recorder(env.domain, chain.tables)
        alike = chain.enumeration.symmetric
        beginning = chain.beginnings[path.beginning]

        def begin() -> int:
            drawn.clear()
            # A user's first draws are of the goal, slot by slot. Of values that are only names any will do.
            wishes = iter([slot in alike for slot, size in enumerate(chain.tables.goal_draw) if size])

            def draw_wishes(row: rules.Row, tables: rules.Tables, table: int) -> int:
                if not next(wishes, False):
                    return draw(row, tables, table)
                drawn.append((table, 0))
                return 0

            rules.begin(row, chain.tables, draw_wishes)
            return 0

        for _ in source.outcomes(begin):
            if chain.enumeration.key(row) == beginning.row:
                break
        sequence += drawn
        recorder.begin(row)
        simulation = Simulation(env.domain, env.settings)
        simulation.row[:] = row
        goal = named_goal(simulation.agenda(), simulation.goal())
        choices, state = [], beginning.state
        for decision, edge in zip(decisions, path.edges, strict=False):
            choices.append(self._choice(decision, last_act(recorder.conversation)))
            (_, earlier, action), start = chain.states[state], row.copy()

            def step(action: int = action, start: list[int] = start) -> int:
                row[:] = start
                drawn.clear()
                return rules.step(row, chain.tables, action, draw)

            state = int(edges.next[edge])
            wanted = state, int(edges.decision[edge]), bool(edges.is_useless[edge])
            for _, events in source.outcomes(step):
                if not events & SUCCESS and self._reached(row, earlier, events) == wanted:
                    break
            sequence += drawn
            recorder.add(action, events, row.copy)
        last = self._choice(decisions[-1]).codes
        return PlayedDialogue(recorder.conversation, tuple(choices), goal, last), sequence

    def _reached(self, row: list[int], earlier: Observed, events: int) -> tuple[int, int, bool]:
        """Return the state of a row after a step, the decision in it, and whether the step was useless."""
        chain = self._chain
        like = row.copy()
        like[PATIENCE] = 0
        observed = earlier + tuple(row[: chain.tables.values])
        (decision,) = chain.choices.indices([observed])
        state = chain.number_of(chain.enumeration.key(like), observed, decision)
        return state, decision, bool(events & USELESS)
