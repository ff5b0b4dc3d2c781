"""Evaluation in text: the dialogues of other evaluations, and the chance that several tries all succeed."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from dialogue_gym import DialogueEnv, ExpertPolicy
from dialogue_gym.policies import load_agent
from dialogue_gym.text import FieldAgent, TextDialogue
from dialogue_gym.text.replies import Reply
from dialogue_gym.training import compare, evaluate_text, pass_rates
from tests.commands import call


class Listener(FieldAgent):
    """An agent that keeps what it hears, dialogue by dialogue."""

    heard: list[list[str]]

    def begin(self, dialogue: TextDialogue) -> None:
        self.heard.append([])
        super().begin(dialogue)

    def reply(self, message: str) -> Reply:
        self.heard[-1].append(message)
        return super().reply(message)


def expert(domain: TextDialogue) -> Listener:
    agent = load_agent("expert", domain.domain)
    assert agent is not None
    listener = Listener(agent)
    listener.heard = []
    return listener


@pytest.mark.parametrize("domain", ["restaurant", "concert"])
def test_all_tries_of_the_expert_succeed_without_noise(domain: str) -> None:
    text = TextDialogue(domain, "tools")
    result = evaluate_text(text, expert(text), 10, tries=4)
    assert result.passes == (1, 1, 1, 1) and result.figures.dialogues == 40
    assert result.not_understood == result.calls == 0


def test_tries_share_the_user_and_not_the_chance() -> None:
    text = TextDialogue("restaurant", semantic_error_rate=0.3, patience=4)
    agent = expert(text)
    result = evaluate_text(text, agent, 30, seed=2, tries=4)
    groups = [agent.heard[start : start + 4] for start in range(0, 120, 4)]
    assert all(len({tuple(heard[:1]) for heard in group}) == 1 for group in groups)
    assert sum(len({tuple(heard) for heard in group}) > 1 for group in groups) > 20
    first, *_, last = result.passes
    assert 1 > first == result.figures.success_rate > last and sorted(result.passes)[::-1] == [*result.passes]
    again = evaluate_text(text, expert(text), 30, seed=2, tries=4)
    assert again == result


def test_first_tries_are_the_dialogues_of_a_comparison() -> None:
    pytest.importorskip("numba")
    env = DialogueEnv("restaurant")
    text = TextDialogue("restaurant", "names")
    figures = evaluate_text(text, expert(text), 25, seed=3).figures
    assert figures == compare(env, ExpertPolicy(env), ExpertPolicy(env), 25, seed=3, uses_masks=True).first


def test_pass_rates_are_shares_of_subsets() -> None:
    tries = np.random.default_rng(0).random((7, 5)) < 0.6
    rates = pass_rates(tries.sum(axis=1).tolist(), 5)
    for k, rate in enumerate(rates, 1):
        subsets = [row[list(chosen)].all() for row in tries for chosen in itertools.combinations(range(5), k)]
        assert rate == pytest.approx(np.mean(subsets))


def test_the_command_says_which_reading_of_passes_it_prints() -> None:
    words = [
        "evaluate",
        "restaurant",
        "patience=4",
        "semantic_error_rate=0.3",
        "--agent",
        "expert",
        "--dialogues",
        "5",
    ]
    done = call(*words, "--tries", "2", "--mode", "tools")
    figures, passes = done.stdout.splitlines()
    assert done.returncode == 0 and figures.endswith("(10 dialogues)")
    assert passes.startswith("pass^k, all of k tries with the same user and other chance: ")
    assert passes.endswith("% (k = 1 to 2)")
    wrong = call(*words, "--tries", "2")
    assert (wrong.returncode, wrong.stderr) == (
        2,
        "error: --tries: it is for dialogues in text; add --mode tools\n",
    )
