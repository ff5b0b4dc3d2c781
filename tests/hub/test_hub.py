"""Agents and domains go to a server of the Hub's interface, or to a folder, and come back the same."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dialogue_gym import DialogueEnv, load_domain
from dialogue_gym.domain.sources import domain_path
from dialogue_gym.policies.agent import load_agent
from dialogue_gym.policies.q_table import QTable
from dialogue_gym.policies.saved import save_agent
from tests import ROOT
from tests.commands import call, run
from tests.hub.servers import TOKEN, Hub, hub_server

pytest.importorskip("huggingface_hub", reason="the extra hub is missing")
# huggingface_hub 2.4 uploads large files in a way that its own HTTP client calls outdated.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
FIGURES = {"env_id": "FakeUserRestaurant-v0", "success_rate": 0.975, "settings": {}, "seed": 3}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with hub_server() as hub:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
        files = f"{hub.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", files)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield hub


@pytest.fixture
def agent(tmp_path: Path) -> Path:
    folder = tmp_path / "agent"
    folder.mkdir()
    policy = QTable(DialogueEnv("restaurant"))
    save_agent(folder, policy, name="q_table", env_id="FakeUserRestaurant-v0")
    (folder / "metrics.json").write_text(json.dumps(FIGURES))
    (folder / "learning_curve.png").write_bytes(b"a picture")
    return folder


@pytest.fixture
def domain(tmp_path: Path) -> Path:
    """The files of the hotel as a project, with files that are nobody's business."""
    folder = tmp_path / "hotel"
    folder.mkdir()
    for path in domain_path("hotel").parent.glob("*.*"):
        if path.suffix in (".yml", ".csv"):
            shutil.copy(path, folder)
    (folder / "credentials.yml").write_text("slack:\n  slack_token: secret\n")
    (folder / "actions.py").write_text("import os\n")
    return folder


def error(*words: str, cwd: Path | None = None) -> str:
    done = call("hub", *words, cwd=cwd)
    assert (done.returncode, done.stdout) == (2, "") and done.stderr.count("\n") == 1, done
    return done.stderr.removeprefix("error: ").rstrip("\n")


def test_an_agent_goes_to_the_hub_and_comes_back(hub: Hub, agent: Path, tmp_path: Path) -> None:
    done = call("hub", "push", str(agent), "me/waiter")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"It is at {hub.url}/me/waiter/commit/{2:040x}\n"
    assert {*hub.files("me/waiter")} == {"README.md", "agent.json", "metrics.json", "weights.npz"}
    card = hub.files("me/waiter")["README.md"].decode()
    assert "| success | 97.5% |" in card and "dialogue-gym hub pull me/waiter --out waiter" in card
    assert "dialogue-gym chat restaurant --agent waiter" in card

    hub.files("me/waiter").update(
        {"model.zip": b"PK", "evil.py": b"", "model.bin": b"\x80", "../up.yml": b"", ".git/a.yml": b""}
    )
    done = call("hub", "pull", "me/waiter", cwd=tmp_path)
    assert done.stdout.startswith("4 files in waiter; try dialogue-gym chat restaurant --agent waiter")
    taken = tmp_path / "waiter"
    assert {path.name for path in taken.iterdir()} == {*hub.files("me/waiter")} - {
        "model.zip", "evil.py", "model.bin", "../up.yml", ".git/a.yml",
    }  # fmt: skip
    assert hub.downloads == {path.name for path in taken.iterdir()}
    assert load_agent(str(taken), load_domain("restaurant")) is not None

    (taken / "metrics.json").write_text(json.dumps(FIGURES | {"success_rate": 0.5}))
    assert call("hub", "push", str(taken), "me/waiter").returncode == 0  # once more, and the card follows
    assert "| success | 50.0% |" in hub.files("me/waiter")["README.md"].decode()
    (taken / "README.md").write_text("---\n---\nMy own card.\n")
    assert call("hub", "push", str(taken), "me/waiter").returncode == 0
    assert hub.files("me/waiter")["README.md"].endswith(b"My own card.\n")


def test_what_is_to_be_private_is_never_public(hub: Hub, agent: Path) -> None:
    for _ in range(2):
        assert call("hub", "push", str(agent), "me/secret", "--private").returncode == 0
    assert hub.private == {"me/secret"}
    assert call("hub", "push", str(agent), "me/open").returncode == 0
    before = list(hub.repositories["me/open"])
    said = "--private: me/open is public; another name makes a new repository"
    assert error("push", str(agent), "me/open", "--private") == said
    assert hub.repositories["me/open"] == before
    assert error("push", str(agent), "./shared", "--private").startswith("--private: ./shared is a folder")


def test_a_domain_goes_with_its_database_and_without_secrets(hub: Hub, domain: Path, tmp_path: Path) -> None:
    assert call("hub", "push", str(domain), "me/hotel").returncode == 0
    data = {"domain.yml", "hotels.csv", "nlu.yml", "nlu_test.yml", "stories.yml"}
    assert {*hub.files("me/hotel")} == {"README.md"} | data
    card = hub.files("me/hotel")["README.md"].decode()
    assert "270 venues" in card and "dialogue-gym chat hotel\n" in card
    assert call("hub", "pull", "me/hotel", "--out", "taken/hotel", cwd=tmp_path).returncode == 0
    assert load_domain(str(tmp_path / "taken/hotel")) == load_domain(str(domain))
    (domain / "hotels.csv").rename(tmp_path / "hotels.csv")
    text = (domain / "domain.yml").read_text()
    (domain / "domain.yml").write_text(text.replace("hotels.csv", "../hotels.csv"))
    assert "is outside of the folder" in error("push", str(domain), "me/hotel")
    hub.files("me/hotel")["domain.yml"] = (domain / "domain.yml").read_bytes()
    assert error("pull", "me/hotel", "--out", "again", cwd=tmp_path).startswith(
        "me/hotel: domain.yml: database: "
    )
    assert not (tmp_path / "again").exists()


