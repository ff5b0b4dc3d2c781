"""The responses to retrieval intents in the Markdown of Rasa 1, as `responses.md` has them.

    ## questions about names
    * chitchat/ask_name
      - I am a bot.
      - My name is Sara.

Rasa 2 and 3 have the same under `responses`, as `utter_chitchat/ask_name`.
"""

from __future__ import annotations

import json
import re

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
    responses: dict[str, list[dict[str, str]]] = {}
    intent: str | None = None
    for number, line in lines(text, file, DOMAIN_FILE):
        if line.startswith("#"):
            intent = None
        elif found := _INTENT.fullmatch(line):
            intent = found[1]
        elif line.startswith("-") and intent is not None:
            said = line[1:].strip().replace("\\n", "\n")
            responses.setdefault(f"utter_{intent}", []).append({"text": said})
        else:
            raise DomainError(
                f"{file}:{number}: expected an intent such as '* faq/hours', or '- ' and its answer"
            )
    return parse_yaml(json.dumps({"responses": responses}), file, DOMAIN_FILE)
