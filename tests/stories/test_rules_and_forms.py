"""Rules and forms, held to Rasa's documented behaviour. Each test names the page that it comes from.

The pages are those of https://legacy-docs-oss.rasa.com/docs/rasa/ (rules, forms, domain, default-actions).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from dialogue_gym import stories
from dialogue_gym.actions import ActionRunner
from dialogue_gym.chat import Bot, Chat
from dialogue_gym.check import check_files
from dialogue_gym.conversation import Conversation, UserUttered, to_json
from dialogue_gym.conversation.events import ActionExecuted, ActiveLoop, BotUttered, SlotSet, entities_from
from dialogue_gym.conversation.turns import is_users_turn
from dialogue_gym.domain.observation import describe, observation_fields
from dialogue_gym.nlu.interpreter import FixedFormatInterpreter
from dialogue_gym.stories.rulebook import RuleBook
from dialogue_gym.teaching.policy import story_agent
from tests import ROOT
from tests.conftest import domain_from
from tests.stories.booking import FORM_RULES

DOMAIN = """
    version: "3.1"
    intents: [greet, book, book_thai, inform, chitchat, stop, affirm, deny]
    entities: [cuisine, people]
    slots:
      cuisine:
        type: text
        mappings:
        - {type: from_entity, entity: cuisine}
        - {type: from_trigger_intent, intent: book_thai, value: thai, conditions: [{active_loop: booking}]}
      people: {type: any, mappings: [{type: from_entity, entity: people}]}
      wish:
        type: text
        influence_conversation: false
        mappings:
        - {type: from_text, not_intent: stop, conditions: [{active_loop: wishes, requested_slot: wish}]}
      garden:
        type: bool
        mappings:
        - type: from_intent
          intent: affirm
          value: true
          conditions: [{active_loop: wishes, requested_slot: garden}]
        - type: from_intent
          intent: deny
          value: false
          conditions: [{active_loop: wishes, requested_slot: garden}]
      known: {type: bool, mappings: [{type: custom}]}
    forms:
      booking: {required_slots: [cuisine, people]}
      wishes: {required_slots: [wish, garden], ignored_intents: [chitchat]}
    responses:
      utter_greet: [text: Hello.]
      utter_again: [text: Hello again.]
      utter_ask_booking_cuisine: [text: "Which cuisine?"]
      utter_ask_cuisine: [text: "Not this one."]
      utter_ask_people: [text: "How many people?"]
      utter_ask_wish: [text: "A wish?"]
      utter_ask_garden: [text: "In the garden?"]
      utter_submit: [text: Booked.]
      utter_values: [text: "{cuisine} for {people}"]
      utter_chitchat: [text: Nice.]
      utter_continue: [text: "Go on?"]
      utter_default: [text: Pardon?]
"""
RULES = (
    FORM_RULES
    + """
  - action: utter_values
- rule: Begin with Thai
  steps:
  - intent: book_thai
  - action: booking
  - active_loop: booking
- rule: Chat
  steps:
  - intent: chitchat
  - action: utter_chitchat
