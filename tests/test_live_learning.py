"""Learning from people for months: what is kept, what is carried on, and what is guarded."""

from __future__ import annotations

import dataclasses
import itertools
import json
import random
import resource
import shutil
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sb3_contrib import MaskablePPO
from stable_baselines3 import PPO

from dialogue_gym import DialogueEnv, Domain
from dialogue_gym.conversation import with_user
from dialogue_gym.entries import EVENT, EXPERT, LABEL, USER
from dialogue_gym.events import UserUttered, to_json
from dialogue_gym.history import History
from dialogue_gym.live.actor import Explorer
from dialogue_gym.live.checkpoints import CheckpointError, Checkpoints, checkpoints_of, read
from dialogue_gym.live.growth import LossError, carried_over, described
from dialogue_gym.live.guard import Guard
from dialogue_gym.live.learner import LearnerSettings, LiveLearner
from dialogue_gym.live.opening import open_trainer
from dialogue_gym.live.replay import ReplayBuffer
from dialogue_gym.live.study import begin_with
from dialogue_gym.live.trainer import Trainer
from dialogue_gym.live.transitions import Transition
from dialogue_gym.live.tries import MOST, Tries
from dialogue_gym.masked_dqn import MaskedDQN
from dialogue_gym.store import Store
from dialogue_gym.trained import Agent, AgentError
from tests.conftest import TINY, domain_from
from tests.live_people import DOMAIN, SMALL, Days, bits, comparable, in_a_process, newest_path, one_day, whole

torch.set_num_threads(1)


def learner_of(domain: Domain = DOMAIN, settings: LearnerSettings = SMALL) -> LiveLearner:
    return LiveLearner(domain, "auto", settings)


def transitions(count: int, domain: Domain = DOMAIN, seed: int = 0, first: int = 1) -> list[Transition]:
    """Return what a random bot lives through with the fake user."""
    env = DialogueEnv(domain)
    chance = random.Random(seed)
    found: list[Transition] = []
    observation, _ = env.reset(seed=seed)
    while len(found) < count:
        name = chance.choice(env.action_names)
        following, reward, terminated, truncated, _ = env.step(env.action_names.index(name))
        entry = first + len(found)
        found.append(Transition(entry, observation, name, float(reward), following, terminated, 0))
        observation = env.reset()[0] if terminated or truncated else following
    return found


# The replay buffer.

Put = tuple[int, int, int, float]


class PlainBuffer:
    """The same by the letter: a list, the oldest first."""

    def __init__(self, capacity: int, outcomes: int) -> None:
        self.capacity, self.outcomes = capacity, outcomes
        self.rows: list[Put] = []

    def put(self, one: Put) -> bool:
        entry, observation, action, _ = one
        for place, row in enumerate(self.rows):
            if row[0] == entry:
                self.rows[place] = one
                return False
        alike = [row for row in self.rows if row[1:3] == (observation, action)]
        if len(alike) >= self.outcomes:
            self.rows.remove(alike[0])
        elif len(self.rows) >= self.capacity:
            del self.rows[0]
        self.rows.append(one)
        return True


def put(buffer: ReplayBuffer, one: Put) -> bool:
    entry, observation, action, reward = one
    seen = np.array([observation, 0], np.int8)
    return buffer.put(entry, seen, action, reward, seen + 1, reward > 0)


def rows(buffer: ReplayBuffer) -> list[Put]:
    arrays = buffer.arrays()
    names = ("entries", "observations", "actions", "rewards")
    columns = [arrays[name][:, 0] if name == "observations" else arrays[name] for name in names]
    order = np.argsort(arrays["arrivals"])
    assert (arrays["next_observations"] == arrays["observations"] + 1).all()
    return list(zip(*(column[order].tolist() for column in columns), strict=True))


