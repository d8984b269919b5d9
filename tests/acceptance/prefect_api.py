"""Prefect's API, as its pages use it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from tests.acceptance.office import Office, eventually


def ask(office: Office, path: str, body: Any, method: str = "POST") -> Any:
    """Send a request; where SQLite was busy, send it again."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{office.port}/api/{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"content-type": "application/json"},
        method=method,
    )
    answers: list[bytes] = []

    def answered() -> bool:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                answers.append(answer.read())
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.SERVICE_UNAVAILABLE:
                raise
        return bool(answers)

    assert eventually(answered, 30)
    return json.loads(answers[0]) if answers[0] else None


def runs_of(office: Office, flow: str) -> list[dict[str, Any]]:
    """The runs of a flow, by name."""
    found = ask(office, "flow_runs/filter", {"flows": {"name": {"any_": [flow]}}})
    return sorted(found, key=lambda run: str(run["name"]))


def count_of_runs(office: Office) -> int:
    """How many flow runs there are, of whatever flow."""
    return int(ask(office, "flow_runs/count", {}))


def tell(office: Office, event: str, resource: str, payload: dict[str, Any]) -> None:
    """Post an event, as any program may."""
    told = {
        "id": str(uuid4()),
        "event": event,
        "occurred": datetime.now(UTC).isoformat(),
        "resource": {"prefect.resource.id": resource},
        "payload": payload,
    }
    ask(office, "events", [told])


def patience(office: Office, automation: str, seconds: int) -> None:
    """Set how long an automation waits, as an operator can on its page."""
    found = ask(office, "automations/filter", {"limit": 200})
    one = next(each for each in found if each["name"] == automation)
    kept = ("name", "description", "enabled", "trigger", "actions", "tags")
    changed = {key: one[key] for key in kept if key in one}
    changed["trigger"] = one["trigger"] | {"within": seconds}
    ask(office, f"automations/{one['id']}", changed, "PUT")
