"""What the README says is what happens: its code and commands are run, its figures computed."""

from __future__ import annotations

import inspect
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import yaml

import dialogue_gym
from agents.benchmark import live as live_benchmark
from agents.benchmark.grid import load_grid
from agents.benchmark.live import DOMAINS
from agents.benchmark.tables import report, summary
from agents.benchmark.teaching import table
from agents.config import agent_names
from agents.exact.solver import solve
from agents.speed.table import markdown
from dialogue_gym import DialogueEnv
from tests import ROOT
from tests.conftest import BUILT_IN, make
from tests.web.servers import served

README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


COMMANDS = [
    line.split("#")[0].strip() for block in blocks("sh") for line in block.splitlines() if line.strip()
]
AGENTS = [command for command in COMMANDS if command.startswith("python -m agents")]
WORDS = [command for command in COMMANDS if command.startswith("dialogue-gym ")]
TEACHING = [command for command in AGENTS if " teach-benchmark " in command]
BENCHMARKS = [command for command in AGENTS if " benchmark " in command]
BENCHMARK = ROOT / "docs/benchmark"


def run(words: list[str], cwd: Path, seconds: int = 300, typed: str = "") -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        words,
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
        input=typed,
    )
    assert result.returncode == 0, result.stderr
    return result


def test_every_command_is_of_a_kind_that_is_tested_here() -> None:
    assert COMMANDS and AGENTS
    others = {command for command in COMMANDS if command not in AGENTS and command not in WORDS}
    assert all(command.startswith(("make ", "pip install ")) for command in others), others


def test_the_python_blocks_run_one_after_the_other(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {}
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), names)
    assert "--- success after" in capsys.readouterr().out


def test_the_agents_commands_run(tmp_path: Path) -> None:
    for command in AGENTS:
        if command in BENCHMARKS or command in TEACHING:
            continue
        words = shlex.split(command)
        result = run([sys.executable, *words[1:]], tmp_path)
        if "--json" in words:
            figures = json.loads(result.stdout)
            assert figures["success_rate"] > 0.98
            assert figures["mean_return"] > 0.98 * figures["bound_return"]
    assert (tmp_path / "out/dqn/model.zip").exists()


def test_the_chats_go_as_they_are_shown(tmp_path: Path) -> None:
    chats = {block.split(",")[0]: block for block in blocks("text") if "you > " in block}
    commands = [shlex.split(command) for command in WORDS if command.split()[1] == "chat"]
    assert [words[2] for words in commands] == list(chats)
    for words in commands:
        shown = chats[words[2]]
        typed = "".join(f"{line}\n" for line in re.findall(r"^you > (.*)$", shown, re.MULTILINE))
        assert run([sys.executable, "-m", "dialogue_gym", *words[1:]], tmp_path, typed=typed).stdout == shown


def test_the_commands_for_stories_and_teaching_run(tmp_path: Path) -> None:
    shutil.copy(ROOT / "dialogue_gym/domains/concert/stories.md", tmp_path)
    (tmp_path / "out").mkdir()
    for command in WORDS:
        if command.split()[1] not in ("chat", "web"):
            run([sys.executable, "-m", "dialogue_gym", *shlex.split(command)[1:]], tmp_path)
    made = {path.name for path in tmp_path.iterdir()}
    assert {"stories.yml", "joined.yml", "restaurant-teaching", "concert-teaching"} <= made


def test_the_pages_in_the_browser_are_served(tmp_path: Path) -> None:
    commands = [shlex.split(command) for command in WORDS if command.split()[1] == "web"]
    assert commands
    for number, words in enumerate(commands):
        options = words[3 : words.index("--port") if "--port" in words else None]  # another one is free
        with (
            served(tmp_path / str(number), *options, domain=words[2]) as server,
            urllib.request.urlopen(server.address()) as page,
        ):
            assert page.status == 200


