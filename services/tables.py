"""Tables: a board as Markdown and rows, for the pages that operators look at."""

from __future__ import annotations

from typing import Any

from engine.ledger import Outcome
from language.catalogue import text
from language.dates import day
from services.board import Board, BoardRow

MARKS = {
    Outcome.ON_TIME: "✅",
    Outcome.LATE: "☑️",
    Outcome.PENDING: "⏳",
    Outcome.OVERDUE: "🔴",
    Outcome.WAIVED: "➖",
}
STAGE_CLASS = {"Done": "done", "Waiting": "waiting", "Overdue": "late"}


def board_markdown(board: Board, language: str) -> str:
    """Return what a run waits for, on whom and until when: the picture, then the rows."""

    def say(key: str, **values: Any) -> str:
        return text(language, f"screen.{key}", **values)

    parts = [
        f"# {board.plan.number}",
        board.plan.title,
        say("as-of", at=board.now.astimezone(board.plan.zone)),
        _picture(board),
        _stage_table(board, language),
        f"## {say('waiting-for')}",
        _waiting_table(board, language),
        f"## {say('by-agency')}",
        _agency_table(board, language),
    ]
    return "\n\n".join(parts)


def escalations_markdown(board: Board, language: str) -> str:
    """Return who is late, since when, and what they and those above were told."""
    heads = [text(language, f"screen.{key}") for key in ("agency", "task", "due", "told")]
    rows = [_line(heads), _line(["---"] * len(heads))]
    for row in board.late:
        told = [
            f"{one.rung} → {_agency(board, one.recipient)} "
            f"{day(language, one.sent_at.astimezone(board.plan.zone).date())}"
            for one in board.told
            if one.obligation == row.obligation.obligation.id
        ]
        owed = row.obligation.obligation
        rows.append(
            _line([owed.agency.name, owed.task.title, _due(row, language), "; ".join(told)])
        )
    title = text(language, "screen.escalations")
    return "\n".join([f"# {title}", "", *rows])


def obligation_rows(board: Board, language: str) -> list[dict[str, str]]:
    """Return one row per obligation, for a table that can be searched."""

    def head(key: str) -> str:
        return text(language, f"screen.{key}")

    return [
        {
            head("obligation"): row.obligation.obligation.id,
            head("agency"): row.obligation.obligation.agency.name,
            head("task"): row.obligation.obligation.task.title,
            head("due"): _due(row, language),
            head("state"): text(language, f"outcome.{row.outcome.value}"),
            head("last-told"): _last_told(board, row, language),
            head("next"): _next(board, row, language),
        }
        for row in board.rows
    ]


def _picture(board: Board) -> str:
    """Draw the stages as a Mermaid graph: green is done, amber waits, red is late."""
    lines = ["```mermaid", "graph LR"]
    for stage in board.stages:
        kind = STAGE_CLASS.get(stage.name.split()[0], "blocked")
        lines.append(f'  {_node(stage.id)}["{stage.id}<br>{stage.name}"]:::{kind}')
    for one in board.plan.stages:
        lines += [f"  {_node(need)} --> {_node(one.id)}" for need in one.needs]
        if one.event is not None:
            lines.append(f'  {_node("event-" + one.id)}(["{one.event}"]) -.-> {_node(one.id)}')
    lines += [
        "  classDef done fill:#d3f2d9,stroke:#2e7d32,color:#111",
        "  classDef waiting fill:#fff3cd,stroke:#b58900,color:#111",
        "  classDef late fill:#f8d7da,stroke:#b02a37,color:#111",
        "  classDef blocked fill:#e9ecef,stroke:#6c757d,color:#111",
        "```",
    ]
    return "\n".join(lines)


def _node(name: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in name)


def _stage_table(board: Board, language: str) -> str:
    heads = [text(language, f"screen.{key}") for key in ("stage", "state", "what")]
    lines = [_line(heads), _line(["---"] * 3)]
    lines += [_line([stage.id, f"**{stage.name}**", stage.message]) for stage in board.stages]
    return "\n".join(lines)


def _waiting_table(board: Board, language: str) -> str:
    open_rows = [row for row in board.rows if row.obligation.is_open]
    dated = sorted(
        (row for row in open_rows if row.due), key=lambda row: row.due or board.plan.issued
    )
    if not open_rows:
        return text(language, "screen.nothing-open")
    keys = ("state", "agency", "task", "due", "last-told", "next")
    heads = [text(language, f"screen.{key}") for key in keys]
    lines = [_line(heads), _line(["---"] * len(heads))] if dated else []
    lines += [
        _line(
            [
                MARKS[row.outcome],
                row.obligation.obligation.agency.name,
                row.obligation.obligation.task.title,
                _due(row, language),
                _last_told(board, row, language),
                _next(board, row, language),
            ]
        )
        for row in dated
    ]
    undated = len(open_rows) - len(dated)
    if undated:
        lines += ["", text(language, "screen.undated", count=undated)]
    return "\n".join(lines)


def _agency_table(board: Board, language: str) -> str:
    keys = ("agency", "owed", "on-time", "late", "missing")
    lines = [_line([text(language, f"screen.{key}") for key in keys]), _line(["---"] * len(keys))]
    for agency, tally in board.tallies().items():
        counts = (tally.owed, tally.on_time, tally.late, tally.missing)
        lines.append(_line([_agency(board, agency), *(str(count) for count in counts)]))
    total = board.total()
    counts = (total.owed, total.on_time, total.late, total.missing)
    lines.append(_line([text(language, "screen.all"), *(f"**{count}**" for count in counts)]))
    return "\n".join(lines)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _agency(board: Board, agency: str) -> str:
    return board.plan.agencies[agency].name


def _due(row: BoardRow, language: str) -> str:
    return "" if row.due is None else day(language, row.due)


def _last_told(board: Board, row: BoardRow, language: str) -> str:
    if row.last_told is None:
        return ""
    sent = row.last_told.sent_at.astimezone(board.plan.zone).date()
    return f"{row.last_told.rung} ({day(language, sent)})"


def _next(board: Board, row: BoardRow, language: str) -> str:
    if row.next is None:
        return ""
    at = row.next.at.astimezone(board.plan.zone).date()
    return f"{row.next.rung} ({day(language, at)})"
