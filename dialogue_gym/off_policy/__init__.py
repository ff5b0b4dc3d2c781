"""Off-policy evaluation: figures of a policy from the logged dialogues of others. No input or output."""

from dialogue_gym.off_policy.evaluation import (
    ESTIMATORS,
    ROBUST,
    Estimate,
    OffPolicyComparison,
    OffPolicyReport,
    compare_by_logs,
    evaluate_logs,
)
from dialogue_gym.off_policy.logs import CannotSay, Logs

__all__ = [
    "ESTIMATORS",
    "ROBUST",
    "CannotSay",
    "Estimate",
    "Logs",
    "OffPolicyComparison",
    "OffPolicyReport",
    "compare_by_logs",
    "evaluate_logs",
]
