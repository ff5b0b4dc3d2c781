"""Tests of a bot, whatever it is, with the fake user of a domain."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dialogue_gym._text import counted, without_password
from dialogue_gym.chat import Bot
from dialogue_gym.domain import Domain, load_domain
from dialogue_gym.domain.sources import Source, builtin_names
from dialogue_gym.envs.settings import MAX_DIALOGUES, is_number, whole_number
from dialogue_gym.factory import is_address, make_runner
from dialogue_gym.journal.location import store_named
from dialogue_gym.journal.place import is_database_url
from dialogue_gym.live.policy import find_agent
from dialogue_gym.policies.saved import AgentError
from dialogue_gym.reports import Report
from dialogue_gym.teaching.startup import await_training, make_interpreter
from dialogue_gym.testing.bots import AgentBot, Answer, ForeignBot, FunctionBot, RestBot
from dialogue_gym.testing.dialogue import SENTENCES, ForeignDialogue
from dialogue_gym.testing.runner import SUCCESS, hopeless_note, play
from dialogue_gym.testing.summary import summarize
from dialogue_gym.training.evaluation import first_seed

_SHOWN = 3
"""The failed dialogues that are shown in a terminal."""


_LIKE_ADDRESS = re.compile(r"\w+://|[\w.-]+:\d+(/|$)")
"""A text that is meant for an address, with another scheme or none."""


class SuccessRate(float):
    """A rate that knows the failed dialogues, which pytest shows if an assertion about it fails."""

    def __new__(cls, report: Report) -> SuccessRate:
        """Return the success rate of a report."""
        rate = super().__new__(cls, report.success_rate)
        rate.report = report
        return rate

    report: Report

    def __reduce__(self) -> tuple[Any, ...]:
        """Be pickled as a number."""
        return float, (float(self),)

    def explain(self) -> list[str]:
        """Return the figures, and the first failed dialogues, line by line."""
        return shortened(self.report).lines()


def run(
    bot: Answer | str | Path | ForeignBot,
    domain: Source | Domain,
    dialogues: int = 200,
    *,
    seed: int = 1,
    tries: int = 1,
    jobs: int | None = None,
    timeout: float = 10.0,
    format: str = SENTENCES,
    token: str | None = None,
    progress: Callable[[int, float], object] | None = None,
    **settings: Any,
) -> Report:
    """Let the fake user of a domain talk to a bot, and return the report.

    >>> def bot(sender: str, message: str) -> list[str]:
    ...     return ["Which cuisine do you fancy?"]
    >>> run(bot, "restaurant", dialogues=20).success_rate
    0.0

    Args:
        bot: a function from a sender and a message to a list of texts; the address of a server with Rasa's
            REST channel; the folder of a store or of an agent, or an agent's name, such as `"expert"`.
        domain: path of a domain file, name of a built-in domain, or a `Domain`; it has a fake user.
        dialogues: the number of dialogues, at least 1.
        seed: seed of the run.
        tries: the number of dialogues with each user, of whom there are then `dialogues`: for pass^k.
        jobs: the number of conversations at the same time; by default 16 with an address, else 1.
        timeout: the seconds that an answer of a server may take.
        format: `"sentences"`, or `"fixed"` for `/inform{"cuisine": "french"}`.
        token: a token that is sent to a server as a bearer.
        progress: called with the number of dialogues so far and their success rate.
        **settings: arguments of `DialogueEnv` that concern the user, the reward and the turns.

    Raises:
        DomainError: the domain cannot be used.
        ValueError: an argument cannot be used.
        ServiceError: there is nobody to talk to at the address.
        ImportError: a package is missing; the message has the command that installs it.
    """
    dialogues = whole_number("dialogues", dialogues, 1, MAX_DIALOGUES)
    tries = whole_number("tries", tries, 1)
    if not is_number(timeout) or timeout <= 0:
        raise ValueError(f"timeout={timeout!r}: must be a number of seconds above 0")
    known = load_domain(domain)
    user = ForeignDialogue(known, format, **settings).user
    talker = make_bot(bot, domain, known, timeout=timeout, token=token, jobs=jobs)
    seeds = seeds_of(seed, dialogues)
    results = play(talker, known, seeds, jobs, format, settings, progress, tries)
    notes = [*talker.notes, *filter(None, [hopeless_note(results, dialogues * tries)])]
    about = {"format": format, "seed": seed} | settings
    report = summarize(talker.name, known.name, user, about, results, notes)
    return dataclasses.replace(report, success_rate=SuccessRate(report))


def seeds_of(seed: int, dialogues: int) -> range:
    """Return the seeds of the dialogues of a run: those that `compare` plays with this seed."""
    first = first_seed(seed)
    return range(first, first + dialogues)


def make_bot(
    bot: Answer | str | Path | ForeignBot,
    source: Source | Domain,
    domain: Domain,
    *,
    timeout: float = 10.0,
    token: str | None = None,
    jobs: int | None = None,
) -> ForeignBot:
    """Return the bot that a user names; arguments and errors are those of `run`."""
    if isinstance(bot, ForeignBot):
        return bot
    if isinstance(bot, str) and is_address(bot):
        return RestBot(bot, timeout, token, jobs or RestBot.jobs)
    if isinstance(bot, str) and is_database_url(bot):
        return _agent_bot(bot, source, domain)
    if isinstance(bot, str) and _LIKE_ADDRESS.match(bot) and not Path(bot).exists():
        shown = without_password(bot)
        address = f"http://{shown.rpartition('//')[2]}"
        raise ValueError(f"{shown}: an address begins with http:// or https://, as in {address}")
    if isinstance(bot, (str, Path)):
        return _agent_bot(str(bot), source, domain)
    if callable(bot):
        return FunctionBot(bot)
    raise ValueError(f"bot={bot!r}: expected a function, an address, or the folder of a store or an agent")


def _agent_bot(name: str, source: Source | Domain, domain: Domain) -> AgentBot:
    place = source if isinstance(source, str) else str(source) if isinstance(source, Path) else domain.name
    is_builtin = place in builtin_names()
    extended, agent = find_agent(name, domain, lambda line: None, is_builtin=is_builtin)
    if agent is None:
        raise AgentError(f"{without_password(name)}: no agent exists for this domain")
    if not is_builtin and not Path(place).exists():
        raise ValueError(f"{without_password(name)}: the domain must be given by its file or name")
    words = make_interpreter(place, extended, (), 0, store_named(name))
    await_training(words)
    return AgentBot(agent.name, Bot(extended, agent, make_runner(place, extended, None, 0)), words)


def shortened(report: Report) -> Report:
    """Return a report with one failed dialogue for each of a few endings, as it is read in a terminal."""
    kinds = sum(name != SUCCESS for name in report.endings)
    shown = report.failures[: min(kinds, _SHOWN)]
    others = len(report.failures) - len(shown)
    note = f"{counted(others, 'further failed dialogue')} in the whole report"
    return dataclasses.replace(
        report, failures=shown, notes=(*report.notes, note) if others else report.notes
    )
