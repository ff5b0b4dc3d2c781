"""The interpreter of a bot that people teach: it learns corrected sentences, and examples that are edited.

A corrected sentence has its meaning at once, and like ones as soon as the training in the background is over.
"""

from __future__ import annotations

import atexit
import dataclasses
import importlib.util
import threading
from collections.abc import Callable, Mapping

from dialogue_gym.conversation.events import UserUttered
from dialogue_gym.domain import Domain
from dialogue_gym.domain.default_names import FALLBACK_INTENT
from dialogue_gym.domain.slot import Slot
from dialogue_gym.journal.history import History
from dialogue_gym.nlu.examples import Example, NluData
from dialogue_gym.nlu.interpreter import FALLBACK, Interpretation, Interpreter, InterpreterError, parse_act
from dialogue_gym.teaching.taught_examples import (
    WordLesson,
    entities_in,
    learned_examples,
    sentence_key,
    word_lessons,
)

SOON = 3_000
"""The number of examples up to which a message waits for the training: well under a second."""

_EXIT_WAITS = 10  # seconds


class TaughtInterpreter(Interpreter):
    """Interpreter of corrected sentences, and of sentences like them and like the examples. Thread-safe.

    Acts in the fixed format are read as well; their intents and entities may be new ones. The result follows
    from the examples, the seed and the corrections in effect, whatever their order in time.
    """

    def __init__(
        self,
        domain: Domain,
        read: Callable[[], NluData] = NluData,
        seed: int = 0,
        server: Interpreter | None = None,
        history: History | None = None,
        fallback: float = FALLBACK,
    ) -> None:
        """Begin to train in the background.

        Args:
            domain: the domain of the examples.
            read: reads the examples to begin with.
            seed: the seed of the training.
            server: understands all sentences that were not corrected; nothing is trained then.
            history: has the corrections to begin with.
            fallback: the confidence under which a sentence is not understood, from 0 to 1.

        Raises:
            NluError: the examples cannot be read.
            ImportError: there are examples, and the extra `nlu` is missing.
        """
        self._read = read
        self._given = read()
        self._seed = seed
        self._server = server
        self._fallback = fallback
        self._can_train = server is None and importlib.util.find_spec("sklearn") is not None
        if self._given.examples:
            from dialogue_gym.nlu import trained  # noqa: F401  # names the missing extra, if it is
        self._changed = threading.Condition(threading.RLock())
        self._lessons: tuple[WordLesson, ...] = ()
        self._exact: Mapping[str, UserUttered] = {}
        self._all: tuple[Example, ...] = ()
        self._wanted: tuple[Domain, NluData] = (domain, NluData())
        self._made: tuple[Domain, NluData] = (domain, NluData())
        self._model: Interpreter | None = server
        self._fault: str | None = None
        self._is_training = False
        self._want(domain, word_lessons(history) if history else ())

    @property
    def knows_words(self) -> bool:
        """Whether there is anything to understand plain sentences by."""
        return self._server is not None or bool(self._exact) or bool(self._wanted[1].examples)

    @property
    def examples(self) -> int:
        """The number of examples, given and taught."""
        return len(self._wanted[1].examples)

    @property
    def all_examples(self) -> tuple[Example, ...]:
        """All examples, given and taught, even where they are too few to learn from."""
        return self._all

    def learn(self, history: History, domain: Domain) -> None:
        """Learn the lessons in effect; where they differ from the last ones, train in the background."""
        self._want(domain, word_lessons(history))

    def read_again(self) -> None:
        """Take in examples that were added to the files.

        Raises:
            NluError: the examples cannot be read.
        """
        given = self._read()
        with self._changed:
            self._given = given
            self._want(self._wanted[0], self._lessons)

    def _want(self, domain: Domain, lessons: tuple[WordLesson, ...]) -> None:
        learned = learned_examples(self._given.examples, lessons)
        examples = learned.examples if learned.is_enough and self._can_train else ()
        data = dataclasses.replace(self._given, examples=examples)
        with self._changed:
            self._lessons, self._exact, self._all = lessons, learned.exact, learned.examples
            self._wanted = (domain, data)
            if _material(*self._wanted) != _material(*self._made) and not self._is_training:
                self._is_training = True
                # A thread that ends inside of a compiled library would abort the process at its exit.
                atexit.register(self.wait, _EXIT_WAITS)
                threading.Thread(target=self._train, name="interpreter", daemon=True).start()

    def _train(self) -> None:
        """Train until what is wanted is made."""
        while True:
            with self._changed:
                domain, data = self._wanted
            model, fault = self._server, None
            if data.examples:
                from dialogue_gym.nlu.trained import TrainedInterpreter

                try:
                    model = TrainedInterpreter(domain, data, self._seed)
                except ValueError as error:
                    fault = str(error)
                except BaseException:
                    with self._changed:  # nobody waits for a training that has ended
                        self._fault, self._is_training = "the examples could not be learned", False
                        atexit.unregister(self.wait)
                        self._changed.notify_all()
                    raise
            with self._changed:
                self._model, self._made, self._fault = model, (domain, data), fault
                if _material(*self._wanted) == _material(domain, data):
                    self._is_training = False
                    atexit.unregister(self.wait)
                    self._changed.notify_all()
                    return

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the training is over, or for some seconds; return whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._is_training, seconds)

    def parse(self, text: str) -> Interpretation:
        """Return the meaning of a text.

        If it is not understood, the intent is `nlu_fallback` where the domain has that, or else None.

        Raises:
            InterpreterError: the text cannot be interpreted; one line gives the reason.
        """
        if text.lstrip().startswith("/"):
            return parse_act(text)
        if self._model is None or self.examples <= SOON:
            self.wait()
        with self._changed:
            model, meant, fault = self._model, self._exact.get(sentence_key(text)), self._fault
        if fault is not None:
            raise InterpreterError(fault)
        understood = model.parse(text) if model else Interpretation(text)
        if meant is not None and meant.intent is not None:
            others = tuple(pair for pair in understood.ranking if pair[0] != meant.intent)
            entities = entities_in(text, meant)
            return Interpretation(text, meant.intent, 1.0, entities, ((meant.intent, 1.0), *others))
        if understood.confidence >= self._fallback and understood.intent is not None:
            return understood
        unsure = FALLBACK_INTENT if FALLBACK_INTENT in self._wanted[0].intents else None
        return dataclasses.replace(understood, intent=unsure, entities=())


def _material(domain: Domain, data: NluData) -> tuple[NluData, tuple[str, ...], tuple[Slot, ...]]:
    """Return what a training follows from; without examples the domain does not matter."""
    return (data, domain.entities, domain.slots) if data.examples else (data, (), ())
