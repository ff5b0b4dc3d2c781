"""The commands `check` and `stories`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dialogue_gym import load_domain
from dialogue_gym.domain.sources import builtin_names
from dialogue_gym.stories import load
from tests import ROOT
from tests.commands import call

DOMAIN = """intents: [greet, order]
entities: [size]
slots:
  size: {type: categorical, values: [small, large]}
actions: [action_order]
responses:
  utter_greet: [{text: "Hello"}]
  utter_size: [{text: "Which size?"}]
fake_user:
  agenda: [{say: order, answer: action_order}]
  actions:
    action_order: {sets: {size: small}}
"""
STORIES = """## one
* greet
  - utter_greet
* order{"size": "lrge"}
  - action_ordr

## two
* greet
  - utter_size
"""
NLU = """nlu:
- intent: greet
  examples: |
    - hello
    - hi
- intent: ordr
  examples: |
    - a [small](sze) one
"""
ACTIONS = """
class Order:
    def name(self):
        return "action_order"

    def run(self, dispatcher, tracker, domain):
        return [{"event": "slot", "name": "size", "value": "large"}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (
        ("domain.yml", DOMAIN),
        ("stories.md", STORIES),
        ("nlu.yml", NLU),
        ("code.py", ACTIONS),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_every_problem_is_reported_with_its_place(folder: Path) -> None:
    result = call("check", "stories.md", "domain.yml", "nlu.yml", "--actions", "code.py", cwd=folder)
    assert result.returncode == 2 and result.stderr == ""
    lines = result.stdout.splitlines()

    def reports(place: str, *words: str) -> bool:
        return any(place in line and all(word in line for word in words) for line in lines)

    assert reports("error: stories.md:5:", "'action_ordr'", "did you mean 'action_order'?")
    assert reports("warning: stories.md:4:", "'lrge'", "did you mean 'large'?")
    assert reports("error: nlu.yml:8", "'ordr'", "did you mean 'order'?")
    assert reports("nlu.yml:8", "'sze'", "did you mean 'size'?")
    assert reports("warning: ", "code.py:", "action_order leaves the slot 'size' large", "declares small")
    assert lines[-1].split()[1] == "errors," and int(lines[-1].split()[0]) == sum(
        line.startswith("error:") for line in lines
    )


def test_unreadable_files_do_not_hide_other_errors(folder: Path) -> None:
    (folder / "broken.yml").write_text("intents: [a", encoding="utf-8")
    (folder / "other.yml").write_text("recipes: 1\n", encoding="utf-8")
    result = call("check", "broken.yml", "other.yml", "gone.md", "stories.md", cwd=folder)
    assert result.returncode == 2
    errors = [line for line in result.stdout.splitlines() if line.startswith("error:")]
    assert len(errors) == 3 and "broken.yml:2" in errors[0] and "gone.md: there is no such file" in errors[2]
    assert "neither a domain" in errors[1] and "it has 'recipes'" in errors[1]


def test_one_file_may_hold_everything(folder: Path) -> None:
    stories = "stories:\n- story: one\n  steps:\n  - intent: greet\n  - action: utter_gret\n"
    (folder / "all.yml").write_text(DOMAIN + NLU.replace("ordr", "order").replace("sze)", "size)") + stories)
    result = call("check", "all.yml", cwd=folder)
    assert [line for line in result.stdout.splitlines() if line.startswith("error:")] == [
        line for line in result.stdout.splitlines() if "'utter_gret'" in line
    ]
    assert result.returncode == 2


@pytest.mark.parametrize("name", builtin_names())
def test_files_of_built_in_domains_have_no_errors(name: str) -> None:
    path = ROOT / "dialogue_gym" / "domains" / name
    files = [path / file for file in ("nlu.yml", "nlu_test.yml", "stories.yml", "stories.md")]
    result = call("check", name, *(str(file) for file in files if file.exists()))
    assert result.returncode == 0, result.stdout
    warnings = [line for line in result.stdout.splitlines() if line.startswith("warning:")]
    assert all("different actions after the same observation" in line for line in warnings), warnings


def test_stories_are_converted_joined_counted_and_drawn(folder: Path) -> None:
    good = STORIES.replace("lrge", "large").replace("ordr", "order")
    (folder / "stories.md").write_text(good, encoding="utf-8")
    contradiction = call("check", "domain.yml", "stories.md", cwd=folder)
    assert contradiction.returncode == 0
    assert all(word in contradiction.stdout for word in ("utter_greet", "utter_size", "'one'", "'two'"))

    converted = call("stories", "convert", "stories.md", "--out", "stories.yml", cwd=folder)
    assert converted.stdout == "stories.yml: 2 stories\n"
    assert [story.steps for story in load(folder / "stories.yml")] == [
        story.steps for story in load(folder / "stories.md")
    ]
    printed = call("stories", "convert", "stories.yml", "--format", "markdown", cwd=folder).stdout
    assert printed.split() == good.split()

    words = ["stories", "join", "stories.md", "--domain", "domain.yml", "--rounds", "2", "--seed", "4"]
    joined = call(*words, cwd=folder)
    assert joined.stdout == call(*words, cwd=folder).stdout
    assert joined.stdout.count("- story:") > 2 and joined.stderr == ""
    (folder / "rules.yml").write_text("rules: [{rule: r, steps: [{intent: greet}, {action: utter_greet}]}]\n")
    assert call(*words, "rules.yml", cwd=folder).stderr == "(1 rule left out: keep the file with it)\n"

    counted = json.loads(call("stories", "stats", "stories.md", "--json", cwd=folder).stdout)
    assert counted["stories"] == 2 and counted["by_intent"] == {"greet": 2, "order": 1}
    table = call("stories", "stats", "stories.md", "--domain", "domain.yml", cwd=folder).stdout
    assert "stories: 2" in table and "utter_size" in table
    drawn = call("stories", "graph", "stories.md", cwd=folder).stdout
    assert drawn.startswith("flowchart ") and drawn.count("utter_greet") == 1


def test_stories_replace_only_stories_as_they_were_written(folder: Path) -> None:
    good = STORIES.replace("lrge", "large").replace("ordr", "order")
    (folder / "stories.md").write_text(good, encoding="utf-8")
    for words in (["convert", "stories.md"], ["join", "stories.md", "--domain", "domain.yml"]):
        for out in ("new.yml", "new.md", "new.txt"):
            for _ in range(2):
                done = call("stories", *words, "--out", out, cwd=folder)
                assert done.returncode == 0, done.stderr
    for _ in range(2):
        assert call("stories", "graph", "stories.md", "--out", "graph.mmd", cwd=folder).returncode == 0
    with (folder / "new.yml").open("a") as stream:
        stream.write("# edited\n")
    for command, out in (
        ("convert", "domain.yml"), ("convert", "new.yml"), ("convert", "graph.mmd"),
        ("graph", "domain.yml"), ("graph", "new.txt"),
    ):  # fmt: skip
        before = (folder / out).read_bytes()
        done = call("stories", command, "stories.md", "--out", out, cwd=folder)
        assert done.returncode == 2 and f"{out}: this file exists, and is not a" in done.stderr
        assert (folder / out).read_bytes() == before


def test_files_are_written_atomically(folder: Path) -> None:
    out = folder / "out.yml"
    out.write_text("as it was")
    (folder / "stories.md").write_text("## one\n* greet{\n")
    result = call("stories", "convert", "stories.md", "--out", "out.yml", cwd=folder)
    assert result.returncode == 2 and result.stderr.startswith("error: stories.md:2: ")
    assert out.read_text() == "as it was"
    result = call("stories", "convert", "stories.md", "--format", "yml", cwd=folder)
    assert result.returncode == 2
    assert sorted(path.name for path in folder.iterdir() if path.name.startswith(".")) == []


def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise ImportError('no typer', name='typer')")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from dialogue_gym.cli import main; main()"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr == 'error: typer is missing: pip install "dialogue_gym[teach]" installs it\n'


def test_checked_domain_is_the_loaded_one() -> None:
    assert {load_domain(name).name for name in builtin_names()} == set(builtin_names())


def test_files_of_a_folder_are_checked_together(folder: Path) -> None:
    data = folder / "data"
    data.mkdir()
    for name in ("stories.md", "nlu.yml"):
        (folder / name).rename(data / name)
    (folder / "README.md").write_text("## About\n\n* one thing\n* another\n", encoding="utf-8")
    (folder / "responses.yml").write_text("responses: {utter_bye: [Bye]}\n", encoding="utf-8")
    (data / "more.yml").write_text(
        "stories:\n- {story: three, steps: [{intent: order}, {action: utter_bye}]}\n"
    )
    result = call("check", ".", cwd=folder)
    lines = result.stdout.splitlines()
    assert result.returncode == 2 and lines[-1] == "3 errors, 3 warnings"
    assert {line.split(":")[1].strip() for line in lines[:-1]} == {
        "domain.yml",
        "data/nlu.yml",
        "data/stories.md",
    }
    named = call("check", "domain.yml", "responses.yml", "data", cwd=folder)
    assert named.stdout.replace("./", "") == result.stdout.replace("./", "")
    parts = DOMAIN.partition("fake_user:")
    (folder / "domain.yml").write_text(parts[0], encoding="utf-8")
    (folder / "user.yml").write_text("".join(parts[1:]), encoding="utf-8")  # it needs the other file
    assert call("check", ".", cwd=folder).stdout == result.stdout
    (folder / "empty").mkdir()
    empty = call("check", "empty", cwd=folder)
    assert empty.returncode == 2 and "empty: no domain, stories or NLU examples" in empty.stdout


def test_strict_check_takes_warnings_for_errors(tmp_path: Path) -> None:
    (tmp_path / "domain.yml").write_text("synonyms: [a]\nintents: [greet]\n")
    plain, strict = (call("check", *words, "domain.yml", cwd=tmp_path) for words in ((), ("--strict",)))
    assert (plain.returncode, strict.returncode) == (0, 2)
    assert plain.stdout.startswith("warning: domain.yml:1: unknown key 'synonyms'")
    assert strict.stdout == plain.stdout.replace("warning:", "error:").replace(
        "0 errors, 1 warning", "1 error, 0 warnings"
    )


FAILING = """
class Down:
    def name(self): return "action_boom"
    def run(self, dispatcher, tracker, domain): raise RuntimeError("the service is down")

class Town(Down):
    def name(self): return "action_town"
    def run(self, dispatcher, tracker, domain): return [{"event": "slot", "name": "town", "value": 1}]

class NeedsSlots(Down):
    def name(self): return "action_size"
    def run(self, dispatcher, tracker, domain): return [] if tracker.get_slot("size").upper() else None
"""


def test_check_runs_all_actions(tmp_path: Path) -> None:
    slots = "slots: {size: {type: categorical, values: [small, large]}}"
    (tmp_path / "domain.yml").write_text(
        f"intents: [go]\n{slots}\nactions: [action_boom, action_town, action_size]\n"
    )
    (tmp_path / "actions.py").write_text(FAILING)
    result = call("check", "domain.yml", "--actions", "actions.py", cwd=tmp_path)
    boom, town, size, count = result.stdout.splitlines()
    assert boom.startswith("error: ") and "action_boom: " in boom and "the service is down" in boom
    assert town.startswith("error: ") and "unknown slot 'town'" in town
    assert size.startswith("warning: ") and "action_size: " in size and "(at the start)" in size
    assert count == "2 errors, 1 warning" and result.returncode == 2
    dead = call("check", "domain.yml", "--actions", "http://127.0.0.1:9/", cwd=tmp_path)
    assert dead.returncode == 2 and dead.stdout.count("error: http://127.0.0.1:9") == 3
