"""Names that every bot has without listing them: Rasa's own, and single responses."""

from __future__ import annotations

from pathlib import Path

from dialogue_gym import stories
from dialogue_gym.check import check_files
from dialogue_gym.domain.default_names import DEFAULT_ACTIONS, DEFAULT_INTENTS
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.teaching import import_stories
from tests.conftest import domain_from

DOMAIN = """
    intents: [faq, greet]
    forms: {f: {required_slots: []}}
    responses:
      utter_ok: [{text: ok}]
      utter_faq/hours: [{text: "At nine."}]
"""
ACTIONS = [name for name in DEFAULT_ACTIONS if name != "action_listen"]
TEXT = "".join(f"## {name}\n* greet\n- utter_ok\n- {name}\n" for name in ACTIONS)
TEXT += "".join(f"## {name}\n* {name}\n- utter_ok\n" for name in DEFAULT_INTENTS)
TEXT += "## hours\n* faq/hours\n- utter_faq/hours\n"


def test_default_names_are_known_and_can_be_learned() -> None:
    domain = domain_from(DOMAIN)
    parsed = stories.parse(TEXT, "f")
    problems = stories.check_stories(domain, parsed)
    assert all("different actions after the same observation" in str(problem) for problem in problems)
    assert len(stories.join(parsed, domain, rounds=0)) == len(parsed)
    assert len(stories.contradictions(domain, parsed)) == len(problems)
    with Store.in_memory() as store:
        import_stories(store, domain, parsed)
        grown = History(store.entries()).extended(domain)
    assert {*ACTIONS, "utter_faq/hours"} <= set(grown.actions) and set(DEFAULT_INTENTS) <= set(grown.intents)
    assert grown.actions[: len(domain.actions)] == domain.actions


def test_alternatives_with_the_same_acts_are_one_dialogue() -> None:
    text = """
stories:
- story: a
  steps:
  - or:
    - intent: greet
      user: hello
    - intent: greet
      user: hi
    - intent: faq
  - action: utter_ok
"""
    expanded = stories.expand(stories.parse(text, "f"))
    assert [story.name for story in expanded] == ["a", "a (2)"]


def test_examples_reveal_retrieval_intents(tmp_path: Path) -> None:
    (tmp_path / "domain.yml").write_text("intents: [faq, restart]\n")
    (tmp_path / "nlu.yml").write_text(
        "nlu:\n- intent: faq/hours\n  examples: |\n    - when\n    - what time\n"
        "- intent: session_start\n  examples: |\n    - begin\n    - start\n"
    )
    (tmp_path / "stories.yml").write_text(
        "stories:\n- story: a\n  steps:\n  - intent: faq\n  - action: utter_faq\n"
    )
    files = [str(tmp_path / name) for name in ("domain.yml", "nlu.yml", "stories.yml")]
    assert check_files(files) == []
    assert "unknown action 'utter_faq'" in check_files([files[0], files[2]])[0]
