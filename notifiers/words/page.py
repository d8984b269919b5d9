"""Page: a mail in words, before it is text or HTML. The templates only lay it out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """A labelled fact about an obligation."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class RosterRow:
    """Where one body stands that a report is gathered from."""

    name: str
    said: str
    tone: str


@dataclass(frozen=True, slots=True)
class Roster:
    """Where every body stands that a report is gathered from, and how many are in."""

    title: str
    columns: tuple[str, str]
    rows: tuple[RosterRow, ...]
    more: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """An obligation of the recipient. `tone` is its kind's word, for colour only."""

    number: int
    title: str
    tone: str
    status: str
    fields: tuple[Field, ...]
    roster: Roster | None = None


@dataclass(frozen=True, slots=True)
class LateRow:
    """One late body in a report to those above; `notes` is what else is known of it."""

    number: int
    name: str
    since: str
    days: int
    notes: str
    said: str


@dataclass(frozen=True, slots=True)
class LateTable:
    """The late bodies of one task. `chains` derive their deadlines, `notes` is true of them all.

    `to` says where the results go, and their copies.

    `rest` says where the others stand that the task is owed by, `more` what was cut.
    """

    title: str
    chains: tuple[str, ...]
    to: str
    notes: str
    columns: tuple[str, str, str]
    rows: tuple[LateRow, ...]
    rest: Roster | None
    more: str
    next: str


@dataclass(frozen=True, slots=True)
class Story:
    """One piece of news: what happened, and what is to be known of it."""

    title: str
    points: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a mail, with a heading where there are several."""

    heading: str
    opening: str = ""
    tables: tuple[LateTable, ...] = ()
    cards: tuple[Card, ...] = ()
    compact: bool = False
    stories: tuple[Story, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that a mail says, in order; `preview` is what a list of mail shows beside it.

    `enclosed` says what file goes with it, if one does.
    """

    language: str
    subject: str
    sender: str
    heading: str
    greeting: str
    basis: str
    opening: str
    sections: tuple[Section, ...]
    answer: str
    answers: tuple[str, ...]
    closing: str
    signature: str
    automatic: str
    tone: str
    preview: str = ""
    enclosed: str = ""


@dataclass(frozen=True, slots=True)
class Point:
    """One line of a brief: whom or what it is about, what is said, of how many bodies."""

    name: str
    said: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Group:
    """Lines that are about one task; `title` names it where a section has several."""

    title: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class BriefSection:
    """A part of a brief; `more` says what was cut. `tone` is for colour only."""

    heading: str
    tone: str
    groups: tuple[Group, ...]
    more: str = ""


@dataclass(frozen=True, slots=True)
class BriefPage:
    """Everything that a brief says, in order; `preview` as for a page."""

    language: str
    subject: str
    sender: str
    heading: str
    greeting: str
    basis: str
    opening: str
    sections: tuple[BriefSection, ...]
    closing: str
    signature: str
    automatic: str
    tone: str
    preview: str = ""
