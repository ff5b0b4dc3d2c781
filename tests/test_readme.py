"""README.md and its pages in docs/: their code and commands run, and their figures are computed."""

from __future__ import annotations

import inspect
import json
import re
import shlex
import shutil
import sys
import urllib.request
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

import dialogue_gym
from agents.benchmark import live as live_benchmark
from agents.benchmark.grid import load_grid
from agents.benchmark.live import DOMAINS
from agents.benchmark.tables import report, summary
from agents.benchmark.teaching import table
from agents.speed.table import markdown
from dialogue_gym import DialogueEnv
from dialogue_gym.bounds.upper_bound import bound
from dialogue_gym.exact import solve
from dialogue_gym.live import startup
from dialogue_gym.training.configuration import agent_names
from tests import ROOT
from tests.commands import dialogue_gym as run_here
from tests.commands import run
from tests.conftest import BUILT_IN, make
from tests.pages import texts
from tests.test_architecture import LAYERS, arrows, layer
from tests.testing.servers import Waiter, bot_server
from tests.web.servers import served

README, ENVIRONMENTS, TRAIN, CHAT, TEACH, RESULTS, SPEED, LANGUAGE_MODELS, TESTING, VERDICTS = PAGES = (
    "README.md", "docs/environments.md", "docs/train.md", "docs/chat.md", "docs/teach.md", "docs/results.md",
    "docs/speed.md", "docs/language-models.md", "docs/testing-bots.md", "docs/verdicts.md",
)  # fmt: skip
MORE = ("docs/comparison.md", "docs/domain-files.md", "docs/in-words.md")
"""Pages whose code runs here, too."""
RUN_BY = {
    "docs/datasets.md": "tests/datasets/test_page.py",
    "docs/fitting.md": "tests/fitting/test_page.py",
    "docs/hub.md": "tests/hub/test_hub.py",
    "docs/index.md": "tests/docs/test_guides.py",
    "docs/leaderboard.md": "tests/agents/test_leaderboard.py",
    "docs/learning-from-logs.md": "tests/cli/test_store.py",
    "docs/live.md": "tests/live/test_page.py",
    "docs/play.md": "tests/play/test_dialog.py",
    "docs/search-users.md": "tests/agents/search/test_report.py",
    "docs/serving.md": "tests/web/test_containers.py",
    "docs/teachers.md": "tests/docs/test_guides.py",
    "docs/your-domain.md": "tests/docs/test_guides.py",
}
"""The tests that run the code of other pages."""
BENCHMARK = ROOT / "docs/benchmark"


@cache
def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


LINES = [line for page in PAGES + MORE for block in texts(page, "sh") for line in block.splitlines()]
COMMANDS = list(dict.fromkeys(line.split("#")[0].strip() for line in LINES if line.strip()))
AGENTS = [command for command in COMMANDS if command.startswith("python -m agents")]
WORDS = [command for command in COMMANDS if command.startswith("dialogue-gym ")]
TEACHING = [command for command in AGENTS if " teach-benchmark " in command]
BENCHMARKS = [command for command in AGENTS if " benchmark " in command]


def test_every_kind_of_command_is_tested() -> None:
    assert COMMANDS and AGENTS
    others = {command for command in COMMANDS if command not in AGENTS and command not in WORDS}
    # tests/test_package.py runs those of pip
    assert all(command.startswith(("make ", "pip install ")) for command in others), others


def test_the_code_of_every_page_is_run() -> None:
    for path in ROOT.glob("docs/*.md"):
        page = f"docs/{path.name}"
        if page not in PAGES + MORE and (texts(page, "python") or texts(page, "sh")):
            runner = RUN_BY.get(page)
            assert runner and path.name in text(runner), f"no test runs the code of {page}"


def test_the_readme_is_short() -> None:
    assert len(text(README).splitlines()) <= 200


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("docs/**/*.md")), ids=str)
def test_links_have_targets(page: Path) -> None:
    text = re.sub(
        r"```.*?```|`[^`]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL
    )  # code has none
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = link.partition("#")
        if not path.startswith(("http://", "https://")):
            target = (page.parent / path).resolve() if path else page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


