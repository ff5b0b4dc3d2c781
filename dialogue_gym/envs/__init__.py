"""The Gymnasium environments: the rules, interpreted, with a simulated user."""

from dialogue_gym.envs.dialogue import DialogueEnv, RenderModeError

__all__ = ["DialogueEnv", "RenderModeError"]
