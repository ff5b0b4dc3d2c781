"""The console blocks of the pages run as they stand there: servers, curl, openssl. Addresses are replaced."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra web is missing")

from dialogue_gym.journal.place import DatabaseUrl
from tests.commands import run
from tests.pages import block_with
from tests.postgres import ESCAPED, PASSWORD, USER, PostgresServer
from tests.processes import command_process
from tests.text.chat_server import attentive, chat_server
from tests.text.test_paraphrases import model
from tests.web.requests import invite, join
from tests.web.servers import LONG, wait_for
from tests.web.test_attacks import free_port, nginx_with

OTHERS = ("pip install", "docker")
"""Lines that other tests check: `tests/test_package.py`, and `tests/web/test_containers.py` for Docker."""


class Console:
    """A terminal in a folder of its own. A server that is started in it listens at a free port.

    Attributes:
        port: the port of the last server.
        replaced: texts of the pages, and those that stand here in their place.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, 0
        self.replaced: dict[str, str] = {}
        self._variables = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        self._servers: list[Any] = []

    def type(self, block: str) -> list[str]:
        """Type the commands of a block; return what each prints, without those of `OTHERS`."""
        lines = [line.removeprefix("$ ") for line in block.replace("\\\n", " ").splitlines()]
        return [self._run(line) for line in lines if line and not line.startswith(OTHERS)]

    def _run(self, line: str) -> str:
        for shown, here in self.replaced.items():
            line = line.replace(shown, here)
        if found := re.fullmatch(r"export (\w+)=(.*)", line):
            (self._variables[found[1]],) = shlex.split(found[2])
            return ""
        if line.startswith("dialogue-gym serve "):
            return self._serve(shlex.split(line)[1:])
        if not line.startswith("curl "):  # a server has its terminal until it is stopped
            self.stop()
        at = re.sub(r"(https?://bot\.example\.org|localhost:8080)", f"http://127.0.0.1:{self.port}", line)
        return run(["bash", "-c", at], self.folder, **self._variables).stdout

    def _serve(self, words: list[str]) -> str:
        log = self.folder / f"server{len(self._servers)}.log"
        log.touch()
        process = command_process((*words, "--no-open", "--port", "0"), self.folder, log, **self._variables)
        self._servers.append(process)

        def port() -> str | None:
            assert process.is_alive(), log.read_text()
            found = re.search(r"http://[^/\s]*:(\d+)/(talk|openenv)/", log.read_text())
            return found and found[1]

        self.port = int(wait_for(port))
        up = ["curl", "--fail", "--silent", "--retry", "180", "--retry-all-errors", "--retry-delay", "1"]
        return run([*up, f"http://127.0.0.1:{self.port}/health/ready"], self.folder).stdout

    def stop(self) -> None:
        """Stop the servers."""
        for process in self._servers:
            process.terminate()
            process.join(LONG)
        self._servers.clear()


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    if missing := [program for program in ("bash", "curl", "openssl") if not shutil.which(program)]:
        pytest.skip(f"{missing[0]} is missing")
    (tmp_path / "password.txt").write_text("open sesame\n")
    (tmp_path / "metrics-token.txt").write_text("a token of at least sixteen characters\n")
    (tmp_path / "logo.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    opened = Console(tmp_path)
    yield opened
    opened.stop()


@pytest.mark.slow
def test_the_bot_over_http_answers_and_shows_a_conversation(console: Console) -> None:
    console.type(block_with("docs/live.md", "export DIALOGUE_GYM_PASSWORD"))
    answered, tracker = map(json.loads, console.type(block_with("docs/live.md", "curl -X POST")))
    assert answered[0]["recipient_id"] == "ann" and answered[0]["text"]
    assert tracker["sender_id"] == "ann" and "hello" in json.dumps(tracker["events"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "part"),
    [
        ("docs/live.md", "--title"),
        ("docs/learning-from-logs.md", "--promote"),
        ("docs/language-models.md", "serve restaurant --no-teach --openenv"),
    ],
)
def test_servers_start(console: Console, page: str, part: str) -> None:
    (ready,) = console.type(block_with(page, part))
    assert json.loads(ready)["status"] == "ok"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "part"), [("docs/live.md", "--behind-proxy"), ("docs/serving.md", "--log-json")]
)
def test_a_proxy_of_the_page_stands_in_front(console: Console, page: str, part: str) -> None:
    console.type(block_with(page, part))
    port, folder = free_port(), console.folder
    block = re.sub(r"\d+(\.\d+){3}:80\d+", f"127.0.0.1:{console.port}", block_with(page, "proxy_pass"))
    made = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=bot.example.org -keyout key.pem -out cert.pem"
    run(shlex.split(made), folder)
    certificate = f"ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;"
    block = block.replace("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl; {certificate}")
    with nginx_with(folder, block, port):
        at = f"https://bot.example.org:{port}"
        curl = ["curl", "--silent", "--fail", "--insecure", "--resolve", f"bot.example.org:{port}:127.0.0.1"]
        assert "restaurant" in run([*curl, f"{at}/talk/"], folder).stdout
        assert "assword" in run([*curl, "--no-fail", "--location", f"{at}/teach/"], folder).stdout
        hook = f"{at}/webhooks/rest/webhook"
        said = run([*curl, hook, "--json", '{"sender": "ann", "message": "hello"}'], folder).stdout
        assert json.loads(said)[0]["recipient_id"] == "ann"


