"""Many dialogues with a foreign bot at the same time, and their results."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dialogue_gym._http import ServiceError, run_coroutine
from dialogue_gym._text import counted
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.transcripts import transcript
from dialogue_gym.domain import Domain
from dialogue_gym.envs.options import read_seed
from dialogue_gym.envs.settings import whole_number
from dialogue_gym.exact.player import FAULTS
from dialogue_gym.testing.bots import BotError, ForeignBot
from dialogue_gym.testing.dialogue import SENTENCES, ForeignDialogue
from dialogue_gym.testing.faults import Fault, diagnose
from dialogue_gym.testing.reading import NOT_UNDERSTOOD, DeedReader
from dialogue_gym.training.environments import EVALUATION, stream

SUCCESS = "success"
"""The ending of dialogues that succeed. Others are the kinds of `BotError`, or an outcome and a fault."""
_HOPELESS = 50
"""Dialogues without any answer after which nobody expects one."""


@dataclass(frozen=True)
class Result:
    """A dialogue with a foreign bot.

    Attributes:
        seed: the seed that plays it again; None for a further try with a user.
        user: the seed of the user.
        is_success: whether the user has what they wanted.
        total: the return.
        turns: the number of the user's messages.
        ending: the name of the ending.
        fault: the fault if it failed; None after a success.
        goal: the values that the user wanted at the beginning, by slot.
        conversation: the dialogue in words.
        has_answer: whether the bot gave a usable answer at least once.
        notes: remarks on the reading of its texts.
        has_unread: whether nothing that the bot did in a turn was known.
    """

    seed: int | None
    user: int
    is_success: bool
    total: float
    turns: int
    ending: str
    fault: Fault | None
    goal: Mapping[str, str]
    conversation: Conversation
    has_answer: bool
    notes: tuple[str, ...] = ()
    has_unread: bool = False

    def lines(self) -> list[str]:
        """Return the dialogue, its ending and the remarks, line by line."""
        why = self.fault.sentence if self.fault else self.ending
        return [*transcript(self.conversation), why, *(f"({note})" for note in self.notes)]


def play(
    bot: ForeignBot,
    domain: Domain,
    seeds: Sequence[int],
    jobs: int | None = None,
    form: str = SENTENCES,
    settings: Mapping[str, Any] | None = None,
    progress: Callable[[int, float], object] | None = None,
    tries: int = 1,
) -> list[Result]:
    """Play dialogues with a bot; return their results in the order of the seeds.

    Args:
        bot: the bot.
        domain: its domain, with a fake user.
        seeds: the seeds of the dialogues.
        jobs: the number of dialogues at the same time; None for the bot's own.
        form: the form of the user's messages; see `FORMATS`.
        settings: arguments of the environment.
        progress: called with the number of dialogues so far and their success rate.
        tries: the number of dialogues with each user; further ones have the same first message, and chance of
            their own after that.

    Returns:
        The results; they end early if fifty dialogues have passed in which the bot never answered.

    Raises:
        DomainError: the domain has no fake user, or its users cannot judge the bot.
        ValueError: a setting, a seed or the number of jobs is invalid.
        ServiceError: there is nobody to talk to.
    """
    domain = bot.domain or domain
    reader = DeedReader(domain)
    given = dict(settings or {})
    plan = [(read_seed(seed), attempt) for seed in seeds for attempt in range(tries)]
    count = min(bot.jobs if jobs is None else whole_number("jobs", jobs, 1), max(1, len(plan)))
    dialogues = [ForeignDialogue(domain, form, **given) for _ in range(count)]
    return run_coroutine(_Run(bot, reader, plan, progress).play(dialogues))


class _Run:
    """The dialogues of one run."""

    def __init__(
        self,
        bot: ForeignBot,
        reader: DeedReader,
        plan: Sequence[tuple[int, int]],
        progress: Callable[[int, float], object] | None,
    ) -> None:
        self._bot = bot
        self._reader = reader
        self._left: Iterator[tuple[int, tuple[int, int]]] = iter(enumerate(plan))
        self._progress = progress
        self._name = f"test-{secrets.token_hex(4)}"
        self._results: dict[int, Result] = {}
        self._successes = 0
        self._has_answer = False

    async def play(self, dialogues: Sequence[ForeignDialogue]) -> list[Result]:
        try:
            await self._work(dialogues[0], is_first=True)  # a wrong address shows before the others begin
            async with asyncio.TaskGroup() as group:
                for dialogue in dialogues:
                    group.create_task(self._work(dialogue))
        finally:
            await self._bot.close()
        return [self._results[place] for place in sorted(self._results)]

    async def _work(self, dialogue: ForeignDialogue, is_first: bool = False) -> None:
        for place, (seed, attempt) in self._left:
            result = await self._talk(dialogue, f"{self._name}-{place}", seed, attempt, is_first)
            self._results[place] = result
            self._has_answer |= result.has_answer
            self._successes += result.is_success
            if self._progress:
                self._progress(len(self._results), self._successes / len(self._results))
            if is_first or (len(self._results) >= _HOPELESS and not self._has_answer):
                return

    async def _talk(
        self, dialogue: ForeignDialogue, sender: str, seed: int, attempt: int, is_first: bool
    ) -> Result:
        chance = stream(seed, EVALUATION + 2) + attempt if attempt else None
        message: str | None = dialogue.begin(seed, chance)
        goal = dict(dialogue.goal)
        has_answer, error = False, None
        notes: list[str] = []
        while message is not None and error is None:
            try:
                reply = await self._bot.reply(sender, message)
            except BotError as fault:
                error = fault
                break
            has_answer = True
            if dialogue.outcome:
                break  # the user has said their last word
            deeds = self._reader.read(reply.messages, reply.done)
            for deed in deeds:
                if deed.fault:
                    notes.append(deed.fault)
                if deed.unnamed and deed.values is not None and deed.messages:
                    slots = ", ".join(deed.unnamed)
                    notes.append(f"{deed.action} named no {slots}: the user judged their own words")
            message = dialogue.answer(deeds)
        if error and error.is_final and is_first and not has_answer:
            raise ServiceError(str(error))
        is_success = dialogue.outcome == "success"
        ending, why = SUCCESS, None
        if error and not is_success:
            ending, why = error.kind, Fault(error.kind, str(error))
        elif error:
            notes.append(f"after the user's last word: {error.kind}")
        if dialogue.outcome in ("failure", "truncated"):
            why = diagnose(dialogue.rounds, dialogue.conversation.domain)
            ending = f"{FAULTS[dialogue.outcome]}: {why.kind}"
        return Result(
            None if attempt else seed,
            seed,
            is_success,
            dialogue.total,
            dialogue.turns,
            ending,
            why,
            goal,
            dialogue.conversation,
            has_answer,
            tuple(dict.fromkeys(notes)),
            any(
                one.deeds and all(deed.action is None and deed.fault != NOT_UNDERSTOOD for deed in one.deeds)
                for one in dialogue.rounds
            ),
        )


def hopeless_note(results: Sequence[Result], wanted: int) -> str | None:
    """Return a remark if a run ended early; None otherwise."""
    if len(results) == wanted:
        return None
    return f"stopped after {counted(len(results), 'dialogue')}: the bot never gave an answer"
