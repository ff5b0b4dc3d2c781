"""Beginning to learn from people, or going on: from the last checkpoint, and the journal after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dialogue_gym.conversation import with_user
from dialogue_gym.domain import Domain
from dialogue_gym.envs import DialogueEnv
from dialogue_gym.history import History
from dialogue_gym.live.actor import Explorer
from dialogue_gym.live.checkpoints import Checkpoint, CheckpointError, checkpoints_of
from dialogue_gym.live.core import missed
from dialogue_gym.live.growth import carried_over
from dialogue_gym.live.guard import Guard
from dialogue_gym.live.learner import LearnerSettings, LiveLearner
from dialogue_gym.live.study import begin_with
from dialogue_gym.live.trainer import EVERY, Trainer
from dialogue_gym.live.transitions import LiveReward
from dialogue_gym.store import Store
from dialogue_gym.teaching.learner import Learner
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
        CheckpointError: the domain has lost something that the learner knows, or the turn taking differs.
        StoreError: the journal cannot be read.
        OSError: the first checkpoint cannot be written.
    """
    checkpoints = checkpoints_of(store.folder, kept)
    learner = LiveLearner(with_user(domain), turn_taking, settings, seed)
    taught = _taught(store, domain, learner.env)
    learner.teach(taught)
    knows_something = agent is not None or bool(taught)
    explorer = Explorer(learner.actor(), seed, satisfaction=float(knows_something))
    others_then: dict[str, Any] = {}
    upto = 0
    newest, faults = checkpoints.newest()
    for fault in faults:
        report(fault)
    if newest is None:
        begin_with(learner, agent, domain.fake_user is not None, seed)
    else:
        upto, others_then = _resume(learner, explorer, newest, guard)
    explorer.actor = learner.actor()
    trainer = Trainer(
        learner, explorer, checkpoints, upto, every=every, guard=guard, report=report, others=others
    )
    if newest is None:
        trainer.checkpoint()
    trainer.put(missed(store, domain, reward or LiveReward.of(domain), upto), store.last_id())
    return trainer, others_then


def _resume(
    learner: LiveLearner, explorer: Explorer, newest: Checkpoint, guard: Guard | None
) -> tuple[int, dict[str, Any]]:
    state = newest.state
    try:
        arrays = carried_over(newest.arrays, state["knows"], learner.arrays(), learner.env)
        learner.load(arrays, state["learner"])
        explorer.load(state["explorer"])
        if guard is not None:
            guard.best = float(state["best"] or 0.0)
        return int(state["upto"]), dict(state["others"])
    except CheckpointError as error:
        raise CheckpointError(f"{newest.path}: {error}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{newest.path}: this is no checkpoint of a live learner ({error})") from None


def _taught(store: Store, domain: Domain, env: DialogueEnv) -> dict[bytes, tuple[str, ...]]:
    """Return what teachers said is right, by observation."""
    labels = History(store.taught()).labels(domain, env.settings.turn_taking)
    learner = Learner(domain, env.action_names)
    learner.learn(labels)
    return learner.memory