def test_a_folder_takes_the_place_of_a_repository(agent: Path, domain: Path, tmp_path: Path) -> None:
    """An agent and its own domain travel together, without the paths of this machine."""
    saved = json.loads((agent / "agent.json").read_text())
    saved["settings"] = {"domain": "/home/me/secret/hotel"}
    (domain / "agent.json").write_text(json.dumps(saved))
    shutil.copy(agent / "weights.npz", domain)
    shared = tmp_path / "shared"
    assert call("hub", "push", str(domain), str(shared)).stdout == f"It is at {shared}\n"
    assert "secret" not in "".join(path.read_text("latin-1") for path in shared.iterdir())
    done = call("hub", "pull", "./shared", "--out", "mine", cwd=tmp_path)
    assert done.stdout == "8 files in mine; try dialogue-gym chat mine --agent mine\n"
    assert "exists already and is not empty" in error("push", str(domain), str(shared))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights.npz": b"other"}, "weights.npz: damaged, or of another agent than agent.json"),
        ({"agent.json": b"{}"}, "agent.json: not the file of an agent"),
        ({"metrics.json": b"[1]"}, "metrics.json: not the figures of an agent"),
        ({"domain.yml": b"intents: [greet\n"}, "domain.yml:"),
    ],
)
def test_a_pull_takes_all_or_nothing(
    hub: Hub, agent: Path, tmp_path: Path, change: dict[str, bytes], message: str
) -> None:
    hub.repositories["me/waiter"] = [{path.name: path.read_bytes() for path in agent.iterdir()} | change]
    assert error("pull", "me/waiter", cwd=tmp_path).startswith(f"me/waiter: {message}")
    assert [path.name for path in tmp_path.iterdir()] == ["agent"]


def test_errors_are_one_sentence(
    hub: Hub, agent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.repositories["me/old"] = [{"model.zip": b"PK", "README.md": b"An old agent."}]
    hub.repositories["me/picture"] = [{"picture.png": b""}]
    assert "me/old: its agent is model.zip, which can run code" in error("pull", "me/old", cwd=tmp_path)
    assert error("pull", "me/picture", cwd=tmp_path).startswith("me/picture: neither a trained agent")
    assert error("pull", "me/none", cwd=tmp_path).startswith(f"me/none: {hub.url} has no such repository")
    hub.repositories["me/broken"] = [{}]
    assert error("pull", "me/broken", cwd=tmp_path).endswith("refused (status 500, The disk is full)")
    assert "no such branch" in error("pull", "me/old", "--revision", "v9", cwd=tmp_path)
    assert error("pull", "waiter", cwd=tmp_path).startswith("'waiter' is neither a folder nor the name")
    assert error("pull", "me/wai ter", cwd=tmp_path).startswith("'me/wai ter' is neither")
    assert "this exists already" in error("pull", "me/old", "--out", str(agent))
    assert "no permission to write" in error("push", str(agent), "others/waiter")
    monkeypatch.setenv("HF_TOKEN", "hf_of_nobody")
    assert "no permission to write" in error("push", str(agent), "me/waiter")
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    assert "http://127.0.0.1:9 cannot be reached" in error("pull", "me/waiter", cwd=tmp_path)
    assert "http://127.0.0.1:9 cannot be reached" in error("push", str(agent), "me/waiter")
    (agent / "journal.sqlite").write_bytes(b"")
    assert "this is a store" in error("push", str(agent), "me/waiter")
    assert "no such folder" in error("push", str(tmp_path / "no"), "me/waiter")
    assert {*hub.repositories} == {"me/old", "me/picture", "me/broken"}


def test_an_upload_that_fails_changes_nothing(hub: Hub, agent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.is_full = True
    assert error("push", str(agent), "me/waiter").startswith("me/waiter: the upload failed (")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", False)  # which this server lacks
    assert error("push", str(agent), "me/waiter").startswith("me/waiter: ")
    assert hub.repositories == {"me/waiter": [{}]}


def test_the_commands_of_the_page_run(hub: Hub, agent: Path, tmp_path: Path) -> None:
    """In processes of their own, with the variable of the library that names a server."""
    page = (ROOT / "docs/hub.md").read_text(encoding="utf-8")
    agent.rename(tmp_path / "restaurant-q_table")
    for line in page.partition("```sh\n")[2].partition("```")[0].splitlines():
        if line.startswith("dialogue-gym hub"):
            run(
                [sys.executable, "-m", "dialogue_gym", *shlex.split(line)[1:]],
                tmp_path, HF_ENDPOINT=hub.url, HF_TOKEN=TOKEN, HF_HUB_DISABLE_XET="1",
            )  # fmt: skip
    assert load_agent(str(tmp_path / "waiter"), load_domain("restaurant")) is not None
    assert (tmp_path / "shared/waiter/agent.json").is_file()
