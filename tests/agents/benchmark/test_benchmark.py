"""The benchmark: interruptions, resumed runs, and the files that it writes."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import yaml
from matplotlib.image import imread
from scipy import stats

from agents.benchmark import pydial
from agents.benchmark.cell import run_cell
from agents.benchmark.grid import GRIDS, Cell, load_grid, with_seed
from agents.benchmark.run import cells_journal
from agents.benchmark.statistics import collect, interval, paired_interval
from agents.benchmark.tables import report, summary, task_table, training
from agents.benchmark.workers import interrupts_held
from dialogue_gym.training.configuration import agent_names
from tests.agents.commands import agents
from tests.conftest import BUILT_IN, SEARCHING
from tests.text.chat_server import attentive, chat_server

TINY: dict[str, Any] = {
    "title": "Tiny",
    "ids": ["FakeUserConcert-v0"],
    "environments": {
        1: {"has_mask": True},
        4: {"has_mask": False, "settings": {"semantic_error_rate": 0.3, "patience": 2}},
    },
    "parts": [
        {"turn_taking": "auto", "environments": [1, 4], "seeds": 2},
        {"turn_taking": "explicit", "environments": [1], "seeds": 1, "steps": {"Q-table": 500}},
    ],
    "learners": {
        "Q-table": {"masked": "masked_q_table", "unmasked": "q_table", "steps": 1000},
        "PPO": {"masked": "maskable_ppo", "unmasked": "ppo", "steps": 2100},
        "cloning": {"masked": "masked_behaviour_cloning", "unmasked": "behaviour_cloning"},
    },
    "references": ["random", "expert", "filter", "solver"],
    "marks": [50, 1000],
    "dialogues": 40,
}
DOMAIN = """
    intents: [inform, affirm, deny]
    entities: [size]
    slots: {size: {type: text}}
    actions: [ask_size, order]
    fake_user:
      goal: {size: [small, large]}
      actions: {ask_size: {user: {inform: size}}, order: {user: judge}}
