"""The learner of live conversations: its buffer, its updates and its exploration."""

from __future__ import annotations

import dataclasses
import itertools
import json
import threading
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dialogue_gym import DialogueEnv
from dialogue_gym.conversation.bot_state import with_user
from dialogue_gym.live import startup
from dialogue_gym.live.exploration import MOST_VISITS, Explorer, QPolicy, VisitCounts
from dialogue_gym.live.learner import LiveLearner
from dialogue_gym.live.options import exploration_rates
from dialogue_gym.live.replay_buffer import ReplayBuffer
from dialogue_gym.live.startup import initialize_learner
from dialogue_gym.live.transitions import Transition
from dialogue_gym.policies.agent import Agent
from dialogue_gym.policies.evaluation import play
from dialogue_gym.policies.network import NetworkPolicy
from dialogue_gym.policies.saved import AgentError
from dialogue_gym.sb3.conversion import to_numpy
from dialogue_gym.sb3.masked_dqn import MaskedDQN
from tests.live.learning import learner_of, transitions
from tests.live.people import DOMAIN, SMALL, bits

torch.set_num_threads(1)


Put = tuple[int, int, int, float]


class PlainBuffer:
    """A plain reference for the replay buffer: a list, oldest first."""

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
    return buffer.add(entry, seen, action, reward, seen + 1, reward > 0)


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
        # An entry is one decision: its observation and action do not change.
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


def test_smaller_buffer_keeps_the_newest() -> None:
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


def test_saved_learner_resumes_bit_for_bit() -> None:
    """Also with updates that it still owes."""
    one, other = learner_of(), learner_of()
    seen = transitions(80)
    for learner in (one, other):
        names = ("ask_size", "wrap", "order")
        taught = enumerate(sorted({one.observation.tobytes() for one in seen}))
        learner.teach({key: (names[number % 3],) for number, key in taught})
    one.add(seen[:40])
    assert one.learn(30) == 30 and one.owed == 50
    other.load(one.arrays(), one.state())
    for learner in (one, other):
        learner.add(seen[30:])
        assert learner.learn() == 50 + 40 * SMALL.updates and learner.owed == 0
    assert bits(one.arrays()) == bits(other.arrays()) and one.state() == other.state()
    assert one.updates > SMALL.target_every  # the target network was renewed meanwhile


def test_loading_an_invalid_state_changes_nothing() -> None:
    learner = learner_of()
    learner.add(transitions(5))
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


def test_labels_outweigh_contrary_experience() -> None:
    env = DialogueEnv(DOMAIN)
    observation, _ = env.reset(seed=0)
    right, wrong = "ask_size", "wrap"
    chosen = {}
    for is_taught in (True, False):
        learner = learner_of()
        learner.teach({observation.tobytes(): (right,)} if is_taught else {})
        for entry in range(150):
            name, reward = ((right, -20.0), (wrong, 20.0))[entry % 2]
            learner.add([Transition(entry, observation, name, reward, observation, True, 0)])
            learner.learn()
        possible = np.ones(len(env.action_names), np.bool_)
        chosen[is_taught] = env.action_names[learner.actor().choose(observation, possible, True)]
    assert chosen == {True: right, False: wrong}


def test_actor_equals_the_network() -> None:
    learner = learner_of()
    learner.add(transitions(50))
    learner.learn()
    actor = learner.actor()
    seen = learner.replay.arrays()["observations"]
    with torch.no_grad():
        expected = learner.network.q_net(
            learner.network.extract_features(torch.as_tensor(seen), None)
        ).numpy()
    np.testing.assert_allclose([actor.outputs(one) for one in seen], expected, rtol=1e-4, atol=1e-5)
    learner.add(transitions(60))
    learner.learn()  # whatever becomes of the weights
    np.testing.assert_allclose([actor.outputs(one) for one in seen], expected, rtol=1e-4, atol=1e-5)
    assert actor.version == 50 * SMALL.updates


# Exploring.


SIZES = [len(field.labels) for field in DialogueEnv(DOMAIN).fields]


SITUATIONS = [
    np.array(codes, np.int8) for codes in itertools.islice(itertools.product(*map(range, SIZES)), 3000)
]


def test_half_of_exploration_is_the_least_tried_action() -> None:
    """In each situation by itself, among the possible actions; greedy choices count as well."""
    explorer = Explorer(learner_of().actor(), rates=(0.0, 1.0), satisfaction=1.0)
    names = explorer.actor.env.action_names
    possible = np.ones(len(names), np.bool_)
    possible[1] = False
    others = len(names) - 1
    here, there = SITUATIONS[:2]
    best = names.index(explorer.decide(here, possible).action)
    assert explorer.chances(here, possible)[best] == 1
    explorer.satisfaction = 0.0
    even = np.where(possible, 1 / others, 0)
    np.testing.assert_allclose(explorer.chances(there, possible), even)
    least = np.where(possible, 0.5 / others + 0.5 / (others - 1), 0)
    least[best] = 0.5 / others
    np.testing.assert_allclose(explorer.chances(here, possible), least)


