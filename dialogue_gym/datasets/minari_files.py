"""Data sets in the format of Minari, which loads them without this library.

Source: Younis et al. 2024, Minari, https://minari.farama.org. The files are HDF5, in the folder that the
variable MINARI_DATASETS_PATH names, by default `~/.minari/datasets`.
"""

from __future__ import annotations

import copy
import re
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec

from dialogue_gym._text import nearest, quoted
from dialogue_gym.datasets.behaviour import one_or_many
from dialogue_gym.datasets.episode import Episode
from dialogue_gym.domain.sources import builtin_names
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.envs.wrapping import unwrapped_dialogue
from dialogue_gym.policies.mask import need_fields
from dialogue_gym.version import __version__

if TYPE_CHECKING:
    from minari import MinariDataset

NAMESPACE = "dialogue-gym"
ACTIONS, FIELDS = "action_names", "observation_fields"
"""The names in the description of a data set, with which it is understood without its environment."""


def _minari() -> Any:
    """Return the package Minari.

    Raises:
        ImportError: it is not installed, or a package that its files need.
    """
    try:
        import h5py  # noqa: F401 (its absence shows before the long part)
        import minari
        import PIL  # noqa: F401
    except ModuleNotFoundError as error:
        raise ImportError(
            f'data sets need {error.name}: pip install "dialogue_gym[datasets]"', name=error.name
        ) from None
    return minari


def dataset_name(env: gym.Env[Any, Any], policies: str | Sequence[str]) -> str:
    """Return the usual name of a data set: `noisy` if users are misheard, else that of its only policy.

    It is `mixed` for several policies, and for one that explores.
    """
    if unwrapped_dialogue(env).settings.semantic_error_rate:
        return "noisy"
    names = one_or_many(policies)
    name = Path(names[0]).name
    return name if len(names) == 1 and re.fullmatch(r"[-\w]+", name) else "mixed"


def dataset_id(env: gym.Env[Any, Any], name: str) -> str:
    """Return the id of a new data set: `dialogue-gym/DOMAIN/NAME-v0`, unless the name is a whole id.

    Raises:
        ValueError: the id has other characters than letters, digits, `-`, `_` and `/`, or it is taken.
        ImportError: Minari is not installed.
    """
    domain = re.sub(r"[^-\w]", "_", unwrapped_dialogue(env).domain.name)
    chosen = name if "/" in name else f"{NAMESPACE}/{domain}/{name}"
    if not chosen.rpartition("-v")[2].isdigit():
        chosen += "-v0"
    _check_new(chosen)
    return chosen


def _check_new(dataset: str) -> None:
    """Raise `ValueError` if this cannot be the id of a new data set: Minari lists none beside a wrong id."""
    try:
        _minari().dataset.minari_dataset.parse_dataset_id(dataset)
    except (ValueError, TypeError):  # the latter where the name is empty
        raise ValueError(
            f"{quoted(dataset)}: the id of a data set has letters, digits, - and _ only, as in"
            f" {NAMESPACE}/pizza/mixed-v0"
        ) from None
    if (place := _place(dataset)).exists():
        raise ValueError(f"{dataset} exists already: {place}; choose another name or a higher version")


def _place(dataset: str) -> Path:
    from minari.storage import get_dataset_path

    return Path(get_dataset_path(dataset))


