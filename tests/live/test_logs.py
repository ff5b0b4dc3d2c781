"""The logs of a live bot, read from its journal."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from dialogue_gym import DialogueEnv, ExpertPolicy
from dialogue_gym.conversation.events import UserUttered
from dialogue_gym.domain import Domain
from dialogue_gym.journal.store import Store
from dialogue_gym.live.bot import LiveBot
from dialogue_gym.live.exploration import Explorer
from dialogue_gym.live.logs import read_logs, return_range
from dialogue_gym.live.reward import LiveReward
from dialogue_gym.live.simulated_person import SimulatedPerson
from dialogue_gym.nlu.interpreter import FixedFormatInterpreter
from dialogue_gym.off_policy import CannotSay
from dialogue_gym.policies.agent import Agent, load_agent
from tests.live.bots import RESTAURANT, Plan


class Trying(ExpertPolicy):
    """An expert behind the exploration of a live bot."""

    version = 7


def live_bot(store: Store, domain: Domain, decider: Any, person: SimulatedPerson) -> LiveBot:
    return LiveBot(domain, store, decider, FixedFormatInterpreter(domain), person)


def agent_of(name: str) -> Agent:
    agent = load_agent(name, RESTAURANT)
    assert agent is not None
    return agent


def test_logs_are_the_dialogues_with_their_chances_and_returns(tmp_path: Path) -> None:
    env = DialogueEnv(RESTAURANT)
    twin = Explorer(cast(Any, Trying(env)), 3, (0.9, 0.9))
    with Store(tmp_path / "store") as store:
        person, middle = SimulatedPerson(RESTAURANT, silent=1.0), 0
        bot = live_bot(store, RESTAURANT, Explorer(cast(Any, Trying(env)), 3, (0.9, 0.9)), person)
        for number in range(20):
            person.talk(bot)
            middle = store.last_id() if number == 11 else middle
        stored = read_logs(store, RESTAURANT, [agent_of("expert"), agent_of("random")])
        later = read_logs(store, RESTAURANT, [agent_of("expert")], middle).logs
    logs, (expert, anyone) = stored.logs, stored.targets
    assert 0 < logs.successes.sum() < len(logs) == 20
    assert stored.versions == 1 and stored.notes == []
    assert len(later) == 8 and (later.chances == logs.chances[-len(later.chances) :]).all()
    decisions = iter(range(len(logs.actions)))
    for seed, (total, is_success) in enumerate(zip(logs.returns, logs.successes, strict=True)):
        observation, info = env.reset(seed=seed)
        earned, is_over = 0.0, False
        while not is_over:
            number, made = next(decisions), twin.decide(observation, info["action_mask"] != 0)
            assert logs.observations[number].tolist() == observation.tolist()
            assert made.chances == {
                name: chance
                for name, chance, possible in zip(
                    env.action_names, logs.chances[number], info["action_mask"], strict=True
                )
                if possible
            }
            np.testing.assert_allclose(anyone[number], info["action_mask"] / info["action_mask"].sum())
            best = twin.actor.choose(observation, info["action_mask"], True)
            assert expert[number].tolist() == np.eye(len(env.action_names))[best].tolist()
            observation, reward, terminated, truncated, info = env.step(logs.actions[number])
            earned += float(reward)
            is_over = terminated or truncated
        assert (total, is_success) == (earned, info["is_success"])


def test_conversations_that_cannot_be_used_are_counted(tmp_path: Path) -> None:
    with Store(tmp_path / "store") as store:
        person = SimulatedPerson(RESTAURANT, silent=1.0)
        person.talk(live_bot(store, RESTAURANT, Plan("utter_ask_price"), person))
        bot = live_bot(store, RESTAURANT, Explorer(cast(Any, Trying(DialogueEnv(RESTAURANT)))), person)
        taught = bot.begin()
        bot.take_over(taught, "tina")
        bot.take(taught, UserUttered("/greet", "greet"))
        bot.decide(taught, "tina", "utter_ask_price", 0, "utter_ask_price")
        bot.leave(taught)
        bot.begin()
        with pytest.raises(CannotSay, match=r"can be used; 1 .* still open; 1 .* unknown.*; 1 .* a teacher"):
            read_logs(store, RESTAURANT, [agent_of("expert")])
        person.talk(bot)
        stored = read_logs(store, RESTAURANT, [agent_of("expert")])
        assert len(stored.logs) == 1 and (stored.open, stored.unknown, stored.taught) == (1, 1, 1)
        assert stored.logs.chances.max(axis=1).tolist() == [1.0] * len(stored.logs.actions)


def test_range_of_returns_holds_for_every_dialogue() -> None:
    reward = LiveReward(step=-1, success=20, failure=-5, actions={"dear": -3.0})
    assert return_range(reward, 10) == (-45, 19)
    assert return_range(LiveReward(step=1, success=2, failure=0), 10) == (1, 12)
