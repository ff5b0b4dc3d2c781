"""The start of learning from people: a new learner, or the last checkpoint and the journal after it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

from dialogue_gym.conversation.bot_state import with_user
from dialogue_gym.domain import Domain
from dialogue_gym.journal.entry import END
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.live.checkpoints import Checkpoint, CheckpointError, Checkpoints, checkpoints_of
from dialogue_gym.live.exploration import Explorer
from dialogue_gym.live.follower import JournalFollower
from dialogue_gym.live.learner import LearnerSettings, LiveLearner
from dialogue_gym.live.learning_figures import LearningFigures
from dialogue_gym.live.logs import read_logs
from dialogue_gym.live.migration import MigrationError, Names, load_checkpoint, schema_of
from dialogue_gym.live.options import NEWEST, SAFELY, check_promotion, exploration_rates
from dialogue_gym.live.promotion import Promotion, weights_in
from dialogue_gym.live.regression_guard import RegressionGuard
from dialogue_gym.live.reward import LiveReward
from dialogue_gym.live.trainer import EVERY, Trainer
from dialogue_gym.live.transitions import Transition
from dialogue_gym.policies.agent import Agent
from dialogue_gym.policies.base import Policy
from dialogue_gym.policies.network import NetworkPolicy
from dialogue_gym.policies.saved import AgentError
from dialogue_gym.teaching.learner import right_actions


def start_or_resume(
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
    guard: RegressionGuard | None = None,
    report: Callable[[str], None] = print,
    others: Callable[[], dict[str, Any]] = dict,
    explore: str | None = None,
    promote: str = NEWEST,
    figures: LearningFigures | None = None,
    checkpoints: Checkpoints | None = None,
) -> tuple[Trainer, dict[str, Any]]:
    """Return the trainer of a store, resumed from a checkpoint or new.

    Args:
        store: the store with the journal; which has the checkpoints too.
        domain: the domain as it is now, possibly with additions.
        agent: the start of a learner without a checkpoint; None for the labels in the store.
        turn_taking: `"auto"` or `"explicit"`.
        reward: the reward of the steps; by default the domain's.
        settings: the settings of the learner.
        seed: the seed of a new learner.
        kept: the number of checkpoints to keep.
        every: the number of transitions between two checkpoints.
        guard: watches the success rate of the checkpoints.
        report: called with one line that a person should read.
        others: returns further parts of a checkpoint, as JSON-serializable values.
        explore: `"auto"`, or the share of decisions that try another action out; None for none.
        promote: `"newest"` for the newest weights always, `"safely"` for those that are surely better.
        figures: given the figures of the learning at the end of each dialogue.
        checkpoints: the checkpoints, if only some may write them; `kept` is theirs then.

    Returns:
        The trainer, and the further parts of the checkpoint.

    Raises:
        MigrationError: the domain has lost something that the learner knows, or the turn taking differs.
        AgentError: the agent cannot go on learning here.
        StoreError: the journal cannot be read.
        ValueError: `explore` is neither, or versions cannot be compared safely.
        OSError: the first checkpoint cannot be written.
    """
    rates = exploration_rates(explore)
    check_promotion(promote, explore, domain)
    checkpoints = checkpoints or checkpoints_of(store.place, kept)
    learner = LiveLearner(with_user(domain), turn_taking, settings, seed)
    history = History(store.taught())
    taught = right_actions(history, domain, learner.env.action_names, turn_taking)
    learner.teach(taught)
    knows_something = agent is not None or bool(taught)
    explorer = Explorer(learner.actor(), seed, rates, satisfaction=float(knows_something))
    found = _resume(learner, explorer, checkpoints, report, history.own_names)
    if found is None:
        initialize_learner(learner, agent, domain.fake_user is not None, seed)
    state = found.state if found else {"upto": 0, "best": None, "others": {}}
    if guard is not None:
        guard.best = float(state["best"] or 0.0)
    explorer.actor = learner.actor()
    promotion = None
    if promote == SAFELY and (known := _promotion(learner, found, state["upto"])) is not None:
        promotion = known.with_ended(_ended(store, state["upto"]))
    follower = JournalFollower(store, domain, reward or LiveReward.of(domain), state["upto"])
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
        own=history.own_names,
        promotion=promotion,
        read=lambda agents, after: read_logs(store, agents[0].env.domain, agents, after),
        follower=follower,
        figures=figures,
    )
    last_entry = state["upto"]
    for news in follower.news():
        last_entry = news.entry
        trainer.submit(news.transitions, last_entry)  # the ends of dialogues are counted already
    follower.forget()  # most were read for this alone
    if promote == SAFELY and promotion is None:
        trainer.promote_after(last_entry)
    if found is None or trainer.promotion is not promotion:
        trainer.checkpoint()
    return trainer, state["others"]


def _resume(
    learner: LiveLearner,
    explorer: Explorer,
    checkpoints: Checkpoints,
    report: Callable[[str], None],
    own: Names,
) -> Checkpoint | None:
    """Load the newest good checkpoint; return it as the domain needs it now, None without a good one."""
    for checkpoint in checkpoints.readable(report):
        state = checkpoint.state
        try:
            arrays = load_checkpoint(learner, checkpoint, own)
            explorer.load(state["explorer"], has_grown=state["knows"] != schema_of(learner.env))
        except MigrationError:
            raise
        except CheckpointError as error:
            report(str(error))
        else:
            if state["time"] > time.time():
                report(f"{checkpoint.path}: this is dated later than now; the clock has gone back since")
            return dataclasses.replace(checkpoint, arrays=arrays)
    return None


def _promotion(learner: LiveLearner, found: Checkpoint | None, upto: int) -> Promotion | None:
    """Return the promotion of a checkpoint; None if it has none."""
    known = found.state.get("promotion") if found else None
    if found is None or known is None:
        return None
    weights = weights_in(found.arrays)
    promotion = Promotion.load(learner.env, weights, known)
    if found.state["knows"] != schema_of(learner.env):
        promotion = promotion.grown(learner.env, weights, learner.actor(), upto)
    return promotion


def _ended(store: Store, after: int) -> int:
    """Return the number of conversations that have ended after an entry."""
    return sum(entry.kind == END for entry in store.entries(after=after))


STEPS, UPDATES, TAUGHT_UPDATES = 2000, 3000, 500
"""The steps of an agent that are studied, the updates for it, and those with labels alone."""

_WIDTHS = [64, 64]
"""The widths of a live learner's hidden layers, which are those that Stable-Baselines3 gives a DQN."""


