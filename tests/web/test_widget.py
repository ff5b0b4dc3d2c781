"""A web chat widget from npm talks to the server in a browser, on a page of another site."""

from __future__ import annotations

import functools
import http.server
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra web is missing")
playwright = pytest.importorskip("playwright.sync_api", reason="the package playwright is missing")

from tests.web.servers import chromium  # noqa: E402
from tests.web.test_channels import ChannelServed  # noqa: E402

WIDGET = "rasa-webchat@1.0.1"
PAGE = """<!doctype html><meta charset="utf-8"><title>A shop</title>
<script src="/package/lib/index.js"></script>
<script>
window.WebChat.default({{
  socketUrl: "http://127.0.0.1:{port}", embedded: true, initPayload: "/greet",
  customMessageDelay: () => 0, params: {{storage: "session"}},
}}, null);
</script>"""


@contextmanager
def site(folder: Path) -> Iterator[int]:
    """Serve the files of a folder; yield the port."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.slow
@pytest.mark.skipif(chromium() is None, reason="Chromium is missing")
def test_a_widget_from_npm_talks_to_the_bot(tmp_path: Path) -> None:
    if (npm := shutil.which("npm")) is None:
        pytest.skip("npm is missing")
    packed = subprocess.run([npm, "pack", WIDGET], cwd=tmp_path, capture_output=True, text=True, check=False)
    if packed.returncode:
        pytest.skip(f"npm has no {WIDGET} here: {packed.stderr[-200:]}")
    with tarfile.open(tmp_path / packed.stdout.split()[-1]) as archive:
        archive.extractall(tmp_path / "site", filter="data")
    with site(tmp_path / "site") as port, playwright.sync_playwright() as run:
        origin = f"http://127.0.0.1:{port}"
        server = ChannelServed(tmp_path, "--origin", origin)
        try:
            (tmp_path / "site/index.html").write_text(PAGE.format(port=server.port))
            browser = run.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
            page = browser.new_page()
            faults: list[str] = []
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.goto(origin)
            page.wait_for_selector("text=Hello None")
            page.fill(".rw-new-message", '/tell{"who": "Ann"}')
            page.press(".rw-new-message", "Enter")
            page.wait_for_selector("text=Hello Ann")
            page.reload()  # the widget goes on with its session
            page.wait_for_selector("text=Hello Ann")
            page.click(".rw-reply:has-text('Hi')")
            page.wait_for_function("() => document.body.innerText.split('Hello Ann').length === 3")
            browser.close()
        finally:
            server.kill()
    assert faults == [] and server.texts() == ["/greet", '/tell{"who": "Ann"}', "/greet"]
