"""Tables: boards, ledgers, and outboxes on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from textwrap import shorten
from typing import Any

from rich.text import Text

from cli.console import out, table
from engine.chasing import Kind
from engine.ledger import Entry, Outcome
from engine.plan import Plan
from language.catalogue import has, text
from language.dates import day, instant
from services.views.board import Board, BoardRow
from services.views.overview import Overview
from services.views.stage_views import StageView
from services.views.wording import entry_detail, pauses, remarks, rung_name

STYLES = {
    Outcome.ON_TIME: "green",
    Outcome.LATE: "yellow",
    Outcome.PENDING: "",
    Outcome.OVERDUE: "bold red",
    Outcome.WAIVED: "dim",
}

MOST_LETTERS = 44  # of a plan's title, where many stand below each other


def screen(key: str, language: str, **values: Any) -> str:
    """Return a sentence of the screens."""
    return text(language, f"screen.{key}", **values)


def print_board(board: Board, language: str) -> None:
    """Print what a run waits for, on whom and until when."""
    out.print(Text(f"{board.plan.number}  {board.plan.title}", style="bold"))
    out.print(screen("as-of", language, at=board.now.astimezone(board.plan.zone)))
    for said in pauses(language, board.state, board.now):
        out.print(Text(said, style="yellow"))
    print_stages(board.stages, board.plan, language)
    _print_open(board, language)
    print_tallies(board, language)


def print_overview(seen: Overview, language: str) -> None:
    """Print the active runs, the worst first, and how many more there are."""
    out.print(Text(text(language, "overview.active-runs", count=seen.count), style="bold"))
    out.print(screen("as-of", language, at=seen.now))
    heads = ("run", "overdue", "open", "next-wake", "plan")
    made = table(*(text(language, f"overview.{head}") for head in heads), right=(1, 2))
    for load in seen.loads:
        wakes_at = load.run.wakes_at
        made.add_row(
            load.run.id,
            Text(str(load.overdue), style="bold red" if load.overdue else "dim"),
            str(load.open),
            "–" if wakes_at is None else instant(language, wakes_at.astimezone(seen.now.tzinfo)),
            shorten(f"{load.run.number} {load.run.title}", MOST_LETTERS, placeholder=" …"),
        )
    out.print(made)
    if rest := seen.count - len(seen.loads):
        out.print(text(language, "overview.more-runs", count=rest))
    out.print(text(language, "overview.one-run"))


def print_stages(stages: Sequence[StageView], plan: Plan, language: str) -> None:
    """Print each stage with its state and what it waits for."""
    made = table(*(screen(head, language) for head in ("stage", "state", "opened", "done")))
    for stage in stages:
        style = "red" if stage.name.startswith("Overdue") else "green" if stage.is_done else ""
        made.add_row(
            stage.id,
            Text(stage.name, style=style),
            _moment(stage.opened_at, plan, language, "not-opened"),
            _moment(stage.done_at, plan, language, "not-done"),
        )
    out.print(made)
    for stage in stages:
        out.print(Text(f"{stage.id}: ", style="bold") + Text(stage.message))
    out.print()


def print_tallies(board: Board, language: str) -> None:
    """Print per agency and in all: owed, on time, late, missing."""
    heads = ("agency", "owed", "on-time", "late", "missing")
    made = table(*(screen(head, language) for head in heads), right=range(1, 5))
    for agency, tally in board.tallies().items():
        made.add_row(
            board.plan.agencies[agency].name,
            str(tally.owed),
            str(tally.on_time),
            Text(str(tally.late), style="yellow" if tally.late else "dim"),
            Text(str(tally.missing), style="bold red" if tally.missing else "dim"),
        )
    total = board.total()
    made.add_section()
    counts = (total.owed, total.on_time, total.late, total.missing)
    made.add_row(Text(screen("all", language), style="bold"), *(str(count) for count in counts))
    out.print(made)


def print_escalations(board: Board, language: str) -> None:
    """Print every escalation: when, to whom, about whom."""
    told = [one for one in board.told if one.kind is Kind.ESCALATE]
    out.print(Text(text(language, "kind.escalate").capitalize(), style="bold"))
    if not told:
        out.print(screen("no-escalations", language))
        return
    mails: dict[tuple[datetime, str], list[str]] = {}
    for one in told:
        owed = board.plan.obligations[one.obligation]
        mails.setdefault((one.sent_at, one.recipient), []).append(owed.agency.name)
    made = table(*(screen(head, language) for head in ("when", "to", "late")))
    for (sent_at, recipient), late in mails.items():
        made.add_row(
            instant(language, sent_at.astimezone(board.plan.zone)),
            board.plan.agencies[recipient].name,
            ", ".join(dict.fromkeys(late)),
        )
    out.print(made)


def _print_open(board: Board, language: str) -> None:
    rows = [row for row in board.rows if row.obligation.is_open]
    dated = sorted((row for row in rows if row.due), key=lambda row: str(row.due))
    out.print(Text(screen("waiting-for", language), style="bold"))
    if not rows:
        out.print(screen("nothing-open", language))
    if dated:
        heads = ("obligation", "agency", "due", "state", "last-told", "next")
        made = table(*(screen(head, language) for head in heads))
        for row in dated:
            made.add_row(*_open_row(board, row, language))
        out.print(made)
    if len(rows) > len(dated):
        out.print(screen("undated", language, count=len(rows) - len(dated)))
    out.print()


def _open_row(board: Board, row: BoardRow, language: str) -> list[str | Text]:
    zone = board.plan.zone
    last = row.last_told
    outcome = text(language, f"outcome.{row.outcome.value}")
    remarked = remarks(language, board.plan, row.obligation, board.now)
    return [
        row.obligation.obligation.id,
        row.obligation.obligation.agency.name,
        "" if row.due is None else day(language, row.due),
        Text("; ".join([outcome, *remarked]), style=STYLES[row.outcome]),
        "" if last is None else _rung(language, last.rung, last.sent_at.astimezone(zone)),
        "" if row.next is None else _rung(language, row.next.rung, row.next.at.astimezone(zone)),
    ]


def _rung(language: str, rung: str, at: datetime) -> str:
    return f"{rung_name(language, rung)} ({day(language, at)})"


def print_ledger(entries: Iterable[Entry], plan: Plan, language: str) -> None:
    """Print the ledger, one entry a line."""
    heads = ("recorded", "entry", "obligation", "happened", "document", "by")
    made = table(*(screen(head, language) for head in heads))
    for entry in entries:
        made.add_row(
            f"{entry.recorded_at.astimezone(plan.zone):%Y-%m-%d %H:%M}",
            _entry(entry, plan, language),
            entry.obligation or entry.stage or "",
            day(language, entry.happened_at.astimezone(plan.zone)),
            entry.document,
            entry.by,
        )
    out.print(made)


def _entry(entry: Entry, plan: Plan, language: str) -> Text:
    said = text(language, f"entry.{entry.kind.value}")
    detail = entry_detail(language, entry, plan)
    return Text(f"{said}: {detail}" if detail else said)


def _moment(moment: datetime | None, plan: Plan, language: str, otherwise: str) -> str:
    if moment is None:
        return screen(otherwise, language) if has(language, f"screen.{otherwise}") else ""
    return f"{moment.astimezone(plan.zone):%Y-%m-%d %H:%M}"
