"""The Gymnasium environments: the rules, interpreted, with a simulated user on the other side."""

from dialogue_gym.envs.dialogue import DialogueEnv, RenderModeError

__all__ = ["DialogueEnv", "RenderModeError"]
