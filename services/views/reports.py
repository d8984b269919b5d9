"""Reports: what a rehearsal leaves for programs: messages, ledger and summary as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from engine.ledger import Entry
from services.mail import outgoing
from services.views import board
from services.views.board import Board
from services.wiring import Parts
from storage import ledger, notices, outbox
from storage.outbox import Message


@dataclass(frozen=True, slots=True)
class MessageReport:
    """A message of the outbox with the rungs and obligations that it spoke of."""

    message: Message
    rungs: tuple[str, ...]
    obligations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to."""

    board: Board
    messages: tuple[MessageReport, ...]
    entries: tuple[Entry, ...]


def outcome(parts: Parts, run: str, now: datetime) -> Outcome:
    """Read a run's board, messages and ledger."""
    seen = board.read(parts, run, now)
    with parts.database.reading() as connection:
        entries = ledger.entries(connection, run)
        messages = tuple(
            _report(message, notices.of_message(connection, message.id))
            for message in outbox.of_run(connection, run)
        )
    return Outcome(seen, messages, tuple(entries))


def messages(parts: Parts, run: str | None = None) -> list[dict[str, Any]]:
    """Return the outbox of a run, or everybody's, with the numbers of its messages."""
    return [outgoing.to_json(one) for one in outgoing.listed(parts, run=run)]


def write(folder: Path, what: Outcome) -> None:
    """Write `messages.json`, `ledger.json` and `summary.json`."""
    zone = what.board.plan.zone
    _dump(folder / "messages.json", [message_json(one, zone) for one in what.messages])
    _dump(folder / "ledger.json", [entry_json(entry, zone) for entry in what.entries])
    _dump(folder / "summary.json", board.summary(what.board))


def message_json(one: MessageReport, zone: ZoneInfo) -> dict[str, Any]:
    """Return a message as `docs/json.md` describes it."""
    message = one.message
    return {
        "send_at": message.send_at.astimezone(zone).isoformat(),
        "to": message.recipient,
        "kind": message.kind,
        "rungs": list(one.rungs),
        "obligations": list(one.obligations),
        "subject": message.subject,
        "message_id": message.message_id,
        "status": message.status.value,
    }


def entry_json(entry: Entry, zone: ZoneInfo) -> dict[str, Any]:
    """Return a ledger entry as `docs/json.md` describes it."""
    return {
        "kind": entry.kind.value,
        "happened_at": entry.happened_at.astimezone(zone).isoformat(),
        "recorded_at": entry.recorded_at.astimezone(zone).isoformat(),
        "by": entry.by,
        "obligation": entry.obligation,
        "stage": entry.stage,
        "document": entry.document,
        "data": dict(entry.data),
    }


def _report(message: Message, carried: Sequence[Any]) -> MessageReport:
    return MessageReport(
        message,
        rungs=tuple(dict.fromkeys(notice.rung for notice in carried)),
        obligations=tuple(dict.fromkeys(notice.obligation for notice in carried)),
    )


def _dump(file: Path, value: Any) -> None:
    file.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
