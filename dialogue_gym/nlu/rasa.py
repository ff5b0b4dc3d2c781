"""An interpreter that uses a Rasa server."""

from __future__ import annotations

from typing import Any

from dialogue_gym._http import ServiceError, post_json, with_path
from dialogue_gym.conversation.events import Entity
from dialogue_gym.nlu.interpreter import Interpretation, Interpreter, InterpreterError

_PATH = "/model/parse"


class RasaInterpreter(Interpreter):
    """Interpreter with the model of a Rasa server, by `POST /model/parse` of its HTTP API.

    Source: https://rasa.com/docs/rasa/pages/http-api
    """

    def __init__(self, url: str, timeout: float = 5.0) -> None:
        """Use a server, with a deadline of `timeout` seconds for each text.

        The `url` is an address such as `http://localhost:5005`; a query, such as `?token=...`, is passed on.
        """
        self.url = with_path(url, _PATH)
        self.timeout = timeout

    def parse(self, text: str) -> Interpretation:
        """Return the meaning that the server finds in a text.

        Raises:
            InterpreterError: the server cannot be reached, misses the deadline, or does not respond as Rasa
                does.
        """
        try:
            response = post_json(self.url, {"text": text}, self.timeout)
        except ServiceError as error:
            raise InterpreterError(str(error)) from None
        try:
            return _interpretation(text, response)
        except ValueError as error:
            raise InterpreterError(f"{self.url} did not respond as Rasa does: {error}") from None


def _interpretation(text: str, response: Any) -> Interpretation:
    if not isinstance(response, dict) or "intent" not in response:
        raise ValueError("the response has no 'intent'")
    intent, confidence = _intent(response["intent"])
    ranking = tuple(
        (name, chance) for name, chance in map(_intent, _list(response, "intent_ranking")) if name is not None
    )
    entities = tuple(Entity.from_json(entity) for entity in _list(response, "entities"))
    if intent is not None and (question := _question(intent, response)) != intent:
        ranking = tuple((question if name == intent else name, chance) for name, chance in ranking)
        intent = question
    if not ranking and intent is not None:
        ranking = ((intent, confidence),)
    return Interpretation(text, intent, confidence, entities, ranking)


def _question(intent: str, response: dict[str, Any]) -> str:
    """Return the full name that Rasa's response selector found for a retrieval intent, `faq/hours`."""
    content: Any = response.get("response_selector")
    for keys in ((intent, "default"), ("response",), ("intent_response_key",)):
        found = [content[key] for key in keys if key in content] if isinstance(content, dict) else []
        content = found[0] if found else None
    return content if isinstance(content, str) and content.startswith(f"{intent}/") else intent


def _intent(content: Any) -> tuple[str | None, float]:
    """Return the name of an intent, None if nothing was understood, and its confidence."""
    if content is None:
        return None, 0.0
    if not isinstance(content, dict):
        raise ValueError("an intent is not an object")
    name, confidence = content.get("name"), content.get("confidence")
    if not isinstance(name, (str, type(None))):
        raise ValueError("the name of an intent is not a text")
    if not isinstance(confidence, (int, float)) or not 0 <= confidence <= 1.001:  # rounding
        raise ValueError("the confidence of an intent is not a number from 0 to 1")
    return name or None, min(1.0, float(confidence))


def _list(response: dict[str, Any], key: str) -> list[Any]:
    content = response.get(key)
    if content is not None and not isinstance(content, list):
        raise ValueError(f"{key!r} is not a list")
    return content or []
