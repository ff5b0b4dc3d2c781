"""Access to the teachers' pages, and refused requests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.datastructures import Headers

nicegui = pytest.importorskip("nicegui", reason="the extra web is missing")

from starlette.requests import HTTPConnection  # noqa: E402

from dialogue_gym.web.access import AccessPolicy, bearer  # noqa: E402
from dialogue_gym.web.security import MOST_BYTES  # noqa: E402
from tests.commands import call  # noqa: E402
from tests.web.requests import PASSWORD, SOCKET, ask, client, enter, open_socket, sign_in  # noqa: E402
from tests.web.servers import Served, served  # noqa: E402


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("open") / "store") as started:
        yield started


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path / "store", DIALOGUE_GYM_PASSWORD=PASSWORD) as started:
        yield started


def test_a_foreign_host_or_origin_is_refused(server: Served) -> None:
    own = f"127.0.0.1:{server.port}"
    for path in ("/", "/teach/", "/teach/enter", "/teach/_nicegui_ws/socket.io/?EIO=4&transport=polling"):
        for foreign in ("evil.example", f"evil.example:{server.port}", "127.0.0.1.evil.example", "["):
            status, _, line = ask(server, path, Host=foreign)
            assert (status, line) == (400, "unknown host name; see --name\n"), path
        for foreign in (
            "http://evil.example", "null", f"http://{own}.evil.example", "http://127.0.0.1:1", "http://[",
        ):  # fmt: skip
            status, _, line = ask(server, path, Origin=foreign)
            assert (status, line) == (403, "cross-site request blocked; see --origin\n"), path
    assert ask(server, Origin=f"http://{own}")[0] == 200
    assert ask(server, Host=f"localhost:{server.port}")[0] == 200
    assert open_socket(server, Host=f"evil.example:{server.port}")[0] == 400
    assert open_socket(server, Origin="http://evil.example") == (
        403,
        "cross-site request blocked; see --origin\n",
    )
    assert open_socket(server, Origin=f"http://{own}") == (101, "")


def test_a_body_that_is_too_large_is_refused(server: Served) -> None:
    said = f"request too large: more than {MOST_BYTES} bytes\n"
    status, _, line = ask(server, "/teach/enter", "POST", b"x" * (MOST_BYTES + 1))
    assert (status, line) == (413, said)
    parts = (b"x" * 100_000 for _ in range(11))
    status, _, line = ask(server, "/teach/enter", "POST", parts, Transfer_Encoding="chunked")
    assert (status, line) == (413, said)
    status, _, line = ask(server, "/teach/enter", "POST", b"", Content_Length="-1")
    assert status == 400
    with client.connect(f"ws://127.0.0.1:{server.port}{SOCKET}", proxy=None) as opened:
        from websockets.exceptions import ConnectionClosed

        opened.recv()
        with pytest.raises(ConnectionClosed):
            opened.send("4" + "x" * MOST_BYTES)
            while True:
                opened.recv(60)
    assert ask(server)[0] == 200


@pytest.mark.parametrize(
    "name",
    ["../journal.sqlite", "..%2fjournal.sqlite", "%2e%2e/%2e%2e/etc/passwd", "/etc/passwd", "nlu.yml%00"],
)
def test_only_exports_can_be_fetched(server: Served, name: str) -> None:
    status, _, line = ask(server, f"/teach/export/{name}")
    assert status == 404 and "no such export" in line and line.count("\n") == 1
    assert ask(server, f"/teach/export?target={name}", "POST", b"")[0] == 400
    status, _, line = ask(server, f"/teach/import/nlu?name={name}", "POST", b"\xff")
    assert status == 400 and line.count("\n") == 1


def test_pages_cannot_be_framed(server: Served) -> None:
    headers = ask(server)[1]
    assert (
        headers["x-frame-options"] == "DENY"
        and "frame-ancestors 'none'" in headers["content-security-policy"]
    )


def test_password_is_required(closed: Served) -> None:
    status, headers, _ = ask(closed, Accept="text/html")
    assert (status, headers["location"]) == (303, "/teach/enter")
    assert ask(closed)[0] == 401 and open_socket(closed) == (401, "password required\n")
    assert ask(closed, "/teach/_nicegui_ws/socket.io/?EIO=4&transport=polling")[0] == 401
    status, headers, page = enter(closed, "open sesam")
    assert status == 401 and "Wrong password." in page and "set-cookie" not in headers
    status, _, page = enter(closed, name="fake user")
    assert status == 400 and "Please choose another name: &#x27;fake user&#x27; is reserved." in page
    status, headers, _ = enter(closed)
    cookie = headers["set-cookie"]
    assert status == 303 and all(part in cookie for part in ("HttpOnly", "SameSite=strict", "Path=/teach"))
    own = cookie.partition(";")[0]
    assert "anna" in ask(closed, Cookie=own)[2] and open_socket(closed, Cookie=own) == (101, "")
    # Cookies of other programs at the same host, whose ports do not tell them apart.
    for other in ('prefs={"a": 1}', "city=M\xfcnchen", "path=/x", "word", "a=b c", 'q="', ""):
        for both in (f"{other}; {own}", f"{own}; {other}"):
            assert "anna" in ask(closed, Cookie=both)[2], both
    forged = (
        own[:-9] + ("a" if own[-9] != "a" else "b") + own[-8:]
    )  # some bits of the last character do not count
    assert ask(closed, Cookie=forged)[0] == 401
    closed.kill()
    closed.start()
    assert ask(closed, Cookie=own)[0] == 200  # the password is still the same


def test_a_form_has_few_fields(closed: Served) -> None:
    """Strangers send forms, and one of a million fields would keep everybody waiting while it is read."""
    right = f"name=anna&password={PASSWORD.replace(' ', '+')}"
    for form in ("&".join(["x=1"] * 100 + [right]), f"x={'1' * 100_000}&{right}"):
        assert ask(closed, "/teach/enter", "POST", form)[0] == 401
    assert ask(closed, "/teach/enter", "POST", right)[0] == 303


def test_a_sign_out_that_cannot_be_written_is_told(closed: Served) -> None:
    cookie = sign_in(closed)
    lock = closed.folder / ".web.sessions.lock"
    lock.unlink(missing_ok=True)
    lock.mkdir()
    status, _, page = ask(closed, "/teach/enter", "POST", "do=sign_out", Cookie=cookie)
    assert status == 503 and "cannot write this down" in page
    lock.rmdir()
    assert ask(closed, "/teach/enter", "POST", "do=sign_out", Cookie=cookie)[0] == 303
    assert "Traceback" not in closed.log.read_text()


@pytest.mark.parametrize("sent", ["w\xf6rter und mehr".encode(), "w\xf6rter und mehr".encode("latin-1")])
def test_a_password_of_any_letters_is_a_bearer(sent: bytes) -> None:
    """Programs differ in how they send letters: curl as UTF-8, requests as Latin-1."""
    scope = {"type": "http", "headers": [(b"authorization", b"Bearer " + sent)]}
    assert bearer(HTTPConnection(scope)) == "w\xf6rter und mehr"


def test_repeated_wrong_passwords_are_delayed(closed: Served) -> None:
    for _ in range(3):
        assert enter(closed, "guess")[0] == 401
    status, headers, page = enter(closed)
    assert status == 429 and headers["retry-after"] == "1" and "Try again in 1 second." in page


@pytest.mark.parametrize(
    ("host", "names", "known", "foreign"),
    [
        ("127.0.0.1", (), ["127.0.0.1", "localhost:80", "[::1]:8080"], ["10.0.0.1", "evil.example", ""]),
        ("0.0.0.0", (), ["10.0.0.1:8080", "localhost"], ["evil.example", "evil.example:8080"]),
        ("0.0.0.0", ("bot.example",), ["bot.example", "BOT.example:443"], ["not.bot.example"]),
    ],
)
def test_known_and_foreign_hosts_are_distinguished(
    tmp_path: Path, host: str, names: tuple[str, ...], known: list[str], foreign: list[str]
) -> None:
    policy = AccessPolicy(host, tmp_path, PASSWORD, names)
    assert [name for name in known if not policy.knows_host(name)] == []
    assert [name for name in foreign if policy.knows_host(name)] == []


def test_another_password_invalidates_all_cookies(tmp_path: Path) -> None:
    before, after = AccessPolicy("::1", tmp_path, PASSWORD), AccessPolicy("::1", tmp_path, "another one")
    (_, cookie), _ = before.sign_in("anna", Headers(), "/teach", is_https=False)
    headers = Headers({"cookie": cookie.decode().partition(";")[0]})
    assert before.teacher(headers) == AccessPolicy("::1", tmp_path, PASSWORD).teacher(headers) == "anna"
    assert after.teacher(headers) is None
    assert (tmp_path / "web.key").stat().st_mode & 0o77 == 0


@pytest.mark.parametrize(
    ("options", "environment", "line"),
    [
        (
            ["--host", "0.0.0.0"],
            {},
            "--host 0.0.0.0: other machines can reach this address, so a password is required",
        ),
        (["--host", "0.0.0.0"], {"DIALOGUE_GYM_PASSWORD": "short"}, "the password is too short"),
        (
            ["--host", "nowhere.invalid", "--password-file", "word"],
            {},
            "--host nowhere.invalid --port 8080: ",
        ),
        (["--password-file", "none"], {}, "none: there is no such file"),
        (["--stories", "none.md"], {}, "none.md"),
        (
            ["--talk", "--name", "bot.example"],
            {},
            "--talk --name bot.example: visitors would reach the teachers' pages",
        ),
        (["--name", "https://bot.example"], {}, "--name 'https://bot.example': expected the name of a host"),
        (["--name", "bot.example:443"], {}, "--name 'bot.example:443': expected the name of a host"),
        (["--behind-proxy", "localhost"], {}, "--behind-proxy 'localhost': expected an address such as"),
        (["--behind-proxy", "0.0.0.0/0"], {}, "--behind-proxy 0.0.0.0/0: everybody could then choose"),
        (["--talk", "--token-file", "none"], {}, "none: there is no such file"),
        (["--talk", "--token-file", "twice"], {}, "twice:2: another line has this name or this token"),
        (["--talk", "--explore", "often"], {}, "--explore 'often': expected 'auto', or a number from 0 to 1"),
        (["--token-file", "none"], {}, "--token-file: this is for visitors; add --talk"),
        (["--no-teach"], {}, "--no-teach: there is nothing to serve; add --talk"),
        (["--no-teach", "--talk", "--pretrained"], {}, "--pretrained: this is for teachers"),
        (["--sessions", "5"], {}, "--sessions: this is for OpenEnv; add --openenv"),
        (["--no-teach", "--openenv", "--seed", "5"], {}, "--seed: over OpenEnv the client is the bot"),
        (["--openenv", "--setting", "patience=x"], {}, "--setting: patience='x': must be"),
        (
            ["--openenv", "--setting", "shaping=1"],
            {},
            "--setting: unknown setting 'shaping'; valid: correction",
        ),
        (["--openenv", "--setting", "patients=2"], {}, "--setting: unknown setting 'patients'; did you mean"),
        (
            ["--no-teach", "--openenv", "--name", "train.example"],
            {},
            "--openenv --name train.example: others would reach it, so a password is required",
        ),
        (
            ["--no-teach", "--talk", "--host", "0.0.0.0"],
            {},
            "--host 0.0.0.0: other machines can reach this address, so a password is required",
        ),
    ],
)
def test_unusable_options_are_explained_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    environment: dict[str, str],
    line: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "word").write_text(PASSWORD, encoding="utf-8")
    (tmp_path / "twice").write_text("shop token-of-the-shop\nshop another-token\n", encoding="utf-8")
    result = call("serve", "restaurant", "--no-open", *options, cwd=tmp_path)
    assert result.returncode == 2 and result.stderr.startswith(f"error: {line}"), result.stderr
    assert result.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["twice", "word"]


def test_only_the_store_is_written(server: Served) -> None:
    assert ask(server)[0] == 200
    assert {path.name for path in server.folder.parent.iterdir()} == {"store", "store.log"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), r"Teach the bot at http://127\.0\.0\.1:\d+/teach/\n"),
        (("--name", "bot.example.org"), r"Teach the bot at http://127\.0\.0\.1:\d+/teach/\n"),
        (
            ("--name", "bot.example.org", "--behind-proxy", "127.0.0.1"),
            r"Teach the bot at https://bot\.example\.org/teach/ \(through the proxy, from"
            r" http://127\.0\.0\.1:\d+/teach/\)\n",
        ),
    ],
)
def test_behind_a_proxy_the_address_is_the_one_of_people(
    options: tuple[str, ...], told: str, tmp_path: Path
) -> None:
    with served(tmp_path / "store", *options, DIALOGUE_GYM_PASSWORD=PASSWORD) as server:
        assert re.search(told, server.log.read_text())
