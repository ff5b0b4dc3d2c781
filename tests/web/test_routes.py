"""Everything that the server answers, with those who may ask for it: a new route needs a decision here."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nicegui", reason="the extra web is missing")

from dialogue_gym.web import pages
from dialogue_gym.web.account_file import AccountFile
from dialogue_gym.web.accounts import TeacherRole
from dialogue_gym.web.channels.slack import SECRET, TOKEN
from dialogue_gym.web.commands import COMMANDS
from tests.processes import PROCESSES, run_command
from tests.web.requests import PASSWORD, ask, cookies_of, enter
from tests.web.servers import Served
from tests.web.test_roles import OWN, ROLES, basic


class Who(Enum):
    """Those who are let in."""

    EVERYBODY = "everybody, and it tells nothing about others"
    VISITOR = "everybody, each in their own conversation"
    PROGRAM = "programs with the token of a channel"
    SLACK = "requests that Slack has signed"
    CLIENT = "clients of OpenEnv, with the shared password"
    MACHINE = "programs on this machine, or with the token for figures"
    TEACH = TeacherRole.TEACH
    APPROVE = TeacherRole.APPROVE
    ADMINISTER = TeacherRole.ADMINISTER


ROUTES = {
    Who.EVERYBODY: """
        GET / GET /health/live GET /health/ready GET /openapi.json GET /webhooks/rest/ GET /webhooks/callback/
        GET /teach/enter POST /teach/enter GET /teach/join/{token} POST /teach/join/{token}
        GET /talk/static/{name} GET /talk/branding.css GET /talk/logo GET /talk/widget.js
    """,
    Who.VISITOR: """
        GET /talk/ POST /talk/visitor GET /talk/state POST /talk/say POST /talk/leave POST /talk/rate
        ANY /socket.io
    """,
    Who.PROGRAM: "POST /webhooks/rest/webhook POST /webhooks/callback/webhook",
    Who.SLACK: "POST /webhooks/slack/webhook",
    Who.CLIENT: """
        GET /openenv/openapi.json GET /openenv/health GET /openenv/metadata GET /openenv/schema
        POST /openenv/reset POST /openenv/step GET /openenv/state POST /openenv/mcp SOCKET /openenv/ws
    """,
    Who.MACHINE: "GET /metrics",
    Who.TEACH: """
        GET /teach/ GET /teach/progress GET /teach/conversations GET /teach/domain GET /teach/people
        GET /teach/play
        GET /teach/static/{path:path} ANY /teach/_nicegui_ws ANY /teach/_nicegui/static
        GET /teach/_nicegui/libraries/{key:path} GET /teach/_nicegui/components/{key:path}
        GET /teach/_nicegui/resources/{key}/{path:path} GET /teach/_nicegui/dynamic_resources/{name}
        GET /teach/_nicegui/esm/{key}/{path:path}
        POST /teach/growth
        GET /api/people/{sender:path}/tracker GET /api/ratings GET /api/domain POST /api/domain/edits
    """,
    Who.APPROVE: """
        POST /api/people/{sender:path}/rating POST /api/ratings/{id}/approval DELETE /api/ratings/{id}
    """,
    Who.ADMINISTER: """
        POST /teach/export GET /teach/export/{name:path} POST /teach/import/{kind}
        GET /teach/teachers POST /teach/teachers
    """,
}
"""Methods and paths; those of NiceGUI without its version."""
CLICKS = {
    Who.TEACH: """
        conversations.name conversations.open conversations.read conversations.refresh conversations.search
        domain.edit domain.read people.decide people.give_back people.read people.say people.take_over
        progress.click teach.command teach.refresh teach.stop
    """,
    Who.APPROVE: "conversations.approve conversations.decline_bursts conversations.settle_rating",
}
"""The events that the teachers' pages send through their socket, by the file of the page."""
TOLD = {
    Who.TEACH: """
        add_unknown cancel confirm correct correct_message correct_with_new dismiss_unknown fork redo resolve
        restart resume run run_action say skip_action threshold undo use_meant user wizard
    """,
}
"""The commands of the teaching page."""
BODY = '{"sender": "ann", "message": "/greet", "value": 1}'
SAMPLES = {"id": "1", "kind": "domain", "sender:path": "ann", "name:path": "chats.zip"}
SWITCHES = (
    "--talk", "--openenv", "--slack", "--callback", "http://127.0.0.1:9/", "--token-file", "tokens",
)  # fmt: skip
ENVIRONMENT = {"DIALOGUE_GYM_PASSWORD": PASSWORD, TOKEN: "xoxb-1", SECRET: "a secret of Slack"}


