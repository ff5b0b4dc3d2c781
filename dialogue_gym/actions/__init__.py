"""Actions of a bot: responses, Python code in the shape of rasa_sdk, and action servers."""

from dialogue_gym.actions.checks import check_actions
from dialogue_gym.actions.loader import ActionError, builtin_actions, load_actions
from dialogue_gym.actions.runner import ActionResult, ActionRunner
from dialogue_gym.actions.sdk import Action, Dispatcher, Tracker

__all__ = [
    "Action",
    "ActionError",
    "ActionResult",
    "ActionRunner",
    "Dispatcher",
    "Tracker",
    "builtin_actions",
    "check_actions",
    "load_actions",
]
