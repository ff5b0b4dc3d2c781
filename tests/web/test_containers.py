"""The files for containers fit the package, the command and each other; nothing builds them here."""

from __future__ import annotations

import configparser
import json
import re
import shlex
from typing import Any

import pytest
import yaml

pytest.importorskip("fastapi", reason="the extra web is missing")

from dialogue_gym.web.monitoring.health import READY_PATH
from dialogue_gym.web.options import ServeOptions
from tests import ROOT
from tests.commands import call

SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg", encoding="utf-8")
PORT = str(ServeOptions.port)


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile, each with its words in one line."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]
    return [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in lines]


def the(name: str) -> str:
    (found,) = [words for instruction, words in instructions() if instruction == name]
    return found


def composed() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def option(words: list[str], name: str) -> str:
    """Return the value of an option, given as `--name=value` or as two words."""
    split = [part for word in words for part in (word.split("=", 1) if word.startswith("--") else [word])]
    return split[split.index(name) + 1]


def test_the_image_installs_the_package_from_the_files_it_copies() -> None:
    copied = {name for kind, words in instructions() if kind == "COPY" for name in words.split()[:-1]}
    assert all((ROOT / name).exists() for name in copied)
    needed = {
        SETUP["metadata"]["long_description"].removeprefix("file: "),
        SETUP["metadata"]["license_files"],
    }
    needed |= {f"{name}.py" for name in SETUP["options"]["py_modules"].split()} | {"constraints.txt"}
    assert needed | {"setup.cfg", "pyproject.toml", "dialogue_gym"} == copied
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert sent == copied
    (extras,) = re.findall(r'"\.\[([\w,]+)\]"', (ROOT / "Dockerfile").read_text())
    assert set(extras.split(",")) <= set(SETUP["options.extras_require"])
    python = the("FROM").removeprefix("python:").removesuffix("-slim")
    assert f"(Python {python})" in (ROOT / "constraints.txt").read_text().splitlines()[0]


def test_image_and_services_agree_on_port_store_and_health() -> None:
    assert the("EXPOSE") == PORT and f":{PORT}{READY_PATH}" in the("HEALTHCHECK")
    assert json.loads(the("ENTRYPOINT"))[:2] == ["dialogue-gym", "serve"]
    app = composed()["services"]["app"]
    assert app["ports"] == [f"127.0.0.1:{port}:{port}" for port in (PORT, int(PORT) + 1)]
    assert int(option(app["command"], "--workers")) > 1
    database = composed()["services"]["db"]
    user, name = (database["environment"][f"POSTGRES_{key}"] for key in ("USER", "DB"))
    assert option(app["command"], "--store") == f"postgresql://{user}@db/{name}"
    assert app["environment"]["PGPASSWORD"] == database["environment"]["POSTGRES_PASSWORD"]
    assert database["volumes"][0].split(":")[0] in composed()["volumes"]
    gateway = composed()["networks"]["bot"]["ipam"]["config"][0]["gateway"]
    assert option(app["command"], "--behind-proxy") == gateway
    files = {word.rpartition("/")[2] for word in app["command"] if "/run/secrets/" in word}
    assert files == set(app["secrets"]) == set(composed()["secrets"])
    assert option(json.loads(the("CMD")), "--store").startswith(the("VOLUME"))
    for words in (json.loads(the("CMD")), app["command"]):
        assert option(words, "--port") == PORT and option(words, "--host") == "0.0.0.0"
        done = call("serve", *words, "--help")  # refused if it does not know an option
        assert done.returncode == 0, done.stderr


def test_the_first_account_is_made_in_the_store_and_at_the_address_of_the_services() -> None:
    page = (ROOT / "docs/serving.md").read_text(encoding="utf-8")
    ((service, line),) = re.findall(r"^\$ docker compose exec (\w+) dialogue-gym (.*)$", page, re.MULTILINE)
    words, serving = shlex.split(line), composed()["services"][service]["command"]
    assert option(words, "--store") == option(serving, "--store")
    assert option(words, "--url") == f"https://{option(serving, '--name')}"
    done = call(*words, "--help")
    assert done.returncode == 0, done.stderr


def test_commands_of_the_page_are_those_of_the_program() -> None:
    page = (ROOT / "docs/serving.md").read_text(encoding="utf-8")
    commands = re.findall(r"^\$ dialogue-gym (.*)$", page, re.MULTILINE)
    assert len(commands) >= 3
    for command in commands:
        done = call(*shlex.split(command), "--help")
        assert done.returncode == 0, done.stderr
