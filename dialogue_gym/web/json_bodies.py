"""The form of JSON that the interface for programs sends."""

from __future__ import annotations

import json
from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel


class ErrorBody(BaseModel):
    """An error, in one line."""

    detail: str


class EscapedJSON(JSONResponse):
    """JSON in ASCII: messages may hold lone surrogates, which UTF-8 cannot encode."""

    def render(self, content: Any) -> bytes:
        """Return the bytes of a content."""
        return json.dumps(content, allow_nan=False).encode("ascii")
