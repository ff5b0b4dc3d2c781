"""Commands that train agents: `train`, `tune`, `pretrain` and `demo`."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path
from typing import Annotated, Any

import gymnasium as gym
import typer
from rich.table import Table
from rich.text import Text

from agents.cli.options import (
    Dialogues,
    EnvId,
    Seed,
    Settings,
    console,
    evaluate_visibly,
    evaluation_table,
    note,
)
from dialogue_gym import ExpertPolicy, RandomPolicy
from dialogue_gym.bounds import Bound, Bounding, BoundMethod
from dialogue_gym.cli import BoundOption, EnvKwargsOption, HyperparamsOption, LabelsOption, TrackOption
from dialogue_gym.envs import unwrapped_dialogue
from dialogue_gym.exact import Solution, solve
from dialogue_gym.policies import check_agent_folder, play
from dialogue_gym.training import (
    agent_config,
    agent_names,
    available_tracker,
    builtin_ids,
    check_offline,
    check_warm_start,
    evaluate,
    make_env,
    parse_pairs,
    parse_settings,
    progress_bar,
    settings_of,
    taught_labels,
    tracking,
    training_steps,
)
from dialogue_gym.utils import nearest, prepare_folder, short_percent


def _train(
    run: Any, labels: Any = None, dataset: str | None = None, logger: Any = None
) -> tuple[Any, Any, float]:
    from dialogue_gym.training import train

    with progress_bar(f"{run.agent.upper()} learns", run.steps) as progress:
        return train(run, progress, labels=labels, dataset=dataset, logger=logger)


def train(
    env_id: EnvId,
    settings: Settings = None,
    *,
    out: Annotated[Path, typer.Option(help="folder for the model, metrics and learning curve")],
    agent: Annotated[str, typer.Option(help="name of the agent: " + ", ".join(agent_names()))] = "ppo",
    seed: Seed = 0,
    steps: Annotated[
        int | None, typer.Option(min=1, help="training steps, instead of the configured number")
    ] = None,
    curriculum: Annotated[
        bool, typer.Option("--curriculum", help="reward progress, and train with patient users first")
    ] = False,
    dialogues: Dialogues = 1000,
    labels: LabelsOption = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            metavar="ID|DIR",
            help="a data set of Minari for an agent that learns offline, whose steps are updates",
        ),
    ] = None,
    bound: BoundOption = BoundMethod.AUTO,
    track: TrackOption = None,
    env_kwargs: EnvKwargsOption = None,
    hyperparams: HyperparamsOption = None,
) -> None:
    """Train an agent and write agent.json, weights.npz, metrics.json and learning_curve.png."""
    keywords = settings_of(settings, env_kwargs)
    tracker = available_tracker(track)
    usual_steps = training_steps(agent, env_id, curriculum, keywords)
    made = make_env(env_id, keywords)  # reports errors in settings before the long part
    if labels:
        check_warm_start(agent, env_id, keywords)
        taught_labels(made, labels)
    if dataset:
        check_offline(agent, env_id, keywords)
    check_agent_folder(out, unwrapped_dialogue(made).domain.name)
    prepare_folder(out)

    from agents.training import save_results
    from dialogue_gym.training import Run, check_hyperparameters, save_trained

    hyperparameters = parse_pairs(hyperparams or (), ":")
    check_hyperparameters(agent_config(agent, env_id, keywords)["algorithm"], hyperparameters)
    run = Run(env_id, keywords, agent, seed, steps or usual_steps, curriculum, hyperparameters)
    with Bounding(env_id, keywords, BoundMethod(bound), seed, note) as bounding:
        with tracking(tracker, out, run.name, vars(run), note) as logger:
            trained, curve, seconds = _train(run, labels, dataset, logger)
        policy = save_trained(out, run, trained)
        evaluation = evaluate_visibly(run.make_env(), policy, dialogues, seed)
        best = bounding.result()
    metrics = save_results(out, run, curve, trained.num_timesteps, seconds, evaluation, best)
    console.print_json(json.dumps({key: metrics[key] for key in metrics if key != "versions"}))


def tune(
    env_id: EnvId,
    settings: Settings = None,
    *,
    out: Annotated[Path, typer.Option(help="folder of the search, which the same command resumes")],
    agent: Annotated[str, typer.Option(help="name of the agent: " + ", ".join(agent_names()))] = "ppo",
    trials: Annotated[int, typer.Option(min=1, help="number of trials, with those of earlier runs")] = 50,
    space: Annotated[
        Path | None,
        typer.Option(help="YAML file: by hyperparameter a list of values, or {low: 1, high: 9, log: true}"),
    ] = None,
    grid: Annotated[bool, typer.Option("--grid", help="try all combinations of lists, in any order")] = False,
    steps: Annotated[
        int | None, typer.Option(min=1, help="training steps of a trial, instead of the configured number")
    ] = None,
    dialogues: Dialogues = 1000,
    seed: Seed = 0,
) -> None:
    """Search for hyperparameters with a high mean return; write best.yaml."""
    from agents.tuning import default_space, load_space, tune
    from dialogue_gym.training import Run

    keywords = parse_settings(settings or [])
    usual_steps = training_steps(agent, env_id, False, keywords)
    make_env(env_id, keywords)
    values = load_space(space) if space else default_space(agent_config(agent, env_id, keywords)["algorithm"])
    prepare_folder(out)
    run = Run(env_id, keywords, agent, seed, steps or usual_steps)
    with progress_bar(f"{agent} on {env_id}", trials, "trials") as progress:
        finished = tune(run, values, out, trials=trials, grid=grid, dialogues=dialogues, progress=progress)
    table = Table("mean return", "success rate", "hyperparameters", title=run.name, title_justify="left")
    for trial in finished[:5]:
        table.add_row(f"{trial.mean_return:.2f}", short_percent(trial.success_rate), trial.options)
    console.print(table)


def pretrain(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="built-in domains; by default all")
    ] = None,
    *,
    out: Annotated[
        Path | None, typer.Option(help="folder for the policies, instead of beside the domains' files")
    ] = None,
    seed: Seed = 0,
) -> None:
    """Train the pretrained agents that come with the built-in domains."""
    from agents.pretraining import pretrain, recipe

    known = builtin_ids()
    for name in names or ():
        if name not in known:
            raise ValueError(f"unknown domain {name!r}; {nearest(name, known)}")
    for name in names or known:
        folder = out / name if out else None
        if folder:
            prepare_folder(folder)
        agent, steps = recipe(name)
        with progress_bar(f"{agent.upper()} learns: {name}", steps) as progress:
            figures = pretrain(name, seed, progress, folder)
        results = {f"error rate {rate:.2f}": evaluation for rate, evaluation in figures.items()}
        console.print(evaluation_table(results, f"{name}, pretrained, 1,000 dialogues each"))


def demo(
    out: Annotated[Path, typer.Option(help="folder for its results")] = Path("out/demo"),
    seed: Seed = 0,
) -> None:
    """PPO learns to book a restaurant in front of you."""
    from agents.training import save_results
    from dialogue_gym.training import Run, save_trained

    env_id = "FakeUserRestaurant-v0"
    run = Run(env_id, {}, "ppo", seed, int(agent_config("ppo", env_id)["steps"]))
    check_agent_folder(out, unwrapped_dialogue(run.make_env()).domain.name)
    prepare_folder(out)
    with _other_core() as other_core:
        solving = other_core.apply_async(_solve, (env_id, {}))
        trained, curve, seconds = _train(run)
        policy = save_trained(out, run, trained)
        env = run.make_env()
        results = {
            "random": evaluate(run.make_env(), RandomPolicy(env, seed), seed=seed),
            "expert": evaluate(run.make_env(), ExpertPolicy(env, seed), seed=seed),
            "PPO": evaluate(run.make_env(), policy, seed=seed),
        }
        solution = solving.get()
    steps = trained.num_timesteps
    save_results(out, run, curve, steps, seconds, results["PPO"], Bound(solution.upper))

    lower = solution.lower
    table = evaluation_table(results, f"{env_id}, 1,000 dialogues each")
    table.add_section()
    exact = short_percent(lower.success_rate), f"{lower.mean_return:.2f} (exact)", f"{lower.mean_turns:.2f}"
    table.add_row("solver", *exact)
    table.add_row("bound", "", f"{solution.upper:.2f} (exact)", "")
    console.print(table)
    console.print(
        "The bound is the optimum with full knowledge of the user's goal: no policy can exceed it.\n"
    )
    console.print("A dialogue of the trained agent:\n")
    console.print(Text(_dialogue(run.make_env("ansi"), policy)), soft_wrap=True)
    console.print(f"\nThe learning curve: {out / 'learning_curve.png'}", soft_wrap=True)


def _solve(env_id: str, settings: dict[str, Any]) -> Solution:
    return solve(make_env(env_id, settings))


def _other_core() -> Any:
    """Return a pool of one process, to solve an environment while this process trains."""
    return multiprocessing.get_context("spawn").Pool(1)


def _dialogue(env: gym.Env[Any, Any], policy: Any) -> str:
    for _ in play(env, lambda observation, mask: int(policy.predict(observation, deterministic=True)[0]), 7):
        pass
    return str(env.render())
