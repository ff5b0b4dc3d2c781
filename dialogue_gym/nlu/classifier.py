"""Logistic regression on bags of features; needs scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
        self._kinds: list[tuple[int, float, Any]] = []
        self._model: Any = None
        if len(self.classes) < 2:
            return
        index = {target: number for number, target in enumerate(self.classes)}
        for kind, weight in enumerate(weights):
            documents = [bag[kind] for bag in bags]
            if any(documents):
                rarest = min(3, 1 + len(bags) // MANY)
                vectorizer = TfidfVectorizer(analyzer=_same, sublinear_tf=True, min_df=rarest).fit(documents)
                self._kinds.append((kind, weight, vectorizer))
        if not self._kinds:
            raise NluError("the examples have no words to learn from")
        # Without balance, an intent with few examples would rarely win.
        self._model = LogisticRegression(
            C=strength,
            class_weight="balanced",
            max_iter=2000,
            random_state=seed,
        )
        # Results must not depend on the number of cores, and threads do not pay for so little data.
        with threadpool_limits(1):
            self._model.fit(self._features(bags), [index[target] for target in targets])

    def _features(self, bags: Sequence[Bags]) -> Any:
        blocks = [
            weight * vectorizer.transform([bag[kind] for bag in bags])
            for kind, weight, vectorizer in self._kinds
        ]
        return sparse.hstack(blocks, format="csr")

    def chances(self, bags: Sequence[Bags]) -> list[list[float]]:
        """Return the probabilities of all classes, one list for each element of `bags`."""
        if self._model is None:
            return [[1.0]] * len(bags)
        found: list[list[float]] = self._model.predict_proba(self._features(bags)).tolist() if bags else []
        return found


def _same(bag: list[str]) -> list[str]:
    return bag
