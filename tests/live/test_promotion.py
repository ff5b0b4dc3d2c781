"""Safe promotion: newer weights take over once the logs show that they are better, and not before."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from dialogue_gym import DialogueEnv
from dialogue_gym.journal.entry import LABEL
from dialogue_gym.journal.store import Store
from dialogue_gym.live.checkpoints import checkpoints_of
from dialogue_gym.live.exploration import QPolicy
from dialogue_gym.live.logs import StoredLogs
from dialogue_gym.live.policy import store_agent
from dialogue_gym.live.promotion import (
    BUDGET,
    FEWEST,
    LabelledQPolicy,
    Promotion,
    VersionComparison,
    compare,
    error_of,
    weights_in,
)
from dialogue_gym.live.startup import start_or_resume
from dialogue_gym.off_policy import Estimate
from dialogue_gym.policies.agent import Agent
from tests.live.learning import learner_of, right_labels
from tests.live.people import DOMAIN, SMALL, Days
from tests.off_policy.test_estimators import NEW, OLD, RANGE, logs, target


def weights(version: int) -> QPolicy:
    actor = learner_of().actor()
    return QPolicy(actor.env, [part + version for part in actor.weights], version)


def stored(dialogues: int, seed: int, new: Any = NEW, old: Any = OLD) -> StoredLogs:
    log = logs(OLD, dialogues, seed)
    return StoredLogs(log, (target(log, new), target(log, old)), RANGE, 0, 0, 0, 0, 1)


def test_error_of_all_comparisons_stays_within_the_budget() -> None:
    assert BUDGET - 1e-5 < sum(map(error_of, range(1, 100_000))) < BUDGET
    lows = [compare(stored(400, 1), number).low for number in range(1, 9)]
    assert lows == sorted(lows, reverse=True) and len({*lows}) == 8


def takes_over(policy: Any, dialogues: int, looks: int, seed: int) -> bool:
    gate = dataclasses.replace(Promotion.begin(weights(0), 0, 0.0), looks=looks)
    return gate.judge(stored(dialogues, 10 * seed + looks, policy), 1.0).is_better


def test_worse_and_equal_versions_do_not_take_over() -> None:
    """Within the budget, although each is compared again and again."""
    worse = 0.7 * OLD + 0.3 * np.array([[1, 0], [0, 1], [1, 0]])
    for policy in (worse, OLD):
        taken = [
            any(takes_over(policy, 100 * 2**look, look, seed) for look in range(3)) for seed in range(20)
        ]
        assert np.mean(taken) <= BUDGET
    assert takes_over(NEW, 400, 0, 0)


def better(low: float = 0.5) -> VersionComparison:
    return VersionComparison(1, 1, 7.0, 90, Estimate(1.0, low, 1.5, 0.2))


def test_versions_take_turns() -> None:
    """Each candidate waits for as many conversations as there were before, and is then compared, or not."""
    now = Promotion.begin(weights(0), 10, 5.0)
    assert now.is_same and not now.with_ended(FEWEST - 1).is_due and now.with_ended(FEWEST).is_due
    now = now.with_ended(FEWEST).next(weights(1), 20)  # nothing to compare
    assert (now.talking.version, now.candidate.version, now.after, now.looks) == (0, 1, 20, 0)
    assert now.due == FEWEST and not now.is_due
    now = now.with_ended(FEWEST).next(weights(2), 30, better(low=-0.1))
    assert (now.talking.version, now.candidate.version, now.due, now.looks) == (0, 2, 2 * FEWEST, 1)
    assert "version 1 is not surely better. The difference is between -0.1 and +1.5" in now.lines(2)[2]
    unknown = now.cannot_say("too few", 6.0)
    now = now.with_ended(2 * FEWEST).next(weights(3), 40, unknown)
    assert (now.talking.version, now.due, now.looks) == (0, 4 * FEWEST, 2)
    assert "cannot say yet whether version 2 is better" in now.lines(3)[2]
    candidate = now.candidate
    now = now.with_ended(4 * FEWEST).next(weights(4), 50, dataclasses.replace(better(), number=3, version=3))
    assert now.talking is candidate and now.since == 7.0
    assert (now.candidate.version, now.after, now.due, now.before, now.looks) == (4, 50, FEWEST, 0, 3)
    assert "90 conversations show that it does better than version 0" in now.lines(4)[0]
    assert now.lines(4)[-1] == "Next comparison: after 100 more conversations."


@pytest.mark.parametrize("last", [None, better(), Promotion.begin(weights(0), 1, 1.0).cannot_say("few", 2.0)])
def test_all_of_it_is_kept_in_a_checkpoint(last: VersionComparison | None) -> None:
    now = dataclasses.replace(Promotion.begin(weights(3), 10, 5.0), candidate=weights(8), last=last, ended=4)
    state = json.loads(json.dumps(now.state()))
    again = Promotion.load(now.talking.env, weights_in(now.arrays()), state)
    assert again.state() == now.state() and again.lines(9) == now.lines(9)
    for one, other in ((now.talking, again.talking), (now.candidate, again.candidate)):
        assert all((a == b).all() for a, b in zip(one.weights, other.weights, strict=True))


def test_labels_hold_whatever_talks() -> None:
    policy = learner_of().actor()
    names, labels = policy.env.action_names, right_labels()
    observation, possible = np.frombuffer(next(iter(labels)), np.int8), np.ones(len(policy.env.action_names))
    for name in names:
        chosen = LabelledQPolicy(policy, {observation.tobytes(): (name,)}).choose(observation, possible, True)
        assert names[chosen] == name
    here = policy.choose(observation, possible, True)
    for others in ({}, {b"else": names}, {observation.tobytes(): ("gone",)}):
        assert LabelledQPolicy(policy, others).choose(observation, possible, True) == here


# With people.


def days(store: Store, **arguments: Any) -> Days:
    return Days(store, 10_000, **{"promote": "safely"} | arguments)


def deciding_versions(store: Store) -> set[int]:
    return {entry.content["version"] for entry in store.entries() if entry.kind == LABEL}


def test_learner_learns_in_the_shadow(store: Store) -> None:
    """The version in use goes on deciding and exploring, through restarts as well."""
    live = days(store)
    for number in range(30):
        live.talk()
        live.trainer.work()
        if number % 10 == 9:
            live.trainer.stop()
            live = days(store)
            assert live.trainer.promotion is not None and live.trainer.promotion.ended == number + 1
    live.talk()  # and a kill instead of a stop: the journal has it
    live = days(store)
    assert live.trainer.promotion is not None and live.trainer.promotion.ended == 31
    live.trainer.work()
    assert live.trainer.learner.updates > 100 and deciding_versions(store) == {0}
    assert live.trainer.explorer.actor.version == 0
    chances = [entry.content["chances"] for entry in store.entries() if entry.kind == LABEL]
    assert any(max(one.values()) < 1 for one in chances)
    live.trainer.checkpoint()
    assert outside(store).version == 0 and is_same(outside(store), live.trainer.explorer.actor)
    newest = days(store, promote="newest").trainer
    assert newest.explorer.actor.version == live.trainer.learner.updates
    newest.checkpoint()
    assert is_same(outside(store), newest.explorer.actor)


def test_after_lost_checkpoints_it_begins_once_the_journal_is_learned(store: Store) -> None:
    """Otherwise people would meet the first weights again, until as many conversations more have ended."""
    live = days(store)
    for _ in range(30):
        live.talk()
        live.trainer.work()
    live.trainer.stop()
    for path in checkpoints_of(store.place).paths():
        path.unlink()
    reports: list[str] = []
    options: dict[str, Any] = {"settings": SMALL, "explore": "auto", "promote": "safely"}
    trainer, _ = start_or_resume(store, DOMAIN, None, report=reports.append, **options)
    assert trainer.promotion is None and trainer.explorer.actor.version == 0
    assert trainer.version_lines() == [
        "The newest version answers until the journal is learned; safe promotion begins with it."
    ]
    trainer.work()
    newest = trainer.learner.updates
    now = trainer.promotion
    assert (
        now is not None and newest > 100 and trainer.explorer.actor.version == now.talking.version == newest
    )
    assert (now.after, now.ended, now.due) == (trainer.last_entry, 0, FEWEST)
    assert reports == trainer.version_lines() and reports[0].startswith(f"Version {newest} answers, since ")
    live = days(store)  # a kill: what it began with was written down
    live.talk()
    live.trainer.work()
    assert live.trainer.learner.updates > newest == live.trainer.explorer.actor.version


def outside(store: Store) -> QPolicy:
    """The policy that a chat or an evaluation finds in a store."""
    _, agent = store_agent(store.place, DOMAIN, print)
    assert isinstance(agent.policy, QPolicy)
    return agent.policy


def is_same(one: QPolicy, other: QPolicy) -> bool:
    weights = zip(one.weights, other.weights, strict=True)
    return one.version == other.version and all((a == b).all() for a, b in weights)


def policy(first: str, version: int) -> QPolicy:
    """Return weights for the right actions, but for the first one of a dialogue."""
    learner, env, labels = learner_of(), DialogueEnv(DOMAIN), {}
    for seed in range(20):
        observation, info = env.reset(seed=seed)
        name, is_over = first, False
        while not is_over:
            labels[observation.tobytes()] = (name,)
            observation, _, terminated, truncated, info = env.step(env.action_names.index(name))
            name = "order" if info["action_mask"][env.action_names.index("order")] else "ask_size"
            is_over = terminated or truncated
    learner.teach(labels)
    learner.study(150)
    return QPolicy(learner.env, learner.actor().weights, version)


def test_better_version_takes_over_and_a_restart_keeps_it(store: Store) -> None:
    live = days(store)
    trainer, asked = live.trainer, []
    assert trainer.promotion is not None
    trainer.promotion = dataclasses.replace(trainer.promotion, candidate=weights(7), after=1, due=2)

    def read(agents: Sequence[Agent], after: int) -> StoredLogs:
        asked.append(after)
        return stored(400, 0)

    trainer._read = read
    live.talk()
    trainer.work()
    assert trainer.explorer.actor.version == 0 and asked == live.reports == []
    live.talk()
    trainer.work()
    assert trainer.explorer.actor.version == 7 and asked == [1]
    assert live.reports[0].startswith("Version 7 answers, since ")
    again = days(store)  # it was written down before it talked, so a kill loses nothing
    assert again.trainer.promotion is not None
    assert again.trainer.promotion.state() == trainer.promotion.state()
    again.talk()
    assert deciding_versions(store) == {0, 7}


@pytest.mark.slow
def test_better_version_takes_over_by_what_people_said(store: Store) -> None:
    """One wraps something first, which takes a step; the other does not."""
    live = days(store, explore="0.5", settings=dataclasses.replace(SMALL, updates=0))
    slow, fast, trainer = policy("wrap", 0), policy("order", 7), live.trainer
    trainer.promotion = Promotion(slow, 5.0, "it came first", fast, after=0, due=1100)
    trainer.teach({})
    for _ in range(1100):
        live.talk()
    trainer.work()
    now = trainer.promotion
    assert now.talking is fast and trainer.explorer.actor.version == 7
    assert now.last is not None and now.last.gain is not None and now.last.conversations == 1100
    assert 0 < now.last.gain.low < 1 < now.last.gain.high and abs(now.last.gain.value - 1) < 0.3


def test_domain_that_grows_keeps_the_version_in_use(store: Store) -> None:
    live = days(store)
    live.talk()
    live.trainer.work()
    live.trainer.stop()
    grown = days(store, domain=DOMAIN.with_action("utter_thanks", "Thank you"))
    for trainer in (live.trainer, grown.trainer):
        trainer.use_domain(DOMAIN.with_action("utter_thanks", "Thank you"), lambda env: {}, frozenset())
        now, env = trainer.promotion, trainer.learner.env
        assert now is not None and "utter_thanks" in env.action_names
        assert (now.talking.version, now.candidate.version) == (0, trainer.learner.updates)
        assert (now.ended, now.before, now.talking.env) == (0, 1, env)
        assert trainer.explorer.actor.version == 0
        observation, _ = env.reset(seed=0)
        trainer.explorer.decide(observation, np.ones(len(env.action_names), np.bool_))


def test_comparison_that_the_logs_cannot_make_changes_nothing(store: Store) -> None:
    """Too few conversations can be used; the reason is told, and all goes on."""
    live = days(store)
    assert live.trainer.promotion is not None
    live.trainer.promotion = dataclasses.replace(live.trainer.promotion, candidate=policy("wrap", 7), due=20)
    for _ in range(20):
        live.talk()
    live.trainer.work()
    assert live.reports[-1] == "only 20 logged dialogues can be used, fewer than 50"
    assert "cannot say yet whether version 7 is better" in live.reports[2]
    assert (live.trainer.promotion.looks, live.trainer.promotion.due) == (1, FEWEST)
    assert live.trainer.explorer.actor.version == 0
