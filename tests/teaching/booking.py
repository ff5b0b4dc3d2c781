"""A bot with a form and rules of every kind, taught with acts and sentences."""

from __future__ import annotations

from pathlib import Path

from dialogue_gym.conversation.events import UserUttered
from dialogue_gym.domain import load_domain
from dialogue_gym.journal.store import Store
from dialogue_gym.stories import parse
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.story_import import import_stories
from tests.stories.booking import FORM_RULES
from tests.teaching.sessions import say

BOOKING = """
version: "3.1"
intents: [greet, book, inform, chitchat, deny, thank]
entities: [cuisine, people]
slots:
  cuisine: {type: text, mappings: [{type: from_entity, entity: cuisine, not_intent: thank}]}
  people:
    type: text
    mappings: [{type: from_text, conditions: [{active_loop: booking, requested_slot: people}]}]
  inside:
    type: bool
    mappings: [{type: from_intent, intent: deny, value: false, conditions: [{active_loop: booking}]}]
forms: {booking: {required_slots: [cuisine, people, inside], ignored_intents: [chitchat]}}
responses:
  utter_greet: [text: Hello.]
  utter_again: [text: Again.]
  utter_ask_cuisine: [text: "Which cuisine?"]
  utter_ask_booking_people: [text: "How many people?"]
  utter_ask_inside: [text: "Inside?"]
  utter_submit: [text: Booked.]
  utter_chitchat: [text: Nice.]
"""
RULES = (
    FORM_RULES.replace("- rule: Greet", "- rule: Greet\n  conversation_start: true")
    + """
- rule: Chat
  condition:
  - active_loop: booking
  - slot_was_set:
    - cuisine: thai
  steps:
  - intent: chitchat
  - action: utter_chitchat
  - action: booking
- rule: Either
  steps:
  - or:
    - intent: deny
    - intent: inform
      entities: [cuisine: thai]
  - action: utter_again
- rule: Quiet
  wait_for_user_input: false
  steps:
  - intent: thank
  - action: utter_again
"""
)


def answer(session: Session, *actions: str) -> None:
    """Give the right actions, and listen."""
    for action in (*actions, "action_listen"):
        session.correct(action)


def booked(store: Store) -> Session:
    """Return a session in which the form was filled, interrupted and left."""
    Path("booking.yml").write_text(BOOKING)
    store.use_domain("booking.yml", BOOKING)
    domain = load_domain("booking.yml")
    import_stories(store, domain, parse(RULES, "rules.yml", "yaml"))
    session = Session(domain, store)
    say(session, "/greet")
    answer(session, "utter_greet")
    say(session, "/book")
    answer(session, "booking")
    say(session, "/chitchat")
    answer(session, "utter_chitchat", "booking")
    say(session, '/inform{"cuisine": "italian"}')
    answer(session, "booking")
    session.say(UserUttered("four or so", "inform"))
    answer(session, "booking")
    say(session, "/deny")
    answer(session, "booking", "utter_submit")
    say(session, '/inform{"cuisine": ["thai", "greek"]}')
    answer(session, "utter_again")
    say(session, '/chitchat{"cuisine": "a \\"b{c}\\""}')
    answer(session, "utter_chitchat")
    return session
