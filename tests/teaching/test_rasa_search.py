"""A search in a project for Rasa finds, offers and tells what the bot here does."""

from __future__ import annotations

import ast
import csv
import json
import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
import yaml

from dialogue_gym import DialogueEnv, load_domain
from dialogue_gym._yaml import parse_yaml
from dialogue_gym.actions import ActionRunner, Dispatcher, Tracker
from dialogue_gym.actions.rasa_search import read_search
from dialogue_gym.conversation.bot_state import BotState
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import (
    ActionExecuted,
    BotUttered,
    Event,
    Json,
    SlotSet,
    UserUttered,
    to_json,
)
from dialogue_gym.conversation.wording import fill
from dialogue_gym.domain.loader import parse_domain
from dialogue_gym.domain.model import DOMAIN_FILE
from dialogue_gym.domain.observation import describe, observation_fields
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.nlu.interpreter import parse_act
from dialogue_gym.policies import ExpertPolicy, RandomPolicy
from dialogue_gym.stories import load
from dialogue_gym.teaching.export_domain import rasa_domain
from dialogue_gym.teaching.export_rasa import export_for, origins_of
from dialogue_gym.teaching.export_search import SearchExport
from tests.actions.test_rasa_server import CONSTRAINTS, action_server
from tests.conftest import domain_from
from tests.peers import environment_of
from tests.rules.test_search import PLACES_FILE
from tests.teaching.exports import simulated
from tests.teaching.rasa_install import rasa, read_by

__all__ = ["rasa"]
NAMES = ("city", "hotel", "laptop")


def searching(name: str, folder: Path) -> tuple[SearchExport, Any]:
    """The export of a built-in domain, and the search as its files in a folder describe it."""
    export = SearchExport(load_domain(name))
    for file, text in export.files().items():
        (folder / file).write_text(text)
    return export, read_search(folder)


def as_rasa(export: SearchExport, events: list[Event]) -> list[dict[str, Any]]:
    """Events as a Rasa tracker has them: services under their names there, and one value heard a slot."""
    found = []
    for event in events:
        if isinstance(event, ActionExecuted):
            event = ActionExecuted(export.actions.get(event.name, event.name))
        found.append(to_json(event))
    return found


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("policy", [ExpertPolicy, RandomPolicy])
def test_the_search_is_the_same_after_every_event(name: str, policy: type, tmp_path: Path) -> None:
    export, search = searching(name, tmp_path)
    domain = export.domain
    env = DialogueEnv(domain, semantic_error_rate=0.3)
    choose = policy(env, 0)
    compared = 0
    for seed in range(12):
        observation, _ = env.reset(seed=seed)
        is_over = False
        while not is_over:
            observation, _, terminated, truncated, _ = env.step(choose.predict(observation)[0])
            is_over = terminated or truncated
        # Rasa has no rivals of what it heard.
        events = [
            UserUttered(one.text, one.intent, one.entities, one.confidence)
            if isinstance(one, UserUttered)
            else one
            for one in env.conversation.events
        ]
        state = BotState(domain)
        for index, event in enumerate(events):
            state.apply(event)
            following = events[index + 1 : index + 2]
            if following and isinstance(following[0], SlotSet):
                continue  # an action and the venue that it offers are one step
            tracker = Tracker.from_dict({"sender_id": "a", "events": as_rasa(export, events[: index + 1])})
            found = {one["name"]: one["value"] for one in search.slots_after_message(tracker)}
            seen = describe(observation_fields(domain), state.observation)
            assert {field: found.get(slot) for field, slot in export.shown.items()} == {
                field: seen[field] for field in export.shown
            }
            slots = {slot.name: state.slots[slot.name] for slot in domain.slots if slot.is_constraint}
            assert {slot: found.get(slot) for slot in slots} == slots
            compared += 1
    assert compared > 200


CAFE = '/inform{"kind": "cafe", "area": "west end", "price": "cheap"}'
DIALOGUES = {
    "another one": [
        CAFE, "utter_offer", "/alternative", "utter_other", "/alternative", "utter_other", "/alternative",
        "utter_other", "/alternative", "utter_other", "utter_offer",
    ],
    "turned down": [CAFE, "utter_offer", "/deny", "utter_offer", "/deny", "utter_offer"],
    "no such venue": [
        '/inform{"kind": "steakhouse", "price": "cheap", "area": "north end", "atmosphere": "quiet"}',
        "utter_offer", '/inform{"area": "dontcare"}', "utter_offer",
    ],
    "details": [
        '/inform{"kind": "dontcare", "price": "cheap"}', "utter_offer", '/request{"attribute": "phone"}',
        "utter_tell", '/request{"attribute": ["hours", "website"]}', "utter_tell", "/thank",
    ],
    "a doubt is denied": [
        '/inform@0.3{"kind": "pub", "area": "west end"}', "utter_confirm_kind", "/deny", "utter_offer",
        "/request", "utter_more",
    ],
    "too early": ["/greet", "utter_offer", "utter_other", "utter_tell", CAFE, "utter_tell", "utter_offer"],
}  # fmt: skip


