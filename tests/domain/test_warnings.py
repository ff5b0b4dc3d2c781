"""Parts of a domain file that Rasa skips, or reads although they look wrong: they are warnings."""

from __future__ import annotations

import textwrap

import pytest

from dialogue_gym._files import Problem
from dialogue_gym._yaml import parse_yaml
from dialogue_gym.domain import Domain
from dialogue_gym.domain.loader import parse_domain
from dialogue_gym.domain.model import DOMAIN_FILE
from tests.rules.test_search import PLACES_FILE


def read(text: str) -> tuple[Domain, list[str]]:
    """Return the domain of a text, and its warnings."""
    warnings: list[Problem] = []
    domain = parse_domain(parse_yaml(textwrap.dedent(text), "d.yml", DOMAIN_FILE), "d", warnings)
    assert not any(warning.is_error for warning in warnings)
    return domain, [f"{warning.line}: {warning.message}" for warning in warnings]


def with_phrase(phrase: str) -> str:
    """Return the file of a search, with a phrase on line 21."""
    return PLACES_FILE.replace("      actions:", f"      phrases: {{{phrase}}}\n      actions:")


MAPPED = "entities: [food]\nintents: [greet]\nslots:\n  a: {type: text, mappings: [%s]}"
NO_ENTITY = (
    "4: slots.a.mappings[0].entity: unknown entity 'fod'; did you mean 'food'? (this mapping fills nothing)"
)
NO_INTENT = "4: slots.a.mappings[0].intent: unknown intent 'bye'; valid: greet (this mapping fills nothing)"
VALID_TYPES = "valid: custom, from_entity, from_intent, from_text, from_trigger_intent"
BOUNDS = "1: slots.a.initial_value: 2 is out of the slot's bounds, 0 to 1"
WARNINGS = {
    "top-level key": ("synonyms: [a]\nintents: [b]", "1: unknown key 'synonyms'; valid: "),
    "version": ("version: 9", "1: version: unknown version '9'; domain files have the version \"3.1\""),
    "place in a response": (
        "slots: {price: {type: any}}\nresponses: {a: ['{price}, {{x}} { }'], b: [{text: 'A {prise}'}]}",
        "2: responses.b[0].text: unknown slot 'prise' in braces; did you mean 'price'? (only an action",
    ),
    "key of a response": (
        "responses: {utter_a: [{txt: hi}], utter_b: [{text: hi, metadata: {txt: 1}, image: i}]}",
        "1: responses.utter_a[0].txt: unknown key 'txt' of a response; did you mean 'text'?",
    ),
    "empty response": ("responses: {utter_a: []}", "1: responses.utter_a: the response is empty: the bot"),
    "action without a response": (
        "actions: [utter_a, action_b, utter_faq, {utter_c: {send_domain: true}}]\n"
        "responses: {utter_c: [c], utter_faq/d: [d]}",
        "1: actions[0]: 'utter_a' has no response, so that the bot says nothing; add one under 'responses'",
    ),
    "misspelt response": (
        "actions: [utter_offer]\nresponses: {utter_offr: [a]}",
        "1: actions[0]: 'utter_offer' has no response, so that the bot says nothing; did you mean 'utter_of",
    ),
    "intent option": ("intents: [{a: {uses: []}}]", "1: intents[0].a: unknown key 'uses'; valid: "),
    "entity option": (
        "entities: [{a: {likes: []}}]",
        "1: entities[0].a: unknown key 'likes'; did you mean 'roles'? (it is",
    ),
    "action option": ("actions: [{a: {now: true}}]", "1: actions[0].a: unknown key 'now'; valid: "),
    "null among values": (
        "slots: {a: {type: categorical, values: [b, null]}}",
        "1: slots.a.values[1]: null is ignored: it stands for an empty slot",
    ),
    "initial value that is not listed": (
        "slots: {a: {type: categorical, values: [bee], initial_value: be}}",
        "1: slots.a.initial_value: the slot does not list 'be'; did you mean 'bee'?",
    ),
    "initial value of a bool": (
        "slots: {a: {type: bool, initial_value: yes}}",
        "1: slots.a.initial_value: 'yes' is neither true nor false: the slot counts as empty",
    ),
    "initial value out of bounds": ("slots: {a: {type: float, initial_value: 2}}", BOUNDS),
    "entity of a mapping": (MAPPED % "{type: from_entity, entity: fod}", NO_ENTITY),
    "intent of a mapping": (MAPPED % "{type: from_intent, intent: bye, value: 1}", NO_INTENT),
    "excluded intent of a mapping": (
        MAPPED % "{type: from_text, not_intent: [bye]}",
        "4: slots.a.mappings[0].not_intent: unknown intent 'bye'; valid: greet",
    ),
    "mapping type": (
        MAPPED % "{type: from_llm}",
        f"4: slots.a.mappings[0].type: unknown mapping type 'from_llm'; {VALID_TYPES} (it fills nothing)",
    ),
    "mapping option": (
        MAPPED % "{type: from_text, always: true}",
        "4: slots.a.mappings[0]: unknown key 'always'",
    ),
    "place in a phrase": (
        "intents: [inform, affirm, deny]\nslots: {a: {type: text}}\n"
        "actions: [c]\nfake_user: {goal: {a: [b]}, actions: {c: {user: {inform: a}}}, phrases: {a: '{b}'}}",
        "4: fake_user.phrases.a: unknown name 'b' in braces; valid: a",
    ),
    "place in the phrase of an intent": (
        with_phrase("inform: [x, 'A {entity}.']"),
        "21: fake_user.phrases.inform[1]: unknown name 'entity' in braces; did you mean 'entities'?",
    ),
    "place in the phrase of an attribute": (
        with_phrase("phone: 'the {phone}'"),
        "21: fake_user.phrases.phone: unknown name 'phone' in braces; the phrase of an attribute has none",
    ),
    "place in the text of an action": (
        PLACES_FILE.replace("Then {place}", "Then {plac}"),
        "27: fake_user.actions.other.says: unknown slot 'plac' in braces; did you mean 'place'? (only an",
    ),
    "part of an answer": (
        PLACES_FILE.replace("tell/phone", "tell/fone"),
        "35: responses.tell/fone: tell never says 'fone'; did you mean 'phone'?",
    ),
    "part of an offer": (
        PLACES_FILE.replace("no_match", "nomatch"),
        "36: responses.offer/nomatch: offer never says 'nomatch'; did you mean 'no_match'?",
    ),
    "entity of what is asked for": (
        PLACES_FILE.replace("area, attribute]", "area]"),
        "17: fake_user.requests: people cannot ask for these in words: add 'attribute' under 'entities'",
    ),
    "slot of a form that nothing asks for": (
        "slots: {a: {type: text}}\nresponses: {utter_ask: [text: b]}\nforms: {f: {required_slots: [a]}}",
        "3: forms.f: nothing asks for the slot 'a': add the response utter_ask_f_a or utter_ask_a",
    ),
}


