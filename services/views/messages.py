"""Messages: a message as `docs/json.md` describes it, whether it is foreseen or in the outbox."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo


def to_json(
    *,
    send_at: datetime,
    to: str,
    kind: str,
    rungs: Iterable[str],
    obligations: Iterable[str],
    subject: str,
    zone: ZoneInfo,
) -> dict[str, Any]:
    """Return what a preview, a rehearsal and the outbox alike say of a message."""
    return {
        "send_at": send_at.astimezone(zone).isoformat(),
        "to": to,
        "kind": kind,
        "rungs": list(rungs),
        "obligations": list(obligations),
        "subject": subject,
    }
