"""Page: a mail in words, before it is text or HTML. The templates only lay it out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """A labelled fact about an obligation."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Card:
    """An obligation of the recipient. `tone` is its kind's word, for colour only."""

    number: int
    title: str
    tone: str
    status: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class LateRow:
    """One late body in a report to those above."""

    number: int
    name: str
    due: str
    days: int
    told: str
    said: str


@dataclass(frozen=True, slots=True)
class LateTable:
    """The late bodies of one task; `chain` derives their deadline, where it is one."""

    title: str
    chains: tuple[str, ...]
    columns: tuple[str, str, str]
    rows: tuple[LateRow, ...]
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
    """Everything that a mail says, in order."""

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
    """Everything that a brief says, in order."""

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
