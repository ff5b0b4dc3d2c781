"""A server of language models by the chat-completions protocol: retries, time limits, and a limit of tokens.

Source: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dialogue_gym._http import ServiceError, bearer, post_json, with_path
from dialogue_gym._text import counted, quoted

BASE_URL = "https://api.openai.com/v1"
KEY_VARIABLE = "OPENAI_API_KEY"
"""The environment variable with the key."""
_PATH = "/chat/completions"
_TOKEN = 4
"""Characters that count as a token if a server does not count tokens itself."""
_LONGEST_PAUSE = 60.0
_OURS = {"model", "messages", "tools", "stream"}
"""Keys of a request that are not chosen; a stream would not be read."""
_TRANSIENT = (408, 409, 425, 429)


def environment_key() -> str | None:
    """Return the key that the environment has; None if it has none."""
    return os.environ.get(KEY_VARIABLE) or None


class EndpointError(ServiceError):
    """A chat model cannot be asked. The message is one sentence."""


@dataclass
class Usage:
    """The cost of calls.

    Attributes:
        calls: the number of answered requests.
        tokens_read: tokens of the requests.
        tokens_written: tokens of the answers.
        seconds: seconds until the answers, with failed attempts and pauses.
        is_estimated: whether tokens are estimated, at 4 characters each, since the server counts none.
    """

    calls: int = 0
    tokens_read: int = 0
    tokens_written: int = 0
    seconds: float = 0.0
    is_estimated: bool = False

    @property
    def tokens(self) -> int:
        """All tokens."""
        return self.tokens_read + self.tokens_written


class ChatEndpoint:
    """A chat model on a server of the chat-completions protocol.

    Attributes:
        model: the name of the model.
        url: the address of the requests.
        usage: the cost so far.
    """

    def __init__(
        self,
        model: str,
        base_url: str = BASE_URL,
        key: str | None = None,
        *,
        timeout: float = 60.0,
        retries: int = 4,
        pause: float = 1.0,
        token_limit: float = math.inf,
        request: Mapping[str, Any] | None = None,
    ) -> None:
        """Use a model; nothing is sent yet.

        Args:
            model: the name of the model.
            base_url: the address to which the protocol's paths are added, such as `http://localhost:8000/v1`.
            key: the secret key of the server's user.
            timeout: the seconds that an answer may take.
            retries: attempts after a transient failure: no answer, too many requests, or a server's error.
            pause: the seconds before the first of them; each further pause is twice as long, up to 60, and a
                pause that the server asks for holds instead.
            token_limit: no request is sent once this many tokens were used.
            request: further keys of each request, such as `temperature`.

        Raises:
            ValueError: the key cannot be sent in a header, or a further key is one of ours.
        """
        self._headers = bearer(key, f"the key in {KEY_VARIABLE}")
        if taken := sorted(_OURS & set(request or ())):
            raise ValueError(f"request: {quoted(taken[0])} cannot be chosen here")
        self.model = model
        self.url = with_path(base_url, _PATH)
        self.usage = Usage()
        self._key = key
        self._timeout, self._retries, self._pause = timeout, retries, pause
        self._token_limit = token_limit
        self._request = dict(request or {})

    def complete(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] = ()
    ) -> Mapping[str, Any]:
        """Return the model's next message, the protocol's object with `content` and `tool_calls`.

        Raises:
            EndpointError: there is no answer, or none of the protocol, or the limit of tokens is reached.
            ImportError: httpx is missing; the message has the command that installs it.
        """
        usage = self.usage
        if usage.tokens >= self._token_limit:
            raise EndpointError(f"the limit of {self._token_limit:,.0f} tokens is reached")
        payload: dict[str, Any] = {"model": self.model, "messages": list(messages)}
        if tools:
            payload["tools"] = list(tools)
        began = time.monotonic()
        try:
            response = self._post(payload | self._request)
        finally:
            usage.seconds += time.monotonic() - began
        message = self._message(response)
        usage.calls += 1
        counts = response.get("usage")
        read, written = (_number(counts, name) for name in ("prompt_tokens", "completion_tokens"))
        usage.is_estimated |= read is None or written is None
        usage.tokens_read += _estimate(payload) if read is None else read
        usage.tokens_written += _estimate(message) if written is None else written
        return message

    def _post(self, payload: Mapping[str, Any]) -> Any:
        """Return the response to a request, after as many attempts as it takes and as are allowed."""
        pause = self._pause
        for attempt in range(self._retries + 1):
            try:
                return post_json(self.url, payload, self._timeout, self._headers)
            except ServiceError as error:
                if attempt == self._retries or not self._is_transient(error):
                    raise EndpointError(self._explained(error, attempt + 1), error.status) from None
                time.sleep(min(pause if error.retry_after is None else error.retry_after, _LONGEST_PAUSE))
                pause *= 2
        raise AssertionError

    def _is_transient(self, error: ServiceError) -> bool:
        """Return whether a further attempt is worth it; an address without any answer yet is a wrong one."""
        if error.status is None:
            return self.usage.calls > 0
        return error.status in _TRANSIENT or error.status >= 500

    def _explained(self, error: ServiceError, attempts: int) -> str:
        """Return the reason of a failure, with the server's own message; the key is never part of it."""
        told = _server_message(error.body)
        text = f"{error}: {quoted(told, 300)}" if told else str(error)
        if self._key:
            text = text.replace(self._key, "***")
        if error.status in (401, 403):
            text += f" (the key is {'that of' if self._key else 'read from'} {KEY_VARIABLE})"
        return text + (f" ({counted(attempts, 'attempt')})" if attempts > 1 else "")

    def _message(self, response: Any) -> Mapping[str, Any]:
        """Return the message of a response.

        Raises:
            EndpointError: it has none.
        """
        fault = f"{quoted(self.url, 200)} did not respond as chat completions do: "
        choices = response.get("choices") if isinstance(response, Mapping) else None
        if not isinstance(choices, list) or not choices:
            told = _server_message(response)
            raise EndpointError(fault + (quoted(told, 300) if told else "there is no list 'choices'"))
        message = choices[0].get("message") if isinstance(choices[0], Mapping) else None
        if not isinstance(message, Mapping):
            raise EndpointError(fault + "the first of 'choices' has no object 'message'")
        return message


def _server_message(body: Any) -> str | None:
    """Return the text of an error as servers write it."""
    for key in ("error", "message", "detail"):
        while isinstance(body, Mapping) and key in body:
            body = body[key]
    return body if isinstance(body, str) else None


def _number(counts: Any, name: str) -> int | None:
    number = counts.get(name) if isinstance(counts, Mapping) else None
    return number if isinstance(number, int) and not isinstance(number, bool) and number >= 0 else None


def _estimate(content: Any) -> int:
    return len(json.dumps(content)) // _TOKEN
