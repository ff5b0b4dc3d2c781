"""Training and evaluation of agents with fake users.

Training needs the extra `agents`, evaluation the extra `fast`; the modules load when a name is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dialogue_gym._lazy import lazy_getattr

if TYPE_CHECKING:
    from dialogue_gym.training.algorithms import Learned, check_hyperparameter_names, check_hyperparameters
    from dialogue_gym.training.behaviour_cloning import clone
    from dialogue_gym.training.configuration import (
        agent_config,
        agent_names,
        check_offline,
        check_warm_start,
        is_offline,
        training_steps,
    )
    from dialogue_gym.training.curriculum import Curriculum
    from dialogue_gym.training.demonstrations import Demonstrations, Labels, demonstrate, taught_labels
    from dialogue_gym.training.environments import (
        builtin_ids,
        check_settings,
        environment_of,
        make_env,
        parse_pairs,
        parse_settings,
        settings_of,
    )
    from dialogue_gym.training.evaluation import (
        Comparison,
        Evaluation,
        compare,
        compare_agents,
        evaluate,
        evaluate_agent,
    )
    from dialogue_gym.training.offline_learning import OfflineLearner
    from dialogue_gym.training.progress import progress_bar
    from dialogue_gym.training.results import save_metrics, save_trained, versions
    from dialogue_gym.training.run import Curve, Progress, Run, Watch, train
    from dialogue_gym.training.text_evaluation import TextEvaluation, evaluate_text, pass_rates
    from dialogue_gym.training.tracker import TrackingTool, available_tracker, tracking

_load = lazy_getattr(__name__, {
    "algorithms": ("Learned", "check_hyperparameter_names", "check_hyperparameters"),
    "behaviour_cloning": ("clone",),
    "configuration": (
        "agent_config", "agent_names", "check_offline", "check_warm_start", "is_offline", "training_steps",
    ),
    "curriculum": ("Curriculum",),
    "demonstrations": ("Demonstrations", "Labels", "demonstrate", "taught_labels"),
    "environments": (
        "builtin_ids", "check_settings", "environment_of", "make_env", "parse_pairs",
        "parse_settings", "settings_of",
    ),
    "evaluation": ("Comparison", "Evaluation", "compare", "compare_agents", "evaluate", "evaluate_agent"),
    "offline_learning": ("OfflineLearner",),
    "progress": ("progress_bar",),
    "results": ("save_metrics", "save_trained", "versions"),
    "run": ("Curve", "Progress", "Run", "Watch", "train"),
    "text_evaluation": ("TextEvaluation", "evaluate_text", "pass_rates"),
    "tracker": ("TrackingTool", "available_tracker", "tracking"),
})  # fmt: skip
_PACKAGES = ("numba", "sb3_contrib", "stable_baselines3", "torch")

__all__ = [
    "Comparison",
    "Curriculum",
    "Curve",
    "Demonstrations",
    "Evaluation",
    "Labels",
    "Learned",
    "OfflineLearner",
    "Progress",
    "Run",
    "TextEvaluation",
    "TrackingTool",
    "Watch",
    "agent_config",
    "agent_names",
    "available_tracker",
    "builtin_ids",
    "check_hyperparameter_names",
    "check_hyperparameters",
    "check_offline",
    "check_settings",
    "check_warm_start",
    "clone",
    "compare",
    "compare_agents",
    "demonstrate",
    "environment_of",
    "evaluate",
    "evaluate_agent",
    "evaluate_text",
    "is_offline",
    "make_env",
    "parse_pairs",
    "parse_settings",
    "pass_rates",
    "progress_bar",
    "save_metrics",
    "save_trained",
    "settings_of",
    "taught_labels",
    "tracking",
    "train",
    "training_steps",
    "versions",
]


def __getattr__(name: str) -> Any:
    try:
        return _load(name)
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        if missing not in _PACKAGES:
            raise
        raise ImportError(f'training needs {missing}: pip install "dialogue_gym[agents]"') from None
