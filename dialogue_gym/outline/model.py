"""The outline of a new bot: its purpose, its users' wishes, the facts that it needs, and its actions."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dialogue_gym._files import check_characters
from dialogue_gym._text import name_fault, nearest, quoted
from dialogue_gym.domain.default_names import DEFAULT_ACTIONS, DEFAULT_INTENTS, DEFAULT_SLOTS
from dialogue_gym.domain.model import DOMAIN_FILE, DomainError
from dialogue_gym.outline.names import identifier, short_identifier, unique

CHOICE, WORDS, YES_NO, MESSAGE = "choice", "words", "yes or no", "message"
"""The ways in which users tell a fact: one of a few choices, words, yes or no, or a whole message."""
INFORM, AFFIRM, DENY = "inform", "affirm", "deny"
"""The intents of answers to the bot's questions."""
UTTER, ACTION = "utter_", "action_"
_SMALL_TALK = {
    "greet": (("hello", "hi", "hey there", "good morning", "good evening"), "Hello! What can I do for you?"),
    "thank": (("thank you", "thanks a lot", "that was helpful"), "You're welcome!"),
    "goodbye": (("goodbye", "bye", "see you", "have a nice day"), "Goodbye!"),
}
_USUAL = {
    AFFIRM: ("yes", "yes please", "sure", "of course", "that's right"),
    DENY: ("no", "no thank you", "not really", "that's wrong"),
}
_MOST_CHARACTERS = 500
_MOST = 200
_SLOT = re.compile(r"\{([^{}]*)\}")
_ARTICLE = re.compile(r"^(?:the|an?)\s+(?=\S)", re.IGNORECASE)
_BULLET = re.compile(r"^(?:[-*•·+]\s+|\d{1,3}[.)]\s+)+")


class OutlineError(ValueError):
    """An answer that a bot cannot be made from. The message is one sentence for the person who gave it."""


@dataclass(frozen=True)
class Wish:
    """A wish of the users: the name of its intent, and sentences that express it."""

    name: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Fact:
    """A fact that the bot needs: the name of its slot.

    Attributes:
        name: of the slot.
        kind: `CHOICE`, `WORDS`, `YES_NO` or `MESSAGE`.
        examples: the choices, values, messages, or ways to say yes.
        denials: the ways to say no.
        intents: of yes and no, or of the messages.
        question: the bot's question for it; empty if the bot never asks.
    """

    name: str
    kind: str
    examples: tuple[str, ...]
    denials: tuple[str, ...] = ()
    intents: tuple[str, ...] = ()
    question: str = ""

    @property
    def form(self) -> str | None:
        """The name of the form that asks for it; None without one.

        A plain yes or no means this fact only after its question, which the form knows; so does any message.
        """
        is_any_answer = self.kind == MESSAGE and self.question
        return f"{self.name}_form" if is_any_answer or {AFFIRM, DENY} & set(self.intents) else None


@dataclass(frozen=True)
class Feat:
    """An action of the bot; without a text it is code, to be written later."""

    name: str
    text: str = ""