"""
)


class Person:
    """Talks to a bot that follows rules, and perhaps stories."""

    def __init__(self, told: str, domain: str = DOMAIN, actions: Sequence[type] = ()) -> None:
        parsed = stories.parse(told, "rules.yml", "yaml")
        known = stories.with_names_of(domain_from(domain), parsed)
        if all(story.is_rule for story in parsed):
            agent, rules = None, RuleBook(known, parsed)
        else:
            known, agent = story_agent(parsed, known)
            rules = agent.rules
        self.bot = Bot(known, agent, ActionRunner(known, actions), rules)
        self.conversation = Conversation(known)

    def says(self, intent: str, text: str | None = None, **values: object) -> list[str | None]:
        """Say something; return the texts of the answer."""
        first = len(self.conversation)
        message = UserUttered(text, intent, entities_from(values))
        assert not self.bot.reply(self.conversation, message)
        return [one.text for one in self.conversation.events[first:] if isinstance(one, BotUttered)]

    @property
    def done(self) -> list[str]:
        """The actions since the last message."""
        names: list[str] = []
        for event in self.conversation.events:
            if isinstance(event, UserUttered):
                names = []
            elif isinstance(event, ActionExecuted):
                names.append(event.name)
        return names


# forms: it asks for its slots in order; the question is utter_ask_FORM_SLOT before utter_ask_SLOT.
# forms#activate-a-form, forms#deactivate-a-form: the rules that begin and end it.
def test_a_form_asks_for_its_slots_in_order_and_ends() -> None:
    person = Person(RULES)
    assert person.says("greet") == ["Hello."]
    assert person.says("book") == ["Which cuisine?"]
    assert (person.conversation.loop.name, person.conversation.loop.requested_slot) == ("booking", "cuisine")
    assert person.says("inform", cuisine="thai") == ["How many people?"]
    assert person.says("inform", people=4) == ["Booked.", "thai for 4"]
    assert person.done == ["booking", "utter_submit", "utter_values", "action_listen"]
    assert person.conversation.loop.name is None and person.conversation.loop.requested_slot is None
    assert person.says("greet") == ["Hello."]


# forms: slots that are filled already are not asked for.
def test_known_slots_are_not_asked_for() -> None:
    person = Person(RULES)
    assert person.says("book", people=2) == ["Which cuisine?"]
    assert person.says("inform", cuisine="thai") == ["Booked.", "thai for 2"]
    assert Person(RULES).says("book", people=2, cuisine="thai") == ["Booked.", "thai for 2"]


# domain#from_trigger_intent: the intent that activates the form fills the slot.
def test_the_triggering_intent_fills_a_slot() -> None:
    person = Person(RULES)
    assert person.says("book_thai") == ["How many people?"]
    assert person.conversation.slots["cuisine"] == "thai"


# rules#rules-and-forms: rules apply when the form rejects; then the form is predicted again and asks anew.
def test_an_interruption_is_answered_and_the_form_asks_again() -> None:
    person = Person(RULES)
    person.says("book")
    assert person.says("chitchat") == ["Nice.", "Which cuisine?"]
    assert person.done == ["utter_chitchat", "booking", "action_listen"]
    assert person.says("inform", cuisine="thai") == ["How many people?"]
    # A message that both chats and answers is an answer: a form goes before other rules.
    assert person.says("chitchat", people=3) == ["Booked.", "thai for 3"]


# domain#from_text, forms#ignored_intents, domain#from_intent with conditions on requested_slot.
def test_texts_and_intents_fill_the_slots_that_are_asked_for() -> None:
    begin = "- rule: W\n  steps:\n  - intent: stop\n  - action: wishes\n  - active_loop: wishes\n"
    person = Person(RULES + begin)
    assert person.says("stop", "I have a wish") == ["A wish?"]
    assert person.conversation.slots["wish"] is None
    assert person.says("chitchat", "nice day") == ["Nice.", "A wish?"]
    assert person.says("affirm", "yes, a table") == ["In the garden?"]
    assert (person.conversation.slots["wish"], person.conversation.slots["garden"]) == ("yes, a table", None)
    person.says("deny", "no")
    assert person.conversation.slots["garden"] is False and person.conversation.loop.name is None


# forms#writing-stories--rules-for-unhappy-form-paths: stop, and action_deactivate_loop (default-actions).
def test_stories_lead_out_of_a_form_and_back() -> None:
    told = (
        RULES
        + """
stories:
- story: stops
  steps:
  - intent: book
  - action: booking
  - active_loop: booking
  - intent: stop
  - action: utter_continue
  - or:
    - intent: stop
    - intent: deny
  - action: action_deactivate_loop
  - active_loop: null
- story: goes on
  steps:
  - intent: book
  - action: booking
  - active_loop: booking
  - intent: stop
  - action: utter_continue
  - intent: affirm
  - action: booking
  - active_loop: booking
