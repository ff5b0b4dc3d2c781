"""Files that would be waited for without end: every option that reads a file refuses a named pipe."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT

COMMANDS = {
    "serve restaurant --no-open --port 0 --password-file pipe": "pipe: this is a directory",
    "serve restaurant --no-open --port 0 --talk --token-file pipe": "pipe: this is a directory",
    "serve restaurant --no-open --port 0 --talk --logo pipe.svg": "pipe.svg: this is a directory",
    "serve restaurant --no-open --port 0 --store out --stories pipe": "pipe: this is a directory",
    "serve restaurant --no-open --port 0 --store journal": "journal/journal.sqlite: this is a directory",
    "teach restaurant --store out --nlu pipe.yml": "pipe.yml: this is a directory",
    "teach restaurant --store out --actions pipe.py": "pipe.py: no such file",
    "live restaurant --store out --agent agent": "agent: not a trained agent (agent.json: this is",
    "chat restaurant --agent agent": "agent: not a trained agent (agent.json: this is",
    "chat restaurant --stories pipe": "pipe: this is a directory",
    "evaluate restaurant --agent former": "former: not a trained agent (metrics.json cannot be read)",
    "check pipe.yml": "pipe.yml: this is a directory",
    "check restaurant --actions pipe.py": "pipe.py: no such file",
    "stories stats pipe": "pipe: this is a directory",
    "store list --store journal": "journal/journal.sqlite: this is a directory",
    "store import-tracker pipe --store out --domain restaurant": "pipe: cannot be read (this is a directory",
    "new pipe.yml": "pipe.yml",
}
SCRIPT = """
import contextlib, io, sys
from dialogue_gym.cli import main
for line in sys.stdin.read().splitlines():
    sys.argv = ["dialogue-gym", *line.split()]
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        try:
            main()
        except SystemExit as ended:
            status = ended.code
    print(f"{status} {' '.join(said.getvalue().split())}", flush=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_named_pipes_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("nicegui", reason="the extra web is missing")
    for folder in ("journal", "agent", "former"):
        (tmp_path / folder).mkdir()
    for pipe in ("pipe", "pipe.yml", "pipe.py", "pipe.svg", "journal/journal.sqlite", "agent/agent.json",
                 "former/metrics.json"):  # fmt: skip
        os.mkfifo(tmp_path / pipe)
    (tmp_path / "former/model.zip").write_bytes(b"")
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT], input="\n".join(COMMANDS), cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=240, check=True,
    )  # fmt: skip
    for (command, expected), said in zip(COMMANDS.items(), result.stdout.splitlines(), strict=True):
        assert expected in said, (command, said)
