"""A session of the OpenEnv protocol around dialogues in text, without input or output.

A message to the server is an object with a `type` (reset, step, state or close) and `data`; a message of the
server has the type observation, state or error. Source: openenv 0.10, https://github.com/huggingface/OpenEnv
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

from dialogue_gym._text import nearest
from dialogue_gym.domain import Domain
from dialogue_gym.nlu.interpreter import read_json
from dialogue_gym.text.dialogue import MODES, TEXT_SETTINGS, TextDialogue
from dialogue_gym.text.replies import Reply
from dialogue_gym.text.tools import quoted_value, tools_of

MAX_REQUEST = 131_072
"""The characters of a message to the server; escaped as JSON, the longest reply that is read has 120,000."""
INVALID_JSON, UNKNOWN_TYPE, INVALID, FAILED = (
    "INVALID_JSON", "UNKNOWN_TYPE", "VALIDATION_ERROR", "EXECUTION_ERROR",
)  # fmt: skip
"""Codes of errors, as the protocol names them."""
_TYPES = ("reset", "step", "state", "close")
_RESET = ("seed", "episode_id", "mode", "goal", *TEXT_SETTINGS)
_CALL = ("name", "arguments", "function", "id", "type", "metadata")
_LONGEST_ID = 255
_ANY_OBJECT: dict[str, Any] = {"type": "object", "additionalProperties": True}


class OpenEnvError(ValueError):
    """Raised if a request is refused; the message is one sentence for the client.

    Attributes:
        code: the protocol's code of the error.
    """

    def __init__(self, code: str, line: str) -> None:
        """Keep the code."""
        super().__init__(line)
        self.code = code

    def as_message(self) -> dict[str, Any]:
        """Return the server's message."""
        return {"type": "error", "data": {"message": str(self), "code": self.code}}


class OpenEnvRequest(NamedTuple):
    """A message to the server: its type, one of the protocol's, and its data."""

    type: str
    data: Mapping[str, Any]


def read_request(text: str) -> OpenEnvRequest:
    """Return the request of a message to the server.

    Raises:
        OpenEnvError: it is too long, or not a message of the protocol.
    """
    if len(text) > MAX_REQUEST:
        raise OpenEnvError(INVALID, f"the message has more than {MAX_REQUEST:,} characters")
    try:
        content = read_json(text)
    except ValueError as error:
        raise OpenEnvError(INVALID_JSON, f"the message cannot be read: {error}") from None
    kind = content.get("type") if isinstance(content, dict) else None
    if kind not in _TYPES:
        given = "the message has no type" if kind is None else f"unknown type {quoted_value(kind)}"
        raise OpenEnvError(UNKNOWN_TYPE, f"{given}; {nearest(str(kind), _TYPES)}")
    data = content.get("data", None if kind == "step" else {})
    if not isinstance(data, dict):
        raise OpenEnvError(INVALID, f'{kind}: "data" must be an object')
    return OpenEnvRequest(kind, data)


