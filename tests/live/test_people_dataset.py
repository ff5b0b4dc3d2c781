"""Conversations of people as a data set: the journal's decisions and chances, without names and texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import minari
import numpy as np
import pytest

from dialogue_gym import DialogueEnv, load_domain
from dialogue_gym.domain import Domain
from dialogue_gym.domain.loader import domain_text
from dialogue_gym.journal.store import Store
from dialogue_gym.live.exploration import Explorer
from dialogue_gym.live.simulated_person import SimulatedPerson
from tests.commands import call
from tests.datasets.test_minari_files import LOADED_ALONE, apart
from tests.live.test_logs import Trying, live_bot


def talked(folder: Path, domain: Domain, dialogues: int, **settings: Any) -> None:
    with Store(folder) as store:
        store.use_domain(domain.name, domain_text(domain.name))
        env = DialogueEnv(domain, **settings)
        person = SimulatedPerson(domain, silent=1.0)
        bot = live_bot(store, domain, Explorer(cast(Any, Trying(env)), 3, (0.9, 0.9)), person)
        for _ in range(dialogues):
            person.talk(bot)


def test_people_s_conversations_become_a_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    domain = load_domain("restaurant")
    talked(tmp_path / "live", domain, 20)
    done = call("store", "export", "--minari", "people", "--store", "live", cwd=tmp_path)
    name = "dialogue-gym/restaurant/people-v0"
    assert (done.returncode, done.stdout) == (
        0,
        f"{name}: 20 conversations in {tmp_path / 'minari' / name}\n",
    )
    assert apart(LOADED_ALONE, name, tmp_path).startswith("20 ")
    dataset = minari.load_dataset(name)
    env = dataset.recover_environment()
    assert env.spec is not None and env.spec.id == "FakeUserRestaurant-v0"
    # These people are the fake user of the environment with the seeds 0 to 19.
    for seed, episode in enumerate(dataset):
        observation, info = env.reset(seed=seed)
        for step, action in enumerate(episode.actions):
            assert observation.tolist() == episode.observations[step].tolist()
            assert info["action_mask"].tolist() == episode.infos["action_mask"][step].tolist()
            observation, reward, terminated, truncated, info = env.step(action)
            assert reward == episode.rewards[step]
        assert (terminated, truncated) == (episode.terminations[-1], episode.truncations[-1])
        if info["is_success"]:  # others leave with a message of their own
            assert observation.tolist() == episode.observations[-1].tolist()
        assert info["is_success"] == episode.infos["is_success"][-1]
    files = [path.read_bytes() for path in (tmp_path / "minari").rglob("*") if path.is_file()]
    assert not any(b"live-" in one or b"conversation-" in one for one in files)


def test_what_cannot_be_exported_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    talked(tmp_path / "live", load_domain("concert"), 0)
    for words, message in (
        (["--minari", "people"], "live: no logged dialogue can be used"),
        (["out", "--minari", "people"], "--minari: it takes no FOLDER and no other options but --store"),
        (["--minari", "é!"], "the id of a data set has letters, digits, - and _ only"),
        (["--minari", ""], "the id of a data set has letters, digits, - and _ only"),
        ([], "give the folder for the files, as in: dialogue-gym store export FOLDER --store DIR"),
    ):
        done = call("store", "export", *words, "--store", "live", cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "") and message in done.stderr, done.stderr
    assert not list((tmp_path / "minari").rglob("*"))


def test_explicit_turns_and_added_actions_are_in_the_environment(tmp_path: Path) -> None:
    from dialogue_gym.live.people_dataset import people_environment, people_episodes

    domain = load_domain("concert").with_action("utter_hi", ["Hi."])
    with Store(tmp_path / "live") as store:
        assert people_environment(store, domain).unwrapped.domain == domain  # type: ignore[attr-defined]
    talked(tmp_path / "live", load_domain("concert"), 2)
    with Store(tmp_path / "live", create=False, read_only=True) as store:
        env = people_environment(store, load_domain("concert"))
        episodes, stored = people_episodes(store, load_domain("concert"), env)
    assert len(episodes) == 2 and stored.notes == []
    np.testing.assert_allclose(episodes[0].infos["chances"][:-1].sum(axis=1), 1)
