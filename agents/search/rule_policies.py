"""Rules of experts on compiled lanes: all conditions of all rules at once, as bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from agents.search.lanes import Codes, Numbers
from dialogue_gym import DialogueEnv

Clauses = Sequence[tuple[str, Sequence[str]]]
"""By field of an observation, the labels that a condition allows."""
_WORD = 63


class Rule(NamedTuple):
    """A rule of an expert: the action, and the condition under which it is right."""

    clauses: Clauses
    action: str


class RulePolicies:
    """Experts side by side: of each, the first rule whose condition holds gives the action.

    Every value of a field has, as bits, the rules that it rules out.
    """

    def __init__(self, env: DialogueEnv, experts: Sequence[Sequence[Rule]]) -> None:
        """Compile experts; each is a list of conditions and actions that ends with one without condition."""
        self.count = len(experts)
        fields = env.observation_fields
        sizes = [len(field.labels) for field in fields]
        self._starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        self._width = sum(sizes)
        place = {field.name: i for i, field in enumerate(fields)}
        labels = {field.name: field.labels for field in fields}
        start = {name: int(self._starts[i]) for name, i in place.items()}
        number = {name: i for i, name in enumerate(env.action_names)}
        most = max(map(len, experts))
        self._words = -(-most // _WORD)
        out = np.zeros((self._words, self.count, self._width), np.int64)
        self._actions = np.zeros((self.count, self._words * _WORD), np.int64)
        for expert, rules in enumerate(experts):
            for rule, (clauses, action) in enumerate(rules):
                self._actions[expert, rule] = number[action]
                bit = 1 << rule % _WORD
                for name, allowed in clauses:
                    for code, label in enumerate(labels[name]):
                        if label not in allowed:
                            out[rule // _WORD, expert, start[name] + code] |= bit
        self._out = out.reshape(self._words, -1)

    def choose(self, observations: Codes, masks: npt.NDArray[np.int8], which: Numbers, turn: int) -> Numbers:
        """Return each lane's action; see `Policies`."""
        places = observations + self._starts
        places += (which * self._width)[:, None]
        rule = np.full(len(which), -1)
        for word in range(self._words):
            out = np.bitwise_or.reduce(self._out[word][places], axis=1)
            lowest = ~out & (out + 1) & ((1 << _WORD) - 1)
            _, exponent = np.frexp(lowest.astype(np.float64))
            rule = np.where((rule < 0) & (lowest > 0), word * _WORD + exponent - 1, rule)
        return np.asarray(self._actions[which, rule])


class RulePolicy:
    """The rules of one expert, as a policy."""

    def __init__(self, env: DialogueEnv, rules: Sequence[Rule]) -> None:
        """Compile rules; the last one has no condition."""
        self._rules = RulePolicies(env, [rules])

    def predict(
        self, observation: Codes, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[Any, Any]:
        """Return the actions for one observation or a batch of them, and the state unchanged.

        Args:
            observation: shape `(components,)` or `(n, components)`.
            state: not used.
            episode_start: not used.
            deterministic: not used: choices always are.
        """
        batch = np.atleast_2d(observation)
        actions = self._rules.choose(batch, np.ones((1, 1), np.int8), np.zeros(len(batch), np.int64), 0)
        return (actions if np.ndim(observation) > 1 else actions[0]), state


def rules_from(entries: Sequence[Mapping[str, Any]]) -> list[Rule]:
    """Return rules in the form of a domain file, each with one action."""
    return [Rule(_clauses(entry.get("when", {})), entry["then"]) for entry in entries]


def _clauses(when: Mapping[str, Any]) -> Clauses:
    clauses: list[tuple[str, Sequence[str]]] = []
    for key, value in when.items():
        if isinstance(value, Mapping):
            field = "slot" if key == "slots" else key
            clauses += [(f"{field}.{slot}", _labels(labels)) for slot, labels in value.items()]
        else:
            clauses.append((key, _labels(value)))
    return tuple(clauses)


def _labels(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def rules_of(env: DialogueEnv) -> list[Rule]:
    """Return the rules of a domain's expert, of which it prefers the first that applies."""
    return [
        Rule((*rule.when.clauses, *choice.when.clauses), choice.action)
        for rule in env.domain.expert
        for choice in rule.then
    ]
