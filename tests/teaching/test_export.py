"""Exported files hold the taught conversations; existing content of files stays."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dialogue_gym import Domain, load_domain
from dialogue_gym._files import read_text
from dialogue_gym._yaml import parse_yaml
from dialogue_gym.conversation.bot_state import BotState
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import ActionExecuted, Entity, UserUttered, entities_from, entity_values
from dialogue_gym.domain import DomainError
from dialogue_gym.domain.additions import ACTION, Addition
from dialogue_gym.domain.loader import parse_domain
from dialogue_gym.domain.model import DOMAIN_FILE
from dialogue_gym.domain.writer import extended_text
from dialogue_gym.domain.yaml_edit import InsertionError, insert
from dialogue_gym.journal.store import Store
from dialogue_gym.nlu.examples import NluError, builtin_path, parse_example, read_examples
from dialogue_gym.stories import StoryError, load, replay
from dialogue_gym.stories import parse as parse_stories
from dialogue_gym.stories.entity_markup import read_marked, write_marked
from dialogue_gym.teaching.export import STORY_FILES, export, stories_of
from dialogue_gym.teaching.export_examples import _is_one_line
from dialogue_gym.teaching.export_rasa import Origins, export_project
from dialogue_gym.teaching.growth import growth_of
from dialogue_gym.teaching.interpreter import parse_entities
from dialogue_gym.teaching.pending import AwaitsMessage, MissingResult, PendingContradiction, SessionError
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.story_import import import_stories
from dialogue_gym.teaching.taught_examples import examples_of
from tests.conftest import domain_from
from tests.strategies import domains

CONCERT = load_domain("concert")
BUILT_IN = {
    name: read_text(builtin_path(name, "domain.yml"), DOMAIN_FILE) for name in ("restaurant", "concert")
}
FORMATS = sorted(STORY_FILES)
SOURCES = st.one_of(
    st.sampled_from(sorted(BUILT_IN.items())),
    st.builds(
        lambda content, is_flow: (
            "any",
            yaml.safe_dump(content, sort_keys=False, default_flow_style=is_flow),
        ),
        domains(),
        st.booleans(),
    ),
)
WAYS = [
    *("say", "confirm", "correct", "mend", "undo", "redo", "fork", "restart", "run"),
    *("correct", "confirm", "correct", "action", "intent", "slot"),
]
WORDS = st.one_of(
    st.text(max_size=20), st.sampled_from(["red [green](a)", "two 2 2x", "5 red, RED", "- a\n# b"])
)
NEW = st.sampled_from(["utter_new", "action_new", "yes", "mood", "ça va"])


def answer(session: Session, way: str, data: st.DataObject) -> None:
    """Give an answer if it fits the pending question."""

    def message() -> UserUttered:
        values = st.sampled_from(["red", "RED", "2", 2, 0.3, True, ["red", "2"]])
        names = [slot.name for slot in session.domain.slots]
        told = st.dictionaries(st.sampled_from(names), values, max_size=2)
        intent = data.draw(st.sampled_from(session.domain.intents))
        return UserUttered(data.draw(WORDS), intent, entities_from(data.draw(told)))

    history = session.history
    if isinstance(session.pending, MissingResult):
        session.skip_action()
    elif isinstance(session.pending, PendingContradiction):
        session.resolve(data.draw(st.sampled_from(["new", "old", "both"])))
    elif isinstance(session.pending, AwaitsMessage) and way in ("say", "confirm", "correct", "mend", "run"):
        session.say(message())
    elif way == "correct":
        session.correct(data.draw(st.sampled_from(session.actions)))
    elif way == "mend":
        if isinstance(session.conversation.events[-1], UserUttered):
            session.correct_message(message())
    elif way == "fork":
        session.fork(data.draw(st.sampled_from(history.path(history.conversations[-1]))).id)
    elif way == "run":
        session.run(threshold=0.0, steps=2)
    elif way == "action":
        session.add(Addition(ACTION, data.draw(NEW), data.draw(st.lists(WORDS, max_size=2).map(tuple))))
    elif way in ("intent", "slot"):
        session.add(Addition(way, data.draw(NEW)))
    elif way != "say":
        {
            "confirm": session.confirm,
            "undo": session.undo,
            "redo": session.redo,
            "restart": session.restart,
        }[way]()


def happened(conversation: Conversation) -> list[Any]:
    """Return the parts of a conversation that a story keeps: acts and actions, each with the slots then."""
    state = BotState(conversation.domain)
    found: list[Any] = []
    for event in conversation.events:
        state.apply(event)
        slots = repr(state.slots)
        if isinstance(event, UserUttered):
            found.append((event.intent, repr(entity_values(event.entities)), slots))
        elif isinstance(event, ActionExecuted) and event.name != "action_listen":
            found.append((event.name, slots))
    return [*found, repr(state.slots)]


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(SOURCES, st.booleans(), st.lists(st.sampled_from(WAYS), max_size=12), st.data())
def test_exported_stories_replay_the_taught_conversations(
    source: tuple[str, str], is_fake: bool, ways: list[str], data: st.DataObject
) -> None:
    name, text = source
    domain = parse_domain(parse_yaml(text, "domain", DOMAIN_FILE), name)
    session = Session(domain, Store.in_memory(), settings={"semantic_error_rate": 0.3} if is_fake else None)
    half = len(ways) // 2
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "new"
        contents: dict[Path, bytes] = {}
        stories: dict[Path, list[Any]] = {}
        for part in (ways[:half], ways[half:]):
            for way in part:
                with contextlib.suppress(SessionError, DomainError):
                    answer(session, way, data)
            for format in FORMATS:
                export(session.history, domain, folder, format, text)
                assert export(session.history, domain, folder, format, text) == []
            for path, content in contents.items():
                if path.suffix == ".md":
                    assert path.read_bytes().startswith(content)
            for file in STORY_FILES.values():
                path = folder / file
                if path.exists():
                    found = load(path)
                    before = stories.get(path, [])
                    assert found[: len(before)] == before
                    stories[path] = found
                    contents[path] = path.read_bytes()
        again = load_domain(folder / "domain.yml")
        assert plain(dataclasses.replace(again, name=name)) == plain(session.domain)
        history = session.history
        exported = stories_of(history, session.domain)
        expected = [
            happened(history.conversation(session.domain, conversation))
            for conversation in history.conversations
            if any(isinstance(event, UserUttered) for event in history.events(conversation))
        ]
        assert [happened(replay(session.domain, story)) for story in exported] == expected
        for path, found in stories.items():
            assert len({story.name for story in found}) == len(found)
            read = [happened(replay(again, story)) for story in found]
            assert all(story in read for story in expected), path
        if (folder / "nlu.yml").exists():
            written = read_examples(folder / "nlu.yml").examples
            old = [one for one in written if _is_one_line(one.text)]
            assert not old or list(read_examples(folder / "nlu.md").examples) == old
            assert set(examples_of(history)) <= set(written)
            assert len(set(written)) == len(written)


def taught(domain: Domain = CONCERT) -> Session:
    """A session in which an act and two actions were corrected, and the domain has grown."""
    session = Session(domain, Store.in_memory())
    session.say(UserUttered("Hello", "greet"))
    session.correct("utter_greet")
    session.correct("action_listen")
    text = " Has Rock Cellar better reviews, or the [other]?"
    session.say(UserUttered(text, "greet"))
    session.correct_message(UserUttered(text, "compare_reviews", entities_from({"name": "rock cellar"})))
    session.add(Addition(ACTION, "utter_new", ("Well…",)))
    session.correct("utter_new")
    return session


def test_exported_files_are_easy_to_read(tmp_path: Path) -> None:
    session = taught()
    written = export(session.history, CONCERT, tmp_path / "a" / "b", "yaml")
    assert [path.name for path in written] == ["stories.yml", "nlu.yml", "domain.yml"]
    stories, nlu, domain = (path.read_text(encoding="utf-8") for path in written)
    said = (
        r"Has [Rock Cellar]{\"entity\": \"name\", \"value\": \"rock cellar\"} better reviews, or the [other]?"
    )
    assert stories.splitlines()[2:] == [
        "stories:",
        "- story: c1 greet compare_reviews",
        "  steps:",
        "  - intent: greet",
        "    user: Hello",
        "  - action: utter_greet",
        "  - intent: compare_reviews",
        f'    user: "{said}"',
        "  - action: utter_new",
    ]
    assert "    - Has [Rock Cellar](name:rock cellar) better reviews, or the [other]?\n" in nlu
    lines, known = domain.splitlines(), BUILT_IN["concert"].splitlines()
    assert [line for line in lines if line not in known] == [
        "  utter_new:",
        "    - text: Well…",
        "  - utter_new",
    ]
    assert [line for line in lines if line in known] == known


def test_markdown_with_line_ends_of_windows_keeps_them(tmp_path: Path) -> None:
    files = {
        "stories.md": "## mine\r\n* greet\r\n  - utter_greet\r\n",
        "nlu.md": "## intent:greet\r\n- hi\r\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_bytes(text.encode())
    session = Session(CONCERT, Store.in_memory())
    session.say(UserUttered("so long", "greet"))
    session.correct_message(UserUttered("so long", "goodbye"))
    session.correct("utter_greet")
    session.correct("action_listen")
    export(session.history, session.domain, tmp_path)
    for name, text in files.items():
        written = (tmp_path / name).read_bytes().decode()
        assert written.startswith(text) and written.count("\n") == written.count("\r\n") > text.count("\n")


def test_existing_content_of_files_stays(tmp_path: Path) -> None:
    session = taught()
    export(session.history, CONCERT, tmp_path, "markdown")
    files = {
        "stories.md": b"\xef\xbb\xbf<!-- me -->\r\n## c1 greet compare_reviews\r\n* greet\r\n  - utter_greet",
        "nlu.md": b"<!-- mine -->\n## intent:greet\n- hello\n",
        "nlu.yml": b"nlu: # mine\n  - {intent: greet, examples: ['hello']} # one\n\nversion: '3.1'\n",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    assert [path.name for path in export(session.history, CONCERT, tmp_path)] == ["stories.md", "nlu.md"]
    assert "nlu.yml" in [path.name for path in export(session.history, CONCERT, tmp_path, "yaml")]
    stories = (tmp_path / "stories.md").read_bytes()
    assert stories.startswith(files["stories.md"])
    names = [story.name for story in load(tmp_path / "stories.md")]
    assert names == ["c1 greet compare_reviews", "c1 greet compare_reviews (2)"]
    for name in ("nlu.md", "nlu.yml"):
        intents = [example.intent for example in read_examples(tmp_path / name).examples]
        assert intents == ["greet", "compare_reviews"]
    assert (tmp_path / "nlu.md").read_bytes().startswith(files["nlu.md"])
    kept = (tmp_path / "nlu.yml").read_bytes().splitlines()
    assert [line for line in files["nlu.yml"].splitlines() if line not in kept] == []


def test_forks_and_restarts_are_stories_and_imported_ones_are_not() -> None:
    (story,) = parse_stories("## read\n* greet\n  - utter_greet\n")
    journal = Store.in_memory()
    import_stories(journal, CONCERT, [story])
    session = Session(CONCERT, journal)
    assert stories_of(session.history, CONCERT) == []
    session.say(UserUttered("Bye", "goodbye"))
    said = session.history.head(session.id)
    session.correct("utter_goodbye")
    assert said is not None
    session.fork(said)
    session.correct("utter_default")
    session.resolve("new")
    session.restart()
    session.say(UserUttered("Bye", "goodbye"))
    session.undo()
    said = next(entry.id for entry in session.history.path("story 1") if entry.kind == "user")
    session.fork(said)
    session.correct("utter_default")
    told = [story.steps[-1] for story in stories_of(session.history, CONCERT)]
    assert told == [ActionExecuted(name) for name in ("utter_goodbye", "utter_default", "utter_default")]


def test_fault_in_one_file_leaves_all_unchanged(tmp_path: Path) -> None:
    session = taught()
    unusual = {
        "nlu.yml": ("nlu: &all\n- &one {intent: greet, examples: [hello]}\nstories: *all\n", NluError),
        "stories.yml": ("stories: &x []\nrules: *x\n", StoryError),
        "domain.yml": ("intents: [greet]\n", DomainError),
    }
    for name, (text, error) in unusual.items():
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        with pytest.raises(error, match=rf"{name}: .*cannot (add|be)|another domain") as raised:
            export(session.history, CONCERT, tmp_path, "yaml")
        assert "\n" not in str(raised.value)
        assert list(tmp_path.iterdir()) == [path] and path.read_text(encoding="utf-8") == text
        path.unlink()
    with pytest.raises(StoryError, match="unknown story format 'yml'; did you mean 'yaml'"):
        export(session.history, CONCERT, tmp_path, "yml")


def plain(domain: Domain) -> Domain:
    """Return a domain without mappings, which a file of Rasa 3 has and the original may lack."""
    slots = tuple(dataclasses.replace(slot, mappings=()) for slot in domain.slots)
    return dataclasses.replace(domain, slots=slots)


RASA_3 = """
version: "3.1"
intents: [greet]  # all of them
slots:
  size: {type: text, mappings: [{type: from_text}]}
