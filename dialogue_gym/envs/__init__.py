"""The Gymnasium environments: the rules, interpreted or compiled, with a fake user."""

from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.envs.rendering import RenderModeError
from dialogue_gym.envs.state import DialogueState
from dialogue_gym.envs.wrapping import horizon_of, unwrapped_dialogue

__all__ = ["DialogueEnv", "DialogueState", "RenderModeError", "horizon_of", "unwrapped_dialogue"]
