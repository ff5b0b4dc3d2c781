"""A first lesson in the terminal, screen by screen.

After a change that is meant to show, `python -m tests.teaching.terminal.test_first_lesson` writes it anew.
"""

from __future__ import annotations

from pathlib import Path

from dialogue_gym.journal.store import Store
from dialogue_gym.teaching.export_rasa import Exported
from dialogue_gym.teaching.pending import Proposal
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.terminal.dialog import TeachingDialog
from tests.conftest import domain_from
from tests.teaching.terminal.dialogs import text_of

GOLDEN = Path(__file__).with_name("first_lesson.txt")
DOMAIN = domain_from("""
    intents: [inform, affirm, deny]
    entities: [tea, cups]
    slots: {tea: {type: text}, cups: {type: text}}
    responses:
      utter_ask_tea: [{text: "Which tea?"}]
      utter_ask_cups: [{text: "How many cups?"}]
      utter_offer: [{text: "{cups} cups of {tea} tea?"}]
    fake_user:
      goal: {tea: [green, black], cups: [2, 3]}
      informativeness: 1
      actions:
        utter_ask_tea: {user: {inform: tea}}
        utter_ask_cups: {user: {inform: cups}}
        utter_offer: {user: judge, needs: {slots: {tea: filled, cups: filled}}}
      phrases: {tea: "{tea} tea", cups: "{cups} cups", inform: ["{entities}, please."], affirm: ["Yes!"]}
""")


def lesson() -> str:
    """The screens and answers of a teacher who knows the right actions, until the goal is reached."""
    session = Session(
        DOMAIN, Store.in_memory(), settings={}, turn_taking="auto", asks_for_closing=False, seed=1
    )
    teaching = TeachingDialog(
        session, lambda: Exported([], []), next_steps=("Talk to it yourself: dialogue-gym chat tea",)
    ).teach()
    shown = [text_of(next(teaching))]
    while "Goal reached" not in shown[-1]:
        assert isinstance(session.pending, Proposal)
        missing = [name for name in ("tea", "cups") if session.conversation.slots[name] is None]
        action = f"utter_ask_{missing[0]}" if missing else "utter_offer"
        for answer in ("1",) if session.pending.best.action == action else ("2", action):
            shown += [answer + "\n", text_of(teaching.send(answer))]
    shown += [":goal\n", text_of(teaching.send(":goal"))]
    return "".join(shown) + "\n"


def test_a_first_lesson_reads_as_before() -> None:
    shown = lesson()
    assert shown == GOLDEN.read_text(encoding="utf-8")
    first, _ = shown.split("\n\n", 1)
    assert len(first.splitlines()) < 6  # with the line of the command
    assert max(map(len, first.splitlines())) <= 80


if __name__ == "__main__":
    GOLDEN.write_text(lesson(), encoding="utf-8")
