"""What `dialogue-gym live` does: it opens the learner and holds the conversations in the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from dialogue_gym.actions import ActionRunner
from dialogue_gym.cli.prompting import Prompt
from dialogue_gym.domain import Domain
from dialogue_gym.domain.reader import printable
from dialogue_gym.envs import DialogueEnv
from dialogue_gym.interpreter import Interpreter
from dialogue_gym.live.core import Live
from dialogue_gym.live.guard import Guard
from dialogue_gym.live.opening import open_trainer
from dialogue_gym.live.talking import HELP, Talk
from dialogue_gym.live.transitions import LiveReward
from dialogue_gym.store import Store
from dialogue_gym.trained import Agent

_PROMPT = "you > "
_END_PROMPT = "How was that? +, -, a number from -1 to 1, or Enter > "


@dataclass(frozen=True)
class Living:
    """How a bot learns from a person: what the command was given."""

    domain: Domain
    store: Store
    agent: Agent | None
    is_agent_given: bool
    interpreter: Interpreter
    runner: ActionRunner
    silence: float | None
    kept: int
    fall: float
    rolls_back: bool
    counts_outcome: bool
    seed: int


def hold(given: Living) -> None:
    """Talk in the terminal until the person leaves.

    Raises:
        ValueError: what the command was given cannot be used; one line says why.
        OSError: the last checkpoint cannot be written.
    """
    torch.set_num_threads(1)  # a small network: a second thread costs more than it gives
    domain = given.domain
    turn_taking = given.agent.turn_taking if given.agent else "auto"
    reward = LiveReward.of(domain, counts_outcome=given.counts_outcome)
    guard = None
    if domain.fake_user is not None:
        guard = Guard(DialogueEnv(domain, turn_taking=turn_taking), given.fall, given.rolls_back)
    trainer, _ = open_trainer(
        given.store,
        domain,
        given.agent,
        turn_taking=turn_taking,
        reward=reward,
        seed=given.seed,
        kept=given.kept,
        guard=guard,
        report=lambda line: print(f"({printable(line)})", flush=True),
    )
    live = Live(
        domain,
        given.store,
        trainer.explorer,
        given.interpreter,
        given.runner,
        turn_taking=turn_taking,
        reward=reward,
        silence=given.silence,
    )
    talk = Talk(live, trainer)
    print(f"{domain.name}: all is kept in {printable(str(given.store.folder))}.")
    print(HELP)
    trainer.start()
    try:
        for line in talk.go_on():
            print(line)
        for text in _typed(talk, Prompt()):
            for line in talk.say(text):
                print(line)
    finally:
        trainer.stop()
    learner = trainer.learner
    print(f"(learned from {learner.transitions} steps of people so far; it goes on from here the next time)")


def _typed(talk: Talk, prompt: Prompt) -> Iterator[str]:
    """Yield what the person types; where a conversation has ended it is asked how it was."""
    while (text := prompt.read(_END_PROMPT if talk.ended else _PROMPT)) is not None:
        if talk.ended and not text.strip():
            talk.ended = None
        yield text
    talk.leave()
    if talk.ended and (rating := prompt.read(_END_PROMPT)) is not None:
        yield rating