def test_the_benchmark_of_teaching_runs(tmp_path: Path) -> None:
    (command,) = TEACHING
    words = shlex.split(command.replace("--seeds 20", "--seeds 1 --dialogues 60"))
    run([sys.executable, *words[1:]], tmp_path)
    folder = tmp_path / "out/teaching-benchmark"
    results = json.loads((folder / "teaching.json").read_text(encoding="utf-8"))
    assert len(results) == 9 and all(result["success_rate_unseen"] > 0.95 for result in results)
    assert (folder / "teaching.png").stat().st_size > 10_000


def test_the_table_of_teaching_is_that_of_its_results() -> None:
    results = json.loads((ROOT / "docs/teaching/teaching.json").read_text(encoding="utf-8"))
    assert (ROOT / "docs/teaching/teaching.md").read_text(encoding="utf-8") == table(results)
    assert table(result for result in results if not result["error_rate"]).strip() in README


def test_the_table_of_live_learning_is_that_of_its_results() -> None:
    results = json.loads((ROOT / "docs/live/live.json").read_text(encoding="utf-8"))
    shown = live_benchmark.table(results, {domain: live_benchmark.optimum(domain) for domain in DOMAINS})
    assert (ROOT / "docs/live/live.md").read_text(encoding="utf-8") == shown
    assert shown.strip() in README


@pytest.mark.slow
def test_the_benchmark_of_live_learning_runs(tmp_path: Path) -> None:
    words = ["agents", "live-benchmark", "--out", "out/live", "--seeds", "1", "--dialogues", "100"]
    run([sys.executable, "-m", *words], tmp_path, seconds=1200)
    results = json.loads((tmp_path / "out/live/live.json").read_text(encoding="utf-8"))
    assert len(results) == 4
    for result in results:
        assert result["success_rates"][0] < 0.6 and len(result["success_rates"]) == 5
        assert len(result["successes"]) == 100
    assert (tmp_path / "out/live/live.png").stat().st_size > 10_000


def test_the_make_targets_exist_and_the_demo_shows_what_it_promises(tmp_path: Path) -> None:
    targets = re.findall(r"(?:`|^)make ([\w-]+)", README, re.MULTILINE)
    assert {"demo", "test", "test-slow", "bench", "bench-web"} == set(targets)
    for target in targets:
        printed = run(["make", "--dry-run", "--always-make", target], ROOT).stdout
        if target == "demo":
            assert "-m agents demo" in printed
    shown = run([sys.executable, "-m", "agents", "demo", "--out", str(tmp_path / "demo")], tmp_path).stdout
    for row in ("random", "expert", "PPO", "solver", "bound"):
        assert re.search(rf"^│ {row} ", shown, re.MULTILINE), row
    assert re.search(r"PPO +│ +(100.0|99.\d)%", shown)
    assert "--- success after" in shown
    picture = re.search(r"The learning curve: (.*png)", shown)
    assert picture and Path(picture[1]).stat().st_size > 10_000


def test_the_pip_commands_work(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "dialogue_gym", tmp_path / "dialogue_gym")
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    for command in COMMANDS:
        if command.startswith("pip install"):
            options = ["--no-deps", "--no-build-isolation", "--target", str(tmp_path / "site"), "--upgrade"]
            run([sys.executable, "-m", *shlex.split(command), *options], tmp_path)
    assert (tmp_path / "site/dialogue_gym/domains/concert/domain.yml").exists()


def test_the_arguments_are_those_of_the_environment() -> None:
    table = re.findall(r"^\| `(\w+)` \| (`[^`]*`|[^|]*) \|", README, re.MULTILINE)
    parameters = dict(inspect.signature(DialogueEnv).parameters)
    parameters.pop("domain")
    assert [name for name, _ in table] == [
        "turn_taking", "semantic_error_rate", "user", "patience", "informativeness", "indecisiveness",
        "correction_rate", "max_history", "reward", "max_episode_steps", "render_mode",
    ]  # fmt: skip
    assert {name for name, _ in table} == set(parameters)
    for name, default in table:
        if parameters[name].default is not None or name == "render_mode":
            assert default.strip("`").strip('"') == str(parameters[name].default)


