"""Grid: who gets mail on which day, at a glance: a line per recipient, a column per day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from engine.chasing import Kind
from services.pages.mails import Box, Mail
from services.pages.speech import Speech

MOST_DAYS = 26  # columns of one table, as many as A4 holds


@dataclass(frozen=True, slots=True)
class Cell:
    """What one recipient gets on one day: the gravest kind (a CSS class), letters, and words."""

    kind: str
    letters: str
    words: str


@dataclass(frozen=True, slots=True)
class Line:
    """One recipient; a cell per day, None where nothing goes out; `total` of these days."""

    anchor: str
    name: str
    cells: tuple[Cell | None, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Table:
    """The days that stand side by side: months with how many days each, days, and lines."""

    months: tuple[tuple[str, int], ...]
    days: tuple[tuple[str, str], ...]
    lines: tuple[Line, ...]


def tables(boxes: Sequence[Box], speech: Speech) -> list[Table]:
    """Return the grid in tables of at most MOST_DAYS days, of about the same width."""
    days = sorted({mail.at.date() for box in boxes for mail in box.mails})
    if not days:
        return []
    many = -(-len(days) // MOST_DAYS)
    even = -(-len(days) // many)
    by_day = {box.anchor: _by_day(box) for box in boxes}
    return [
        _table(boxes, by_day, days[start : start + even], speech)
        for start in range(0, len(days), even)
    ]


def _by_day(box: Box) -> dict[date, list[Mail]]:
    found: dict[date, list[Mail]] = {}
    for mail in box.mails:
        found.setdefault(mail.at.date(), []).append(mail)
    return found


def _table(
    boxes: Sequence[Box],
    by_day: dict[str, dict[date, list[Mail]]],
    days: Sequence[date],
    speech: Speech,
) -> Table:
    lines = [
        Line(
            anchor=box.anchor,
            name=box.name,
            cells=tuple(_cell(by_day[box.anchor].get(day, ()), speech) for day in days),
            total=sum(len(by_day[box.anchor].get(day, ())) for day in days),
        )
        for box in boxes
    ]
    months = [
        (month, len([*found])) for month, found in groupby(days, lambda day: (day.year, day.month))
    ]
    return Table(
        months=tuple((speech.month(*month, brief=count == 1), count) for month, count in months),
        days=tuple((f"{day.day:02}", f"{speech.day(day)} ({speech.weekday(day)})") for day in days),
        lines=tuple(line for line in lines if line.total),
    )


def _cell(mails: Sequence[Mail], speech: Speech) -> Cell | None:
    if not mails:
        return None
    order = [kind.word for kind in Kind]
    return Cell(
        kind=max((mail.kind for mail in mails), key=order.index),
        letters="".join(speech.say(f"letter.{mail.kind}") for mail in mails),
        words="; ".join(f"{mail.time} {mail.word}" for mail in mails),
    )
