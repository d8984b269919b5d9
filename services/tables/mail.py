"""Mail: what was delivered, what could not be, and what waits, of a run."""

from __future__ import annotations

from collections import Counter

from language.catalogue import text
from language.dates import instant
from services.board import Board
from services.tables.markdown import link, plain, table
from services.tables.rows import as_of
from storage.outbox import Message, Status

TROUBLED = (
    Status.UNDELIVERABLE,
    Status.EXPIRED,
    Status.BOUNCED,
    Status.UNCERTAIN,
    Status.LATER,
)


def troubled(board: Board) -> tuple[Message, ...]:
    """Return the messages that did not get through, or not yet."""
    return tuple(one for one in board.messages if one.status in TROUBLED)


def mail_markdown(board: Board, language: str) -> str:
    """Return the mail of a run: how much came to what, what is in trouble, each one's last."""

    def head(key: str) -> str:
        return text(language, f"screen.{key}")

    counts = Counter(one.status for one in board.messages)
    found = ", ".join(
        f"{text(language, f'status.{status.value}')}: **{counts[status]}**"
        for status in Status
        if counts[status]
    )
    parts = [f"# {head('mail-page')}", as_of(board, language), found or head("no-mail")]
    wrong = troubled(board)
    if wrong:
        heads = [head(key) for key in ("number", "to", "subject", "status", "why")]
        rows = [
            [
                str(one.id),
                _recipient(board, one),
                plain(one.subject),
                text(language, f"status.{one.status.value}"),
                plain(one.error),
            ]
            for one in wrong
        ]
        parts += [f"## {head('mail-trouble')}", table(heads, rows), head("mail-retry")]
    arrived = [one for one in board.messages if one.status is not Status.BOUNCED]
    last = {one.recipient: one for one in arrived if one.sent_at is not None}
    if last:
        heads = [head(key) for key in ("to", "when", "kind", "subject")]
        order = [*board.plan.agencies]
        rows = [
            [
                _recipient(board, one),
                instant(language, one.sent_at.astimezone(board.plan.zone)),
                text(language, f"kind.{one.kind}"),
                plain(one.subject),
            ]
            for one in sorted(last.values(), key=lambda one: order.index(one.recipient))
            if one.sent_at is not None
        ]
        parts += [f"## {head('mail-latest')}", table(heads, rows)]
    parts.append(link(head("board-page"), "board", board.run))
    return "\n\n".join(parts)


def _recipient(board: Board, message: Message) -> str:
    agency = board.plan.agencies[message.recipient]
    return f"{agency.name} ({agency.email})" if agency.email else agency.name