def routes_of(app: Any, prefix: str = "") -> Iterator[str]:
    """Yield method and path of each route of an application, and of those that it passes requests to."""
    if (routes := getattr(app, "routes", None)) is None:
        inner = [found for name in ("_own", "_app") if (found := getattr(app, name, None)) is not None]
        for one in inner:
            yield from routes_of(one, prefix)
        if not inner:
            yield f"ANY {prefix}"
        return
    for route in routes:
        path = prefix + route.path
        if hasattr(route, "app") and not hasattr(route, "endpoint"):
            yield from routes_of(route.app, path)
        else:
            for method in getattr(route, "methods", None) or {"SOCKET"}:
                yield from [] if method == "HEAD" else [f"{method} {path}"]


def write_routes(words: tuple[str, ...], folder: Path, environment: dict[str, str]) -> None:
    """Write the routes of the server of a command to a file, instead of serving."""
    from dialogue_gym.web import run

    def take(app: Any, *others: Any, **options: Any) -> None:
        (folder / "routes").write_text("\n".join(routes_of(app)))

    run.serve = take  # type: ignore[assignment]
    run_command(words, folder, folder / "log", environment)


def decided(decisions: dict[Who, str]) -> dict[str, Who]:
    """Return each of the names in a table with those who may use it."""
    pairs = [(" ".join(name.split()), who) for who, text in decisions.items() for name in _names(text)]
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def _names(text: str) -> list[str]:
    return re.findall(r"[A-Z]+ \S+", text) or text.split()


@pytest.fixture
def words(tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "tokens").write_text("shop a-token-of-a-shop\n")
    return ("serve", "restaurant", "--store", "store", "--no-open", *SWITCHES)


def test_each_route_has_a_decision_about_who_may_use_it(words: tuple[str, ...], tmp_path: Path) -> None:
    process = PROCESSES.Process(target=write_routes, args=((*words, "--port", "0"), tmp_path, ENVIRONMENT))
    process.start()
    process.join()
    assert process.exitcode == 0, (tmp_path / "log").read_text()
    found = re.sub(r"/_nicegui/[\d.]+", "/_nicegui", (tmp_path / "routes").read_text()).splitlines()
    assert sorted(found) == sorted(decided(ROUTES))


def test_each_click_and_command_has_a_decision_about_who_may_use_it() -> None:
    clicks = []
    for file in Path(pages.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "on":
                assert isinstance(node.args[0], ast.Constant), (file, node.lineno)
                clicks.append(f"{file.stem}.{node.args[0].value}")
    assert sorted(clicks) == sorted(decided(CLICKS))
    assert sorted(COMMANDS) == sorted(decided(TOLD))


def test_each_route_lets_in_those_who_may_use_it(words: tuple[str, ...], tmp_path: Path) -> None:
    accounts = AccountFile(tmp_path / "store")
    for name, role in ROLES.items():
        accounts.join(accounts.invite(name, role, "anna")[0], OWN)
    options = words[words.index("--no-open") :]
    server = Served(tmp_path / "store", *options, **ENVIRONMENT)
    try:
        cookies = {name: cookies_of(enter(server, OWN, name)) for name in ROLES}

        def is_let_in(route: str, **headers: str) -> bool:
            method, path = route.split()
            path = re.sub(r"{([\w:]+)}", lambda part: SAMPLES.get(part[1], "x"), path)
            status, _, body = ask(
                server, path, method, BODY, **{"Content_Type": "application/json"} | headers
            )
            assert status < 500, (route, status, body)
            return status not in (401, 403) or 'class="sign-in"' in body

        for route, who in decided(ROUTES).items():
            if route.startswith(("SOCKET", "ANY")):
                continue  # sockets have tests of their own
            if isinstance(who.value, TeacherRole):
                for name, role in ROLES.items():
                    is_in = is_let_in(route, Cookie=cookies[name], **basic(name))
                    assert is_in == role.includes(who.value), (route, name)
                assert not is_let_in(route) and not is_let_in(route, Authorization=f"Bearer {PASSWORD}")
                continue
            is_open = who in (Who.EVERYBODY, Who.VISITOR)
            assert is_let_in(route, X_Forwarded_For="192.0.2.1") == is_open, route
            token = {Who.CLIENT: PASSWORD, Who.PROGRAM: "a-token-of-a-shop"}.get(who)
            assert token is None or is_let_in(route, Authorization=f"Bearer {token}"), route
        assert "Traceback" not in server.log.read_text()
    finally:
        server.kill()