def test_readme_code_prints_the_shown_dialogue(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {}
    for block in texts(README, "python"):
        exec(compile(block, README, "exec"), names)
    assert capsys.readouterr().out == texts(README, "text")[0]


@pytest.mark.parametrize("page", [page for page in (*PAGES[1:], *MORE) if texts(page, "python")])
def test_the_python_of_each_page_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "path/to").mkdir(parents=True)
    shutil.copy(ROOT / "dialogue_gym/domains/restaurant/domain.yml", tmp_path / "path/to")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in texts(page, "python"):
        exec(compile(block, page, "exec"), names)


def test_map_matches_the_imports() -> None:
    rows = [
        [box.replace(",", " ").split() for box in re.findall(r"│ ([\w, ]+?) │", line)]
        for line in text(README).splitlines()
        if "→" in line
    ]
    flat = [name for row in rows for box in row for name in box]
    assert [len(row) for row in rows] == [5, 5] and set(flat) <= set(LAYERS)
    imports = {(layer(module), layer(other)) for module, targets in arrows().items() for other in targets}
    for row in rows:
        for left, right in pairwise(row):
            assert any((user, used) in imports for user in right for used in left), (left, right)
    assert ("conversation", "domain") in imports


@pytest.mark.slow
def test_the_commands_of_agents_run(tmp_path: Path) -> None:
    for command in AGENTS:
        if command in BENCHMARKS or command in TEACHING:
            continue
        words = shlex.split(command)
        if "--agent dqn" in command:  # it is only shown to run, and few steps do
            words += ["--steps", "300", "--dialogues", "50"]
        if " bounds " in command:
            words += ["--users", "2", "--dialogues", "50"]
        result = run([sys.executable, *words[1:]], tmp_path)
        if "--json" in words:
            figures = json.loads(result.stdout)
            assert figures["success_rate"] > 0.98
            assert figures["mean_return"] > 0.98 * figures["bound_return"]
    assert (tmp_path / "out/dqn/agent.json").exists()


def test_chats_match_their_transcripts(tmp_path: Path) -> None:
    chats = {block.split(",")[0]: block for block in texts(CHAT, "text") if "you > " in block}
    commands = [shlex.split(command) for command in WORDS if command.split()[1] == "chat"]
    assert [words[2] for words in commands] == list(chats)
    for words in commands:
        shown = chats[words[2]]
        typed = "".join(f"{line}\n" for line in re.findall(r"^you > (.*)$", shown, re.MULTILINE))
        assert run_here(*words[1:], cwd=tmp_path, typed=typed) == shown


def test_story_and_teaching_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup, "UPDATES", 300)  # enough for a learner that begins with an agent to run
    shutil.copy(ROOT / "dialogue_gym/domains/concert/stories.md", tmp_path)
    shutil.copytree(ROOT / "agents/domains", tmp_path / "agents/domains")
    (tmp_path / "out").mkdir()
    for command in WORDS:
        if command.split()[1] not in ("chat", "serve", "test"):
            few = (
                ["--steps", "300", "--dialogues", "20", "--bound", "none"]
                if command.split()[1] == "train"
                else []
            )
            run_here(*shlex.split(command)[1:], *few, cwd=tmp_path)
    made = {path.name for path in tmp_path.iterdir()}
    assert {"stories.yml", "joined.yml", "restaurant-teaching", "concert-teaching"} <= made


def test_the_commands_that_test_a_bot_run(tmp_path: Path) -> None:
    workflow = yaml.safe_load(texts(TESTING, "yaml")[0])
    steps = [step["run"] for step in workflow["jobs"]["test"]["steps"] if "run" in step]
    shown = [command for command in (*WORDS, *steps) if command.startswith("dialogue-gym test ")]
    assert len(shown) == 2
    shutil.copy(ROOT / "dialogue_gym/domains/restaurant/domain.yml", tmp_path)
    with bot_server(Waiter().reply) as server:
        for command in shown:
            words = shlex.split(command.replace("http://localhost:5005", server.url))
            run_here(*words[1:], "--dialogues", "10", cwd=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"domain.yml", "bot.xml", "bot.html"}


@pytest.mark.slow
def test_the_pages_in_the_browser_are_served(tmp_path: Path) -> None:
    commands = [shlex.split(command) for command in WORDS if command.split()[1] == "serve"]
    assert commands
    for number, words in enumerate(commands):
        options = words[3 : words.index("--port") if "--port" in words else None]  # another one is free
        with (
            served(tmp_path / str(number), *options, domain=words[2]) as server,
            urllib.request.urlopen(server.address()) as page,
        ):
            assert page.status == 200


