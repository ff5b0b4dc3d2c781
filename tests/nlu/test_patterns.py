"""Patterns of NLU files: the accepted and the refused ones, their matches, and their speed."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from dialogue_gym.nlu.gazetteer import Gazetteer, tokenize
from dialogue_gym.nlu.regex import MAX_PROGRAM, compile_pattern
from tests.nlu.examples import ROUNDS


@pytest.mark.parametrize(
    "pattern",
    [
        r"\d{5}",
        "[(]+",
        r"\d+(\.\d+)?",
        r"(?:a|b)c*",
        r"(\d{3}[- ]?){2}",
        r"\b[\w.%+-]+@[\w.-]+\.[a-z]{2,4}\b",
        r"(https?://)?(www\.)?[\w-]+\.\w{2,}(/\S*)?",
        r"(\+\d{1,3}[- ]?)?\(?\d{3}\)?[- ]?\d{3}[- ]?\d{4}",
        "[[a]",
        "a{1000}" * 50,
    ],
)
def test_ordinary_patterns_are_accepted(pattern: str) -> None:
    assert 0 < compile_pattern(pattern).size <= MAX_PROGRAM


SLOW_WITH_BACKTRACKING = [
    r"(a+)+b",
    r"(a|aa)*b",
    r"(?:(?:x*)y)+",
    r"a*" * 5 + "b",
    r"([)]|a+)+b",
    "(a?){10}" * 4 + "b",
    "a?" * 40 + "b",
    "(a{1,10}){10}b",
    "(a|aa){10}" * 4 + "b",
    "(?:a{1,9}){1,9}" * 10 + "b",
    r"(?:\b){1000000000}",
    "[\\0-\uffff]" * 80,
]


@pytest.mark.parametrize("pattern", SLOW_WITH_BACKTRACKING)
def test_every_pattern_matches_quickly(pattern: str) -> None:
    """A backtracking matcher takes seconds or far longer for most of these."""
    begin = time.process_time()
    gazetteer = Gazetteer([], [(pattern, ("x", None, None))], ())
    for text in ("a" * 1000, "ab" * 500, "xy" * 500, "a " * 500):
        gazetteer.find(text, tokenize(text), {})
    assert time.process_time() - begin < 5


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("((?:){30000}){30000}", "invalid repetition size"),
        ("((a{1000}){1000}){1000}", "invalid repetition size"),
        ("(?=(a+)+b)", "invalid perl operator"),
        ("(?<!a)b", "invalid perl operator"),
        (r"(a)\1", "invalid escape sequence"),
        (r"(?P<n>a)(?P=n)", "invalid perl operator"),
        ("(", "missing \\)"),
        ("\ud800", "half a character"),
        ("a" * 999, "longer than 500"),
    ],
)
def test_patterns_that_re2_cannot_use_are_refused(pattern: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        compile_pattern(pattern)


@ROUNDS
@given(st.text("ab()[]?*+|{}12,\\:=!<>#^$.- é", max_size=30), st.sampled_from(["", "(?x)", "(?:", "(?s)"]))
@example("(?L)a", "")
@example("(" * 250, "")
@example(r"\C", "")
def test_any_text_is_a_pattern_or_an_error(text: str, before: str) -> None:
    try:
        pattern = compile_pattern(before + text)
    except ValueError as error:
        assert str(error)
    else:
        for message in ("ab12", "É(a) \ud800"):
            pattern.match(message.encode("utf-8", "replace").decode())


PATTERNS = st.recursive(
    st.sampled_from(
        [
            *("a", "b", "1", ".", r"\d", r"\w", "[ab]", "[^a]", r"\b", "^", "$", r"\Z"),
            *(r"[\W]", r"[^\W\d]", r"[\Wa]", r"[^\D]", r"[\D ]", r"[^\S]", r"[\S ]"),
        ]
    ),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map("|".join).map("({})".format),
        st.tuples(inner.map("(?:{})".format), st.sampled_from(["?", "+?", "{1,3}", "+"])).map("".join),
    ),
    max_leaves=6,
)


@ROUNDS
@given(PATTERNS, st.text("abAB1 ", max_size=8))
def test_re2_matches_as_python_does(pattern: str, text: str) -> None:
    expected = re.compile(pattern, re.IGNORECASE).match(text)
    found = compile_pattern(pattern).match(text)
    assert (found and found.span()) == (expected and expected.span())


@pytest.mark.parametrize("text", ["at 10115 berlin", "\ud800 10115", "a10115", "é 10115-"])
def test_a_pattern_sees_the_character_before_it(text: str) -> None:
    gazetteer = Gazetteer([], [(r"\b\d{5}\b", ("code", None, None))], ())
    found = [values for match in gazetteer.find(text, tokenize(text), {}) for values in match.values]
    assert found == ([] if text[0] == "a" and text[1] == "1" else [(("code", None, None), "10115")])


@ROUNDS
@given(PATTERNS, st.text("aé1Я_ ", max_size=8))
def test_character_classes_follow_unicode(pattern: str, text: str) -> None:
    assume(r"\b" not in pattern)
    expected = re.compile(pattern, re.IGNORECASE).match(text)
    found = compile_pattern(pattern).match(text)
    assert (found and found.span()) == (expected and expected.span())


@pytest.mark.parametrize(
    ("pattern", "text", "value"),
    [
        (r"\bвин\w+\b", "белое вино, пожалуйста", "вино"),
        (r"\b(stra\w+e|weg)\b", "in der Straße dort", "Straße"),
        (r"[\w-]+'s", "zu Käthe's bitte", "Käthe's"),
        (r"\d+\s?€", "für 20 €", "20 €"),
        (r"[^\W\d]+ß", "der Spaß", "Spaß"),
        (r"\W*été", "en été", "été"),
        (r"[^\W\d_]+é\Z", "12 le café", "café"),
    ],
)
def test_patterns_work_in_every_language(pattern: str, text: str, value: str) -> None:
    gazetteer = Gazetteer([], [(pattern, ("x", None, None))], ())
    found = [values for match in gazetteer.find(text, tokenize(text), {}) for values in match.values]
    assert found == [(("x", None, None), value)]