def test_half_of_exploration_is_what_a_candidate_would_do() -> None:
    explorer = Explorer(learner_of().actor(), rates=(0.2, 0.2))
    names = explorer.actor.env.action_names
    best = explorer.actor.choose(SITUATIONS[0], possible := np.ones(len(names), np.bool_), True)
    for candidate in range(len(names)):
        weights = [np.zeros_like(part) for part in explorer.actor.weights]
        weights[-1][candidate] = 1.0
        explorer.candidate = QPolicy(explorer.actor.env, weights, 1)
        chances = np.full(len(names), 0.1 / len(names)) + 0.8 * np.eye(len(names))[best]
        chances[candidate] += 0.1
        np.testing.assert_allclose(explorer.chances(SITUATIONS[0], possible), chances)


def test_recorded_chances_are_those_of_the_draw() -> None:
    """They sum to one; the mean inverse chance of what was chosen is the number of what could be chosen."""
    surplus, variance = [0.0], [0.0]

    @settings(max_examples=20, derandomize=True)
    @given(
        rate=st.floats(0.3, 1),
        seed=st.integers(0, 1000),
        blocked=st.sets(st.integers(0, 2)),
        unsafe=st.sets(st.integers(0, 3), max_size=2),
        waits=st.booleans(),
    )
    def decide(rate: float, seed: int, blocked: set[int], unsafe: set[int], waits: bool) -> None:
        domain = dataclasses.replace(DOMAIN, unsafe=tuple(DOMAIN.actions[1 + action] for action in unsafe))
        explorer = Explorer(LiveLearner(domain, "auto", SMALL).actor(), seed, (rate, rate))
        explorer.candidate = LiveLearner(domain, "auto", SMALL, seed=1).actor() if waits else None
        names = explorer.actor.env.action_names
        possible = np.array([action not in blocked for action in range(len(names))])
        for number in range(500):
            made = explorer.decide(SITUATIONS[number % 2], possible)
            assert made.chances is not None and made.propensity is not None
            assert [names.index(name) for name in made.chances] == np.flatnonzero(possible).tolist()
            assert sum(made.chances.values()) == pytest.approx(1)
            inverses = [1 / chance for chance in made.chances.values() if chance]
            assert len(inverses) >= len({*np.flatnonzero(possible)} - unsafe)
            surplus.append(1 / made.propensity - len(inverses))
            variance.append(sum(inverses) - len(inverses) ** 2)

    decide()
    assert abs(sum(surplus)) <= 4 * sum(variance) ** 0.5


def test_former_best_action_is_tried_again_soon() -> None:
    explorer = Explorer(learner_of().actor(), rates=(0.0, 1.0), satisfaction=1.0)
    possible = np.ones(len(explorer.actor.env.action_names), np.bool_)
    best = {explorer.decide(SITUATIONS[0], possible).action for _ in range(5000)}
    assert len(best) == 1
    explorer.satisfaction = 0.0
    tries = int(MOST_VISITS) * len(possible)
    assert best < {explorer.decide(SITUATIONS[0], possible).action for _ in range(tries)}


def test_unsafe_actions_and_taught_situations_are_not_explored() -> None:
    def chosen(explorer: Explorer) -> set[str]:
        return {explorer.decide(SITUATIONS[0], possible).action for _ in range(50)}

    domain = dataclasses.replace(DOMAIN, unsafe=DOMAIN.actions[2:4])
    actor = LiveLearner(domain, "auto", SMALL).actor()
    names = actor.env.action_names
    possible = np.ones(len(names), np.bool_)
    best = names[actor.choose(SITUATIONS[0], possible, True)]
    assert chosen(Explorer(actor)) == {best}  # nobody asked for exploring
    explorer = Explorer(actor, rates=(1.0, 1.0))
    assert chosen(explorer) == {*names} - {*domain.unsafe} and len(domain.unsafe) == 2
    explorer.taught = {SITUATIONS[0].tobytes(): ("any",)}
    assert chosen(explorer) == {best}
    explorer.taught = ()
    possible[:] = [name in domain.unsafe for name in names]
    assert len(chosen(explorer)) == 1  # the better one of the two


@pytest.mark.parametrize(
    ("given", "rates"), [(None, (0, 0)), ("auto", (0.02, 0.5)), ("0.05", (0.05, 0.05)), ("1", (1, 1))]
)
def test_explore_takes_auto_or_a_rate(given: str | None, rates: tuple[float, float]) -> None:
    assert exploration_rates(given) == rates
    for wrong in ("often", "2", "-0.1", "nan", ""):
        with pytest.raises(ValueError, match="expected 'auto', or a number from 0 to 1"):
            exploration_rates(wrong)