@settings(deadline=None)
@given(data=st.data())
def test_the_buffer_keeps_the_newest_of_each_situation(data: st.DataObject) -> None:
    buffer, plain = ReplayBuffer(6, 2, np.int8, outcomes=2), PlainBuffer(6, 2)
    situations: dict[int, tuple[int, int]] = {}
    for _ in range(data.draw(st.integers(0, 40))):
        entry = data.draw(st.integers(-3, 30))
        # An entry is one decision: what was seen and done in it does not change.
        situation = situations.setdefault(entry, data.draw(st.tuples(st.integers(0, 3), st.integers(0, 2))))
        one = (entry, *situation, float(data.draw(st.integers(-1, 1))))
        assert put(buffer, one) == plain.put(one)
        assert rows(buffer) == plain.rows and len(buffer) == len(plain.rows)
        if data.draw(st.integers(0, 9)) == 0:
            other = ReplayBuffer(6, 2, np.int8, outcomes=2)
            other.load(buffer.arrays())
            for mine, its in zip(
                buffer.sample(np.random.default_rng(1), 20, 3, 0.5).values() if len(buffer) else [],
                other.sample(np.random.default_rng(1), 20, 3, 0.5).values() if len(buffer) else [],
                strict=True,
            ):
                np.testing.assert_array_equal(mine, its)
            assert bits(other.arrays()) == bits(buffer.arrays())
            buffer = other


def test_a_smaller_buffer_takes_the_newest() -> None:
    buffer, smaller = ReplayBuffer(9, 2, np.int8), ReplayBuffer(4, 2, np.int8)
    for entry in range(9):
        put(buffer, (entry, entry, 0, 0.0))
    put(buffer, (99, 1, 1, 0.0))
    smaller.load(buffer.arrays())
    assert [row[0] for row in rows(smaller)] == [6, 7, 8, 99]
    assert put(smaller, (100, 0, 0, 0.0)) and [row[0] for row in rows(smaller)] == [7, 8, 99, 100]


def test_old_experience_keeps_its_share() -> None:
    buffer = ReplayBuffer(10_000, 2, np.int8, outcomes=10_000)
    for entry in range(8000):
        put(buffer, (entry, 0, entry % 3, 0.0))
    entries = buffer.sample(np.random.default_rng(0), 2000, recent=100, recent_share=0.5)["entries"]
    assert 950 < (entries >= 7900).sum() < 1100 and 400 < (entries < 4000).sum() < 600


# The learner.


def test_a_learner_that_was_saved_goes_on_bit_for_bit() -> None:
    """Also with updates that it still owes."""
    one, other = learner_of(), learner_of()
    seen = transitions(80)
    for learner in (one, other):
        names = ("ask_size", "wrap", "order")
        taught = enumerate(sorted({one.observation.tobytes() for one in seen}))
        learner.teach({key: (names[number % 3],) for number, key in taught})
    one.put(seen[:40])
    assert one.learn(30) == 30 and one.owed == 50
    other.load(one.arrays(), one.state())
    for learner in (one, other):
        learner.put(seen[30:])
        assert learner.learn() == 50 + 40 * SMALL.updates and learner.owed == 0
    assert bits(one.arrays()) == bits(other.arrays()) and one.state() == other.state()
    assert one.updates > SMALL.target_every  # the target network was renewed meanwhile


def test_loading_what_is_none_changes_nothing() -> None:
    learner = learner_of()
    learner.put(transitions(5))
    before = bits(learner.arrays()), learner.state()
    arrays, state = learner.arrays(), learner.state()
    for wrong in (
        {name: array for name, array in arrays.items() if name != "network.3"},
        arrays | {"network.0": arrays["network.0"][:, 1:]},
        arrays | {"replay.rewards": arrays["replay.rewards"][1:]},
    ):
        with pytest.raises((KeyError, ValueError)):
            learner.load(wrong, state)
    for name in state:
        with pytest.raises((KeyError, TypeError, ValueError)):
            learner.load(arrays, state | {name: None})
    assert (bits(learner.arrays()), learner.state()) == before


