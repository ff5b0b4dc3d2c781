"""The questions about a new bot, one at a time; each answer can be taken back."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from functools import cached_property

from dialogue_gym._text import quoted
from dialogue_gym.outline.model import CHOICE, MESSAGE, WORDS, YES_NO, Outline, OutlineError

LINE, LINES, PICK = "line", "lines", "pick"
"""The kinds of answers: a line, several lines, or the number of a choice, from 1."""
STEPS = ("What the bot is for", "What users want", "What the bot needs to know", "What the bot does", "Ready")
"""The titles of the steps."""
_KINDS = (CHOICE, WORDS, YES_NO, MESSAGE)
_EXAMPLES = {
    CHOICE: ("Which choices are there?", "small\nmedium\nlarge"),
    WORDS: ("What could users say for it? Give some examples.", "salami\nmushrooms\nextra cheese"),
    MESSAGE: ("What could users write? Give some examples.", "12 Main Street\nI live at 5 Park Road"),
}


@dataclass(frozen=True)
class Question:
    """A question of the interview.

    Attributes:
        step: the number of its step, from 0.
        text: the question.
        example: a good answer, in as many lines.
        kind: of the answer: `LINE`, `LINES` or `PICK`.
        choices: of a `PICK`.
        default: the answer if the person gives none; None if they have to.
        skip: the meaning of an empty answer, if it has one of its own.
    """

    step: int
    text: str
    example: str = ""
    kind: str = LINE
    choices: tuple[str, ...] = ()
    default: str | None = None
    skip: str = ""


_Part = Generator[tuple[Question, Outline], str, Outline]


@dataclass(frozen=True)
class Interview:
    """An interview about a new bot after some answers; frozen, so that any earlier state can be kept.

    Attributes:
        answers: the answers so far, in order.
        withdrawn: the answer that was taken back last, to be changed.
    """

    answers: tuple[str, ...] = ()
    withdrawn: str = ""

    @cached_property
    def _now(self) -> tuple[Question | None, Outline]:
        asking = _questions()
        question, outline = next(asking)
        try:
            for answer in self.answers:
                question, outline = asking.send(_checked(question, answer))
        except StopIteration as end:
            return None, end.value
        return question, outline

    @property
    def question(self) -> Question | None:
        """The next question; None at the end."""
        return self._now[0]

    @property
    def outline(self) -> Outline:
        """The outline that the answers give so far."""
        return self._now[1]

    def answered(self, answer: str) -> Interview:
        """Return the interview after an answer; several lines are separated by line breaks.

        Raises:
            OutlineError: the answer cannot be used.
        """
        after = Interview((*self.answers, answer))
        after.question  # noqa: B018 - a wrong answer is refused here
        return after

    def back(self) -> Interview:
        """Return the interview before its last answer."""
        return Interview(self.answers[:-1], self.answers[-1]) if self.answers else self


def _checked(question: Question, answer: str) -> str:
    given = answer if answer.strip() or question.default is None else question.default
    if question.kind == PICK:
        if given.strip() not in map(str, range(1, len(question.choices) + 1)):
            raise OutlineError(f"{quoted(given)} is not a number from 1 to {len(question.choices)}")
        return given.strip()
    if not given.strip() and not question.skip:
        raise OutlineError("write an answer")
    return given


def _questions() -> _Part:
    outline = Outline()
    purpose = yield (
        Question(
            0, "What is the bot for? One sentence.", "It takes orders for a pizza place.", skip="leave it out"
        ),
        outline,
    )
    outline = outline.with_purpose(purpose)
    ready_made = yield (
        Question(
            1,
            "Shall the bot understand hello, thanks, goodbye, yes and no, in English?",
            kind=PICK,
            choices=("yes, add them ready-made", "no, I will write everything myself"),
        ),
        outline,
    )
    if ready_made == "1":
        outline = outline.with_small_talk()
    outline = yield from _wishes(outline)
    outline = yield from _facts(outline)
    outline = yield from _feats(outline)
    parts = (_wishes, _facts, _feats)
    while True:
        ready = not outline.wishes and "the bot understands nothing yet"
        ready = ready or (not outline.actions and "the bot says and does nothing yet")
        more = ("add something that users want", "add something to know", "add something to do")
        choices = ("make the bot", *more)
        problem = f"There is something missing: {ready}." if ready else "Is this your bot?"
        answer = yield Question(4, problem, kind=PICK, choices=choices), outline
        if answer == "1":
            if ready:
                raise OutlineError(ready)
            return outline
        outline = yield from parts[int(answer) - 2](outline)


def _wishes(outline: Outline) -> _Part:
    while True:
        is_first = not outline.wishes
        text = (
            "What do users want? Write one wish as they would say it, then other ways to say the same."
            if is_first
            else "What else do users want? Again one wish, in all the ways that you can think of."
        )
        example = (
            "I'd like to order a pizza\na large pizza, please\ncan I get a pizza with salami?"
            if is_first
            else "where is my order?\nhow long does it take?"
        )
        answer = yield (
            Question(1, text, example, LINES, skip="" if is_first else "that is all they want"),
            outline,
        )
        if not answer.strip():
            return outline
        sentences = outline.check_wish(answer.split("\n"))
        name = outline.proposed_wish(sentences)
        called = yield (
            Question(1, "A short name for this wish, to tell it from others:", name, default=name),
            outline,
        )
        outline = outline.with_wish(sentences, called)


def _facts(outline: Outline) -> _Part:
    while True:
        is_first = not outline.facts
        text = "What does the bot need to know from users?" if is_first else "What else does it need to know?"
        name = yield (
            Question(
                2,
                f"{text} One thing, in a word or two.",
                "size" if is_first else "address",
                skip="nothing" if is_first else "nothing else",
            ),
            outline,
        )
        if not name.strip():
            return outline
        words = outline.proposed_slot(name).replace("_", " ")
        picked = yield (
            Question(
                2,
                f"How do users tell the {words}?",
                kind=PICK,
                choices=(
                    "with one of a few words, such as small or large",
                    "with any word in the message, such as the name of a dish",
                    "with yes or no",
                    "with the whole message, such as an address",
                ),
            ),
            outline,
        )
        kind = _KINDS[int(picked) - 1]
        denials: tuple[str, ...] = ()
        is_plain = False
        if kind == YES_NO:
            examples, denials = yield from _yes_and_no(outline)
            is_plain = any(
                said == outline.usual_answers(is_yes) for said, is_yes in ((examples, True), (denials, False))
            )
        else:
            text, example = _EXAMPLES[kind]
            answer = yield Question(2, text, example, LINES), outline
            examples = outline.check_examples(kind, answer.split("\n"))
        question = yield (
            Question(
                2,
                f"How does the bot ask for the {words}?",
                f"Would you like {words}?" if kind == YES_NO else f"Which {words} would you like?",
                skip="" if is_plain else "it never asks",
            ),
            outline,
        )
        outline = outline.with_fact(name, kind, examples, denials, question)


def _yes_and_no(
    outline: Outline,
) -> Generator[tuple[Question, Outline], str, tuple[tuple[str, ...], tuple[str, ...]]]:
    both = []
    for word, example in (
        ("yes", "yes, deliver it\nplease bring it"),
        ("no", "no, I'll pick it up\nno need"),
    ):
        usual = "\n".join(outline.usual_answers(word == "yes"))
        text = f"How do users say {word} to it?"
        if not usual:
            text += f" A plain {word} means something else already, so use other words."
        answer = yield Question(2, text, usual or example, LINES, default=usual or None), outline
        both.append(outline.check_answers(answer.split("\n"), word == "yes"))
    return both[0], both[1]


def _feats(outline: Outline) -> _Part:
    while True:
        known = outline.facts[0].name if outline.facts else ""
        done = f"So far: {', '.join(outline.actions)}. " if outline.actions else ""
        what = yield (
            Question(
                3,
                f"{done}What else does the bot do?" if done else "What does the bot do?",
                kind=PICK,
                choices=("say something", "do something, by code that is written later", "nothing else"),
            ),
            outline,
        )
        if what == "3":
            return outline
        if what == "2":
            words = yield Question(3, "What does it do? In a few words.", "place the order"), outline
            outline = outline.with_action(words)
            continue
        braces = f" {{{known}}} stands for the {known} that the user told." if known else ""
        example = f"I have noted: {known} {{{known}}}. Is that right?" if known else "We open at eight."
        text = yield Question(3, f"What does it say?{braces}", example), outline
        said = outline.check_text(text)
        name = outline.proposed_saying(said).removeprefix("utter_")
        called = yield Question(3, "A short name for this text:", name, default=name), outline
        outline = outline.with_saying(said, called)
