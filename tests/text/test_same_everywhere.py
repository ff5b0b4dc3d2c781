"""The same seeds give the same texts and figures, byte for byte, in every process and version of Python."""

from __future__ import annotations

import hashlib
import random
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from dialogue_gym import DialogueEnv
from dialogue_gym.text import TextDialogue
from tests.commands import run
from tests.text.chat_server import chat_server

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


EVALUATIONS = {
    "observations": (2, ["city", "semantic_error_rate=0.3", "--agent", "expert", "--against", "random"]),
    "names": (2, ["hotel", "semantic_error_rate=0.3", "--agent", "expert", "--mode", "names"]),
    "tools": (
        10,
        ["city", "semantic_error_rate=0.3", "--agent", "expert", "--mode", "tools", "--tries", "3"],
    ),
    "free": (2, ["restaurant", "--agent", "openai:x", "--mode", "free"]),
}
"""The number of runs, and the words of the command."""


@pytest.mark.slow
@pytest.mark.parametrize("way", EVALUATIONS)
def test_runs_of_one_seed_give_identical_files(way: str, tmp_path: Path) -> None:
    runs, words = EVALUATIONS[way]
    sentences = ["What kind of food?", "Where would that be?", "How many people?", "In what price range?"]

    def talkative(request: dict[str, Any]) -> dict[str, Any]:
        return {"role": "assistant", "content": sentences[len(request["messages"]) // 2 % len(sentences)]}

    command = [sys.executable, "-m", "dialogue_gym", "evaluate", *words, "--json", "--seed", "5"]
    found = set()
    with chat_server(talkative) as server:
        own = ["--base-url", server.url] if way == "free" else []
        for number in range(runs):
            done = run([*command, "--dialogues", "30", *own], tmp_path, PYTHONHASHSEED=str(number))
            seconds = r'"seconds": .*' if way == "free" else "$^"  # of waiting for the server
            found.add(re.sub(seconds, "", done.stdout))
    assert len(found) == 1 and '"dialogues": ' in found.pop()
