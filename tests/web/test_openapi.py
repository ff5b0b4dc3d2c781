"""Every request that the OpenAPI document allows, and many that it does not, has an answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

pytest.importorskip("fastapi", reason="the extra web is missing")
schemathesis = pytest.importorskip("schemathesis")

from schemathesis.checks import not_a_server_error  # noqa: E402

from dialogue_gym.teaching.taught_interpreter import TaughtInterpreter  # noqa: E402
from dialogue_gym.web.api import rest_app  # noqa: E402
from dialogue_gym.web.channels import delivery  # noqa: E402
from dialogue_gym.web.channels.inbox import Inbox  # noqa: E402
from dialogue_gym.web.channels.rest import named_tokens  # noqa: E402
from dialogue_gym.web.domain_desk import DomainDesk  # noqa: E402
from tests.live.handoffs import DOMAIN, Setup  # noqa: E402
from tests.web.requests import any_teacher  # noqa: E402

NOBODY = "http://127.0.0.1:9/answers"
"""Nothing listens there."""


@pytest.fixture
def operations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    monkeypatch.setattr(delivery, "PAUSES", ())
    setup = Setup(tmp_path / "store")
    desk = DomainDesk(DOMAIN, setup.store, TaughtInterpreter(DOMAIN), setup.handoff)
    inbox = Inbox(setup.sessions)
    app = rest_app(inbox, named_tokens({}), any_teacher, desk=desk, callbacks=[NOBODY])
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    yield [result.ok() for result in schema.get_all_operations()]
    setup.store.close()


def statuses_of(operation: Any) -> Counter[int]:
    """Send many requests of one operation; return the number of answers with each status."""
    statuses: Counter[int] = Counter()

    @settings(max_examples=50, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(operation.as_strategy())
    def send(case: Any) -> None:
        response = case.call()
        statuses[response.status_code] += 1
        case.validate_response(response, checks=[not_a_server_error])

    send()
    return statuses


@pytest.mark.slow
def test_no_request_is_an_error_of_the_server(operations: list[Any]) -> None:
    answered = {f"{one.method} {one.path}": statuses_of(one) for one in operations}
    assert len(answered) >= 10 and all(answered.values())
    assert answered["post /webhooks/rest/webhook"][200] and answered["get /api/ratings"][200]
