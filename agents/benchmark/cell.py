"""One cell of a grid: train an agent and evaluate it on the way, or evaluate a policy or language model."""

from __future__ import annotations

import time
from typing import Any

import numba

from agents.benchmark.grid import COST, ENDPOINT, LOGGED, Cell, text_settings
from agents.exact.bayes_filter import FilterPolicy
from agents.search.rule_search import searched_rules
from dialogue_gym import ExpertPolicy, RandomPolicy
from dialogue_gym.bounds import known_bound
from dialogue_gym.datasets import PolicyMixture, find_behaviours
from dialogue_gym.exact import SolverPolicy, evaluate_exactly, solve
from dialogue_gym.reports import Report
from dialogue_gym.text import ChatAgent, ChatEndpoint, EndpointError, TextDialogue, environment_key
from dialogue_gym.training import (
    Evaluation,
    Learned,
    Run,
    agent_config,
    evaluate,
    evaluate_text,
    make_env,
    train,
    versions,
)
from dialogue_gym.utils import counted

Record = dict[str, Any]


def run_cell(cell: Cell) -> Record:
    """Run a cell and return its record as JSON-serializable values.

    `evaluations` are dictionaries with `seed`, `mark` (the number of training dialogues after which it was
    due, or `"end"`), `dialogues` and `steps` of training, and the figures. `exact` has
    the bound and the solver's figures.

    Raises:
        ValueError: the cell cannot run, or a language model does not answer to the end.
    """
    numba.set_num_threads(1)  # the cells themselves are spread over the cores
    start = time.perf_counter()
    exact: Record | None = None
    if cell.chat is not None:
        evaluations = _ask(cell, cell.chat)
    elif cell.steps is not None:
        evaluations = _train(cell)
    else:
        exact, evaluations = _play(cell)
    return {
        "fingerprint": cell.fingerprint(),
        "cell": cell.as_json(),
        "exact": exact,
        "evaluations": evaluations,
        "seconds": time.perf_counter() - start,
        "versions": versions(),
    }


def _train(cell: Cell) -> list[Record]:
    (seed,) = cell.seeds
    assert cell.steps is not None
    run = Run(cell.env_id, cell.settings, cell.agent, seed, cell.steps)
    env = run.make_env()
    remaining = [] if cell.data else list(cell.marks)  # those who learn from data have all dialogues at once
    evaluations: list[Record] = []

    def note(mark: int | str, dialogues: int, steps: int, agent: Any) -> None:
        header = {"seed": seed, "mark": mark, "dialogues": dialogues, "steps": steps}
        evaluations.append(header | _figures(env, agent, cell, seed))

    def watch(dialogues: int, steps: int, agent: Learned) -> None:
        if dialogues == 0:
            note(0, 0, 0, agent)
        while remaining and remaining[0] <= dialogues:
            mark = remaining.pop(0)
            if not remaining or remaining[0] > dialogues:  # if a step passes two marks, the later one counts
                note(mark, dialogues, steps, agent)

    config = agent_config(cell.agent, cell.env_id, cell.settings)
    if cell.data:
        config["data"] = cell.data
    agent, curve, _ = train(run, lambda steps, success: None, watch, config=config)
    note("end", len(curve.steps), agent.num_timesteps, agent)
    return evaluations


def _ask(cell: Cell, chat: Record) -> list[Record]:
    """Return the figures of a language model."""
    (seed,) = cell.seeds
    limits = {key: chat[key] for key in ("timeout", "token_limit", "request")}
    address = {"base_url": chat["base_url"]} if chat["base_url"] else {}
    model = cell.agent.removeprefix(ENDPOINT)
    agent = ChatAgent(ChatEndpoint(model, key=environment_key(), **address, **limits))
    env: Any = make_env(cell.env_id, cell.settings)
    dialogue = TextDialogue(env.unwrapped.domain, chat["mode"], **text_settings(cell.settings))
    try:
        found = evaluate_text(dialogue, agent, cell.dialogues, seed)
    except EndpointError as error:
        raise ValueError(str(error)) from None
    if found.fault:
        raise ValueError(
            f"{found.fault} (after {found.figures.dialogues} of {counted(cell.dialogues, 'dialogue')})"
        )
    header = {"seed": seed, "mark": "end", "dialogues": 0, "steps": 0}
    return [
        header
        | _measures(found.figures)
        | {name: getattr(found, name) for name in COST}
        | {"is_estimated": found.is_estimated}
    ]


def _play(cell: Cell) -> tuple[Record | None, list[Record]]:
    env: Any = make_env(cell.env_id, cell.settings)
    if cell.agent == "bound":
        known = known_bound(env)
        return {"bound": known.value, "assumes": known.assumes}, []
    exact = None
    fixed: Any = None
    policy: Any
    if cell.agent == "filter":
        fixed = FilterPolicy(env)
    elif cell.agent == "solver":
        solution = solve(env)
        exact = {"bound": solution.upper} | vars(solution.lower)
        fixed = SolverPolicy(env, solution)
    elif cell.agent == "searched rules":
        fixed = searched_rules(env.unwrapped.domain, cell.settings)
    evaluations = []
    for seed in cell.seeds:
        if cell.data:
            policy = PolicyMixture(find_behaviours(cell.data["policies"], env, seed), env, seed)
        else:
            policy = fixed or {"random": RandomPolicy, "expert": ExpertPolicy}[cell.agent](env, seed)
        header = {"seed": seed, "mark": "end", "dialogues": 0, "steps": 0}
        evaluations.append(header | _figures(env, policy, cell, seed))
    return exact, evaluations


def _figures(env: Any, policy: Any, cell: Cell, seed: int) -> Record:
    if not cell.is_exact or cell.agent in (LOGGED, "random"):  # these draw their actions
        return _measures(evaluate(env, policy, cell.dialogues, seed))
    report = evaluate_exactly(policy, env=env, failures=0, dialogues=cell.dialogues, seed=seed)
    return _measures(report) | {"method": report.method}


def _measures(evaluation: Evaluation | Report) -> Record:
    return {
        "success_rate": evaluation.success_rate,
        "mean_return": evaluation.mean_return,
        "mean_turns": evaluation.mean_turns,
        "objective": 20 * evaluation.success_rate - evaluation.mean_turns,
    }