"""
SMALL = TINY | {
    "parts": [{"turn_taking": "auto", "environments": [1], "seeds": 3}],
    "learners": {"Q-table": TINY["learners"]["Q-table"]},
    "references": ["random", "expert"],
}
"""Each cell starts a process on Ray, so there are few."""
CELLS = 4 * 3 + 2 * 6 + 3
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("grid") / "tiny.yaml"
    path.write_text(yaml.safe_dump(TINY, sort_keys=False))
    return path


def start(grid: Path | str, out: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "agents", "benchmark", str(grid), "--out", str(out), *words]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        # Background processes of a shell ignore interrupts, and their children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def finish(process: subprocess.Popen[str]) -> str:
    output, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    return output


def wait_for_cells(out: Path, count: int, process: subprocess.Popen[str]) -> None:
    while not (out / "cells.jsonl").exists() or (out / "cells.jsonl").read_text().count("\n") < count:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


def results_of(out: Path) -> dict[str, Any]:
    """Return the results without the part that depends on the machine."""
    results = json.loads((out / "results.json").read_text())
    assert set(results.pop("made")) == {"versions", "core_seconds"}
    return dict(results)


@pytest.fixture(scope="module")
def undisturbed(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed")
    assert "results.md" in finish(start(tiny, out, "--jobs", "2"))
    return out


@pytest.mark.slow
def test_benchmark_writes_tables_and_pictures(undisturbed: Path) -> None:
    results = results_of(undisturbed)
    assert [task["task"] for task in results["tasks"]] == [
        "auto/1/FakeUserConcert-v0", "auto/4/FakeUserConcert-v0", "explicit/1/FakeUserConcert-v0",
    ]  # fmt: skip
    auto, noisy, explicit = results["tasks"]
    assert auto["agents"]["PPO"]["agent"] == "maskable_ppo"
    assert noisy["agents"]["PPO"]["agent"] == "ppo"
    assert explicit["agents"]["Q-table"]["steps"] == 500
    assert auto["exact"]["bound"] == pytest.approx(15)
    assert auto["agents"]["filter"]["figures"]["end"]["success_rate"]["mean"] == 1.0
    assert set(auto["agents"]["PPO"]["figures"]) == {"50", "end"}  # 1,000 dialogues need more steps
    for task in results["tasks"]:
        for agent in task["agents"].values():
            end = agent["figures"]["end"]
            assert len(end["returns"]) == task["seeds"]
            assert end["mean_return"] == interval(end["returns"])
    for line in (undisturbed / "cells.jsonl").read_text().splitlines():
        for row in json.loads(line)["evaluations"]:
            assert row["objective"] == pytest.approx(20 * row["success_rate"] - row["mean_turns"])
    markdown = (undisturbed / "results.md").read_text()
    assert results["protocol"] in markdown and "| cloning |" in markdown
    for picture in ("learning_auto", "learning_explicit", "aggregate"):
        assert imread(undisturbed / f"{picture}.png").std() > 0.05


@pytest.mark.slow
def test_resumed_benchmark_gives_the_same_results(tiny: Path, undisturbed: Path, tmp_path: Path) -> None:
    journal = tmp_path / "cells.jsonl"
    process = start(tiny, tmp_path, "--jobs", "2")
    wait_for_cells(tmp_path, 14, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    before = journal.read_text()
    journal.write_text(before + '{"fingerprint": "half a li')  # as if killed while it wrote
    finish(start(tiny, tmp_path, "--jobs", "1"))
    after = journal.read_text()
    assert after.startswith(before) and "half a li" not in after
    assert after.count("\n") == CELLS  # no cell ran twice
    assert results_of(tmp_path) == results_of(undisturbed)
    finish(start(tiny, tmp_path))
    assert journal.read_text() == after


@pytest.mark.slow
def test_killed_worker_does_not_change_results(tiny: Path, undisturbed: Path, tmp_path: Path) -> None:
    process = start(tiny, tmp_path, "--jobs", "2")
    wait_for_cells(tmp_path, 5, process)
    workers = [
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if "spawn_main" in " ".join(child.cmdline())
    ]
    assert len(workers) == 2
    workers[0].kill()
    finish(process)
    assert results_of(tmp_path) == results_of(undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("cells", [0, 3])
def test_interrupt_stops_without_a_traceback(cells: int, tiny: Path, tmp_path: Path) -> None:
    process = start(tiny, tmp_path, "--jobs", "2")
    if cells:
        wait_for_cells(tmp_path, cells, process)
    else:  # while the workers start
        while len(psutil.Process(process.pid).children(recursive=True)) < 3:  # two, and a tracker
            time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode not in (0, -signal.SIGINT)
    assert "Traceback" not in errors


def test_interrupt_waits_for_workers_to_start_while_other_threads_run() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
    done = threading.Event()
    threading.Thread(target=done.wait).start()  # does not block the signal, and so receives it
    started = False
    try:
        with pytest.raises(KeyboardInterrupt), interrupts_held():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.1)
            started = True
    finally:
        done.set()
        signal.signal(signal.SIGINT, before)
    assert started


@pytest.mark.slow
def test_a_ray_cluster_of_two_gives_the_same(tmp_path: Path) -> None:
    """The cluster has a head and another node with one processor each; one worker is killed on the way."""
    grid, here, there = tmp_path / "small.yaml", tmp_path / "here", tmp_path / "there"
    grid.write_text(yaml.safe_dump(SMALL, sort_keys=False))
    code = f"""
import psutil, subprocess, sys, time
from pathlib import Path
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={{"num_cpus": 1, "include_dashboard": False}})
cluster.add_node(num_cpus=1)
words = ["benchmark", {str(grid)!r}, "--out", {str(there)!r}, "--ray", cluster.address]
process = subprocess.Popen([sys.executable, "-m", "agents", *words])
journal = Path({str(there)!r}, "cells.jsonl")
while process.poll() is None and not (journal.exists() and journal.read_text().count("\\n") >= 2):
    time.sleep(0.05)
busy = []
while process.poll() is None and not busy:
    everyone = psutil.process_iter(["cmdline"])
    busy = [one for one in everyone if (one.info["cmdline"] or [""])[0].startswith("ray::run_cell")]