@pytest.mark.slow
def test_the_teaching_benchmark_runs(tmp_path: Path) -> None:
    command, searching = TEACHING
    words = shlex.split(command.replace("--seeds 20", "--seeds 1 --dialogues 60"))
    run([sys.executable, *words[1:]], tmp_path)
    folder = tmp_path / "out/teaching-benchmark"
    results = json.loads((folder / "teaching.json").read_text(encoding="utf-8"))
    assert len(results) == 9 and all(result["success_rate_unseen"] > 0.95 for result in results)
    assert (folder / "teaching.png").stat().st_size > 10_000
    words = shlex.split(searching.replace("--dialogues 60", "--dialogues 5"))
    run([sys.executable, *words[1:]], tmp_path)
    results = json.loads((tmp_path / "out/teaching-search/teaching.json").read_text(encoding="utf-8"))
    assert {(one["domain"], one["start"]) for one in results} == {
        (name, start) for name in ("city", "hotel", "laptop") for start in ("scratch", "stories")
    }


def test_the_table_of_teaching_comes_from_its_results() -> None:
    results = json.loads((ROOT / "docs/teaching/teaching.json").read_text(encoding="utf-8"))
    assert (ROOT / "docs/teaching/teaching.md").read_text(encoding="utf-8") == table(results)
    assert table(result for result in results if not result["error_rate"]).strip() in text(RESULTS)
    results = json.loads((ROOT / "docs/teaching/search.json").read_text(encoding="utf-8"))
    assert (ROOT / "docs/teaching/search.md").read_text(encoding="utf-8") == table(results)
    assert table(results).strip() in text(RESULTS)


@pytest.mark.slow
def test_the_table_of_live_learning_comes_from_its_results() -> None:
    results = json.loads((ROOT / "docs/live/live.json").read_text(encoding="utf-8"))
    shown = live_benchmark.table(results, {domain: live_benchmark.optimum(domain) for domain in DOMAINS})
    assert (ROOT / "docs/live/live.md").read_text(encoding="utf-8") == shown
    assert shown.strip() in text(RESULTS)


@pytest.mark.slow
def test_the_live_benchmark_runs(tmp_path: Path) -> None:
    words = ["agents", "live-benchmark", "--out", "out/live", "--seeds", "1", "--dialogues", "50"]
    run([sys.executable, "-m", *words], tmp_path, seconds=1200)
    results = json.loads((tmp_path / "out/live/live.json").read_text(encoding="utf-8"))
    assert len(results) == 4
    for result in results:
        assert result["success_rates"][0] < 0.6 and len(result["success_rates"]) == 3
        assert len(result["successes"]) == 50
    assert (tmp_path / "out/live/live.png").stat().st_size > 10_000


def test_the_make_targets_exist() -> None:
    targets = re.findall(r"(?:`|^)(?:CI=true )?make ([\w-]+)", text(README) + text(SPEED), re.MULTILINE)
    assert {"demo", "test", "test-slow", "bench", "bench-web"} == set(targets)
    for target in targets:
        printed = run(["make", "--dry-run", "--always-make", target], ROOT).stdout
        if target == "demo":
            assert "-m agents demo" in printed


@pytest.mark.slow
def test_the_demo_compares_the_agents(tmp_path: Path) -> None:
    shown = run([sys.executable, "-m", "agents", "demo", "--out", str(tmp_path / "demo")], tmp_path).stdout
    for row in ("random", "expert", "PPO", "solver", "bound"):
        assert re.search(rf"^│ {row} ", shown, re.MULTILINE), row
    assert re.search(r"PPO +│ +(100.0|99.\d)%", shown)
    assert "--- success after" in shown
    picture = re.search(r"The learning curve: (.*png)", shown)
    assert picture and Path(picture[1]).stat().st_size > 10_000


def test_the_table_of_arguments_has_every_argument_and_default() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (`[^`]*`|[^|]*) \|", text(ENVIRONMENTS), re.MULTILINE)
    parameters = dict(inspect.signature(DialogueEnv).parameters)
    parameters.pop("domain")
    assert {name for name, _ in rows} == set(parameters) and len(rows) == len(parameters)
    for name, default in rows:
        if parameters[name].default is not None or name == "render_mode":
            assert default.strip("`").strip('"') == str(parameters[name].default)


