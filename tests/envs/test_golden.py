"""Golden transcripts: dialogues of the expert and of a careless bot, as a person reads them.

A change of behaviour of a registered environment bumps its version. To write the transcripts anew, run
`python -m tests.envs.test_golden`, and read what changed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dialogue_gym import ExpertPolicy
from tests.conftest import BUILT_IN, SEARCHING, TURN_TAKINGS, make, play

FOLDER = Path(__file__).parent / "golden"
CASES = [(env_id, turn_taking) for env_id in (*BUILT_IN, *SEARCHING) for turn_taking in TURN_TAKINGS]
SETTINGS: list[dict[str, Any]] = [
    {},
    {"semantic_error_rate": 0.3},
    {"user": "unfriendly", "indecisiveness": 0.3},
]


def transcript(env_id: str, turn_taking: str) -> str:
    parts = [f"{env_id}, {turn_taking} turn taking"]
    for settings in SETTINGS:
        if env_id != "FakeUserRestaurant-v0":
            settings = {key: value for key, value in settings.items() if key != "indecisiveness"}
        env = make(env_id, turn_taking=turn_taking, render_mode="ansi", **settings)
        for seed in (0, 1):
            parts += [f"== expert, {settings}, seed {seed}", dialogue(env, ExpertPolicy(env), seed)]
        parts += [f"== careless, {settings}, seed 2", dialogue(env, Careless(env), 2)]
    return "\n\n".join(parts) + "\n"


def dialogue(env: Any, policy: Any, seed: int) -> str:
    observation, _ = env.reset(seed=seed)
    total, info = play(env, policy, observation)
    return f"{env.render()}\nreturn {total:g}, {info['turns']} turns"


class Careless:
    """Does every third action in turn, regardless of the observation."""

    def __init__(self, env: Any) -> None:
        self._n = int(env.action_space.n)
        self._step = 0

    def predict(self, observation: Any, deterministic: bool) -> tuple[Any, None]:
        self._step += 1
        return np.int64(self._step * 3 % self._n), None


@pytest.mark.parametrize(("env_id", "turn_taking"), CASES)
def test_dialogues_match_the_golden_transcripts(env_id: str, turn_taking: str) -> None:
    golden = (FOLDER / f"{env_id}-{turn_taking}.txt").read_text(encoding="utf-8")
    assert transcript(env_id, turn_taking) == golden


if __name__ == "__main__":
    for case in CASES:
        (FOLDER / f"{case[0]}-{case[1]}.txt").write_text(transcript(*case), encoding="utf-8")
