"""Domains of several files: folders and lists, merged as Rasa merges them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialogue_gym import DomainError, load_domain
from dialogue_gym._files import FileError, Problem
from dialogue_gym._yaml import parse_yaml
from dialogue_gym.actions import ActionRunner
from dialogue_gym.check import check_files
from dialogue_gym.conversation import Conversation, UserUttered
from dialogue_gym.conversation.events import BotUttered
from dialogue_gym.domain import sources
from dialogue_gym.domain.loader import domain_text, parse_domain, read_domain
from dialogue_gym.domain.model import DOMAIN_FILE
from dialogue_gym.factory import chat_stories, make_stories, own_examples, unused_code

FILES = {
    "config.yml": "language: en\npipeline: []\n",
    "domain.yml": 'version: "3.1"\nintents: [greet]\nentities: [city]\nactions: [action_b, action_a]\n',
    "data/nlu.yml": "nlu:\n- {intent: greet, examples: '- hi'}\nresponses:\n  utter_faq/a: [{text: A}]\n",
    "data/stories.yml": "stories: []\n",
    "parts/one.yaml": "slots:\n  city: {type: text, mappings: [{type: from_entity, entity: city}]}\n",
    "parts/two.yml": "templates: {utter_greet: [Hi], utter_ask_city: [Where]}\n"
    "forms: {city_form: {required_slots: [city]}}\n",
    "store/journal.sqlite": "",
    "store/exported/domain.yml": "intents: [exported]\n",
    ".git/old.yml": "intents: [hidden]\n",
    "venv/pyvenv.cfg": "",
    "venv/lib/domain.yml": "intents: [installed]\n",
    "docs/latin.yml": "intents: [\udce9]\n",
}


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="surrogateescape")
    return folder


def test_the_domain_files_of_a_folder_are_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = write(tmp_path / "pizza", FILES)
    warnings: list[Problem] = []
    domain = read_domain(project, warnings)
    assert domain.name == "pizza"
    assert domain.intents == ("greet",)
    assert [slot.name for slot in domain.slots] == ["city"]
    assert domain.actions[2:] == (
        "action_b",
        "action_a",
        "city_form",
        "utter_faq",
        "utter_greet",
        "utter_ask_city",
    )
    assert [Path(warning.file).name for warning in warnings] == ["latin.yml"]
    monkeypatch.chdir(project)
    assert load_domain(".") == load_domain("../pizza/") == domain


def test_a_folder_with_more_than_a_project_is_not_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as the root of a disk: to look through all of it takes minutes."""
    monkeypatch.setattr(sources, "MOST_FOLDERS", 20)
    for number in range(20):
        (tmp_path / f"{number}/node_modules/more").mkdir(parents=True)
    (tmp_path / "domain.yml").write_text("intents: [greet]\n", encoding="utf-8")
    message = f"{tmp_path}: it has more than 20 folders; give the folder or the file of one bot"
    assert check_files([str(tmp_path)]) == [f"error: {message}"]
    with pytest.raises(DomainError, match=message):
        load_domain(tmp_path)
    (tmp_path / "19").rename(tmp_path / ".19")
    assert load_domain(tmp_path).intents == ("greet",)


def test_responses_in_markdown_are_those_of_retrieval_intents(tmp_path: Path) -> None:
    said = "## hours\n* faq/hours\n  - We open\\nat nine.\n  - At nine.\n\n## x\n* faq/fee\n  - Free\n"
    project = write(
        tmp_path / "faq",
        {
            "domain.yml": "intents: [greet, faq]\nactions: [respond_faq]\ntemplates: {utter_greet: [Hi]}\n",
            "data/responses.md": said,
            "data/stories.md": "## a\n* faq\n  - respond_faq\n## b\n* greet\n  - utter_greet\n",
            "data/nlu.md": "## intent:greet\n- hi\n- hello\n## intent:faq/hours\n- when\n- open\n",
            "README.md": "# Notes\n* docs/guide\n- a text\nand prose\n",
        },
    )
    domain = load_domain(project)
    assert domain.texts("utter_faq/hours") == ("We open\nat nine.", "At nine.")
    named = load_domain([project / "domain.yml", project / "data" / "responses.md"])
    assert named.texts("utter_faq/fee") == ("Free",)
    assert [line for line in check_files([str(project)]) if line.startswith("error")] == []
    assert [story.name for story in chat_stories(str(project), [])] == ["a", "b"]
    asked = Conversation(domain, [UserUttered("how much", "faq/fee")])
    for action in ("respond_faq", "utter_faq"):
        assert ActionRunner(domain).run(action, asked).events == (BotUttered("Free"),)
    (project / "data" / "responses.md").write_text("* faq/hours\n- We open.\nat nine\n")
    with pytest.raises(DomainError, match=r"responses\.md:3: expected an intent such as"):
        load_domain([project / "domain.yml", project / "data" / "responses.md"])
    assert load_domain(project).texts("utter_faq/hours") == ()  # any other text


def test_several_files_give_the_domain_of_their_text(tmp_path: Path) -> None:
    project = write(tmp_path, FILES)
    paths = [project / "domain.yml", project / "parts", project / "data" / "nlu.yml"]
    domain = load_domain(paths)
    assert domain.name == "domain" and len(domain.responses) == 3
    text = domain_text(paths)
    assert parse_domain(parse_yaml(text, "merged", DOMAIN_FILE), "domain") == domain
    assert domain_text(project / "domain.yml") == FILES["domain.yml"]


