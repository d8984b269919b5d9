"""Late: who is late and since when, what they were told, and who above knows."""

from __future__ import annotations

from language.catalogue import text
from language.dates import day, instant
from services.board import Board, BoardRow
from services.run_views import of_escalation
from services.stage_views import late_since
from services.tables.markdown import link, plain, table
from services.tables.rows import next_mail
from services.wording import rung_name


def late_markdown(board: Board, language: str) -> str:
    """Return every late obligation, the longest first: since when, who was told, what follows."""

    def head(key: str) -> str:
        return text(language, f"screen.{key}")

    title = f"# {head('late-page')}"
    as_of = text(language, "screen.as-of", at=board.now.astimezone(board.plan.zone))
    if not board.late:
        return f"{title}\n\n{as_of}\n\n{head('nobody-late')}"
    heads = [head(key) for key in ("agency", "task", "late-since", "told", "next")]
    rows = [
        [
            plain(row.obligation.obligation.agency.name),
            plain(row.obligation.obligation.task.title),
            _since(board, row, language),
            _told(board, row, language),
            next_mail(board, row, language),
        ]
        for row in board.late
    ]
    back = link(head("board-page"), "board", board.run)
    return "\n\n".join([title, as_of, table(heads, rows), back])


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
    return "\n\n".join([title, table(heads, rows), back])


def _since(board: Board, row: BoardRow, language: str) -> str:
    """Say the last day, and for how many days it has been late."""
    since = late_since(board.plan, row.obligation)
    days = (board.now.astimezone(board.plan.zone).date() - since).days + 1
    return text(language, "screen.late-for", day=row.due, count=days)


def _told(board: Board, row: BoardRow, language: str) -> str:
    """Say whom was told what, and when: the agency's mail shortened to the last, all above."""
    told = [one for one in board.told if one.obligation == row.obligation.obligation.id]
    own = row.obligation.obligation.agency.id
    kept = [one for one in told if one.recipient == own][-1:]
    kept += [one for one in told if one.recipient != own]
    return "; ".join(
        f"{board.plan.agencies[one.recipient].name}: {rung_name(language, one.rung)} "
        f"({day(language, one.sent_at.astimezone(board.plan.zone).date())})"
        for one in kept
    )
