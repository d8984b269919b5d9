"""Rows: obligations in groups that read at a glance, and one by one for a table to search."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from language.catalogue import text
from language.dates import day
from services.tables.markdown import plain
from services.views.board import Board, BoardRow
from services.views.previewing import derivation
from services.views.wording import remarks, rung_name


@dataclass(frozen=True, slots=True)
class Group:
    """Obligations that say the same but for who owes them."""

    mark: str
    task: str
    agencies: tuple[str, ...]
    due: str
    last_told: str
    next: str


def as_of(board: Board, language: str) -> str:
    """Return the line that says when a page was made."""
    return text(language, "screen.as-of", at=board.now.astimezone(board.plan.zone))


def groups(board: Board, rows: Iterable[BoardRow], language: str) -> list[Group]:
    """Gather rows of one task, deadline, state, last mail and next rung, in the rows' order."""
    gathered: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        owed = row.obligation.obligation
        says = (
            standing(board, row, language),
            plain(owed.task.title),
            derivation(row.obligation.due, language),
            last_told(board, row, language),
            next_mail(board, row, language),
        )
        gathered.setdefault(says, []).append(plain(owed.agency.name))
    return [
        Group(mark, task, tuple(dict.fromkeys(agencies)), due, told, following)
        for (mark, task, due, told, following), agencies in gathered.items()
    ]


def obligation_rows(board: Board, language: str) -> list[dict[str, str]]:
    """Return one row per obligation, for a table that can be searched."""

    def head(key: str) -> str:
        return text(language, f"screen.{key}")

    return [
        {
            head("agency"): row.obligation.obligation.agency.name,
            head("state"): text(language, f"outcome.{row.outcome.value}"),
            head("due"): "" if row.due is None else day(language, row.due),
            head("last-told"): last_told(board, row, language),
            head("next"): next_mail(board, row, language),
            head("task"): row.obligation.obligation.task.title,
            head("obligation"): row.obligation.obligation.id,
        }
        for row in board.rows
    ]


def standing(board: Board, row: BoardRow, language: str) -> str:
    """Say how a row stands, with what else is to be known: a part, a difficulty, a pause."""
    said = remarks(language, board.plan, row.obligation, board.now)
    return "; ".join([text(language, f"mark.{row.outcome.value}"), *said])


def last_told(board: Board, row: BoardRow, language: str) -> str:
    """Say what the agency or those above were last told of a row, and when."""
    if row.last_told is None:
        return ""
    sent = row.last_told.sent_at.astimezone(board.plan.zone).date()
    return f"{rung_name(language, row.last_told.rung)} ({day(language, sent)})"


def next_mail(board: Board, row: BoardRow, language: str) -> str:
    """Say what the ladder does next about a row, and when."""
    if row.next is None:
        return ""
    at = row.next.at.astimezone(board.plan.zone).date()
    return f"{rung_name(language, row.next.rung)} ({day(language, at)})"