responses:
    utter_greet:
    - text: |
        # Hello

# the rest
session_config: {session_expiration_time: 60}
"""
RASA_1 = (
    "intents: &names\n- greet\nactions:\n- utter_a\n- utter_b\ntemplates: {utter_b: [{text: b}]}\nslots:\n"
)
RASA_2 = 'version: "2.0"\nconfig: {store_entities_as_slots: true}\nslots:\n  a: {type: text}\n'
BRACES = "{intents: , config: {store_entities_as_slots: no}}"
FORMS = "actions: [action_a]\nforms: [restaurant_form]\nresponses: {utter_b: [{text: b}]}"


@pytest.mark.parametrize("text", [RASA_3, RASA_3.replace("\n", "\r\n"), RASA_1, RASA_2, FORMS, BRACES])
def test_domain_is_extended_in_place(text: str) -> None:
    def extend(domain: Domain) -> Domain:
        extended = domain.with_action("utter_c", ["c: {size}", "#\ttwo\nlines"]).with_action("action_d")
        extended = extended.with_slot("mood", "categorical", ["good", "yes"]).with_slot("size_2")
        return extended.with_intent("on").with_action("utter_e", "e")

    expected = extend(domain_from(text))
    read = domain_from(extended_text(text, "domain.yml", "test", extend))
    if text != FORMS:  # in which actions of forms come before the listed ones
        assert read.actions == expected.actions
    assert set(read.actions) == set(expected.actions)
    assert dataclasses.replace(plain(read), actions=()) == dataclasses.replace(plain(expected), actions=())
    lines = extended_text(text, "domain.yml", "test", extend).splitlines(keepends=True)
    assert any("mappings" in line for line in lines) == (text not in (RASA_1, RASA_2, FORMS))
    assert "\r" not in text or all(line.endswith("\r\n") for line in lines)
    rest = iter(lines)
    kept = [line for line in text.splitlines(keepends=True) if "[" not in line and line[0] != "{"]
    assert all(line in rest for line in kept)  # in their order


def test_error_names_the_place_that_cannot_be_extended() -> None:
    for text, reason in (
        ("a: &a [x]\nb: *a", "'b'|line 2"),
        ("a: text", "line 1"),
        ("- a", "no keys"),
        ("b: {x: y}", "'b' is not a list"),
        ("b: &b [x]\nc: *b", "unusual"),
    ):
        with pytest.raises(InsertionError, match=reason):
            insert(text, {"b" if "b" in text else "a": "- new\n"})


@pytest.mark.parametrize(
    ("said", "entities", "expected"),
    [
        ("Two, 2 for 12", {"n": 2}, "Two, [2](n) for 12"),
        ("from Rome to rome", {"city": ["rome", "rome"]}, "from [Rome](city:rome) to [rome](city)"),
        ("深圳市", {"city": "深圳"}, "[深圳](city)市"),
        ("  nothing of it ", {"city": "rome"}, "nothing of it"),
        ("true", {"flag": True, "other": "true"}, "[true](flag)"),
    ],
)
def test_entities_get_the_places_of_their_values(said: str, entities: dict[str, Any], expected: str) -> None:
    session = Session(CONCERT, Store.in_memory())
    session.say(UserUttered(said, "greet"))
    session.correct_message(UserUttered(said, "goodbye", entities_from(entities)))
    assert examples_of(session.history) == [parse_example(expected, "goodbye")]


@pytest.mark.parametrize(
    ("said", "typed", "expected"),
    [
        ("a table at 12 for 2", "people=2", "a table at 12 for [2](people)"),
        ("from 2 to 2", "first=2, last=2", "from [2](first) to [2](last)"),
        ("a big one, Big Sur", "size=big, city=big sur", "a [big](size) one, [Big Sur](city:big sur)"),
        ("2 rooms for 2", *["2 rooms for [2](people)"] * 2),
        ("Straße, große Pizza", "[große](size:large)", "Straße, [große](size:large) Pizza"),
        ("born in Bonn", *['born in [Bonn][{"entity": "city"}, {"entity": "capital"}]'] * 2),
    ],
)
def test_typed_entities_stand_where_they_were_said(said: str, typed: str, expected: str) -> None:
    session = Session(CONCERT, Store.in_memory())
    session.say(UserUttered(said, "greet"))
    session.correct_message(UserUttered(said, "goodbye", parse_entities(typed, said)))
    (example,) = examples_of(session.history)
    assert example == parse_example(expected, "goodbye")
    message = UserUttered(said, "goodbye", parse_entities(typed, said))
    assert read_marked(str(write_marked(message)))[0] == said


def test_invalid_examples_are_left_out() -> None:
    session = Session(CONCERT, Store.in_memory())
    for text in ("/greet", "[b](marked)", " ", "\ud800"):
        session.say(UserUttered(text, "greet"))
        session.correct_message(UserUttered(text, "goodbye"))
        session.correct("action_listen")
    session.say(UserUttered("Rome", "greet"))
    session.correct_message(UserUttered("Rome", "greet", (Entity("city", "rome", 0, 4, 0.5),)))
    session.correct_message(UserUttered("Rome", "inform", (Entity("city", "rome", 0, 4, 0.5, "to"),)))
    (example,) = examples_of(session.history)  # the last word on it
    assert example == parse_example('[Rome]{"entity": "city", "value": "rome", "role": "to"}', "inform")
    session.correct_message(
        UserUttered(" 2 or 2", "greet", (Entity("n", 2), Entity("n", "2", 1, 2), Entity("m", "or", 6, 9)))
    )
    assert examples_of(session.history) == [parse_example("[2](n) [or](m) [2](n)", "greet")]


# A browser sends half of a smiley that was cut off, and strangers whatever they like, such as long numbers.
@pytest.mark.parametrize("story_format", ["markdown", "yaml"])
def test_no_message_keeps_a_store_from_being_exported(story_format: str, tmp_path: Path) -> None:
    half, text = "half \ud83d", "intents: [greet]\nslots: {city: {type: text}}\n"
    domain_file = tmp_path / "bot.yml"
    domain_file.write_text(text)
    session = Session(load_domain(domain_file), Store.in_memory())
    session.say(UserUttered(half, "greet", (Entity("city", half, 0, 6), Entity("city", 10**150))))
    session.correct("utter_new", [Addition(ACTION, "utter_new", (half,))])
    session.correct("action_listen")
    export(session.history, session.domain, tmp_path / "out", story_format, text)
    (told,) = load(tmp_path / "out" / STORY_FILES[story_format])
    (message, _) = told.steps
    assert isinstance(message, UserUttered)
    assert [entity.value for entity in message.entities] == ["half ?", str(10**150)]
    project = export_project(
        session.history, session.domain, tmp_path / "rasa", Origins(str(domain_file), text)
    )
    assert tmp_path / "rasa" / "data" / "stories.yml" in project.files
    growth = growth_of(session.history, str(domain_file))
    assert growth is not None
    growth.write()
    assert load_domain(domain_file).texts("utter_new") == ("half ?",)
