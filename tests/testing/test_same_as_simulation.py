"""Bots of ours, tested as foreign ones, have the outcomes of the simulation, dialogue by dialogue."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from dialogue_gym import DialogueEnv, ExpertPolicy, PretrainedPolicy, load_domain
from dialogue_gym.conversation.events import BotUttered
from dialogue_gym.domain import Domain
from dialogue_gym.testing import RestBot, Result, play
from dialogue_gym.testing.dialogue import ForeignDialogue
from dialogue_gym.testing.reading import Deed
from dialogue_gym.testing.trial import make_bot, seeds_of
from tests import ROOT
from tests.conftest import play as play_env
from tests.web.servers import Served

TOKEN = "0123456789abcdef0123"
USERS = [("restaurant", {"indecisiveness": 0.3}), ("concert", {"user": "unfriendly"})]


def simulated(domain: Domain, results: Sequence[Result], **settings: Any) -> list[tuple[bool, int, float]]:
    """The outcomes of the pretrained agent in the simulation, for the same seeds."""
    env = DialogueEnv(domain, **settings)
    policy = PretrainedPolicy(env)
    outcomes = []
    for result in results:
        observation, _ = env.reset(seed=result.seed)
        total, info = play_env(env, policy, observation)
        outcomes.append((bool(info["is_success"]), int(info["turns"]), total))
    return outcomes


@pytest.mark.parametrize("form", ["sentences", "fixed"])
@pytest.mark.parametrize(("name", "settings"), USERS)
def test_an_agent_of_ours_has_the_outcomes_of_the_simulation(
    name: str, settings: dict[str, Any], form: str
) -> None:
    domain = load_domain(name)
    bot = make_bot("pretrained", name, domain)
    results = play(bot, domain, seeds_of(1, 25), form=form, settings=settings)
    shown = [(one.is_success, one.turns, one.total) for one in results]
    assert shown == simulated(domain, results, **settings)


SOURCES = [
    "restaurant",
    "concert",
    "hotel",
    "city",
    "laptop",
    *sorted((ROOT / "agents/domains").glob("*.yml")),
]


@pytest.mark.parametrize(("turn_taking", "error"), [("auto", 0.0), ("explicit", 0.3)])
@pytest.mark.parametrize("source", SOURCES, ids=lambda source: Path(source).stem)
def test_a_bot_that_says_the_same_is_judged_as_in_the_simulation(
    source: str | Path, turn_taking: str, error: float
) -> None:
    """Rewards and steps too, with the expert's choices, and now and then any other action."""
    domain = load_domain(source)
    settings = {
        "turn_taking": turn_taking,
        "semantic_error_rate": error,
        "max_episode_steps": 25 if turn_taking == "auto" else 50,
    }
    env, dialogue = DialogueEnv(domain, **settings), ForeignDialogue(domain, **settings)
    policy = ExpertPolicy(env, 0)
    outcomes = set()
    for seed in range(40):
        observation, _ = env.reset(seed=seed)
        dialogue.begin(seed)
        total, turn, is_over, number = 0.0, [], False, 0
        while not is_over:
            number += 1
            action = int(policy.predict(observation)[0])
            if (seed + 7 * number) % 5 == 0:
                action = (seed + number) % int(env.action_space.n)
            name, known = env.action_names[action], len(env.conversation.events)
            observation, reward, terminated, truncated, info = env.step(action)
            total += reward
            is_over = terminated or truncated
            if name != "action_listen":
                said = [one for one in env.conversation.events[known:] if isinstance(one, BotUttered)]
                venue = env.conversation.venue.get(domain.database.name) if domain.database else None
                turn.append(Deed(name, tuple(said), venue=venue))
            if is_over or name == "action_listen" or info["turns"] > dialogue.turns:
                dialogue.answer(turn)
                turn = []
        assert (dialogue.outcome, dialogue.turns) == (env.conversation.outcome, info["turns"])
        assert dialogue.total == pytest.approx(total)
        outcomes.add(dialogue.outcome)
    assert "success" in outcomes or error


class Talking(Served):
    """`dialogue-gym serve` for programs alone."""

    command = ("serve", "--no-teach", "--talk")
    page = "/talk/"


@pytest.mark.slow
@pytest.mark.parametrize("form", ["sentences", "fixed"])
@pytest.mark.parametrize(("name", "settings"), USERS)
def test_a_served_bot_has_the_outcomes_of_the_simulation(
    name: str, settings: dict[str, Any], form: str, tmp_path: Path
) -> None:
    domain = load_domain(name)
    (tmp_path / "tokens").write_text(f"test {TOKEN}\n")
    server = Talking(tmp_path / "store", "--token-file", "tokens", domain=name)
    try:
        bot = RestBot(f"http://127.0.0.1:{server.port}", timeout=60, token=TOKEN)
        results = play(bot, domain, seeds_of(1, 100), form=form, settings=settings)
    finally:
        server.kill()
    shown = [(one.is_success, one.turns, one.total) for one in results]
    expected = simulated(domain, results, **settings)
    alike = sum(one == other for one, other in zip(shown, expected, strict=True))
    assert alike >= 97, (shown, expected)  # it learns meanwhile, which can change a few of the last ones
