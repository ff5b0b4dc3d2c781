"""A server with the part of the Hugging Face Hub's interface that a push and a pull use, on this machine."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN = "hf_of_somebody"


@dataclass
class Hub:
    """Repositories by name: the files of each of their commits, the newest last.

    As on the Hub, arrays of NumPy are uploaded by themselves, before the commit that names them.
    """

    url: str = ""
    uploads: dict[str, bytes] = field(default_factory=dict)
    downloads: set[str] = field(default_factory=set)
    is_full: bool = False
    repositories: dict[str, list[dict[str, bytes]]] = field(default_factory=dict)
    private: set[str] = field(default_factory=set)

    def files(self, name: str) -> dict[str, bytes]:
        return self.repositories[name][-1]

    def commit_id(self, name: str) -> str:
        return f"{len(self.repositories[name]):040x}"


class Answer(Exception):
    """A status with JSON or bytes, and headers."""

    def __init__(self, status: int, content: Any = b"", **headers: str) -> None:
        super().__init__(status)
        self.status, self.headers = status, headers
        self.data = content if isinstance(content, bytes) else json.dumps(content).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _answer(self) -> None:
        body = self._body()
        words = [unquote(word) for word in urlsplit(self.path).path.strip("/").split("/")]
        answer = Answer(404, {"error": f"no such address: {self.path}"})
        try:
            self._serve(words, body)
        except Answer as found:
            answer = found
        self.send_response(answer.status)
        for key, value in answer.headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(answer.data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.data)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _serve(self, words: list[str], body: bytes) -> None:
        if words == ["api", "validate-yaml"]:
            content = json.loads(body)["content"]
            raise Answer(200, {"warnings": [], "errors": [] if content.startswith("---\n") else [{}]})
        if words == ["api", "repos", "create"]:
            self._create(json.loads(body))
        if words[:2] == ["api", "models"]:
            self._model("/".join(words[2:4]), words[4:], body)
        if words[2:] == ["info", "lfs", "objects", "batch"]:
            self._may_write()
            asked = json.loads(body)["objects"]
            objects = [
                one | {"actions": {"upload": {"href": f"{self.hub.url}/upload/{one['oid']}"}}}
                for one in asked
            ]
            raise Answer(200, {"transfer": "basic", "objects": objects})
        if words[0] == "upload" and self.hub.is_full:
            raise Answer(403, {"error": "Storage limit reached"})
        if words[0] == "upload":
            self.hub.uploads[hashlib.sha256(body).hexdigest()] = body
            raise Answer(200)
        if words[2:3] == ["resolve"]:
            name, path = "/".join(words[:2]), "/".join(words[4:])
            self.hub.downloads.add(path)
            data = self.hub.files(name)[path]
            tag = f'"{hashlib.sha1(data).hexdigest()}"'
            raise Answer(200, data, ETag=tag, X_Repo_Commit=self.hub.commit_id(name))

    def _create(self, asked: dict[str, Any]) -> None:
        self._may_write()
        name = f"{asked['organization']}/{asked['name']}"
        if asked["organization"] == "others":
            raise Answer(403, {"error": "You don't have the rights to create a model under others"})
        address = {"url": f"{self.hub.url}/{name}", "name": name}
        if name in self.hub.repositories:
            raise Answer(409, address | {"error": "You already created this model repo"})
        self.hub.repositories[name] = [{}]
        if asked.get("private") or asked.get("visibility") == "private":
            self.hub.private.add(name)
        raise Answer(200, address)

    def _model(self, name: str, words: list[str], body: bytes) -> None:
        if name not in self.hub.repositories:
            raise Answer(404, {"error": "Repository not found"}, X_Error_Code="RepoNotFound")
        commit = self.hub.commit_id(name)
        if name == "me/broken":
            raise Answer(500, {"error": "The disk is full"})
        if not words or words[0] == "revision":
            if words and words[1] not in ("main", commit):
                raise Answer(404, {"error": "Invalid rev id"}, X_Error_Code="RevisionNotFound")
            about = {"id": name, "modelId": name, "sha": commit, "siblings": [], "tags": []}
            raise Answer(200, about | {"private": name in self.hub.private})
        if words[0] == "tree":
            raise Answer(200, [
                {"type": "file", "path": path, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
                for path, data in self.hub.files(name).items()
            ])  # fmt: skip
        self._may_write()
        if words[0] == "preupload":
            paths = [one["path"] for one in json.loads(body)["files"]]
            raise Answer(200, {
                "files": [
                    {
                        "path": one,
                        "uploadMode": "lfs" if one.endswith(".npz") else "regular",
                        "shouldIgnore": False,
                    }
                    for one in paths
                ]
            })  # fmt: skip
        if words[0] == "commit":
            lines = [json.loads(line) for line in body.splitlines()]
            added = {
                line["value"]["path"]: base64.b64decode(line["value"]["content"])
                for line in lines
                if line["key"] == "file"
            } | {
                line["value"]["path"]: self.hub.uploads[line["value"]["oid"]]
                for line in lines
                if line["key"] == "lfsFile"
            }
            self.hub.repositories[name].append(self.hub.files(name) | added)
            commit = self.hub.commit_id(name)
            raise Answer(200, {
                "commitUrl": f"{self.hub.url}/{name}/commit/{commit}", "commitOid": commit, "success": True
            })  # fmt: skip

    def _may_write(self) -> None:
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            raise Answer(401, {"error": "Invalid username or password."})


@contextlib.contextmanager
def hub_server() -> Iterator[Hub]:
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("HubHandler", (Handler,), {"hub": hub}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