class Both:
    """A dialogue here, and the same one where a function runs the actions of a project for Rasa."""

    def __init__(self, project: Path, run: Callable[[str, Json], Json]) -> None:
        self.export = SearchExport(load_domain("city"))
        self.here = Conversation(self.export.domain)
        self._run = run
        self._domain = yaml.safe_load((project / "domain.yml").read_text())
        self._events: list[Json] = []
        self.slots: Json = dict.fromkeys(self._domain["slots"])

    def play(self, steps: list[str]) -> list[str]:
        """Return what is said there, after comparing it with what is said here."""
        said = []
        for step in steps:
            if step.startswith("/"):
                message = parse_act(step).message
                self.here.append(message)
                self._events.append(to_json(message))
                self._act(self.export.after_message)
            else:
                said += self._do(step)
            known = self.here.slots | {name: cell for name, cell in self.here.venue.items()}
            known |= self.here.slots
            state = describe(observation_fields(self.export.domain), self.here.observation())
            known |= {slot: state[field] for field, slot in self.export.shown.items()}
            assert {name: self.slots[name] for name in known} == known, step
        return said

    def _do(self, name: str) -> list[str]:
        result = ActionRunner(self.export.domain).run(name, self.here)
        is_possible = self.here.is_possible(name)
        self.here.append(ActionExecuted(name))
        self.here.extend(result.events)
        if name not in self.export.actions:
            self._events.append(to_json(ActionExecuted(name)))
            return []
        messages = self._act(self.export.actions[name])
        if not is_possible:
            assert messages == []
            return []
        (text,) = (one.text for one in result.events if isinstance(one, BotUttered))
        said = []
        for message in messages:
            ways = [one["text"] for one in self._domain["responses"][message["response"]]]
            (found,) = {way for way in (fill(way, message) for way in ways) if way in text}
            said.append(found)
        assert len(" ".join(said)) == len(text)
        return said

    def _act(self, name: str) -> list[Json]:
        tracker = {"sender_id": "a", "events": self._events, "slots": self.slots}
        tracker["latest_message"] = {}
        answer = self._run(name, tracker)
        if name != self.export.after_message:
            self._events.append(to_json(ActionExecuted(name)))
        for event in answer["events"]:
            self.slots[event["name"]] = event["value"]
        self._events += answer["events"]
        return list(answer["responses"])


def check_dialogues(project: Path, run: Callable[[str, Json], Json]) -> None:
    said = {title: Both(project, run).play(steps) for title, steps in DIALOGUES.items()}
    assert len({*said["another one"][:3]}) == 3
    assert re.search("no other|nothing else", said["another one"][3])
    assert len({*said["turned down"]}) == 3
    assert "no such place" in said["no such venue"][0] or "no place like" in said["no such venue"][0]
    assert len(said["details"]) == 4 and re.search(r"\d{5} \d{3}", said["details"][1])
    assert len(said["too early"]) == 1


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder := tmp_path_factory.mktemp("rasa"))
        assert simulated("city").notes == []
    return folder / "city"


def test_offers_and_answers_are_those_of_the_bot_here(project: Path) -> None:
    search = read_search(project / "actions")

    def run(name: str, tracker: Json) -> Json:
        dispatcher, read = Dispatcher(), Tracker.from_dict(tracker)
        events = (
            search.slots_after_message(read)
            if name == "action_search"
            else search.serve(name, dispatcher, read)
        )
        return {"events": events, "responses": dispatcher.messages}

    check_dialogues(project, run)


def test_other_actions_and_a_restart_change_the_search(project: Path) -> None:
    search = read_search(project / "actions")

    def after(*events: Json) -> Json:
        tracker = Tracker.from_dict({"sender_id": "a", "events": [*events]})
        return {one["name"]: one["value"] for one in search.slots_after_message(tracker)}

    heard = to_json(parse_act('/inform{"kind": "pub"}').message)
    pub = after(heard)
    assert pub["kind"] == "pub" and pub["search_known"] == "one"
    set_by_form = {"event": "slot", "name": "area", "value": "old town"}
    assert after(heard, set_by_form)["search_known"] == "two"
    assert after(heard, {"event": "restart"}).get("kind") is None
    assert after(heard, {"event": "rewind"})["search_known"] == "none"
    assert after({"event": "restart"}, set_by_form, heard)["search_known"] == "two"


