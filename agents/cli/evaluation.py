"""Commands that play with agents and measure: `evaluate`, `verify`, `bounds` and `dataset`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from agents.cli.options import (
    Dialogues,
    EnvId,
    Seed,
    Settings,
    console,
    evaluate_visibly,
    evaluation_table,
    in_words,
)
from dialogue_gym import ExpertPolicy, PretrainedPolicy
from dialogue_gym.bounds import greedy_returns, known_bound, sample_optimum, tables_of
from dialogue_gym.training import builtin_ids, make_env, parse_settings, progress_bar
from dialogue_gym.utils import counted, nearest, short_percent


def evaluate(
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
    figures = evaluate_visibly(env, trained, dialogues, seed)
    if as_json:
        result = {"env_id": env_id, "settings": keywords, "agent": name, "bound_return": best}
        result["bound_interval"] = interval
        print(json.dumps(result | vars(figures) | {"seed": seed}, indent=2))
    else:
        title = f"{env_id}: {counted(figures.dialogues, 'dialogue')}"
        title += "" if best is None else f", bound {best:.2f}" + (" (sampled)" if interval else "")
        console.print(evaluation_table({name: figures}, title))


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
        success, mean_return = in_words(again.overall())
        figures = f"success {success}, mean return {mean_return}"
        for line in found or [f"{'written' if write else 'verified'}: {figures}"]:
            print(f"{path}: {line}")
    if wrong:
        raise typer.Exit(1)


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
            "sees all, greedy",
            f"{returns.mean:.2f} ± {returns.high - returns.mean:.2f}, {short_percent(success)}",
        )
    expert = evaluate_visibly(env, ExpertPolicy(env, seed), dialogues, seed)
    share, mean_return = in_words(expert)
    table.add_row("expert", f"{mean_return}, {share}")
    console.print(table)


def dataset(
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
