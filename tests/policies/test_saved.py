"""Trained agents in files: they act as before, need NumPy alone, and hold no code."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stable_baselines3 import A2C, DQN, PPO

from dialogue_gym import DialogueEnv, load_domain
from dialogue_gym.policies import AgentError, NetworkPolicy, QTable, load_agent, save_agent
from dialogue_gym.sb3 import DialogueVecEnv, MaskedDQN, ObservingMaskablePPO, to_numpy
from tests.conftest import BUILT_IN, make

CONCERT = BUILT_IN[1]
SETTINGS = {"max_history": 2, "turn_taking": "explicit"}
MODELS: dict[str, Callable[[Any], Any]] = {
    "dqn": lambda env: DQN("MlpPolicy", env, learning_starts=20, device="cpu", seed=0),
    "masked_dqn": lambda env: MaskedDQN("MlpPolicy", env, learning_starts=20, device="cpu", seed=0),
    "ppo": lambda env: PPO("MlpPolicy", env, n_steps=16, batch_size=64, device="cpu", seed=0),
    "maskable_ppo": lambda env: ObservingMaskablePPO(
        "MlpPolicy", env, n_steps=16, batch_size=64, device="cpu", seed=0
    ),
}


def situations(env: DialogueEnv, count: int = 200) -> list[np.ndarray]:
    env.action_space.seed(0)
    observations, (observation, _) = [], env.reset(seed=0)
    while len(observations) < count:
        observations.append(observation)
        observation, _, terminated, truncated, _ = env.step(env.action_space.sample())
        if terminated or truncated:
            observation, _ = env.reset()
    return observations


@pytest.mark.parametrize("algorithm", MODELS)
def test_a_saved_agent_acts_as_it_did(algorithm: str, tmp_path: Path) -> None:
    model = MODELS[algorithm](DialogueVecEnv(CONCERT, 4, **SETTINGS))
    model.learn(200)
    env: Any = make(CONCERT, **SETTINGS).unwrapped
    save_agent(tmp_path, to_numpy(model, env), name=algorithm, settings=SETTINGS)
    agent = load_agent(str(tmp_path), load_domain("concert"))
    assert agent is not None and agent.name == algorithm and agent.turn_taking == "explicit"
    seen = np.array(situations(env))
    expected, _ = model.predict(seen, deterministic=True)
    np.testing.assert_array_equal(agent.policy.predict(seen, deterministic=True)[0], expected)
    numbers = np.array([agent.policy.numbers(one)[1] for one in seen])
    observations = model.policy.obs_to_tensor(seen)[0]
    if algorithm == "dqn":
        np.testing.assert_allclose(numbers, model.q_net(observations).detach(), atol=1e-4)
    if algorithm == "ppo":
        chances = model.policy.get_distribution(observations).distribution.probs.detach()
        np.testing.assert_allclose(numbers, chances, atol=1e-5)
        sampled = {int(agent.policy.predict(seen[0])[0]) for _ in range(50)}
        assert len(sampled) > 1


def test_a_saved_table_acts_as_it_did(tmp_path: Path) -> None:
    for use_mask in (True, False):
        table = QTable(make(BUILT_IN[0]), seed=0, use_mask=use_mask, optimism=2.0)
        table.learn(2000, lambda *_: None)
        save_agent(str(tmp_path), table, name="q_table")
        agent = load_agent(str(tmp_path), load_domain("restaurant"))
        assert agent is not None
        seen, known = np.array(situations(table.env)), len(table.values)
        np.testing.assert_array_equal(agent.policy.predict(seen)[0], table.predict(seen)[0])
        for one in seen[:50]:  # those that it never met before, too
            np.testing.assert_array_equal(agent.policy.numbers(one)[1], table.numbers(one)[1])
        assert len(table.values) == known  # a table that acts for weeks stays as large as it was


def test_only_plain_networks_can_be_saved() -> None:
    env = DialogueEnv("concert")
    A2C("MlpPolicy", env, device="cpu")
    odd = PPO("MlpPolicy", env, n_steps=8, batch_size=8, device="cpu")
    odd.policy.mlp_extractor.policy_net[1] = __import__("torch").nn.GELU()
    with pytest.raises(TypeError, match=r"GELU: only layers with ReLU or Tanh can be saved"):
        to_numpy(odd, env)
    with pytest.raises(ValueError, match="for other actions or observations"):
        to_numpy(A2C("MlpPolicy", env, device="cpu"), DialogueEnv("restaurant"))
    beliefs = DialogueEnv("concert", observation="belief")
    with pytest.raises(ValueError, match="observation='belief' cannot be saved"):
        to_numpy(A2C("MlpPolicy", beliefs, device="cpu"), beliefs)


def table(folder: Path) -> Path:
    save_agent(folder, QTable(make(CONCERT)), name="q_table", settings={"user": "unfriendly"})
    return folder


def test_an_agent_is_read_without_torch(tmp_path: Path) -> None:
    code = f"""
