"""Reports on bots: figures and failed dialogues, exact or of a sample, as JUnit XML and HTML."""

from dialogue_gym.reports.html import HTML_REPORT, html_page
from dialogue_gym.reports.junit import JUNIT_REPORT, junit_xml
from dialogue_gym.reports.report import EXACT, SAMPLED, FailedDialogue, Group, Report

__all__ = [
    "EXACT",
    "HTML_REPORT",
    "JUNIT_REPORT",
    "SAMPLED",
    "FailedDialogue",
    "Group",
    "Report",
    "html_page",
    "junit_xml",
]
