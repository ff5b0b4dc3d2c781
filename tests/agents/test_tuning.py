"""Search for hyperparameters: resumed trials, grids, and the errors of a space."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from agents.tuning import Trial, default_space, load_space
from dialogue_gym.training import agent_config, agent_names, check_hyperparameter_names, parse_pairs
from tests.agents.commands import agents

SPACE = "learning_rate: [0.5, 0.00001]\nexploration: [0.2]\n"


def search(out: Path, trials: int, *more: str) -> tuple[int, str]:
    words = ["tune", "FakeUserConcert-v0", "--agent", "masked_q_table", "--out", str(out), "--grid"]
    short = ["--steps", "3000", "--dialogues", "100", "--trials", str(trials)]
    done = agents(*words, *short, *more)
    return done.returncode, done.stdout + done.stderr


def test_a_search_goes_on_where_it_ended_and_finds_the_learner_that_learns(tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    path.write_text(SPACE)
    out = tmp_path / "out"
    assert search(out, 1, "--space", str(path))[0] == 0
    first = (out / "trials.log").read_text()
    status, shown = search(out, 2, "--space", str(path))
    assert status == 0 and (out / "trials.log").read_text().startswith(first)
    returns = [float(found) for found in re.findall(r"(-?\d+\.\d+) +│? +\d+\.\d%", shown)]
    assert len(returns) == 2 and returns[0] > returns[1] + 3  # hardly any learning, and learning
    assert yaml.safe_load((out / "best.yaml").read_text()) == {"learning_rate": 0.5, "exploration": 0.2}
    status, shown = search(out, 3, "--space", str(path), "--seed", "1")
    assert status == 2 and "this is another search" in shown


def test_the_options_of_a_trial_are_read_again_as_they_were() -> None:
    values = {
        "target_kl": None,
        "learning_rate": 1e-05,
        "use_sde": False,
        "policy_kwargs": {"net_arch": [64]},
    }
    words = shlex.split(Trial(values, 1.0, 1.0).options)
    assert words[::2] == ["--hyperparams"] * 4 and parse_pairs(words[1::2], ":") == values


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "learning_rat: [1]\n",
            "unknown hyperparameter 'learning_rat' of q_table; did you mean 'learning_rate'?",
        ),
        ("gamma: {low: 1, hi: 2}\n", "gamma: unknown key 'hi'; did you mean 'high'?"),
        ("gamma: {low: 2, high: 1}\n", "gamma: low and high must be numbers, in this order"),
        ("gamma: {low: 0.9, high: 1}\n", "gamma: a grid needs a list of values, not a range"),
        ("gamma: 1\n", "gamma: expected a list of values, or low and high"),
        ("- gamma\n", "expected hyperparameters with their values"),
        ("gamma: [\n", "cannot be read as YAML"),
    ],
)
def test_a_wrong_space_is_one_sentence(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    path.write_text(text)
    status, shown = search(tmp_path / "out", 1, "--space", str(path))
    assert status == 2 and message in shown and "Traceback" not in shown


def test_spaces_name_hyperparameters_of_their_algorithms() -> None:
    found = 0
    for agent in agent_names():
        algorithm = agent_config(agent, "FakeUserConcert-v0")["algorithm"]
        try:
            space = default_space(algorithm)
        except ValueError as error:
            assert "comes without a space" in str(error)
            continue
        check_hyperparameter_names(algorithm, space)
        found += 1
    assert found > 8
    assert load_space(Path("agents/tuning/spaces/ppo.yaml").resolve())