"""
    )
    person = Person(told)
    assert person.says("book") == ["Which cuisine?"]
    assert person.says("stop") == ["Go on?"]
    assert person.says("affirm") == ["Which cuisine?"]
    assert person.says("stop") == ["Go on?"]
    assert person.says("deny") == [] and person.conversation.loop.name is None
    assert person.conversation.loop.requested_slot is None


# forms#validating-form-input and #custom-form-actions: validate_FORM rejects a value, or names the next slot;
# forms#using-a-custom-action-to-ask-for-the-next-slot: action_ask_FORM_SLOT goes before utter_ask_FORM_SLOT.
def test_code_validates_and_asks() -> None:
    class Validate:
        def name(self) -> str:
            return "validate_booking"

        def run(self, dispatcher, tracker, domain):  # type: ignore[no-untyped-def]
            given = tracker.slots_to_validate()
            if given.get("cuisine") == "lava":
                dispatcher.utter_message(text="We have no lava.")
                return [{"event": "slot", "name": "cuisine", "value": None}]
            if given.get("people") == 99:
                return [{"event": "slot", "name": "requested_slot", "value": None}]
            return []

    class Ask:
        def name(self) -> str:
            return "action_ask_booking_people"

        def run(self, dispatcher, tracker, domain):  # type: ignore[no-untyped-def]
            dispatcher.utter_message(text=f"People for {tracker.get_slot('cuisine')}?")

    person = Person(
        RULES, DOMAIN + "    actions: [validate_booking, action_ask_booking_people]\n", [Validate, Ask]
    )
    assert person.says("book") == ["Which cuisine?"]
    assert person.says("inform", cuisine="lava") == ["We have no lava.", "Which cuisine?"]
    assert person.says("chitchat") == ["Nice.", "Which cuisine?"]  # the validation has found nothing
    assert person.says("inform", cuisine="thai") == ["People for thai?"]
    assert person.says("inform", people=99)[0] == "Booked."  # ended early
    written = stories.story_of(person.conversation, "s")
    assert "action_execution_rejected" in map(lambda one: to_json(one)["event"], person.conversation.events)
    assert stories.parse(stories.dump([written], "yaml"), "s.yml", "yaml")[0].steps  # without what declined


# rules#conditions, #conversation_start, #wait_for_user_input
def test_rules_hold_under_their_conditions() -> None:
    told = """
rules:
- rule: First
  conversation_start: true
  steps:
  - intent: greet
  - action: utter_greet
- rule: Known
  condition:
  - slot_was_set:
    - known: true
  steps:
  - intent: chitchat
  - action: utter_again
  wait_for_user_input: false
- rule: Both
  steps:
  - action: utter_again
  - action: utter_continue
"""
    person = Person(told)
    assert person.says("chitchat") == ["Pardon?"]
    person.conversation.append(SlotSet("known", True))
    assert person.says("chitchat") == ["Hello again.", "Go on?"]
    assert person.says("greet") == ["Pardon?"]
    assert Person(told).says("greet") == ["Hello."]


# rules: "rules always take precedence": here over what stories teach.
def test_a_rule_beats_stories_and_check_says_so() -> None:
    told = RULES + "stories:\n- story: s\n  steps:\n  - intent: greet\n  - action: utter_again\n"
    assert Person(told).says("greet") == ["Hello."]
    problems = stories.check_stories(domain_from(DOMAIN), stories.parse(told, "r.yml", "yaml"))
    assert [str(problem).partition(": ")[2] for problem in problems] == [
        "r.yml:36: the story 's' has utter_again where the rule 'Greet' (r.yml:3) has utter_greet;"
        " the rule holds"
    ]


# policies#rule-policy: the active form goes before all rules, in the check of stories as well.
def test_an_answer_to_a_form_contradicts_no_rule_about_its_intent() -> None:
    story = """
stories:
- story: names
  steps:
  - intent: inform
  - action: wishes
  - active_loop: wishes
  - slot_was_set: [{requested_slot: wish}]
  - intent: greet
  - action: wishes
