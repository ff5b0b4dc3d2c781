"""A check of a bot's files: all their errors at once, and warnings with their lines."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dialogue_gym.check import check_files
from tests import ROOT
from tests.docs.test_guides import GUIDE
from tests.pages import texts

BIKES = "\n".join(texts(GUIDE, "yaml"))
"""The domain of the guide, with its examples."""


def found(tmp_path: Path, text: str, name: str = "bot.yml") -> list[str]:
    """Return the problems of a file, such as `error:3: unknown key`."""
    (tmp_path / name).write_text(text, encoding="utf-8")
    lines = check_files([str(tmp_path / name)])
    return [line.replace(f": {tmp_path / name}:", ":", 1) for line in lines]


def changed(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


FAULTS = (
    ("affirm, deny]", "affirm, deny, greet]", "intents[4]: duplicate intent 'greet'"),
    ("patience: 5", "patience: 500", "fake_user.patience: '500' is not a number from 1 to 100"),
    ("{inform: days}", "{inform: day}", "unknown goal slot 'day'; did you mean 'days'?"),
    ("then: utter_ask_kind", "then: utter_aks_kind", "expert[0].then: unknown action 'utter_aks_kind'; did"),
    ("then: utter_ask_days", "then: utter_aks_days", "expert[1].then: unknown action 'utter_aks_days'; did"),
    ("- then: utter_offer", "- than: utter_offer", "expert[2]: unknown key 'than'; did you mean 'then'?"),
    ("- intent: inform", "- intend: inform", "nlu[1]: unknown key 'intend'; did you mean 'intent'?"),
    ("for [3](days) days", 'for [3]{"entity": 3} days', "invalid annotation"),
)


def test_all_errors_are_listed_at_once_with_their_lines(tmp_path: Path) -> None:
    text = changed(BIKES, *((old, new) for old, new, _ in FAULTS))
    expected = {(line_of(text, new), message) for _, new, message in FAULTS[:-1]}
    lines = found(tmp_path, text)
    for number, message in expected:
        assert any(line.startswith(f"error:{number}: ") and message in line for line in lines), message
    assert len(lines) == len(expected)  # the annotation belongs to the intent that cannot be read
    mended = changed(text, ("intend", "intent"))
    assert any("invalid annotation" in line for line in found(tmp_path, mended))


CITY = (ROOT / "dialogue_gym/domains/city/domain.yml").read_text(encoding="utf-8")
FOLLOWED = {
    "slots.kind.type": changed(BIKES, ("type: categorical", "type: categoric")),
    "slots.days": changed(BIKES, ("type: text", "value: text")),
    "database": CITY,  # its venues are in a file beside it
}


@pytest.mark.parametrize("place", FOLLOWED)
def test_no_error_that_follows_from_another_is_listed(tmp_path: Path, place: str) -> None:
    """Without its type a slot cannot be read, and nothing that names it; without venues nobody searches."""
    (line,) = found(tmp_path, FOLLOWED[place])
    assert line.startswith("error:") and f": {place}: " in line


def test_a_name_that_is_wrong_twice_is_listed_twice(tmp_path: Path) -> None:
    text = BIKES.replace("then: utter_ask_kind", "then: ask").replace("then: utter_ask_days", "then: ask")
    assert [line.partition(" ")[2].partition(";")[0] for line in found(tmp_path, text)] == [
        f"expert[{number}].then: unknown action 'ask'" for number in (0, 1)
    ]


def test_all_errors_of_stories_and_examples_are_listed(tmp_path: Path) -> None:
    steps = "{intent: ''}, {acton: utter_a}, {action: utter_b}, {action: [c]}"
    stories = f"stories:\n- story: one\n  steps: [{steps}]\n- stry: two\n  steps: []\n"
    assert [line.partition(" ")[2].partition(":")[0] for line in found(tmp_path, stories)] == [
        "steps[0].intent",
        "steps[1].acton",
        "steps[3].action",
        "unknown key 'stry'; did you mean 'story'?",
    ]
    markdown = '## one\n* greet{\n- utter_a\n* a{"b"}\n'
    assert [line.partition(":")[2][:1] for line in found(tmp_path, markdown, "stories.md")] == ["2", "4"]
    examples = '## intent:greet\n- hi\n- [a]{"x"}\n- hello\n- [b]{"entity": 3}\n'
    assert [line.partition(":")[2][:1] for line in found(tmp_path, examples, "nlu.md")] == ["3", "5"]


def test_a_warning_about_an_intent_has_the_line_of_the_intent(tmp_path: Path) -> None:
    text = changed(
        BIKES,
        ("intents: [greet, inform, affirm, deny]", "intents:\n- greet\n- inform\n- affirm\n- deny\n- order"),
        ("      - yes, that is right\n", ""),
    )
    line = line_of(text, "      - yes\n")
    assert found(tmp_path, text) == [
        f"warning:{line_of(text, '- order')}: the intent 'order' has no examples",
        f"warning:{line}: the intent 'affirm' has 1 example",
    ]


def test_a_wish_that_nothing_asks_for_is_a_warning(tmp_path: Path) -> None:
    rule = "  - {when: {slots: {days: empty}}, then: utter_ask_days}\n"
    silent = changed(BIKES, (rule, ""))
    assert found(tmp_path, silent) == [
        f"warning:{line_of(silent, 'expert:')}: "
        "expert: no rule asks for the slot 'days', as utter_ask_days does"
    ]
    deaf = changed(BIKES, ("utter_ask_days: {user: {inform: days}}", "utter_ask_days: {}"))
    assert found(tmp_path, deaf) == [
        f"warning:{line_of(deaf, '    days: [2')}: fake_user.goal.days: no action asks for the slot 'days': "
        "none has 'user' with 'inform: days'"
    ]
    shutil.copy(ROOT / "dialogue_gym/domains/city/venues.csv", tmp_path)
    lines = found(tmp_path, f"{CITY.partition('expert:')[0]}expert:\n  - then: utter_greet\n")
    assert [line.partition(" expert: ")[2].partition(",")[0] for line in lines] == [
        f"no rule asks for the slot '{slot}'" for slot in ("area", "atmosphere", "kind", "price", "seating")
    ]


def test_a_name_that_names_no_file_gets_the_nearest_domain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bikes.yml").write_text("intents: [greet]\n")
    for given, told in (
        ("restaurnt", "'restaurnt' is neither a file nor a built-in domain; did you mean 'restaurant'?"),
        ("bikes", "'bikes' is neither a file nor a built-in domain; did you mean 'bikes.yml'?"),
        ("", "'' is neither a file nor a built-in domain; valid: city, concert, hotel, laptop, restaurant"),
        ("none.yml", "none.yml: there is no such file"),
    ):
        assert check_files([given]) == [f"error: {told}"]


def test_a_built_in_domain_is_checked_without_another_domain(tmp_path: Path) -> None:
    assert check_files(["restaurant", "concert"]) == [
        "error: restaurant: a built-in domain is complete; check concert by another command"
    ]
    path = tmp_path / "more.yml"
    path.write_text("intents: [more]\n")
    for files in (["restaurant", str(path)], [str(path), "restaurant"]):
        assert check_files(files)[0] == (
            f"error: restaurant: a built-in domain is complete; check {path} by another command"
        )
