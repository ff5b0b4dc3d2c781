"""The Gymnasium environments: the rules, interpreted, with a fake user."""

from dialogue_gym.envs.dialogue import DialogueEnv, unwrapped_dialogue
from dialogue_gym.envs.horizon import horizon_of
from dialogue_gym.envs.settings import RenderModeError
from dialogue_gym.envs.state import DialogueState

__all__ = ["DialogueEnv", "DialogueState", "RenderModeError", "horizon_of", "unwrapped_dialogue"]
