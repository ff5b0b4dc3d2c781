"""The responses to retrieval intents in the Markdown of Rasa 1, as `responses.md` has them.

    ## questions about names
    * chitchat/ask_name
      - I am a bot.
      - My name is Sara.

Rasa 2 and 3 have the same under `responses`, as `utter_chitchat/ask_name`.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence

from dialogue_gym._markdown import lines
from dialogue_gym._yaml import YamlNode, parse_yaml
from dialogue_gym.domain.model import DOMAIN_FILE, DomainError

_INTENT = re.compile(r"\*\s*([\w.+-]+/[\w./+-]+)")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_ACTION = re.compile(r"-\s*[\w./+-]+\s*(\{.*\})?")


def has_responses(text: str) -> bool:
    """Return whether a Markdown text is made of responses alone, unlike stories and any other text."""
    found = [line.strip() for line in _COMMENT.sub("", text).splitlines() if line.strip()]
    if not all(line.startswith(("##", "*", "-")) for line in found):
        return False
    intents = [line for line in found if line.startswith("*")]
    said = [line for line in found if line.startswith("-")]
    is_answered = any(not _ACTION.fullmatch(line) for line in said)  # not by the name of an action
    return is_answered and bool(intents) and all(map(_INTENT.fullmatch, intents))


def read_responses(text: str, file: str) -> YamlNode:
    """Return the responses of a Markdown text in the form of a domain file; `file` stands for it in errors.

    Raises:
        DomainError: a line is not a heading, an intent of a retrieval intent, or its response.
    """
    responses = {name: [{"text": one} for one in said] for name, said in texts_of(text, file).items()}
    return parse_yaml(json.dumps({"responses": responses}), file, DOMAIN_FILE)


def texts_of(text: str, file: str) -> dict[str, tuple[str, ...]]:
    """Return the texts of each response in a Markdown text.

    Raises:
        DomainError: see `read_responses`.
    """
    found: dict[str, tuple[str, ...]] = {}
    for name, _, said in _answers(text, file):
        found[name] = (*found.get(name, ()), said)
    return found


def with_texts_of(text: str, file: str, changed: Mapping[str, Sequence[str]]) -> str:
    """Return a Markdown text in which some of its responses say other texts; everything else stays.

    Raises:
        DomainError: see `read_responses`; or Markdown cannot hold one of the texts.
    """
    rows = text.split("\n")
    made = [[row] for row in rows]
    answers = list(_answers(text, file))
    for name, new in changed.items():
        places = [(row, said) for one, row, said in answers if one == name]
        old = [said for _, said in places]
        for kind, i, j, first, last in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            if kind == "equal":
                continue
            for row, _ in places[i:j]:
                made[row] = []
            like = places[min(i, len(places) - 1)]
            lines_of = [_row_like(rows[like[0]], like[1], said) for said in new[first:last]]
            if i and i == j:
                made[places[i - 1][0]] += lines_of
            else:
                made[places[i][0]][:0] = lines_of
    result = "\n".join(row for part in made for row in part)
    expected = texts_of(text, file) | {name: tuple(said) for name, said in changed.items()}
    try:
        again = texts_of(result, file)
    except DomainError:  # such as a comment that is never closed
        again = {}
    if again != expected or has_responses(text) != has_responses(result):
        raise DomainError(
            f"{file}: {', '.join(changed)} cannot be changed here: Markdown cannot hold the text"
        )
    return result


def _answers(text: str, file: str) -> Iterator[tuple[str, int, str]]:
    """Yield the answers in a Markdown text: the name of the response, the row from 0, and the text."""
    intent: str | None = None
    for number, line in lines(text, file, DOMAIN_FILE):
        if line.startswith("#"):
            intent = None
        elif found := _INTENT.fullmatch(line):
            intent = found[1]
        elif line.startswith("-") and intent is not None:
            yield f"utter_{intent}", number - 1, line[1:].strip().replace("\\n", "\n")
        else:
            raise DomainError(
                f"{file}:{number}: expected an intent such as '* faq/hours', or '- ' and its answer"
            )


def _row_like(row: str, said: str, text: str) -> str:
    """Return a row with another text, in the form of a row that has one."""
    before, found, after = row.partition(said.replace("\n", "\\n"))
    if not found:  # a comment is in the middle
        before, after = row.partition("-")[0] + "- ", ""
    return before + text.replace("\n", "\\n") + after
