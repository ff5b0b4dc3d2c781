"""openenv: its client, sync and async, plays dialogues of a server, and `openenv validate` passes."""

import asyncio
import json
import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from openenv import GenericEnvClient

import dialogue_gym  # noqa: F401 (registers the ids)
from tests.pages import block_with

command = [
    os.environ["SERVER_PYTHON"],
    "-m",
    "dialogue_gym",
    "serve",
    "restaurant",
    "--no-teach",
    "--openenv",
]
options = ["--port", "0", "--setting", "patience=3", "--sessions", "3"]
environment = os.environ | {"PYTHONUNBUFFERED": "1"}
server = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True, env=environment)


def address() -> str:
    for line in server.stdout:
        if found := re.search(r"http://\S+/openenv/", line):
            return found[0]
    raise SystemExit("the server has not started")


async def three_sessions(url: str) -> None:
    async with GenericEnvClient(base_url=url) as first:
        others = [await first.new_session() for _ in range(2)]
        starts = await asyncio.gather(*(one.reset(seed=5, mode="tools") for one in (first, *others)))
        assert len({start.observation["message"] for start in starts}) == 1
        names = [tool["function"]["name"] for tool in starts[0].observation["tools"]]
        result = await others[1].step({"name": names[3], "arguments": {}})
        assert result.metadata["action"] == names[3] and result.reward == -1
        states = [await one.state() for one in (first, *others)]
        assert [state["step_count"] for state in states] == [0, 0, 1]
        await first.reset(seed=5, mode="free", episode_id="sentences")
        result = await first.step({"message": "What kind of food do you want?"})
        assert result.metadata["action"] == "utter_ask_cuisine"
        assert (await first.state())["episode_id"] == "sentences"
        try:
            await GenericEnvClient(base_url=url).reset(seed=1)
        except RuntimeError as error:
            assert "at most 3 can be open" in str(error) and "CAPACITY_REACHED" in str(error)
        else:
            raise AssertionError("a fourth session")


try:
    url = address()
    env = gym.make("FakeUserRestaurant-v0", patience=3)
    names, returns = env.unwrapped.action_names, []
    with GenericEnvClient(base_url=url).sync() as client:
        for seed in range(1000):
            env.reset(seed=seed)
            result = client.reset(seed=seed)
            chance = np.random.default_rng(seed)
            returns.append(0.0)
            while not result.done:
                action = int(chance.integers(len(names)))
                _, reward, terminated, truncated, info = env.step(action)
                result = client.step({"message": names[action]})
                assert (result.reward, result.done) == (reward, terminated or truncated)
                assert result.metadata["is_success"] == info["is_success"]
                returns[-1] += reward
    asyncio.run(three_sessions(url))
    code = block_with("docs/language-models.md", "GenericEnvClient")
    assert "http://127.0.0.1:8080/openenv" in code
    page: dict[str, Any] = {}
    exec(code.replace("http://127.0.0.1:8080/openenv", url), page)  # it prints the user's answer
    result = page["result"]
    assert result.observation["message"] and result.reward == -1 and not result.done
    assert result.metadata["action"] == "utter_ask_cuisine"
    validate = [Path(sys.executable).with_name("openenv"), "validate", "--url", url, "--json"]
    report = json.loads(subprocess.run(validate, check=True, stdout=subprocess.PIPE, text=True).stdout)
    assert report["passed"] and report["standard_profile"] == "openenv-http/1.x"
finally:
    server.terminate()
    server.wait(30)
print(version("openenv"), f"{len(returns)} episodes, mean return {np.mean(returns):.2f};", report["summary"])