@dataclass(frozen=True)
class Outline:
    """The answers so far. The methods that add one return a copy; all of them raise `OutlineError`."""

    purpose: str = ""
    small_talk: bool = False
    wishes: tuple[Wish, ...] = ()
    facts: tuple[Fact, ...] = ()
    feats: tuple[Feat, ...] = ()

    @property
    def intents(self) -> dict[str, tuple[str, ...]]:
        """The sentences of each intent; those of `inform` are the values of slots."""
        found = {name: said for name, (said, _) in _SMALL_TALK.items()} | _USUAL if self.small_talk else {}
        found |= {wish.name: wish.sentences for wish in self.wishes}
        told = [value for fact in self.facts if fact.kind in (CHOICE, WORDS) for value in fact.examples]
        if told:
            found[INFORM] = tuple(told)
        for fact in self.facts:
            for intent, said in zip(fact.intents, (fact.examples, fact.denials), strict=False):
                found[intent] = said
        return found

    @property
    def wished(self) -> tuple[str, ...]:
        """The intents of wishes and of small talk."""
        return (*(_SMALL_TALK if self.small_talk else ()), *(wish.name for wish in self.wishes))

    @property
    def responses(self) -> dict[str, str]:
        """The text of each action that says something, the questions first."""
        found = {f"{UTTER}{name}": text for name, (_, text) in _SMALL_TALK.items() if self.small_talk}
        found |= {self.question_name(fact): fact.question for fact in self.facts if fact.question}
        return found | {feat.name: feat.text for feat in self.feats if feat.text}

    @property
    def actions(self) -> tuple[str, ...]:
        """All actions of the bot."""
        forms = (fact.form for fact in self.facts if fact.form)
        return (*self.responses, *forms, *(feat.name for feat in self.feats if not feat.text))

    @staticmethod
    def question_name(fact: Fact) -> str:
        """Return the name of the action that asks for a fact."""
        return f"{UTTER}ask_{fact.name}"

    def with_purpose(self, text: str) -> Outline:
        """Add a sentence on the bot's purpose."""
        return dataclasses.replace(self, purpose=_line(text))

    def with_small_talk(self) -> Outline:
        """Add greetings, thanks and goodbyes in English, with answers, and yes and no."""
        if self.wishes or self.facts or self.feats:
            raise OutlineError("small talk is added before anything else")
        return dataclasses.replace(self, small_talk=True)

    def check_wish(self, sentences: Iterable[str]) -> tuple[str, ...]:
        """Return the tidy sentences of a new wish."""
        return self._new_sentences(sentences, "write at least two ways to say it, one on each line")

    def proposed_wish(self, sentences: Iterable[str]) -> str:
        """Return a name for the intent of a wish."""
        return self._intent(short_identifier(next(iter(sentences), ""), "wish"))

    def with_wish(self, sentences: Iterable[str], name: str = "") -> Outline:
        """Add a wish; without a name its intent is called by its first sentence."""
        tidy = self.check_wish(sentences)
        intent = self._intent(identifier(name, "wish")) if name.strip() else self.proposed_wish(tidy)
        return dataclasses.replace(self, wishes=_added(self.wishes, Wish(intent, tidy)))

    def proposed_slot(self, name: str) -> str:
        """Return the name of the slot of a fact."""
        words = _ARTICLE.sub("", _line(name))
        if (named := identifier(words, "slot")) in {fact.name for fact in self.facts}:
            raise OutlineError(f"the bot knows the {named.replace('_', ' ')} already; name something else")
        known = {fact.name for fact in self.facts} | {*DEFAULT_SLOTS}
        asked = {action.removeprefix(f"{UTTER}ask_") for action in self.actions}  # the name of the question
        return unique(named, known | asked)

    def check_examples(self, kind: str, examples: Iterable[str]) -> tuple[str, ...]:
        """Return the tidy choices, values or messages of a new fact."""
        lines = [line for line in examples if line.strip()]
        if kind in (CHOICE, WORDS) and len(lines) == 1:  # a list on one line
            lines = re.split(r"[,;/]", lines[0])
        given = tuple(_sentences(lines))
        for one in given if kind == CHOICE else ():
            if fault := name_fault(one):
                raise OutlineError(f"{quoted(one)} cannot be a choice: {fault}")
        kinds = "choices" if kind == CHOICE else "examples"
        return self._new_sentences(given, f"write at least two {kinds}, one on each line")

    def check_answers(self, answers: Iterable[str], is_yes: bool) -> tuple[str, ...]:
        """Return the tidy ways to say yes or no to the question for a new fact."""
        if (given := tuple(_sentences(answers))) == self.usual_answers(is_yes):
            return given
        return self._new_sentences(given, f"write at least two ways to say {'yes' if is_yes else 'no'}")

    def usual_answers(self, is_yes: bool) -> tuple[str, ...]:
        """Return the usual ways to say yes or no; none if they mean something else already."""
        intent = AFFIRM if is_yes else DENY
        known = {_folded(one) for name, said in self.intents.items() if name != intent for one in said}
        return () if known & {*_USUAL[intent]} else _USUAL[intent]

    def with_fact(
        self, name: str, kind: str, examples: Iterable[str], denials: Iterable[str] = (), question: str = ""
    ) -> Outline:
        """Add a fact that the bot needs.

        Args:
            name: the fact in plain words.
            kind: `CHOICE`, `WORDS`, `YES_NO` or `MESSAGE`.
            examples: the choices, examples of values or messages, or ways to say yes.
            denials: ways to say no.
            question: the bot's question for it; empty if the bot never asks.
        """
        slot = self.proposed_slot(name)
        against: tuple[str, ...] = ()
        intents: tuple[str, ...] = ()
        if kind == YES_NO:
            tidy, against = self.check_answers(examples, True), self.check_answers(denials, False)
            if both := [one for one in against if _folded(one) in set(map(_folded, tidy))]:
                raise OutlineError(f"{quoted(both[0])} cannot mean both yes and no")
            yes = AFFIRM if tidy == _USUAL[AFFIRM] else self._intent(f"{slot}_yes")
            intents = (yes, DENY if against == _USUAL[DENY] else self._intent(f"{slot}_no"))
            if {AFFIRM, DENY} & {*intents} and not question.strip():
                raise OutlineError(f"a plain yes or no answers a question: write the one for {slot}")
        else:
            tidy = self.check_examples(kind, examples)
            intents = (self._intent(f"tell_{slot}"),) if kind == MESSAGE else ()
        known = dataclasses.replace(self, facts=_added(self.facts, Fact(slot, kind, tidy, against, intents)))
        fact = dataclasses.replace(
            known.facts[-1], question=known.check_text(question) if question.strip() else ""
        )
        return dataclasses.replace(self, facts=(*self.facts, fact))

    def check_text(self, text: str) -> str:
        """Return the tidy text of something that the bot says, with the names of slots in its braces."""
        known = [fact.name for fact in self.facts]

        def named(found: re.Match[str]) -> str:
            slot = identifier(found[1], "slot")
            if slot not in known:
                hint = nearest(slot, known) if known else "the bot does not know any facts yet"
                raise OutlineError(f"unknown name {quoted(found[1])} in braces; {hint}")
            return f"{{{slot}}}"

        tidy = _line(text)
        if not tidy:
            raise OutlineError("write a sentence")
        if set("{}") & set(_SLOT.sub("", tidy)):
            raise OutlineError("braces enclose the name of a fact, as in {size}, and nothing else")
        return _SLOT.sub(named, tidy)

    def proposed_saying(self, text: str) -> str:
        """Return a name for the action that says a text."""
        words = short_identifier(_SLOT.sub(r" \1 ", text), "text")
        return self._action(UTTER, words)

    def with_saying(self, text: str, name: str = "") -> Outline:
        """Add a text that the bot can say; without a name the action is called by its words."""
        tidy = self.check_text(text)
        words = identifier(name, "text").removeprefix(UTTER)
        action = self._action(UTTER, words) if name.strip() else self.proposed_saying(tidy)
        return dataclasses.replace(self, feats=_added(self.feats, Feat(action, tidy)))

    def with_action(self, words: str) -> Outline:
        """Add an action of one's own, named by plain words."""
        name = identifier(_line(words), "task").removeprefix(ACTION)
        return dataclasses.replace(self, feats=_added(self.feats, Feat(self._action(ACTION, name))))

    def _intent(self, name: str) -> str:
        ready_made = {INFORM, *_USUAL} | ({*_SMALL_TALK} if self.small_talk else set())
        return unique(name, {*self.intents, *ready_made, *DEFAULT_INTENTS})

    def _action(self, prefix: str, words: str) -> str:
        return unique(prefix + (words or "task"), {*self.actions, *DEFAULT_ACTIONS})

    def _new_sentences(self, given: Iterable[str], too_few: str) -> tuple[str, ...]:
        """Return tidy sentences, none of which means something else already."""
        known = {_folded(one): intent for intent, said in self.intents.items() for one in said}
        tidy: dict[str, str] = {}
        for sentence in _sentences(given):
            if (folded := _folded(sentence)) in known:
                raise OutlineError(
                    f"{quoted(sentence)} means {known[folded]!r} already; say it in other words"
                )
            tidy.setdefault(folded, sentence)
        if len(tidy) < 2:
            raise OutlineError(too_few)
        if len(tidy) > _MOST:
            raise OutlineError(f"at most {_MOST} are possible here")
        return tuple(tidy.values())


