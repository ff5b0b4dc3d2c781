"""The body of `dialogue-gym live`: opens the learner, and holds conversations in the terminal."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from dialogue_gym._files import FIGURES
from dialogue_gym._text import as_typed, counted, printable
from dialogue_gym.domain import Domain, load_domain
from dialogue_gym.domain.loader import domain_text
from dialogue_gym.domain.sources import builtin_names
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.factory import domain_notes, how_to_talk, make_runner, remembered_stories
from dialogue_gym.journal.history import History
from dialogue_gym.journal.location import default_store, has_store, store_named
from dialogue_gym.journal.place import StorePlace
from dialogue_gym.journal.store import Store
from dialogue_gym.live.bot import LiveBot
from dialogue_gym.live.checkpoints import CheckpointError, checkpoints_in, checkpoints_of
from dialogue_gym.live.learning_figures import LearningFigures
from dialogue_gym.live.options import LiveOptions, check_promotion, exploration_rates
from dialogue_gym.live.raters import RaterWeights
from dialogue_gym.live.regression_guard import RegressionGuard
from dialogue_gym.live.reward import LiveReward
from dialogue_gym.live.startup import check_agent, start_or_resume
from dialogue_gym.live.terminal import END_QUESTION, HELP, TerminalChat
from dialogue_gym.live.trainer import Trainer
from dialogue_gym.live.turn import no_listener
from dialogue_gym.policies.agent import Agent, load_agent
from dialogue_gym.policies.saved import AgentError
from dialogue_gym.teaching.learner import rule_book
from dialogue_gym.teaching.startup import await_training, check_examples, for_people, make_interpreter
from dialogue_gym.teaching.story_import import StoryNews
from dialogue_gym.teaching.taught_interpreter import TaughtInterpreter
from dialogue_gym.terminal import SCORES, Prompt, scores_key
from dialogue_gym.training.tracker import TrackingTool, available_tracker, tracking

if TYPE_CHECKING:
    from dialogue_gym.journal.seat import LearnerSeat

_PROMPT = "you > "
_END_PROMPT = f"{END_QUESTION} > "


@dataclass(frozen=True)
class _Beginning:
    """The start of a learner, new or resumed, found out before anything is written."""

    place: StorePlace
    tool: TrackingTool
    figures: Path
    domain: Domain
    turn_taking: str = "auto"
    agent: Agent | None = None
    note: str | None = None


@dataclass(frozen=True)
class OpenLiveBot:
    """A bot that learns, ready for people."""

    live: LiveBot
    store: Store
    trainer: Trainer
    interpreter: TaughtInterpreter
    place: StorePlace


@contextlib.contextmanager
def open_live_bot(
    given: LiveOptions, is_attended: bool = False, seat: LearnerSeat | None = None
) -> Iterator[OpenLiveBot]:
    """Open the store and the learner, which learns in the background until the context ends.

    Args:
        given: the options.
        is_attended: whether there are teachers, who keep the conversations that they have taken over;
            otherwise the bot decides in all of them again.
        seat: the seat of the learner, held, of a store that other processes share. The learner then follows
            the journal instead of this bot: see `SharedLearner`.

    Raises:
        ValueError: an option cannot be used, or a checkpoint or a message cannot be written; one line says
            which and why.
        OSError: the first checkpoint cannot be written.
    """
    torch.set_num_threads(1)  # a small network: a second thread costs more than it gives
    begins = _beginning(given)
    place, tool, figures = begins.place, begins.tool, begins.figures
    domain, turn_taking = begins.domain, begins.turn_taking
    words = make_interpreter(given.source, domain, given.nlu, given.seed, place, given.fallback)
    runner = make_runner(given.source, domain, given.actions, given.seed)
    guard = None
    if domain.fake_user is not None:
        guard = RegressionGuard(DialogueEnv(domain, turn_taking=turn_taking), given.fall, given.roll_back)
    run = f"{domain.name}, learning from people"
    with (
        Store(place, is_shared=seat is not None) as store,
        tracking(tool, figures, run, {"domain": domain.name}, _report, waits=True) as logger,
    ):
        if seat is None:
            checkpoints_of(place).published.unlink(missing_ok=True)  # it is about to be out of date
        for line in store.use_domain(given.source, domain_text(given.source)):
            _report(line)
        store.use_files(given.nlu, given.actions)
        for line in _news_of_rules(store, given.source):
            _report(line)
        if begins.note:
            _report(begins.note)
        if tool is TrackingTool.TENSORBOARD:
            _report(f"figures of the learning: tensorboard --logdir {figures / FIGURES}")
        weights = RaterWeights(store, domain) if given.weigh_raters else None
        reward = LiveReward.of(domain, counts_outcome=given.count_outcomes, weights=weights)
        trainer, _ = start_or_resume(
            store,
            domain,
            begins.agent,
            turn_taking=turn_taking,
            reward=reward,
            seed=given.seed,
            kept=given.checkpoints,
            guard=guard,
            report=_report,
            explore=given.explore,
            promote=given.promote,
            figures=None if tool is TrackingTool.NONE else LearningFigures(logger),
            checkpoints=None if seat is None else checkpoints_in(seat.data, given.checkpoints),
        )
        for line in trainer.version_lines():
            _report(line)
        live = LiveBot(
            domain,
            store,
            trainer.explorer,
            for_people(words, domain, is_attended),
            runner,
            on_transitions=trainer.submit if seat is None else no_listener,
            turn_taking=turn_taking,
            reward=reward if seat is None else dataclasses.replace(reward, weights=None),
            silence=given.silence * 60 or None,
            rules=rule_book(History(store.taught()), domain, trainer.learner.env.action_names, turn_taking),
        )
        if not is_attended and seat is None:  # other processes give them back after a while
            for name in live.conversations.teachers:
                live.give_back(name)
        trainer.start()
        try:
            yield OpenLiveBot(live, store, trainer, words, place)
        finally:
            _stop(trainer, place)
        steps = trainer.learner.transitions
    print(f"(learned from {counted(steps, 'step')} so far; it goes on from here next time)")


def run_live(given: LiveOptions) -> None:
    """Hold conversations in the terminal until the person leaves; errors are those of `open_live_bot`."""
    for note in domain_notes(given.source):
        _report(note)
    with open_live_bot(given) as bot:
        domain = bot.live.domain
        await_training(bot.interpreter)
        print(f"{domain.name}: everything is saved in {printable(str(bot.place))}.")
        print(f"{how_to_talk(domain, bot.interpreter.knows_words)} {SCORES} shows what it thinks.")
        print(HELP)
        for line in _talked(TerminalChat(bot.live, bot.trainer), Prompt()):
            print(line)


def _tracker(chosen: str | None, place: StorePlace) -> tuple[TrackingTool, Path]:
    """Return the tool for the figures of the learning, and the folder that it may write to.

    A database has no folder, so nothing is written beside it unless somebody asks for it.
    """
    if isinstance(place, Path):
        return available_tracker(chosen), place
    return available_tracker(chosen or TrackingTool.NONE), Path(place.name)


def _news_of_rules(store: Store, source: str) -> list[str]:
    """Return lines on rules that have changed in the files that a store began with."""
    stories, faults = remembered_stories(store.files.stories)
    news = str(StoryNews.of(History(store.taught()), stories)) if stories else ""
    command = f"dialogue-gym teach {as_typed(source)} --store {as_typed(store.place)}"
    return [*([f"{news}; `{command}` takes them over"] if news else []), *faults]


def _stop(trainer: Trainer, place: StorePlace) -> None:
    try:
        trainer.stop()
    except OSError as error:
        reason = error.strerror or str(error)
        what = "everything is in the journal, and is learned from next time"
        raise CheckpointError(f"{place}: no checkpoint could be written ({reason}); {what}") from None
    except RuntimeError as error:
        what = "everything is in the journal, and is learned from at the next start"
        raise CheckpointError(f"{place}: {error}; {what}") from None


def _report(note: str) -> None:
    with contextlib.suppress(OSError):  # nobody reads it any more, and the learning goes on
        print(f"({printable(note)})", flush=True)


def check_live(given: LiveOptions) -> None:
    """Refuse options with which no learner can begin; nothing is written.

    Raises:
        ValueError: an option cannot be used, or the store is about another domain, or cannot be read.
    """
    begins = _beginning(given)
    make_runner(given.source, begins.domain, given.actions, given.seed)


def _beginning(given: LiveOptions) -> _Beginning:
    """Find out the start of the learner; errors are those of `check_live`."""
    exploration_rates(given.explore)
    check_examples(given.nlu)
    text, domain = domain_text(given.source), load_domain(given.source)
    check_promotion(given.promote, given.explore, domain)
    place = given.store or default_store(domain.name, "live", given.source, text)
    tool, figures = _tracker(given.track, place)
    history, as_in_file = History(()), domain
    if has_store(place):
        with Store(place, create=False, read_only=True) as store:
            store.use_domain(given.source, text)
            history = History(store.taught())
            domain = history.extended(domain)
    newest = next(checkpoints_of(place).readable(lambda fault: None), None)  # told when it is opened
    if newest is not None:
        note = f"the learner of {place} goes on; --agent is for a new one, and was ignored"
        note_or_none = note if given.agent else None
        return _Beginning(place, tool, figures, domain, newest.turn_taking, note=note_or_none)
    if (other := store_named(given.agent)) is not None:
        raise AgentError(f"{other}: this is a store; to continue with it: --store {other}")
    # The agent of a built-in domain knows none of the names that were added to it.
    is_builtin = given.source in builtin_names() and domain == as_in_file
    agent = load_agent(given.agent, domain, is_builtin=is_builtin, trust=given.trust)
    if agent is not None:
        if given.agent is None and domain.fake_user is None:
            agent = None  # nobody can play with it to show it to the learner
        else:
            check_agent(agent, domain.fake_user is not None)
    if agent is not None:
        note = f"a new learner begins with the agent {agent.name!r}; this takes some seconds"
        return _Beginning(place, tool, figures, domain, agent.turn_taking, agent, note)
    note = "a new learner begins with the labels taught here"
    if not history.labels(domain):
        note = (
            "no agent for this domain, and nothing was taught here: the bot begins with guesses. To teach it"
            f" first: dialogue-gym teach {as_typed(given.source)} --store {as_typed(place)}"
        )
    return _Beginning(place, tool, figures, domain, note=note)


def _talked(talk: TerminalChat, prompt: Prompt) -> Iterator[str]:
    """Yield the lines for a person until they leave; at the end of a conversation they are asked about it."""
    yield from talk.resume()
    keys = scores_key(prompt, talk.explain)
    while (text := prompt.read(*((_END_PROMPT,) if talk.ended else (_PROMPT, keys)))) is not None:
        if talk.ended:
            yield from talk.judge(text)
        else:
            yield from talk.explain() if text.strip() == SCORES else talk.say(text)
    talk.leave()
    while talk.ended and (text := prompt.read(_END_PROMPT)) is not None:
        yield from talk.judge(text, is_leaving=True)
