"""Stores for the measurements of teaching, and learning from large ones."""

from __future__ import annotations

from pathlib import Path

from agents.speed.teaching import DOMAIN, answer_figures, conversations
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.teaching.learner import BATCH, Learner


def test_a_store_has_the_measured_labels(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        for drafts in conversations(40, 60):
            store.append_all(drafts)
        assert store.check() == []
        labels = History(store.entries()).labels(DOMAIN, "explicit")
    assert len({label.key for label in labels}) == 40 and 60 <= len(labels) < 100
    figures = answer_figures(40, 60, rounds=3)
    assert figures["observations"] == 40 and figures["answers"] == len(labels)
    assert 0 < figures["median_ms"] <= figures["p95_ms"]


def test_many_observations_are_learned_as_well_as_few() -> None:
    journal = Store.in_memory()
    for drafts in conversations(BATCH + 400, 0):
        journal.append_all(drafts)
    right = {label.key: label for label in History(journal.entries()).labels(DOMAIN, "explicit")}
    known, unseen = list(right.values())[: BATCH + 100], list(right.values())[BATCH + 100 :]
    learners = [Learner(DOMAIN, DOMAIN.actions) for _ in range(2)]
    for learner in learners:
        learner.learn(known)
    first, second = ([one.probabilities(label.observation) for label in unseen] for one in learners)
    assert all((a == b).all() for a, b in zip(first, second, strict=True))
    proposed = [DOMAIN.actions[int(chances.argmax())] for chances in first]
    is_right = [action in label.right for action, label in zip(proposed, unseen, strict=True)]
    assert len(unseen) == 300 and sum(is_right) >= 285
