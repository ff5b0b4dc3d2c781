"""Read a project with Rasa 3's own readers, validator and rule policy, and print the content as JSON.

It runs under Python 3.10, with Rasa and without most of its dependencies.
"""

import importlib.abc
import importlib.machinery
import json
import sys
import types
import warnings
from unittest.mock import MagicMock

import pkg_resources  # noqa: F401  before packages of which it tries variants are stood in for

KNOWN = ("rasa", "numpy", "scipy", "portalocker", "structlog", "jsonpickle", "ruamel", "cloudpickle", "redis")


class StandInType(type):
    """The type of classes that have any attribute, each a stand-in."""

    def __getattr__(cls, name):
        return attribute(cls, name)

    def __or__(cls, other):
        return cls

    __ror__ = __or__

    def __getitem__(cls, key):
        return cls


def attribute(owner, name):
    if name.startswith("__"):
        raise AttributeError(name)
    methods = {
        "__init_subclass__": classmethod(lambda cls, **options: None),
        "__init__": lambda self, *values, **options: None,
        "__call__": lambda self, decorated=None, *values, **options: decorated,
        "__getattr__": attribute,
    }
    return StandInType(name, (), methods)


class StandIn(types.ModuleType):
    """A package that is not installed, such as TensorFlow, which the rule policy imports and does not use."""

    __path__ = ()

    def __getattr__(self, name):
        return attribute(self, name)


class StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finder of a stand-in for every package that nothing else finds."""

    def find_spec(self, name, path=None, target=None):
        if name.startswith("_") or name.partition(".")[0] in (*KNOWN, "uvloop", "ujson", "pandas", "msvcrt"):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        return StandIn(spec.name)

    def exec_module(self, module):
        pass


sys.meta_path.append(StandIns())

from rasa.core.policies.rule_policy import InvalidRule, RulePolicy  # noqa: E402
from rasa.shared.core.events import ActionExecuted, SlotSet, UserUttered  # noqa: E402
from rasa.shared.core.generator import TrainingDataGenerator  # noqa: E402
from rasa.shared.importers.importer import TrainingDataImporter  # noqa: E402
from rasa.validator import Validator  # noqa: E402


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
