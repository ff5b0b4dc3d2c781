"""The game: possible actions, hints, scores, and the dialogue that the expert plays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialogue_gym import DialogueEnv, load_domain
from dialogue_gym.conversation.events import UserUttered
from dialogue_gym.conversation.user_act import act_of
from dialogue_gym.domain.sources import builtin_names
from dialogue_gym.play import Game, Match
from tests import ROOT
from tests.conftest import examples

USERS: tuple[dict[str, Any], ...] = (
    {},
    {"semantic_error_rate": 0.3},
    {"turn_taking": "explicit", "user": "unfriendly"},
)


def by_hints(game: Game) -> Game:
    while not game.is_over:
        possible = [move.action for move in game.moves]
        game.do(next((action for action in game.hint if action in possible), possible[0]))
    return game


@pytest.mark.parametrize("user", USERS, ids=str)
@pytest.mark.parametrize("name", builtin_names())
def test_a_person_who_follows_every_hint_is_as_good_as_the_expert(name: str, user: dict[str, Any]) -> None:
    domain = load_domain(name)
    for seed in range(3):
        game = by_hints(Game(domain, user, seed))
        assert game.of_expert is not None
        assert game.result == game.of_expert.result
        assert game.env.goal == game.of_expert.env.goal
        assert game.actions == game.of_expert.actions


@settings(max_examples=examples(30))
@given(
    st.sampled_from(builtin_names()),
    st.sampled_from(USERS),
    st.integers(0, 9999),
    st.lists(st.integers(0, 99), max_size=60),
)
def test_moves_are_those_of_the_mask_and_the_score_is_the_return(
    name: str, user: dict[str, Any], seed: int, choices: list[int]
) -> None:
    game = Game(load_domain(name), user, seed)
    env = DialogueEnv(name, **user)
    _, info = env.reset(seed=seed)
    score = 0.0
    for choice in choices:
        moves = game.moves
        possible = [env.action_names[i] for i, is_possible in enumerate(info["action_mask"]) if is_possible]
        if game.is_over:
            assert not moves
            break
        assert [move.action for move in moves] == possible
        move = moves[choice % len(moves)]
        assert env.action_names[move.number - 1] == move.action
        game.do(move.action)
        _, reward, terminated, truncated, info = env.step(move.number - 1)
        score += float(reward)
        assert (game.score, game.is_over) == (pytest.approx(score), terminated or truncated)
        said = [bubble.texts for bubble in game.chat if bubble.meaning == move.action]
        if move.says and move.action != "action_listen":
            assert " ".join(said[-1]) == move.says


def test_an_impossible_action_is_refused_without_a_step() -> None:
    game = Game(load_domain("restaurant"), {}, 7)
    with pytest.raises(ValueError, match="'action_suggest' is not possible now"):
        game.do("action_suggest")
    assert (game.steps, game.score) == (0, 0.0)
    with pytest.raises(RuntimeError, match="goes on"):
        _ = game.result


def test_under_noise_a_person_reads_only_the_words_that_the_bot_has_heard() -> None:
    """Two users who mean different things and are heard alike look alike."""
    domain = load_domain("restaurant")
    is_misheard = False
    for seed in range(30):
        game = by_hints(Game(domain, {"semantic_error_rate": 0.4}, seed))
        for bubble in game.chat:
            message = game.env.conversation.events[bubble.place]
            if not isinstance(message, UserUttered):
                continue
            assert str(act_of(message, domain)) == message.act
            for entity in message.entities:
                assert str(entity.value) in bubble.texts[0].lower()
        for heard, said in game.misheard:
            is_misheard = True
            assert heard in [text for bubble in game.chat for text in bubble.texts]
            assert said in [
                event.text for event in game.env.conversation.events if isinstance(event, UserUttered)
            ]
    assert is_misheard


def test_a_match_goes_on_with_the_next_seed_and_counts_finished_dialogues() -> None:
    match = Match(load_domain("concert"), {}, 40)
    by_hints(match.game)
    assert match.begin().seed == 41
    ((result, of_expert),) = match.results
    assert of_expert == result and result.is_success


def test_a_domain_without_an_expert_has_no_hints(tmp_path: Path) -> None:
    source = (ROOT / "dialogue_gym/domains/restaurant/domain.yml").read_text(encoding="utf-8")
    (tmp_path / "own.yml").write_text(source.partition("\nexpert:")[0])
    game = Game(load_domain(tmp_path / "own.yml"), {}, 7)
    assert game.hint == () and game.of_expert is None and game.moves