def test_visit_counts_are_saved() -> None:
    one, other = (Explorer(learner_of().actor(), seed, (0.5, 0.5)) for seed in (0, 1))
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
    assert len(other.visits) == 0 and other.random.bit_generator.state == state["random"]


def test_number_of_counted_situations_is_bounded() -> None:
    tries = VisitCounts(2, situations=4)
    seen = [np.array([number], np.int8) for number in range(6)]
    for observation in (*seen[:4], seen[0], *seen[4:]):
        tries.add(observation, 1)
    assert [tries.counts(one)[1] for one in seen] == [2, 0, 0, 1, 1, 1] and len(tries) == 4
    other = VisitCounts(2, situations=4)
    other.load(tries.state())
    other.add(seen[1], 0)
    assert [other.counts(one).sum() for one in seen] == [2, 1, 0, 0, 1, 1]


def test_checkpoint_can_be_written_during_a_decision() -> None:
    explorer = Explorer(learner_of().actor(), rates=(1.0, 1.0))
    possible = np.ones(len(explorer.actor.env.action_names), np.bool_)
    deciding = threading.Thread(target=lambda: [explorer.decide(one, possible) for one in SITUATIONS])
    deciding.start()
    while deciding.is_alive():
        counted = sum(map(sum, explorer.state()["tries"].values()))
        assert counted <= len(SITUATIONS)
    assert len(explorer.visits) == len(SITUATIONS)


# The start.


def network(env: DialogueEnv, widths: list[int], **arguments: Any) -> NetworkPolicy:
    """Return a policy with random weights."""
    random = np.random.default_rng(0)
    sizes = [sum(len(field.labels) for field in env.observation_fields), *widths, len(env.action_names)]
    layers = [
        (random.normal(size=(outputs, inputs)).astype(np.float32), np.zeros(outputs, np.float32))
        for inputs, outputs in pairwise(sizes)
    ]
    return NetworkPolicy(env, layers, **arguments)


@pytest.mark.parametrize(
    ("widths", "arguments"),
    [
        ([64, 64], {"has_values": False, "activation": "tanh"}),
        pytest.param([64, 64], {"has_values": True, "activation": "tanh"}, marks=pytest.mark.slow),
        ([8], {"has_values": True}),
    ],
    ids=["ppo", "other-activation", "other-layers"],
)
def test_a_network_unlike_the_learners_is_studied(
    widths: list[int], arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(startup, "UPDATES", 600)  # as many as a small domain needs
    env = DialogueEnv(DOMAIN)
    agent = Agent("mine", env, network(env, widths, **arguments))
    with pytest.raises(AgentError, match=r"^mine: without a fake user[^\n]*it cannot be studied[^\n]*$"):
        initialize_learner(learner_of(), agent, False)
    learner = learner_of()
    initialize_learner(learner, agent, True)
    actor, alike = learner.actor(), []
    for seed in range(10):
        for step in play(env, lambda observation, mask: agent.policy.choose(observation, mask, True), seed):
            alike.append(actor.choose(step.observation, None, True) == step.action)
    assert np.mean(alike) > 0.9


def test_an_agent_with_a_longer_history_is_refused() -> None:
    env = DialogueEnv(DOMAIN, max_history=2)
    agent = Agent("mine", env, network(env, [64, 64], has_values=True))
    with pytest.raises(AgentError, match=r"^mine: it sees the last 2[^\n]*$"):
        initialize_learner(learner_of(), agent, True)


def test_dqn_continues_with_its_weights() -> None:
    env = DialogueEnv(DOMAIN)
    model = MaskedDQN("MlpPolicy", env, buffer_size=10, device="cpu", seed=3)
    learner = learner_of()
    initialize_learner(learner, Agent("mine", env, to_numpy(model, env)), False)
    for own, its in zip(learner.network.parameters(), model.q_net.parameters(), strict=True):
        np.testing.assert_array_equal(own.detach(), its.detach())
    assert learner.updates == len(learner.replay) == 0


def test_domain_without_a_fake_user_begins_with_labels() -> None:
    domain = dataclasses.replace(DOMAIN, fake_user=None)
    learner = LiveLearner(with_user(domain), "auto", SMALL)
    observation = transitions(1)[0].observation
    learner.teach({observation.tobytes(): ("wrap",)})
    initialize_learner(learner, None, can_play=False)
    possible = np.ones(len(learner.env.action_names), np.bool_)
    assert learner.env.action_names[learner.actor().choose(observation, possible, True)] == "wrap"


# Guards.
