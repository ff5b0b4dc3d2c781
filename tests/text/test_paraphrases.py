"""More sentences for users from a model on a real server: kept only if they are understood."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from dialogue_gym.nlu import NluData, TrainedInterpreter, builtin_path, parse_example, read_examples
from dialogue_gym.text import paraphrases
from tests.commands import call
from tests.conftest import domain_from
from tests.text.chat_server import Raw, chat_server

DATA = read_examples(builtin_path("restaurant"))


@pytest.fixture(scope="module")
def interpreter() -> TrainedInterpreter:
    return TrainedInterpreter("restaurant", DATA)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("how about some Indian food then", "how about some [Indian](cuisine:indian) food then"),
        ("how about some food then", paraphrases.VALUE),
        ("how about some indian food in paris then", paraphrases.VALUES),
        ("goodbye, indian", paraphrases.INTENT),
        ("some [indian](cuisine) food", paraphrases.MARKS),
        ("indian food " * 20, paraphrases.LONG),
    ],
)
def test_a_sentence_is_kept_if_its_act_comes_back(
    text: str, result: str, interpreter: TrainedInterpreter
) -> None:
    example = parse_example("i want [indian](cuisine) food", "inform")
    kept = paraphrases.sift(text, example, interpreter, DATA)
    reasons = paraphrases.REASONS
    assert kept == (result if result in reasons else parse_example(result, "inform"))


def test_values_stand_in_words_without_spaces_and_several_of_the_same_words() -> None:
    known = [
        parse_example(text, intent)
        for text, intent in (
            ("我想吃[法国菜](dish)", "inform"),
            ("来一份[泰国菜](dish)", "inform"),
            ('born in [Bonn][{"entity": "city"}, {"entity": "capital"}]', "tell"),
            ("你好", "greet"),
        )
    ]
    domain = domain_from("intents: [inform, greet, tell]\nentities: [dish, city, capital]\n")
    data = NluData(tuple(known))
    interpreter = TrainedInterpreter(domain, data)
    kept = paraphrases.sift("我想吃点法国菜", known[0], interpreter, data)
    assert kept == parse_example("我想吃点[法国菜](dish)", "inform")
    kept = paraphrases.sift("I was born in Bonn", known[2], interpreter, data)
    assert kept == parse_example('I was born in [Bonn][{"entity": "city"}, {"entity": "capital"}]', "tell")


def test_every_intent_with_its_entities_is_said_differently() -> None:
    def kinds(examples: Any) -> set[Any]:
        return {(one.intent, frozenset(entity.name for entity in one.entities)) for one in examples}

    few = paraphrases.sources(DATA.examples, 1, seed=0)
    assert kinds(few) == kinds(DATA.examples) and len(few) == len(kinds(few))
    assert paraphrases.sources(DATA.examples, 1, seed=0) == few != paraphrases.sources(DATA.examples, 1, 1)


def model(request: dict[str, Any]) -> dict[str, Any]:
    """Say a sentence with a word more, as a list; the second one is known, and the third unclear."""
    (said,) = re.findall(r"A person says: (.*)", request["messages"][1]["content"])
    return {"role": "assistant", "content": f'1. "Well, {said}"\n2. {said.upper()}\n- blah\n\n'}


def paraphrase(url: str, *words: str) -> Any:
    return call("paraphrase", "restaurant", "--model", "tiny", "--base-url", url, *words)


def test_the_file_has_the_old_sentences_and_the_new_ones(tmp_path: Path) -> None:
    out = tmp_path / "nlu.yml"
    with chat_server(model) as server:
        done = paraphrase(server.url, "--each", "1", "--out", str(out))
    assert done.returncode == 0, done.stderr
    written = read_examples(out)
    new = [example for example in written.examples if example not in DATA.examples]
    assert set(DATA.examples) <= set(written.examples) and written.synonyms == DATA.synonyms
    assert new and all(example.text.startswith("Well, ") for example in new)
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"{len(new)} new sentences, ") and f"{len(server.requests)} calls" in lines[0]
    assert f"  {2 * len(server.requests) - 1} {paraphrases.KNOWN}" in lines
    understood = TrainedInterpreter("restaurant", written)
    assert all(understood.parse(example.text).intent == example.intent for example in new)


def test_a_server_that_fails_midway_leaves_a_whole_file(tmp_path: Path) -> None:
    answers = iter(range(4))
    out = tmp_path / "nlu.yml"

    def failing(request: dict[str, Any]) -> Any:
        return model(request) if next(answers, None) is not None else Raw(401, b"no")

    with chat_server(failing) as server:
        done = paraphrase(server.url, "--out", str(out))
    assert done.returncode == 2 and "this is what 4 answers gave: " in done.stderr
    assert len(read_examples(out).examples) > len(DATA.examples)
    with chat_server(model) as server:
        again = paraphrase(server.url, "--out", str(out))
        assert again.returncode == 2 and "this file exists already; give another name" in again.stderr
        assert not server.requests


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--out", "nowhere/nlu.yml"), "--out 'nowhere/nlu.yml': the folder does not exist"),
        (("--out", "nlu.yml", "--model", ""), "--model: the name of a model is missing"),
        (("--out", "nlu.txt"), "--out 'nlu.txt': the file is YAML, so its name ends with .yml"),
        (("--out", "nlu.yml", "--nlu", "nowhere.yml"), "nowhere.yml"),
    ],
)
def test_mistakes_are_explained_before_anything_is_asked(words: tuple[str, ...], message: str) -> None:
    done = paraphrase("http://127.0.0.1:1/v1", *words)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr
