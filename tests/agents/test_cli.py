"""The commands of `python -m agents`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from matplotlib.image import imread
from stable_baselines3 import DQN

from agents.training import load
from dialogue_gym import bounds
from dialogue_gym._files import write_whole
from dialogue_gym.domain import load_domain
from dialogue_gym.domain.sources import domain_path
from dialogue_gym.training.algorithms import ALGORITHMS, OFFLINE_ALGORITHMS, OWN_ALGORITHMS
from dialogue_gym.training.configuration import CONFIGURATIONS, agent_config, agent_names, is_offline
from dialogue_gym.training.environments import EVALUATION, TRAINING, stream
from dialogue_gym.training.evaluation import evaluate
from dialogue_gym.training.run import Run, train
from tests.agents.commands import agents, agents_apart
from tests.conftest import BUILT_IN, SEARCHING, make
from tests.rules.test_search import PLACES_EXPERT, PLACES_FILE


@pytest.mark.parametrize(
    "agent",
    [
        "ppo",
        "q_table",
        "warm_masked_dqn",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("dqn", "masked_dqn", "maskable_ppo")),
    ],
)
def test_evaluate_reads_the_files_of_train(agent: str, tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = ["train", BUILT_IN[1], "user=unfriendly", "--agent", agent, "--out", str(out)]
    trained = agents(*words, "--seed", "3", "--steps", "1500", "--dialogues", "50")
    assert trained.returncode == 0, trained.stderr
    assert sorted(path.name for path in out.iterdir()) == [
        "agent.json", "learning_curve.png", "metrics.json", "tensorboard", "weights.npz",
    ]  # fmt: skip
    metrics = json.loads((out / "metrics.json").read_text())
    assert set(metrics) >= {
        "success_rate", "mean_return", "bound_return", "mean_turns", "steps", "wall_seconds", "versions",
    }  # fmt: skip
    assert 1500 <= metrics["steps"] < 2100  # PPO completes its rollouts
    assert metrics["bound_return"] == pytest.approx(15.0)
    assert metrics["settings"] == {"user": "unfriendly"}
    assert metrics["versions"]["gymnasium"]
    assert imread(out / "learning_curve.png").std() > 0.05

    evaluated = agents("evaluate", str(out), "--dialogues", "50", "--seed", "3", "--json")
    assert evaluated.returncode == 0, evaluated.stderr
    figures = json.loads(evaluated.stdout)
    for key in ("success_rate", "mean_return", "mean_turns", "bound_return"):
        assert figures[key] == metrics[key]
    table = agents("evaluate", str(out), "--dialogues", "50")
    assert f"{BUILT_IN[1]}: 50 dialogues, bound 15.00" in table.stdout


def test_the_same_seed_gives_the_same_agent(tmp_path: Path) -> None:
    results = []
    for name, run in (("here", agents), ("apart", agents_apart)):
        words = ["--out", str(tmp_path / name), "--steps", "1500", "--dialogues", "30"]
        assert run("train", BUILT_IN[1], *words).returncode == 0
        metrics = json.loads((tmp_path / name / "metrics.json").read_text())
        results.append((metrics["mean_return"], metrics["mean_turns"]))
    assert results[0] == results[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "FakeUserRestrant-v0"], "unknown environment 'FakeUserRestrant-v0'; did you mean"),
        (["train", "CartPole-v1"], "'CartPole-v1' is not a dialogue environment"),
        (["train", BUILT_IN[0], "--agent", "pp"], "unknown agent 'pp'; did you mean 'ppo'?"),
        (
            ["train", BUILT_IN[0], "--agent", "warm_ppo", "--labels", "postgresql://u@127.0.0.1:1/db"],
            "postgresql://u@127.0.0.1:1/db: no server answers there",
        ),
        (["train", BUILT_IN[0], "pacience=3"], "unknown setting 'pacience'; did you mean 'patience'?"),
        (["train", BUILT_IN[0], "patience"], "'patience': expected the form key=value"),
        (["train", BUILT_IN[0], "patience=[1"], "'patience=[1': the value cannot be read"),
        (["train", BUILT_IN[0], "max_episode_steps=5"], "unknown setting 'max_episode_steps'"),
        (["train", BUILT_IN[0], "domain=concert"], "domain='concert': FakeUserRestaurant-v0 has its own"),
        (["train", BUILT_IN[0], "patience=lots"], "patience='lots': must be a whole number"),
        (["train", "Dialogue-v0", "domain=nowhere.yml"], "nowhere.yml: there is no such file"),
        (["evaluate", "nowhere"], "nowhere: neither a trained agent (metrics.json is missing) nor"),
    ],
)  # fmt: skip
def test_mistakes_are_reported_in_one_line(words: list[str], message: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = agents(*words, *(["--out", str(out)] if words[0] == "train" else []))
    assert result.returncode == 2
    assert result.stderr.startswith(f"error: {message}")
    assert result.stderr.count("\n") == 1 and not result.stdout
    assert not out.exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    result = agents("train", BUILT_IN[1], "--out", str(tmp_path / "taken/run"))
    assert (result.returncode, result.stderr) == (2, f"error: {tmp_path}/taken/run: Not a directory\n")


def test_a_wrong_option_has_the_same_exit_status(tmp_path: Path) -> None:
    for words in (
        ["train", BUILT_IN[0]],
        ["train", BUILT_IN[0], "--out", str(tmp_path), "--steps", "0"],
        ["tarin"],
    ):
        result = agents(*words)
        assert result.returncode == 2
        assert "Traceback" not in result.stderr and "Error" in result.stderr


GOOD = {"env_id": BUILT_IN[1], "settings": {}, "agent": "ppo", "seed": 0, "steps": 1, "bound_return": None}


@pytest.mark.parametrize(
    "metrics",
    [
        "{", "[]", '{"agent": 1}', GOOD | {"settings": []}, GOOD | {"settings": {"nope": 1}},
        GOOD | {"env_id": 5}, GOOD | {"agent": "pp"},
        {key: GOOD[key] for key in GOOD if key != "bound_return"},
    ],
)  # fmt: skip
def test_broken_metrics_are_reported_in_one_line(metrics: object, tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text(metrics if isinstance(metrics, str) else json.dumps(metrics))
    with pytest.raises(ValueError, match=r"metrics\.json cannot be used \(.+\)$"):
        load(tmp_path)


@pytest.mark.parametrize("content", [None, b"", b"PK no zip", "other agent"])
def test_a_broken_model_is_reported_in_one_line(content: object, tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text(json.dumps(GOOD | {"algorithm": "ppo"}))
    if content == "other agent":
        DQN("MlpPolicy", make(BUILT_IN[1]), device="cpu").save(tmp_path / "model.zip")
    elif isinstance(content, bytes):
        (tmp_path / "model.zip").write_bytes(content)
    result = agents("evaluate", str(tmp_path), "--trust")
    assert (result.returncode, result.stderr.count("\n")) == (2, 1), result.stderr
    assert str(tmp_path) in result.stderr and ("model" in result.stderr or "agent.json" in result.stderr)


def test_a_missing_extra_is_reported_in_one_line() -> None:
    code = """
