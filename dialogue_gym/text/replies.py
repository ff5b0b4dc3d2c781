"""The ways in which a text says an action: its name, a call of it as a tool, or a sentence."""

from __future__ import annotations

import abc
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from dialogue_gym._text import counted, nearest
from dialogue_gym.domain import Domain
from dialogue_gym.nlu.interpreter import read_json
from dialogue_gym.text.tools import Tool, quoted_value, tools_of

MAX_REPLY = 10_000
"""The characters of a reply that are read."""
_DECORATION = " \t\r\n`'\"*"
"""Characters around a name that models like to write."""
_WRAPPED = re.compile(r"\s*(?:```\w*|<tool_call>)\s*(\{.*\})\s*(?:```|</tool_call>)\s*", re.DOTALL)
"""A call as models write it into a text: as a block of code, or in the tags of many chat templates."""
_THOUGHTS_END = "</think>"
Reply = str | Mapping[str, Any]
"""A text, or the call of a tool: `{"name": ..., "arguments": {...}}`."""


@dataclass(frozen=True, slots=True)
class Call:
    """An action, and the values that it says, by slot."""

    action: str
    values: Mapping[str, Any] = field(default_factory=dict)


class ReplyError(ValueError):
    """Raised if a reply is not understood; the message is one sentence for whoever replied."""


class ReplyReader(abc.ABC):
    """Reader of the replies of one mode."""

    mode: ClassVar[str]

    def __init__(self, domain: Domain) -> None:
        """Prepare to read replies that are actions of a domain."""
        self.tools = {tool.name: tool for tool in tools_of(domain)}

    @abc.abstractmethod
    def read(self, reply: Reply) -> Call:
        """Return the action that a reply stands for.

        Raises:
            ReplyError: it is not understood.
        """

    def _tool(self, name: str) -> Tool:
        if name not in self.tools:
            raise ReplyError(f"unknown action {quoted_value(name)}; {nearest(name, self.tools)}")
        return self.tools[name]


class NameReader(ReplyReader):
    """Reader of replies that are the name of an action."""

    mode = "names"

    def read(self, reply: Reply) -> Call:
        """Return the action of this name."""
        return Call(self._tool(reply_text(reply).strip(_DECORATION)).name)


class ToolReader(ReplyReader):
    """Reader of replies that call an action as a tool, also as JSON in a text."""

    mode = "tools"

    def read(self, reply: Reply) -> Call:
        """Return the action that is called, with its arguments as values of slots."""
        content = _object(reply)
        if "tool_calls" in content:
            content = _only_call(content)
        if "function" in content and isinstance(content["function"], Mapping):  # as chat completions have it
            content = content["function"]
        name = content.get("name")
        if not isinstance(name, str):
            raise ReplyError('a call has a "name", the name of an action')
        tool = self._tool(name)
        given = _arguments(tool.name, content.get("arguments"))
        try:
            return Call(tool.name, tool.values(given))
        except ValueError as error:
            raise ReplyError(str(error)) from None


def without_thoughts(text: str) -> str:
    """Return the text behind the thoughts that a reasoning model writes first, `<think>...</think>`.

    >>> without_thoughts("<think>They said French.</think> action_suggest")
    'action_suggest'
    """
    return text.rpartition(_THOUGHTS_END)[2].strip()


def reply_text(reply: Reply) -> str:
    """Return a reply that is a text, without thoughts.

    Raises:
        ReplyError: it is empty, too long, or not a text.
    """
    if not isinstance(reply, str):
        raise ReplyError(f"expected a text, not {_kind(reply)}")
    text = without_thoughts(reply)
    if len(text) > MAX_REPLY:
        raise ReplyError(f"the reply has more than {MAX_REPLY:,} characters")
    if not text:
        raise ReplyError("the reply is empty")
    return text


def _object(reply: object) -> Mapping[str, Any]:
    wanted = "an object with the name of an action"
    if isinstance(reply, Mapping):
        return reply
    if not isinstance(reply, str):
        raise ReplyError(f"expected {wanted}, not {_kind(reply)}")
    text = reply_text(reply)
    wrapped = _WRAPPED.fullmatch(text)
    try:
        content = read_json((wrapped[1] if wrapped else text).strip())
    except ValueError as error:
        raise ReplyError(f"expected a call such as {json.dumps({'name': 'ACTION'})}: {error}") from None
    if not isinstance(content, dict):
        raise ReplyError(f"expected {wanted}, not {_kind(content)}")
    return content


def _only_call(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the call of a whole message of chat completions; without calls, that in its text."""
    calls = message["tool_calls"]
    if not calls:
        content = message.get("content")
        if not isinstance(content, str) or not content.strip():
            raise ReplyError("the message calls no action")
        return _object(content)
    if not isinstance(calls, list):
        raise ReplyError('"tool_calls" must be a list of calls')
    if len(calls) > 1:
        raise ReplyError(f"the message calls {counted(len(calls), 'action')}; reply with one call")
    (call,) = calls
    if not isinstance(call, Mapping):
        raise ReplyError(f'"tool_calls" has no call, but {_kind(call)}')
    return call


def _arguments(action: str, given: object) -> Mapping[str, Any]:
    """Return the arguments of a call, which can be JSON in a text; empty ones are none."""
    if isinstance(given, str) and given.strip():
        if len(given) > MAX_REPLY:
            raise ReplyError(f"{action}: the arguments have more than {MAX_REPLY:,} characters")
        try:
            given = read_json(given)
        except ValueError as error:
            raise ReplyError(f"{action}: the arguments cannot be read: {error}") from None
    elif given is None or isinstance(given, str):
        return {}
    if not isinstance(given, Mapping):
        raise ReplyError(f"{action}: expected an object with arguments, not {_kind(given)}")
    return given


def _kind(value: object) -> str:
    kinds = {str: "a text", bool: "true or false", list: "a list", type(None): "nothing", dict: "an object"}
    return kinds.get(type(value), "a number" if isinstance(value, (int, float)) else type(value).__name__)
