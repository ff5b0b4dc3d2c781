"""The growth of a bot while it is taught is written into its domain file, whose comments stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialogue_gym.conversation.events import UserUttered, entities_from
from dialogue_gym.domain import DomainError, load_domain
from dialogue_gym.domain.additions import ACTION, INTENT, SLOT, Addition
from dialogue_gym.domain.writer import extended_text
from dialogue_gym.journal.store import Store
from dialogue_gym.teaching.growth import growth_of
from dialogue_gym.teaching.session import Session
from tests.cli.test_teach import run
from tests.conftest import domain_from

RASA_2 = """\
version: "2.0"  # mine
config:
  store_entities_as_slots: true
intents: [greet]
slots:
  size: {type: text}  # how large
actions: [utter_a]
"""


def test_growth_is_counted_and_written_into_the_file(tmp_path: Path) -> None:
    path = tmp_path / "pizza.yml"
    path.write_text(RASA_2)
    session = Session(load_domain(path), Store.in_memory())
    assert growth_of(session.history, str(path)) is None
    for name in ("topping", "street"):
        session.add(Addition(SLOT, name))
    session.add(Addition(INTENT, "order"))
    session.add(Addition(ACTION, "utter_b", ("B",)))
    growth = growth_of(session.history, str(path))
    assert str(growth) == "pizza.yml lacks 1 action, 1 intent and 2 slots: utter_b, order, topping, street"
    assert growth is not None and path.read_text() == RASA_2
    growth.write()
    assert growth_of(session.history, str(path)) is None
    assert load_domain(path) == session.domain
    lines = path.read_text().splitlines()
    assert all(line in lines for line in RASA_2.splitlines() if "[" not in line)
    assert "mappings" not in path.read_text()  # Rasa 2 refuses them


def test_built_in_domains_do_not_grow() -> None:
    session = Session(load_domain("concert"), Store.in_memory())
    session.add(Addition(SLOT, "mood"))
    assert growth_of(session.history, "concert") is None


def test_rasa_2_cannot_fill_a_new_slot_without_its_switch() -> None:
    text = RASA_2.replace("true", "false")
    with pytest.raises(DomainError, match=r"'street' cannot be added here: .*store_entities_as_slots: false"):
        extended_text(text, "pizza.yml", "pizza", lambda domain: domain.with_slot("street"))
    grown = extended_text(text, "pizza.yml", "pizza", lambda domain: domain.with_intent("order"))
    assert "order" in domain_from(grown).intents


@pytest.mark.parametrize("answer", ["1", "2"])
def test_growth_is_offered_at_the_end(answer: str, tmp_path: Path) -> None:
    path = tmp_path / "pizza.yml"
    path.write_text(RASA_2)
    with Store(tmp_path / "pizza-teaching") as store:
        store.use_domain("pizza.yml", RASA_2)
        session = Session(load_domain(path), store)
        session.add(Addition(INTENT, "order"))
        session.say(UserUttered("one", "order", entities_from({"size": "big"})))
    result = run("pizza.yml", "--user", "me", typed=f":q\n{answer}\n", cwd=tmp_path)
    assert "pizza.yml lacks 1 intent: order." in result.stdout, result.stdout + result.stderr
    assert ("order" in load_domain(path).intents) == (answer == "1")
