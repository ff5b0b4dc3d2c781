"""The learner of a taught bot: an exact memory of labels, and a small network for other observations.

It is a function of the labels in effect and their order alone. So an undone answer leaves no trace, and two
processes with the same labels propose the same actions.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import ActionExecuted, UserUttered
from dialogue_gym.domain import Domain
from dialogue_gym.domain.model import LISTEN, RESTART
from dialogue_gym.domain.observation import observation_dtype, observation_fields
from dialogue_gym.journal.entry import STORY
from dialogue_gym.journal.history import History
from dialogue_gym.journal.labels import Label
from dialogue_gym.policies.network import OneHotEncoding, OneHotMlp, masked_softmax
from dialogue_gym.stories import Story
from dialogue_gym.stories.rulebook import RuleBook
from dialogue_gym.teaching.pending import Option
from dialogue_gym.teaching.story_import import imported_stories

HIDDEN = 64
STEPS = 60
BATCH = 1024
LEARNING_RATE = 0.02
WEIGHT_DECAY = 1e-2
"""The network is fitted with Adam (Kingma and Ba 2015). The values minimize the number of corrections
that a simulated teacher needs on the built-in domains. Up to `BATCH` observations every step uses all of
them; beyond, the steps take equal parts in turns, so that a teacher with many labels waits no longer."""
PRIOR = 0.3
"""The weight of an expectation, beside 1 for a label: a bot that has spoken listens."""


class Learner:
    """Proposals of the next action for an observation."""

    def __init__(self, domain: Domain, actions: Sequence[str]) -> None:
        """Begin without any label.

        Args:
            domain: the domain of the observations.
            actions: the names of the actions that can be proposed.
        """
        self.actions = tuple(actions)
        fields = observation_fields(domain)
        sizes = [len(field.labels) for field in fields]
        self._dtype = observation_dtype(fields)
        # A component with many values weighs less per value: whether the bot has spoken has to matter more
        # than which action it was, or "listen after speaking" is learned anew for every action.
        self._encoding = OneHotEncoding(
            sizes, np.asarray((2 / np.array(sizes, np.float32)) ** 0.5, np.float32)
        )
        self._index = {name: i for i, name in enumerate(self.actions)}
        names = [field.name for field in fields]
        self._after = [names.index(name) for name in ("said", "spoken", "done")]
        """The components that speaking changes."""
        self._spoken = {
            name: index
            for index, name in enumerate(domain.actions)
            if LISTEN in self._index and name not in (LISTEN, RESTART) and domain.action_model(name).speaks
        }
        """The index in the domain of each action that speaks, where the bot has to learn to listen."""
        self.memory: dict[bytes, tuple[str, ...]] = {}
        """The right actions of the observations with a label."""
        self._taught: dict[bytes, tuple[str, ...]] = {}
        self._labels: Sequence[Label] = ()
        self._from_stories: dict[bytes, dict[str, None]] = {}
        """The right actions by stories, by observation in bytes."""
        self._network: OneHotMlp | None = None

    def learn(self, labels: Iterable[Label]) -> None:
        """Replace the labels by those in effect, in order.

        A teacher's last label of an observation holds. If all its labels are from stories, all their actions
        are right: short stories contradict each other by design.
        """
        from_stories: dict[bytes, dict[str, None]] = {}
        taught: dict[bytes, tuple[str, ...]] = {}
        known: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._labels = tuple(labels)
        for label in self._labels:
            right = known.get(label.right)
            if right is None:
                right = known[label.right] = tuple(name for name in label.right if name in self._index)
            if right and label.by != STORY:
                taught[label.key] = right
            elif right:
                from_stories.setdefault(label.key, {}).update(dict.fromkeys(right))
        self._taught = taught
        self._from_stories = from_stories
        memory = {observation: tuple(right) for observation, right in from_stories.items()} | taught
        if memory != self.memory or list(memory) != list(self.memory):
            self.memory = memory
            self._network = None

    @property
    def lessons(self) -> Mapping[bytes, tuple[str, ...]]:
        """The right actions by a teacher, by observation in bytes."""
        return self._taught

    def taught(self, observation: npt.NDArray[np.integer]) -> tuple[str, ...]:
        """Return the right actions of an observation by a teacher, not a story; empty without a label."""
        return self._taught.get(observation.astype(self._dtype).tobytes(), ())

    def probabilities(
        self,
        observation: npt.NDArray[np.integer],
        possible: Sequence[bool] | npt.NDArray[np.bool_] | None = None,
    ) -> npt.NDArray[np.float64]:
        """Return the probabilities of the actions, shape (actions,).

        Args:
            observation: shape (components,).
            possible: whether the precondition of each action holds; a taught action is proposed regardless.
        """
        key = observation.astype(self._dtype).tobytes()
        chances = np.zeros(len(self.actions))
        if right := self.memory.get(key):
            chances[[self._index[name] for name in right]] = 1 / len(right)
            return chances
        allowed = np.ones(len(self.actions), np.bool_) if possible is None else np.asarray(possible)
        return masked_softmax(self._logits(observation), allowed)

    def options(self, conversation: Conversation) -> tuple[Option, ...]:
        """Return every action, the most probable one first.

        Of equally probable ones, as all are to a new bot, those whose names have words of the intent come
        first, and the restart comes last.
        """
        possible = conversation.action_mask(self.actions)
        observation = conversation.observation()
        chances = self.probabilities(observation, possible)
        key = observation.astype(self._dtype).tobytes()
        order = np.lexsort((self._places(conversation, key), -chances))
        answers = self._answers(key)
        return tuple(
            Option(
                name := self.actions[i],
                float(chances[i]),
                bool(possible[i]),
                answers[name],
                name in self._from_stories.get(key, ()),
            )
            for i in order
        )

    def _answers(self, key: bytes) -> Counter[str]:
        """Return the number of teachers' labels of an observation by right action.

        They are counted when they are shown: to count those of all observations at every answer takes longer
        than the rest of `learn`.
        """
        by_teachers = (label for label in self._labels if label.key == key and label.by != STORY)
        return Counter(name for label in by_teachers for name in label.right)

    def _places(self, conversation: Conversation, key: bytes) -> npt.NDArray[np.float64]:
        """Return the places of the actions among equally probable ones."""
        right = self.memory.get(key, ())  # in the order in which they were taught
        steps = (
            one for one in reversed(conversation.events) if isinstance(one, (UserUttered, ActionExecuted))
        )
        last = next(steps, None)
        asked = _telling(last.intent or "") if isinstance(last, UserUttered) else set()
        places = np.zeros(len(self.actions))
        for i, name in enumerate(self.actions):
            if name not in right:
                named = _telling(name)
                places[i] = (name == RESTART) - len(asked & named) / (len(asked | named) or 1)
        return places

    def _logits(self, observation: npt.NDArray[np.integer]) -> npt.NDArray[np.float32]:
        if not self.memory:
            return np.zeros(len(self.actions), np.float32)
        if self._network is None:
            with _threads().limit(
                limits=1
            ):  # a second thread costs more than it gains, above all on busy cores
                first, first_bias, second, second_bias = self._fit()
            layers = [(first.T, first_bias), (second.T, second_bias)]
            self._network = OneHotMlp(self._encoding, layers, np.tanh)
        # A batch sums in the order of the fit, so that nearly equal actions keep their order.
        return np.asarray(self._network.batch(observation[None])[0])

    def _fit(self) -> list[npt.NDArray[np.float32]]:
        """Fit the network to the memory from a fixed start: it maximizes the probability of right actions."""
        count = len(self.memory)
        observations = np.frombuffer(b"".join(self.memory), self._dtype).reshape(count, -1)
        right = np.zeros((count, len(self.actions)), np.float32)
        answers = self.memory.values()
        columns = [self._index[name] for names in answers for name in names]
        right[np.repeat(np.arange(count), [len(names) for names in answers]), columns] = 1
        if len(expected := self._expected(observations)):
            observations = np.concatenate([observations, expected])
            listening = np.arange(len(self.actions)) == self._index[LISTEN]
            right = np.concatenate([right, np.tile(listening.astype(np.float32), (len(expected), 1))])
        shares = np.ones((len(right), 1), np.float32)
        shares[count:] = PRIOR
        start = np.random.default_rng(0).normal(0, 0.3, (self._encoding.inputs, HIDDEN))
        weights = [
            start.astype(np.float32),
            np.zeros(HIDDEN, np.float32),
            np.zeros((HIDDEN, len(self.actions)), np.float32),
            np.zeros(len(self.actions), np.float32),
        ]
        inputs = self._encoding(observations)
        parts = -(-len(right) // BATCH)
        batches = [
            (inputs[part::parts].copy(), right[part::parts].copy(), shares[part::parts].copy())
            for part in range(parts)
        ]
        means = [np.zeros_like(weight) for weight in weights]
        squares = [np.zeros_like(weight) for weight in weights]
        for step in range(1, STEPS + 1):
            gradients = _gradients(*batches[step % parts], weights)
            for weight, gradient, mean, square in zip(weights, gradients, means, squares, strict=True):
                gradient += WEIGHT_DECAY * weight
                mean += 0.1 * (gradient - mean)
                square += 0.001 * (gradient * gradient - square)
                size = np.sqrt(square / (1 - 0.999**step)) + 1e-8
                weight -= LEARNING_RATE / (1 - 0.9**step) * mean / size
        return weights

    def _expected(self, observations: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
        """Return observations in which the bot is expected to listen, shape (n, components).

        For each action that speaks there is one: that of its last label, as it is once the action is done.
        Labels know better, so there is none as soon as anything was taught after the action. Otherwise a bot
        with one lesson would do the same again and again.
        """
        _, spoken, done = self._after
        followed = set(observations[observations[:, spoken] != 0, done].tolist())
        unknown = {name: index for name, index in self._spoken.items() if index not in followed}
        expected: dict[int, npt.NDArray[np.integer]] = {}
        for observation, names in zip(observations, self.memory.values(), strict=True) if unknown else ():
            for index in (unknown[name] for name in names if name in unknown):
                expected[index] = observation.copy()
                expected[index][self._after] = (index, 1, index)
        return np.array([*expected.values()], self._dtype).reshape(-1, observations.shape[1])


def right_actions(
    history: History, domain: Domain, actions: Sequence[str], turn_taking: str
) -> dict[bytes, tuple[str, ...]]:
    """Return the right actions by observation in bytes, as `Learner.memory` has them.

    Raises:
        StoreError: the content of an entry does not fit its kind.
        DomainError: an event names an action or a slot that the domain does not have.
    """
    learner = Learner(domain, actions)
    learner.learn(history.labels(domain, turn_taking))
    return learner.memory


def rule_book(history: History, domain: Domain, actions: Sequence[str], turn_taking: str) -> RuleBook:
    """Return the imported rules of a store, and its teachers' lessons.

    Raises:
        StoreError: the content of an entry does not fit its kind.
        DomainError: an event names an action or a slot that the domain does not have.
    """
    learner = Learner(domain, actions)
    learner.learn(history.labels(domain, turn_taking))
    return RuleBook(domain, imported_stories(history), learner.lessons)


@functools.cache
def _telling(name: str) -> set[str]:
    """Return the words of a name that tell what it is about."""
    return {*re.split(r"[\W_]+", name.casefold())} - {"", "utter", "action", "ask", "form"}


@functools.cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()


def _gradients(
    inputs: npt.NDArray[np.float32],
    right: npt.NDArray[np.float32],
    shares: npt.NDArray[np.float32],
    weights: list[npt.NDArray[np.float32]],
) -> list[npt.NDArray[np.float32]]:
    """Return the gradients of -log(probability of a right action) by weight; the mean over observations.

    `shares`, shape (observations, 1), are the weights of the observations in the mean.
    """
    first, first_bias, second, second_bias = weights
    hidden = np.tanh(inputs @ first + first_bias)
    logits = hidden @ second + second_bias
    chances = np.exp(logits - logits.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    wanted = chances * right + 1e-12 * right
    wanted /= wanted.sum(axis=1, keepdims=True)
    at_logits = (chances - wanted) * shares / shares.sum()
    at_hidden = (at_logits @ second.T) * (1 - hidden * hidden)
    return [inputs.T @ at_hidden, at_hidden.sum(axis=0), hidden.T @ at_logits, at_logits.sum(axis=0)]


class TaughtModel:
    """The extended domain and the learner of a history."""

    def __init__(self, domain: Domain, turn_taking: str) -> None:
        """Begin with a domain without additions."""
        self._original = domain
        self.turn_taking = turn_taking
        self._imported: list[Story] = []
        self._use(domain)

    def _use(self, domain: Domain) -> None:
        self.domain = domain
        self.learner = Learner(domain, self.actions)
        self.rules = RuleBook(domain, self._imported)

    def options(self, conversation: Conversation) -> tuple[Option, ...]:
        """Return every action, the most probable one first; a rule, or the active form, is certain."""
        options = self.learner.options(conversation)
        if (ruling := self.rules.decide(conversation)) is None:
            return options
        known = next((one for one in options if one.action == ruling.action), None)
        known = known or Option(ruling.action, 1.0, True)
        certain = dataclasses.replace(known, probability=1.0, is_possible=True, ruling=ruling.reason)
        others = [dataclasses.replace(one, probability=0.0) for one in options if one is not known]
        return (certain, *others)

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions to choose from: all but listening with automatic turn taking."""
        return self.domain.actions if self.turn_taking == "explicit" else self.domain.actions[1:]

    def update(self, history: History) -> None:
        """Apply the additions in effect to the domain, and learn the labels in effect.

        Raises:
            DomainError: an addition does not fit the domain.
        """
        domain = history.extended(self._original)
        if (imported := imported_stories(history)) != self._imported:
            self._imported = imported
            self.rules = RuleBook(self.domain, imported)
        if domain != self.domain:  # equal domains keep the learner and its network
            self._use(domain)
        self.learn(history)

    def learn(self, history: History) -> None:
        """Learn the labels in effect."""
        self.learner.learn(history.labels(self.domain, self.turn_taking))
        self.rules.lessons = self.learner.lessons

    def proposed(self, observation: npt.NDArray[Any], possible: Sequence[bool]) -> str:
        """Return the most probable action.

        Args:
            observation: shape (components,).
            possible: whether the precondition of each action holds.
        """
        return self.actions[int(self.learner.probabilities(observation, possible).argmax())]
