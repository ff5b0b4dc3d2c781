"""Understanding: examples of what people say, an interpreter trained on them, and how good one is."""

from dialogue_gym.nlu.encoders import HashedNgrams
from dialogue_gym.nlu.examples import builtin_path, read_examples
from dialogue_gym.nlu.interpreter import FixedFormatInterpreter
from dialogue_gym.nlu.phrasebook import Phrasebook

__all__ = ["FixedFormatInterpreter", "HashedNgrams", "Phrasebook", "builtin_path", "read_examples"]
