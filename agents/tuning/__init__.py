"""Search for hyperparameters of an agent, by Optuna."""

from agents.tuning.space import Space, default_space, load_space
from agents.tuning.study import Trial, tune

__all__ = ["Space", "Trial", "default_space", "load_space", "tune"]
