"""Reports of bots that are evaluated exactly, and of those that cannot be."""

from __future__ import annotations

import json
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from dialogue_gym import load_domain
from dialogue_gym._intervals import half_of_rate
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.exact import evaluate_exactly, replay
from dialogue_gym.policies.agent import load_agent
from dialogue_gym.policies.base import ExpertPolicy, RandomPolicy
from dialogue_gym.reports.report import Report
from dialogue_gym.stories import parse
from dialogue_gym.teaching.policy import story_agent
from dialogue_gym.training.evaluation import compare, evaluate
from tests.conftest import BUILT_IN, TINY, domain_from, make
from tests.exact.policies import FixedTable

RULES = """
version: "3.1"
stories:
- story: a small talk
  steps:
  - intent: deny
  - action: ask_size
rules:
- rule: an order follows the size
  steps:
  - intent: inform
  - action: order
"""


def of(name: str, **settings: Any) -> Report:
    agent = load_agent(name, load_domain("concert"), settings=settings)
    assert agent
    return evaluate_exactly(agent, dialogues=50, failures=2 if name == "random" else 0)


def test_goals_and_users_are_told_apart() -> None:
    report = of("pretrained", semantic_error_rate=0.3)
    assert len(report.goals) == 8 and report.goals[0].name.startswith("greet, search_")
    assert report.goals[0].success_rate < report.success_rate < report.goals[-1].success_rate
    assert sum(goal.share * goal.success_rate for goal in report.goals) == pytest.approx(report.success_rate)
    mean_square = sum(goal.share * goal.success_rate**2 for goal in report.goals)
    assert report.passes[1] == pytest.approx(mean_square) and report.passes[1] > report.success_rate**2
    unfriendly = of("pretrained", semantic_error_rate=0.3, user="unfriendly")
    rates = {user.name: user.success_rate for user in report.users}
    assert rates["unfriendly"] == pytest.approx(unfriendly.success_rate) and rates["unfriendly"] < 0.99
    assert [user.share for user in report.users] == [0.0, 1.0]


@pytest.mark.slow
@pytest.mark.parametrize("turn_taking", ["auto", "explicit"])
@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_exact_figures_lie_in_the_intervals_of_a_sample(turn_taking: str, noise: float) -> None:
    env = DialogueEnv("concert", turn_taking=turn_taking, semantic_error_rate=noise)
    for policy in (ExpertPolicy(env), *([FixedTable(env, 3)] if turn_taking == "auto" else [])):
        report, played = (
            evaluate_exactly(policy, failures=0),
            evaluate(env, policy, 10_000, 3, uses_masks=True),
        )
        assert abs(report.success_rate - played.success_rate) <= 2 * half_of_rate(played.success_rate, 10_000)
        assert report.mean_return is not None
        assert abs(report.mean_return - played.mean_return) <= 3.5 * played.return_error + 1e-9


def test_a_random_bot_is_sampled_and_its_dialogues_have_no_seeds() -> None:
    report = of("random")
    assert report.method == "sampled" and report.dialogues == 50 and report.success_error > 0
    assert report.notes == (
        "a sample with 95% intervals: the policy chooses otherwise when it is asked again",
    )
    assert report.failures and all(failed.seed is None for failed in report.failures)


def test_a_random_bot_has_no_seeds_where_users_search_either() -> None:
    env = make("FakeUserCity-v0")
    report = evaluate_exactly(RandomPolicy(env, 0), env=env, dialogues=20)
    assert report.failures and all(failed.seed is None for failed in report.failures)
    seeds = [failed.seed for failed in evaluate_exactly(FixedTable(env, 3), dialogues=20).failures]
    assert seeds and None not in seeds  # others have theirs


def test_a_policy_that_is_random_now_and_then_is_sampled() -> None:
    class Tiring(ExpertPolicy):
        """An expert who does anything after a number of answers."""

        left = 10**9

        def choose(self, observation: Any, mask: Any, deterministic: bool) -> int:
            self.left -= 1
            expert = super().choose(observation, mask, deterministic)
            return expert if self.left > 0 else int(self._random.choice(np.flatnonzero(mask)))

    policy = Tiring(DialogueEnv("concert"), 1)
    evaluate_exactly(policy, failures=0)
    policy.left = (10**9 - policy.left) // 2 + 1  # tired with the second of the two users
    report = evaluate_exactly(policy, failures=0, dialogues=10)
    assert (report.method, report.dialogues) == ("sampled", 10)
    assert "chooses otherwise when it is asked again" in report.notes[0]


