"""A search for hyperparameters: trials of Optuna, in a folder from which the same search goes on."""

from __future__ import annotations

import json
import logging
import shlex
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from agents.tuning.space import Range, Space
from dialogue_gym.training import Run, check_hyperparameter_names, evaluate, train
from dialogue_gym.training import agent_config as configuration_of
from dialogue_gym.utils import write_text

if TYPE_CHECKING:
    import optuna

TRIALS_FILE, BEST_FILE = "trials.log", "best.yaml"
_STUDY = "hyperparameters"
_REPORTS = 10
"""The reports of a trial on its way, by which those that lag behind the others are given up."""


@dataclass(frozen=True)
class Trial:
    """A trial that was played to its end, with its figures in the evaluation."""

    hyperparameters: dict[str, Any]
    mean_return: float
    success_rate: float

    @property
    def options(self) -> str:
        """The options of `train` that set the hyperparameters."""
        values = {
            name: value if isinstance(value, str) else json.dumps(value)  # as YAML reads it again
            for name, value in self.hyperparameters.items()
        }
        return " ".join(f"--hyperparams {shlex.quote(f'{name}:{value}')}" for name, value in values.items())


def tune(
    run: Run,
    space: Space,
    folder: Path,
    *,
    trials: int,
    grid: bool = False,
    dialogues: int = 1000,
    progress: Callable[[int, float], None] = lambda done, success: None,
) -> list[Trial]:
    """Try hyperparameters until a number of trials is reached; return the finished ones, the best first.

    A trial trains an agent and plays dialogues that do not occur in its training. One whose success lags
    behind the median of the earlier ones on the way is given up. `best.yaml` has the best hyperparameters.

    Args:
        run: the training of each trial; its own hyperparameters stay where the space has none.
        space: the hyperparameters to try.
        folder: an existing folder for the trials, or that of the same search, which goes on.
        trials: the number of trials, with those in the folder.
        grid: try all combinations of a space that has lists only, in the place of a guided search.
        dialogues: the dialogues of each evaluation.
        progress: called with the trials so far and the success rate of the best one.

    Raises:
        ValueError: a hyperparameter is unknown, the folder has another search, or the grid has a range.
        ImportError: Optuna is missing.
    """
    try:
        import optuna
    except ImportError:
        raise ImportError("a search needs Optuna: pip install optuna") from None
    check_hyperparameter_names(configuration_of(run.agent, run.env_id, run.settings)["algorithm"], space)
    optuna.logging.set_verbosity(logging.WARNING)
    study = _open(run, space, folder, dialogues, grid)
    study.sampler = _sampler(space, grid, len(study.trials), run.seed)

    def objective(trial: optuna.Trial) -> float:
        chosen = {name: _suggest(trial, name, values) for name, values in space.items()}
        reports = iter(range(1, _REPORTS + 1))
        due = [run.steps * number // _REPORTS for number in reports]

        def watch(steps: int, success: float) -> None:
            if due and steps >= due[0]:
                due.pop(0)
                trial.report(success, _REPORTS - len(due))
                if trial.should_prune():
                    raise optuna.TrialPruned

        tried = replace(run, hyperparameters=run.hyperparameters | chosen)
        agent, _, _ = train(tried, watch)
        figures = evaluate(run.make_env(), agent, dialogues, run.seed)
        trial.set_user_attr("success_rate", figures.success_rate)
        return figures.mean_return

    def note(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        best = _finished(study)
        progress(len(study.trials), best[0].success_rate if best else 0.0)

    left = trials - sum(trial.state.is_finished() for trial in study.trials)
    if left > 0:
        study.optimize(objective, n_trials=left, callbacks=[note])
    finished = _finished(study)
    if finished:
        write_text(folder / BEST_FILE, yaml.safe_dump(finished[0].hyperparameters, sort_keys=False))
    return finished


def _open(run: Run, space: Space, folder: Path, dialogues: int, grid: bool) -> optuna.Study:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    described = json.dumps([asdict(run), _described(space), dialogues, grid], sort_keys=True)
    study = optuna.create_study(
        study_name=_STUDY,
        storage=JournalStorage(JournalFileBackend(str(folder / TRIALS_FILE))),
        direction="maximize",
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=2),
    )
    if study.user_attrs.setdefault("search", described) != described:
        raise ValueError(f"{folder}: this is another search; give it a folder of its own")
    study.set_user_attr("search", described)
    return study


def _described(space: Space) -> dict[str, Any]:
    return {name: asdict(one) if isinstance(one, Range) else list(one) for name, one in space.items()}


def _sampler(space: Space, grid: bool, known: int, seed: int) -> optuna.samplers.BaseSampler:
    import optuna

    if not grid:
        # A search that goes on must not draw what it drew at its beginning.
        return optuna.samplers.TPESampler(seed=seed + known, n_startup_trials=10)
    values: dict[str, Any] = {}
    for name, one in space.items():
        if isinstance(one, Range):
            raise ValueError(f"{name}: a grid needs a list of values, not a range")
        values[name] = list(one)
    return optuna.samplers.GridSampler(values, seed=seed)


def _suggest(trial: optuna.Trial, name: str, values: Range | tuple[Any, ...]) -> Any:
    if not isinstance(values, Range):
        return trial.suggest_categorical(name, values)
    if values.is_whole:
        return trial.suggest_int(name, int(values.low), int(values.high), log=values.log)
    return trial.suggest_float(name, values.low, values.high, log=values.log)


def _finished(study: optuna.Study) -> list[Trial]:
    """Return the trials that were played to their end, the best first."""
    found = [
        Trial(dict(trial.params), trial.value, trial.user_attrs["success_rate"])
        for trial in study.trials
        if trial.value is not None and "success_rate" in trial.user_attrs
    ]
    return sorted(found, key=lambda trial: -trial.mean_return)