def initialize_learner(learner: LiveLearner, agent: Agent | None, can_play: bool, seed: int = 0) -> None:
    """Initialize a learner from an agent.

    The weights of a DQN with the learner's own layers are taken as they are. Any other policy has dialogues
    with the fake user, which are studied. Without an agent the learner begins with the labels alone.

    Args:
        learner: a new learner.
        agent: the agent to begin with; None for the labels alone.
        can_play: whether the domain has a fake user to play with.
        seed: the seed of the dialogues.

    Raises:
        AgentError: the agent cannot go on learning here, or a fake user to study it with is missing.
    """
    if agent is None:
        learner.study(TAUGHT_UPDATES)
        return
    check_agent(agent, can_play)
    if (network := _q_network(agent.policy)) is not None:
        learner.take_weights([part for layer in network.layers for part in layer])
    else:
        _study(learner, agent.policy, seed)


def _q_network(policy: Policy) -> NetworkPolicy | None:
    """Return a policy whose weights a learner can take as they are; None for others."""
    if not isinstance(policy, NetworkPolicy) or not policy.has_values or policy.activation != "relu":
        return None
    widths = [len(biases) for _, biases in policy.layers[:-1]]
    return policy if widths == _WIDTHS else None


def check_agent(agent: Agent, can_play: bool) -> None:
    """Check that a learner can begin with an agent.

    Args:
        agent: the agent to check.
        can_play: whether the domain has a fake user to play with.

    Raises:
        AgentError: the agent is not suitable; one line gives the reason.
    """
    if agent.env.max_history != 1:
        raise AgentError(
            f"{agent.name}: it sees the last {agent.env.max_history} observations (max_history), and live"
            " learning goes by one; train it with max_history=1"
        )
    if not can_play and _q_network(agent.policy) is None:
        raise AgentError(
            f"{agent.name}: without a fake user (the key 'fake_user') it cannot be studied; only a DQN with"
            " the usual two layers of 64 units can go on learning without one"
        )


def _study(learner: LiveLearner, policy: Policy, seed: int) -> None:
    """Play a policy's dialogues and learn from them. Its transitions stay in the buffer, as the oldest."""
    env = policy.env
    observation, info = env.reset(seed=seed)
    entry = -1  # such ids belong to no entry of a journal
    while entry >= -STEPS:
        action, _ = policy.predict(observation, deterministic=True, action_masks=info["action_mask"])
        following, reward, terminated, truncated, info = env.step(action)
        name = env.action_names[int(action)]
        learner.remember(Transition(entry, observation, name, float(reward), following, terminated, 0))
        entry -= 1
        observation = following
        if terminated or truncated:
            observation, info = env.reset()
    learner.study(UPDATES, margin_on_done=1.0)
