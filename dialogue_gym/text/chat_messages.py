"""The messages of a dialogue in text, as the chat-completions protocol of language models has them.

Source: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dialogue_gym._text import cut
from dialogue_gym.text.replies import MAX_REPLY, Reply, without_thoughts
from dialogue_gym.text.tools import Tool

_UNNAMEABLE = re.compile(r"[^A-Za-z0-9_-]")
_MAX_FUNCTION = 64
_NOTHING = "..."
"""The text that stands for an empty reply."""
_FUNCTION = re.compile(rf"[A-Za-z0-9_-]{{1,{_MAX_FUNCTION}}}")
"""The names of functions that all servers take."""


class ChatMessages:
    """The messages of one dialogue between a chat model, the assistant, and the user.

    Whatever the model writes can be sent back to a server: long texts are cut, nothing is three dots, and
    calls are well-formed.

    Attributes:
        messages: the messages so far, as JSON-serializable values.
        tools: the actions as functions, if the model is to call them.
    """

    def __init__(self, instructions: str, tools: Iterable[Tool] = ()) -> None:
        """Begin with the instructions."""
        self.messages: list[dict[str, Any]] = [{"role": "system", "content": instructions}]
        self.tools = [tool.schema() for tool in tools]
        self._actions = _function_names(tool["function"]["name"] for tool in self.tools)
        for tool, function in zip(self.tools, self._actions, strict=True):
            tool["function"]["name"] = function
        self._functions = {action: function for function, action in self._actions.items()}
        self._open: list[str] = []
        self._count = 0

    def hear(self, text: str) -> None:
        """Add the user's first sentence, or the result of a reply."""
        if self._open:
            self.messages.append({"role": "tool", "tool_call_id": self._open.pop(0), "content": text})
        else:
            self.messages.append({"role": "user", "content": text})

    def read(self, message: Mapping[str, Any]) -> list[Reply]:
        """Add a message of the assistant; return its replies, at least one.

        A message can call several tools. The result of each is to be heard, in order.
        """
        content = without_thoughts(_text(message.get("content")))
        calls = message.get("tool_calls") if self.tools else None
        if not calls:
            # Servers such as Mistral's refuse a message with neither a text nor a call.
            self.messages.append({"role": "assistant", "content": cut(content, MAX_REPLY) or _NOTHING})
            return [content]
        functions = _functions(calls)
        if functions is None:
            text = json.dumps(calls)
            self.messages.append({"role": "assistant", "content": cut(text, MAX_REPLY)})
            return [text]
        self._add_calls(content, functions)
        return [self._reply(function) for function in functions]

    def act(self, action: str, arguments: Mapping[str, Any]) -> None:
        """Add a message of the assistant that calls an action.

        Raises:
            KeyError: the action is not one of the tools.
        """
        self._add_calls("", [{"name": self._functions[action], "arguments": arguments}])

    def _add_calls(self, content: str, functions: Sequence[Mapping[str, Any]]) -> None:
        self._open = [self._next_id() for _ in functions]
        calls = [
            {"id": id_, "type": "function", "function": _sendable(function)}
            for id_, function in zip(self._open, functions, strict=True)
        ]
        content = cut(content, MAX_REPLY)
        self.messages.append({"role": "assistant", "content": content, "tool_calls": calls})

    def _next_id(self) -> str:
        self._count += 1
        return f"call{self._count:05}"  # nine letters and digits: some servers take nothing else

    def _reply(self, function: Mapping[str, Any]) -> Reply:
        name = function["name"]
        return {"name": self._actions.get(name, name), "arguments": function.get("arguments") or None}


def _functions(calls: Any) -> list[Mapping[str, Any]] | None:
    """Return the functions that are called; None if a call is malformed."""
    functions = []
    for call in calls if isinstance(calls, list) else [None]:
        function = call.get("function") if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping):
            return None
        name = function.get("name")
        if not isinstance(name, str) or not _FUNCTION.fullmatch(name):
            return None
        functions.append(function)
    return functions


def _sendable(function: Mapping[str, Any]) -> dict[str, str]:
    """Return a call with arguments that are an object, since servers refuse others."""
    arguments = function.get("arguments")
    try:
        content = json.loads(arguments) if isinstance(arguments, str) else arguments
        text = json.dumps(content if isinstance(content, Mapping) else {})
    except (ValueError, TypeError, RecursionError):
        text = "{}"
    return {"name": function["name"], "arguments": text if len(text) <= MAX_REPLY else "{}"}


def _text(content: Any) -> str:
    """Return the text of a content, which can come in parts."""
    parts = content if isinstance(content, list) else [content]
    texts = [part.get("text") if isinstance(part, Mapping) else part for part in parts]
    return "".join(text for text in texts if isinstance(text, str))


def _function_names(actions: Iterable[str]) -> dict[str, str]:
    """Return the actions by names of functions."""
    names: dict[str, str] = {}
    for action in actions:
        name = whole = _UNNAMEABLE.sub("_", action)[:_MAX_FUNCTION]
        number = 1
        while name in names:
            number += 1
            name = f"{whole[: _MAX_FUNCTION - 4]}_{number}"
        names[name] = action
    return names
