"""Beginning to learn from people, or going on: from the last checkpoint, and the journal after it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from dialogue_gym.conversation import with_user
from dialogue_gym.domain import Domain
from dialogue_gym.history import History
from dialogue_gym.live.actor import Explorer
from dialogue_gym.live.checkpoints import CheckpointError, Checkpoints, checkpoints_of
from dialogue_gym.live.growth import LossError, described, load
from dialogue_gym.live.guard import Guard
from dialogue_gym.live.learner import LearnerSettings, LiveLearner
from dialogue_gym.live.missed import missed
from dialogue_gym.live.study import begin_with
from dialogue_gym.live.trainer import EVERY, Trainer
from dialogue_gym.live.transitions import LiveReward
from dialogue_gym.store import Store
from dialogue_gym.teaching.learner import right_actions
from dialogue_gym.trained import Agent


def open_trainer(
    store: Store,
    domain: Domain,
    agent: Agent | None,
    *,
    turn_taking: str = "auto",
    reward: LiveReward | None = None,
    settings: LearnerSettings | None = None,
    seed: int = 0,
    kept: int = 7,
    every: int = EVERY,
    guard: Guard | None = None,
    report: Callable[[str], None] = print,
    others: Callable[[], dict[str, Any]] = dict,
) -> tuple[Trainer, dict[str, Any]]:
    """Return who learns from the conversations of a store: the one of last time, or one that begins.

    Args:
        store: with the journal; its folder has the checkpoints.
        domain: as it is now; it may have grown since.
        agent: where a learner begins that has no checkpoint; None for what was taught in the store.
        turn_taking: of the bot.
        reward: what steps are worth; the domain's without it.
        settings: how it is learned.
        seed: of a learner that begins.
        kept: how many checkpoints are kept.
        every: transitions between two of them.
        guard: watches them.
        report: is told in one line what a person should know.
        others: gives what else a checkpoint is to hold.

    Returns:
        It, and what else the checkpoint held.

    Raises:
        LossError: the domain has lost something that the learner knows, or the turn taking differs.
        AgentError: the agent cannot go on learning here.
        StoreError: the journal cannot be read.
        OSError: the first checkpoint cannot be written.
    """
    checkpoints = checkpoints_of(store.folder, kept)
    learner = LiveLearner(with_user(domain), turn_taking, settings, seed)
    taught = right_actions(History(store.taught()), domain, learner.env.action_names, turn_taking)
    learner.teach(taught)
    knows_something = agent is not None or bool(taught)
    explorer = Explorer(learner.actor(), seed, satisfaction=float(knows_something))
    found = _resume(learner, explorer, checkpoints, report)
    if found is None:
        begin_with(learner, agent, domain.fake_user is not None, seed)
    state = found or {"upto": 0, "best": None, "others": {}}
    if guard is not None:
        guard.best = float(state["best"] or 0.0)
    explorer.actor = learner.actor()
    trainer = Trainer(
        learner,
        explorer,
        checkpoints,
        state["upto"],
        every=every,
        guard=guard,
        report=report,
        others=others,
        taught=taught,
    )
    if found is None:
        trainer.checkpoint()
    for last, transitions in missed(store, domain, reward or LiveReward.of(domain), trainer.upto):
        trainer.put(transitions, last)
    return trainer, state["others"]


def _resume(
    learner: LiveLearner, explorer: Explorer, checkpoints: Checkpoints, report: Callable[[str], None]
) -> Mapping[str, Any] | None:
    """Become the learner of the newest good checkpoint; return its state, None if there is no good one."""
    for checkpoint in checkpoints.readable(report):
        state = checkpoint.state
        try:
            load(learner, checkpoint)
            explorer.load(state["explorer"], has_grown=state["knows"] != described(learner.env))
        except LossError:
            raise
        except CheckpointError as error:
            report(str(error))
        else:
            if state["time"] > time.time():
                report(f"{checkpoint.path}: this is dated later than now; the clock has gone back since")
            return state
    return None
