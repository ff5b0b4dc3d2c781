"""Answers that leave the choice to the bot, without a word for what: "I don't mind"."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import Entity, UserUttered
from dialogue_gym.conversation.slot_filling import entity_for
from dialogue_gym.conversation.turns import slot_in_question
from dialogue_gym.domain import Domain
from dialogue_gym.domain.slot import DONT_CARE

if TYPE_CHECKING:  # they need the extra, which a chat without words does not
    from dialogue_gym.nlu.examples import Example
    from dialogue_gym.nlu.gazetteer import Token

CONFIDENCE = 0.9
"""The least confidence of such an answer: all of its words stand in examples of it."""


class Indifference:
    """Recognizer of answers that do not say what they are about.

    Its words are those that stand in the examples of `dontcare` of two constraints at least, such as `don't`
    and `matter`; `price` stands in those of one.
    """

    def __init__(
        self, domain: Domain, examples: Iterable[Example], tokenize: Callable[[str], Iterable[Token]]
    ) -> None:
        """Take the words from the examples of a domain; without a constraint nothing is recognized."""
        fills = {slot.entity: slot.name for slot in domain.slots if slot.is_constraint and slot.entity}
        words, decisive = Counter[str](), Counter[str]()
        self.intent: str | None = None
        for name in fills:
            said, marked = set[str](), set[str]()
            for one in examples:
                for entity in one.entities:
                    if entity.name == name and entity.value == DONT_CARE:
                        said |= {token.word for token in tokenize(one.text)}
                        marked |= {token.word for token in tokenize(one.text[entity.start : entity.end])}
            words.update(said)
            decisive.update(marked)
        self._words = {word for word, count in words.items() if count > 1}
        self._decisive = {word for word, count in decisive.items() if count > 1}
        roles = dict(domain.fake_user.intents) if domain.fake_user else {}
        self.intent = roles.get("inform")

    def is_meant(self, tokens: Sequence[Token], intent: str, is_sure: bool) -> bool:
        """Return whether a message leaves a choice to the bot, and says no more.

        Args:
            tokens: the words of the message.
            intent: its likeliest intent.
            is_sure: whether that is more than a guess.
        """
        words = {token.word for token in tokens}
        is_other = is_sure and intent != self.intent
        return not is_other and bool(words & self._decisive) and words <= self._words


def entity_of(tokens: Sequence[Token]) -> Entity:
    """Return the entity of such an answer, which the question gives a slot; see `with_question`."""
    return Entity(DONT_CARE, DONT_CARE, tokens[0].start, tokens[-1].end, CONFIDENCE)


def with_question(message: UserUttered, conversation: Conversation) -> UserUttered:
    """Return a message whose entity `dontcare`, if it has one, is of the slot that the bot asked about.

    Without a question it means nothing, and goes.
    """
    if all(entity.name != DONT_CARE for entity in message.entities):
        return message
    about = slot_in_question(conversation)
    entities = []
    for entity in message.entities:
        if entity.name != DONT_CARE:
            entities.append(entity)
        elif about:
            filled = entity_for(conversation.domain.slot(about), entity.value)
            entities.append(dataclasses.replace(entity, name=filled.name, role=filled.role))
    return dataclasses.replace(message, entities=tuple(entities))