import runpy, sys
sys.modules["typer"] = None
runpy.run_module("agents", run_name="__main__")
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (
        2,
        "error: typer is not installed: pip install '.[agents]'\n",
    )


def test_bounds_prints_the_bound_and_figures_below_it(tmp_path: Path) -> None:
    (tmp_path / "places.yml").write_text(PLACES_FILE + PLACES_EXPERT)
    domain = f"domain={tmp_path}/places.yml"
    for words, rows in ((), 4), (("semantic_error_rate=0.3",), 3), (("user=nobody",), 0):
        result = agents("bounds", "Dialogue-v0", domain, *words, "--users", "2", "--dialogues", "20")
        assert (result.returncode == 0) == bool(rows), result.stderr
        lines = [line for line in result.stdout.splitlines() if " ± " in line]
        assert len(lines) == rows and all("users), of a bot that is" in line for line in lines[:1])


@pytest.mark.parametrize("method", ["auto", pytest.param("sample", marks=pytest.mark.slow), "exact", "none"])
def test_a_bound_is_sampled_where_it_cannot_be_exact(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slots = {f"s{i}": {"type": "categorical", "values": ["a", "b", "c", "d"]} for i in range(5)}
    domain = {
        "intents": ["inform", "affirm", "deny"], "entities": list(slots), "slots": slots,
        "actions": ["go", *slots],
        "fake_user": {
            "goal": {name: ["a", "b", "c", "d"][: 2 + i // 2] for i, name in enumerate(slots)},
            "actions": {"go": {"user": "judge"}} | {name: {"user": {"inform": name}} for name in slots},
        },
    }  # fmt: skip
    (tmp_path / "large.yml").write_text(yaml.safe_dump(domain, sort_keys=False))
    monkeypatch.setattr(bounds.bounding, "AUTO_STATES", 500)
    monkeypatch.setattr(bounds.bounding, "MAX_STATES", 500)
    monkeypatch.setattr(bounds.bounding, "SECONDS", 1.0)
    words = ["train", "Dialogue-v0", f"domain={tmp_path}/large.yml", "--steps", "300", "--dialogues", "5"]
    result = agents(*words, "--bound", method, "--out", str(tmp_path / "out"))
    assert result.returncode == 0, result.stderr
    metrics = json.loads((tmp_path / "out/metrics.json").read_text())
    told = {"auto": "it is sampled", "exact": "too large for an exact bound; --bound sample"}.get(method)
    assert result.stderr.count("note: ") == bool(told) and (told or "") in result.stderr
    if method in ("auto", "sample"):
        low, high = metrics["bound_interval"]
        assert 13 < low <= metrics["bound_return"] <= high < 16
        assert "(sampled)" in agents("evaluate", str(tmp_path / "out"), "--dialogues", "5").stdout
    else:
        assert metrics["bound_return"] is None and metrics["bound_interval"] is None
    assert (tmp_path / "out/agent.json").exists() and (tmp_path / "out/learning_curve.png").exists()


def test_every_agent_has_a_configuration_with_known_keys(tmp_path: Path) -> None:
    assert set(agent_names()) > {"dqn", "maskable_ppo", "masked_dqn", "ppo", "q_table"}
    for agent in agent_names():
        for env_id in (*BUILT_IN, "Dialogue-v0"):
            config = agent_config(agent, env_id)
            assert set(config) - {"data"} == {
                "algorithm", "steps", "lanes", "policy", "hyperparameters", "anneal", "warm_start",
            }  # fmt: skip
            known = OFFLINE_ALGORITHMS if is_offline(config) else (*ALGORITHMS, *OWN_ALGORITHMS)
            assert config["algorithm"] in known
            assert set(config["anneal"]) <= set(config["hyperparameters"])
    (tmp_path / "ppo.yaml").write_text("default: {step: 3}\n")
    with pytest.raises(ValueError, match=r"default: unknown key 'step'; did you mean 'steps'\?"):
        agent_config("ppo", BUILT_IN[0], configs=tmp_path)


def test_a_configuration_extends_another_section_by_section(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "default: {steps: 1, hyperparameters: {x: 1, y: 1}}\n"
        f"{BUILT_IN[0]}: {{steps: 2, hyperparameters: {{y: 2}}}}\n"
    )
    (tmp_path / "b.yaml").write_text(
        "extends: a\ndefault: {hyperparameters: {x: 3}, warm_start: {updates: 5}}\n"
    )
    own = agent_config("b", BUILT_IN[0], configs=tmp_path)
    assert (own["steps"], own["hyperparameters"], own["warm_start"]) == (2, {"x": 3, "y": 2}, {"updates": 5})
    other = agent_config("b", BUILT_IN[1], configs=tmp_path)
    assert (other["steps"], other["hyperparameters"]) == (1, {"x": 3, "y": 1})


def test_a_section_is_for_all_domains_whose_users_search(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "default: {steps: 1, lanes: 1}\n"
        f"{SEARCHING[1]}: {{steps: 3}}\n"  # the order in the file does not matter
        "search: {steps: 2, hyperparameters: {x: 1}}\n"
    )
    (tmp_path / "b.yaml").write_text("extends: a\ndefault: {lanes: 4}\nsearch: {hyperparameters: {y: 2}}\n")

    def steps_and_more(agent: str, env_id: str, **settings: Any) -> tuple[int, int, dict[str, int]]:
        config = agent_config(agent, env_id, settings, tmp_path)
        return config["steps"], config["lanes"], config["hyperparameters"]

    assert steps_and_more("a", BUILT_IN[0]) == (1, 1, {})
    assert steps_and_more("b", SEARCHING[0]) == (2, 4, {"x": 1, "y": 2})
    assert steps_and_more("b", SEARCHING[1]) == (3, 4, {"x": 1, "y": 2})
    file = domain_path("laptop")
    assert steps_and_more("a", "Dialogue-v0", domain=str(file)) == (2, 1, {"x": 1})
    assert steps_and_more("a", "Dialogue-v0", domain=load_domain(str(file))) == (2, 1, {"x": 1})
    assert steps_and_more("a", "Dialogue-v0", domain="concert") == (1, 1, {})
    (tmp_path / "a.yaml").write_text("searches: {steps: 2}\n")
    with pytest.raises(ValueError, match=r"'searches' is neither .*; did you mean 'search'\?"):
        agent_config("a", BUILT_IN[0], configs=tmp_path)


def test_learning_rate_and_entropy_fall_to_zero() -> None:
    run = Run(BUILT_IN[1], {}, "ppo", seed=0, steps=10_000)
    seen: list[tuple[float, float]] = []

    def watch(dialogues: int, steps: int, agent: Any) -> None:
        seen.append((agent.ent_coef, agent.policy.optimizer.param_groups[0]["lr"]))

    train(run, lambda *_: None, watch)
    entropies, rates = zip(*seen, strict=True)
    assert 0.3 < entropies[0] < 0.4 and 0.003 < rates[0] <= 0.004
    assert list(entropies) == sorted(entropies, reverse=True) and 0 <= entropies[-1] < 0.1
    assert list(rates) == sorted(rates, reverse=True) and 0 <= rates[-1] < 0.001


def test_pretrained_agents_are_evaluated_by_name_and_under_other_settings(tmp_path: Path) -> None:
    words = ["evaluate", "concert", "semantic_error_rate=0.3", "--dialogues", "200", "--json"]
    result = agents(*words)
    assert result.returncode == 0, result.stderr
    figures = json.loads(result.stdout)
    assert figures["settings"] == {"semantic_error_rate": 0.3} and figures["agent"] == "pretrained"
    assert 13 < figures["mean_return"] < 15
    out = str(tmp_path / "run")
    assert (
        agents(
            "train", BUILT_IN[1], "--agent", "behaviour_cloning", "--out", out, "--dialogues", "9"
        ).returncode
        == 0
    )
    noisy = agents("evaluate", out, "semantic_error_rate=0.3", "--json")
    figures = json.loads(noisy.stdout)
    assert figures["bound_return"] is None and figures["mean_return"] < 13
    longer = agents("evaluate", out, "max_history=2")
    assert (longer.returncode, longer.stderr) == (
        2, f"error: {out}: the agent was trained on other observations or actions\n",
    )  # fmt: skip


def test_an_environments_section_overrides_the_default() -> None:
    section = yaml.safe_load((CONFIGURATIONS / "dqn.yaml").read_text())["FakeUserConcert-v0"]
    assert section == {"steps": 20000, "lanes": 1, "hyperparameters": {"exploration_fraction": 0.4}}
    restaurant, concert = (agent_config("dqn", env_id) for env_id in BUILT_IN)
    assert concert["hyperparameters"] == restaurant["hyperparameters"] | {"exploration_fraction": 0.4}
    assert (concert["steps"], concert["lanes"], restaurant["lanes"]) == (20000, 1, 4)
    assert concert["policy"] == restaurant["policy"]


def test_files_are_written_atomically(tmp_path: Path) -> None:
    path = tmp_path / "kept.txt"
    path.write_text("before")

    def fail(temporary: Path) -> None:
        temporary.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_whole(path, fail)
    assert [p.name for p in tmp_path.iterdir()] == ["kept.txt"]
    assert path.read_text() == "before"


def test_training_and_evaluation_have_separate_streams() -> None:
    seeds = {stream(seed, use) for seed in range(100) for use in (TRAINING, EVALUATION)}
    assert len(seeds) == 200


@pytest.mark.parametrize("dialogues", [1, 7, 45])
def test_every_lane_plays_its_quota(dialogues: int) -> None:
    """The first dialogues to end would be short ones: an idle policy shows the difference."""

    class Idle:
        def predict(self, observation: np.ndarray, **_: object) -> tuple[np.ndarray, None]:
            return np.full(len(observation), 10), None

    figures = evaluate(make(BUILT_IN[0]), Idle(), dialogues)
    assert figures.dialogues == dialogues
    assert figures.mean_turns == pytest.approx(11, abs=0.5)


def test_pretraining_takes_the_names_of_built_in_domains(tmp_path: Path) -> None:
    wrong = agents("pretrain", "hotl", "--out", str(tmp_path))
    assert (wrong.returncode, wrong.stderr) == (2, "error: unknown domain 'hotl'; did you mean 'hotel'?\n")


def test_a_training_can_have_a_configuration_of_its_own() -> None:
    run = Run(BUILT_IN[1], {}, "ppo", seed=0, steps=64)
    config = agent_config("ppo", BUILT_IN[1])
    config["hyperparameters"]["policy_kwargs"] = {"net_arch": [7]}
    agent: Any = train(run, lambda *_: None, config=config)[0]
    assert agent.policy.action_net.in_features == 7
