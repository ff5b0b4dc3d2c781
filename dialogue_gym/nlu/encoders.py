"""From a sentence to a vector, without knowing what anything means."""

from __future__ import annotations

import functools
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

_CACHED = 50_000


class HashedNgrams:
    """Hashed character n-grams of a sentence, reduced to a few numbers by their main directions.

    The directions are those of the sentences that it is made with (latent semantic analysis: Deerwester et
    al. 1990, Indexing by latent semantic analysis), so it needs sentences, but nobody's labels.
    """

    def __init__(self, sentences: Iterable[str], dimensions: int = 64, seed: int = 0) -> None:
        """Find the directions.

        Args:
            sentences: as users say them, at least two.
            dimensions: how many numbers a vector has at most; fewer where there are fewer sentences.
            seed: of the search for the directions.

        Raises:
            ImportError: scikit-learn is missing.
            ValueError: there are no two sentences.
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
        # Of one size, so that a network takes the lesser directions, which tell intents apart, as seriously.
        self._sizes = np.maximum(self._reduce.transform(hashed).std(axis=0), 1e-6)
        self._encode = functools.lru_cache(_CACHED)(self._encode_anew)

    def __call__(self, sentence: str) -> npt.NDArray[np.float32]:
        """Return the vector of a sentence, float32, shape (dimensions,), each number about as large as 1."""
        return self._encode(sentence)

    def _encode_anew(self, sentence: str) -> npt.NDArray[np.float32]:
        vector = self._reduce.transform(self._hash.transform([sentence]))[0]
        return np.asarray(vector / self._sizes, dtype=np.float32)
