"""Damaged files of all kinds are checked or refused quickly, with errors at their own lines."""

from __future__ import annotations

import copy
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from dialogue_gym._text import printable
from dialogue_gym.check import check_files
from dialogue_gym.nlu.examples import builtin_path
from tests import ROOT

ROUNDS = 334
"""Of each kind and each way to damage: 2,004 files in all."""
SECONDS = 5
"""Of processor time for one file. They take milliseconds: this tells a hang, not how fast the machine is."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
PROJECTS = ROOT / "tests/stories/projects"
BUILT_IN = [
    builtin_path(name, file) for name in ("restaurant", "concert") for file in ("domain.yml", "nlu.yml")
]
DOMAIN = """intents: [inform, faq]
entities: [cuisine, people, city]
slots:
  cuisine: {type: categorical, values: [french, indian]}
"""
NLU = """version: "3.1"
nlu:
- intent: inform
  examples: |
    - some [french](cuisine) food for [two](people:2)
    - in [SF]{"entity": "city", "value": "san francisco", "role": "to"}
- intent: faq/hours
  examples: [{text: when do you open, metadata: {sentiment: happy}}]
- synonym: "2"
  examples: "- two"
- lookup: cuisine
  examples: |
    - french
- regex: people
  examples: ['\\d{1,2}( ?people)?', '[1-9]']
- regex: city
  examples: ['[a-z]+', '(?:new )?york']
"""
NLU_MARKDOWN = """## intent:inform
- some [french](cuisine) food <!-- a
comment --> for [two](people:2)
* in [SF]{"entity": "city", "value": "san francisco"}
## synonym:2
- two
## lookup:cuisine
+ french
## regex:people
- \\d{1,2}( ?people)?
"""
PIECES = (
    "\n", "\r", "  ", "\t", " " * 4000, "- ", "* ", "> ", "## ", "##", "[", "](", "]{", "{", "}", ":", ": ",
    "|", "'", '"', "/", "@0.5", "<!--", "-->", "&a ", "*a", "<<: ", "!!python/name:os.system ", "? ", "---\n",
    "%", "~", "null", "true", ".nan", "1e999", "-1", "9" * 400, "\x00", "\x1b[2J", "\x85", "\u2028", "\u202e",
    "\ufeff", "é", "\U0001f600", "(a+)+", "(?x)a # )", "- or:\n", "OR", "listen", "[" * 60, "- - " * 60,
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2.5, 10**400, -(10**400), float("nan"), float("inf"), 1e300, "", " ", "0",
    "empty", "none", "other", "action_listen", "faq/hours", "/", "a" * 300, "a\nb", "\u2028", "é", "{name}",
    [], {}, [[]], [{}], [None], {"": ""}, {"name": None}, {"a": {"b": ["c"]}}, {"type": "categorical"},
)  # fmt: skip
PATTERNS = (
    "(?x)a # )",
    "(a?){10}" * 4,
    "a?" * 40 + "b",
    "(a|aa){10}" * 4,
    "(a{1,10}){10}b",
    "[[a]",
    "(a",
    "a**",
)
LINES = ("##" + " " * 4000 + "x", *(f"## regex:people\n- {pattern}" for pattern in PATTERNS))
"""Texts that have hung or broken a reader, or might."""


def text_damaged(text: str, chance: random.Random) -> str:
    for _ in range(chance.randint(1, 3)):
        start = chance.randrange(len(text) + 1)
        end = start + chance.choice([0, 0, 1, 5, 40, 200])
        other = chance.randrange(len(text) + 1)
        copied = text[other : other + chance.choice([1, 10, 100])]
        put = chance.choice([chance.choice(PIECES), f"\n{chance.choice(LINES)}\n", copied, ""])
        text = text[:start] + put + text[end:]
    return text


def places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container in a tree with every key or index in it."""
    for key in list(tree) if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ():
        yield tree, key
        yield from places(tree[key])


def tree_damaged(text: str, chance: random.Random) -> str:
    tree = yaml.load(text, _LOADER)
    for _ in range(chance.randint(1, 2)):
        found = list(places(tree))
        if not found:
            break
        inside, key = chance.choice(found)
        other_inside, other_key = chance.choice(found)
        change = chance.choice(["value", "value", "remove", "rename", "copy", "repeat"])
        if change == "value":
            inside[key] = copy.deepcopy(chance.choice(chance.choice([VALUES, VALUES, PATTERNS])))
        elif change == "copy":
            inside[key] = copy.deepcopy(other_inside[other_key])
        elif change == "remove":
            del inside[key]
        elif isinstance(inside, list):
            inside.insert(key, copy.deepcopy(inside[key]))
        elif change == "rename":
            inside[str(other_key)] = inside.pop(key)
        else:
            inside[f"{key}_2"] = copy.deepcopy(inside[key])
    return str(yaml.dump(tree, Dumper=_DUMPER, sort_keys=False, allow_unicode=True, width=1000))


@contextmanager
def processor_time(seconds: float) -> Iterator[None]:
    def stop(*_: Any) -> None:
        pytest.fail(f"more than {seconds} s of processor time")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def bots(kind: str, folder: Path) -> list[tuple[Path, list[Path]]]:
    """Return files to damage, each with the other files of its bot."""
    if kind == "nlu":
        own = {"nlu.yml": NLU, "nlu.md": NLU_MARKDOWN, "nlu.markdown": NLU_MARKDOWN}
        for name, text in {**own, "domain.yml": DOMAIN}.items():
            (folder / name).write_text(text, encoding="utf-8")
        return [(folder / name, [folder / "domain.yml"]) for name in own] + [(BUILT_IN[3], [BUILT_IN[2]])]
    found = [
        (path, path.parent / "domain.yml") for path in sorted(PROJECTS.glob("*/*")) if path.stem != "domain"
    ]
    if kind == "stories":
        return [(stories, [domain]) for stories, domain in found]
    return [(domain, [stories]) for stories, domain in found] + [
        (domain, [nlu]) for domain, nlu in (BUILT_IN[:2], BUILT_IN[2:])
    ]


@pytest.mark.parametrize("damage", [text_damaged, tree_damaged], ids=["text", "tree"])
@pytest.mark.parametrize("kind", ["domain", "stories", "nlu"])
def test_a_damaged_file_is_checked_or_refused(kind: str, damage: Any, tmp_path: Path) -> None:
    chance = random.Random(f"{kind} {damage.__name__}")
    files = bots(kind, tmp_path)
    if damage is tree_damaged:
        files = [(path, others) for path, others in files if path.suffix in (".yml", ".yaml")]
    (tmp_path / "damaged").mkdir()
    faulty = 0
    for number in range(ROUNDS):
        path, others = files[number % len(files)]
        text = damage(path.read_text(encoding="utf-8"), chance)
        damaged = tmp_path / "damaged" / path.name
        damaged.write_text(text, encoding="utf-8")
        try:
            with processor_time(SECONDS):
                lines = check_files([str(damaged), *map(str, others)])
        except Exception as error:
            error.add_note(f"file {number}, damaged from {path}:\n{text[:3000]}")
            raise
        for line in lines:
            assert line == printable(line) and line.startswith(("error: ", "warning: ")), (number, line)
        faulty += any(line.startswith(f"error: {damaged}:") for line in lines)
    assert 0.1 < faulty / ROUNDS < 0.9
