"""The results of a benchmark as Markdown."""

from __future__ import annotations

from typing import Any

from agents.benchmark import pydial
from agents.benchmark.grid import LOGGED
from agents.benchmark.markdown import DASH, mean, number, share, table
from agents.benchmark.statistics import EARLY_MARK, MARKS

Record = dict[str, Any]
_STRONG = ("expert", "searched rules", "filter")
"""The references that a summary shows."""


def report(results: Record, command: str) -> str:
    """Return the whole report: how it was made, a summary, the aggregate, and a table for each task."""
    made = results["made"]
    versions = ", ".join(f"{name} {version}" for name, version in made["versions"].items())
    parts = [
        f"# {results['title']}",
        f"Protocol `{results['protocol']}`, made with `{command}` in {made['core_seconds'] / 3600:.1f} "
        f"core-hours ({versions}). Every figure is over {results['dialogues']:,} "
        "dialogues for each seed, none of which occurs in training; brackets hold Student's 95 % "
        "interval over seeds. *Objective* is 20 x success - turns. *Below the "
        "bound* is the difference to the optimum with full knowledge of the user's goal, which no policy can "
        "reach under noise; where users search a database, the bound is that of an easier world, which its "
        "row names. *Searched rules* are those of the expert's family that a search found best for the one "
        "environment (`python -m agents search-benchmark`). A dash means: not measured, or training ended "
        "before so many dialogues." + _missing(results),
        "**Budgets.** Columns with a number compare learners after that many training dialogues. Those of "
        "*own end* do not: each learner stops after its own number of steps, and *training dialogues* has "
        "the mean number of its dialogues. Figures before the end are taken on the way there, while learning "
        "rates are still high. Learners that begin with demonstrations (cloning, and those called warm) also "
        "had the dialogues of the expert that stand after the plus sign.",
        "**Pairs.** *Above the expert* is the mean difference between the returns of a policy at its own end "
        "and of the expert, seed by seed: the dialogues of a seed begin alike for all policies. Brackets "
        "hold Student's 95 % interval, as in a paired t-test. A difference whose interval leaves out zero is "
        "seldom chance; among as many as here, a few are.",
        "## Summary",
        "The best learner of a row is chosen by the figure that is shown, so that this one flatters it a "
        "little; the tables below have its interval.",
        summary(results),
        "## Over all environments",
        "Interquartile mean of the return, where the random policy has 0 and the bound has 1, over the "
        "environments whose bound is that of full knowledge. Brackets hold the 95 % bootstrap interval over "
        "the seeds of each environment, which is too narrow for few seeds. At their own ends, learners have "
        "had different numbers of dialogues.",
        aggregate(results),
        *pydial.section(results["tasks"]),
        *models(results["tasks"]),
        *offline(results["tasks"]),
    ]
    for task in results["tasks"]:
        settings = ", ".join(f"{key} {value}" for key, value in task["settings"].items())
        mask = "with a mask" if task["has_mask"] else "without a mask"
        parts += [
            f"## {task['env_id']}, environment {task['environment']}, {task['turn_taking']} turns",
            f"{settings}; {mask}; {_seeds(task)}.",
            task_table(task),
        ]
    return "\n\n".join(parts) + "\n"


def _missing(results: Record) -> str:
    missing = results["missing"]
    return f" Not run yet: {', '.join(missing)}." if missing else ""


def summary(results: Record) -> str:
    """Return a table with the best learner of each task between the expert and the bound."""
    rows = []
    for task in results["tasks"]:
        learners = {name: agent for name, agent in task["agents"].items() if agent["is_learner"]}
        alone = {name: agent for name, agent in learners.items() if not agent["demonstrations"]}
        cells = [best_learner(*which) for which in ((alone, "1000"), (alone, "end"), (learners, "end"))]
        rows.append(
            [
                _domain(task),
                task["environment"] + (" explicit" if task["turn_taking"] == "explicit" else ""),
                *(_reference(task, name) for name in _STRONG),
                *cells,
                number(task["exact"] and task["exact"]["bound"]),
            ]
        )
    header = ["domain", "environment", *_STRONG]
    header += [
        "best from rewards alone, after 1,000 dialogues",
        "the same at its own end (dialogues)",
        "best of all learners at its own end (dialogues)",
    ]
    header.append("bound")
    return table(header, rows, left=2)


def best_learner(learners: Record, mark: str) -> str:
    """Return the learner with the best mean return at a mark, and that; a dash if there is none.

    At the end of training, whose length differs, the training dialogues follow in brackets.
    """
    found = {
        name: agent["figures"][mark]["mean_return"]
        for name, agent in learners.items()
        if mark in agent["figures"]
    }
    if not found:
        return DASH
    name = max(found, key=lambda name: float(found[name]["mean"]))
    trained = f" ({training(learners[name])})" if mark == "end" else ""
    return f"{name} {mean(found[name])}{trained}"


def training(agent: Record) -> str:
    """Return the mean number of training dialogues of a learner, and those of the expert before it."""
    if not agent["is_learner"]:
        return DASH
    shown = f"{agent['figures']['end']['dialogues']:,.0f}"
    return shown + (f" + {agent['demonstrations']}" if agent["demonstrations"] else "")


def models(tasks: list[Record]) -> list[str]:
    """Return the paragraphs of the report on language models; none without any."""
    rows = [
        [_domain(task), task["environment"], name, *_model(model)]
        for task in tasks
        for name, model in task.get("models", {}).items()
    ]
    if not rows:
        return []
    header = ["domain", "environment", "model", "mode", "dialogues", "success", "return", "turns"]
    header += ["calls", "tokens", "written", "seconds", "not understood", "below the bound"]
    text = (
        "They talk to the user in text and see no observation; the number of dialogues is that of each "
        "seed, times the seeds. Per dialogue: calls of the model, all tokens and those that it wrote, "
        "seconds until its answers, and replies that were not understood. A tilde marks estimates, at four "
        "characters a token."
    )
    return ["## Language models", text, table(header, rows, left=4)]