busy[0].kill()
print("killed", len(busy))
status = process.wait()
cluster.shutdown()
sys.exit(status)
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=900, check=False
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert "killed" in result.stdout
    finish(start(grid, here, "--jobs", "1"))
    assert results_of(there) == results_of(here)


def part(**entries: Any) -> dict[str, Any]:
    return {"parts": [{"turn_taking": "auto", "environments": [1]} | entries]}


def environment(**settings: Any) -> dict[str, Any]:
    return {"environments": {1: {"has_mask": True, "settings": settings}}}


def changed(**entries: Any) -> dict[str, Any]:
    return copy.deepcopy(TINY) | entries


def data(**entries: Any) -> dict[str, Any]:
    """Return a grid with data of the expert and a learner; entries are those of the data."""
    known = {"policies": ["expert", "random"], "dialogues": 30} | entries
    return changed(
        environments={1: {"has_mask": True, "exact": True, "data": known}},
        learners={"CQL": {"masked": "masked_cql", "steps": 50}},
        references=["logged", "expert"],
        **part(seeds=2),
    )


def models(**entries: Any) -> dict[str, Any]:
    """Return a grid with a language model; entries that are not the grid's are the model's."""
    own = {key: entries.pop(key) for key in ("parts", "environments") if key in entries}
    return changed(models={"A": {"agent": "openai:tiny"} | entries}, **own)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1", "not a YAML file"),
        ([], "the grid: must be a mapping, not []"),
        (changed(seed=1), "the grid: unknown key 'seed'"),
        (changed(marks=[4000, 250]), "marks: values must increase"),
        (changed(**part(environments=[1, 1], seeds=1)), "auto/1/FakeUserConcert-v0 occurs more than once"),
        (changed(environments={1: {"has_mask": "no"}}), "has_mask: must be true or false, not 'no'"),
        (changed(**environment(max_episode_steps=5)), "unknown setting 'max_episode_steps'"),
        (changed(learners={"PPO": {"masked": "ppo", "steps": -5}}), "steps: must be a whole number of at"),
        (changed(marks=[0]), "marks: must be a whole number of at least 1, not 0"),
        (changed(references=["exprt"]), "references: unknown policy 'exprt'; did you mean 'expert'?"),
        (changed(ids=["FakeUserConcrt-v0"]), "unknown environment 'FakeUserConcrt-v0'; did you mean"),
        (changed(**part(environments=[7], seeds=1)), "parts: unknown environment 7"),
        (changed(**part(seed=1)), "parts: unknown key 'seed'"),
        (changed(**part(seeds=1, learners=["PPPO"])), "learners: unknown 'PPPO'; did you mean 'PPO'?"),
        (changed(**part(seeds=1, references=["exprt"])), "unknown policy 'exprt'; did you mean 'expert'?"),
        (changed(**part(seeds=1, marks=[9, 9])), "marks: values must increase"),
        (changed(**part()), "'seeds' is missing"),
        (changed(parts=[]), "parts: must not be empty"),
        (changed(learners={"PPO": {"masked": "pppo"}}), "unknown agent 'pppo'; did you mean 'ppo'?"),
        (changed(**environment(patienc=1)), "unknown setting 'patienc'; did you mean 'patience'?"),
        (models(agent="gpt"), "models: A: agent: must be openai:MODEL, not 'gpt'"),
        (models(mode="tool"), "models: A: unknown mode 'tool'; did you mean 'tools'?"),
        (models(key="sk-1"), "models: A: unknown key 'key'"),
        (models(base_url="http://me:sk-1@host/v1"), "base_url: cells show it, so it cannot have a password"),
        (models(request={"model": "x"}), "request: 'model' cannot be chosen here"),
        (models(**part(seeds=1, models=["B"])), "parts: models: unknown 'B'"),
        (
            models(**part(seeds=1, models=["A"], turn_taking="explicit")),
            "parts: models: turn taking in text is automatic",
        ),
        (models(**environment(max_history=2)), "unknown setting 'max_history'"),
        (data(policies="expert"), "environment 1: data: policies: must be a list of names, not 'expert'"),
        (data(policies=["exprt"]), "'exprt' is neither an agent nor a folder; did you mean 'expert'?"),
        (data(dialogue=3), "environment 1: data: unknown key 'dialogue'; did you mean 'dialogues'?"),
        (data() | {"learners": TINY["learners"]}, "PPO: maskable_ppo plays itself; environment 1 has data"),
        (changed(references=["logged"]), "references: environment 1 has no data that were logged"),
    ],
)  # fmt: skip
def test_mistakes_in_a_grid_are_reported_in_one_line(content: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "grid.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    with pytest.raises(ValueError) as caught:
        load_grid(str(path))
    assert str(caught.value).startswith(f"{path}: ") and message in str(caught.value)


@pytest.mark.slow
def test_language_models_on_a_server_have_rows_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    grid, out = tmp_path / "grid.yaml", tmp_path / "out"

    def write(url: str, **entries: Any) -> None:
        model = {"agent": "openai:tiny", "base_url": url, "dialogues": 3} | entries
        content = changed(
            ids=["FakeUserRestaurant-v0"],
            environments={1: {"has_mask": True, "settings": {"indecisiveness": 0.0}}},
            learners={},
            references=["random"],
            models={"Tiny": model, "named": model | {"mode": "names"}},
            **part(seeds=2),
        )
        grid.write_text(yaml.safe_dump(content, sort_keys=False))

    def reply(request: dict[str, Any]) -> dict[str, Any]:
        return attentive(request) if "tools" in request else {"role": "assistant", "content": "no idea"}

    write("http://127.0.0.1:9/v1")
    _, errors = (dead := start(grid, out, "--jobs", "1")).communicate(timeout=120)
    assert dead.returncode == 2 and "Traceback" not in errors
    assert "error: openai:tiny (tools) on FakeUserRestaurant-v0 turn_taking=auto indeci" in errors
    assert "127.0.0.1:9/v1/chat/completions' cannot be reached: " in errors
    assert (out / "cells.jsonl").read_text().count("\n") == 1  # the other policy has finished
    key = "auto/1/FakeUserRestaurant-v0"
    missing = collect(load_grid(str(grid)), cells_journal(out).records)["missing"]
    assert missing == [f"Tiny in {key}", f"named in {key}"]

    with chat_server(reply) as server:
        write(server.url)
        finish(start(grid, out, "--jobs", "1"))
        assert set(server.keys) == {"Bearer sk-secret"}
        write(server.url, token_limit=9_000, timeout=5.0)
        some = load_grid(str(grid)).cells()
        with pytest.raises(ValueError, match=r"9,000 tokens is reached \(after [12] of 3 dialogues\)"):
            run_cell(some[1])
    finished = set(cells_journal(out).records)
    assert {cell.fingerprint() for cell in some} == finished, "limits change no figures"
    tiny, named = results_of(out)["tasks"][0]["models"].values()
    assert tiny["figures"]["success_rate"]["mean"] == 1 and tiny["seeds"] == 2 and tiny["dialogues"] == 3
    calls = tiny["figures"]["calls"]["mean"]
    assert tiny["figures"]["mean_return"]["mean"] == pytest.approx(20 - calls)
    assert tiny["figures"]["mean_turns"]["mean"] == pytest.approx(calls + 1)  # the first one is a request
    assert named["figures"]["success_rate"]["mean"] == 0 and named["figures"]["not_understood"]["mean"] > 1
    page = (out / "results.md").read_text()
    assert "| restaurant | 1 | Tiny | tools | 3 x 2 | 100.0% |" in page and "Not run yet" not in page
    for file in ("cells.jsonl", "results.json", "results.md"):
        assert "sk-secret" not in (out / file).read_text()
    assert [Cell.from_json(json.loads(json.dumps(cell.as_json()))) for cell in some] == some


def test_an_impossible_command_is_explained(tmp_path: Path) -> None:
    result = agents("benchmark", "ful", "--out", str(tmp_path / "out"))
    assert (result.returncode, result.stderr) == (2, "error: unknown grid 'ful'; did you mean 'full'?\n")
    process = start("quick", tmp_path / "out", "--ray", "127.0.0.1:9")
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "error: no Ray cluster answers at '127.0.0.1:9'" in errors and "Traceback" not in errors


def test_full_grid_has_the_pydial_tasks() -> None:
    grid = load_grid("full")
    auto = [task for task in grid.tasks if task.turn_taking == "auto"]
    numbers = {
        "1": (0.0, True, None), "2": (0.0, False, None), "3": (0.15, True, None),
        "4": (0.15, False, None), "5": (0.15, True, "unfriendly"), "6": (0.3, True, None),
    }  # fmt: skip
    for env_id in (*BUILT_IN, *SEARCHING):
        settings = {
            task.number: (
                task.settings.get("semantic_error_rate", 0.0), task.has_mask, task.settings.get("user")
            )
            for task in auto
            if task.env_id == env_id
        }  # fmt: skip
        assert settings == numbers, env_id
    assert len(auto) == 30
    assert all(task.seeds == (3 if task.env_id in SEARCHING[1:] else 10) for task in auto)
    explicit = [task for task in grid.tasks if task.turn_taking == "explicit"]
    assert len(explicit) == 6 and all(task.seeds == 5 for task in explicit)
    for task in grid.tasks:
        for cell in task.learners.values():
            assert task.has_mask == ("mask" in cell.agent)
    without = {task.key for task in grid.tasks if not task.learners}
    assert without == {f"auto/{number}/{env_id}" for number in "245" for env_id in SEARCHING[1:]}
    fingerprints = [cell.fingerprint() for cell in grid.cells()]
    assert len(set(fingerprints)) == len(fingerprints)


def test_a_part_has_learners_references_and_marks_of_its_own(tmp_path: Path) -> None:
    own = {"environments": [4], "learners": ["PPO"], "references": ["random"], "marks": [400]}
    usual = {"turn_taking": "auto", "environments": [1], "seeds": 1}
    content = changed(parts=[usual, usual | own])
    (tmp_path / "grid.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    first, second = load_grid(str(tmp_path / "grid.yaml")).tasks
    assert list(first.learners) == list(TINY["learners"]) and list(first.references) == TINY["references"]
    assert {cell.marks for cell in first.learners.values()} == {(50, 1000)}
    assert list(second.learners) == ["PPO"] and list(second.references) == ["random"]
    assert second.learners["PPO"].marks == (400,)


def test_learners_from_data_stand_beside_the_policies_that_made_them(tmp_path: Path) -> None:
    (tmp_path / "grid.yaml").write_text(yaml.safe_dump(data(), sort_keys=False))
    grid = load_grid(str(tmp_path / "grid.yaml"))
    records = {cell.fingerprint(): run_cell(cell) for cell in grid.cells()}
    for record in records.values():
        again = Cell.from_json(json.loads(json.dumps(record["cell"])))
        assert again.fingerprint() == record["fingerprint"]
    results = collect(grid, records)
    (task,) = results["tasks"]
    logged, expert, learner = (task["agents"][name]["figures"]["end"] for name in ("logged", "expert", "CQL"))
    assert expert["mean_return"]["mean"] == pytest.approx(15) and expert["returns"][0] == expert["returns"][1]
    assert -10 < logged["mean_return"]["mean"] < 10 and learner["dialogues"] == 30
    assert logged["above_logged"]["mean"] == 0
    above = learner["mean_return"]["mean"] - logged["mean_return"]["mean"]
    assert learner["above_logged"]["mean"] == pytest.approx(above)
    assert "| concert | 1 | 30 | " in report(results, "x")


def test_no_published_cell_is_lost() -> None:
    published = set(cells_journal(GRIDS.parent.parent / "docs/benchmark").records)
    assert not published - {cell.fingerprint() for cell in load_grid("full").cells()}


def test_a_report_has_the_finished_seeds_of_each_task_and_names_the_others(tmp_path: Path) -> None:
    (tmp_path / "grid.yaml").write_text(yaml.safe_dump(TINY, sort_keys=False))
    grid = load_grid(str(tmp_path / "grid.yaml"))
    records: dict[str, Any] = {}
    with pytest.raises(ValueError, match="no seed is finished in any environment yet"):
        collect(grid, records)
    clean, _, explicit = grid.tasks
    learners = [with_seed(cell, seed) for seed in (0, 1) for cell in clean.learners.values()]
    for cell in (*clean.references.values(), *learners[:-1], *explicit.references.values()):
        figures = {"success_rate": 1.0, "mean_return": 5.0, "mean_turns": 3.0, "objective": 17.0}
        record = [{"seed": seed, "mark": "end", "dialogues": 9, "steps": 9} | figures for seed in cell.seeds]
        records[cell.fingerprint()] = {
            "exact": None, "evaluations": record, "versions": {}, "seconds": 1.0
        }  # fmt: skip
    results = collect(grid, records)
    assert [(task["task"], task["seeds"], task["seeds_planned"]) for task in results["tasks"]] == [
        ("auto/1/FakeUserConcert-v0", 1, 2)  # the last learner has not finished its second seed
    ]
    assert results["missing"] == ["auto/4/FakeUserConcert-v0", "explicit/1/FakeUserConcert-v0"]
    page = report(results, "command")
    assert "Not run yet: auto/4/FakeUserConcert-v0, explicit/1/FakeUserConcert-v0." in page
    assert "1 seed of 2 so far" in page and "PyDial" not in page


def test_pydials_figures_stand_beside_the_domain_of_their_class() -> None:
    def agent(demonstrations: int | None, **figures: tuple[float, float]) -> dict[str, Any]:
        found = {
            mark.removeprefix("after_"): {"success_rate": {"mean": one}, "mean_return": {"mean": other}}
            for mark, (one, other) in figures.items()
        }
        is_learner = demonstrations is not None
        return {"is_learner": is_learner, "demonstrations": demonstrations or 0, "figures": found}

    agents = {
        "expert": agent(None, end=(0.99, 13.9)),
        "warm PPO": agent(100, after_400=(1.0, 15.0)),  # it has seen the expert
        "DQN": agent(0, after_400=(0.9, 11.0), after_1000=(0.98, 13.0)),
        "PPO": agent(0, after_400=(0.5, 4.0)),
    }
    task = {"env_id": SEARCHING[0], "environment": "1", "turn_taking": "auto", "agents": agents}
    bare = {"env_id": SEARCHING[2], "environment": "4", "turn_taking": "auto", "agents": {}}
    title, text, rows = pydial.section([task, bare])
    assert title == "## Beside PyDial" and pydial.CAVEAT in text and "500 dialogues each" in text
    city = "| city | 1 | 99.0%, 13.90 | CamRestaurants | 100.0%, 14.04 |"
    assert rows.splitlines()[2:] == [
        f"{city} 400 | DQN 90.0%, 11.00 | 97.6%, 12.39 |",
        f"{city} 1,000 | DQN 98.0%, 13.00 | 98.2%, 12.65 |",
        "| laptop | 4 | — | Laptops11 | 89.8%, 8.32 | 400 | — | — |",
    ]
    assert pydial.section([task | {"env_id": BUILT_IN[0]}]) == []


@pytest.mark.slow
def test_a_cell_that_cannot_run_ends_the_benchmark_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine.yml").write_text(textwrap.dedent(DOMAIN))
    settings = {"domain": str(tmp_path / "mine.yml")}
    content = changed(
        ids=["Dialogue-v0"],
        environments={1: {"has_mask": True, "settings": settings}, "noisy": {"has_mask": False}},
        references=["random", "expert"],
        **part(seeds=30),
    )
    (tmp_path / "grid.yaml").write_text(yaml.safe_dump(content))
    process = start(tmp_path / "grid.yaml", tmp_path / "out", "--jobs", "1")
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 2 and "Traceback" not in errors
    assert "error: expert on Dialogue-v0 turn_taking=auto domain=" in errors and "no expert policy" in errors
    assert (tmp_path / "out/cells.jsonl").read_text().count("\n") == 1


@pytest.mark.slow
def test_a_report_leaves_the_journal_of_a_running_benchmark_alone(
    tiny: Path, undisturbed: Path, tmp_path: Path
) -> None:
    text = (undisturbed / "cells.jsonl").read_text() + '{"half a line'
    (tmp_path / "cells.jsonl").write_text(text)
    assert agents("benchmark", str(tiny), "--out", str(tmp_path), "--report").returncode == 0
    assert (tmp_path / "cells.jsonl").read_text() == text
    assert results_of(tmp_path) == results_of(undisturbed)
    (tmp_path / "cells.jsonl").write_text('{"fingerprint": "x"}\n')
    result = agents("benchmark", str(tiny), "--out", str(tmp_path), "--report")
    message = f"error: {tmp_path}/cells.jsonl:1: not a finished cell\n"
    assert (result.returncode, result.stderr) == (2, message)


@pytest.mark.parametrize("subject", ["_configuration", "_domain", "rules"])
def test_the_protocol_changes_with_its_subject(subject: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = load_grid("quick")
    cells, protocol = {cell.name: cell.fingerprint() for cell in before.cells()}, before.protocol()
    if subject == "rules":
        monkeypatch.setattr("dialogue_gym.rules.sources", lambda: b"others")
    else:
        monkeypatch.setattr(f"agents.benchmark.grid.{subject}", lambda *names: "another")
    after = load_grid("quick")
    assert after.protocol() != protocol
    for cell in after.cells():
        assert (cell.fingerprint() == cells[cell.name]) == (
            subject == "_configuration" and cell.steps is None
        )


def test_the_published_cells_match_the_current_rules_and_domains() -> None:
    folder = GRIDS.parent.parent / "docs/benchmark"
    records = cells_journal(folder).records | cells_journal(folder / "offline").records
    assert len(records) > 1000
    for fingerprint, record in records.items():
        assert Cell.from_json(record["cell"]).fingerprint() == fingerprint


def test_the_paired_interval_is_that_of_a_t_test() -> None:
    values, others = [13.4, 13.1, 13.6, 13.2], [13.3, 13.1, 13.4, 13.0]
    interval_of_test = stats.ttest_rel(values, others).confidence_interval(0.95)
    paired = paired_interval(values, others)
    assert (paired["low"], paired["high"]) == pytest.approx(tuple(interval_of_test))
    assert paired_interval([2.0], [0.5]) == {"mean": 1.5, "low": 1.5, "high": 1.5}


@pytest.mark.parametrize("seeds", [2, 3, 10])
def test_the_interval_over_few_seeds_covers_the_mean(seeds: int) -> None:
    samples = np.random.default_rng(seeds).normal(13.0, 2.0, (3000, seeds))
    found = [interval(sample.tolist()) for sample in samples]
    assert 0.935 <= np.mean([one["low"] <= 13.0 <= one["high"] for one in found]) <= 0.965


def test_the_published_tables_say_how_many_dialogues_each_learner_had() -> None:
    results = json.loads((GRIDS.parent.parent / "docs/benchmark/results.json").read_text())
    (noisy,) = (task for task in results["tasks"] if task["task"] == "auto/6/FakeUserConcert-v0")
    warm, filtered = noisy["agents"]["warm PPO"], noisy["agents"]["filter"]
    assert training(warm) == "29,837 + 100" and training(filtered) == "—"
    difference = filtered["figures"]["end"]["above_expert"]
    assert 0 < difference["low"] < difference["mean"] < difference["high"]
    header, _, *rows = task_table(noisy).splitlines()
    place = header.split(" | ").index("training dialogues")
    assert [row.split(" | ")[place] for row in rows if "warm PPO" in row] == ["29,837 + 100"]
    assert "PPO 14.04 (35,988)" in summary(results)


def test_the_protocol_changes_with_the_grid() -> None:
    protocols = {path.stem: load_grid(str(path)).protocol() for path in GRIDS.glob("*.yaml")}
    assert len(set(protocols.values())) == len(protocols) == 3
    cells = [*load_grid("full").cells(), *load_grid("offline").cells()]
    assert {cell.agent for cell in cells} >= set(agent_names())
