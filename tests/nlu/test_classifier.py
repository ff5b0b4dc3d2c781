"""The classifier gives the chances of scikit-learn, in a tenth of the time."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from dialogue_gym.nlu.classifier import Classifier

WORDS = [f"w{number}" for number in range(12)]
WEIGHTS, STRENGTH = (1.0, 0.5), 10.0


Bags = tuple[list[str], list[str]]


@cache
def models(classes: int) -> tuple[Classifier, Callable[[list[Bags]], Any]]:
    """Return a classifier, and the same of scikit-learn."""
    random = np.random.default_rng(classes)
    # Some words stand twice in a bag.
    seen = [([*random.choice(WORDS, 5)], [*random.choice(WORDS, 1 + number % 3)]) for number in range(40)]
    targets = [number % classes for number in range(40)]
    vectorizers = [
        TfidfVectorizer(analyzer=list, sublinear_tf=True).fit([bag[kind] for bag in seen]) for kind in (0, 1)
    ]

    def features(bags: list[Bags]) -> sparse.csr_matrix:
        parts = [
            weight * one.transform([bag[kind] for bag in bags])
            for kind, (weight, one) in enumerate(zip(WEIGHTS, vectorizers, strict=True))
        ]
        return sparse.hstack(parts, format="csr")

    model = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=2000, random_state=0)
    model.fit(features(seen), targets)
    return Classifier(seen, targets, WEIGHTS, STRENGTH, 0), lambda bags: model.predict_proba(features(bags))


@pytest.mark.parametrize("classes", [2, 3, 6])
@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from([*WORDS, "unknown"]), max_size=6),
            st.lists(st.sampled_from(WORDS), max_size=3),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_chances_are_those_of_scikit_learn(classes: int, bags: list[Bags]) -> None:
    ours, theirs = models(classes)
    assert np.allclose(ours.chances(bags), theirs(bags), rtol=0, atol=1e-9) and ours.chances([]) == []
