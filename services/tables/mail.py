"""Mail: what was delivered, what needs a person, what is tried again by itself, of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from language.catalogue import text
from language.dates import instant
from services.mail.outgoing import TROUBLED
from services.tables.markdown import link, plain, table
from services.tables.rows import as_of
from services.views.board import Board
from storage.outbox import OPEN, Message, Status

TRIED_AGAIN = (Status.UNCERTAIN, Status.LATER)
LONG = timedelta(hours=1)  # that it may be unknown whether a mail has arrived
MOST = 100  # lines of a table: a page is read, and Prefect keeps it whole


def troubled(board: Board) -> tuple[Message, ...]:
    """Return the messages that did not get through, or not yet."""
    return tuple(one for one in board.messages if one.status in (*TROUBLED, *TRIED_AGAIN))


def needs_a_person(board: Board, message: Message) -> bool:
    """Say whether nothing more happens to a message by itself, or it is unknown for long."""
    if message.status is Status.UNCERTAIN:
        return board.now - message.send_at > LONG
    return message.status in TROUBLED


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
    if board.relay is not None:
        parts.append(relay_said(board, language))
    wrong = troubled(board)
    persons = [one for one in wrong if needs_a_person(board, one)]
    others = [one for one in wrong if not needs_a_person(board, one)]
    if persons:
        parts += [f"## {head('mail-trouble')}", _in_trouble(board, persons, language)]
        parts.append(head("mail-retry"))
    if others:
        parts += [f"## {head('mail-again')}", _in_trouble(board, others, language)]
    back = [one for one in board.messages if one.status is Status.BOUNCED]
    if back:
        parts += [f"## {head('mail-back')}", _in_trouble(board, back, language)]
        parts.append(head("mail-back-help"))
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


def _in_trouble(board: Board, found: Sequence[Message], language: str) -> str:
    heads = [
        text(language, f"screen.{key}")
        for key in ("number", "to", "subject", "status", "why", "next-try")
    ]
    rows = [
        [
            str(one.id),
            _recipient(board, one),
            plain(one.subject),
            text(language, f"status.{one.status.value}"),
            plain(one.error),
            ""
            if one.next_try_at is None
            else instant(language, one.next_try_at.astimezone(board.plan.zone)),
        ]
        for one in found[:MOST]
    ]
    made = table(heads, rows)
    if len(found) > MOST:
        made += "\n\n" + text(language, "screen.mail-more", count=len(found) - MOST)
    return made


def relay_said(board: Board, language: str) -> str:
    """Say that the mail server does not answer, since when how often, and what waits for it."""
    relay = board.relay
    assert relay is not None
    waiting = sum(one.status.value in OPEN for one in board.messages)
    values = {"name": relay.name, "why": plain(relay.why), "waiting": waiting}
    if relay.open_until is None or relay.open_until <= board.now:
        return text(language, "screen.relay-probing", count=relay.failures, **values)
    at = instant(language, relay.open_until.astimezone(board.plan.zone))
    return text(language, "screen.relay", count=relay.failures, at=at, **values)


def _recipient(board: Board, message: Message) -> str:
    """Name who a message is for, and where it went; of one not tried yet where it is to go."""
    agency = board.plan.agencies[message.recipient]
    went_to = [one.address for one in board.addresses.get(message.id, ())]
    named = ", ".join(went_to) or agency.email
    return f"{agency.name} ({named})" if named else agency.name
