"""Reports: what a rehearsal leaves for programs: messages, ledger and summary as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from engine.ledger import Entry
from services.mail import outgoing
from services.mail.outgoing import Outgoing
from services.views import board
from services.views.board import Board
from services.wiring import Parts
from storage import ledger
from storage.outbox import Sought


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to."""

    board: Board
    messages: tuple[Outgoing, ...]
    entries: tuple[Entry, ...]


def outcome(parts: Parts, run: str, now: datetime) -> Outcome:
    """Read a run's board, messages and ledger."""
    seen = board.read(parts, run, now)
    with parts.database.reading() as connection:
        entries = ledger.entries(connection, run)
    return Outcome(seen, tuple(outgoing.listed(parts, Sought(run))), tuple(entries))


def messages(parts: Parts, run: str | None = None) -> list[dict[str, Any]]:
    """Return the outbox of a run, or everybody's, with the numbers of its messages."""
    return [outgoing.to_json(one) for one in outgoing.listed(parts, Sought(run))]


def write(folder: Path, what: Outcome) -> None:
    """Write `messages.json`, `ledger.json` and `summary.json`."""
    zone = what.board.plan.zone
    _dump(folder / "messages.json", [outgoing.in_short(one) for one in what.messages])
    _dump(folder / "ledger.json", [entry_json(entry, zone) for entry in what.entries])
    _dump(folder / "summary.json", board.summary(what.board))


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


def _dump(file: Path, value: Any) -> None:
    file.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
