"""Fake users fitted to people: figures with intervals, from the likelihood of logged dialogues.

It needs the extra `agents`.
"""

from dialogue_gym.fitting.dialogues import DialogueReader, LoggedDialogue, LoggedStep, turn_taking_of
from dialogue_gym.fitting.distance import BehaviourDistance, distances
from dialogue_gym.fitting.figures import Figure
from dialogue_gym.fitting.file import figure_line, fitted_text
from dialogue_gym.fitting.fit import CannotFit, FittedUser, fit_user
from dialogue_gym.fitting.journal_dialogues import JournalDialogues, journal_dialogues
from dialogue_gym.fitting.phrasing import LoggedMessage, fitted_phrases, phrases_of
from dialogue_gym.fitting.simulation import LoggedBot, simulated_dialogues

__all__ = [
    "BehaviourDistance",
    "CannotFit",
    "DialogueReader",
    "Figure",
    "FittedUser",
    "JournalDialogues",
    "LoggedBot",
    "LoggedDialogue",
    "LoggedMessage",
    "LoggedStep",
    "distances",
    "figure_line",
    "fit_user",
    "fitted_phrases",
    "fitted_text",
    "journal_dialogues",
    "phrases_of",
    "simulated_dialogues",
    "turn_taking_of",
]