def test_what_was_taught_holds_against_what_is_lived_through() -> None:
    env = DialogueEnv(DOMAIN)
    observation, _ = env.reset(seed=0)
    right, wrong = "ask_size", "wrap"
    chosen = {}
    for is_taught in (True, False):
        learner = learner_of()
        learner.teach({observation.tobytes(): (right,)} if is_taught else {})
        for entry in range(150):
            name, reward = ((right, -20.0), (wrong, 20.0))[entry % 2]
            learner.put([Transition(entry, observation, name, reward, observation, True, 0)])
            learner.learn()
        possible = np.ones(len(env.action_names), np.bool_)
        chosen[is_taught] = env.action_names[learner.actor().choose(observation, possible, True)]
    assert chosen == {True: right, False: wrong}


def test_who_acts_knows_what_the_network_knows() -> None:
    learner = learner_of()
    learner.put(transitions(50))
    learner.learn()
    actor = learner.actor()
    seen = learner.replay.arrays()["observations"]
    with torch.no_grad():
        expected = learner.network.q_net(
            learner.network.extract_features(torch.as_tensor(seen), None)
        ).numpy()
    np.testing.assert_allclose([actor.values(one) for one in seen], expected, rtol=1e-4, atol=1e-5)
    learner.put(transitions(60))
    learner.learn()  # whatever becomes of the weights
    np.testing.assert_allclose([actor.values(one) for one in seen], expected, rtol=1e-4, atol=1e-5)
    assert actor.version == 50 * SMALL.updates


# Exploring.


SIZES = [len(field.labels) for field in DialogueEnv(DOMAIN).fields]
SITUATIONS = [
    np.array(codes, np.int8) for codes in itertools.islice(itertools.product(*map(range, SIZES)), 3000)
]


def test_what_was_tried_least_is_tried_next() -> None:
    """In each situation by itself, among what is possible; what was done as the best counts as well."""
    explorer = Explorer(learner_of().actor(), least=0.0, most=1.0, satisfaction=0.0)
    names = explorer.actor.env.action_names
    possible = np.ones(len(names), np.bool_)
    possible[1] = False
    others = sorted({*names} - {names[1]})
    here, there, elsewhere = SITUATIONS[:3]
    for observation in (here, there):
        for _ in range(5):
            assert sorted(explorer.decide(observation, possible)[0] for _ in others) == others
    explorer.satisfaction = 1.0
    best, _ = explorer.decide(elsewhere, possible)
    assert best == names[explorer.actor.choose(elsewhere, possible, True)]
    explorer.satisfaction = 0.0
    assert sorted([best, *(explorer.decide(elsewhere, possible)[0] for _ in others[1:])]) == others


def test_what_was_best_for_months_is_tried_again_soon() -> None:
    explorer = Explorer(learner_of().actor(), least=0.0, most=1.0, satisfaction=1.0)
    possible = np.ones(len(explorer.actor.env.action_names), np.bool_)
    best = {explorer.decide(SITUATIONS[0], possible)[0] for _ in range(5000)}
    assert len(best) == 1
    explorer.satisfaction = 0.0
    assert best < {explorer.decide(SITUATIONS[0], possible)[0] for _ in range(int(MOST) * len(possible))}


def test_what_was_tried_is_saved() -> None:
    one, other = (Explorer(learner_of().actor(), seed, 0.5, 0.5) for seed in (0, 1))
    possible = np.ones(len(one.actor.env.action_names), np.bool_)
    for number in range(100):
        one.decide(SITUATIONS[number % 2], possible)
    state = json.loads(json.dumps(one.state()))
    other.load(state)
    for number in range(100):
        assert other.decide(SITUATIONS[number % 3], possible) == one.decide(SITUATIONS[number % 3], possible)
    assert other.state() == one.state() != state
    del state["tries"]  # as earlier versions wrote it
    other.load(state)
    assert len(other.tries) == 0 and other.random.bit_generator.state == state["random"]


