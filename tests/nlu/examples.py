"""Examples for the tests of interpreters."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st

from dialogue_gym.conversation.events import Entity
from dialogue_gym.nlu.examples import Example

NAMES = ("restaurant", "concert", "city", "hotel", "laptop")
ROUNDS = settings(max_examples=70)


WORDS = st.text("abz é'#-\"{}:,.é?!\U0001f600\\/&*", min_size=1, max_size=8)
TITLES = WORDS.map(str.strip).filter(bool)


@st.composite
def examples(draw: st.DrawFn) -> Example:
    text, entities = "", []
    for number, part in enumerate(draw(st.lists(WORDS, min_size=1, max_size=4))):
        if number % 2:
            value = draw(st.just(part) | WORDS)
            role, group = draw(st.none() | TITLES), draw(st.none() | TITLES)
            place = (len(text), len(text) + len(part))
            entities.append(Entity(draw(TITLES), value, *place, role=role, group=group))
        text += part
    return Example(text, draw(TITLES), tuple(entities))
