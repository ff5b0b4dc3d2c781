"""The documentation of domain files names every key, limit and default."""

from __future__ import annotations

import re

import pytest

from dialogue_gym import DialogueEnv, ExpertPolicy
from dialogue_gym._files import MAX_BYTES
from dialogue_gym._text import MAX_NAME
from dialogue_gym.conversation.wording import ATTACHMENTS
from dialogue_gym.domain import fake_user as simulation
from dialogue_gym.domain import model, slot
from dialogue_gym.domain.model import Profile
from dialogue_gym.domain.slot import MAPPING_TYPES
from tests import ROOT
from tests.conftest import domain_from, play
from tests.domain.keys import IGNORED, KNOWN

PAGE = (ROOT / "docs" / "domain-files.md").read_text("utf-8")
TABLES = re.findall(r"^\| `([^`]+)`", PAGE, flags=re.MULTILINE)
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


def test_the_documentation_has_every_key_and_no_other() -> None:
    words = set(re.findall(r"`([^`\n]+)`", PAGE))
    keys = {key for keys in KNOWN.values() for key in keys}
    named = {*slot.SLOT_TYPES, *MAPPING_TYPES, *model.REWARD_TERMS, *model.REACTIONS, "inform: SLOT"}
    labels = {*model.CONFIDENCES, *model.HEARD, *model.SPOKEN, slot.EMPTY, slot.FILLED, slot.OTHER}
    of_responses = {"text", "condition", "channel", *ATTACHMENTS}
    assert keys | named | labels | of_responses | set(IGNORED) <= words
    assert set(TABLES) <= keys | named | of_responses | {"database", "venues.csv", "venues.db#TABLE"}


def test_the_documentation_has_every_limit_and_default() -> None:
    text = " ".join(PAGE.split())
    profile = Profile()
    for words in (
        f"Names have at most {MAX_NAME} characters",
        f"at most {model.MAX_NAMES} intents",
        f"at most {MAX_BYTES // 1_000_000} MB",
        f"1 to {simulation.MAX_PATIENCE} | {profile.patience} |",
        f"with this chance | {profile.informativeness} |",
        f"to change one wish | {profile.indecisiveness} |",
        f"when a suggestion is wrong | {profile.correction_rate} |",
        f"at most {simulation.MAX_ITEMS} slots with at most {simulation.MAX_ITEMS} values",
        f"at most {simulation.MAX_AGENDAS} ways, and a way has at most {simulation.MAX_ITEMS} items",
        ", ".join(f"{term} {weight:g}" for term, weight in model.DEFAULT_REWARD),
    ):
        assert words in text


@pytest.mark.parametrize("text", EXAMPLES, ids=["goal", "agenda"])
def test_an_example_of_the_documentation_can_be_solved(text: str) -> None:
    env = DialogueEnv(domain_from(text), indecisiveness=0)
    expert_policy = ExpertPolicy(env)
    for seed in range(20):
        observation, _ = env.reset(seed=seed)
        _, info = play(env, expert_policy, observation)
        assert info["is_success"]


def test_further_keys_of_the_documentation_are_read() -> None:
    noise, database = re.findall(r"^```yml\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    found = domain_from(EXAMPLES[0].replace("fake_user:\n", f"fake_user:\n{noise}") + database)
    assert found.fake_user and found.fake_user.noise.error_rate == 0.08
    assert found.database and len(found.database.rows) == 2