"""
    parsed = stories.parse(RULES + story, "r.yml", "yaml")
    problems = stories.check_stories(domain_from(DOMAIN), parsed)
    assert not [line for line in map(str, problems) if "the rule holds" in line]


def test_two_rules_that_contradict_each_other_are_told() -> None:
    told = RULES + "- rule: Other\n  steps:\n  - intent: greet\n  - action: utter_again\n"
    problems = stories.check_stories(domain_from(DOMAIN), stories.parse(told, "r.yml", "yaml"))
    assert [line for line in map(str, problems) if "the rule 'Other' has utter_again" in line]


def test_observations_show_the_form_only_in_domains_with_forms() -> None:
    domain = domain_from(DOMAIN)
    person = Person(RULES)
    person.says("book")
    seen = describe(observation_fields(domain), person.conversation.observation())
    assert (seen["active_loop"], seen["loop_unanswered"]) == ("booking", "no")
    plain = domain_from("intents: [greet]\n")
    assert "active_loop" not in [field.name for field in observation_fields(plain)]


@pytest.mark.parametrize("turn_taking", ["auto", "explicit"])
def test_rules_hold_in_both_ways_of_taking_turns(turn_taking: str) -> None:
    person = Person(RULES)
    book = person.bot.rules
    person.says("book", people=1, cuisine="thai")
    for index, event in enumerate(person.conversation.events):
        if isinstance(event, ActionExecuted) and event.name != "action_listen":
            before = Conversation(person.conversation.domain, person.conversation.events[:index])
            assert not book.waits(before, turn_taking)
    assert book.waits(person.conversation, turn_taking)
    ended = [event for event in person.conversation.events if not isinstance(event, BotUttered)][:-3]
    assert ended[-1] == ActiveLoop(None)
    assert not is_users_turn(Conversation(person.conversation.domain, ended), turn_taking)


def test_the_example_of_the_page_is_true() -> None:
    page = (ROOT / "docs/forms.md").read_text(encoding="utf-8")
    domain, rules = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    told = re.findall(r"```text\n\$ .*?\n(.*?)```", page, re.DOTALL)[0].splitlines()
    known, parsed = domain_from(domain), stories.parse(rules, "rules.yml", "yaml")
    assert stories.check_stories(known, parsed) == []
    bot = Bot(known, None, ActionRunner(known), RuleBook(known, parsed))
    chat = Chat(bot, FixedFormatInterpreter(known))
    shown = [line for said in told if said[:3] == "you" for line in (said, *chat.handle(said[6:]))]
    assert shown == told


# forms: the slots of a form are slots of the domain; `rasa data validate` demands it too.
def test_a_form_with_an_unknown_slot_is_told(tmp_path: Path) -> None:
    (tmp_path / "d.yml").write_text("slots: {city: {type: text}}\nforms: {f: {required_slots: [citty]}}\n")
    (line,) = check_files([str(tmp_path / "d.yml")])
    assert (
        "d.yml:2: forms.f: unknown slot 'citty'; did you mean 'city'? (the form asks for it forever)" in line
    )


# forms#the-requested_slot-slot: it is ignored unless the domain lists it as a slot that is observed.
def test_stories_can_tell_the_requested_slots_apart() -> None:
    listed = DOMAIN.replace(
        "      known:",
        "      requested_slot: {type: categorical, values: [cuisine, people], mappings: [{type: custom}]}\n"
        "      known:",
    )
    told = RULES.replace(
        "rule: Chat\n", "rule: Chat\n  condition:\n  - slot_was_set:\n    - requested_slot: people\n"
    )
    for domain, answer in ((listed, ["Pardon?"]), (DOMAIN, ["Nice.", "Which cuisine?"])):
        person = Person(told, domain)
        person.says("book")
        assert person.says("chitchat") == answer
        person.says("inform", cuisine="thai")
        assert person.says("chitchat") == ["Nice.", "How many people?"]
