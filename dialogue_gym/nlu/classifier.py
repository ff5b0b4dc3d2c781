"""Logistic regression on bags of features; needs scikit-learn."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dialogue_gym.nlu.examples import NluError

try:
    from scipy import sparse
    from sklearn.feature_extraction.text import (
        ENGLISH_STOP_WORDS,
        TfidfVectorizer,
    )
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits
except ModuleNotFoundError as error:
    if str(error.name).split(".")[0] not in ("sklearn", "scipy", "threadpoolctl"):
        raise
    raise ImportError(
        'dialogue_gym.nlu.trained needs scikit-learn: pip install "dialogue_gym[nlu]"'
    ) from None

COMMON_WORDS: frozenset[str] = frozenset(ENGLISH_STOP_WORDS)
"""The most common words of English."""
MANY = 5_000
"""From so many examples on, features of a single one are left out, and from twice as many, those of two."""
Bags = tuple[list[str], ...]
"""One bag of features of each kind."""


class Classifier:
    """A logistic regression on the tf-idf of bags of features; each kind of feature has a norm of its own."""

    def __init__(
        self,
        bags: Sequence[Bags],
        targets: Sequence[Any],
        weights: Sequence[float],
        strength: float,
        seed: int,
    ) -> None:
        """Fit on one thread, with rare targets weighted as much as frequent ones.

        Args:
            bags: the bags of each example.
            targets: the class of each example.
            weights: the weight of each kind of feature.
            strength: the inverse of the regularization.
            seed: the seed of the fit.

        Raises:
            NluError: the examples have no features.
        """
        self.classes: list[Any] = sorted(set(targets), key=str)
        self._kinds: list[_Kind] = []
        if len(self.classes) < 2:
            return
        index = {target: number for number, target in enumerate(self.classes)}
        blocks: list[Any] = []
        first = 0
        for kind, weight in enumerate(weights):
            documents = [bag[kind] for bag in bags]
            if any(documents):
                rarest = min(3, 1 + len(bags) // MANY)
                vectorizer = TfidfVectorizer(analyzer=_same, sublinear_tf=True, min_df=rarest)
                blocks.append(weight * vectorizer.fit_transform(documents))
                places = {word: first + place for word, place in vectorizer.vocabulary_.items()}
                self._kinds.append(_Kind(kind, weight, places, first, vectorizer.idf_))
                first += len(places)
        if not self._kinds:
            raise NluError("the examples have no words to learn from")
        # Without balance, an intent with few examples would rarely win.
        model = LogisticRegression(
            C=strength,
            class_weight="balanced",
            max_iter=2000,
            random_state=seed,
        )
        # Results must not depend on the number of cores, and threads do not pay for so little data.
        with threadpool_limits(1):
            model.fit(sparse.hstack(blocks, format="csr"), [index[target] for target in targets])
        # Of two classes scikit-learn has the weights of the second one alone.
        alone = len(self.classes) == 2
        self._weights = np.vstack([0 * model.coef_, model.coef_] if alone else [model.coef_]).T.copy()
        self._intercept = np.array([0.0, *model.intercept_] if alone else model.intercept_)

    def chances(self, bags: Sequence[Bags]) -> list[list[float]]:
        """Return the probabilities of all classes, one list for each element of `bags`.

        They are those of scikit-learn, whose checks of its arguments take ten times as long as this.
        """
        if not self._kinds:
            return [[1.0]] * len(bags)
        return [self._chances(bag) for bag in bags]

    def _chances(self, bag: Bags) -> list[float]:
        scores = self._intercept.copy()
        for kind in self._kinds:
            counts = Counter(kind.places[word] for word in bag[kind.number] if word in kind.places)
            if counts:
                places = np.fromiter(counts, np.intp, len(counts))
                values = 1 + np.log(np.fromiter(counts.values(), np.float64, len(counts)))
                values *= kind.idf[places - kind.first]
                values *= kind.weight / math.sqrt(values @ values)
                scores += values @ self._weights[places]
        chances = np.exp(scores - scores.max())
        found: list[float] = (chances / chances.sum()).tolist()
        return found


@dataclass(frozen=True, eq=False)
class _Kind:
    """A kind of feature: its number and weight, the columns of its words, and their idf from the first on."""

    number: int
    weight: float
    places: Mapping[str, int]
    first: int
    idf: npt.NDArray[np.float64]


def _same(bag: list[str]) -> list[str]:
    return bag
