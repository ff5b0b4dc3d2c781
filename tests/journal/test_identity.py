"""A store belongs to a domain by its content, wherever its file is and whatever its name is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dialogue_gym.conversation.events import UserUttered, entities_from
from dialogue_gym.domain import load_domain
from dialogue_gym.domain.additions import ACTION, Addition
from dialogue_gym.journal import History, Store, StoreError
from dialogue_gym.journal.entry import LABEL, RENAME, RESULT, Entry, renamed
from dialogue_gym.journal.location import default_store
from dialogue_gym.teaching.pending import Proposal
from dialogue_gym.teaching.session import Session

PIZZA = """
intents: [greet, order]
entities: [size]
slots: {size: {type: text}, street: {type: text}}
responses: {utter_greet: Hi, utter_price: 7 euros}
"""
SHOP = "intents: [greet, return_shoes]\nactions: [utter_greet, action_refund, utter_sizes, action_stock]\n"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The store of a project in the current folder, with two lessons and an action that was added in one."""
    monkeypatch.chdir(tmp_path)
    Path("pizza.yml").write_text(PIZZA)
    with Store(Path("pizza-teaching")) as store:
        assert store.use_domain("pizza.yml", PIZZA) == []
        session = Session(load_domain("pizza.yml"), store)
        for _ in range(2):
            session.say(UserUttered("a large one", "order", entities_from({"size": "large"})))
            session.correct("utter_price")
            session.correct("action_listen")
        session.say(UserUttered("hi", "greet"))
        session.add(Addition(ACTION, "utter_new", ("New",)))
        session.correct("utter_new")
        yield store


def test_moved_renamed_and_edited_domains_go_on(store: Store) -> None:
    assert store.use_domain("elsewhere/pizza.yml", PIZZA) == []
    assert store.use_domain("pizzeria.yml", PIZZA) == []
    assert store.use_domain("elsewhere/pizzeria.yml", PIZZA + "actions: [utter_bye]\n") == []
    lines = store.use_domain("menu.yml", PIZZA.replace("utter_price", "utter_cost"))
    assert lines == [
        "menu.yml lacks the action utter_price, which 2 lessons use; if it was renamed:"
        " dialogue-gym store rename-action utter_price NEW --store pizza-teaching"
    ]
    lines = store.use_domain("menu.yml", PIZZA.replace("size: {type: text}, ", "").replace("order", "buy"))
    assert lines == [
        "menu.yml lacks the intent order, which 2 lessons use",
        "menu.yml lacks the slot size, which 2 lessons use",
    ]
    store.use_domain("menu.yml", PIZZA)
    lines = store.use_domain("menu.yml", PIZZA.replace("size: {type: text}", "size: {type: list}"))
    assert lines == ["in menu.yml the slot size is of the type list; it was text"]


def test_another_domain_is_refused_unless_it_is_adopted(store: Store) -> None:
    for source in ("shop.yml", "pizza.yml"):  # its letters do not matter
        with pytest.raises(
            StoreError, match=r"belongs to the domain 'pizza.yml', .* lacks 4 of its 6 names"
        ) as error:
            store.use_domain(source, SHOP)
        assert "store adopt" in str(error.value) and "\n" not in str(error.value)
    (first, *_) = store.use_domain("shop.yml", SHOP, adopts=True)
    assert first.startswith("shop.yml lacks the action utter_price")
    assert store.domain is not None and store.domain.source == "shop.yml"
    assert store.use_domain("shop.yml", SHOP) == []


def test_a_renamed_action_is_renamed_for_every_reader(store: Store) -> None:
    def written() -> list[str]:
        return [text for (text,) in store._database.read("SELECT content FROM entries ORDER BY id")]

    before = written()
    with pytest.raises(StoreError, match="no entry has the action 'utter_prise'; did you mean 'utter_price'"):
        store.rename_action("utter_prise", "utter_cost")
    with pytest.raises(StoreError, match="not a valid name"):
        store.rename_action("utter_price", " ")
    assert store.rename_action("utter_price", "utter_cost") >= 2
    assert store.rename_action("utter_new", "utter_newer") >= 2  # the addition and the lesson
    text = PIZZA.replace("utter_price", "utter_cost")
    assert store.use_domain("pizza.yml", text) == []
    Path("pizza.yml").write_text(text)
    with Store(store.place, read_only=True) as reader:
        history = History(reader.entries())
        labels = history.labels(history.extended(load_domain("pizza.yml")))
        assert [label.right for label in labels] == [("utter_cost",), ("utter_cost",), ("utter_newer",)]
        assert "utter_new" not in history.extended(load_domain("pizza.yml")).actions
        assert reader.check() == []
    session = Session(load_domain("pizza.yml"), store)
    session.correct("action_listen")
    session.say(UserUttered("a large one", "order", entities_from({"size": "large"})))
    assert isinstance(session.pending, Proposal) and session.pending.best.action == "utter_cost"
    assert written()[: len(before)] == before  # nothing is changed in the file


def test_a_renamed_action_keeps_its_chance() -> None:
    content = {"action": "b", "right": ["b"], "by": "bot", "chances": {"a": 0.25, "b": 0.75}}
    rename = Entry(2, "", None, RENAME, {"action": "a", "to": "c"})
    assert renamed(Entry(1, "live1", None, LABEL, content), rename).content == content | {
        "chances": {"c": 0.25, "b": 0.75}
    }


def test_a_renamed_form_is_active_under_its_new_name() -> None:
    rename = Entry(2, "", None, RENAME, {"action": "book", "to": "order"})
    events = [{"event": "active_loop", "name": "book"}, {"event": "slot", "name": "book", "value": 1}]
    assert renamed(Entry(1, "c1", None, RESULT, {"events": events}), rename).content["events"] == [
        {"event": "active_loop", "name": "order"},
        {"event": "slot", "name": "book", "value": 1},
    ]


def test_a_renamed_project_finds_its_store(store: Store) -> None:
    def found(name: str, text: str = PIZZA) -> str:
        Path(f"{name}.yml").write_text(text)
        return str(default_store(name, "teaching", f"{name}.yml", text))

    assert found("pizza") == "pizza-teaching"
    assert found("copy") == "copy-teaching"  # the original is still there
    Path("pizza.yml").unlink()
    assert found("pizzeria", PIZZA.replace("Hi", "Hello")) == "pizza-teaching"
    assert found("shop", SHOP) == "shop-teaching"
    assert str(default_store("restaurant", "teaching", "restaurant", "")) == "restaurant-teaching"
