"""The same seeds and replies give the same texts, byte for byte, in every process and version of Python."""

from __future__ import annotations

import hashlib
import random

import pytest

from dialogue_gym import DialogueEnv
from dialogue_gym.text import TextDialogue

DIGESTS = {
    ("restaurant", "names"): "33f884d0f6b0a27c",
    ("restaurant", "tools"): "3e06d82f93d64be1",
    ("city", "names"): "41b06a35e74274aa",
    ("city", "tools"): "fcc8cc544c396ba3",
}
"""Made with Python 3.11; those of 3.13 were the same. Other wording changes them."""


@pytest.mark.parametrize(("domain", "mode"), DIGESTS)
def test_texts_are_those_of_other_versions(domain: str, mode: str) -> None:
    text = TextDialogue(domain, mode, semantic_error_rate=0.3)
    names, chance = DialogueEnv(domain).action_names, random.Random(0)
    digest = hashlib.sha256(text.instructions.encode())
    for seed in range(10):
        digest.update(text.reset(seed).encode())
        while not text.is_over:
            name = chance.choice(names)
            done = text.step(name if mode == "names" else {"name": name, "arguments": {}})
            digest.update(f"{done.message} {done.reward}".encode())
    assert digest.hexdigest()[:16] == DIGESTS[domain, mode]
