"""Many dialogues at a time: the vector environments, and the rules compiled with Numba.

Making an environment needs the extra `fast`.
"""

from dialogue_gym.vector.env import DialogueVectorEnv

__all__ = ["DialogueVectorEnv"]
