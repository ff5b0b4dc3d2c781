"""The commands of `python -m agents`: `train`, `evaluate`, `benchmark`, `demo` and others."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import gymnasium as gym
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table
from rich.text import Text

from agents.benchmark.parallel import Task, run_all
from dialogue_gym import ExpertPolicy, PretrainedPolicy, RandomPolicy
from dialogue_gym.bounds import (
    Bound,
    Bounding,
    BoundMethod,
    greedy_returns,
    known_bound,
    sample_optimum,
    tables_of,
)
from dialogue_gym.cli import BoundOption, EnvKwargsOption, HyperparamsOption, TrackOption
from dialogue_gym.exact import Solution, solve
from dialogue_gym.policies import play
from dialogue_gym.training import (
    Evaluation,
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
    tracking,
    training_steps,
)
from dialogue_gym.utils import counted, nearest, prepare_folder

app = typer.Typer(
    help="Train and evaluate agents on the dialogue environments.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
)
console = Console()

EnvId = Annotated[str, typer.Argument(metavar="ENV", help="id of an environment")]
Settings = Annotated[
    list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="settings of the environment")
]
Seed = Annotated[int, typer.Option(min=0, max=2**31, help="seed for everything random in the run")]
Dialogues = Annotated[int, typer.Option(min=1, help="number of dialogues in the evaluation")]


def _solve(env_id: str, settings: dict[str, Any]) -> Solution:
    return solve(make_env(env_id, settings))


def _other_core() -> Any:
    """Return a pool of one process, to solve an environment while this process trains."""
    return multiprocessing.get_context("spawn").Pool(1)


def _note(line: str) -> None:
    print(f"note: {line}", file=sys.stderr)


def _train(
    run: Any, labels: Path | None = None, dataset: str | None = None, logger: Any = None
) -> tuple[Any, Any, float]:
    from dialogue_gym.training import train

    with progress_bar(f"{run.agent.upper()} learns", run.steps) as progress:
        return train(run, progress, labels=labels, dataset=dataset, logger=logger)


def _evaluate(env: gym.Env[Any, Any], policy: Any, dialogues: int, seed: int) -> Evaluation:
    with progress_bar("evaluation", dialogues, "dialogues") as progress:
        return evaluate(env, policy, dialogues, seed, progress)


def _table(results: dict[str, Evaluation], title: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("policy")
    for name in ("success rate", "mean return", "mean turns"):
        table.add_column(name, justify="right")
    for name, figures in results.items():
        mean_return = f"{figures.mean_return:.2f} ± {1.96 * figures.return_error:.2f}"
        table.add_row(name, f"{figures.success_rate:.1%}", mean_return, f"{figures.mean_turns:.2f}")
    return table


@app.command()
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
    labels: Annotated[
        Path | None,
        typer.Option(help="a store of dialogue-gym teach, whose labels the agent starts with"),
    ] = None,
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
    make_env(env_id, keywords)  # reports errors in settings before the long part
    if labels:
        check_warm_start(agent, env_id, keywords)
    if dataset:
        check_offline(agent, env_id, keywords)
    prepare_folder(out)

    from agents.training import save_results
    from dialogue_gym.training import Run, check_hyperparameters, save_trained

    hyperparameters = parse_pairs(hyperparams or (), ":")
    check_hyperparameters(agent_config(agent, env_id, keywords)["algorithm"], hyperparameters)
    run = Run(env_id, keywords, agent, seed, steps or usual_steps, curriculum, hyperparameters)
    with Bounding(env_id, keywords, BoundMethod(bound), seed, _note) as bounding:
        with tracking(tracker, out, run.name, vars(run), _note) as logger:
            trained, curve, seconds = _train(run, labels, dataset, logger)
        policy = save_trained(out, run, trained)
        evaluation = _evaluate(run.make_env(), policy, dialogues, seed)
        best = bounding.result()
    metrics = save_results(out, run, curve, trained.num_timesteps, seconds, evaluation, best)
    console.print_json(json.dumps({key: metrics[key] for key in metrics if key != "versions"}))


@app.command(name="evaluate")
def evaluate_command(
    agent: Annotated[
        str,
        typer.Argument(metavar="AGENT", help="folder that train wrote, or the name of a pretrained agent"),
    ],
    settings: Settings = None,
    *,
    dialogues: Dialogues = 1000,
    seed: Seed = 1,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON instead of a table")] = False,
    trust: Annotated[
        bool, typer.Option("--trust", help="load a model.zip of earlier versions, which can run code")
    ] = False,
) -> None:
    """Evaluate a trained agent, also under other settings than those of its training."""
    from agents.training import load

    keywords = parse_settings(settings or [])
    known = builtin_ids()
    env_id = known.get(agent)
    if env_id and not (Path(agent) / "metrics.json").exists():
        env = make_env(env_id, keywords)
        trained: Any = PretrainedPolicy(env, seed)
        name, best, interval = "pretrained", None, None
    else:
        if not Path(agent).exists():
            advice = nearest(agent, known)
            raise ValueError(
                f"{agent}: neither a trained agent (metrics.json is missing) nor a pretrained one; {advice}"
            )
        run, trained, metrics = load(Path(agent), trust)
        env_id, name = run.env_id, run.agent
        env = make_env(env_id, run.settings | keywords)
        trained_on = run.make_env()
        if (env.observation_space, env.action_space) != (
            trained_on.observation_space,
            trained_on.action_space,
        ):
            raise ValueError(f"{agent}: the agent was trained on other observations or actions")
        best, interval = None, None
        if not keywords:
            best, interval = metrics["bound_return"], metrics.get("bound_interval")
        keywords = run.settings | keywords
    figures = _evaluate(env, trained, dialogues, seed)
    if as_json:
        result = {"env_id": env_id, "settings": keywords, "agent": name, "bound_return": best}
        result["bound_interval"] = interval
        print(json.dumps(result | vars(figures) | {"seed": seed}, indent=2))
    else:
        title = f"{env_id}: {counted(figures.dialogues, 'dialogue')}"
        title += "" if best is None else f", bound {best:.2f}" + (" (sampled)" if interval else "")
        console.print(_table({name: figures}, title))


@app.command()
def verify(
    entries: Annotated[list[Path], typer.Argument(metavar="ENTRY...", help="JSON files of the leaderboard")],
    *,
    write: Annotated[
        bool,
        typer.Option("--write", help="write the figures into the entries and the page, not compare them"),
    ] = False,
) -> None:
    """Play entries of the leaderboard again; the exit status is 1 if any digit of a figure differs."""
    from agents.leaderboard import differences, played, read_entry, write_entry

    contents = {path: read_entry(path) for path in entries}
    wrong = False
    for path, entry in contents.items():
        again = played(path, entry)
        found = [] if write else differences(entry, again)
        wrong = wrong or bool(found)
        if write:
            write_entry(path, again)
        figures = f"success {again.mean('success_rate'):.1%}, mean return {again.mean('mean_return'):.2f}"
        for line in found or [f"{'written' if write else 'verified'}: {figures}"]:
            print(f"{path}: {line}")
    if wrong:
        raise typer.Exit(1)


@app.command(name="dataset")
def dataset_command(
    env_id: EnvId,
    settings: Settings = None,
    *,
    policies: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="random, expert, pretrained or folders, with commas between; expert:0.5 takes any possible"
            " action at half of the steps.",
        ),
    ] = "random,expert",
    dialogues: Annotated[int, typer.Option(min=1, help="number of dialogues, divided evenly")] = 1000,
    name: Annotated[
        str | None,
        typer.Option(
            help="name or whole id of the data set; by default the policy's, mixed for several, and noisy"
            " for users who are misheard"
        ),
    ] = None,
    seed: Seed = 0,
) -> None:
    """Record dialogues of policies as a data set of Minari, to learn from without playing."""
    from dialogue_gym.datasets import collect, dataset_id, dataset_name, find_behaviours, write_dataset

    keywords = parse_settings(settings or [])
    env = make_env(env_id, keywords)
    names = [word.strip() for word in policies.split(",")]
    behaviours = find_behaviours(names, env, seed)
    found = dataset_id(env, name or dataset_name(env, names))
    count = counted(dialogues, "dialogue")
    with progress_bar(found, dialogues, "dialogues") as progress:
        folder = write_dataset(
            found,
            collect(env, behaviours, dialogues, seed, progress),
            env,
            policies=names,
            description=f"{count} of {', '.join(names)} with the fake user of {env_id}.",
        )
    print(f"{found}: {count} in {folder}")


@app.command(name="tune")
def tune_command(
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
        table.add_row(f"{trial.mean_return:.2f}", f"{trial.success_rate:.1%}", trial.options)
    console.print(table)


@app.command()
def bounds(
    env_id: EnvId,
    settings: Settings = None,
    *,
    users: Annotated[int, typer.Option(min=2, help="users of the optimum, which takes seconds each")] = 100,
    dialogues: Dialogues = 1000,
    seed: Seed = 0,
) -> None:
    """Print the bound of an environment; where users search, the optimum and the greedy policy as well."""
    env = make_env(env_id, parse_settings(settings or []))
    table = Table("figure", "mean return", title=env_id, title_justify="left")
    table.add_row("bound", str(known_bound(env, seed)))
    tables = tables_of(env)
    if tables.is_search:
        if not tables.is_noisy:
            table.add_row("sees all, at most", str(sample_optimum(env, users, seed=seed)))
        returns, success = greedy_returns(env, dialogues, seed)
        table.add_row(
            "sees all, greedy", f"{returns.mean:.2f} ± {returns.high - returns.mean:.2f}, {success:.1%}"
        )
    expert = evaluate(env, ExpertPolicy(env, seed), dialogues, seed)
    error = 1.96 * expert.return_error
    table.add_row("expert", f"{expert.mean_return:.2f} ± {error:.2f}, {expert.success_rate:.1%}")
    console.print(table)


@app.command()
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
        console.print(_table(results, f"{name}, pretrained, 1,000 dialogues each"))


@app.command()
def benchmark(
    grid: Annotated[str, typer.Argument(metavar="GRID", help="quick, full, or the path of a grid's file")],
    *,
    out: Annotated[Path, typer.Option(help="folder for the finished cells, tables and pictures")],
    jobs: Annotated[int, typer.Option(min=1, help="cells at a time")] = os.cpu_count() or 1,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="run the cells on all cores of a Ray cluster; 'local' starts one here",
        ),
    ] = None,
    report: Annotated[bool, typer.Option("--report", help="run nothing; report the finished seeds")] = False,
) -> None:
    """Train and evaluate every cell of a grid; the same command resumes an interrupted run."""
    from agents.benchmark.grid import load_grid
    from agents.benchmark.run import run, write_report

    content = load_grid(grid)
    command = f"python -m agents benchmark {grid} --out {out}"
    if report:
        results = write_report(content, out, command=command)
        console.print(f"protocol {results['protocol']}: {out / 'results.md'}", soft_wrap=True)
        return
    prepare_folder(out)
    columns = (
        TextColumn("{task.completed}/{task.total} cells", table_column=Column(no_wrap=True, min_width=14)),
        BarColumn(bar_width=20, table_column=Column(no_wrap=True, min_width=20)),
        TimeRemainingColumn(table_column=Column(no_wrap=True, min_width=7)),
        TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis")),
    )
    with Progress(*columns, console=Console(stderr=True), speed_estimate_period=3600) as bars:
        bar = bars.add_task("", total=None)

        def progress(finished: int, total: int, last: str) -> None:
            bars.update(bar, completed=finished, total=total, description=last)

        results = run(content, out, jobs=jobs, ray_address=ray, command=command, progress=progress)
    console.print(f"protocol {results['protocol']}: {out / 'results.md'}", soft_wrap=True)


@app.command(name="teach-benchmark")
def teach_benchmark(
    *,
    out: Annotated[Path, typer.Option(help="folder for teaching.json, teaching.md and teaching.png")],
    seeds: Annotated[int, typer.Option(min=1, help="sessions of each kind")] = 20,
    dialogues: Annotated[int, typer.Option(min=1, help="dialogues in each session")] = 100,
    error_rate: Annotated[
        list[float] | None,
        typer.Option(min=0, max=1, help="error rate of the fake user; 0, 0.15 and 0.3 by default"),
    ] = None,
    domain: Annotated[
        list[str] | None, typer.Option(help="a built-in domain; restaurant and concert by default")
    ] = None,
    turn_taking: Annotated[list[str] | None, typer.Option(help="explicit or auto; both by default")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="sessions at a time")] = os.cpu_count() or 1,
) -> None:
    """Count the corrections that a simulated teacher needs on the built-in domains."""
    from agents.benchmark.teaching import (
        DOMAINS,
        ERROR_RATES,
        SEARCHING,
        TURN_TAKINGS,
        run,
        table,
        trials,
        write,
    )

    named = (("domain", domain, (*DOMAINS, *SEARCHING)), ("turn taking", turn_taking, TURN_TAKINGS))
    for what, given, known in named:
        for name in given or ():
            if name not in known:
                raise typer.BadParameter(f"unknown {what} {name!r}; valid: {', '.join(known)}")
    prepare_folder(out)
    wanted = trials(
        seeds, dialogues, error_rate or ERROR_RATES, domain or DOMAINS, turn_taking or TURN_TAKINGS
    )
    results = _run_all(run, wanted, jobs, "sessions")
    write(out, results)
    console.print(Text(table(results)), soft_wrap=True)


@app.command(name="live-benchmark")
def live_benchmark(
    *,
    out: Annotated[Path, typer.Option(help="folder for live.json, live.md and live.png")],
    seeds: Annotated[int, typer.Option(min=1, help="agents of each kind")] = 10,
    dialogues: Annotated[int, typer.Option(min=1, help="dialogues of each agent")] = 300,
    jobs: Annotated[int, typer.Option(min=1, help="agents at a time")] = os.cpu_count() or 1,
) -> None:
    """Measure how soon an agent adapts to changed people and with wrong or missing ratings."""
    from agents.benchmark.live import run, trials, write

    prepare_folder(out)
    results = _run_all(run, trials(seeds, dialogues), jobs, "agents")
    console.print(Text(write(out, results)), soft_wrap=True)


@app.command(name="search-benchmark")
def search_benchmark(
    *,
    out: Annotated[Path, typer.Option(help="folder for search.json and search.md")],
) -> None:
    """Measure experts, degenerate policies and searched rules with users who search; resumes."""
    from agents.search.report import run

    prepare_folder(out)
    with Progress(console=Console(stderr=True)) as bars:
        bar = bars.add_task("parts", total=None)

        def progress(finished: int, total: int, name: str) -> None:
            bars.update(bar, completed=finished, total=total, description=name)

        text = run(out, progress)
    console.print(Text(text), soft_wrap=True)


def _run_all(
    run: Callable[[Task], dict[str, Any]], tasks: Sequence[Task], jobs: int, noun: str
) -> list[dict[str, Any]]:
    """Run independent tasks, with progress on standard error; `noun` names them there."""
    with Progress(console=Console(stderr=True)) as bars:
        bar = bars.add_task(noun, total=None)

        def progress(finished: int, total: int) -> None:
            bars.update(bar, completed=finished, total=total)

        return run_all(run, tasks, jobs, progress)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="folder for its results")] = Path("out/demo"),
    seed: Seed = 0,
) -> None:
    """PPO learns to book a restaurant in front of you."""
    from agents.training import save_results
    from dialogue_gym.training import Run, save_trained

    env_id = "FakeUserRestaurant-v0"
    run = Run(env_id, {}, "ppo", seed, int(agent_config("ppo", env_id)["steps"]))
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
    table = _table(results, f"{env_id}, 1,000 dialogues each")
    table.add_section()
    exact = f"{lower.success_rate:.1%}", f"{lower.mean_return:.2f} (exact)", f"{lower.mean_turns:.2f}"
    table.add_row("solver", *exact)
    table.add_row("bound", "", f"{solution.upper:.2f} (exact)", "")
    console.print(table)
    console.print(
        "The bound is the optimum with full knowledge of the user's goal: no policy can exceed it.\n"
    )
    console.print("A dialogue of the trained agent:\n")
    console.print(Text(_dialogue(run.make_env("ansi"), policy)), soft_wrap=True)
    console.print(f"\nThe learning curve: {out / 'learning_curve.png'}", soft_wrap=True)


def _dialogue(env: gym.Env[Any, Any], policy: Any) -> str:
    for _ in play(env, lambda observation, mask: int(policy.predict(observation, deterministic=True)[0]), 7):
        pass
    return str(env.render())


def main() -> None:
    """Run a command; a user's error ends it with one line and exit status 2."""
    try:
        app()
    except OSError as error:
        message = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    except (ImportError, ValueError, gym.error.Error) as error:
        message = str(error)
    else:
        return
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)
