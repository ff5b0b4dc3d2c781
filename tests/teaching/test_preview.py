"""The lists of actions, and the texts in them, as teachers see them in the terminal and in the browser."""

from __future__ import annotations

import pytest

from dialogue_gym import stories
from dialogue_gym.actions import ActionRunner
from dialogue_gym.conversation.events import BotUttered, UserUttered
from dialogue_gym.domain.model import LISTEN
from dialogue_gym.journal.store import Store
from dialogue_gym.teaching import Session, import_stories
from dialogue_gym.teaching.pending import Proposal
from dialogue_gym.teaching.terminal import views
from dialogue_gym.web.view import view_of
from tests.conftest import domain_from

DOMAIN = domain_from(
    """
    intents: [hello, inform]
    entities: [size]
    slots: {size: {type: text, mappings: [{type: from_entity, entity: size}]}}
    forms: {order: {required_slots: [size]}}
    responses:
      utter_hello: [{text: One}, {text: Two}, {text: Three}, {text: Four}, {text: "{size} five"}]
      utter_ask_size: [{text: Which?}, {text: Which size?}, {text: Size?}]
    fake_user: {agenda: [{say: hello, answer: utter_hello}, {say: inform, answer: utter_hello}]}
    """
)
RULES = stories.parse(
    """
rules:
- rule: Begin
  steps:
  - intent: inform
  - action: order
  - active_loop: order
stories:
- story: Polite
  steps:
  - intent: inform
  - action: utter_hello
- story: Again
  steps:
  - intent: inform
  - action: utter_hello
""",
    "rules.yml",
    "yaml",
)


def proposal_of(session: Session) -> Proposal:
    assert isinstance(session.pending, Proposal)
    return session.pending


def greeted(session: Session) -> None:
    """Begin a conversation with a greeting."""
    session.restart() if session.conversation.events[1:] else None
    if session.simulated_user is None:
        session.say(UserUttered(None, "hello"))


def shown(session: Session) -> tuple[list[str], list[tuple[str, str]]]:
    """The lines of the terminal, and the actions in the browser with their texts."""
    lines = [line.text for line in views.proposal_lines(session, proposal_of(session))]
    return lines, [(option["action"], option["says"]) for option in view_of(session)["options"]]


@pytest.mark.parametrize("has_fake_user", [False, True])
def test_the_text_of_a_proposal_is_the_one_that_is_then_said(has_fake_user: bool) -> None:
    runner = ActionRunner(DOMAIN)
    sessions = [
        Session(DOMAIN, Store.in_memory(), runner=runner, settings={} if has_fake_user else None)
        for _ in range(2)
    ]
    for session in sessions:
        greeted(session)
        session.correct("utter_hello")
    texts = set()
    for _ in range(8):
        for session in sessions:
            greeted(session)
        before = [(session, *shown(session), session.conversation.events) for session in sessions]
        for session, lines, options, events in before:
            session.confirm()
            (said,) = [
                one for one in session.conversation.events[len(events) :] if isinstance(one, BotUttered)
            ]
            assert options[0] == ("utter_hello", said.text)
            assert f"it says: {said.text}" in lines
            texts.add(said.text)
    assert len(texts) > 2


def test_the_closing_step_is_shown_as_it_is_done_without_the_fake_user() -> None:
    domain = domain_from(
        """
        intents: [tell, agree, no]
        entities: [size]
        slots: {size: {type: text}}
        actions: [offer]
        responses: {utter_bye: [{text: One}, {text: Two}, {text: Three}, {text: Four}]}
        fake_user:
          goal: {size: [small]}
          informativeness: 1
          indecisiveness: 0
          intents: {inform: tell, affirm: agree, deny: no, greet: tell}
          actions: {offer: {user: judge}}
        """
    )
    session = Session(domain, Store.in_memory(), settings={}, turn_taking="auto")
    for _ in range(6):
        here = session.id
        session.correct("offer")
        assert proposal_of(session).is_closing
        foreseen = dict(shown(session)[1])["utter_bye"]
        session.correct("utter_bye")
        (*_, said) = [
            one for one in session.history.conversation(domain, here).events if isinstance(one, BotUttered)
        ]
        assert said.text == foreseen


def test_a_form_shows_the_question_that_it_asks_and_may_ask_again() -> None:
    with Store.in_memory() as store:
        import_stories(store, DOMAIN, [story for story in RULES if story.is_rule])
        session = Session(DOMAIN, store)
        texts = set()
        for _ in range(6):
            session.say(UserUttered(None, "inform"))
            lines, options = shown(session)
            assert options[0][0] == "order"
            assert not any("The bot did the same" in line for line in lines)
            seen = len(session.conversation)
            session.confirm()
            (said,) = [one for one in session.conversation.events[seen:] if isinstance(one, BotUttered)]
            assert said.text == options[0][1]
            texts.add(said.text)
            session.confirm()
        assert len(texts) > 1


def test_actions_stand_in_one_order_and_evidence_tells_stories_from_answers() -> None:
    with Store.in_memory() as store:
        import_stories(store, DOMAIN, [story for story in RULES if not story.is_rule])
        session = Session(DOMAIN, store)
        session.say(UserUttered(None, "inform"))
        for is_wizard in (False, True):
            rows = views.action_rows(session, proposal_of(session), not is_wizard)
            actions = [option["action"] for option in view_of(session, is_wizard)["options"]]
            assert [row.name for row in rows] == actions
            assert actions[0] == (LISTEN if is_wizard else "utter_hello")
        assert proposal_of(session).best.evidence == "from stories"
        session.confirm()
        session.restart()
        session.say(UserUttered(None, "inform"))
        assert proposal_of(session).best.evidence == "taught once, also in stories"


def test_only_answers_that_work_are_offered() -> None:
    session = Session(DOMAIN, Store.in_memory())
    session.say(UserUttered(None, "hello"))
    lines, _ = shown(session)
    assert "3  no, the meaning is wrong" in lines and view_of(session)["correctable"]
    assert "u undo" in lines[-1] and "r redo" not in lines[-1]
    session.correct("utter_hello")
    lines, _ = shown(session)
    assert "3  no, the meaning is wrong" not in lines and view_of(session)["correctable"] is None
    session.undo()
    assert "r redo" in shown(session)[0][-1]
