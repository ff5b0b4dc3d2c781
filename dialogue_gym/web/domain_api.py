"""The domain in the interface for programs: to be read and edited by teachers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Body, FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.responses import Response

from dialogue_gym._text import printable
from dialogue_gym.teaching.domain_edits import EditError
from dialogue_gym.web.domain_desk import DomainDesk, SlotBody, SlotEdit, TextEdit, slot_parts
from dialogue_gym.web.responses import ErrorBody, EscapedJSON

API = "/api"


class ResponseBody(BaseModel):
    """A response."""

    name: str
    texts: list[str]


class IntentBody(BaseModel):
    """An intent."""

    name: str
    examples: list[str] = Field(description="with entities as [text](entity)")


class DomainBody(BaseModel):
    """The parts of a domain that can be edited."""

    responses: list[ResponseBody]
    intents: list[IntentBody]
    slots: dict[str, SlotBody] = Field(description="by name")


def add_domain(app: FastAPI, desk: DomainDesk | None, schemes: Sequence[Any], teacher: Any) -> None:
    """Let teachers read and edit the domain; without a desk nobody can.

    Args:
        app: the application.
        desk: edits the domain.
        schemes: the dependencies that describe the passwords of teachers.
        teacher: the dependency that gives the name of a teacher, and refuses all others.
    """
    if desk is None:
        return

    @app.get(API + "/domain", response_model=DomainBody, dependencies=[*schemes, teacher])
    def domain() -> Response:
        """Return the texts of responses, the examples of intents, and the slots."""
        now = desk.look()
        return EscapedJSON(
            {
                "responses": [{"name": name, "texts": texts} for name, texts in now.responses.items()],
                "intents": [{"name": name, "examples": now.examples_of(name)} for name in now.intents],
                "slots": slot_parts(now.domain),
            }
        )

    @app.post(
        API + "/domain/edits",
        status_code=204,
        dependencies=schemes,
        responses={409: {"model": ErrorBody, "description": "changed by somebody else meanwhile"}},
    )
    def edit(
        edit: Annotated[TextEdit | SlotEdit, Body(discriminator="kind")], author: str = teacher
    ) -> Response:
        """Edit a text of a response, an example of an intent, or a slot; the bot goes by it at once."""
        desk.edit(edit, author)
        return Response(status_code=204)

    @app.exception_handler(EditError)
    def not_edited(request: Request, error: EditError) -> JSONResponse:
        line = printable(f"{error.field}: {error}")
        return JSONResponse({"detail": line}, 409 if error.is_stale else 400)
