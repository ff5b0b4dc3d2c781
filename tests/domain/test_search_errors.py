"""Domain files of users who search that cannot be used: one sentence with the place each."""

from __future__ import annotations

import re

import pytest

from dialogue_gym import DomainError
from tests.conftest import domain_from
from tests.rules.test_search import PLACES_FILE

ERRORS = [
    ("name: place", "name: plac", "did you mean 'place'?"),
    (
        "slots: [kind, area], count: 2",
        "slots: [kind, are], count: 2",
        "unknown slot 'are'; did you mean 'area'?",
    ),
    (
        "slots: [kind, area], count: 2",
        "slots: [kind, area], count: 3",
        "3 is more than the number of slots, 2",
    ),
    ("slots: [kind, area], count: 2", "slots: [kind, kind], count: 2", "duplicate slot 'kind'"),
    ("count: 2, unmet: 0", "count: [2, 1], unmet: 0", "the lowest number, 2, is above the highest one, 1"),
    ("count: 2, unmet: 0", "count: 2, unmet: 2", "2"),
    ("attributes: [phone, address]", "attributes: [phone, addres_s]", "did you mean 'address'?"),
    ("[phone, address]", "[phone, phone]", "duplicate column 'phone'"),
    ("[thai, greek, pizza]", "[thai, greek, pizza, dontcare]", "'kind' must not list 'dontcare'"),
    ("combine: 0", "combne: 0", "did you mean 'combine'?"),
    ("combine: 0", "combine: 2", "2"),
    ("patience: 4,", "patience: 0,", "0"),
    ("{user: offer", "{user: ofer", "did you mean 'offer'?"),
    ("{user: {request: kind}}", "{user: request}", "'request' needs a slot: write 'request: SLOT'"),
    ("{user: {request: kind}}", "{user: {request: kid}}", "did you mean 'kind'?"),
    ("tell: {user: answer}", "tell: {user: greet}", "no action has 'user: answer'"),
    ("find, thank]", "find, thanks]", "no intent is called 'thank'"),
    ("constraints:", "intents: {greet: inform}\n      constraints:", "two roles, 'greet' and 'inform'"),
    ("constraints:", "intents: {thank: find}\n      constraints:", "two roles, 'find' and 'thank'"),
    ("slots:\n", "slots:\n      place: {type: text}\n", "the column with the names of venues is called so"),
    ("constraints:", "goal: {kind: [thai]}\n      constraints:", "users who search have no 'goal'"),
    ("constraints:", "patience: 3\n      constraints:", "it belongs under 'behaviour'"),
    ("type: categorical, values: [thai, greek, pizza]", "type: text", "a constraint is a categorical slot"),
    ("entities:", "domains: {}\n    entities:", "several domains in one dialogue are not supported yet"),
]


@pytest.mark.parametrize(("before", "after", "message"), ERRORS, ids=[after for _, after, _ in ERRORS])
def test_a_fault_is_one_sentence_with_its_place(before: str, after: str, message: str) -> None:
    assert before in PLACES_FILE
    with pytest.raises(DomainError, match=re.escape(message)) as error:
        domain_from(PLACES_FILE.replace(before, after, 1))
    assert re.match(r"\S+:\d+: ", str(error.value)) and "\n" not in str(error.value)


def test_a_database_is_needed() -> None:
    without = re.sub(r"    database:.*?(?=    fake_user)", "", PLACES_FILE, flags=re.DOTALL)
    with pytest.raises(DomainError, match="users who search need a 'database' beside 'fake_user'"):
        domain_from(without)