def test_so_many_situations_are_kept() -> None:
    tries = Tries(2, situations=4)
    seen = [np.array([number], np.int8) for number in range(6)]
    for observation in (*seen[:4], seen[0], *seen[4:]):
        tries.add(observation, 1)
    assert [tries.counts(one)[1] for one in seen] == [2, 0, 0, 1, 1, 1] and len(tries) == 4
    other = Tries(2, situations=4)
    other.load(tries.state())
    other.add(seen[1], 0)
    assert [other.counts(one).sum() for one in seen] == [2, 1, 0, 0, 1, 1]


def test_a_checkpoint_can_be_written_while_somebody_decides() -> None:
    explorer = Explorer(learner_of().actor(), least=1.0, most=1.0)
    possible = np.ones(len(explorer.actor.env.action_names), np.bool_)
    deciding = threading.Thread(target=lambda: [explorer.decide(one, possible) for one in SITUATIONS])
    deciding.start()
    while deciding.is_alive():
        counted = sum(map(sum, explorer.state()["tries"].values()))
        assert counted <= len(SITUATIONS)
    assert len(explorer.tries) == len(SITUATIONS)


# Going on.


def lived(folder: Path, days: int, every: int, **arguments: Any) -> tuple[Any, Any]:
    """Return what the checkpoint and the journal hold after some days in one process, and in as many."""
    with Store(folder / "one") as store:
        one = Days(store, every, **arguments)
        for _ in range(days):
            one.live_on()
        one.trainer.stop()
    for _ in range(days):
        in_a_process(one_day, folder / "many", every, arguments)
    found = []
    for name in ("one", "many"):
        with Store(folder / name) as store:
            entries = [dataclasses.replace(entry, time=0.0) for entry in store.entries()]
            found.append((whole(read(newest_path(store))), entries))
    return found[0], found[1]


def test_continued_equals_uninterrupted(tmp_path: Path) -> None:
    one, many = lived(tmp_path, 3, 100)
    assert one == many
    assert 300 <= one[0][1]["learner"]["transitions"] < 350


@pytest.mark.slow
@pytest.mark.parametrize("name", ["restaurant"])
def test_twenty_days_equal_ten_thousand_steps(tmp_path: Path, name: str) -> None:
    one, many = lived(tmp_path, 20, 500, domain=Domain.load(name), settings=LearnerSettings())
    assert one == many
    assert 10_000 <= one[0][1]["learner"]["transitions"] < 10_000 + 20 * 50


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as opened:
        yield opened


def trainer_of(folder: Path, guard: Guard | None = None, **arguments: Any) -> Trainer:
    learner = learner_of()
    explorer = Explorer(learner.actor())
    return Trainer(learner, explorer, Checkpoints(folder), 0, guard=guard, **arguments)


def until(is_so: Callable[[], bool]) -> None:
    """Wait for another thread, at most a minute."""
    for _ in range(6000):
        if is_so():
            return
        time.sleep(0.01)
    raise AssertionError("this never came")


def test_a_thread_learns_what_is_learned_at_once(tmp_path: Path) -> None:
    """However what happened is handed over, in its order, and also where it is stopped meanwhile."""
    seen = transitions(90)
    amended = [dataclasses.replace(one, reward=5.0) for one in seen[::7]]
    handed = [*seen[:50], *amended, *seen[50:]]
    at_once, in_thread = trainer_of(tmp_path / "a"), trainer_of(tmp_path / "b")
    for entry, one in enumerate(handed, 1):
        at_once.put([one], entry)
        at_once.work()
    in_thread.start()
    for first in range(0, len(handed), 5):
        in_thread.put(handed[first : first + 5], min(first + 5, len(handed)))
        if first == 40:
            in_thread.stop()
            assert in_thread.learner.owed == 0
            saved = read(in_thread._checkpoints.paths()[-1])
            assert saved.state["upto"] == in_thread.upto < len(handed)
            in_thread.start()
    until(lambda: in_thread.upto == len(handed))
    in_thread.stop()
    assert comparable(in_thread) == comparable(at_once)
    assert in_thread.explorer.actor.version == at_once.learner.updates == 90 * SMALL.updates


