"""Domain files that cannot be used: each gives one clear line, quickly, and never another exception."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from dialogue_gym import DialogueEnv, DomainError, load_domain
from dialogue_gym import _yaml as reader
from dialogue_gym._text import printable
from dialogue_gym.domain.conditions import CONDITION_KEYS, EXPERT_KEYS
from dialogue_gym.domain.fake_user import ACTION_KEYS, AGENDA_KEYS, FAKE_USER_KEYS
from dialogue_gym.domain.loader import (
    IGNORED_KEYS,
    OWN_KEYS,
    RASA_KEYS,
    errors_of_domain,
    parse_domain,
    read_domain,
)
from dialogue_gym.domain.model import DOMAIN_FILE
from dialogue_gym.domain.slots import MAPPING_KEYS, SLOT_KEYS
from dialogue_gym.domain.sources import builtin_names
from tests.conftest import examples

SECONDS = 20  # of the processor: this tells a hang, it measures nothing


def read_blocks(file: Path) -> Iterator[tuple[str, str, str]]:
    """Yield the name, content and error of every block of a file."""
    beginnings = {"": ""}
    for block in re.split(r"^== ", file.read_text("utf-8"), flags=re.MULTILINE)[1:]:
        head, _, body = block.partition("\n")
        name, _, beginning = head.partition(" (")
        content, arrow, message = body.partition("=> ")
        content = beginnings[beginning.rstrip(")")] + content
        if arrow:
            yield name, content, message.strip()
        else:
            beginnings[name] = content.rstrip() + "\n"


def many(text: str, n: int) -> str:
    """Return n texts, in which `#` stands for 1 to n, and `@` for the number before."""
    return "".join(text.replace("#", str(i)).replace("@", str(i - 1)) for i in range(1, n + 1))


SAY = "{say: greet, answer: utter_ask}"
AGENDA = "intents: [greet]\nactions: [utter_ask]\nfake_user:\n  agenda:\n"
WRITTEN_OUT = "too large or too deep once its anchors are expanded"

# Files that are hard to write as text, each with its error.
GENERATED: dict[str, tuple[str | bytes, str]] = {
    "control character": ("intents:\n- gr\x07eet", "2: '\\x07' is a control character, not text"),
    "null byte": ("intents:\n- a\n- \0b", "3: '\\x00' is a control character, not text"),
    "binary": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "1: not a text file in UTF-8"),
    "latin-1": ("intents:\n- grüß".encode("latin-1"), "2: not a text file in UTF-8"),
    "utf-16": ("intents: [a]".encode("utf-16"), "1: not a text file in UTF-8"),
    "long name": (
        "actions:\n- " + "ab" * 150,
        f"2: actions[0]: '{'ab' * 29}a…' is not a valid name: it is longer than 200 characters",
    ),
    "deep lists": ("[" * 100_000, "1: nested deeper than 50 levels"),
    "deep mappings": ("".join(" " * i + "a:\n" for i in range(60)), "51: nested deeper than 50 levels"),
    "many entries": (many("k#: v\n", 80_000), "50000: more than 100000 entries, the limit for a domain file"),
    "four megabytes": (many("key#: value\n", 250_000), " larger than 1 MB, the limit for a domain file"),
    "anchors that double": ("k0: &a0 [x]\n" + many("k#: &a# [*a@, *a@]\n", 60), f"17: {WRITTEN_OUT}"),
    "merges that double": (
        "k0: &a0 {x: y}\n" + many("k#: &a# {<<: [*a@, *a@]}\n", 60),
        f"16: {WRITTEN_OUT}",
    ),
    "chain of merges": ("k0: &a0 {x: y}\n" + many("k#: &a# {<<: *a@}\n", 5000), f"51: {WRITTEN_OUT}"),
    "too many intents": (
        "intents:\n" + many("- i#\n", 2000),
        "1002: intents[1000]: more than the 1000 names that are supported",
    ),
    "too many actions": (
        "responses:\n" + many("  r#: [a]\n", 2000),
        "1: 2002 actions are more than the 1000 that are supported",
    ),
    "too many slots": (
        "slots:\n" + many("  s#: {type: text}\n", 2000),
        "1: slots: 2000 slots are more than the 1000 that are supported",
    ),
    "too many slots in a goal": (
        "\n".join(
            [
                "entities:\n" + many("- s#\n", 200),
                "slots:\n" + many("  s#: {type: text}\n", 200),
                "fake_user:\n  goal:\n" + many("    s#: [a]\n", 200),
            ]
        ),
        "507: fake_user.goal.s101: more than the 100 slots that are supported",
    ),
    "too many values in a goal": (
        "entities: [s]\nslots: {s: {type: text}}\nfake_user:\n  goal:\n    s:\n" + many("    - #\n", 200),
        "106: fake_user.goal.s[100]: more than the 100 values that are supported",
    ),
    "too many rules": (
        "actions: [a]\nexpert:\n" + many("- then: a\n", 2000),
        "1003: expert[1000]: more than the 1000 rules that are supported",
    ),
    "too many ways": (
        AGENDA + many(f"  - maybe: [{SAY}]\n", 20),
        "14: fake_user.agenda[9]: more than the 1000 paths that are supported",
    ),
    "too many things to say": (
        AGENDA + many(f"  - {SAY}\n", 2000),
        "105: fake_user.agenda[100].answer: more than the 100 things to say that are supported",
    ),
}
WRITTEN = read_blocks(Path(__file__).with_name("malformed_domains.txt"))
MALFORMED = {name: (content, error) for name, content, error in WRITTEN} | GENERATED


def error_of(source: Any) -> str:
    """Return the message of a failing load, after the checks that every message has to pass."""
    start = time.process_time()
    with pytest.raises(DomainError) as caught:
        load_domain(source)
    assert time.process_time() - start < SECONDS
    message = str(caught.value)
    assert message == printable(message)
    assert len(message) < 1000
    return message


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_file(tmp_path: Path, name: str) -> None:
    content, expected = MALFORMED[name]
    path = tmp_path / "domain.yml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    error = error_of(path)
    assert error == f"{path}:{expected}"
    assert error in map(str, errors_of_domain(path))


def no_file(folder: Path) -> Path:
    return folder / "none.yml"


def fifo(folder: Path) -> Path:
    path = folder / "domain.yml"
    os.mkfifo(path)
    return path


def link_to_itself(folder: Path) -> Path:
    path = folder / "domain.yml"
    path.symlink_to(path)
    return path


def nested_lists_of_100_mb(folder: Path) -> Path:
    path = folder / "domain.yml"
    with path.open("wb") as file:
        file.write(b"[" * 2_000_000)
        file.truncate(100_000_000)
    return path


def unreadable(folder: Path) -> Path:
    path = folder / "domain.yml"
    path.touch(mode=0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    return path


def name_with_a_newline(folder: Path) -> Path:
    path = folder / "do\nmain.yml"
    path.write_text("intentz: []")
    return path


UNREADABLE: list[tuple[Callable[[Path], Any], str]] = [
    (no_file, "{folder}/none.yml: there is no such file"),
    (
        lambda folder: folder,
        "{folder}: no file of this folder is a domain (with intents, slots, responses ...)",
    ),
    (lambda _: [], "no domain: the list of files is empty"),
    (fifo, "{folder}/domain.yml: this is a directory or device, not a domain file"),
    (lambda _: "/dev/zero", "/dev/zero: this is a directory or device, not a domain file"),
    (link_to_itself, "{folder}/domain.yml: there is no such file"),
    (nested_lists_of_100_mb, "{folder}/domain.yml: larger than 1 MB, the limit for a domain file"),
    (unreadable, "{folder}/domain.yml: cannot be read (Permission denied)"),
    (name_with_a_newline, "{folder}/do\\nmain.yml:1: unknown key 'intentz'; did you mean 'intents'?"),
    (lambda _: "/no/such/domain.yml", "/no/such/domain.yml: there is no such file"),
    (lambda _: "/no\0such/domain.yml", "/no\\x00such/domain.yml: there is no such file"),
    (lambda _: "/no\udcffsuch.yml", "/no\\udcffsuch.yml: there is no such file"),
    (lambda _: "/" + "a" * 300 + ".yml", "/" + "a" * 300 + ".yml: cannot be read (File name too long)"),
    (
        lambda _: "restaurat",
        "'restaurat' is neither a file nor a built-in domain; did you mean 'restaurant'?",
    ),
    (
        lambda _: "",
        "'' is neither a file nor a built-in domain; valid: city, concert, hotel, laptop, restaurant",
    ),
    (
        lambda _: "a\0b",
        "'a\\x00b' is neither a file nor a built-in domain; valid: city, concert, hotel, laptop, restaurant",
    ),
    (lambda _: None, "domain='None': expected a path, a name or a Domain"),
    (lambda _: b"restaurant", "domain=\"b'restaurant'\": expected a path, a name or a Domain"),
]


@pytest.mark.parametrize(("source", "expected"), UNREADABLE)
def test_missing_files(tmp_path: Path, source: Callable[[Path], Any], expected: str) -> None:
    assert error_of(source(tmp_path)) == expected.format(folder=tmp_path)


def test_nothing_in_a_file_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "domain.yml"
    monkeypatch.chdir(tmp_path)
    path.write_text("intents: !!python/object/apply:os.system ['touch ran']")
    error_of(path)
    path.write_text('intents: [\'{__import__("os").system("touch ran")}\']')
    load_domain(path)
    assert list(tmp_path.iterdir()) == [path]


def test_both_of_yamls_parsers_read_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    fast = [read_domain(name, []) for name in builtin_names()]
    monkeypatch.setattr(reader, "_LOADER", yaml.SafeLoader)
    assert [read_domain(name, []) for name in builtin_names()] == fast
    with pytest.raises(DomainError, match=r"^domain:1: nested deeper than 50 levels$"):
        reader.parse_yaml("[" * 100_000, "domain", DOMAIN_FILE)


def is_domain_or_error(text: str) -> None:
    """Check that a text is refused in one line, or gives a domain that can be played."""
    try:
        domain = parse_domain(reader.parse_yaml(text, "domain.yml", DOMAIN_FILE), "domain")
    except DomainError as error:
        assert str(error) == printable(str(error))
        assert str(error).startswith("domain.yml:")
        return
    assert hash(domain) == hash(load_domain(domain))
    if domain.fake_user:
        env = DialogueEnv(domain)
        env.reset(seed=0)
        assert env.step(0)[0] in env.observation_space


FILES = [
    (resources.files("dialogue_gym") / "domains" / name / "domain.yml").read_text("utf-8").splitlines()
    for name in builtin_names()
]
SCALARS = ("", "~", "0", "-1", "1e999", "yes", "[]", "{}", "[[]]", "{a: b}", "'", "*x", "&x", "x", "-")


@st.composite
def mutated_file(draw: st.DrawFn) -> str:
    """One of the built-in files, with some lines dropped, repeated, exchanged, moved or changed."""
    lines = list(draw(st.sampled_from(FILES)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        key, colon, value = lines[at].partition(": ")
        other = draw(st.sampled_from(lines))
        scalar = draw(st.sampled_from(SCALARS))
        lines[at : at + 1] = draw(
            st.sampled_from(
                [
                    [],
                    [lines[at], lines[at]],
                    [other],
                    [" " + lines[at]],
                    [key + colon + scalar],
                    [key + colon + other.partition(": ")[2]],
                    [lines[at].replace(value[:3] or " ", scalar, 1)],
                ]
            )
        )
    return "\n".join(lines)


@settings(max_examples=examples(300))
@given(mutated_file())
def test_mutated_files(text: str) -> None:
    is_domain_or_error(text)


WORDS = st.sampled_from(
    [
        *(RASA_KEYS + IGNORED_KEYS + OWN_KEYS + SLOT_KEYS + FAKE_USER_KEYS + ACTION_KEYS + AGENDA_KEYS),
        *(CONDITION_KEYS + EXPERT_KEYS + MAPPING_KEYS),
        *("greet", "size", "text", "float", "inform", "filled", "open", "<<"),
    ]
)
VALUES = st.recursive(
    st.one_of(WORDS, st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(WORDS, inner, max_size=4)),
    max_leaves=20,
)


@settings(max_examples=examples(300))
@given(st.one_of(st.text(), st.dictionaries(WORDS, VALUES, max_size=6).map(json.dumps)))
def test_random_files(text: str) -> None:
    is_domain_or_error(text)
