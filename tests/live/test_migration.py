"""A learner whose domain has grown, and one that is watched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from dialogue_gym import DialogueEnv, Domain
from dialogue_gym.conversation.bot_state import with_user
from dialogue_gym.journal.store import Store
from dialogue_gym.live.checkpoints import Checkpoints, checkpoints_of, read, rename_action
from dialogue_gym.live.exploration import Explorer
from dialogue_gym.live.learner import LiveLearner
from dialogue_gym.live.migration import MigrationError, migrate_arrays, schema_of
from dialogue_gym.live.regression_guard import RegressionGuard
from dialogue_gym.live.startup import start_or_resume
from dialogue_gym.live.trainer import Trainer
from tests.conftest import TINY, domain_from
from tests.live.learning import learner_of, right_labels, trainer_of, transitions
from tests.live.people import DOMAIN, SMALL, Days, bits, comparable, newest_path

torch.set_num_threads(1)


# A domain that has grown, and one that has lost something.

WITH_ANOTHER_VALUE = TINY.replace("values: [small, large]", "values: [tiny, small, large]")


GROWN: dict[str, Callable[[Domain], Domain]] = {
    "an action": lambda domain: domain.with_action("utter_thanks", "Thank you"),
    "an intent": lambda domain: domain.with_intent("thank"),
    "a slot": lambda domain: domain.with_slot("colour"),
    "a slot with values": lambda domain: domain.with_slot("colour", "categorical", ["red", "blue"]),
    "a value": lambda domain: domain_from(WITH_ANOTHER_VALUE),
    "all of it": lambda domain: (
        domain_from(WITH_ANOTHER_VALUE).with_slot("colour").with_intent("thank").with_action("utter_thanks")
    ),
}


def as_grown(observation: npt.NDArray[Any], env: DialogueEnv, grown: DialogueEnv) -> npt.NDArray[Any]:
    """Return the observation of the same state in the extended domain."""
    words = env.describe(observation)
    return np.array(
        [field.labels.index(words.get(field.name, field.labels[0])) for field in grown.fields],
        grown.observation_space.dtype,
    )


@pytest.mark.parametrize("what", GROWN)
def test_knowledge_is_carried_over_by_name(what: str) -> None:
    learner = learner_of()
    learner.add(transitions(60))
    learner.learn()
    domain = GROWN[what](DOMAIN)
    grown = learner_of(domain)
    arrays = migrate_arrays(learner.arrays(), schema_of(learner.env), grown.arrays(), grown.env)
    grown.load(arrays, learner.state())
    before, after = learner.actor(), grown.actor()
    places = [grown.env.action_names.index(name) for name in learner.env.action_names]
    old, new = learner.replay.arrays(), grown.replay.arrays()
    for row, observation in enumerate(old["observations"]):
        shown = as_grown(observation, learner.env, grown.env)
        np.testing.assert_array_equal(new["observations"][row], shown)
        np.testing.assert_allclose(
            after.outputs(shown)[places], before.outputs(observation), rtol=1e-4, atol=1e-5
        )
        action = learner.env.action_names[old["actions"][row]]
        assert grown.env.action_names[new["actions"][row]] == action
    names = ("entries", "rewards", "terminated", "arrivals")
    assert all((old[name] == new[name]).all() for name in names) and len(grown.replay) == 60
    grown.add(transitions(30, domain, first=1000))  # and it goes on
    grown.learn()


def test_store_resumes_with_an_extended_domain(store: Store) -> None:
    days = Days(store, 20)
    days.live_on()
    assert len(Days(store, 20).trainer.explorer.visits) > 0
    grown = Days(store, 20, domain=DOMAIN.with_slot("colour").with_action("utter_thanks"))
    assert len(grown.trainer.explorer.visits) == 0  # the counts belong to the old observations
    assert grown.trainer.learner.transitions == days.trainer.learner.transitions and grown.reports == []
    grown.live_on()
    with pytest.raises(MigrationError, match="the domain has lost the action 'utter_thanks'") as caught:
        Days(store, 20)
    assert "\n" not in str(caught.value) and str(newest_path(store)) in str(caught.value)


@pytest.mark.parametrize(
    ("was", "now", "reason"),
    [
        ("actions: [ask_size, wrap, order]", "actions: [ask_size, pack, order]", "the action 'wrap'"),
        ("intents: [inform, affirm, deny]", "intents: [inform, affirm, deny, thank]", "'thank'"),
        ("values: [small, large]", "values: [small, large, huge]", "'huge'"),
    ],
)
def test_reduced_domain_is_refused(store: Store, was: str, now: str, reason: str) -> None:
    texts = [TINY, TINY.replace(was, now)]
    if "wrap" in reason:
        texts[1] = texts[1].replace("wrap: {", "pack: {")
    else:
        texts.reverse()
    start_or_resume(store, domain_from(texts[0]), None, settings=SMALL)
    with pytest.raises(MigrationError, match=f"the domain has lost .*{reason}.*Bring it back") as caught:
        start_or_resume(store, domain_from(texts[1]), None, settings=SMALL)
    assert "\n" not in str(caught.value)
    with pytest.raises(MigrationError, match="until now it was 'auto', not 'explicit'"):
        start_or_resume(store, domain_from(texts[0]), None, settings=SMALL, turn_taking="explicit")


def spoil_weights(learner: LiveLearner) -> None:
    with torch.no_grad():
        for weight in learner.network.parameters():
            weight.zero_()
        weight[learner.env.action_names.index("wrap")] = 1.0


@pytest.mark.parametrize("rolls_back", [False, True])
def test_regression_is_reported_and_can_be_undone(tmp_path: Path, rolls_back: bool) -> None:
    reports: list[str] = []
    guard = RegressionGuard(DialogueEnv(DOMAIN), rolls_back=rolls_back)
    trainer = trainer_of(tmp_path, guard, report=reports.append)
    trainer.learner.teach(right_labels())
    trainer.learner.study(150)
    trainer.submit(transitions(20), 20)
    trainer.work()
    trainer.checkpoint()
    assert guard.best > 0.9 and reports == []
    good = comparable(trainer)
    best = trainer._checkpoints.best.read_bytes()
    spoil_weights(trainer.learner)
    trainer.checkpoint()
    (line,) = reports
    assert line.startswith("success with the fake user has fallen from 100% to 0%") and "\n" not in line
    assert (comparable(trainer) == good) == rolls_back
    assert trainer._checkpoints.best.read_bytes() == best  # kept apart
    newest = read(trainer._checkpoints.paths()[-1])
    assert newest.state["success_rate"] == 0 and newest.state["best"] == guard.best
    assert (bits(newest.arrays) == good[0]) == rolls_back
    if rolls_back:
        assert (trainer.explorer.actor.weights[0] == trainer.learner.actor().weights[0]).all()
        trainer._checkpoints.best.write_bytes(b"")
        spoil_weights(trainer.learner)
        trainer.checkpoint()
        assert "ignored" in reports[1] and "\n" not in reports[1]


def test_regression_after_an_extension_rolls_back_by_name(tmp_path: Path) -> None:
    before = trainer_of(tmp_path, RegressionGuard(DialogueEnv(DOMAIN)))
    before.learner.teach(right_labels())
    before.learner.study(150)
    before.checkpoint()
    domain = DOMAIN.with_slot("colour").with_action("utter_thanks")
    learner = learner_of(domain)
    reports: list[str] = []
    guard = RegressionGuard(DialogueEnv(domain), rolls_back=True, best=1.0)
    trainer = Trainer(
        learner, Explorer(learner.actor()), Checkpoints(tmp_path), 0, guard=guard, report=reports.append
    )
    trainer.checkpoint()
    assert [line.endswith("the best checkpoint was restored") for line in reports] == [True]
    assert guard.success_rate(learner.actor()) == 1.0


def test_an_action_is_renamed_where_intents_and_values_have_its_name(store: Store) -> None:
    def domain(action: str) -> Domain:
        return domain_from(
            f"""
            intents: [inform, affirm, deny, order]
            slots: {{what: {{type: categorical, values: [order, visit]}}}}
            actions: [greet, {action}]
            """
        )

    start_or_resume(store, domain("order"), None)
    checkpoints = checkpoints_of(store.folder)
    for old, new in (("order", "none"), ("none", "place_order")):
        rename_action(checkpoints, old, new)
        (newest,) = checkpoints.readable(print)
        assert newest.state["knows"] == schema_of(DialogueEnv(with_user(domain(new))))
        start_or_resume(store, domain(new), None)
