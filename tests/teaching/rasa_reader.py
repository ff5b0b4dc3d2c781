"""Read a project with Rasa 3's own readers, validator and rule policy, and print the content as JSON.

It runs under Python 3.10, with Rasa and without most of its dependencies.
"""

import json
import warnings
from unittest.mock import MagicMock

import rasa_stand_ins  # noqa: F401  before Rasa
from rasa.core.policies.rule_policy import InvalidRule, RulePolicy
from rasa.shared.core.events import ActionExecuted, SlotSet, UserUttered
from rasa.shared.core.generator import TrainingDataGenerator
from rasa.shared.importers.importer import TrainingDataImporter
from rasa.validator import Validator


def step(event):
    if isinstance(event, UserUttered):
        return [event.intent_name, [[one["entity"], one.get("value")] for one in event.entities]]
    if isinstance(event, ActionExecuted):
        return event.action_name
    return {event.key: event.value} if isinstance(event, SlotSet) else type(event).__name__


def said(example):
    keys = ("entity", "value", "start", "end", "role", "group")
    return [[one.get(key) for key in keys] for one in example.get("entities") or ()]


def contradictions():
    """Return the complaint of Rasa's rule policy about rules and stories; None without any."""
    trackers = TrainingDataGenerator(
        stories, domain, remove_duplicates=True, use_story_concatenation=False, augmentation_factor=0
    ).generate()
    policy = RulePolicy(RulePolicy.get_default_config(), MagicMock(), MagicMock(), MagicMock())
    policy.persist = lambda: None
    try:
        policy.train(trackers, domain)
    except InvalidRule as error:
        return str(error)
    return None


with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    importer = TrainingDataImporter.load_from_config("config.yml", "domain.yml", ["data"])
    domain, stories, nlu = importer.get_domain(), importer.get_stories(), importer.get_nlu_data()
    validator = Validator.from_importer(importer)
    checks = [
        "verify_domain_validity", "verify_actions_in_stories_rules", "verify_forms_in_stories_rules",
        "verify_form_slots", "verify_slot_mappings", "verify_intents_in_stories",
        "verify_utterances_in_stories", "verify_example_repetition_in_intents", "verify_story_structure",
    ]  # fmt: skip
    failed = [name for name in checks if not getattr(validator, name)()]
    if not validator.verify_intents(ignore_warnings=False):
        failed.append("verify_intents")
    refused = contradictions()

USUAL = ("pkg_resources", "Slot auto-fill has been removed")  # in every project
told = [str(one.message) for one in caught if issubclass(one.category, UserWarning)]
print(
    json.dumps(
        {
            "failed": failed,
            "contradictions": refused,
            "warnings": [text for text in told if not any(usual in text for usual in USUAL)],
            "actions": domain.user_actions + domain.form_names,
            "intents": domain.intents,
            "slots": {slot.name: [slot.type_name, slot.mappings] for slot in domain.slots if slot.mappings},
            "stories": {one.block_name: [step(event) for event in one.events] for one in stories.story_steps},
            "examples": [[one.get("text"), one.get("intent")] for one in nlu.intent_examples],
            "entities": {one.get("text"): said(one) for one in nlu.training_examples if said(one)},
            "config": sorted(importer.get_config()),
        }
    )
)
