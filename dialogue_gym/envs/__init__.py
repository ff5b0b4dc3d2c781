"""The Gymnasium environments: the rules, interpreted, with a simulated user."""

from dialogue_gym.envs.dialogue import DialogueEnv, RenderModeError, unwrapped_dialogue

__all__ = ["DialogueEnv", "RenderModeError", "unwrapped_dialogue"]
