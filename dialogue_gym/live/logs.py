"""The logs of a live bot, out of its journal, for the evaluation of other policies."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dialogue_gym._text import counted
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.domain import Domain
from dialogue_gym.journal.entry import BOT, LABEL, LIVE, Entry
from dialogue_gym.journal.store import Store
from dialogue_gym.live.decision import LiveDecision
from dialogue_gym.live.reward import LiveReward
from dialogue_gym.live.trace import Trace
from dialogue_gym.live.transitions import SUCCESS, TRUNCATED
from dialogue_gym.off_policy import CannotSay, Logs
from dialogue_gym.policies.agent import Agent
from dialogue_gym.policies.base import RandomPolicy

_Floats = npt.NDArray[np.float64]
STEPS = 50
"""The longest dialogue that is counted with, if none in the logs is longer."""


def return_range(reward: LiveReward, steps: int) -> tuple[float, float]:
    """Return the lowest and the highest return of a dialogue of at most so many steps."""
    each = [reward.step + more for more in (0.0, *reward.actions.values())]
    ends = reward.of_end(0.0), reward.of_end(1.0)
    return min(ends) + min(steps * min(each), min(each)), max(ends) + max(steps * max(each), max(each))


def chances_of(agent: Agent, conversation: Conversation, possible: Sequence[str]) -> _Floats:
    """Return an agent's chance of each of its actions in a conversation, shape (actions,).

    An agent chooses as it does in conversations: always the same, unless it is the random one.

    Args:
        agent: the agent.
        conversation: the conversation so far.
        possible: the actions that were possible in the logs; where that is one, by a rule, it is certain.
    """
    names = agent.env.action_names
    if len(possible) == 1:
        return np.array([float(name == possible[0]) for name in names])
    if isinstance(agent.policy, RandomPolicy) and not (agent.rules and agent.rules.decide(conversation)):
        mask = np.array([name in possible for name in names])
        return agent.policy.probabilities(conversation.observation(agent.turn_taking), mask)
    chosen, _ = agent.choose(conversation)
    return np.array([float(name == chosen) for name in names])


@dataclass(frozen=True, eq=False)
class StoredLogs:
    """The dialogues of a store that can be used, and the reasons for leaving out the others.

    Attributes:
        logs: the dialogues.
        targets: for each agent, its chances at each decision, shape (decisions, actions).
        returns: the lowest and the highest possible return of a dialogue.
        open: the number of conversations that have not ended.
        unknown: the number of those with a decision of unknown chance, of an earlier version for example.
        taught: the number of those in which a teacher decided.
        silent: the number of those without a decision of the bot.
        versions: the number of different versions of the weights that decided.
        last_observations: the observation at the end of each dialogue, shape (dialogues, components);
            None for logs that are not of a journal.
        truncated: whether each dialogue ended in silence, shape (dialogues,); None for such logs.
    """

    logs: Logs
    targets: tuple[_Floats, ...]
    returns: tuple[float, float]
    open: int
    unknown: int
    taught: int
    silent: int
    versions: int
    last_observations: npt.NDArray[Any] | None = None
    truncated: npt.NDArray[np.bool_] | None = None

    @property
    def notes(self) -> list[str]:
        """The dialogues that were left out, one line for each reason."""
        return _notes(self.open, self.unknown, self.taught)


def _notes(is_open: int, unknown: int, taught: int) -> list[str]:
    lines = []
    if is_open:
        lines.append(f"{counted(is_open, 'conversation')} not counted: still open")
    if unknown:
        what = f"{counted(unknown, 'conversation')} not counted: the chance of a decision is unknown"
        lines.append(f"{what}, as in journals of earlier versions")
    if taught:
        what = f"{counted(taught, 'conversation')} not counted: a teacher decided there"
        lines.append(f"{what}; if these were the hard ones, the figures are too good")
    return lines


@dataclass(eq=False)
class _Dialogue:
    """One conversation as it is read."""

    trace: Trace
    made: list[LiveDecision] = dataclasses.field(default_factory=list)
    seen: list[npt.NDArray[Any]] = dataclasses.field(default_factory=list)
    targets: list[list[_Floats]] = dataclasses.field(default_factory=list)
    is_taught: bool = False

    def take(self, entry: Entry, agents: Sequence[Agent]) -> None:
        conversation = self.trace.conversation
        if entry.kind == LABEL and entry.content["by"] != BOT:
            self.is_taught = True
        elif entry.kind == LABEL:
            made = LiveDecision.read(entry.content)
            self.made.append(made)
            if self.is_known and not self.is_taught:
                self.seen.append(conversation.observation())
                possible = [name for name, chance in (made.chances or {}).items() if chance is not None]
                self.targets.append([chances_of(agent, conversation, possible) for agent in agents])
        self.trace.take(entry)
        self.is_taught |= self.trace.teacher is not None

    @property
    def is_known(self) -> bool:
        return all(one.chances for one in self.made)


def read_logs(store: Store, domain: Domain, agents: Sequence[Agent], after: int = 0) -> StoredLogs:
    """Return the ended conversations of people with a bot, and what agents would have done in them.

    The return counts the domain's reward of each step, and that of success at the end. A conversation that
    ended in silence counts as one without success, as those at the step limit of the fake user.

    Args:
        store: the store.
        domain: the domain, with the additions of the store.
        agents: the agents, of this domain.
        after: the id of the entry after which conversations must have begun.

    Raises:
        CannotSay: no conversation can be used; the message gives the reason.
        ValueError: an agent has other actions than the domain.
        StoreError: the journal cannot be read.
        DomainError: the journal is of another domain.
    """
    names = agents[0].env.action_names
    for agent in agents:
        if agent.env.action_names != names:
            raise ValueError(f"{agent.name}: its turn taking or its actions are not those of the other agent")
    reward = LiveReward.of(domain)
    dialogues: dict[str, _Dialogue] = {}
    for entry in store.entries(after=after):
        name = entry.conversation
        if name not in dialogues and LIVE in entry.content:
            dialogues[name] = _Dialogue(Trace(domain, name, reward))
        if name in dialogues:
            dialogues[name].take(entry, agents)
    ended = [one for one in dialogues.values() if one.trace.end is not None]
    spoken = [one for one in ended if one.made or one.is_taught]
    alone = [one for one in spoken if not one.is_taught]
    usable = [one for one in alone if one.is_known]
    counts = len(dialogues) - len(ended), len(alone) - len(usable), len(spoken) - len(alone)
    if not usable:
        raise CannotSay("; ".join(["no logged dialogue can be used", *_notes(*counts)]))
    made = [decision for one in usable for decision in one.made]
    strange = {name for one in made for name in one.chances or ()} - {*names}
    if strange:
        raise ValueError(
            f"{agents[0].name}: it lacks {', '.join(sorted(strange))} of the logs; take the turn taking that"
            " they were made with"
        )
    rewards = []
    for one in usable:
        each = [reward.of_step(decision.action) for decision in one.made]
        each[-1] += reward.of_end(float(_is_success(one)))
        rewards += each
    logs = Logs(
        np.array([seen for one in usable for seen in one.seen]),
        np.array([names.index(decision.action) for decision in made]),
        np.array([[(decision.chances or {}).get(name, 0.0) for name in names] for decision in made]),
        np.array(rewards),
        np.cumsum([len(one.made) for one in usable]),
        np.array([_is_success(one) for one in usable]),
    )
    targets = tuple(
        np.array([chances[number] for one in usable for chances in one.targets])
        for number in range(len(agents))
    )
    longest = max(len(one.made) for one in usable)
    return StoredLogs(
        logs,
        targets,
        return_range(reward, max(STEPS, longest)),
        *counts,
        len(ended) - len(spoken),
        len({decision.version for decision in made}),
        np.array([one.trace.conversation.observation() for one in usable]),
        np.array([one.trace.conversation.outcome == TRUNCATED for one in usable]),
    )


def _is_success(dialogue: _Dialogue) -> bool:
    return dialogue.trace.conversation.outcome == SUCCESS