def test_figures_for_prometheus_exist(console: Console) -> None:
    console.type(block_with("docs/serving.md", "--log-json"))
    (figures,) = console.type("curl --silent localhost:8080/metrics")
    named = re.findall(r"dialogue_gym_\w+", block_with("docs/serving.md", "sum(increase"))
    assert len(named) == 5
    for name in named:
        assert re.search(rf"^# TYPE {name.removesuffix('_bucket')} ", figures, re.MULTILINE), name


@pytest.mark.slow
def test_several_processes_serve_from_a_database(console: Console, database: DatabaseUrl) -> None:
    console.replaced = {"postgresql://bot@db.example.org/bot": shlex.quote(database.url)}
    (ready,) = console.type(block_with("docs/serving.md", "--workers"))
    assert json.loads(ready)["status"] == "ok"
    said = '{"sender": "ann", "message": "hello"}'
    curl = "curl --silent --fail --retry 9"  # another worker may be ready a moment later
    (answer,) = console.type(f"{curl} localhost:8080/webhooks/rest/webhook --json '{said}'")
    assert json.loads(answer)[0]["recipient_id"] == "ann"


@pytest.mark.slow
def test_store_moves_to_a_database_and_back(console: Console, postgres: PostgresServer) -> None:
    address = f"postgresql://{USER}:{ESCAPED}@127.0.0.1:{postgres.port}"
    console.replaced = {"postgresql://ann@db.example": address}
    console.type("export PGHOST=127.0.0.1\n" + "\n".join(
        f"export {name}={shlex.quote(str(value))}"
        for name, value in {"PGPORT": postgres.port, "PGUSER": USER, "PGPASSWORD": PASSWORD}.items()
    ))  # fmt: skip
    console.type("dialogue-gym teach restaurant --teacher expert --dialogues 2 --store restaurant-live")
    try:
        _, there, ready, back = console.type(block_with("docs/live.md", "createdb"))
        assert "has all of restaurant-live: " in there and json.loads(ready)["status"] == "ok"
        assert "from-the-database has all of " in back
    finally:
        console.stop()
        postgres.sql("DROP DATABASE IF EXISTS bot WITH (FORCE)")


def test_secrets_are_made_for_the_containers(console: Console) -> None:
    console.type(block_with("docs/serving.md", "openssl"))
    secrets = [
        (console.folder / "secrets" / name).read_text() for name in ("password.txt", "metrics-token.txt")
    ]
    assert all(len(secret.strip()) == 32 for secret in secrets) and len({*secrets}) == 2
    assert re.fullmatch(r"DB_PASSWORD=[0-9a-f]{48}\n", (console.folder / ".env").read_text())


@pytest.mark.slow
def test_program_reads_ratings_by_an_account(console: Console) -> None:
    console.type("dialogue-gym serve restaurant --talk --store restaurant-live")
    join(console, invite(console.folder / "restaurant-live", console.port, "anna"), "correct horse")  # type: ignore[arg-type]
    (ratings,) = console.type(block_with("docs/teachers.md", "curl"))
    assert json.loads(ratings) == []


def test_model_on_a_server_is_evaluated_and_says_more_sentences(console: Console) -> None:
    page = "docs/language-models.md"
    with chat_server(attentive) as server:
        console.replaced = {"http://localhost:8000/v1": server.url}
        _, shown = console.type(block_with(page, "export OPENAI_API_KEY"))
        assert "success" in shown and server.keys[0] == "Bearer ..."
    with chat_server(lambda request: {"role": "assistant", "content": "utter_ask_cuisine"}) as server:
        console.replaced = {"URL": server.url}
        (shown,) = console.type(block_with(page, "gemma-3-270m"))
        assert "success" in shown and server.requests[-1]["max_tokens"] == 48
    with chat_server(model) as server:
        console.replaced = {"http://localhost:8000/v1": server.url}
        console.type(block_with(page, "dialogue-gym paraphrase"))
    assert "Well, " in (console.folder / "nlu.yml").read_text()


def test_chats_of_a_store_are_exported(console: Console) -> None:
    console.type("dialogue-gym teach restaurant --teacher expert --dialogues 2")
    console.type(block_with("docs/language-models.md", "--chat\n"))
    lines = (console.folder / "chats/conversations.jsonl").read_text().splitlines()
    assert len(lines) == 2 and {"messages", "tools"} <= json.loads(lines[0]).keys()