import sys
from dialogue_gym import load_domain
from dialogue_gym.policies import load_agent
agent = load_agent({str(table(tmp_path))!r}, load_domain("concert"))
assert agent.settings == {{"user": "unfriendly"}}
print(*sorted({{"torch", "stable_baselines3", "numba", "agents"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "\n", "")


class Bomb:
    """Unpickled, it would write a file."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path("exploded").write_text, ("bang",)


def test_nothing_in_an_agent_is_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = table(tmp_path)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in ("observations", "values"):
            written = io.BytesIO()
            np.lib.format.write_array(written, np.array([Bomb()], object))
            archive.writestr(f"{name}.npy", written.getvalue())
    content = json.loads((folder / "agent.json").read_text())
    for data in (packed.getvalue(), pickle.dumps(Bomb())):
        (folder / "weights.npz").write_bytes(data)
        content["weights"] = hashlib.sha256(data).hexdigest()
        (folder / "agent.json").write_text(json.dumps(content))
        with pytest.raises(
            AgentError, match=r"weights\.npz: cannot be used \(ValueError: it is not an archive of plain"
        ):
            load_agent(str(folder), load_domain("concert"))
    assert not Path("exploded").exists()


def broken(data: bytes) -> bytes:
    """Return an archive with other bytes in the middle of its first member."""
    return data[:80] + bytes(byte ^ 0xFF for byte in data[80:120]) + data[120:]


def compressed_otherwise(data: bytes) -> bytes:
    place = data.index(b"PK\x01\x02")
    return data[:8] + b"\x63" + data[9 : place + 10] + b"\x63" + data[place + 11 :]


def of_texts(data: bytes) -> bytes:
    with np.load(io.BytesIO(data)) as archive:
        arrays = {name: archive[name].astype(str) for name in archive.files}
    written = io.BytesIO()
    np.savez(written, **arrays)
    return written.getvalue()


def much_too_large(data: bytes) -> bytes:
    head = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000000, 3), }".ljust(117) + "\n"
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("observations.npy", b"\x93NUMPY\x01\x00\x76\x00" + head.encode())
    return written.getvalue()


def test_the_name_of_an_agent_moves_no_cursor(tmp_path: Path) -> None:
    path = table(tmp_path) / "agent.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"agent": "a\x1b[2Jb"}))
    agent = load_agent(str(tmp_path), load_domain("concert"))
    assert agent is not None and agent.name == r"a\x1b[2Jb"


@pytest.mark.parametrize("damage", [broken, compressed_otherwise, of_texts, much_too_large])
def test_an_archive_that_cannot_be_read_is_one_sentence(
    damage: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    folder = table(tmp_path)
    data = damage((folder / "weights.npz").read_bytes())
    (folder / "weights.npz").write_bytes(data)
    content = json.loads((folder / "agent.json").read_text()) | {"weights": hashlib.sha256(data).hexdigest()}
    (folder / "agent.json").write_text(json.dumps(content))
    with pytest.raises(AgentError, match=r"weights\.npz: cannot be used \(ValueError: .+\)$"):
        load_agent(str(folder), load_domain("concert"))


def test_an_agent_that_was_saved_with_an_older_numpy_is_read(tmp_path: Path) -> None:
    """There `savez` writes an array for its argument `allow_pickle`."""
    folder = table(tmp_path)
    written = io.BytesIO()
    with np.load(folder / "weights.npz") as archive:
        arrays = {name: archive[name] for name in archive.files}
        np.savez(written, **arrays)
    with zipfile.ZipFile(written, "a") as older:
        array = io.BytesIO()
        np.lib.format.write_array(array, np.array(False))
        older.writestr("allow_pickle.npy", array.getvalue())
    data = written.getvalue()
    (folder / "weights.npz").write_bytes(data)
    content = json.loads((folder / "agent.json").read_text()) | {"weights": hashlib.sha256(data).hexdigest()}
    (folder / "agent.json").write_text(json.dumps(content))
    assert load_agent(str(folder), load_domain("concert")) is not None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "format '2', and this version of dialogue_gym reads format 1"),
        ({"settings": {"pacience": 3}}, "settings: .*pacience"),
        ({"settings": {"patience": "lots"}}, "settings: patience='lots': must be a whole number"),
        ({"settings": []}, r"settings: '\[\]' cannot be used"),
        ({"fields": [3]}, "fields: '3' is not a name with its labels"),
        ({"actions": [["x"]]}, r"actions: .+ is not the name of an action"),
        ({"algorithms": "dqn"}, "agent.json: unknown key 'algorithms'; did you mean 'algorithm'?"),
        ({"policy": {}}, "weights.npz: cannot be used .*kind"),
        ({"policy": {"kind": "tree"}}, "unknown kind of policy 'tree'"),
        ({"weights": "0" * 64}, "weights.npz: damaged, or of another agent than agent.json"),
        (
            {"actions": ["action_restart"]},
            r"of concert \(it does not know the action 'utter_default'",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_named(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = table(tmp_path) / "agent.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(AgentError, match=message) as error:
        load_agent(str(tmp_path), load_domain("concert"))
    assert str(error.value).startswith(str(tmp_path)) and "\n" not in str(error.value)


def test_a_damaged_description_is_named(tmp_path: Path) -> None:
    path = table(tmp_path) / "agent.json"
    content = json.loads(path.read_text())
    del content["weights"]
    for text, message in (
        (json.dumps(content), ": the key 'weights' is missing"),
        ('{"format": 1,\n "agent": ', ":2: damaged: not JSON (Expecting value)"),
        ("\xff", ": damaged: not JSON"),
    ):
        path.write_text(text, encoding="latin-1")
        with pytest.raises(AgentError) as error:
            load_agent(str(tmp_path), load_domain("concert"))
        assert str(error.value) == f"{path}{message}"


@pytest.mark.parametrize("name", ["agent.json", "weights.npz"])
def test_a_file_that_is_missing_is_named(name: str, tmp_path: Path) -> None:
    (table(tmp_path) / name).unlink()
    with pytest.raises(AgentError, match=rf"not a trained agent \({name}: No such file"):
        load_agent(str(tmp_path), load_domain("concert"))


def test_the_difference_between_an_agent_and_its_domain_is_told(tmp_path: Path) -> None:
    text = """
intents: [greet, order]
slots: {size: {type: categorical, values: [small, large]}}
actions: [utter_greet, utter_size]
responses: {utter_greet: [{text: Hi}], utter_size: [{text: Size?}]}
expert: [{then: utter_greet}]
"""
    path = tmp_path / "shop.yml"
    path.write_text(text)
    env = load_agent("expert", load_domain(path))
    assert env is not None
    save_agent(tmp_path, QTable(env.env), name="mine")
    for old, new, difference in (
        ("utter_size]", "utter_size, utter_more]", "it does not know the action 'utter_more'"),
        ("utter_greet, utter_size]", "utter_size, utter_greet]", "actions are in another order"),
        ("slots: {size", "slots: {colour: {type: text}, size", "does not know the field 'slot.colour'"),
        ("small, large", "small, medium, large", "the field 'slot.size' has other values"),
    ):
        path.write_text(text.replace(old, new))
        with pytest.raises(AgentError, match=difference):
            load_agent(str(tmp_path), load_domain(path))


def test_layers_that_do_not_fit_are_refused() -> None:
    env = DialogueEnv("concert")
    wide = (np.zeros((9, 3), np.float32), np.zeros(9, np.float32))
    with pytest.raises(ValueError, match=r"layer 0 has weights of shape \(9, 3\), for \d+ inputs"):
        NetworkPolicy(env, [wide])
    with pytest.raises(ValueError, match="unknown activation 'sine'; valid: relu, tanh"):
        NetworkPolicy(env, [wide], "sine")