class OpenEnvSession:
    """Dialogues of one client, one after the other.

    A reset chooses `seed`, `goal` and `user` as in `TextDialogue.reset`, `mode` and the settings of
    `TextDialogue`. They hold for the dialogue that it begins; what it leaves out is as the server has it.
    """

    def __init__(
        self, domain: Domain, mode: str = "names", settings: Mapping[str, Any] | None = None
    ) -> None:
        """Prepare dialogues.

        Args:
            domain: one with a fake user.
            mode: the way to act, if a reset names no other.
            settings: the settings of dialogues, if a reset names no others.
        """
        self._domain = domain
        self._mode = mode
        self._settings = dict(settings or {})
        self._dialogue: TextDialogue | None = None
        self._chosen = ""
        self._episode: str | None = None
        self._steps = 0
        self._is_success = False

    def mode_of(self, data: Mapping[str, Any]) -> Any:
        """Return the mode that a reset asks for, which need not exist."""
        return self._mode if data.get("mode") is None else data["mode"]

    def respond(self, request: OpenEnvRequest) -> dict[str, Any]:
        """Return the server's message in answer to a reset, a step, or a question for the state.

        Raises:
            OpenEnvError: the request is refused; nothing has changed.
        """
        if request.type == "state":
            return {"type": "state", "data": self.state()}
        act = self.reset if request.type == "reset" else self.step
        return {"type": "observation", "data": act(request.data)}

    def reset(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Begin a dialogue; return the first observation.

        Raises:
            OpenEnvError: a key is unknown, or a value out of bounds.
        """
        given = {name: value for name, value in data.items() if value is not None}
        for name in given:
            if name not in _RESET:
                raise OpenEnvError(
                    INVALID, f"reset: unknown key {quoted_value(name)}; {nearest(name, _RESET)}"
                )
        seed, episode = given.pop("seed", None), given.pop("episode_id", None)
        if seed is not None and (not isinstance(seed, int) or isinstance(seed, bool) or seed < 0):
            raise OpenEnvError(INVALID, 'reset: "seed" must be a whole number of 0 or more')
        if episode is not None and (not isinstance(episode, str) or len(episode) > _LONGEST_ID):
            raise OpenEnvError(
                INVALID, f'reset: "episode_id" must be a text of up to {_LONGEST_ID} characters'
            )
        options: dict[str, Any] = {name: given.pop(name) for name in ("goal", "user") if name in given}
        mode = self.mode_of({"mode": given.pop("mode", None)})
        settings = self._settings | given
        chosen = json.dumps([mode, settings], sort_keys=True)
        try:
            dialogue = self._dialogue
            if dialogue is None or chosen != self._chosen:
                dialogue = TextDialogue(self._domain, mode, **settings)
            message = dialogue.reset(seed, options)
        except ImportError as error:
            raise OpenEnvError(FAILED, f"reset: {error}") from None
        except (ValueError, TypeError) as error:
            raise OpenEnvError(INVALID, f"reset: {error}") from None
        self._dialogue, self._chosen = dialogue, chosen
        self._episode, self._steps = episode or str(uuid.uuid4()), 0
        self._is_success = False
        observation = {
            "message": message,
            "instructions": dialogue.instructions,
            "tools": dialogue.tools if mode == "tools" else [],
            "metadata": {"mode": mode},
        }
        return _result(observation, None, False)

    def step(self, action: Mapping[str, Any]) -> dict[str, Any]:
        """Reply to the user; return the observation, the reward and whether the dialogue is over.

        A reply that is not understood is a useless turn, and the observation says why.

        Raises:
            OpenEnvError: the action is malformed, or no dialogue is in progress.
        """
        reply = _reply_of(action)
        dialogue = self._dialogue
        if dialogue is None:
            raise OpenEnvError(FAILED, "no dialogue has begun in this session: send a reset first")
        if dialogue.is_over:
            raise OpenEnvError(FAILED, "the dialogue is over: send a reset first")
        done = dialogue.step(reply)
        self._steps += 1
        self._is_success = done.is_success
        observation = {
            "message": done.message,
            "metadata": {
                "action": done.action,
                "is_success": done.is_success,
                "is_truncated": done.is_truncated,
            },
        }
        return _result(observation, float(done.reward), done.is_over)

    def state(self) -> dict[str, Any]:
        """Return the state; the user's half is not part of it."""
        return {
            "episode_id": self._episode,
            "step_count": self._steps,
            "is_over": self._dialogue is None or self._dialogue.is_over,
            "is_success": self._is_success,
        }


def _result(observation: dict[str, Any], reward: float | None, is_over: bool) -> dict[str, Any]:
    """Return the protocol's result, whose metadata stands beside the observation too."""
    return {
        "observation": observation,
        "reward": reward,
        "done": is_over,
        "metadata": observation["metadata"],
    }


def _reply_of(action: Mapping[str, Any]) -> Reply:
    """Return the reply of an action: its text or call, or the call that the action is itself.

    Raises:
        OpenEnvError: it is neither.
    """
    if not any(name in action for name in ("message", "name", "function")):
        raise OpenEnvError(INVALID, 'step: an action needs a "message", the reply to the user')
    known = ("message", "metadata") if "message" in action else _CALL
    for name in action:
        if name not in known:
            raise OpenEnvError(INVALID, f"step: unknown key {quoted_value(name)}; {nearest(name, known)}")
    if "message" in action:
        message = action["message"]
        if not isinstance(message, (str, dict)):
            raise OpenEnvError(INVALID, 'step: "message" must be a text, or the call of an action')
        return message
    return {name: value for name, value in action.items() if name != "metadata"}


def schemas(domain: Domain, mode: str) -> dict[str, Any]:
    """Return the JSON Schemas of actions, observations and the state.

    Raises:
        ValueError: the mode is unknown.
    """
    if mode not in MODES:
        raise ValueError(f"mode={mode!r}: unknown mode; {nearest(mode, MODES)}")
    observation = {
        "message": _text("remarks in brackets, each on a line, and the user's next sentence"),
        "reward": {"type": ["number", "null"], "description": "the reward of the last action"},
        "done": {"type": "boolean", "description": "whether the dialogue is over"},
        "metadata": _ANY_OBJECT,
    }
    first = observation | {
        "instructions": _text("a system prompt for the domain and the mode"),
        "tools": {
            "type": "array",
            "items": _ANY_OBJECT,
            "description": "the actions as the chat-completions protocol describes functions",
        },
    }
    state = {
        "episode_id": {"type": ["string", "null"]},
        "step_count": {"type": "integer", "minimum": 0},
        "is_over": {"type": "boolean"},
        "is_success": {"type": "boolean"},
    }
    action = {"message": _action_schema(domain, mode), "metadata": _ANY_OBJECT}
    return {
        "action": _object("DialogueAction", action, "message"),
        "observation": _object("DialogueObservation", observation, "message"),
        "reset_observation": _object("DialogueStart", first, "message", "instructions"),
        "state": _object("DialogueState", state, *state),
    }


def _action_schema(domain: Domain, mode: str) -> dict[str, Any]:
    names = [tool.name for tool in tools_of(domain)]
    if mode == "names":
        return _text("the name of an action") | {"enum": names}
    if mode == "free":
        return _text("a sentence to the user")
    call = {"name": {"type": "string", "enum": names}, "arguments": _ANY_OBJECT}
    return {
        "description": "the call of an action, as an object or as JSON; it may also be the whole action",
        "anyOf": [{"type": "string"}, {"type": "object", "properties": call, "required": ["name"]}],
    }


def _text(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}


def _object(title: str, properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"title": title, "type": "object", "properties": properties, "required": list(required)}
