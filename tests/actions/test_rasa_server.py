"""The same code of actions, run here and on a server of Rasa's SDK."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import textwrap
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import ROOT
from tests.actions.test_webhook import DOMAIN
from tests.peers import environment_of

CONSTRAINTS = Path(__file__).with_name("rasa_sdk_constraints.txt")
ACTIONS = """
from rasa_sdk import Action
from rasa_sdk.events import AllSlotsReset, FollowupAction, SlotSet
from rasa_sdk.interfaces import ActionExecutionRejection


class Count(Action):
    def name(self):
        return "count"

    def run(self, dispatcher, tracker, domain):
        size = next(tracker.get_latest_entity_values("size"), None)
        found = (size, tracker.get_slot("size"), tracker.latest_message["intent"]["name"],
                 tracker.last_executed_action_has("utter_size"), tracker.latest_action_name,
                 sorted(tracker.current_slot_values()), sorted(domain["slots"]), len(tracker.events))
        return [SlotSet("price", 12.5), SlotSet("found", found)]


class Say(Action):
    def name(self):
        return "say"

    def run(self, dispatcher, tracker, domain):
        dispatcher.utter_message(text="Hi", buttons=[{"title": "x", "payload": "/inform"}], image="a.png")
        dispatcher.utter_message(response="utter_size", size="huge")
        dispatcher.utter_message(json_message={"a": [1, None]})
        dispatcher.utter_message(attachment="b")


class Later(Action):
    def name(self):
        return "later"

    async def run(self, dispatcher, tracker, domain):
        await dispatcher.stream_start()
        await dispatcher.stream_chunk("one ")
        await dispatcher.stream_chunk("two")
        await dispatcher.stream_end()
        return [AllSlotsReset(), FollowupAction("count"), SlotSet("prize", 1), SlotSet("size", "small")]


class Reject(Action):
    def name(self):
        return "reject"

    def run(self, dispatcher, tracker, domain):
        raise ActionExecutionRejection(self.name(), "not now")


class Crash(Action):
    def name(self):
        return "crash"

    def run(self, dispatcher, tracker, domain):
        return 1 / 0
"""

COMPARE = '''
"""Run every action in process and on the server, and compare our tracker with Rasa's."""
import json, sys
from rasa_sdk import Tracker as RasaTracker
from rasa_sdk.executor import CollectingDispatcher
from dialogue_gym.actions import ActionRunner, Dispatcher, Tracker, load_actions
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import *
from dialogue_gym.domain import load_domain

domain, server = load_domain(sys.argv[1]), sys.argv[2]
heard = UserUttered("large", "inform", (Entity("size", "large"), Entity("size", "xl", role="other")))
story = [ActionExecuted("utter_size"), Restarted(), heard, SlotSet("price", 3), ActionExecuted("utter_size"),
         ActionExecuted("action_listen"), heard, SlotSet("found", ["a"]), SlotSet("price", None)]
here = ActionRunner(domain, load_actions("actions"))
there = ActionRunner(domain, server=server, seconds=60)
results = {}
for length in range(len(story) + 1):
    conversation = Conversation(domain, story[:length])
    for name in here.actions:
        both = [runner.run(name, conversation) for runner in (here, there)]
        results[f"{name} {length}"] = [repr(result.events) for result in both]
    state = Tracker.of(conversation).current_state()
    ours, theirs = Tracker.from_dict(json.loads(json.dumps(state))), RasaTracker.from_dict(state)
    missing = [name for ours, theirs in ((ours, theirs), (Dispatcher(), CollectingDispatcher()))
               for name in dir(theirs) if not name.startswith("_") and not hasattr(ours, name)]
    for method, *arguments in (
        ["current_state"], ["current_slot_values"], ["get_slot", "size"], ["get_slot", "no"], ["is_paused"],
        ["get_intent_of_latest_message"], ["get_latest_input_channel"], ["idx_after_latest_restart"],
        ["events_after_latest_restart"], ["applied_events"], ["slots_to_validate"],
        ["get_last_event_for", "action", ["action_listen"]], ["get_last_event_for", "user", [], 1],
        ["last_executed_action_has", "utter_size"], ["last_executed_action_has", "utter_size", 1],
    ):
        results[f"{method} {arguments} {length}"] = [
            repr(getattr(tracker, method)(*arguments)) for tracker in (ours, theirs)]
    for arguments in (["size"], ["size", "other"], ["no"]):
        results[f"values {arguments} {length}"] = [
            list(tracker.get_latest_entity_values(*arguments)) for tracker in (ours, theirs)]
notes = {name: [runner.run(name, conversation).note for runner in (here, there)] for name in here.actions}
print(json.dumps({"results": results, "notes": notes, "missing": missing}))
'''


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def action_server(python: Path, folder: Path) -> Iterator[str]:
    """Run Rasa's action server with the `actions.py` of a folder."""
    port = free_port()
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [str(python), "-m", "rasa_sdk", "--actions", "actions", "--port", str(port)]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=variables | {"SANIC_HOST": "127.0.0.1"},
            stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        until = time.monotonic() + 120
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
                break
            except OSError:
                said = (folder / "server.log").read_text("utf-8", "replace")
                assert process.poll() is None and time.monotonic() < until, said
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.mark.slow
def test_code_acts_alike_locally_and_on_a_rasa_server(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    packages = ("rasa-sdk", "gymnasium", "numpy", "pyyaml", "httpx")
    python = environment_of(tmp_path_factory, "rasa-sdk", *packages, constraints=CONSTRAINTS)
    (tmp_path / "actions.py").write_text(ACTIONS)
    (tmp_path / "compare.py").write_text(COMPARE)
    (tmp_path / "domain.yml").write_text(textwrap.dedent(DOMAIN))
    with action_server(python, tmp_path) as url:
        done = subprocess.run(
            [str(python), "compare.py", "domain.yml", url],
            cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300,
            env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["missing"] == []  # of the attributes of Rasa's trackers and dispatchers
    assert len(found["results"]) > 200
    assert {what: pair for what, pair in found["results"].items() if pair[0] != pair[1]} == {}
    assert "12.5" in found["results"]["count 9"][0] and "A huge one." in found["results"]["say 9"][0]
    assert "two" in found["results"]["later 9"][0] and found["notes"]["count"] == [None, None]
    assert (
        "not now" in found["notes"]["reject"][0]
        and "rejected by the action server: 'not now'" in found["notes"]["reject"][1]
    )
    assert "actions.py" in found["notes"]["crash"][0] and "division by zero" in found["notes"]["crash"][1]
    assert found["notes"]["later"][0] == found["notes"]["later"][1]
    assert (
        "'followup'" in found["notes"]["later"][0] and "did you mean 'price'?" in found["notes"]["later"][0]
    )