def test_stories_have_the_slots_of_the_search_and_can_be_read(project: Path) -> None:
    stories = {story.name: story for story in load(project / "data/stories.yml")}
    steps = stories["a lively pub"].steps
    names = [step.name for step in steps if isinstance(step, ActionExecuted)]
    assert names == ["utter_ask_atmosphere", "utter_ask_area", "action_offer", "action_tell", "utter_bye"]
    domain = load_domain(project / "domain.yml")
    slots: Json = {}
    for step in steps:
        if isinstance(step, SlotSet):
            slots[step.name] = step.value
            assert domain.slot(step.name).lists(step.value)
    assert slots["search_offer"] == "accepted" and slots["search_over"] == "yes" and slots["kind"] == "pub"
    assert "place" not in domain.entities and "utter_tell_phone" in str(domain.responses)
    assert not any("/" in response.name for response in domain.responses)


def test_an_answer_needs_no_text_and_an_offer_without_one_keeps_its_place() -> None:
    text = textwrap.dedent(PLACES_FILE).partition("responses:")[0]
    text = re.sub(r"(?<!user: )\b(tell|offer)\b", r"utter_\1", text)
    text = text.replace(', says: "How about {place}?"', "")
    domain = parse_domain(parse_yaml(text, "d.yml", DOMAIN_FILE), "d")
    content, silent = rasa_domain(text, "d.yml", "d", lambda same: same, SearchExport(domain))
    assert silent == ["utter_offer"]
    responses = yaml.safe_load(content)["responses"]
    assert responses["utter_offer"] == [{"text": "utter_offer"}] and "utter_tell" not in responses
    assert responses["utter_tell_phone"] == [{"text": "phone: {phone}"}]


def test_an_export_again_keeps_the_venues_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    simulated("laptop")
    venues = Path("laptop/actions/venues.csv")
    columns, first = list(csv.reader(venues.read_text().splitlines()))[:2]
    venues.write_text(venues.read_text().replace(first[0], "Mine", 1))
    Path("laptop/actions/search.py").write_text("# old")
    with Store(Path("laptop-store")) as store:
        domain = load_domain("laptop")
        done = export_for("rasa", History(store.entries()), domain, Path("laptop"), origins_of(store))
    assert [path.name for path in done.files] == ["search.py"]
    assert "Mine" in venues.read_text() and read_search(venues.parent).venues[0][columns[0]] == "Mine"


def test_the_code_for_rasa_needs_no_package_of_ours(project: Path) -> None:
    for file in (project / "actions").glob("*.py"):
        tree = ast.parse(file.read_text(), feature_version=(3, 8))
        imported = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
        assert "dialogue_gym" not in " ".join(map(ast.unparse, imported)), file


@pytest.mark.slow
def test_offers_come_from_a_real_action_server(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    python = environment_of(tmp_path_factory, "rasa-sdk-only", "rasa-sdk", constraints=CONSTRAINTS)
    with action_server(python, project) as url:

        def run(name: str, tracker: Json) -> Json:
            content = {"next_action": name, "sender_id": "a", "tracker": tracker, "domain": {}}
            request = Request(f"{url}/webhook", json.dumps(content).encode())
            with urlopen(request, timeout=60) as answer:
                return dict(json.load(answer))

        check_dialogues(project, run)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_rasa_accepts_the_project(
    rasa: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    simulated(name)
    read = read_by(rasa, name)
    assert read["failed"] == [] and read["contradictions"] is None
    # A few dialogues do not use every response, and some are only said by the code.
    assert [one for one in read["warnings"] if "is not used in any story" not in one] == []
    assert read["slots"]["search_matches"] == ["categorical", [{"type": "custom", "action": "action_search"}]]
    assert {"action_search", "action_offer", "action_tell"} <= {*read["actions"]}


def test_an_offer_in_rasa_says_what_the_venue_has(tmp_path: Path) -> None:
    export = SearchExport(domain_from(PLACES_FILE))
    for file, text in export.files().items():
        (tmp_path / file).write_text(text)
    wish = parse_act('/inform{"kind": "thai", "area": "dontcare"}').message
    tracker = Tracker.from_dict({"sender_id": "a", "events": as_rasa(export, [wish])})
    dispatcher = Dispatcher()
    read_search(tmp_path).serve(export.actions["offer"], dispatcher, tracker)
    (said,) = dispatcher.messages
    assert (said["place"], said["area"], said["kind"]) == ("Alba", "north", "thai")
