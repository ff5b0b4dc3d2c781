"""A game: a person is the bot in dialogues with a fake user, and the domain's expert plays the same ones."""

from dialogue_gym.play.game import Game, GameResult, Match, Move, new_seed

__all__ = ["Game", "GameResult", "Match", "Move", "new_seed"]
