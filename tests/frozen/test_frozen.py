"""Files of version 0.1.0 are still read: stores, checkpoints, exported files, agents, requests of front ends.

README.md describes the files. `expected.json` holds what version 0.1.0 read from them; its texts are compared
by their data (names, numbers, messages), so that their wording can improve.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.training import load as load_trained
from dialogue_gym import DialogueEnv, load_domain
from dialogue_gym.journal import History, Store
from dialogue_gym.live.checkpoints import checkpoints_of
from dialogue_gym.live.policy import store_agent
from dialogue_gym.live.startup import start_or_resume
from dialogue_gym.nlu.examples import read_examples
from dialogue_gym.policies import ActionMask
from dialogue_gym.sb3 import MaskedDQN, MaskedDQNPolicy
from dialogue_gym.teaching.policy import taught_agent
from tests.commands import dialogue_gym
from tests.frozen.files import HERE, folder

__all__ = ["folder"]

STORES = {"pizza": "pizza.yml", "pizza-live": "pizza.yml", "restaurant": "restaurant", "human-reward": ""}
TYPED = ["hello", "a large pizza please", "yes", "?", "/thank", "?", '/order{"diet": "vegan"}', "?"]
BOOKING = ['/inform{"cuisine": "french"}', "?", "/affirm"]


@pytest.fixture(scope="module")
def expected() -> Any:
    return json.loads((HERE / "expected.json").read_text(encoding="utf-8"))


def run(folder: Path, *words: str, typed: str = "") -> str:
    return dialogue_gym(*words, cwd=folder, typed=typed)


def as_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


def close(found: Any, wanted: Any) -> bool:
    """Return whether values are the same, numbers up to rounding."""
    if isinstance(wanted, float) and isinstance(found, (int, float)):
        return abs(found - wanted) <= 1e-3 * max(1.0, abs(wanted))
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(close, found, wanted))
    if isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(close(found[key], wanted[key]) for key in wanted)
    return bool(found == wanted)


def listed(text: str) -> list[list[str]]:
    """Return the rows of `store list` or `store ratings`, without their heading and dates."""
    rows = [re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "", line) for line in text.splitlines()[1:]]
    return [row.split() for row in rows if re.search(r"\d", row)]


def shown(text: str) -> list[list[str]]:
    """Return the messages, acts and corrections that `store show` prints."""
    rows = []
    for line in text.splitlines():
        if match := re.match(r"(user|bot) +(.*?)(?: {2,}(\S.*))?$", line):
            rows.append([match[1], re.sub(r"^\(.*\)$", "", match[2]), match[3] or ""])
        elif line.lstrip().startswith("^"):
            rows.append(["corrected", line.split()[-1]])
        elif line.startswith("---"):
            rows.append(re.findall(r"success|failure|truncated|\d+", line))
    return rows


@pytest.mark.parametrize("name", STORES)
def test_stores_are_listed_and_shown(name: str, folder: Path, expected: Any) -> None:
    for command, text in expected["looked_at"][name].items():
        found = run(folder, "store", *command.split(" ", 1), "--store", name)
        if command in ("list", "ratings"):
            assert listed(found) == listed(text), command
        elif command == "rollback":
            assert [line.split()[0] for line in found.splitlines()] == [
                line.split()[0] for line in text.splitlines()
            ]
        elif command.startswith("show"):
            assert shown(found) == shown(text) != [], command
        else:
            assert command == "check" and len(found.splitlines()) == len(text.splitlines())


def test_no_entry_of_a_journal_is_lost(folder: Path, expected: Any) -> None:
    for name in STORES:
        with Store(folder / name, create=False, read_only=True) as store:
            entries = list(store.entries())
            found = {
                "kinds": dict(sorted(Counter(entry.kind for entry in entries).items())),
                "authors": dict(sorted(Counter(entry.author for entry in entries).items())),
                "conversations": [one.id for one in store.conversations()],
                "ratings": [[one.conversation, one.author, one.content] for one in store.ratings()],
                "unfinished": store.unfinished("live"),
                "domain": store.domain and store.domain.source,
            }
        assert as_json(found) == expected["kept"][name], name


@pytest.mark.parametrize("name", ["pizza", "restaurant"])
def test_taught_decisions_are_proposed(name: str, folder: Path, expected: Any) -> None:
    domain = load_domain(folder / "pizza.yml" if name == "pizza" else name)
    with Store(folder / name, create=False, read_only=True) as store:
        history = History(store.entries())
    grown, agent = taught_agent(folder / name, domain)
    labels = history.labels(grown, "explicit")
    proposals = []
    for observation in {label.key: label.observation for label in labels}.values():
        chances = agent.policy.probabilities(observation)
        best = float(chances.max())
        names = [agent.env.action_names[i] for i in np.flatnonzero(chances > best - 1e-6)]
        proposals.append([observation.tolist(), names, round(best, 4)])
    found = {
        "turn_taking": agent.turn_taking,
        "new": {
            "actions": [one for one in grown.actions if one not in domain.actions],
            "intents": [one for one in grown.intents if one not in domain.intents],
            "slots": [one.name for one in grown.slots if one.name not in {s.name for s in domain.slots}],
        },
        "growth": [[one.add, one.name] for one in history.additions(history.conversations)],
        "labels": {mode: len(history.labels(grown, mode)) for mode in ("auto", "explicit")},
        "right": [[label.by, list(label.right)] for label in labels],
        "proposals": proposals,
    }
    for key, value in expected["taught"][name].items():
        assert close(as_json(found)[key], value), key


def test_a_live_learner_resumes_from_its_checkpoint(folder: Path, expected: Any) -> None:
    store_folder = folder / "pizza-live"
    domain, agent = store_agent(store_folder, load_domain(folder / "pizza.yml"), print)
    with Store(store_folder, create=False) as store:
        history = History(store.entries())
        notes: list[str] = []
        trainer, _ = start_or_resume(store, domain, None, report=notes.append)
        trainer.work()
    seen = {label.key: label.observation for label in history.labels(domain, "auto")}
    newest = next(checkpoints_of(store_folder).readable(notes.append))
    observations = [*seen.values(), *newest.arrays["replay.observations"].astype(int)]
    acting = trainer.explorer.actor
    found = {
        "notes": notes,
        "knows": newest.state["knows"],
        "upto": newest.state["upto"],
        "transitions": trainer.learner.transitions,
        "updates": trainer.learner.updates,
        "replayed": len(trainer.learner.replay),
        "satisfaction": trainer.explorer.satisfaction,
        "arrays": {name: list(array.shape) for name, array in sorted(newest.arrays.items())},
        "observations": [one.tolist() for one in observations],
        "values": [[round(float(v), 4) for v in agent.policy.outputs(one)] for one in observations],
        "values_going_on": [[round(float(v), 4) for v in acting.outputs(one)] for one in observations],
        "greedy": [agent.env.action_names[agent.policy.choose(one, None, True)] for one in observations],
    }
    assert expected["learned"].keys() == found.keys()
    for key, value in expected["learned"].items():
        assert close(as_json(found)[key], value), key


def test_a_store_rolls_back_to_a_checkpoint(folder: Path) -> None:
    for name in ("best", "4"):
        assert run(folder, "store", "rollback", name, "--store", "pizza-live")
    assert len(list(checkpoints_of(folder / "pizza-live").paths())) == 3


def chatted(text: str) -> list[Any]:
    """Return the messages of a chat, and under each `?` the slots and the worth of actions."""
    rows: list[Any] = []
    for line in text.splitlines():
        if match := re.match(r"(?:you > |bot   ).*", line):
            rows.append(match[0])
        elif match := re.match(r"slot +(\w+): (.*)", line):
            rows.append(match.groups())
        elif match := re.match(r"(?:\w+ +(?=\w+ +-?\d)|understood +)(.*?) +\(?(-?\d+\.\d+)", line):
            rows.append([match[1], float(match[2])])
    return rows


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pizza", ("pizza.yml", "--agent", "pizza", "--nlu", "pizza-nlu.yml")),
        ("pizza-live", ("pizza.yml", "--agent", "pizza-live", "--nlu", "pizza-nlu.yml")),
        ("restaurant", ("restaurant", "--agent", "restaurant")),
        ("masked_dqn", ("restaurant", "--agent", "agents/masked_dqn", "--trust")),
    ],
)
def test_stores_and_agents_can_chat(name: str, words: tuple[str, ...], folder: Path, expected: Any) -> None:
    lines = TYPED if words[0] == "pizza.yml" else BOOKING
    found = chatted(run(folder, "chat", *words, typed="".join(f"{line}\n" for line in lines)))
    wanted = chatted(expected["chatted"][name])
    assert [row[:1] if isinstance(row, list) else row for row in found] == [
        row[:1] if isinstance(row, list) else row for row in wanted
    ]
    numbers = [[row[1] for row in rows if isinstance(row, list)] for rows in (found, wanted)]
    if words[0] == "pizza.yml":  # a teacher corrected this "yes", which 0.1.0 knew in `teach` alone
        assert numbers[1][0] == 0.95
        numbers[1][0] = 1.0
    assert len(numbers[0]) > 3 and np.allclose(*numbers, atol=0.011)


@pytest.mark.parametrize("name", ["q_table", "masked_dqn"])
def test_trained_agents_are_loaded(name: str, expected: Any) -> None:
    env = DialogueEnv(load_domain("restaurant"))
    env.action_space.seed(0)
    observations, (observation, _) = [], env.reset(seed=0)
    for _ in range(40):
        observations.append(observation)
        observation, _, terminated, truncated, _ = env.step(env.action_space.sample())
        if terminated or truncated:
            observation, _ = env.reset()
    run, policy, metrics = load_trained(HERE / "agents" / name, trust=name == "masked_dqn")
    found = {
        "run": [run.env_id, run.agent, run.seed, run.steps],
        "metrics": sorted(metrics),
        "actions": [int(policy.predict(one, deterministic=True)[0]) for one in observations],
    }
    if name == "masked_dqn":  # its classes have moved since, and none may be left out
        agent = MaskedDQN.load(HERE / "agents" / name / "model.zip", device="cpu")
        assert isinstance(agent.policy, MaskedDQNPolicy)
        assert isinstance(agent.policy_kwargs["mask"], ActionMask)
        rate: Any = agent.learning_rate
        found["learning_rate"] = [rate(1.0), rate(0.5)]
    assert close(as_json(found), expected["trained"][name])


@pytest.mark.parametrize(
    ("target", "name"),
    [("md", "pizza"), ("restaurant", "restaurant")],
)
def test_exports_are_unchanged(target: str, name: str, folder: Path) -> None:
    exported = folder / "exported" / target
    before = {path.name: path.read_text() for path in exported.iterdir()}
    for place in ("again", f"exported/{target}"):  # into a new folder, and over the same files
        run(folder, "store", "export", place, "--for", "rasa1", "--store", name)
        found = {path.name: path.read_text() for path in (folder / place).iterdir()}
        assert {file: found[file] for file in ("stories.md", "domain.yml")} == {
            file: before[file] for file in ("stories.md", "domain.yml")
        }
        if "nlu.yml" in before:  # Rasa 1 reads Markdown alone
            examples = set(read_examples(exported / "nlu.yml").examples)
            assert set(read_examples(folder / place / "nlu.md").examples) == examples


@pytest.mark.parametrize("target", ["md", "yaml", "restaurant"])
def test_exported_files_have_no_errors(target: str, folder: Path) -> None:
    files = [str(path) for path in sorted((folder / "exported" / target).iterdir())]
    assert run(folder, "check", *files).splitlines()[-1].startswith("0 errors")


def has_no_errors(folder: Path, name: str) -> bool:
    return len(run(folder, "store", "check", "--store", name).splitlines()) == 1


def test_teaching_continues(folder: Path) -> None:
    words = ["teach", "pizza.yml", "--nlu", "pizza-nlu.yml", "--store", "pizza"]
    # A new conversation that goes as it was taught, and a correction.
    typed = ":n\na large pizza please\n1\n2\nlisten\nno\n2\n+utter_sorry\nSorry.\nq\n"
    assert "utter_confirm" in run(folder, *words, typed=typed)
    rows = listed(run(folder, "store", "list", "--store", "pizza"))
    assert [row[0] for row in rows[-2:]] == ["c4", "c5"]
    assert ["bot", "Sorry.", "utter_sorry"] in shown(run(folder, "store", "show", "c5", "--store", "pizza"))
    assert has_no_errors(folder, "pizza")


def test_a_live_conversation_begins(folder: Path, expected: Any) -> None:
    words = ["live", "pizza.yml", "--nlu", "pizza-nlu.yml", "--store", "pizza-live"]
    printed = run(folder, *words, typed="hello\n+\n/restart\n1\n")
    assert "bot   Hello\n" in printed
    assert re.search(rf"\b{expected['learned']['transitions'] + 1} (steps|transitions)\b", printed), printed
    assert has_no_errors(folder, "pizza-live")
