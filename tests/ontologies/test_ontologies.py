"""Ontologies of PyDial and MultiWOZ, and the domains that they become."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from dialogue_gym import DomainError
from dialogue_gym._yaml import flow_yaml
from dialogue_gym.ontologies import (
    Ontology,
    OntologyError,
    domain_file,
    read_multiwoz,
    read_pydial,
    venues_file,
    write_project,
)
from tests.commands import call
from tests.ontologies.files import (
    HOTELS,
    ONTOLOGY,
    ROWS,
    RULES,
    SCHEMA,
    TRAINS,
    multiwoz_files,
    pydial_files,
)


def values(ontology: Ontology) -> dict[str, tuple[str, ...]]:
    return {slot.name: slot.values for slot in ontology.slots}


def names(ontology: Ontology) -> list[str]:
    return [attribute.name for attribute in ontology.attributes]


def test_pydials_files_become_an_ontology(tmp_path: Path) -> None:
    ontology = read_pydial(*pydial_files(tmp_path))
    assert ontology.name == "Tiny"
    assert values(ontology) == {
        "allowedforkids": ("no", "yes"),
        "food": ("thai", "greek", "fusion", "vegan"),
        "pricerange": ("cheap", "expensive"),
    }
    assert names(ontology) == ["addr", "phone"]
    assert ontology.venues == (
        ("alba", "yes", "thai", "cheap", 'oak road 1, "rear"', "11"),
        ("bela", "no", "greek", "cheap", "hill 2", "12"),
        ("alba (2)", "no", "vegan", None, "hill 3", None),
    )
    assert ontology.notes == (
        "'parking' is left out: the database has no such column",
        "'menu' is left out: the database has no such column",
        "the attribute 'signature' is left out: no venue has it",
    )


def test_multiwozs_files_become_an_ontology(tmp_path: Path) -> None:
    ontology = read_multiwoz(*multiwoz_files(tmp_path))
    assert ontology.name == "hotel"
    assert values(ontology) == {
        "area": ("centre", "north", "east"),
        "pricerange": ("cheap", "moderate"),
        "stars": ("0", "3", "4"),
        "parking": ("yes", "no", "free"),
    }
    assert names(ontology) == ["address", "phone", "price", "takesbookings", "food"]
    assert ontology.venues == (
        ("alba", "east", "moderate", "4", "yes", "124 tenison road", "01223", "double: 70, single: 50", "yes",
         "thai"),
        ("bela", "north", None, "3", "no", None, None, None, "no", "greek"),
    )  # fmt: skip
    assert ontology.notes == ("the slot 'day' is left out: the database has no such key",)


def test_multiwozs_schema_and_other_domains_are_read(tmp_path: Path) -> None:
    ontology = read_multiwoz(*multiwoz_files(tmp_path, SCHEMA))
    assert values(ontology) == {"area": ("centre", "north", "east"), "food": ("thai", "greek")}
    files = multiwoz_files(tmp_path, ONTOLOGY, TRAINS, "db.json")
    trains = read_multiwoz(*files, "train")
    assert trains.name == "train" and [venue[0] for venue in trains.venues] == ["TR1", "TR2"]
    assert values(trains) == {"departure": ("cambridge", "ely"), "leave_at": ("05:00", "06:00")}
    assert names(trains) == ["day", "price"]
    with pytest.raises(OntologyError, match=r"db.json: which domain is it\? .*: hotel, police, train$"):
        read_multiwoz(*files)
    with pytest.raises(OntologyError, match="unknown domain 'trains'; did you mean 'train'"):
        read_multiwoz(*files, "trains")
    with pytest.raises(OntologyError, match="the domain 'police' has no slots to search by"):
        read_multiwoz(*files, "police")


def test_names_are_made_valid_and_differ(tmp_path: Path) -> None:
    venues = [
        {"name": "a", "Find": "x", "entrance fee": 1, "entrance_fee": 2, "7 days": "y", "attribute": "z"}
    ]
    files = multiwoz_files(tmp_path, {"zoo-Find": ["x"]}, venues)
    ontology = read_multiwoz(*files)
    assert ontology.columns == (
        "name", "find_2", "entrance_fee", "entrance_fee_2", "field_7_days", "attribute_2",
    )  # fmt: skip


def test_a_slot_with_too_many_values_keeps_those_of_venues(tmp_path: Path) -> None:
    files = multiwoz_files(tmp_path, {"hotel-area": [f"v{i}" for i in range(1001)]})
    assert values(read_multiwoz(*files)) == {"area": ("east", "north")}


def test_the_domain_file_has_all_parts(tmp_path: Path) -> None:
    ontology = read_pydial(*pydial_files(tmp_path))
    domain = yaml.safe_load(domain_file(ontology))
    assert domain["entities"] == ["allowedforkids", "food", "pricerange", "attribute"]
    assert domain["slots"]["food"] == {"type": "categorical", "values": ["thai", "greek", "fusion", "vegan"]}
    assert domain["slots"]["allowedforkids"]["values"] == ["no", "yes"]
    user = domain["fake_user"]
    assert user["constraints"] == {
        "slots": ["allowedforkids", "food", "pricerange"], "count": [2, 3], "unmet": 0.2,
    }  # fmt: skip
    assert user["requests"] == {"attributes": ["addr", "phone"], "count": [1, 2]}
    assert user["actions"]["utter_select_food"] == {"user": {"select": "food"}}
    assert list(user["actions"]) == domain["actions"]
    said = {name.partition("/")[0] for name in domain["responses"]}
    assert said == set(domain["actions"])
    assert {*domain["intents"], *domain["slots"], "addr", "phone", "dontcare"} == set(user["phrases"])
    # Each of its rules is about an action of the domain; food divides the venues most.
    assert {rule["then"] for rule in domain["expert"]} == set(domain["actions"]) - {"utter_greet"}
    asked = [rule["then"] for rule in domain["expert"] if rule["then"].startswith("utter_ask_")]
    assert asked == ["utter_ask_food", "utter_ask_allowedforkids", "utter_ask_pricerange"]
    assert domain["expert"][-1] == {"then": "utter_offer"}


def test_the_bot_speaks_plain_english(tmp_path: Path) -> None:
    responses = yaml.safe_load(domain_file(read_pydial(*pydial_files(tmp_path))))["responses"]
    first = {name: texts[0]["text"] for name, texts in responses.items()}
    assert first["utter_ask_pricerange"] == "Which price range would you like?"
    assert first["utter_ask_allowedforkids"] == "Kids: yes or no?"
    assert first["utter_confirm_food"] == "You said {food} food, is that right?"
    assert first["utter_tell/addr"] == "The address is {addr}."
    assert first["utter_offer"] == "How about {name}?"
    assert first["utter_other/no_other"] == "I know of nothing else like that."


def test_the_venues_survive_as_csv(tmp_path: Path) -> None:
    ontology = read_pydial(*pydial_files(tmp_path))
    columns, *rows = csv.reader(io.StringIO(venues_file(ontology)))
    assert tuple(columns) == ontology.columns
    assert tuple(tuple(cell or None for cell in row) for row in rows) == ontology.venues


def test_single_slots_and_attributes_will_do(tmp_path: Path) -> None:
    files = multiwoz_files(tmp_path, {"hotel-area": []}, [{"name": "alba", "area": "east"}])
    domain = yaml.safe_load(domain_file(read_multiwoz(*files)))
    assert domain["fake_user"]["constraints"]["count"] == 1 and "requests" not in domain["fake_user"]


@pytest.mark.parametrize("width", [1, 30, 1000])
def test_yaml_in_brackets_is_read_as_it_was(width: int) -> None:
    content = {
        "no": ["yes", "a, b", "{x}", "it's: so", "#", ""], "empty": [{}, []], "n": [1, 0.2, None, True],
        "deep": {"list": [["a"] * 9, {"k": ["long text"] * 5}]},
    }  # fmt: skip
    text = flow_yaml(content, width)
    assert yaml.safe_load(f"- key: {text}\n- other") == [{"key": content}, "other"]
    assert width > 30 or max(map(len, text.splitlines())) <= max(width, 22)


def changed(content: Any, **changes: Any) -> Any:
    return {key: value for key, value in {**content, **changes}.items() if value is not None}


PYDIAL = [
    ("{", "Tiny-rules.json:1: not valid JSON (Expecting property name enclosed in double quotes)"),
    ("[" * 100_000, "Tiny-rules.json: not JSON that can be read: it is nested too deep, or"),
    ("\0", "Tiny-rules.json:1: not valid JSON (Expecting value)"),
    ([], "Tiny-rules.json: expected an object with 'informable', not a list"),
    (changed(RULES, informable=None, informables=1), "'informable' is missing; did you mean 'informables'"),
    (changed(RULES, informable=[]), "Tiny-rules.json: 'informable' must be an object, not a list"),
    (changed(RULES, informable={"food": "thai"}), "rules.json: informable.food must be a list, not a text"),
    (changed(RULES, requestable=[["name"]]), "'requestable' must be a list of texts; one is a list"),
    (changed(RULES, system_requestable=["menu"]), "Tiny-dbase.db: no column of it is a slot of the ontology"),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "error"), PYDIAL, ids=range(len(PYDIAL)))
def test_files_of_pydial_that_cannot_be_used_give_one_sentence(
    tmp_path: Path, rules: Any, error: str
) -> None:
    files = pydial_files(tmp_path, rules)
    done = call("import", "pydial", *map(str, files), "--out", "made/here", cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1
    assert error in done.stderr and not (tmp_path / "made").exists()


def test_databases_of_pydial_that_cannot_be_used_give_one_sentence(tmp_path: Path) -> None:
    rules, database = pydial_files(tmp_path, rows=[])
    with pytest.raises(OntologyError, match=r"Tiny-dbase.db: there are no venues in it"):
        read_pydial(rules, database)
    with pytest.raises(OntologyError, match=r"no.db: there is no such file"):
        read_pydial(rules, tmp_path / "no.db")
    with pytest.raises(DomainError, match=r"Tiny-rules.json: not a SQLite database that can be read"):
        read_pydial(rules, rules)
    for rows, error in (
        ([(*ROWS[0][:1], None, *ROWS[0][2:])], "venue 1 has no 'name'"),
        ([ROWS[0], (*ROWS[1][:6], b"\0", "")], "venue 2: a cell holds bytes, not text"),
        (
            [("1", f"v{i}", *ROWS[0][2:]) for i in range(2001)],
            "more than the 2,000 venues that are supported",
        ),
    ):
        database.unlink()
        with pytest.raises(OntologyError, match=f"Tiny-dbase.db: {error}"):
            read_pydial(*pydial_files(tmp_path, rows=rows))


MULTIWOZ = [
    ("[]", HOTELS, "ontology.json: there are no slots in it"),
    ("7", HOTELS, "ontology.json: expected an object with keys such as 'hotel-area', not a number"),
    ({"hotel": ["a"]}, HOTELS, "ontology.json: 'hotel' is not the name of a domain and a slot, as in"),
    ({"hotel-area": "a"}, HOTELS, "ontology.json: 'hotel-area' must be a list, not a text"),
    ([{"slots": {}}], HOTELS, "ontology.json: each service must be an object with a list 'slots'"),
    ([{"slots": [{}]}], HOTELS, "ontology.json: each slot must be an object with a text 'name'"),
    (ONTOLOGY, {"a": 1}, "hotel_db.json: expected a list of venues, not an object"),
    (ONTOLOGY, ["a"], "hotel_db.json: venue 1 must be an object, not a text"),
    (ONTOLOGY, [], "hotel_db.json: the venues have no 'name', and no other key tells them apart"),
    (ONTOLOGY, [{"name": "a"}, {"area": "b"}], "hotel_db.json: venue 2 has no 'name'"),
    (ONTOLOGY, [{"name": "a", "area": "b" * 201}], "is not a valid value of 'area': it is longer than"),
    (ONTOLOGY, [{"name": "a", "area": "b"} | {f"k{i}": 1 for i in range(63)}], "63 attributes are more"),
]  # fmt: skip


@pytest.mark.parametrize(("ontology", "venues", "error"), MULTIWOZ, ids=range(len(MULTIWOZ)))
def test_files_of_multiwoz_that_cannot_be_used_give_one_sentence(
    tmp_path: Path, ontology: Any, venues: Any, error: str
) -> None:
    files = multiwoz_files(tmp_path, ontology, venues)
    done = call("import", "multiwoz", *map(str, files), "--out", "made", cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1
    assert error in done.stderr and not (tmp_path / "made").exists()


def test_a_folder_appears_whole_and_no_file_is_replaced(tmp_path: Path) -> None:
    files = multiwoz_files(tmp_path)
    (tmp_path / "empty").mkdir()
    for out in ("new/one", "empty"):
        done = call("import", "multiwoz", *map(str, files), "--out", out, cwd=tmp_path)
        assert done.returncode == 0 and done.stdout.splitlines() == [
            "(the slot 'day' is left out: the database has no such key)",
            f"{out}: 2 venues, 4 slots, 5 attributes; try dialogue-gym chat {out}",
        ]
        assert sorted(path.name for path in (tmp_path / out).iterdir()) == ["domain.yml", "venues.csv"]
        assert (tmp_path / out).stat().st_mode & 0o777 == (tmp_path / "empty").stat().st_mode & 0o777
    before = (tmp_path / "empty/domain.yml").read_bytes()
    for out, error in (
        ("empty", "empty: this folder exists already and is not empty"),
        ("ontology.json", "ontology.json: this is a file, not a folder"),
    ):
        done = call("import", "multiwoz", *map(str, files), "--out", out, cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (2, "", f"error: {error}\n")
    assert (tmp_path / "empty/domain.yml").read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"empty", "new", "ontology.json", "hotel_db.json"}


def test_a_domain_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ontology = read_multiwoz(*multiwoz_files(tmp_path))
    write = Path.write_bytes

    def fail(self: Path, *arguments: Any, **keywords: Any) -> int:
        if self.name == "domain.yml":
            raise OSError(28, "No space left on device", str(self))
        return write(self, *arguments, **keywords)

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="No space left"):
        write_project(ontology, tmp_path / "made")
    assert {path.name for path in tmp_path.iterdir()} == {"ontology.json", "hotel_db.json"}


def test_a_domain_that_could_not_be_loaded_is_not_written(tmp_path: Path) -> None:
    slots = {f"hotel-s{i}": [f"{'long' * 45} {i} {j}" for j in range(999)] for i in range(6)}
    venue = {"name": "alba"} | {f"s{i}": "a" for i in range(6)}
    done = call(
        "import",
        "multiwoz",
        *map(str, multiwoz_files(tmp_path, slots, [venue])),
        "--out",
        "made",
        cwd=tmp_path,
    )
    assert (done.returncode, done.stdout) == (2, "")
    reason = "domain.yml: larger than 1 MB, the limit for a domain file"
    assert done.stderr == f"error: no domain can be made of this ontology: {reason}\n"
    assert {path.name for path in tmp_path.iterdir()} == {"ontology.json", "hotel_db.json"}


def test_json_of_any_kind_becomes_text(tmp_path: Path) -> None:
    venue = {"name": "a\u0007\nb", "area": " North ", "list": ["x", 2], "none": None, "deep": {"a": {"b": 1}}}
    ontology = read_multiwoz(*multiwoz_files(tmp_path, {"hotel-area": ["north"]}, json.dumps([venue])))
    assert ontology.columns == ("name", "area", "list", "deep")
    assert ontology.venues == (("a b", "north", "x, 2", "a: b: 1"),)
