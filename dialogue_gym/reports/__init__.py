"""Reports on bots: figures and failed dialogues, exact or of a sample."""

from dialogue_gym.reports.report import EXACT, SAMPLED, FailedDialogue, Group, Report

__all__ = ["EXACT", "SAMPLED", "FailedDialogue", "Group", "Report"]