@pytest.mark.parametrize("name", WARNINGS)
def test_a_file_with_something_odd_is_read_with_a_warning(name: str) -> None:
    text, expected = WARNINGS[name]
    _, (warning,) = read(text)
    assert warning.startswith(expected)


@pytest.mark.parametrize("question", ["action_ask_f_a", "utter_ask_f_a", "action_ask_a", "utter_ask_a"])
def test_every_name_of_a_question_will_do(question: str) -> None:
    slots = "slots: {a: {type: text}}\nforms: {f: {required_slots: [a]}}\n"
    warnings = read(f"{slots}actions: [{question}]\nresponses: {{utter_a: [b]}}")[1]
    assert [one for one in warnings if "has no response" not in one] == []


def test_a_skipped_part_leaves_the_others() -> None:
    domain, _ = read("""
        version: "3.1"
        entities: [b]
        synonyms: [x]
        slots:
          a: {type: categorical, values: [u, null, v], initial_value: w}
          b: {type: text, mappings: [{type: from_entity, entity: none}, {type: from_entity, entity: b}]}
    """)
    assert (domain.slot("a").values, domain.slot("a").initial_value) == (("u", "v"), "w")
    assert (domain.slot("b").entity, len(domain.slot("b").mappings)) == ("b", 1)


def test_domains_of_all_versions_without_faults_have_no_warnings() -> None:
    for version in ("", 'version: "2.0"\n', 'version: "3.1"\n'):
        assert read(version + "entities: [a]\nslots: {a: {type: text}, b: {type: text}}")[1] == []


def test_rasas_own_intents_are_known_in_mappings() -> None:
    domain, warnings = read(
        """
        version: "3.1"
        intents: [greet]
        slots:
          a: {type: text, mappings: [{type: from_intent, intent: nlu_fallback, value: lost}]}
          b: {type: text, mappings: [{type: from_text, not_intent: [out_of_scope, restart]}]}
        """
    )
    assert warnings == [] and domain.slot("a").mappings[0].intents == ("nlu_fallback",)


def test_a_number_among_the_values_is_the_text_that_rasa_makes_of_it() -> None:
    domain, warnings = read("""
        entities: [code]
        intents: [inform, affirm, deny]
        slots: {code: {type: categorical, values: [007, 1e1, "08", yes], initial_value: 7}}
        actions: [ask]
        fake_user: {goal: {code: [007, 10.0]}, actions: {ask: {user: {inform: code}}}}
        expert: [{when: {slots: {code: [007, "08"]}}, then: ask}, {then: ask}]
    """)
    assert domain.slot("code").values == ("7", "10.0", "08", "yes") and warnings == []
    assert domain.fake_user and domain.fake_user.goal == (("code", ("7", "10.0")),)
    assert domain.expert[0].when.clauses == (("slot.code", ("7", "08")),)
    assert domain.slot("code").label(10.0) == 2