def test_who_stops_waits_for_the_last_turns_alone(tmp_path: Path) -> None:
    """What people said last is learned; what is left of a long absence is not waited for."""
    few, many = trainer_of(tmp_path / "few"), trainer_of(tmp_path / "many")
    for trainer, count in ((few, 10), (many, 400)):
        for upto, one in enumerate(transitions(count), 1):
            trainer.put([one], upto)
        trainer.stop()
    assert few.upto == few.learner.transitions == 10
    assert 10 < many.upto == many.learner.transitions < 400
    assert read(many._checkpoints.paths()[-1]).state["upto"] == many.upto


def test_a_fault_of_the_thread_is_told(tmp_path: Path) -> None:
    told: list[str] = []
    trainer = trainer_of(tmp_path, report=told.append)
    trainer.start()
    trainer.put([dataclasses.replace(transitions(1)[0], action="no_action")], 1)
    until(lambda: told)
    assert told == [
        "the learning has failed (KeyError: 'no_action');"
        " people are answered, and the journal has what is to be learned"
    ]
    trainer.put(transitions(1), 2)  # nobody takes it any more
    with pytest.raises(RuntimeError, match="the learning has failed"):
        trainer.stop()
    assert trainer._checkpoints.paths() == []


def test_the_buffer_and_all_that_was_learned_follow_from_the_journal(store: Store) -> None:
    days = Days(store, 40)
    for _ in range(25):
        days.talk()
    days.trainer.work()
    learned = comparable(days.trainer)
    shutil.rmtree(store.folder / "checkpoints")
    again = Days(store, 40)
    assert comparable(again.trainer) == learned and learned[1]["transitions"] > 50


# Checkpoints.


def spoil(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    if chance.random() < 0.5:
        content = content[: chance.randrange(len(content))]
    else:
        for _ in range(chance.choice([1, 3, 100])):
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def test_no_damage_is_taken_for_a_checkpoint(tmp_path: Path) -> None:
    """Truncated or with bits turned over, it is read as it was written, or left aside in one line."""
    trainer = trainer_of(tmp_path)
    trainer.put(transitions(20), 20)
    trainer.work()
    trainer.checkpoint()
    (path,) = trainer._checkpoints.paths()
    good, before = path.read_bytes(), whole(read(path))
    chance = random.Random(0)
    damaged = 0
    for _ in range(300):
        path.write_bytes(good)
        spoil(path, chance)
        try:
            assert whole(read(path)) == before
        except CheckpointError as error:
            damaged += 1
            assert str(path) in str(error) and "\n" not in str(error)
    assert damaged > 200


FOREIGN: dict[str, Callable[[Path], object]] = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("not me"),
    "array": lambda path: (
        np.save(path.with_suffix(".npy"), np.zeros(3)),
        path.with_suffix(".npy").replace(path),
    ),
    "archive": lambda path: np.savez(path, state=np.array("{}"), a=np.zeros(2)),
    "zip": lambda path: zipfile.ZipFile(path, "w").close(),
    "pickle": lambda path: np.savez(path, state=np.array({"a": 1}, object)),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_the_last_good_checkpoint_is_taken(store: Store, kind: str) -> None:
    days = Days(store, 20)
    days.live_on()
    good = comparable(days.trainer)
    days.live_on()
    FOREIGN[kind](newest_path(store))
    again = Days(store, 20)
    (line,) = again.reports
    assert "left aside" in line and newest_path(store).name in line and "\n" not in line
    assert again.trainer.learner.transitions == days.trainer.learner.transitions  # by the journal
    assert comparable(again.trainer) == comparable(days.trainer) != good


def test_where_all_are_broken_it_begins_anew_and_rebuilds(store: Store) -> None:
    days = Days(store, 20)
    days.live_on()
    days.live_on()
    paths = checkpoints_of(store.folder).paths()
    for path in paths:
        path.write_bytes(path.read_bytes()[:1000])
    again = Days(store, 20)
    assert len(again.reports) == len(paths) == 3
    assert comparable(again.trainer) == comparable(days.trainer)


def test_a_clock_that_went_back_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    days = Days(store, 20)
    days.live_on()
    first = newest_path(store).name
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now - 1e6)
    again = Days(store, 20)
    (line,) = again.reports
    assert "the clock has gone back" in line and comparable(again.trainer) == comparable(days.trainer)
    again.live_on()
    assert newest_path(store).name > first
    assert Days(store, 20).reports == []


