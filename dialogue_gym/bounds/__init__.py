"""Bounds of the mean return in an environment, computed from its rules.

Exact ones by enumerating every outcome of chance, or sampled ones. They need the extra `agents`.
"""

from dialogue_gym.bounds.bounding import Bound, Bounding, BoundMethod, known_bound
from dialogue_gym.bounds.enumeration import Chance, Enumeration, RowKey, TooLarge, tables_of
from dialogue_gym.bounds.interval import SampledBound
from dialogue_gym.bounds.sampled_bound import sample_bound
from dialogue_gym.bounds.search_greedy import Greedy, greedy_returns
from dialogue_gym.bounds.search_optimum import SearchOptimum, sample_optimum
from dialogue_gym.bounds.upper_bound import Clairvoyant, bound

__all__ = [
    "Bound",
    "BoundMethod",
    "Bounding",
    "Chance",
    "Clairvoyant",
    "Enumeration",
    "Greedy",
    "RowKey",
    "SampledBound",
    "SearchOptimum",
    "TooLarge",
    "bound",
    "greedy_returns",
    "known_bound",
    "sample_bound",
    "sample_optimum",
    "tables_of",
]