def _added(items: tuple, one: object) -> tuple:  # type: ignore[type-arg]
    if len(items) >= _MOST:
        raise OutlineError(f"at most {_MOST} are possible here")
    return (*items, one)


def _sentences(given: Iterable[str]) -> Iterator[str]:
    """Yield what is in the lines of a list, without its bullets."""
    for line in given:
        sentence = _BULLET.sub("", _line(line)).strip()
        if not sentence:
            continue
        if set("[]") & set(sentence):
            raise OutlineError(f"leave out the square brackets in {quoted(sentence)}")
        if sentence.startswith("/"):
            raise OutlineError(f"{quoted(sentence)} begins with a slash, which stands for a command")
        if not any(char.isalnum() for char in sentence):
            raise OutlineError(f"{quoted(sentence)} has no letters")
        yield sentence


def _line(text: str) -> str:
    """Return a text on one line.

    Raises:
        OutlineError: it is too long, or has control characters.
    """
    tidy = " ".join(text.split())
    if len(tidy) > _MOST_CHARACTERS:
        raise OutlineError(f"this is too long: {len(tidy)} characters, {_MOST_CHARACTERS} at most")
    try:
        check_characters(tidy, "answer", DOMAIN_FILE)
    except DomainError:
        raise OutlineError(f"{quoted(tidy)} has characters that are not text") from None
    return tidy


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
