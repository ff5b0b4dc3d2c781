"""Natural language: examples in Rasa's format, interpreters, and the scores of an interpreter.

All but the interfaces load when they are used: some need the extra `nlu`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialogue_gym._lazy import lazy_getattr
from dialogue_gym.nlu.interpreter import (
    CombinedInterpreter,
    FixedFormatInterpreter,
    Interpretation,
    Interpreter,
    InterpreterError,
    parse_act,
)

if TYPE_CHECKING:
    from dialogue_gym.nlu.checks import check_examples
    from dialogue_gym.nlu.encoders import HashedNgrams
    from dialogue_gym.nlu.evaluation import Counts, NluScores, evaluate
    from dialogue_gym.nlu.example_writer import dump_examples
    from dialogue_gym.nlu.examples import (
        Example,
        NluData,
        NluError,
        builtin_path,
        parse_example,
        read_examples,
    )
    from dialogue_gym.nlu.phrasebook import Phrasebook
    from dialogue_gym.nlu.rasa import RasaInterpreter
    from dialogue_gym.nlu.trained import TrainedInterpreter

__all__ = [
    "CombinedInterpreter",
    "Counts",
    "Example",
    "FixedFormatInterpreter",
    "HashedNgrams",
    "Interpretation",
    "Interpreter",
    "InterpreterError",
    "NluData",
    "NluError",
    "NluScores",
    "Phrasebook",
    "RasaInterpreter",
    "TrainedInterpreter",
    "builtin_path",
    "check_examples",
    "dump_examples",
    "evaluate",
    "parse_act",
    "parse_example",
    "read_examples",
]

__getattr__ = lazy_getattr(__name__, {
    "checks": ("check_examples",),
    "encoders": ("HashedNgrams",),
    "evaluation": ("Counts", "NluScores", "evaluate"),
    "example_writer": ("dump_examples",),
    "examples": ("Example", "NluData", "NluError", "builtin_path", "parse_example", "read_examples"),
    "phrasebook": ("Phrasebook",),
    "rasa": ("RasaInterpreter",),
    "trained": ("TrainedInterpreter",),
})  # fmt: skip
