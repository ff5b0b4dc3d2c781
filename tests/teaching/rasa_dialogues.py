"""Let Rasa 3 have dialogues by rules and forms, and print its actions and slots as JSON.

It runs under Python 3.10, with Rasa and without most of its dependencies. The file of its argument has a list
of a domain, rules and the messages of several dialogues.
"""

import asyncio
import json
import logging
import sys
import warnings
from unittest.mock import MagicMock

import numpy as np
import rasa_stand_ins  # noqa: F401  before Rasa
from rasa.core.actions.action import ActionExecutionRejection, ActionExtractSlots
from rasa.core.actions.forms import FormAction
from rasa.core.nlg.response import TemplatedNaturalLanguageGenerator
from rasa.core.policies.rule_policy import RulePolicy
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import (
    ActionExecuted,
    ActionExecutionRejected,
    ActiveLoop,
    BotUttered,
    SessionStarted,
    SlotSet,
    UserUttered,
)
from rasa.shared.core.generator import TrainingDataGenerator
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.core.training_data.story_reader.yaml_story_reader import YAMLStoryReader
from rasa.shared.core.training_data.structures import StoryGraph

LISTEN = "action_listen"
MOST = 12  # actions in a turn
OWN_SLOTS = ("requested_slot", "session_started_metadata")
OPTIONS = {"check_for_contradictions": False, "restrict_rules": False, "enable_fallback_prediction": False}


class Bot:
    """A bot of Rasa's that knows rules and forms."""

    def __init__(self, domain, rules):
        self.domain = Domain.from_yaml(domain)
        graph = StoryGraph(YAMLStoryReader(self.domain).read_from_string(rules))
        trackers = TrainingDataGenerator(
            graph, self.domain, use_story_concatenation=False, augmentation_factor=0
        ).generate()
        options = {**RulePolicy.get_default_config(), **OPTIONS}
        self.policy = RulePolicy(options, MagicMock(), MagicMock(), MagicMock())
        self.policy.persist = lambda: None
        self.policy.train(trackers, self.domain)
        self.speaker = TemplatedNaturalLanguageGenerator(self.domain.responses)

    async def talk(self, messages):
        """Return the actions, the slots and the form after each message."""
        self.tracker = DialogueStateTracker.from_events("user", [], self.domain.slots)
        self.add([ActionExecuted("action_session_start"), SessionStarted(), ActionExecuted(LISTEN)])
        return [await self.turn(*message) for message in messages]

    def add(self, events):
        for event in events:
            self.tracker.update(event, self.domain)

    async def run(self, action):
        return await action.run(MagicMock(), self.speaker, self.tracker, self.domain)

    async def turn(self, text, intent, entities):
        self.add([UserUttered(text, {"name": intent, "confidence": 1.0}, entities)])
        self.add(await self.run(ActionExtractSlots(None)))
        done = []
        for _ in range(MOST):
            if done[-1:] == [LISTEN]:
                break
            found = self.policy.predict_action_probabilities(self.tracker, self.domain, rule_only_data=None)
            self.add(found.events or ())
            best = int(np.argmax(found.probabilities))
            name = self.domain.action_names_or_texts[best] if found.probabilities[best] else LISTEN
            events = []
            if name in self.domain.form_names:
                try:
                    events = await self.run(FormAction(name, None))
                except ActionExecutionRejection:
                    self.add([ActionExecutionRejected(name)])
                    continue
            elif name == "action_deactivate_loop":
                events = [ActiveLoop(None), SlotSet("requested_slot", None)]
            self.add([ActionExecuted(name), *events])
            done.append(name)
            done += (event.text for event in events if isinstance(event, BotUttered))
        slots = {name: slot.value for name, slot in self.tracker.slots.items() if name not in OWN_SLOTS}
        return [done, slots, self.tracker.active_loop_name, self.tracker.get_slot("requested_slot")]


async def answers(cases):
    """Return the turns of each dialogue of each case."""
    found = []
    for domain, rules, dialogues in cases:
        bot = Bot(domain, rules)
        found.append([await bot.talk(messages) for messages in dialogues])
    return found


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    with open(sys.argv[1]) as file:
        print(json.dumps(asyncio.run(answers(json.load(file)))))
