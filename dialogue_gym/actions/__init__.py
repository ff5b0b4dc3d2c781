"""What an action does: it says something, calls Python code, or asks an action server."""

from dialogue_gym.actions.check import check_actions
from dialogue_gym.actions.interface import Action, Dispatcher, Tracker
from dialogue_gym.actions.loading import ActionError, builtin_actions, load_actions
from dialogue_gym.actions.runner import ActionResult, ActionRunner

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