def test_the_first_of_two_entries_of_one_name_holds(tmp_path: Path) -> None:
    for file, text, kind in (("a.yml", "one", "text"), ("b.yml", "two", "bool")):
        responses = f"responses: {{utter_a: [{text}], utter_b: [same]}}"
        write(tmp_path, {file: f"intents: [greet]\n{responses}\nslots:\n  s: {{type: {kind}}}\n"})
    warnings: list[Problem] = []
    domain = read_domain(tmp_path, warnings)
    assert (domain.texts("utter_a"), domain.slot("s").type) == (("one",), "text")
    one, two = tmp_path / "a.yml", tmp_path / "b.yml"
    assert [str(warning) for warning in warnings] == [
        f"warning: {two}:2: responses.utter_a: 'utter_a' is defined differently in {one}:2, which is used",
        f"warning: {two}:4: slots.s: 's' is defined differently in {one}:4, which is used",
    ]


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (
            "slots:\n  b: {type: txt}\n",
            "b.yml:2: slots.b.type: unknown slot type 'txt'; did you",
        ),
        ("intents:\n- c\n- {d: {use_entitie: []}}\n", "b.yml:3: intents[2].d: unknown key 'use_entitie'"),
        ("intents: [\n", "b.yml:2: not valid YAML"),
        ("forms: {f: }\n", "b.yml:1: forms: it is a mapping here, and a list in {folder}/a.yml:3"),
        ("intents: [b]\nexpert: [{then: action_restart}]\n", "b.yml:2: expert: the key 'expert' is also in"),
    ],
)
def test_an_error_has_the_file_and_line_of_its_entry(tmp_path: Path, second: str, message: str) -> None:
    first = "intents: [a]\nexpert: [{then: action_restart}]\nforms: [f]\n"
    write(tmp_path, {"a.yml": first, "b.yml": second})
    with pytest.raises(DomainError) as caught:
        load_domain(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}/{message.format(folder=tmp_path)}")


def test_a_file_of_two_paths_counts_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"domain.yml": "intents: [a]\nexpert: [{then: action_restart}]\n"})
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "link.yml").symlink_to(tmp_path / "domain.yml")
    monkeypatch.chdir(tmp_path)
    alone = load_domain("domain.yml")
    assert load_domain(tmp_path).expert == alone.expert
    assert load_domain(["domain.yml", tmp_path / "domain.yml", "parts"]) == alone


def test_a_file_of_rewards_belongs_to_the_domain_of_its_folder(tmp_path: Path) -> None:
    write(tmp_path, {"domain.yml": "intents: [a]\n", "reward.yml": "reward: {success: 3}\n"})
    assert dict(load_domain(tmp_path).reward)["success"] == 3


@pytest.mark.parametrize("empty", ["config:", "database:", "expert:"])
def test_an_empty_section_of_one_file_does_not_hide_that_of_another(tmp_path: Path, empty: str) -> None:
    write(tmp_path, {"a.yml": f"intents: [a]\n{empty}\n", "b.yml": "slots: {s: {type: text}}\n"})
    rest = "config: {store_entities_as_slots: false}\ndatabase: {columns: [a, b], rows: [[c, d]]}\n"
    (tmp_path / "c.yml").write_text(f"slots: {{}}\n{rest}expert: [{{then: action_restart}}]\n")
    domain = load_domain(tmp_path)
    assert domain.slot("s").entity is None and domain.database and len(domain.expert) == 1


def test_settings_and_databases_of_two_files_are_not_dropped_in_silence(tmp_path: Path) -> None:
    switch, rows = "config: {store_entities_as_slots: %s}\n", "database: {columns: [a, b], rows: [[c, d]]}\n"
    one, two = tmp_path / "a.yml", tmp_path / "b.yml"
    one.write_text("intents: [a]\n" + switch % "true")
    two.write_text("slots: {}\n" + switch % "false" + rows)
    warnings: list[Problem] = []
    read_domain(tmp_path, warnings)
    (warning,) = map(str, warnings)
    assert warning.startswith(f"warning: {two}:2: config.store_entities_as_slots: ")
    assert warning.endswith(f"is defined differently in {one}:2, which is used")
    one.write_text("intents: [a]\n" + rows)
    with pytest.raises(DomainError, match=f"{two}:3: database: the key 'database' is also in {one}:2$"):
        load_domain(tmp_path)


def test_a_project_brings_its_examples_and_stories(tmp_path: Path) -> None:
    tests = {"tests/test_stories.yml": "stories:\n- {story: tried, steps: [{intent: greet}]}\n"}
    story = {"data/stories.yml": "stories:\n- {story: told, steps: [{intent: greet}]}\n"}
    project = write(tmp_path, FILES | story | tests)
    (project / "docs" / "latin.yml").unlink()
    assert own_examples(str(project)) == [project / "data" / "nlu.yml"]
    assert [story.name for story in make_stories(str(project), True, [])] == ["told"]
    assert [story.name for story in make_stories("concert", False, [project / "data"])] == ["told"]
    with pytest.raises(FileError, match=r"parts: no file of this folder has stories$"):
        make_stories("concert", False, [project / "parts"])


def test_code_of_a_folder_that_is_not_used_is_named(tmp_path: Path) -> None:
    project, url = str(tmp_path), "http://localhost:5055/webhook"
    assert unused_code(project, ()) == []
    write(tmp_path, {"actions/actions.py": "", "endpoints.yml": ""})
    code = f"{project}/actions/actions.py"
    assert unused_code(project, None) == [f"{code} is not used: add --actions {project}/actions"]
    write(tmp_path, {"endpoints.yml": f"action_endpoint: {{url: {url}}}\n"})
    assert unused_code(project, ()) == [
        f"{code} and the action server of {project}/endpoints.yml are not used: add"
        f" --actions {project}/actions or --actions {url}"
    ]
    assert unused_code(project, [url]) == unused_code("concert", ()) == []
