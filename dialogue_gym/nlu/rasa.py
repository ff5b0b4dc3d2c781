"""An interpreter that asks a Rasa server."""

from __future__ import annotations

import urllib.parse
from typing import Any

from dialogue_gym._http import ServiceError, post_json
from dialogue_gym.conversation.events import Entity
from dialogue_gym.nlu.interpreter import Interpretation, Interpreter, InterpreterError

_PATH = "/model/parse"


class RasaInterpreter(Interpreter):
    """Asks the model of a Rasa server, by `POST /model/parse` of its HTTP API.

    Source: https://rasa.com/docs/rasa/pages/http-api
    """

    def __init__(self, url: str, timeout: float = 5.0) -> None:
        """Ask a server, and wait `timeout` seconds at most.

        Its `url` is such as `http://localhost:5005`; what follows a `?`, as `token=...`, is sent along.
        """
        self.url = _address(url)
        self.timeout = timeout

    def parse(self, text: str) -> Interpretation:
        """Return what the server takes a text to mean.

        Raises:
            InterpreterError: the server is not there, too slow, or answers with something else.
        """
        try:
            answer = post_json(self.url, {"text": text}, self.timeout)
        except ServiceError as error:
            raise InterpreterError(str(error)) from None
        try:
            return _interpretation(text, answer)
        except ValueError as error:
            raise InterpreterError(f"{self.url} did not answer as Rasa does: {error}") from None


def _address(url: str) -> str:
    """Return the address to ask, where `/model/parse` is put in unless it stands there."""
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError:
        return url  # asking says what is wrong with it
    path = parts.path.rstrip("/").removesuffix(_PATH) + _PATH
    return urllib.parse.urlunsplit(parts._replace(path=path))


def _interpretation(text: str, answer: Any) -> Interpretation:
    if not isinstance(answer, dict) or "intent" not in answer:
        raise ValueError("there is no 'intent'")
    intent, confidence = _intent(answer["intent"])
    ranking = tuple(
        (name, chance) for name, chance in map(_intent, _list(answer, "intent_ranking")) if name is not None
    )
    entities = tuple(Entity.from_json(entity) for entity in _list(answer, "entities"))
    if not ranking and intent is not None:
        ranking = ((intent, confidence),)
    return Interpretation(text, intent, confidence, entities, ranking)


def _intent(content: Any) -> tuple[str | None, float]:
    """Return the name of an intent, None if nothing was understood, and its confidence."""
    if content is None:
        return None, 0.0
    if not isinstance(content, dict):
        raise ValueError("an intent is no object")
    name, confidence = content.get("name"), content.get("confidence")
    if not isinstance(name, (str, type(None))):
        raise ValueError("the name of an intent is no text")
    if not isinstance(confidence, (int, float)) or not 0 <= confidence <= 1.001:  # rounded, it may pass 1
        raise ValueError("the confidence of an intent is no number from 0 to 1")
    return name or None, min(1.0, float(confidence))


def _list(answer: dict[str, Any], key: str) -> list[Any]:
    content = answer.get(key)
    if content is not None and not isinstance(content, list):
        raise ValueError(f"{key!r} is no list")
    return content or []
