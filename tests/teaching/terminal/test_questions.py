"""New questions of a retrieval intent, and their answers, taught in the terminal."""

from __future__ import annotations

from pathlib import Path

from dialogue_gym import load_domain
from dialogue_gym.journal.store import Store
from dialogue_gym.teaching.domain_edits import edit_response
from dialogue_gym.teaching.growth import growth_of
from dialogue_gym.teaching.session import Session
from tests.conftest import domain_from
from tests.teaching.terminal.dialogs import answered, dialog, played

CLINIC = """\
version: "3.1"
intents:
- greet
- faq
responses:
  utter_greet:
  - text: Hello.
  utter_faq/hours:
  - text: From 8 to 18.
"""
PETS = "utter_faq/pets"


def test_a_new_question_and_its_answer_are_said_and_written(tmp_path: Path) -> None:
    file = tmp_path / "clinic.yml"
    file.write_text(CLINIC)
    domain = load_domain(file)
    session = Session(domain, Store.in_memory())
    answers = ["/greet", "3", "+ faq/pets", "", "2", f"+ {PETS}", "Dogs are {welcom}."]
    *_, shown = played(dialog(session), answers)
    assert "Dogs are {welcom}." in shown and "unknown slot 'welcom'" in shown
    assert session.conversation.latest_action == "utter_faq"
    assert session.domain.intents == ("greet", "faq")  # Rasa refuses the name of a question there
    assert PETS not in session.actions

    *_, shown = played(dialog(session), ["1", "/faq/pets", "2", f"+ {PETS}", "Again"])
    assert f"{PETS} is there already: pick utter_faq, or another name" in shown

    growth = growth_of(session.history, str(file))
    assert growth is not None and "1 change: utter_faq/pets" in str(growth)
    growth.write()
    assert file.read_text().startswith(CLINIC.rstrip())
    assert load_domain(file).texts(PETS) == ("Dogs are {welcom}.",)

    while session.can_undo:
        session.undo()
    assert session.domain == domain


def test_the_answer_to_a_new_question_is_added_on_the_page_of_the_domain() -> None:
    session = Session(domain_from(CLINIC), Store.in_memory())
    for addition in edit_response(session.domain, PETS, None, "Dogs are welcome."):
        session.add(addition)
    assert session.domain.texts(PETS) == ("Dogs are welcome.",)


def test_a_number_that_is_not_listed_picks_nothing() -> None:
    session = Session(domain_from(CLINIC), Store.in_memory())
    teacher = dialog(session)
    *_, every, listed = played(teacher, ["/greet", "2", "action_"])
    rows = [line.split()[0] for line in every.splitlines() if line.startswith(("action_", "utter_"))]
    (*_, refused) = answered(teacher, [str(rows.index("utter_greet"))])
    assert "utter_greet" not in listed and "(choose one of " in refused
    (*_,) = answered(teacher, [str(rows.index("action_restart"))])
    assert session.conversation.latest_action == "action_restart"
