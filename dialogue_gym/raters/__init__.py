"""People who rate: their agreement, and the trust that each has earned. No input or output."""

from dialogue_gym.raters.agreement import LEAST, Agreement, agreement_of
from dialogue_gym.raters.opinions import Opinion, Rater
from dialogue_gym.raters.report import RaterReport, RaterVerdict, judge_raters, weigh_raters

__all__ = [
    "LEAST",
    "Agreement",
    "Opinion",
    "Rater",
    "RaterReport",
    "RaterVerdict",
    "agreement_of",
    "judge_raters",
    "weigh_raters",
]