def test_a_full_disk_leaves_the_checkpoints_as_they_were(store: Store) -> None:
    days = Days(store, 20)
    days.live_on()
    folder = store.folder / "checkpoints"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    days.talk()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    days.trainer._due = 0
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        days.trainer.work()
        with pytest.raises(OSError, match="File too large"):
            days.trainer.stop()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert days.reports == [
        "no checkpoint could be written (File too large); what was said is in the journal all the same"
    ]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    days.trainer.stop()
    again = Days(store, 20)
    assert comparable(again.trainer) == comparable(days.trainer)


def test_so_many_checkpoints_are_kept_and_nothing_half_written(store: Store) -> None:
    days = Days(store, 20, kept=2)
    days.live_on()
    (store.folder / "checkpoints" / ".a1b2.npz").write_bytes(b"half")
    (store.folder / "checkpoints" / "mine.txt").write_text("not yours")
    for _ in range(3):
        days.live_on()
    names = sorted(path.name for path in (store.folder / "checkpoints").iterdir())
    assert [name.split("-")[0] for name in names] == ["000004", "000005", "best.npz", "mine.txt"]


# A domain that has grown, and one that has lost something.

WITH_ANOTHER_VALUE = TINY.replace("values: [small, large]", "values: [tiny, small, large]")
GROWN: dict[str, Callable[[Domain], Domain]] = {
    "an action": lambda domain: domain.with_action("utter_thanks", "Thank you"),
    "an intent": lambda domain: domain.with_intent("thank"),
    "a slot": lambda domain: domain.with_slot("colour"),
    "a slot with values": lambda domain: domain.with_slot("colour", "categorical", ["red", "blue"]),
    "a value": lambda domain: domain_from(WITH_ANOTHER_VALUE),
    "all of it": lambda domain: (
        domain_from(WITH_ANOTHER_VALUE).with_slot("colour").with_intent("thank").with_action("utter_thanks")
    ),
}


def as_grown(observation: npt.NDArray[Any], env: DialogueEnv, grown: DialogueEnv) -> npt.NDArray[Any]:
    """Return what a grown domain shows in the same moment."""
    words = env.describe(observation)
    return np.array(
        [field.labels.index(words.get(field.name, field.labels[0])) for field in grown.fields],
        grown.observation_space.dtype,
    )


@pytest.mark.parametrize("what", GROWN)
def test_what_was_known_is_carried_over_by_name(what: str) -> None:
    learner = learner_of()
    learner.put(transitions(60))
    learner.learn()
    domain = GROWN[what](DOMAIN)
    grown = learner_of(domain)
    arrays = carried_over(learner.arrays(), described(learner.env), grown.arrays(), grown.env)
    grown.load(arrays, learner.state())
    before, after = learner.actor(), grown.actor()
    places = [grown.env.action_names.index(name) for name in learner.env.action_names]
    old, new = learner.replay.arrays(), grown.replay.arrays()
    for row, observation in enumerate(old["observations"]):
        shown = as_grown(observation, learner.env, grown.env)
        np.testing.assert_array_equal(new["observations"][row], shown)
        np.testing.assert_allclose(
            after.values(shown)[places], before.values(observation), rtol=1e-4, atol=1e-5
        )
        action = learner.env.action_names[old["actions"][row]]
        assert grown.env.action_names[new["actions"][row]] == action
    names = ("entries", "rewards", "terminated", "arrivals")
    assert all((old[name] == new[name]).all() for name in names) and len(grown.replay) == 60
    grown.put(transitions(30, domain, first=1000))  # and it goes on
    grown.learn()