@pytest.mark.parametrize("env_id", BUILT_IN)
def test_the_figures_of_the_solver_are_computed(env_id: str) -> None:
    row = re.search(rf"\| `{env_id}` \| ([\d.]+) \| ([\d.]+) \|", README)
    assert row
    solution = solve(make(env_id))
    assert (row[1], row[2]) == (f"{solution.upper:.3f}", f"{solution.lower.mean_return:.3f}")


def test_every_agent_is_named() -> None:
    assert all(f"`{name}`" in README for name in agent_names())


def test_the_figures_of_speed_are_those_of_one_run() -> None:
    result = json.loads((ROOT / "docs/speed.json").read_text(encoding="utf-8"))
    assert markdown(result).strip() in README


def test_the_table_of_the_benchmark_is_that_of_its_results() -> None:
    results = json.loads((BENCHMARK / "results.json").read_text(encoding="utf-8"))
    assert summary(results) in README
    markdown = (BENCHMARK / "results.md").read_text(encoding="utf-8")
    assert markdown == report(results, "python -m agents benchmark full --out docs/benchmark")
    assert results["protocol"] == load_grid("full").protocol()  # else these are results of another one


def test_the_report_of_the_benchmark_can_be_made_again(tmp_path: Path) -> None:
    (command,) = (command for command in BENCHMARKS if "--report" in command)
    shutil.copytree(BENCHMARK, tmp_path / "docs/benchmark")
    (tmp_path / "docs/benchmark/results.json").unlink()
    run([sys.executable, *shlex.split(command)[1:]], tmp_path)
    again, shown = (
        json.loads((folder / "docs/benchmark/results.json").read_text(encoding="utf-8"))
        for folder in (tmp_path, ROOT)
    )
    assert again == shown | {"made": again["made"]}


@pytest.mark.slow
def test_the_quick_benchmark_runs(tmp_path: Path) -> None:
    (command,) = (command for command in BENCHMARKS if "--report" not in command)
    run([sys.executable, *shlex.split(command)[1:]], tmp_path, seconds=1800)
    results = json.loads((tmp_path / "out/quick/results.json").read_text(encoding="utf-8"))
    for task in results["tasks"]:
        if task["environment"] == "1":
            for name in ("Q-table", "DQN", "PPO", "cloning"):
                figures = task["agents"][name]["figures"]["end"]
                assert figures["mean_return"]["low"] > 0.95 * task["exact"]["bound"], name


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == dialogue_gym.__version__


@pytest.mark.slow
def test_the_bench_measures_what_the_readme_shows(tmp_path: Path) -> None:
    words = [
        sys.executable,
        "-m",
        "agents.speed.environments",
        "--rounds",
        "1",
        "--seeds",
        "1",
        "--out",
        str(tmp_path),
    ]
    printed = run(words, tmp_path).stdout
    measured = json.loads((tmp_path / "speed.json").read_text(encoding="utf-8"))
    shown = json.loads((ROOT / "docs/speed.json").read_text(encoding="utf-8"))
    assert {key: set(value) for key, value in measured.items() if isinstance(value, dict)} == {
        key: set(value) for key, value in shown.items() if isinstance(value, dict)
    }
    assert (tmp_path / "speed.md").read_text(encoding="utf-8") in printed


@pytest.mark.slow
def test_the_figures_with_noise_are_computed() -> None:
    row = re.search(r"error rate 0.30 the restaurant\s+has ([\d.]+) and ([\d.]+)", README)
    assert row
    solution = solve(make(BUILT_IN[0], semantic_error_rate=0.3))
    assert (row[1], row[2].rstrip(".")) == (f"{solution.upper:.2f}", f"{solution.lower.mean_return:.2f}")