@pytest.mark.slow
@pytest.mark.parametrize("env_id", BUILT_IN)
def test_the_figures_of_the_solver_are_computed(env_id: str) -> None:
    row = re.search(rf"\| `{env_id}` \| ([\d.]+) \| ([\d.]+) \|", text(TRAIN))
    assert row
    solution = solve(make(env_id))
    assert (row[1], row[2]) == (f"{solution.upper:.3f}", f"{solution.lower.mean_return:.3f}")


def test_every_agent_is_named() -> None:
    assert all(f"`{name}`" in text(TRAIN) for name in agent_names())


def test_speed_figures_come_from_one_run() -> None:
    result = json.loads((ROOT / "docs/speed.json").read_text(encoding="utf-8"))
    assert markdown(result).strip() in text(SPEED)


def test_the_table_of_the_benchmark_comes_from_its_results() -> None:
    results = json.loads((BENCHMARK / "results.json").read_text(encoding="utf-8"))
    assert summary(results) in text(RESULTS)
    page = (BENCHMARK / "results.md").read_text(encoding="utf-8")
    assert page == report(results, "python -m agents benchmark full --out docs/benchmark")
    assert results["protocol"] == load_grid("full").protocol()  # else the results belong to another protocol


@pytest.mark.slow
def test_benchmark_report_is_reproducible(tmp_path: Path) -> None:
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
    (command,) = (command for command in BENCHMARKS if " quick " in command)
    run([sys.executable, *shlex.split(command)[1:]], tmp_path, seconds=1800)
    results = json.loads((tmp_path / "out/quick/results.json").read_text(encoding="utf-8"))
    for task in results["tasks"]:
        if task["environment"] == "1":
            for name in ("Q-table", "DQN", "PPO", "cloning"):
                figures = task["agents"][name]["figures"]["end"]
                assert min(figures["returns"]) > 0.95 * task["exact"]["bound"], name
    assert {task["task"] for task in results["tasks"]} == {
        f"auto/1/{BUILT_IN[0]}", f"auto/1/{BUILT_IN[1]}", f"auto/6/{BUILT_IN[1]}",
    }  # fmt: skip


@pytest.mark.slow
def test_the_bound_with_noise_is_computed() -> None:
    row = re.search(r"error rate 0.30 the restaurant\s+has ([\d.]+), and ([\d.]+)", text(TRAIN))
    computed = bound(make(BUILT_IN[0], semantic_error_rate=0.3))
    assert row and row[1] == f"{computed:.2f}"
    published = noisy(json.loads(text("docs/benchmark/results.json")))
    assert published["exact"]["bound"] == pytest.approx(computed, abs=1e-6)


def noisy(results: dict[str, Any]) -> dict[str, Any]:
    """The restaurant with the most noise."""
    (task,) = (task for task in results["tasks"] if task["task"] == f"auto/6/{BUILT_IN[0]}")
    return task  # type: ignore[no-any-return]


def test_the_best_known_return_on_the_observation_is_the_benchmarks() -> None:
    task = noisy(json.loads(text("docs/benchmark/results.json")))
    without_memory = (agent for name, agent in task["agents"].items() if name != "filter")
    best = max(agent["figures"]["end"]["mean_return"]["mean"] for agent in without_memory)
    assert f"and {best:.2f} by the best" in text(TRAIN)


def test_the_citation_has_this_version() -> None:
    citation = yaml.safe_load(text("CITATION.cff"))
    assert citation["version"] == dialogue_gym.__version__


@pytest.mark.slow
def test_bench_measures_the_published_figures(tmp_path: Path) -> None:
    options = ["--rounds", "1", "--seeds", "1", "--out", str(tmp_path)]
    printed = run([sys.executable, "-m", "agents.speed.environments", *options], tmp_path).stdout
    measured = json.loads((tmp_path / "speed.json").read_text(encoding="utf-8"))
    shown = json.loads((ROOT / "docs/speed.json").read_text(encoding="utf-8"))
    assert {key: set(value) for key, value in measured.items() if isinstance(value, dict)} == {
        key: set(value) for key, value in shown.items() if isinstance(value, dict)
    }
    assert (tmp_path / "speed.md").read_text(encoding="utf-8") in printed