def write_dataset(
    dataset: str,
    episodes: Iterable[Episode],
    env: gym.Env[Any, Any],
    *,
    policies: str | Sequence[str],
    description: str,
    is_recoverable: bool = True,
) -> Path:
    """Write a data set, whole or not at all; return its folder.

    Args:
        dataset: its id, from `dataset_id`.
        episodes: the dialogues; all have the same `infos`.
        env: their environment, of `gymnasium.make`, which `recover_environment()` gives back.
        policies: the names of the policies that made them.
        description: a sentence or two on it.
        is_recoverable: whether the environment can be played; that of a domain without a fake user cannot.

    Raises:
        ValueError: there are no dialogues, the id is not one, or it is taken.
        ImportError: Minari is not installed.
        OSError: the files cannot be written.
    """
    minari = _minari()
    from minari.data_collector import EpisodeBuffer
    from minari.dataset.minari_storage import MinariStorage
    from minari.namespace import create_namespace, list_local_namespaces

    _check_new(dataset)
    dialogue = unwrapped_dialogue(env)
    place = _place(dataset)
    names = list(one_or_many(policies))
    about = {
        "dataset_id": dataset,
        "minari_version": minari.__version__,
        "algorithm_name": ",".join(names),
        "author": {NAMESPACE},
        "description": description,
        "requirements": [f"dialogue_gym>={__version__}"],
        "policies": names,
        **_words(dialogue),
    }
    root = _place("")
    # A hidden folder beside the data sets, so that the last step is a rename, whole or not at all.
    with tempfile.TemporaryDirectory(dir=root, prefix=".") as folder:
        whole = Path(folder) / "whole"
        whole.mkdir()
        storage = MinariStorage.new(
            whole / "data",
            observation_space=env.observation_space,
            action_space=env.action_space,
            env_spec=_portable_spec(env) if is_recoverable else None,
        )
        storage.update_episodes(
            EpisodeBuffer(
                seed=one.seed,
                observations=one.observations,
                actions=one.actions,
                rewards=one.rewards,
                terminations=_last(one, not one.truncated),
                truncations=_last(one, one.truncated),
                infos=dict(one.infos),
            )
            for one in episodes
        )
        if not storage.total_episodes:
            raise ValueError("episodes: at least one dialogue is needed")
        storage.update_metadata(about)
        namespace = dataset.rpartition("/")[0]
        if namespace and namespace not in list_local_namespaces():
            create_namespace(namespace)
        place.parent.mkdir(parents=True, exist_ok=True)
        whole.rename(place)
    return place


def _portable_spec(env: gym.Env[Any, Any]) -> EnvSpec | None:
    """Return the specification of an environment, with its domain in the place of the path of a file."""
    if env.spec is None or env.spec.kwargs.get("domain") in builtin_names():
        return env.spec
    spec = copy.deepcopy(env.spec)
    spec.kwargs["domain"] = unwrapped_dialogue(env).domain
    return spec


def _last(episode: Episode, value: bool) -> Any:
    """Return an array with this value for the last step, and False for the others."""
    return (np.arange(len(episode)) == len(episode) - 1) & value


def _words(env: DialogueEnv) -> dict[str, Any]:
    """Return the names of actions and of the fields of observations, with the labels of their values."""
    return {
        ACTIONS: list(env.action_names),
        FIELDS: [[one.name, list(one.labels)] for one in env.observation_fields],
    }


def read_dataset(dataset: str, env: gym.Env[Any, Any]) -> list[Episode]:
    """Return the dialogues of a data set for learners of an environment.

    A data set of others has to have the observations and actions of the environment too.

    Args:
        dataset: the id of a local data set, or its folder.
        env: the environment.

    Raises:
        ImportError: Minari is not installed.
        ValueError: the data set does not exist, cannot be read, or is for another environment.
    """
    found = _open(dataset)
    dialogue = unwrapped_dialogue(env)
    need_fields(dialogue, "a data set")
    spaces = found.observation_space, found.action_space
    metadata = found.storage.metadata
    words = {key: metadata[key] for key in (ACTIONS, FIELDS) if key in metadata}
    if spaces != (env.observation_space, env.action_space) or words not in ({}, _words(dialogue)):
        raise ValueError(
            f"{dataset}: this data set is for other actions or observations than those of"
            f" {dialogue.domain.name}; take the environment and settings that it was made with"
        )
    kept = [one for one in found if len(one.actions)]
    abouts = found.storage.get_episode_metadata([one.id for one in kept])
    episodes = [
        Episode(
            np.asarray(one.observations),
            np.asarray(one.actions, np.int64),
            np.asarray(one.rewards, np.float64),
            bool(one.truncations[-1]) and not bool(one.terminations[-1]),
            dict(one.infos or {}),
            None if about.get("seed") is None else int(about["seed"]),
        )
        for one, about in zip(kept, abouts, strict=True)
    ]
    if not episodes:
        raise ValueError(f"{dataset}: this data set has no dialogues")
    return episodes


def _open(dataset: str) -> MinariDataset:
    minari = _minari()
    folder = Path(dataset)
    try:
        if (folder / "data").is_dir():
            return minari.MinariDataset(folder / "data")
        known = list(minari.list_local_datasets())
        if dataset not in known:
            raise ValueError(
                f"unknown data set {quoted(dataset)}; "
                + (nearest(dataset, known) if known else f"{_place('')} has none")
            )
        return minari.load_dataset(dataset)
    except (OSError, KeyError, AssertionError) as error:
        raise ValueError(f"{dataset}: this data set cannot be read ({error})") from None