def test_settings_that_a_policy_does_not_know_are_refused() -> None:
    env = DialogueEnv("concert")
    for settings in ({"turn_taking": "explicit"}, {"max_history": 2}):
        with pytest.raises(ValueError, match="ExpertPolicy: with these settings the agent has other"):
            evaluate_exactly(ExpertPolicy(env), settings, env=env)
    explicit = DialogueEnv("concert", turn_taking="explicit")
    for played in (evaluate, lambda env, policy: evaluate_exactly(policy, env=env)):
        for one, other in ((env, explicit), (explicit, env)):
            with pytest.raises(ValueError, match="ExpertPolicy: it is for other actions than the env"):
                played(one, ExpertPolicy(other))
    report = evaluate_exactly(
        ExpertPolicy(env), {"patience": np.int64(3), "reward": {"step": np.float32(-2)}}, failures=0
    )
    settings = json.loads(json.dumps(report.as_dict()))["settings"]
    assert settings == {"turn_taking": "auto", "patience": 3, "reward": {"step": -2.0}}


def test_a_policy_with_a_memory_is_sampled_and_its_dialogues_are_played_again() -> None:
    class Counting:
        """The actions in turn."""

        def predict(self, observation: Any, state: Any, episode_start: Any, **others: Any) -> Any:
            begun = np.where(episode_start, 0, 0 if state is None else state + 1)
            return begun % 8 if np.ndim(observation) > 1 else begun[0] % 8, begun

    env = make(BUILT_IN[1])
    report = evaluate_exactly(Counting(), env=env, dialogues=40)
    assert report.notes == ("a sample with 95% intervals: the policy keeps a memory of the dialogue",)
    for failed in report.failures:
        again = replay(failed, Counting(), env=env)
        assert again.outcome != "success" and again.events == failed.conversation.events


@pytest.mark.parametrize("max_states", [200_000, 5])  # exact and sampled
def test_a_policy_of_ones_own_can_have_masks(max_states: int) -> None:
    env = DialogueEnv("concert")
    table = FixedTable(env, 3)

    class Own:
        """A table that is no `Policy`, and without masks asks for too much."""

        def predict(self, observation: Any, action_masks: Any = None, **others: Any) -> Any:
            masks = np.ones((*np.shape(observation)[:-1], 8)) if action_masks is None else action_masks
            return table.predict(observation, action_masks=masks)

    known, own, left_alone = (
        evaluate_exactly(bot, env=env, max_states=max_states, dialogues=200, failures=2, uses_masks=uses)
        for bot, uses in ((table, None), (Own(), True), (Own(), None))
    )
    advice, known_advice, other = ([one.advice for one in it.failures] for it in (own, known, left_alone))
    assert advice == known_advice != other and own.mean_return == known.mean_return
    for failed in own.failures:
        again = replay(failed, Own(), env=env, uses_masks=True)
        assert again.events == failed.conversation.events


def test_dialogues_without_end_are_refused() -> None:
    env = DialogueEnv("concert")
    expert = ExpertPolicy(env)
    for figures in (evaluate, compare, evaluate_exactly):
        policies = [expert, expert] if figures is compare else [expert]
        given = policies if figures is evaluate_exactly else [env, *policies]
        with pytest.raises(ValueError, match=r"^dialogues=10{20}: must be .* from 1 to 10000000$"):
            figures(*given, dialogues=10**20)


def test_a_bot_with_rules_is_sampled_and_follows_them() -> None:
    _, agent = story_agent(parse(RULES, format="yaml"), domain_from(TINY))
    report = evaluate_exactly(agent, {"patience": 2}, dialogues=30)
    assert report.method == "sampled" and "rules or forms" in report.notes[0]
    assert report.success_rate == 1


@pytest.mark.slow  # the rules of users who search take long to compile
def test_users_who_search_are_sampled() -> None:
    expert = load_agent("expert", load_domain("laptop"))
    assert expert
    report = evaluate_exactly(expert, dialogues=10)
    assert report.method == "sampled" and "users who search a database" in report.notes[0]


def test_the_budget_and_the_steps_of_a_wrapper_count() -> None:
    env: Any = gym.make(BUILT_IN[1], max_episode_steps=2)
    report = evaluate_exactly(ExpertPolicy(env.unwrapped), env=env)
    assert report.success_rate == 0 and report.endings["the step limit was reached"] == 1
    assert replay(report.failures[0], ExpertPolicy(env.unwrapped), env=env).outcome == "truncated"
    small = evaluate_exactly(ExpertPolicy(env.unwrapped), max_states=5, dialogues=10)
    assert small.method == "sampled" and "more than 5 states" in small.notes[0]


def test_without_an_expert_the_rules_tell_the_right_action() -> None:
    env = DialogueEnv(domain_from(TINY), patience=3)

    class Asking(FixedTable):
        """Asks for the size, whatever it knows."""

        def choose(self, observation: Any, mask: Any, deterministic: bool) -> int:
            return self.env.action_names.index("ask_size")

    report = evaluate_exactly(Asking(env))
    advice = [failed.advice for failed in report.failures]
    assert advice == [
        f"""after 'inform{{"size": "{size}"}}' teach order (the bot chose ask_size)"""
        for size in ("small", "large")
    ]