def offline(tasks: list[Record]) -> list[str]:
    """Return the paragraphs of the report on learning from data alone; none without any data."""
    if not any(LOGGED in task["agents"] for task in tasks):
        return []
    text = (
        "*Logged* is the mean return of the policies that made the data. Brackets hold Student's 95 % "
        "interval of the difference to it, seed by seed."
    )
    return ["## From data alone", text, offline_table(tasks)]


def offline_table(tasks: list[Record]) -> str:
    """Return a table of the returns of learners that had recorded dialogues only, beside the data's."""
    some = [task for task in tasks if LOGGED in task["agents"]]
    learners = dict.fromkeys(
        name for task in some for name, agent in task["agents"].items() if agent["is_learner"]
    )
    rows = []
    for task in some:
        agents = task["agents"]
        cells = [_domain(task), task["environment"], _dialogues(agents), _reference(task, LOGGED)]
        for name in learners:
            figures = agents[name]["figures"]["end"]
            cells.append(
                f"{mean(figures['mean_return'])} ({_difference(figures['above_logged'], task['seeds'])})"
            )
        rows.append([*cells, _reference(task, "expert")])
    return table(["domain", "data", "dialogues", LOGGED, *learners, "expert"], rows, left=2)


def _dialogues(agents: Record) -> str:
    return next(training(agent) for agent in agents.values() if agent["is_learner"])


def _model(model: Record) -> list[str]:
    figures = model["figures"]
    read, written = (figures[name]["mean"] for name in ("tokens_read", "tokens_written"))
    about = "~" if model["is_estimated"] else ""
    return [
        model["mode"],
        f"{model['dialogues']} x {model['seeds']}",
        share(figures["success_rate"]),
        _with_interval(figures["mean_return"], model["seeds"]),
        mean(figures["mean_turns"]),
        f"{figures['calls']['mean']:.1f}",
        f"{about}{read + written:,.0f}",
        f"{about}{written:,.0f}",
        f"{figures['seconds']['mean']:.1f}",
        f"{figures['not_understood']['mean']:.1f}",
        number(model["below_bound"]),
    ]


def _domain(task: Record) -> str:
    return str(task["env_id"]).removeprefix("FakeUser").removesuffix("-v0").lower()


def aggregate(results: Record) -> str:
    """Return a table of the aggregates."""
    rows = [
        [turn_taking, name, *(_iqm(of_agent.get(str(mark))) for mark in MARKS)]
        for turn_taking, agents in results["aggregate"].items()
        for name, of_agent in agents.items()
    ]
    return table(["turns", "agent", *_columns(MARKS)], rows, left=2)


def task_table(task: Record) -> str:
    """Return the table of one task."""
    marks: tuple[int | str, ...] = MARKS
    if task["has_early_mark"]:
        marks = (EARLY_MARK, *marks)
    columns = [
        f"{name} {column}" for name in ("success", "return", "objective") for column in _columns(marks)
    ]
    rows = []
    agents = task["agents"]
    for name in sorted(agents, key=lambda name: not agents[name]["is_learner"]):
        figures = [agents[name]["figures"].get(str(mark), {}) for mark in marks]
        below = figures[-1].get("below_bound")
        rows.append(
            [
                name,
                training(agents[name]),
                *(share(each.get("success_rate")) for each in figures),
                *(_with_interval(each.get("mean_return"), task["seeds"]) for each in figures),
                *(mean(each.get("objective")) for each in figures),
                number(below),
                _difference(figures[-1].get("above_expert"), task["seeds"]),
            ]
        )
    if exact := task["exact"]:
        nothing = [DASH] * (len(marks) - 1)
        if "success_rate" in exact:
            success, total = exact["success_rate"], exact["mean_return"]
            objective = 20 * success - exact["mean_turns"]
            solver = [*nothing, f"{success:.1%}", *nothing, number(total), *nothing, number(objective)]
            rows.append(["solver, exactly", DASH, *solver, number(exact["bound"] - total), DASH])
        bound = [*nothing, DASH, *nothing, number(exact["bound"]), *nothing, DASH, number(0.0)]
        assumes = exact.get("assumes")
        rows.append([f"bound {assumes}" if assumes else "bound", DASH, *bound, DASH])
    return table(["agent", "training dialogues", *columns, "below the bound", "above the expert"], rows)


def _seeds(task: Record) -> str:
    seeds, planned = task["seeds"], task["seeds_planned"]
    noun = "seed" if seeds == 1 else "seeds"
    return f"{seeds} {noun}" + ("" if seeds == planned else f" of {planned} so far")


def _columns(marks: tuple[int | str, ...]) -> list[str]:
    return ["own end" if isinstance(mark, str) else f"{mark:,}" for mark in marks]


def _reference(task: Record, name: str) -> str:
    agent = task["agents"].get(name)
    return mean(agent["figures"]["end"]["mean_return"]) if agent else DASH


def _with_interval(figure: Record | None, seeds: int) -> str:
    if figure is None or seeds == 1:
        return mean(figure)
    return f"{figure['mean']:.2f} [{figure['low']:.2f}, {figure['high']:.2f}]"


def _difference(figure: Record | None, seeds: int) -> str:
    if figure is None or seeds == 1:
        return f"{figure['mean']:+.2f}" if figure else DASH
    return f"{figure['mean']:+.2f} [{figure['low']:+.2f}, {figure['high']:+.2f}]"


def _iqm(figure: Record | None) -> str:
    return f"{figure['iqm']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]" if figure else DASH
