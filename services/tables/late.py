"""Late: who is late and since when, what they were told, and who above knows."""

from __future__ import annotations

from engine.chasing import Kind
from language.catalogue import text
from language.dates import day, instant
from services.tables.markdown import link, plain, table
from services.tables.rows import as_of, last_told, next_mail
from services.views.board import Board, BoardRow
from services.views.run_views import of_escalation
from services.views.stage_views import late_since


def late_markdown(board: Board, language: str) -> str:
    """Return who is late, by task, the longest first: since when, who was told, what follows."""

    def head(key: str) -> str:
        return text(language, f"screen.{key}")

    parts = [
        f"# {head('late-page')}",
        as_of(board, language),
    ]
    if not board.late:
        parts.append(head("nobody-late"))
    heads = [head(key) for key in ("agency", "told-agency", "told-above", "next")]
    for said, late in _by_task(board, language).items():
        rows = [
            [
                plain(row.obligation.obligation.agency.name),
                last_told(board, row, language),
                _told_above(board, row, language),
                next_mail(board, row, language),
            ]
            for row in late
        ]
        parts += [f"## {said}", table(heads, rows)]
    parts.append(link(head("board-page"), "board", board.run))
    return "\n\n".join(parts)


def _by_task(board: Board, language: str) -> dict[str, list[BoardRow]]:
    """Gather the late by what they owe and since when; each under one heading."""
    found: dict[str, list[BoardRow]] = {}
    for row in board.late:
        since = _since(board, row, language)
        found.setdefault(f"{plain(row.obligation.obligation.task.title)} – {since}", []).append(row)
    return {text(language, "screen.late-head", what=k, count=len(v)): v for k, v in found.items()}


def escalations_markdown(board: Board, language: str) -> str:
    """Return every escalation, the newest first: to whom, when, about whom, who is left."""

    def head(key: str) -> str:
        return text(language, f"screen.{key}")

    title = f"# {head('escalations-page')}"
    back = link(head("board-page"), "board", board.run)
    if not board.escalations:
        return f"{title}\n\n{head('no-escalations')}\n\n{back}"
    rows = []
    for one in reversed(board.escalations):
        view = of_escalation(board, one)
        rows.append(
            [
                instant(language, one.message.send_at.astimezone(board.plan.zone)),
                board.plan.agencies[one.message.recipient].name,
                f"**{view.state}**",
                view.message,
            ]
        )
    heads = [head(key) for key in ("when", "to", "state", "what-came-of-it")]
    return "\n\n".join([title, as_of(board, language), table(heads, rows), back])


def _since(board: Board, row: BoardRow, language: str) -> str:
    """Say the last day, and for how many days it has been late."""
    since = late_since(board.plan, row.obligation)
    days = (board.now.astimezone(board.plan.zone).date() - since).days + 1
    return text(language, "screen.late-for", day=since, count=days)


def _told_above(board: Board, row: BoardRow, language: str) -> str:
    """Say who above was told, and when: each once, the last time."""
    last = {
        one.recipient: one.sent_at
        for one in board.told
        if one.obligation == row.obligation.obligation.id and one.kind is Kind.ESCALATE
    }
    return "; ".join(
        f"{plain(board.plan.agencies[recipient].name)} "
        f"({day(language, sent_at.astimezone(board.plan.zone).date())})"
        for recipient, sent_at in last.items()
    )