def test_a_store_goes_on_with_a_domain_that_has_grown(store: Store) -> None:
    days = Days(store, 20)
    days.live_on()
    assert len(Days(store, 20).trainer.explorer.tries) > 0
    grown = Days(store, 20, domain=DOMAIN.with_slot("colour").with_action("utter_thanks"))
    assert len(grown.trainer.explorer.tries) == 0  # what was tried is known by observations as they were
    assert grown.trainer.learner.transitions == days.trainer.learner.transitions and grown.reports == []
    grown.live_on()
    with pytest.raises(LossError, match="the domain has lost the action 'utter_thanks'") as caught:
        Days(store, 20)
    assert "\n" not in str(caught.value) and str(newest_path(store)) in str(caught.value)


@pytest.mark.parametrize(
    ("was", "now", "reason"),
    [
        ("actions: [ask_size, wrap, order]", "actions: [ask_size, pack, order]", "the action 'wrap'"),
        ("intents: [inform, affirm, deny]", "intents: [inform, affirm, deny, thank]", "'thank'"),
        ("values: [small, large]", "values: [small, large, huge]", "'huge'"),
    ],
)
def test_a_domain_that_lost_something_is_refused(store: Store, was: str, now: str, reason: str) -> None:
    texts = [TINY, TINY.replace(was, now)]
    if "wrap" in reason:
        texts[1] = texts[1].replace("wrap: {", "pack: {")
    else:
        texts.reverse()
    open_trainer(store, domain_from(texts[0]), None, settings=SMALL)
    with pytest.raises(LossError, match=f"the domain has lost .*{reason}.*Bring it back") as caught:
        open_trainer(store, domain_from(texts[1]), None, settings=SMALL)
    assert "\n" not in str(caught.value)
    with pytest.raises(LossError, match="until now it was 'auto', not 'explicit'"):
        open_trainer(store, domain_from(texts[0]), None, settings=SMALL, turn_taking="explicit")


# Where it begins.


@pytest.mark.parametrize("algorithm", [PPO, MaskablePPO])
def test_ppo_is_refused_with_the_reason(algorithm: Any) -> None:
    env = DialogueEnv(DOMAIN)
    model = algorithm("MlpPolicy", env, n_steps=8, batch_size=8, device="cpu")
    with pytest.raises(AgentError, match=r"^mine: PPO learns from its own newest dialogues alone[^\n]*$"):
        begin_with(learner_of(), Agent("mine", env, model), True)


@pytest.mark.parametrize("arguments", [{"policy_kwargs": {"net_arch": [8]}}, {"max_history": 2}])
def test_a_network_of_another_shape_is_refused(arguments: dict[str, Any]) -> None:
    history = arguments.pop("max_history", 1)
    env = DialogueEnv(DOMAIN, max_history=history)
    model = MaskedDQN("MlpPolicy", env, buffer_size=10, device="cpu", **arguments)
    with pytest.raises(AgentError, match=r"^mine: it(s network has other layers| sees the last 2)[^\n]*$"):
        begin_with(learner_of(), Agent("mine", env, model), True)


def test_a_dqn_goes_on_with_its_weights() -> None:
    env = DialogueEnv(DOMAIN)
    model = MaskedDQN("MlpPolicy", env, buffer_size=10, device="cpu", seed=3)
    learner = learner_of()
    begin_with(learner, Agent("mine", env, model), True)
    for own, its in zip(learner.network.parameters(), model.q_net.parameters(), strict=True):
        np.testing.assert_array_equal(own.detach(), its.detach())
    assert learner.updates == len(learner.replay) == 0


def test_a_domain_without_a_fake_user_begins_with_what_was_taught() -> None:
    domain = dataclasses.replace(DOMAIN, fake_user=None)
    learner = LiveLearner(with_user(domain), "auto", SMALL)
    observation = transitions(1)[0].observation
    learner.teach({observation.tobytes(): ("wrap",)})
    begin_with(learner, None, can_play=False)
    possible = np.ones(len(learner.env.action_names), np.bool_)
    assert learner.env.action_names[learner.actor().choose(observation, possible, True)] == "wrap"


