"""Data sets of dialogues: recorded from policies, and written and read as those of Minari.

Files of Minari need the extra `datasets`; the modules load when a name is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialogue_gym._lazy import lazy_getattr

if TYPE_CHECKING:
    from dialogue_gym.datasets.behaviour import BehaviourPolicy, PolicyMixture, find_behaviours
    from dialogue_gym.datasets.collection import collect
    from dialogue_gym.datasets.episode import Episode
    from dialogue_gym.datasets.minari_files import dataset_id, dataset_name, read_dataset, write_dataset

__getattr__ = lazy_getattr(__name__, {
    "behaviour": ("BehaviourPolicy", "PolicyMixture", "find_behaviours"),
    "collection": ("collect",),
    "episode": ("Episode",),
    "minari_files": ("dataset_id", "dataset_name", "read_dataset", "write_dataset"),
})  # fmt: skip

__all__ = [
    "BehaviourPolicy",
    "Episode",
    "PolicyMixture",
    "collect",
    "dataset_id",
    "dataset_name",
    "find_behaviours",
    "read_dataset",
    "write_dataset",
]
