"""Encoders of sentences as vectors, without any labels."""

from __future__ import annotations

import functools
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

_CACHED = 50_000


class HashedNgrams:
    """Hashed character n-grams of a sentence, projected on their principal directions.

    The directions are found by latent semantic analysis (Deerwester et al. 1990, Indexing by latent semantic
    analysis) of the sentences that the encoder is made with, which need no labels.
    """

    def __init__(self, sentences: Iterable[str], dimensions: int = 64, seed: int = 0) -> None:
        """Find the directions.

        Args:
            sentences: sentences as users write them, at least two different ones.
            dimensions: the size of a vector at most; it is smaller if there are fewer sentences.
            seed: the seed of the search for the directions.

        Raises:
            ImportError: scikit-learn is missing.
            ValueError: there are fewer than two different sentences.
        """
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import HashingVectorizer

        distinct = sorted(set(sentences))
        if len(distinct) < 2:
            raise ValueError("at least two different sentences are needed")
        self._hash = HashingVectorizer(analyzer="char_wb", ngram_range=(2, 4), n_features=2**12)
        self.dimensions = min(dimensions, len(distinct) - 1)
        hashed = self._hash.transform(distinct)
        self._reduce = TruncatedSVD(self.dimensions, random_state=seed).fit(hashed)
        # One scale for all directions: the lesser ones tell intents apart, but networks neglect small inputs.
        self._sizes = np.maximum(self._reduce.transform(hashed).std(axis=0), 1e-6)
        self._encode = functools.lru_cache(_CACHED)(self._encode_uncached)

    def __call__(self, sentence: str) -> npt.NDArray[np.float32]:
        """Return the vector of a sentence, float32, shape (dimensions,), with values near 1 in size."""
        return self._encode(sentence)

    def _encode_uncached(self, sentence: str) -> npt.NDArray[np.float32]:
        vector = self._reduce.transform(self._hash.transform([sentence]))[0]
        return np.asarray(vector / self._sizes, dtype=np.float32)