# Guards.


def right_labels() -> dict[bytes, tuple[str, ...]]:
    """Return what is right wherever the fake user of the tiny domain can lead."""
    env = DialogueEnv(DOMAIN)
    labels: dict[bytes, tuple[str, ...]] = {}
    for seed in range(30):
        observation, info = env.reset(seed=seed)
        is_over = False
        while not is_over:
            name = "order" if info["action_mask"][env.action_names.index("order")] else "ask_size"
            labels[observation.tobytes()] = (name,)
            observation, _, terminated, truncated, info = env.step(env.action_names.index(name))
            is_over = terminated or truncated
    return labels


def spoil_weights(learner: LiveLearner) -> None:
    with torch.no_grad():
        for weight in learner.network.parameters():
            weight.zero_()
        weight[learner.env.action_names.index("wrap")] = 1.0


@pytest.mark.parametrize("rolls_back", [False, True])
def test_a_fall_is_told_and_can_be_undone(tmp_path: Path, rolls_back: bool) -> None:
    reports: list[str] = []
    guard = Guard(DialogueEnv(DOMAIN), rolls_back=rolls_back)
    trainer = trainer_of(tmp_path, guard, report=reports.append)
    trainer.learner.teach(right_labels())
    trainer.learner.study(150)
    trainer.put(transitions(20), 20)
    trainer.work()
    trainer.checkpoint()
    assert guard.best > 0.9 and reports == []
    good = comparable(trainer)
    best = trainer._checkpoints.best.read_bytes()
    spoil_weights(trainer.learner)
    trainer.checkpoint()
    (line,) = reports
    assert line.startswith("success with the fake user has fallen from 100% to 0%") and "\n" not in line
    assert (comparable(trainer) == good) == rolls_back
    assert trainer._checkpoints.best.read_bytes() == best  # kept apart
    newest = read(trainer._checkpoints.paths()[-1])
    assert newest.state["success_rate"] == 0 and newest.state["best"] == guard.best
    assert (bits(newest.arrays) == good[0]) == rolls_back
    if rolls_back:
        assert (trainer.explorer.actor.weights[0] == trainer.learner.actor().weights[0]).all()
        trainer._checkpoints.best.write_bytes(b"")
        spoil_weights(trainer.learner)
        trainer.checkpoint()
        assert "left aside" in reports[1] and "\n" not in reports[1]


def test_a_fall_after_the_domain_has_grown_rolls_back_by_name(tmp_path: Path) -> None:
    before = trainer_of(tmp_path, Guard(DialogueEnv(DOMAIN)))
    before.learner.teach(right_labels())
    before.learner.study(150)
    before.checkpoint()
    domain = DOMAIN.with_slot("colour").with_action("utter_thanks")
    learner = learner_of(domain)
    reports: list[str] = []
    guard = Guard(DialogueEnv(domain), rolls_back=True, best=1.0)
    trainer = Trainer(
        learner, Explorer(learner.actor()), Checkpoints(tmp_path), 0, guard=guard, report=reports.append
    )
    trainer.checkpoint()
    assert [line.endswith("the best checkpoint is taken again") for line in reports] == [True]
    assert guard.success_rate(learner.actor()) == 1.0


def test_teachers_and_people_share_a_store(store: Store) -> None:
    """What was taught there is learned from the beginning."""
    start = store.append("c1", EVENT, {"event": "session_started"})
    heard = store.append("c1", USER, to_json(UserUttered("/affirm", "affirm")), start.id)
    store.append("c1", LABEL, {"action": "wrap", "right": ["wrap"], "by": EXPERT}, heard.id)
    trainer, _ = open_trainer(store, DOMAIN, None, settings=SMALL)
    (label,) = History(store.entries()).labels(DOMAIN, "auto")
    possible = np.ones(len(trainer.learner.env.action_names), np.bool_)
    choice = trainer.explorer.actor.choose(label.observation, possible, True)
    assert trainer.learner.env.action_names[choice] == "wrap"
